// SPDX-License-Identifier: MIT
// A server made with the official package, over standard input and output or at a port. It speaks the revision that
// its client asks for.
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { createServer } from "node:http";
import * as z from "zod/v4";

const text = (value) => ({ content: [{ type: "text", text: value }] });
const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function server() {
  const it = new McpServer({ name: "official", version: "1" });
  it.registerTool(
    "add",
    {
      description: "adds",
      inputSchema: z.object({ a: z.number(), b: z.number() }),
      outputSchema: z.object({ sum: z.number() }),
    },
    async ({ a, b }) => ({ ...text(String(a + b)), structuredContent: { sum: a + b } }),
  );
  it.registerTool("fail", { description: "fails", inputSchema: z.object({}) }, async () => {
    throw new Error("it was not to be");
  });
  it.registerTool(
    "repeat",
    { description: "says much", inputSchema: z.object({ size: z.number() }) },
    async ({ size }) => text("ö".repeat(size)),
  );
  it.registerTool(
    "envelope",
    { description: "shows what came with the call", inputSchema: z.object({}) },
    async (_, context) => text(JSON.stringify(context.mcpReq.envelope ?? context.mcpReq._meta ?? null)),
  );
  it.registerTool(
    "steps",
    { description: "tells its progress", inputSchema: z.object({ last: z.number() }) },
    async ({ last }, context) => {
      const progressToken = context.mcpReq._meta?.progressToken;
      for (let progress = 1; progress <= last; progress++) {
        await context.mcpReq.notify({
          method: "notifications/progress",
          params: { progressToken, progress, total: last, message: "stepping" },
        });
        await delay(50);
      }
      return text("there");
    },
  );
  return it;
}

const port = process.argv[2];
if (port === undefined) serveStdio(server);
else createServer(toNodeHandler(createMcpHandler(server))).listen(Number(port), "127.0.0.1");

// SPDX-License-Identifier: MIT
// A server made with the first generation of the official package: over standard input and output, or with sessions
// at a port.
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import * as z from "zod/v4";

function server() {
  const it = new McpServer({ name: "official-v1", version: "1" });
  it.registerTool(
    "add",
    { description: "adds", inputSchema: { a: z.number(), b: z.number() }, outputSchema: { sum: z.number() } },
    async ({ a, b }) => ({ content: [{ type: "text", text: String(a + b) }], structuredContent: { sum: a + b } }),
  );
  return it;
}

const sessions = new Map();

async function transportFor(request) {
  const id = request.headers["mcp-session-id"];
  if (id !== undefined) return sessions.get(id);
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (session) => void sessions.set(session, transport),
  });
  await server().connect(transport);
  return transport;
}

async function answer(request, response) {
  const transport = await transportFor(request);
  if (transport === undefined) response.writeHead(404).end();
  else await transport.handleRequest(request, response);
}

const port = process.argv[2];
if (port === undefined) await server().connect(new StdioServerTransport());
else createServer(answer).listen(Number(port), "127.0.0.1");

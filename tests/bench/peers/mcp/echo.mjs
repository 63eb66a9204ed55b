// SPDX-License-Identifier: MIT
import { McpServer } from "@modelcontextprotocol/server";
import * as z from "zod/v4";

const inputSchema = z.object({ message: z.string() });

export function echoServer() {
  const server = new McpServer({ name: "echo", version: "1.0" });
  server.registerTool("echo", { description: "Gives back its text.", inputSchema }, async ({ message }) => ({
    content: [{ type: "text", text: message }],
  }));
  return server;
}

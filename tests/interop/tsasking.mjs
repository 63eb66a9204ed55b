// SPDX-License-Identifier: MIT
// A server made with the official package that offers a prompt and resources, and asks its client, over standard
// input and output or at a port. It speaks the revision that its client asks for.
import { toNodeHandler } from "@modelcontextprotocol/node";
import { acceptedContent, createMcpHandler, inputRequired, inputResponse } from "@modelcontextprotocol/server";
import { McpServer, ResourceTemplate } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { createServer } from "node:http";
import * as z from "zod/v4";

const text = (value) => ({ content: [{ type: "text", text: value }] });
const nameSchema = z.object({ name: z.string() });
const colorSchema = z.object({ color: z.string() });

const question = (text) => ({
  messages: [{ role: "user", content: { type: "text", text } }],
  maxTokens: 10,
});

function offer(it) {
  it.registerPrompt("greet", { argsSchema: z.object({ name: z.string() }) }, ({ name }) => ({
    messages: [{ role: "user", content: { type: "text", text: `Greet ${name}.` } }],
  }));
  it.registerResource("first", "note://first", {}, async (uri) => ({
    contents: [{ uri: uri.href, text: "the first note" }],
  }));
  it.registerResource(
    "note",
    new ResourceTemplate("note://by-id/{id}", { list: undefined }),
    {},
    async (uri, { id }) => ({
      contents: [{ uri: uri.href, text: `note ${id}` }],
    }),
  );
}

function ask(it) {
  const tool = (name, handler) => it.registerTool(name, { description: "asks", inputSchema: z.object({}) }, handler);
  tool("ask_name", async (_, { mcpReq }) => {
    const answer = acceptedContent(mcpReq.inputResponses, "name", nameSchema);
    if (answer) return text(`Hello, ${answer.name}!`);
    const name = inputRequired.elicit({ message: "What is your name?", requestedSchema: nameSchema });
    return inputRequired({ inputRequests: { name } });
  });
  tool("ask_model", async (_, { mcpReq }) => {
    const answer = inputResponse(mcpReq.inputResponses, "capital");
    if (answer.kind === "sampling") return text(`It says ${answer.result.content.text}`);
    return inputRequired({ inputRequests: { capital: inputRequired.createMessage(question("Which capital?")) } });
  });
  tool("ask_roots", async (_, { mcpReq }) => {
    const answer = inputResponse(mcpReq.inputResponses, "roots");
    if (answer.kind === "roots") return text(answer.roots.map((root) => root.uri).join());
    return inputRequired({ inputRequests: { roots: inputRequired.listRoots() } });
  });
  tool("ask_twice", async (_, { mcpReq }) => {
    const color = acceptedContent(mcpReq.inputResponses, "color", colorSchema);
    if (color) return text(`${mcpReq.requestState()} likes ${color.color}`);
    const name = acceptedContent(mcpReq.inputResponses, "name", nameSchema);
    if (name) {
      const second = inputRequired.elicit({ message: "Your color?", requestedSchema: colorSchema });
      return inputRequired({ inputRequests: { color: second }, requestState: name.name });
    }
    const first = inputRequired.elicit({ message: "Your name?", requestedSchema: nameSchema });
    return inputRequired({ inputRequests: { name: first } });
  });
}

function server() {
  const it = new McpServer({ name: "asking", version: "1" });
  offer(it);
  ask(it);
  return it;
}

const port = process.argv[2];
if (port === undefined) serveStdio(server);
else createServer(toNodeHandler(createMcpHandler(server))).listen(Number(port), "127.0.0.1");

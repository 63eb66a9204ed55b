// SPDX-License-Identifier: MIT
// The echo tool of echo_tools.c on the official package, over HTTP on the loopback address, without sessions; it says on
// standard output on which port.
import http from "node:http";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { echoServer } from "./echo.mjs";

const server = http.createServer(toNodeHandler(createMcpHandler(echoServer, { responseMode: "json" })));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));

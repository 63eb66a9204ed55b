// SPDX-License-Identifier: MIT
// The echo tool of echo_tools.c on the official package, over standard input and output.
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { echoServer } from "./echo.mjs";

serveStdio(echoServer);

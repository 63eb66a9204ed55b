// SPDX-License-Identifier: MIT
import { done } from "./tap.mjs";
import { clients } from "./clients.mjs";
import { servers } from "./servers.mjs";
import { providers } from "./providers.mjs";
import { webServers } from "./webservers.mjs";

await clients();
await servers();
await webServers();
await providers();
done();

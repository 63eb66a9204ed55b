// SPDX-License-Identifier: MIT
// node main.mjs [PART…]: all parts, or those that are named.
import { done } from "./tap.mjs";
import { clients } from "./clients.mjs";
import { matrixClients } from "./matrix_clients.mjs";
import { matrixFeatures } from "./matrix_features.mjs";
import { matrixServers } from "./matrix_servers.mjs";
import { matrixVisits } from "./matrix_visits.mjs";
import { servers } from "./servers.mjs";
import { providers } from "./providers.mjs";
import { webServers } from "./webservers.mjs";

const parts = { matrixClients, matrixServers, matrixFeatures, matrixVisits, clients, servers, webServers, providers };
const shell = ["langgraph", "conformance", "guard"]; // run.sh runs these
const named = process.argv.slice(2).filter((name) => !shell.includes(name));
for (const name of named) {
  if (Object.hasOwn(parts, name)) continue;
  console.error(`there is no part ${name}; there are: ${Object.keys(parts).join(", ")}`);
  process.exit(2);
}
for (const [name, part] of Object.entries(parts)) if (process.argv.length === 2 || named.includes(name)) await part();
done();

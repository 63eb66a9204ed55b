// SPDX-License-Identifier: MIT
import { done } from "./tap.mjs";
import { clients } from "./clients.mjs";
import { servers } from "./servers.mjs";
import { providers } from "./providers.mjs";

await clients();
await servers();
await providers();
done();

// SPDX-License-Identifier: MIT
// Loaded ahead of servers and bridges that others wrote (node --require): whatever address they listen on, it is
// loopback.
const { Server } = require("node:net");

const listen = Server.prototype.listen;
const isPort = (value) => typeof value === "number" || (typeof value === "string" && /^\d+$/.test(value));

Server.prototype.listen = function (...args) {
  const [first] = args;
  if (isPort(first)) {
    const callback = args.find((arg) => typeof arg === "function");
    return listen.call(this, { port: Number(first), host: "127.0.0.1" }, callback);
  }
  if (first !== null && typeof first === "object" && isPort(first.port)) args[0] = { ...first, host: "127.0.0.1" };
  return listen.apply(this, args);
};

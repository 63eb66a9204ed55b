// SPDX-License-Identifier: MIT
// TAP rows, and running programs.
import { spawn } from "node:child_process";

let count = 0,
  failed = 0;

export async function row(name, body) {
  count++;
  try {
    await body();
    console.log(`ok ${count} - ${name}`);
  } catch (error) {
    failed++;
    console.log(`not ok ${count} - ${name}`);
    console.error(`${name}: ${error.stack ?? error}`);
  }
}

export function done() {
  console.log(`1..${count}`);
  process.exit(failed > 0 ? 1 : 0);
}

export function check(condition, text) {
  if (!condition) throw new Error(text);
}

// Runs a program to its end: { code, out, err }. Its whole process group ends after `timeout` milliseconds.
export function run(command, args, { env = {}, input = "", timeout = 60000 } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env: { ...process.env, ...env }, detached: true });
    let out = "",
      err = "";
    child.stdout.setEncoding("utf8"); // a character may come in two parts
    child.stderr.setEncoding("utf8");
    child.stdout.on("data", (data) => (out += data));
    child.stderr.on("data", (data) => (err += data));
    const timer = setTimeout(() => process.kill(-child.pid, "SIGKILL"), timeout);
    child.on("error", (error) => {
      clearTimeout(timer);
      resolve({ code: -1, out, err: String(error) });
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, out, err });
    });
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

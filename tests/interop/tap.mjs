// SPDX-License-Identifier: MIT
// TAP rows, and running programs.
import { spawn } from "node:child_process";

let count = 0,
  skippedCount = 0,
  failed = 0;

class Skipped extends Error {}

// Within a row: it is one that cannot be looked at here.
export function skipped(reason) {
  throw new Skipped(reason);
}

export async function row(name, body) {
  count++;
  try {
    const note = await within(60000, (async () => body())());
    console.log(`ok ${count} - ${name}`);
    return `ok ${note ?? ""}`.trim();
  } catch (error) {
    if (error instanceof Skipped) {
      skippedCount++;
      console.log(`ok ${count} - ${name} # SKIP ${error.message}`);
      return "skip";
    }
    failed++;
    console.log(`not ok ${count} - ${name}`);
    console.error(`${name}: ${error.stack ?? error}`);
    return "FAIL";
  }
}

function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took more than ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// Rows that are cells of a table, which is printed when all of them are there. What a cell's body returns stands in it.
export class Matrix {
  constructor(title, columns) {
    this.title = title;
    this.columns = columns;
    this.lines = new Map();
  }

  async cell(line, column, body) {
    this.put(line, column, await row(`${this.title}: ${line}, ${column}`, body));
  }

  put(line, column, value) {
    if (!this.columns.includes(column)) throw new Error(`the table "${this.title}" has no column ${column}`);
    this.lines.set(line, { ...this.lines.get(line), [column]: value });
  }

  print() {
    const table = [[this.title, ...this.columns]];
    for (const [line, cells] of this.lines) table.push([line, ...this.columns.map((column) => cells[column] ?? "-")]);
    const widths = table[0].map((_, i) => Math.max(...table.map((cells) => cells[i].length)));
    for (const cells of table) console.log(`# | ${cells.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`);
  }
}

export function done() {
  if (skippedCount > 0) console.log(`# ${skippedCount} skipped`);
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

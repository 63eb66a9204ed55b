// SPDX-License-Identifier: MIT
// Which checks each scenario of a conformance run made, against the committed list: a count tells neither which scenario
// lost a check nor that another one won it.
//   node checks.mjs RUN FOLDER LIST     prints "not ok"-worthy lines: a check of the list that did not pass in this run,
//                                       by its scenario; exit code 1 when there are any. New ones are told as comments.
//   node checks.mjs RUN FOLDER          prints the lines of the list for this run
// A line: RUN SCENARIO ID. A check that a scenario made several times must have passed each time.
import fs from "node:fs";
import path from "node:path";

const [run, folder, list] = process.argv.slice(2);
const passed = new Set(), others = new Map();

function walk(at, inside) {
  for (const entry of fs.readdirSync(at, {withFileTypes: true})) {
    const full = path.join(at, entry.name);
    if (entry.isDirectory()) walk(full, [...inside, entry.name]);
    else if (entry.name === "checks.json") take(full, inside.join("/").replace(/-\d{4}-\d\d-\d\dT[\d-]+Z/g, ""));
  }
}

function take(file, scenario) {
  for (const check of JSON.parse(fs.readFileSync(file, "utf8"))) {
    const line = `${run} ${scenario} ${check.id}`;
    if (check.status === "SUCCESS") passed.add(line);
    else if (check.status !== "INFO") others.set(line, check.status);
  }
}

walk(folder, []);
for (const line of others.keys()) passed.delete(line);
const made = [...passed].sort();
if (list === undefined) {
  console.log(made.join("\n"));
} else {
  const wanted = fs.readFileSync(list, "utf8").split("\n").filter((line) => line.startsWith(`${run} `));
  const known = new Set(wanted), lost = wanted.filter((line) => !passed.has(line));
  for (const line of lost) console.log(`# lost: ${line}${others.has(line) ? ` (${others.get(line)})` : ""}`);
  for (const line of made) if (!known.has(line)) console.log(`# new: ${line}`);
  if (wanted.length === 0) console.log(`# the list has nothing of ${run}`);
  process.exit(lost.length > 0 || wanted.length === 0 ? 1 : 0);
}

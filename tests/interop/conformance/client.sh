#!/bin/sh
# SPDX-License-Identifier: MIT
# fairlead's client against the official conformance suite (an npm package, pinned in package.json beside this file): the
# requirements of both revisions, and every scenario that the suite has. A scenario can pass without a check, so the
# checks are compared with checks.txt, too. Prints TAP. Where the suite cannot be installed: a skipped row, never a passed one.
set -u
cd "$(dirname "$0")/../../.." || exit 1
modules=$PWD/build/conformance
client=${FL_CONFORMANCE_CLIENT:-$PWD/build/conformance-client}
number=0 failed=0

row() { # ok? text
  number=$((number + 1))
  [ "$1" = 0 ] && echo "ok $number - $2" && return
  echo "not ok $number - $2"
  failed=1
}
skip_all() { echo "ok 1 - conformance of the client # SKIP $1"; echo "1..1"; exit 0; }

[ -x "$client" ] || { echo "not ok 1 - $client is not built"; echo "1..1"; exit 1; }
command -v npm >/dev/null || skip_all "npm is not to be had here"
mkdir -p "$modules"
cp tests/interop/conformance/package.json "$modules"/ && cp tests/interop/npmrc "$modules/.npmrc"
if ! cmp -s "$modules/package.json" "$modules/installed.json"; then
  (cd "$modules" && npm install --no-package-lock --ignore-scripts >npm.log 2>&1 &&
    cd node_modules/node && node installArchSpecificPackage.js >>../../npm.log 2>&1) ||
    { cat "$modules/npm.log" >&2; skip_all "npm install failed"; }
  cp "$modules/package.json" "$modules/installed.json"
fi
PATH=$modules/node_modules/node/bin:$modules/node_modules/.bin:$PATH
export PATH
node --version | grep -qE '^v(2[2-9]|[3-9][0-9])\.' || skip_all "node 22 did not install"

# Statuses of all checks of a run, from the checks.json of each scenario.
count() { # folder status
  node -e '
    const fs = require("fs"), path = require("path");
    let count = 0;
    const walk = (folder) => fs.readdirSync(folder, {withFileTypes: true}).forEach((entry) => {
      const full = path.join(folder, entry.name);
      if (entry.isDirectory()) return walk(full);
      if (entry.name !== "checks.json") return;
      for (const check of JSON.parse(fs.readFileSync(full, "utf8"))) count += check.status === process.argv[2];
    });
    walk(process.argv[1]);
    console.log(count);' "$1" "$2"
}

run() { # name checks-at-least options…
  name=$1 least=$2
  shift 2
  out=$modules/results/client-$name
  rm -rf "$out" && mkdir -p "$out"
  conformance client --command "$client" "$@" -o "$out" >"$out/log.txt" 2>&1
  code=$?
  passed=$(count "$out" SUCCESS) wrong=$(count "$out" FAILURE)
  [ $code = 0 ] || tail -60 "$out/log.txt" | sed 's/^/# /'
  row $code "client $name: exit $code"
  [ "$wrong" = 0 ]; row $? "client $name: no check failed ($wrong)"
  [ "$passed" -ge "$least" ]; row $? "client $name: $passed checks passed, at least $least"
  node tests/interop/conformance/checks.mjs "client-$name" "$out" tests/interop/conformance/checks.txt
  row $? "client $name: each scenario makes the checks of checks.txt, and they pass"
}

run 2025-11-25 300 --requirements 2025-11-25
run 2026-07-28 470 --requirements 2026-07-28
run all 500 --suite all
echo "1..$number"
exit $failed

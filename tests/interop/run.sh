#!/bin/sh
# SPDX-License-Identifier: MIT
# fairlead against clients and servers that others wrote (npm packages, pinned in package.json), and its semantics against
# LangGraph for Python and for JS (langgraph.sh). Prints TAP. Peers that cannot be installed here are a skipped row, never a
# passed one.
set -u
cd "$(dirname "$0")/../.." || exit 1
. examples/packages.sh
modules=$PWD/build/interop
export FAIRLEAD="$PWD/build/fairlead" FL_ROOT="$PWD"

sh tests/interop/langgraph.sh
status=$?
sh tests/interop/conformance/client.sh || status=1

skip_all() { echo "ok 1 - interop # SKIP $1"; echo "1..1"; exit $status; }

command -v npm >/dev/null || need_packages nodejs npm >&2 || skip_all "npm is not to be had here"
mkdir -p "$modules"
cp tests/interop/package.json tests/interop/npmrc "$modules"/ && mv "$modules/npmrc" "$modules/.npmrc"
if ! cmp -s "$modules/package.json" "$modules/installed.json"; then
  (cd "$modules" && npm install --no-package-lock --ignore-scripts >npm.log 2>&1 &&
    cd node_modules/node && node installArchSpecificPackage.js >>../../npm.log 2>&1) ||
    { cat "$modules/npm.log" >&2; skip_all "npm install failed"; }
  cp "$modules/package.json" "$modules/installed.json"
fi
# npm has made no link to bin/node, which came later, by the package's install script.
PATH=$modules/node_modules/node/bin:$modules/node_modules/.bin:$PATH
export PATH
cp tests/interop/*.mjs "$modules"/
node --version | grep -qE '^v(2[2-9]|[3-9][0-9])\.' || skip_all "node 22 did not install"
(cd "$modules" && node guard.mjs) || status=1
cd "$modules" && node main.mjs && exit $status
exit 1

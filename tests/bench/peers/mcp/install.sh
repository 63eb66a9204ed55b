#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the MCP SDK for TypeScript with its node, and prints the path of that node; what cannot be had here is said on
# standard error ("skipped: …"), with exit code 1. The servers are then FOLDER/stdio.mjs and FOLDER/http.mjs.
#   sh tests/bench/peers/mcp/install.sh FOLDER
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 1
root=$(cd "$here/../../../.." && pwd)
. "$root/examples/packages.sh"
skip() { echo "skipped: the MCP SDK for TypeScript: $1" >&2; exit 1; }

mkdir -p "$1" && cd "$1" || exit 1
command -v npm >/dev/null || need_packages nodejs npm >&2 || skip "npm is not to be had here"
cp "$root/tests/interop/npmrc" .npmrc && cp "$here"/*.mjs . || exit 1
if ! cmp -s "$here/package.json" installed.json; then
  cp "$here/package.json" package.json
  { npm install --no-package-lock --ignore-scripts && (cd node_modules/node && node installArchSpecificPackage.js); } \
    >npm.log 2>&1 || skip "its packages cannot be installed: $PWD/npm.log"
  cp "$here/package.json" installed.json
fi
node_modules/node/bin/node --version | grep -qE '^v(2[2-9]|[3-9][0-9])\.' || skip "node 22 did not install"
echo "$PWD/node_modules/node/bin/node"

#!/bin/sh
# SPDX-License-Identifier: MIT
# fairlead against clients and servers that others wrote (npm packages, pinned in package.json, and Python packages, pinned in
# python/requirements*.txt), and its semantics against LangGraph for Python and for JS (langgraph.sh). Prints TAP, with tables of
# who met whom as comments. Peers that cannot be installed here are a skipped row, never a passed one.
#   sh tests/interop/run.sh [PART…]     parts: langgraph, otlp, conformance, guard, and those of main.mjs (default: all)
set -u
cd "$(dirname "$0")/../.." || exit 1
. examples/packages.sh
modules=$PWD/build/interop
export FAIRLEAD="$PWD/build/fairlead" FL_ROOT="$PWD" FL_MCP_PYTHON="$PWD/build/mcp-python"

parts=$*
# Is the part asked for?
wants() {
  case " $parts " in
    '  ' | *" $1 "*) return 0 ;;
  esac
  return 1
}

status=0
! wants langgraph || sh tests/interop/langgraph.sh || status=1
! wants otlp || sh tests/interop/otlp.sh || status=1
! wants conformance || sh tests/interop/conformance/client.sh || status=1

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
cp tests/interop/*.mjs tests/interop/*.cjs "$modules"/

# Two generations of the Python packages, which do not go together. Without them their rows are skipped.
install_python() { # folder requirements
  cmp -s "$2" "$1/installed.txt" && return
  rm -rf "$1"
  python3 -m venv "$1" >"$1.log" 2>&1 && "$1/bin/pip" install -q -r "$2" >>"$1.log" 2>&1 &&
    cp "$2" "$1/installed.txt" || { cat "$1.log" >&2; rm -rf "$1"; }
}
install_python "$FL_MCP_PYTHON" tests/interop/python/requirements.txt
install_python "$FL_MCP_PYTHON-1" tests/interop/python/requirements-1.txt
node --version | grep -qE '^v(2[2-9]|[3-9][0-9])\.' || skip_all "node 22 did not install"
! wants guard || (cd "$modules" && node guard.mjs) || status=1
cd "$modules" && node main.mjs "$@" && exit $status
exit 1

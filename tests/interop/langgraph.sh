#!/bin/sh
# SPDX-License-Identifier: MIT
# The semantics against LangGraph for Python (pinned in langgraph/requirements.txt): the cases of tests/golden/semantics, and
# random graphs (tests/sim/shape.c) as far as build-test has the program that draws them. Prints TAP.
#   sh tests/interop/langgraph.sh [NAME…]         the cases of these files (default: all of them, and 40 random graphs)
#   sh tests/interop/langgraph.sh --all           all files, and 2,000 random graphs
#   sh tests/interop/langgraph.sh --seeds FROM N  random graphs only
set -u
cd "$(dirname "$0")/../.." || exit 1
root=$PWD
venv=$root/build/langgraph

skip_all() { echo "ok 1 - LangGraph # SKIP $1"; echo "1..1"; exit 0; }

command -v python3 >/dev/null || skip_all "python3 is not to be had here"
mkdir -p "$root/build"
if ! cmp -s tests/interop/langgraph/requirements.txt "$venv/installed.txt"; then
  python3 -m venv "$venv" >"$root/build/langgraph.log" 2>&1 &&
    "$venv/bin/pip" install -q -r tests/interop/langgraph/requirements.txt >>"$root/build/langgraph.log" 2>&1 ||
    { cat "$root/build/langgraph.log" >&2; skip_all "pip install failed"; }
  cp tests/interop/langgraph/requirements.txt "$venv/installed.txt"
fi
files='' first=0 seeds=0
case "${1:-}" in
  --all) seeds=2000; shift ;;
  --seeds) first=$2 seeds=$3; shift 3; files=none ;;
  '') seeds=40 ;;
esac
for name in "$@"; do files="$files $root/tests/golden/semantics/${name%.json}.json"; done
[ -n "$files" ] || files=$(ls "$root"/tests/golden/semantics/*.json)
[ "$files" != none ] || files=
draw=build-test/tests/sim/test-sim-reference
if [ "$seeds" -gt 0 ] && [ -x $draw ]; then
  $draw --cases "$first" "$seeds" >build/generated.json &&
    build-test/tests/semantics/test-semantics --accept "$root/build/generated.json" >build/generated.tap ||
    { echo "not ok - random graphs cannot be played"; exit 1; }
  files="$files $root/build/generated.json"
fi
# shellcheck disable=SC2086
cd tests/interop/langgraph && PYTHONDONTWRITEBYTECODE=1 exec "$venv/bin/python" compare.py $files

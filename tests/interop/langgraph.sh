#!/bin/sh
# SPDX-License-Identifier: MIT
# The semantics against LangGraph, for Python (pinned in langgraph/requirements.txt) and for JS (langgraphjs/package.json): the
# cases of tests/golden/semantics, and random graphs (tests/sim/shape.c) as far as build-test has the program that draws
# them. Prints TAP, for each of the two.
#   sh tests/interop/langgraph.sh [NAME…]         the cases of these files (default: all of them, and 40 random graphs)
#   sh tests/interop/langgraph.sh --all           all files, and 2,400 random graphs, so that well over 2,000 of them can be
#                                                 compared with JS, too ("A join beside another way")
#   sh tests/interop/langgraph.sh --seeds FROM N  random graphs only
#   sh tests/interop/langgraph.sh --python …      one of the two only; or --js …
set -u
cd "$(dirname "$0")/../.." || exit 1
. examples/packages.sh
root=$PWD
venv=$root/build/langgraph
modules=$root/build/langgraphjs
work=$root/build/generated
cases=$root/tests/golden/semantics

skip() { echo "ok 1 - LangGraph for $1 # SKIP $2"; echo "1..1"; }

# ---- what to compare ----

peers='python js'
case "${1:-}" in
  --python | --js) peers=${1#--}; shift ;;
esac
files='' first=0 seeds=0
case "${1:-}" in
  --all) seeds=2400; shift ;;
  --seeds) first=$2 seeds=$3; shift 3; files=none ;;
  '') seeds=40 ;;
esac
for name in "$@"; do files="$files $cases/${name%.json}.json"; done
[ -n "$files" ] || files=$(ls "$cases"/*.json)
[ "$files" != none ] || files=
mkdir -p "$root/build"
draw=build-test/tests/sim/test-sim-reference
if [ "$seeds" -gt 0 ] && [ -x $draw ]; then
  $draw --cases "$first" "$seeds" >"$work.json" &&
    build-test/tests/semantics/test-semantics --accept "$work.json" >"$work.tap" ||
    { echo "not ok - random graphs cannot be played"; exit 1; }
  files="$files $work.json"
fi

# ---- the two ----

compare_python() {
  command -v python3 >/dev/null || { skip Python "python3 is not to be had here"; return 0; }
  if ! cmp -s tests/interop/langgraph/requirements.txt "$venv/installed.txt"; then
    python3 -m venv "$venv" >"$venv.log" 2>&1 &&
      "$venv/bin/pip" install -q -r tests/interop/langgraph/requirements.txt >>"$venv.log" 2>&1 ||
      { cat "$venv.log" >&2; skip Python "pip install failed"; return 0; }
    cp tests/interop/langgraph/requirements.txt "$venv/installed.txt"
  fi
  # shellcheck disable=SC2086
  (cd tests/interop/langgraph && PYTHONDONTWRITEBYTECODE=1 exec "$venv/bin/python" compare.py $files)
}

compare_js() {
  command -v python3 >/dev/null || { skip JS "python3, which compares, is not to be had here"; return 0; }
  command -v npm >/dev/null || need_packages nodejs npm >&2 || { skip JS "npm is not to be had here"; return 0; }
  mkdir -p "$modules"
  cp tests/interop/langgraphjs/package.json "$modules"/ && cp tests/interop/npmrc "$modules/.npmrc"
  if ! cmp -s "$modules/package.json" "$modules/installed.json"; then
    (cd "$modules" && npm install --no-package-lock --ignore-scripts >npm.log 2>&1 &&
      cd node_modules/node && node installArchSpecificPackage.js >>../../npm.log 2>&1) ||
      { cat "$modules/npm.log" >&2; skip JS "npm install failed"; return 0; }
    cp "$modules/package.json" "$modules/installed.json"
  fi
  cp tests/interop/langgraphjs/*.mjs "$modules"/
  # shellcheck disable=SC2086
  (cd "$modules" && PATH=$modules/node_modules/node/bin:$PATH PYTHONDONTWRITEBYTECODE=1 \
    exec python3 "$root/tests/interop/langgraph/compare.py" --js ./play.mjs $files)
}

status=0
for peer in $peers; do
  echo "# LangGraph for $peer"
  "compare_$peer" || status=1
done
exit $status

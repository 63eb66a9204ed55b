#!/bin/sh
# SPDX-License-Identifier: MIT
# The official conformance suite of MCP (pinned in package.json) against conformance-server, an ordinary program on the
# public headers. Prints TAP: each scenario of the frozen sets of two revisions and of the whole suite, what the sets say of
# themselves, and which checks there were (checks.txt), since a scenario can pass without any.
#   sh tests/interop/conformance/run.sh [PORT]      FL_BUILD: the folder of the build (default: build)
set -u
cd "$(dirname "$0")/../../.." || exit 1
. examples/packages.sh
build=${FL_BUILD:-build}
port=${1:-18731}
modules=$PWD/$build/conformance
url=http://localhost:$port/mcp
count=0 failed=0 server=

row() { # STATUS NAME
  count=$((count + 1))
  if [ "$1" -eq 0 ]; then echo "ok $count - $2"; else echo "not ok $count - $2"; failed=$((failed + 1)); fi
}
skip_all() { echo "ok 1 - conformance # SKIP $1"; echo "1..1"; exit 0; }
stop() { [ -z "$server" ] || kill "$server" 2>/dev/null; }
trap stop EXIT INT TERM

command -v npm >/dev/null || need_packages nodejs npm >&2 || skip_all "npm is not to be had here"
mkdir -p "$modules"
cp tests/interop/conformance/package.json "$modules"/ && cp tests/interop/npmrc "$modules/.npmrc"
if ! cmp -s "$modules/package.json" "$modules/installed.json"; then
  (cd "$modules" && npm install --no-package-lock --ignore-scripts >npm.log 2>&1 &&
    cd node_modules/node && node installArchSpecificPackage.js >>../../npm.log 2>&1) ||
    { cat "$modules/npm.log" >&2; skip_all "npm install failed"; }
  cp "$modules/package.json" "$modules/installed.json"
fi
PATH=$modules/node_modules/node/bin:$PATH
export PATH
node --version | grep -qE '^v(2[2-9]|[3-9][0-9])\.' || skip_all "node 22 did not install"

"$build/conformance-server" --skills tests/interop/conformance/skills --port "127.0.0.1:$port" 2>"$modules/server.log" &
server=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
  grep -q listening "$modules/server.log" && break
  sleep 0.2
done

# One row for each scenario of the summary; a scenario that the suite itself skips has no check and is told as skipped.
scenarios() { # NAME FILE
  while IFS= read -r line; do
    text=${line#* }
    scenario=${text%%:*}
    case $line in
    *": 0 passed, 0 failed"*) [ "$scenario" = tasks-status-notifications ]; row $? "$1: $scenario (nothing to check)" ;;
    "✓ "*) row 0 "$1: $text" ;;
    "✗ "*) row 1 "$1: $text"; grep -hA8 "\"$scenario\"" "$2" >&2 ;;
    esac
  done <<LINES
$(sed -n '/=== SUMMARY ===/,/^Total:/p' "$2" | grep -E '^(✓|✗) ')
LINES
}

unscored_of() { sed -n 's/^Not scored for .*: \([0-9]*\) scenario(s) run.*/\1/p' "$1"; }
# "SCENARIOS CHECKS": how many scenarios that are scored pass, and how many of their checks.
scored_of() {
  sed -n '/^Not scored/,$p' "$1" | sed -n 's/^  [✓✗] \([^ ]*\) .*/\1/p' >"$1.unscored"
  sed -n '/=== SUMMARY ===/,/^Total:/p' "$1" | sed -n 's/^\([✓✗]\) \([^:]*\): \([0-9]*\) passed.*/\1 \2 \3/p' |
    awk 'NR == FNR { out[$1] = 1; next } !($2 in out) && $1 == "✓" { s++; n += $3 } END { print s + 0, n + 0 }' \
      "$1.unscored" -
}

run() { # NAME OPTIONS…
  name=$1
  shift
  rm -rf "$modules/results-$name"
  (cd "$modules" && exec node node_modules/@modelcontextprotocol/conformance/dist/index.js server --url "$url" "$@" \
    -o "results-$name" >"$name.out" 2>&1)
}

# The checks of each scenario, by their ids: none of the committed list may be missing.
checks() { # NAME
  node tests/interop/conformance/checks.mjs "server-$1" "$modules/results-$1" tests/interop/conformance/checks.txt
  row $? "$1: each scenario makes the checks of checks.txt, and they pass"
}

requirements() { # REVISION SCENARIOS UNSCORED CHECKS
  run "$1" --requirements "$1"
  row $? "$1: the suite is content"
  scenarios "$1" "$modules/$1.out"
  unscored=$(unscored_of "$modules/$1.out")
  both=$(scored_of "$modules/$1.out")
  scored=${both% *} checks=${both#* }
  [ "$scored" -eq "$2" ]; row $? "$1: $scored of $2 scored scenarios pass"
  [ "${unscored:-0}" -eq "$3" ]; row $? "$1: ${unscored:-0} of $3 others were run"
  [ "$checks" -ge "$4" ]; row $? "$1: $checks checks of scored scenarios, at least $4"
  checks "$1"
}

requirements 2025-11-25 30 3 70
requirements 2026-07-28 37 13 120
run all --suite all
row $? "all: the suite is content"
scenarios all "$modules/all.out"
[ "$(grep -cE '^✓ (sep-2640-skills|tasks-)' "$modules/all.out")" -eq 13 ]
row $? "all: ten scenarios of tasks and three of skills"
checks all
kill -0 "$server" 2>/dev/null; row $? "the server is still there"
kill "$server"; wait "$server"; row $? "the server ends when it is told to"
server=
echo "1..$count"
[ "$failed" -eq 0 ]

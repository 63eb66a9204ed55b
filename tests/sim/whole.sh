#!/bin/sh
# SPDX-License-Identifier: MIT
# The whole of the simulation against the naive executor: 100,000 random graphs, in parts of 1,000 seeds, with a build of
# its own (release, build-sim; five minutes of CPU). Prints TAP, a row for each part.
#   sh tests/sim/whole.sh [FIRST COUNT]    seeds FIRST to FIRST + COUNT - 1, in thousands begun (default: 0 100000)
set -u
cd "$(dirname "$0")/../.." || exit 1
[ -f build-sim/build.ninja ] || meson setup build-sim --buildtype=release >/dev/null || exit 1
ninja -C build-sim tests/sim/test-sim-reference >/dev/null || exit 1
first=${1:-0} end=$((${1:-0} + ${2:-100000})) row=0 failed=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT INT TERM
while [ "$first" -lt "$end" ]; do
  row=$((row + 1)) count=$((end - first < 1000 ? end - first : 1000))
  if build-sim/tests/sim/test-sim-reference "$first" $count >"$out" 2>&1; then
    echo "ok $row - from $first on:$(grep ' graphs, ' "$out" | cut -c2-)"
  else
    echo "not ok $row - from $first on"
    cat "$out" >&2
    failed=1
  fi
  first=$((first + count))
done
echo "1..$row"
exit $failed

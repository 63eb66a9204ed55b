#!/bin/sh
# SPDX-License-Identifier: MIT
# A million hostile replies of a model through the whole engine, under a manifest, in parts of 50,000, with a build of its own
# (release, build-sim). Prints TAP, a row for each part.
#   sh tests/sim/hostile.sh [--all | COUNT]    how many replies (default: 50000; --all: 1000000)
set -u
cd "$(dirname "$0")/../.." || exit 1
[ -f build-sim/build.ninja ] || meson setup build-sim --buildtype=release >/dev/null || exit 1
ninja -C build-sim tests/sim/test-sim-hostile-model >/dev/null || exit 1
count=${1:-50000}
[ "$count" != --all ] || count=1000000
first=0 row=0 failed=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT INT TERM
while [ "$first" -lt "$count" ]; do
  row=$((row + 1)) part=$((count - first < 50000 ? count - first : 50000))
  # a life takes one seed and at least one reply, so that no part plays a seed of another
  if build-sim/tests/sim/test-sim-hostile-model "$first" $part >"$out" 2>&1; then
    echo "ok $row -$(grep ' hostile replies ' "$out" | cut -c2-)"
  else
    echo "not ok $row - replies from $first on"
    cat "$out" >&2
    failed=1
  fi
  first=$((first + part))
done
echo "1..$row"
exit $failed

#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the benchmarks (release) and runs them: each prints ratios to a floor or peer of the same run, and limits.
#   sh tests/bench/run.sh [NAME…]     json store graph thread start mcp memory
set -u
cd "$(dirname "$0")/../.." || exit 1
. examples/packages.sh
# shellcheck disable=SC2086
need_packages $packages_build libcmocka-dev || exit 1
[ -f build-bench/build.ninja ] || meson setup build-bench --buildtype=release >/dev/null || exit 1
ninja -C build-bench >build-bench/build.log 2>&1 || { tail -40 build-bench/build.log; exit 1; }
export FL_BUILD_ROOT="$PWD/build-bench" FL_SOURCE_ROOT="$PWD"
code=0
for name in ${*:-json graph store thread start mcp memory}; do
  echo "== $name"
  "build-bench/tests/bench/bench-$name" || code=1
done
echo "== size"
ls -l build-bench/fairlead build-bench/fairlead-net.so build-bench/fairlead-launch | awk '{ print $5, $9 }'
strip -o build-bench/fairlead.stripped build-bench/fairlead && ls -l build-bench/fairlead.stripped | awk '{ print $5, "fairlead, stripped" }'
ldd build-bench/fairlead | awk '{ print "needs", $1 }'
exit $code

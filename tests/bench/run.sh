#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the benchmarks (release) and runs them: each prints ratios to a floor or peer of the same run, and limits; then the
# peers that can be installed here (peers/run.sh), and a table of theirs beside ours (which "peers" alone measures, too).
# The exit code is 1 when a limit is not kept; peers that are not to be had are counted as skipped, each with the reason.
#   sh tests/bench/run.sh [NAME…]     json graph engine store thread waiting start mcp mcp-large http memory policy sandbox
#     seal trace
#     peers
set -u
cd "$(dirname "$0")/../.." || exit 1
. examples/packages.sh
# shellcheck disable=SC2086
need_packages $packages_build libcmocka-dev || exit 1
[ -f build-bench/build.ninja ] || meson setup build-bench --buildtype=release >/dev/null || exit 1
ninja -C build-bench benchmarks fairlead fairlead-net.so fairlead-launch >build-bench/build.log 2>&1 ||
  { tail -40 build-bench/build.log; exit 1; }
export FL_BUILD_ROOT="$PWD/build-bench" FL_SOURCE_ROOT="$PWD"
ours=build-bench/figures.txt theirs=build-bench/peers.json code=0 skipped=0
: >$ours
case " ${*:-mcp} " in
*" mcp "* | *" http "*)
  if FL_BENCH_NODE=$(sh tests/bench/peers/mcp/install.sh build-bench/mcp-peers 2>build-bench/mcp-peers.log); then
    export FL_BENCH_NODE FL_BENCH_TYPESCRIPT="$PWD/build-bench/mcp-peers"
  else
    cat build-bench/mcp-peers.log
    skipped=1
  fi
  ;;
esac
names=${*:-json graph engine store thread waiting start mcp mcp-large http memory policy sandbox seal trace peers}
case " $names " in
*" peers "*) # what the table compares comes from these
  for name in start waiting thread engine; do
    case " $names " in *" $name "*) ;; *) names="$name $names" ;; esac
  done
  ;;
esac
# shellcheck disable=SC2086
for name in $names; do
  echo "== $name"
  if [ "$name" = peers ]; then
    sh tests/bench/peers/run.sh build-bench/peers >$theirs 2>build-bench/peers.log
    grep '^skipped: ' build-bench/peers.log
    skipped=$((skipped + $(grep -c '^skipped: ' build-bench/peers.log)))
    awk -f tests/bench/peers/table.awk $ours $theirs | tee build-bench/table.txt
  else
    "build-bench/tests/bench/bench-$name" >build-bench/one.txt || code=1
    cat build-bench/one.txt
    cat build-bench/one.txt >>$ours
  fi
done
echo "== size"
ls -l build-bench/fairlead build-bench/fairlead-net.so build-bench/fairlead-launch | awk '{ print $5, $9 }'
strip -o build-bench/fairlead.stripped build-bench/fairlead && ls -l build-bench/fairlead.stripped | awk '{ print $5, "fairlead, stripped" }'
ldd build-bench/fairlead | awk '{ print "needs", $1 }'
echo "$(grep -cE ' ok$' $ours) limits kept, $(grep -cE ' (LOW|HIGH)$' $ours) not, $skipped peers or jobs of theirs skipped"
exit $code

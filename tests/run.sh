#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what is missing, builds, and runs every test. The last line states the count.
#   sh tests/run.sh [SUITE…]     suites: unit sim house fuzz cli install kill contend life sandbox secrets hostile interop
#     conformance instructions (default: all)
# Builds: build-test (ASan and UBSan) for tests in the process, build (as users have it) for tests of the program.
set -u
cd "$(dirname "$0")/.." || exit 1
. examples/packages.sh
suites="${*:-unit sim house fuzz cli install kill contend life sandbox secrets hostile interop conformance instructions}"
log=build-test/run
passed=0 failed=0 skipped=0

has_suite() { case " $suites " in *" $1 "*) return 0 ;; esac; return 1; }

# Adds up the TAP lines of a file; a program that died without a failing line counts as one failure (second argument).
count_tap() {
  ok=$(grep -c '^ok ' "$1"); skip=$(grep -c '^ok .*# SKIP' "$1"); bad=$(grep -c '^not ok ' "$1")
  [ "$bad" -ge "$2" ] || bad=$2
  passed=$((passed + ok - skip)) skipped=$((skipped + skip)) failed=$((failed + bad))
  echo "$3: $((ok - skip)) passed, $bad failed, $skip skipped"
}

# shellcheck disable=SC2086
need_packages $packages_build libcmocka-dev strace sqlite3 zlib1g-dev || exit 1
[ -f build-test/build.ninja ] || meson setup build-test -Db_sanitize=address,undefined -Db_lundef=false || exit 1
ninja -C build-test || exit 1
[ -f build/build.ninja ] || meson setup build --buildtype=release -Dtests=false || exit 1
ninja -C build || exit 1
mkdir -p $log

[ -d ../shared/data ] || [ -n "${FL_SHARED:-}" ] || echo "skipped: no ../shared (the suites that others wrote are not run)"
for suite in unit sim house fuzz; do
  has_suite $suite || continue
  meson test -C build-test --no-rebuild --suite $suite --logbase $suite >$log/$suite.out 2>&1
  bad=$(awk '/^(Fail|Timeout|Unexpected Pass):/ { n += $NF } END { print n + 0 }' $log/$suite.out)
  count_tap build-test/meson-logs/$suite.txt "$bad" $suite
  [ "$bad" -eq 0 ] || { grep -E '(FAIL|ERROR|TIMEOUT)' $log/$suite.out; grep -A4 '^not ok ' build-test/meson-logs/$suite.txt | head -100; }
done

# Suites that are programs of their own: they print TAP.
for suite in cli install kill contend life sandbox secrets hostile interop conformance instructions; do
  has_suite $suite || continue
  script=tests/$suite/run.sh
  [ $suite != instructions ] || script=tests/bench/instructions.sh
  [ $suite != conformance ] || script=tests/interop/conformance/run.sh
  sh $script >$log/$suite.tap 2>$log/$suite.err
  status=$?
  [ $status -eq 0 ] || status=1
  count_tap $log/$suite.tap $status $suite
  grep '^# ' $log/$suite.tap
  grep '^not ok ' $log/$suite.tap && tail -40 $log/$suite.err
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]

#!/bin/sh
# SPDX-License-Identifier: MIT
# Fuzzes for long, with clang's libFuzzer and the sanitizers of addresses and of undefined behaviour, in a build of its own
# (build-fuzz): the targets take turns of five minutes, one process at a time. Prints TAP, a row for each target.
#   sh tests/fuzz/long.sh [--minutes N] [TARGET…]     N: of all together (default: 60)
#     TARGET: fuzz_TARGET.c in this folder (default: decide manifest canonical url, what a decision of a manifest rests on)
# What is learnt stays in build-fuzz/corpus/TARGET and is where the next run begins; a finding is kept in build-fuzz/found.
#   sh tests/fuzz/long.sh --minimise TARGET…           the smallest part of what was learnt, in build-fuzz/small/TARGET
set -u
cd "$(dirname "$0")/../.." || exit 1
. examples/packages.sh
minutes=60 minimise=no turn_s=300
while [ $# -gt 0 ]; do
  case "$1" in
    --minutes) minutes=${2:?how many minutes?}; shift 2 ;;
    --minimise) minimise=yes; shift ;;
    -*) echo "long.sh: there is no option $1" >&2; exit 2 ;;
    *) break ;;
  esac
done
[ $# -gt 0 ] || set -- decide manifest canonical url

# The version of clang must be one that has libFuzzer's library; not every package of clang does.
clang_works() {
  printf 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n); int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return 0; }' |
    clang -fsanitize=fuzzer,address -x c -o /dev/null - 2>/dev/null
}
# shellcheck disable=SC2086
clang_works || need_packages $packages_build libcmocka-dev clang || true
clang_works || { echo "1..0 # SKIP there is no clang with libFuzzer here"; exit 0; }

b=build-fuzz
[ -f $b/build.ninja ] || CC=clang meson setup $b -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false >&2 || exit 1
programs=""
for target in "$@"; do
  [ -f "tests/fuzz/fuzz_$target.c" ] || { echo "long.sh: there is no fuzz_$target.c" >&2; exit 2; }
  programs="$programs tests/fuzz/fuzz-$target"
done
# shellcheck disable=SC2086
ninja -C $b $programs >&2 || exit 1
mkdir -p $b/found $b/log

# The words of the formats, so that a mutation can be a key and not only a byte.
words=$b/words
grep -oh '"[A-Za-z$_][A-Za-z0-9$_-]*"' tools/policy/manifest.schema.json tests/fuzz/fuzz_decide.c | sort -u >$words
printf '"%s"\n' https:// http:// localhost 127.0.0.1 '[::1]' xn-- .. %2e%2e %2f %252e '\\\\' '\xe2\x80\xae' '\xcc\x81' args. size '*/*' 1e2 -0 >>$words
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

# Runs one target: its name, then options of libFuzzer.
fuzz() {
  name=$1; shift
  mkdir -p "$b/corpus/$name"
  $b/tests/fuzz/fuzz-"$name" -dict=$words -rss_limit_mb=1500 -timeout=20 -artifact_prefix="$b/found/$name-" -print_final_stats=1 \
    "$@" >>"$b/log/$name" 2>&1
}

if [ $minimise = yes ]; then
  for target in "$@"; do
    rm -rf "$b/small/$target"; mkdir -p "$b/small/$target"
    fuzz "$target" -merge=1 "$b/small/$target" "tests/fuzz/corpus/$target" "$b/corpus/$target" || exit 1
    echo "$b/small/$target: $(find "$b/small/$target" -type f | wc -l) files"
  done
  exit 0
fi

for target in "$@"; do : >"$b/log/$target"; : >"$b/log/$target.seconds"; done
left_s=$((minutes * 60)) failed=""
share_s=$((left_s / $#)); [ "$share_s" -ge $turn_s ] || turn_s=$share_s
while [ "$left_s" -ge "$turn_s" ] && [ "$turn_s" -gt 0 ]; do
  for target in "$@"; do
    [ "$left_s" -ge "$turn_s" ] || break
    left_s=$((left_s - turn_s))
    case " $failed " in *" $target "*) continue ;; esac
    fuzz "$target" -max_total_time=$turn_s "$b/corpus/$target" "tests/fuzz/corpus/$target" || failed="$failed $target"
    echo $turn_s >>"$b/log/$target.seconds"
  done
done

row=0
for target in "$@"; do
  row=$((row + 1)) log=$b/log/$target
  runs=$(awk '/^stat::number_of_executed_units/ { n += $2 } END { printf "%d", n }' "$log")
  reached=$(grep -o 'cov: [0-9]* ft: [0-9]* corp: [0-9]*' "$log" | tail -1)
  seconds=$(awk '{ n += $1 } END { print n + 0 }' "$log.seconds")
  word=ok
  case " $failed " in *" $target "*) word="not ok"; tail -40 "$log" >&2 ;; esac
  echo "$word $row - $target: $runs executions in $seconds s, $reached"
done
echo "1..$#"
[ -z "$failed" ]

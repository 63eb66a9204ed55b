#!/bin/sh
# SPDX-License-Identifier: MIT
# What a superstep costs in instructions, counted by callgrind, against instructions.txt: figures that no other load on the
# machine disturbs. They may get better, and not worse by more than 2 %. Prints TAP.
#   sh tests/bench/instructions.sh [--accept]     --accept: writes what was counted into the file
# A compiler or C library other than the file's counts otherwise: then nothing is compared, and a skipped row says so.
set -u
cd "$(dirname "$0")/../.." || exit 1
. examples/packages.sh
file=tests/bench/instructions.txt
shapes="chain fan sends react stored"
tolerance=2 # per cent

skip_all() { echo "ok 1 - instructions # SKIP $1"; echo "1..1"; exit 0; }

command -v valgrind >/dev/null || need_packages valgrind >&2 || skip_all "valgrind is not to be had here"
[ -f build/build.ninja ] || meson setup build --buildtype=release -Dtests=false >&2 || exit 1
ninja -C build bench-steps >&2 || exit 1
made_with="$(cc --version | head -1), $(ldd --version | head -1), $(uname -m)"
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
export FL_BUILD_ROOT="$folder"

# Instructions per superstep of a shape; those of the measured function only, on its own thread.
count() {
  steps=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no \
    --toggle-collect=fl_bench_measured build/bench-steps "$1" 2>"$folder/err") || { cat "$folder/err" >&2; return 1; }
  sum=$(awk '/Collected :/ { print $4 }' "$folder/err")
  [ "${sum:-0}" -gt 0 ] && echo $((sum / steps))
}

if [ "${1:-}" = --accept ]; then
  {
    echo "# Instructions per superstep, by shape of tests/bench/steps.c. Written by instructions.sh --accept."
    echo "made with: $made_with"
    for shape in $shapes; do echo "$shape $(count "$shape")" || exit 1; done
  } >"$folder/new" && cp "$folder/new" $file && cat $file
  exit
fi

[ "$(sed -n 's/^made with: //p' $file)" = "$made_with" ] || skip_all "they were counted on $(sed -n 's/^made with: //p' $file)"
number=0 code=0
for shape in $shapes; do
  number=$((number + 1))
  now=$(count "$shape") known=$(awk -v shape="$shape" '$1 == shape { print $2 }' $file)
  word=ok
  [ -n "$now" ] && [ -n "$known" ] && [ $((now * 100)) -le $((known * (100 + tolerance))) ] || word="not ok" code=1
  echo "$word $number - a superstep of $shape takes ${now:-?} instructions, at most ${known:-?} and $tolerance %"
  [ -z "$now" ] || [ -z "$known" ] || [ $((now * 100)) -ge $((known * (100 - tolerance))) ] ||
    echo "# $shape got better: sh tests/bench/instructions.sh --accept"
done
echo "1..$number"
exit $code

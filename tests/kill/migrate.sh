#!/bin/sh
# SPDX-License-Identifier: MIT
# Opening a store of an older format, killed at every n-th call of every system call that writes: what is left opens, as
# the old format or the new, with everything in it. Prints TAP; one row per system call. (The same with failing disks and
# kills within the process: tests/unit/store/test_migrate.c.)
set -u
cd "$(dirname "$0")/../.." || exit 1
fairlead=$PWD/build/fairlead
folder=$(mktemp -d "${TMPDIR:-/tmp}/fairlead-migrate-XXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT INT TERM
calls="write pwrite64 fsync fdatasync ftruncate unlink"
row=0 failed=0 points=0

say() { row=$((row + 1)); if [ "$1" -eq 0 ]; then echo "ok $row - $2"; else echo "not ok $row - $2"; failed=1; fi; }

if ! command -v strace >/dev/null || ! command -v sqlite3 >/dev/null; then
  echo "ok 1 - opening an older store # SKIP strace or sqlite3 is missing"
  echo "1..1"
  exit 0
fi
sqlite3 "$folder/old.db" <tests/unit/store/store-v1.sql >/dev/null || exit 1

# What the old store held, after the store was opened for writing once more.
check() {
  "$fairlead" threads prune done --keep 100 --store "$folder/s.db" >"$folder/out" 2>&1 || { cat "$folder/out" >&2; return 1; }
  [ "$(sqlite3 "$folder/s.db" "pragma user_version")" = 7 ] || { echo "not of format 7" >&2; return 1; }
  [ "$(sqlite3 "$folder/s.db" "pragma integrity_check")" = ok ] || { echo "the database is damaged" >&2; return 1; }
  [ "$("$fairlead" threads list --store "$folder/s.db" --json | wc -l)" -eq 2 ] || { echo "a thread is missing" >&2; return 1; }
  "$fairlead" threads show done --store "$folder/s.db" --json | grep -q '"answer":"no"' || { echo "a value is missing" >&2; return 1; }
}

for call in $calls; do
  n=1
  while [ $n -le 500 ]; do
    rm -f "$folder"/s.db*
    cp "$folder/old.db" "$folder/s.db"
    strace -f -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$n" \
      "$fairlead" threads prune done --keep 100 --store "$folder/s.db" >/dev/null 2>&1
    [ $? -eq 137 ] || break
    points=$((points + 1))
    check || { say 1 "killed at $call $n"; continue 2; }
    n=$((n + 1))
  done
  check; say $? "killed at each of $((n - 1)) calls of $call, and everything was there each time"
done
[ $points -gt 10 ]; say $? "there were $points kill points"
echo "1..$row"
exit $failed

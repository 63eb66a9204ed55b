#!/bin/sh
# SPDX-License-Identifier: MIT
# Sealing a store and exchanging its key, while something goes wrong at the n-th writing call of the main thread or of the
# others: SIGKILL, and a disk that is full or fails, once or from then on. After each: the database is intact, every thread
# can be read with one of the keys that there are (or, where it is not sealed yet, without), and is what it was; the same
# command again ends well; then everything is there under the right key, and no word of it, nor a key that was wrapped
# before, is left in the files. Prints TAP; one row per operation, thing that goes wrong and thread.
#   sh tests/kill/seal.sh [--all] [--only TEXT]     the short form takes up to three points a row, --all all of them
set -u
cd "$(dirname "$0")/../.." || exit 1
fairlead=$PWD/build/fairlead shim=$PWD/build/fault.so
unset FAIRLEAD_STORE_KEY_FILE FAIRLEAD_STORE_KEY_COMMAND
export FL_COUNTING_TOOLS="$PWD/build/counting-tools"
base=${TMPDIR:-/tmp}
[ ! -w /dev/shm ] || base=/dev/shm
folder=$(mktemp -d "$base/fairlead-seal-XXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT INT TERM
export FL_COUNT_FILE="$folder/count"
most=3 only=""
while [ $# -gt 0 ]; do
  case "$1" in
    --all) most=100000 ;;
    --only) shift; only=$1 ;;
  esac
  shift
done
row=0 failed=0 points=0
word=canary-of-sealing threads="one two three"

say() { row=$((row + 1)); if [ "$1" -eq 0 ]; then echo "ok $row - $2"; else echo "not ok $row - $2"; failed=1; fi; }
key() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
with() { # a key or "", two words of the command, the rest
  env ${1:+FAIRLEAD_STORE_KEY_FILE="$folder/$1"} "$fairlead" "$2" "$3" --store "$folder/s.db" ${4:-}
}

if ! command -v sqlite3 >/dev/null; then
  echo "ok 1 - sealing and exchanging keys # SKIP sqlite3 is missing"
  echo "1..1"
  exit 0
fi
(umask 077; key >"$folder/a"; key >"$folder/b")

# The files that each trial begins with, and what they hold.
for thread in $threads; do
  "$fairlead" run tests/kill/agent.yaml --store "$folder/s.db" --thread "$thread" "what's (3 + 5) x 12? $word" \
    >"$folder/out" 2>&1 || { cat "$folder/out" >&2; exit 1; }
  "$fairlead" threads export "$thread" --store "$folder/s.db" >"$folder/$thread.plain" || exit 1
done
for item in tea milk; do
  "$fairlead" memory put users.ann $item "{\"likes\":\"$word $item\"}" --store "$folder/s.db" >/dev/null || exit 1
done
for item in tea milk; do "$fairlead" memory get users.ann $item --json --store "$folder/s.db" || exit 1; done >"$folder/items"
"$fairlead" trace list --json --store "$folder/s.db" >"$folder/runs" || exit 1
cp "$folder/s.db" "$folder/plain.db"
FAIRLEAD_STORE_KEY_FILE="$folder/a" "$fairlead" store seal --store "$folder/s.db" >/dev/null || exit 1
cp "$folder/s.db" "$folder/sealed.db"
[ "$(grep -c "$word" "$folder/plain.db")" -gt 0 ] && [ "$(wc -l <"$folder/items")" -eq 2 ] && [ "$(wc -l <"$folder/runs")" -eq 3 ] ||
  { echo "the store to begin with is not as it should be" >&2; exit 1; }
sqlite3 "$folder/sealed.db" "SELECT hex(wrapped) FROM seal_key" | tr A-F a-f >"$folder/wrapped"

# Whether a thread can be read with a key ("": with none), as it was.
reads() { with "$1" threads export "$2" >"$folder/out" 2>"$folder/err" && cmp -s "$folder/out" "$folder/$2.plain"; }
reads_all() { for thread in $threads; do reads "$1" "$thread" || return 1; done; }
wrong() { echo "$1" >&2; tail -2 "$folder/err" >&2; return 1; }

check_between() {
  [ "$(sqlite3 "$folder/s.db" "pragma integrity_check")" = ok ] || wrong "the database is damaged" || return 1
  for thread in $threads; do
    case $operation in
      seal) reads a "$thread" || reads "" "$thread" || wrong "thread $thread cannot be read" || return 1 ;;
      rotate) reads a "$thread" || reads b "$thread" || wrong "thread $thread cannot be read" || return 1 ;;
    esac
  done
}

check_end() {
  reads_all "$1" || wrong "a thread is not what it was" || return 1
  with "$1" store verify >"$folder/out" 2>"$folder/err" || wrong "it is not whole: $(cat "$folder/out")" || return 1
  for item in tea milk; do with "$1" memory get "users.ann $item --json"; done >"$folder/out" 2>"$folder/err"
  cmp -s "$folder/out" "$folder/items" || wrong "the memory is not what it was" || return 1
  with "$1" trace list --json >"$folder/out" 2>"$folder/err" && cmp -s "$folder/out" "$folder/runs" ||
    wrong "the record of runs is not what it was" || return 1
  [ "$(with "$1" memory search "users.ann --query tea --json" 2>"$folder/err" | grep -c '"tea"')" -ge 1 ] || wrong "nothing is found" || return 1
  if cat "$folder"/s.db* | grep -q "$word"; then wrong "a word is left in the clear" || return 1; fi
  [ "$1" = a ] || ! cat "$folder"/s.db* | od -An -v -tx1 | tr -d ' \n' | grep -q -F -f "$folder/wrapped" ||
    wrong "a key is left that was wrapped before" || return 1
}

operate() { # under which environment
  case $operation in
    seal) env "$@" FAIRLEAD_STORE_KEY_FILE="$folder/a" "$fairlead" store seal --json --store "$folder/s.db" ;;
    rotate) env "$@" FAIRLEAD_STORE_KEY_FILE="$folder/a" "$fairlead" store rotate-key --json --new-key "$folder/b" --store "$folder/s.db" ;;
  esac >"$folder/first" 2>&1
}

# The command again. An exchange that was committed needs none: the old key is refused.
again() {
  if [ $operation = rotate ] && reads b one; then
    ! reads a one || wrong "two keys open it" || return 1
    with b threads prune "one --keep 100" >"$folder/out" 2>"$folder/err" # whoever opens it next to write tidies up
    return
  fi
  operate A=A || { cat "$folder/first" >&2; return 1; }
}

# The operation with the n-th point gone wrong; false when a run has none left.
fail_at() {
  rm -f "$folder"/s.db* "$folder/note"
  if [ $operation = seal ]; then cp "$folder/plain.db" "$folder/s.db"; else cp "$folder/sealed.db" "$folder/s.db"; fi
  operate LD_PRELOAD="$shim" FL_FAULT="$way $thread_kind $1" FL_FAULT_NOTE="$folder/note"
  code=$?
  [ -e "$folder/note" ]
}

# The n-th point and what must hold after it. 2: a run has none left.
try() {
  fail_at "$1" || { [ $code -eq 0 ] && return 2; wrong "without a fault it ended with $code"; return 1; }
  case $way in
    kill) [ $code -eq 137 ] || wrong "it was not killed: $code" || return 1 ;;
    *) [ $code -eq 0 ] || { [ $code -eq 1 ] && grep -q '"code":"' "$folder/first"; } || wrong "it ended with $code: $(cat "$folder/first")" || return 1 ;;
  esac
  check_between && again && check_end $end_key
}

count_points() {
  low=0 high=1
  while fail_at $high; do low=$high; high=$((high * 2)); done
  while [ $((low + 1)) -lt $high ]; do
    middle=$(((low + high) / 2))
    if fail_at $middle; then low=$middle; else high=$middle; fi
  done
}

for operation in seal rotate; do
  end_key=a; [ $operation = seal ] || end_key=b
  for way in kill ENOSPC ENOSPC+ EIO EIO+; do
    for thread_kind in main other; do
      case "$operation $way $thread_kind" in *"$only"*) ;; *) continue ;; esac
      stride=1 at=1 done=0
      [ $most -gt 1000 ] || { count_points; stride=$((low / most + 1)); }
      while :; do
        try $at
        case $? in
          0) done=$((done + 1)) ;;
          2) say 0 "$operation: $way at $done points of $thread_kind, and nothing was lost"; break ;;
          *) say 1 "$operation: $way at point $at of $thread_kind"; break ;;
        esac
        at=$((at + stride))
      done
      points=$((points + done))
    done
  done
done
[ $points -gt 8 ]; say $? "there were $points points"
echo "1..$row"
exit $failed

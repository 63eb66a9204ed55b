#!/bin/sh
# SPDX-License-Identifier: MIT
# The kill sweep of one scene with strace, which checks the library that the quick sweep uses: kills a run at every n-th
# call of every system call that writes, until none is left; after each kill the same command is given again. What must
# hold each time: the answer is 96; no tool was called twice, except where a person said "retry" for a call whose outcome
# nobody knows; the store is intact. Prints TAP; one row per system call, and the number of kill points.
set -u
cd "$(dirname "$0")/../.." || exit 1
fairlead=$PWD/build/fairlead
export FL_COUNTING_TOOLS="$PWD/build/counting-tools"
folder=$(mktemp -d "${TMPDIR:-/tmp}/fairlead-kill-XXXXXX")
trap 'rm -rf "$folder"' EXIT INT TERM
calls="write writev pwrite64 sendmsg sendto fsync fdatasync ftruncate unlink"
points=0 row=0 failed=0 asked=0

say() { row=$((row + 1)); if [ "$1" -eq 0 ]; then echo "ok $row - $2"; else echo "not ok $row - $2"; failed=1; fi; }

run() { "$@" "$fairlead" run tests/kill/agent.yaml --store "$folder/s.db" --thread t ${resume:+--resume "$resume"} \
  ${question:+"$question"} >"$folder/out" 2>"$folder/err" </dev/null; }

# Gives the command again and answers questions until the thread is done; counts how often a person had to decide. A kill after
# the last commit leaves nothing to finish: then only the answer is asked for.
finish() {
  retries=0 resume="" question="what's (3 + 5) x 12?"
  "$fairlead" threads show t --store "$folder/s.db" --json 2>/dev/null | grep '"status":"idle"' | grep -q '"role":"assistant"' && question=""
  run env; code=$?
  while [ $code -eq 3 ] && [ $retries -lt 6 ]; do
    retries=$((retries + 1)) asked=$((asked + 1)) resume='{"action":"retry"}' question=""
    run env; code=$?
  done
  [ $code -eq 0 ] || cat "$folder/err" >&2
  return $code
}

check() {
  grep -q 96 "$folder/out" || { echo "no 96 in: $(cat "$folder/out")" >&2; return 1; }
  adds=$(grep -c '^begin add 3 5$' "$folder/count"); multiplies=$(grep -c '^begin multiply 8 12$' "$folder/count")
  total=$(grep -c '^begin' "$folder/count")
  [ "$adds" -ge 1 ] && [ "$multiplies" -ge 1 ] && [ "$total" -eq $((adds + multiplies)) ] || { cat "$folder/count" >&2; return 1; }
  [ "$total" -le $((2 + retries)) ] || { echo "called $total times with $retries retries allowed" >&2; return 1; }
  [ "$(sqlite3 "$folder/s.db" "pragma integrity_check")" = ok ] || { echo "the database is damaged" >&2; return 1; }
  [ "$("$fairlead" threads show t --store "$folder/s.db" --json | grep -c '"role":"user"')" -eq 1 ] || { echo "the thread is not intact" >&2; return 1; }
}

for call in $calls; do
  n=1
  while :; do
    rm -f "$folder"/s.db* "$folder/count"; : >"$folder/count"
    export FL_COUNT_FILE="$folder/count"
    resume=""; question="what's (3 + 5) x 12?"
    run strace -f -b execve -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$n"
    code=$?
    [ $code -eq 137 ] || break
    points=$((points + 1))
    if ! finish || ! check; then say 1 "killed at $call $n"; continue 2; fi
    n=$((n + 1))
    [ $n -le 500 ] || break
  done
  if [ $code -eq 0 ]; then say 0 "killed at each of $((n - 1)) calls of $call, and finished each time"
  else say 1 "the run without a kill ended with $code: $(tail -1 "$folder/err")"; fi
done
[ $points -gt 0 ]; say $? "there were kill points"
echo "# $points kill points; $asked times the outcome of a call was unknown and a person was asked"
echo "1..$row"
exit $failed

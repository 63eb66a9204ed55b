#!/bin/sh
# SPDX-License-Identifier: MIT
# The table of ours beside the peers': what each kind of line becomes, and what is said of a figure that is missing. TAP.
#   sh tests/bench/peers/table.sh
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
count=0 bad=0

cat >"$folder/ours" <<'END'
load of the machine 3
figure steps 600000.00 /s
limit chain-3 6.50 us at most 10.00 ok
figure turn-100 287.00 us
figure bytes-5000 3.50 MB
limit start-run-to-first-step 5.00 ms at most 10.00 ok
limit bytes-per-waiting-thread 0.51 B at most 16.00 ok
limit bytes-per-flight 6900.00 B at most 8192.00 ok
END
cat >"$folder/theirs" <<'END'
{"peer":"langgraphjs","name":"steps","value":3000,"unit":"/s"}
{"peer": "langgraph", "name": "chain-3", "value": 1300.0, "unit": "us"}
{"peer":"langgraphjs","name":"turn-100","value":8610.1,"unit":"us"}
{"peer":"langgraphjs","name":"delta-turn-100","value":14350,"unit":"us"}
{"peer":"langgraphjs","name":"turn-5000","value":700000,"unit":"us"}
{"peer":"langgraphjs","name":"delta-turn-5000","value":500000,"unit":"us"}
{"peer":"langgraphjs","name":"bytes-5000","value":7000,"unit":"MB","reckoned":true}
{"peer": "langgraph", "name": "start-run-to-first-step", "value": 3000.0, "unit": "ms"}
{"peer": "langgraph", "name": "start-run-to-first-step", "value": 90.0, "unit": "ms"}
{"peer": "langgraph", "name": "start-run-to-first-step", "value": 1000.0, "unit": "ms"}
{"peer":"langgraphjs","name":"bytes-per-waiting-thread","value":6336.5,"unit":"B"}
{"peer":"langgraphjs","name":"bytes-per-flight","value":69000,"unit":"B"}
END
awk -f "$here/table.awk" "$folder/ours" "$folder/theirs" >"$folder/table"

wants() { # WHAT LINE
  count=$((count + 1))
  if grep -qxF -- "$2" "$folder/table"; then echo "ok $count - $1"; return; fi
  bad=1
  echo "not ok $count - $1"
  echo "# wanted: $2"
}

wants "more a second is better" "| supersteps without a store | /s | 600000 | - | 3000 (200x) | - | - |"
wants "less time is better" "| chain of three nodes | us | 6.5 | 1300 (200x) | - | - | - |"
wants "a delta channel has a column, and units are changed" \
  "| a turn at 100 messages | ms | 0.287 | - | 8.61 (30x) | - | 14.3 (50x) |"
wants "what was reckoned says so" "| on disk at 5,000 messages | MB | 3.5 | - | ~7000 (2000x) | - | - |"
wants "the middle one of several counts" "| start of the process to the first step | ms | 5 | 1000 (200x) | - | - | - |"
wants "nothing is divided by a few bytes" "| memory per 1,000 interrupted threads | MB | 0.00051 | - | 6.34 | - | - |"
wants "bytes of a thread are megabytes of a thousand" "| memory per 1,000 threads in flight | MB | 6.9 | - | 69 (10x) | - | - |"
wants "a figure of ours that is missing is named" "no figure: fairlead: 100 sends in a step"
wants "one of a peer is named with its job" "no figure: LangGraph: 100 sends in a step, of the job runs"
wants "one that takes a longer run says so" \
  "no figure: LangGraphJS, delta channel: on disk at 5,000 messages, which takes FL_BENCH_WHOLE=1"
wants "one of a delta channel that never ran is named, too" \
  "no figure: LangGraph, delta channel: on disk at 5,000 messages, of the job delta"
echo "1..$count"
exit $bad

#!/bin/sh
# SPDX-License-Identifier: MIT
# What a manifest says about servers and commands holds in a run of a graph: sandboxes, limits, pins, the layers of the
# machine. Prints TAP.
#   sh tests/sandbox/graph.sh BUILD
set -u
build=$1
fairlead=$build/fairlead
folder=$(mktemp -d "${TMPDIR:-/tmp}/fairlead-graph-XXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/data" "$folder/out"
echo granted >"$folder/data/note"
echo hidden >"$folder/hidden"
failed=0

# ok WHAT: the status of what stands before.
ok() {
  status=$?
  if [ $status -eq 0 ]; then echo "ok - $1"; else echo "not ok - $1"; cut -c1-600 "$folder/said" | sed 's/^/# /'; failed=1; fi
}
says() { grep -qF -- "$1" "$folder/said"; }
never() { ! grep -qF -- "$1" "$folder/said"; }

# manifest SERVERS: all tools, and these servers.
manifest() { printf 'manifest: 1\nid: t\ntools: [ { match: "builtin/*" }, { match: "calc/*" } ]\n%s\n' "$1" >"$folder/m.yaml"; }

# graph NODES-AND-EDGES [MORE]
graph() {
  cat >"$folder/g.yaml" <<END
fairlead: 1
name: g
manifest: m.yaml
state: { a: {}, b: {}, c: {} }
mcpServers:
  calc: { command: $build/counting-tools${2:-} }
builtin:
  process:
    commands:
      show: { command: [cat], args: { maxItems: 1 } }
      shell: { command: [sh, -c, '${script:-:}'] }
$1
END
}
# once NAME ARGS: the tool "process" once; ARGS is an expression. shell SCRIPT: a script without single quotes.
once() {
  graph "nodes: { one: { type: tool, tool: builtin/process, args: { command: \"'$1'\", args: \"$2\" }, write: a, on_error: end },
  end: { type: set, write: { b: error.message } } }
edges: [ START -> one, one -> END, end -> END ]"
}
shell() { script=$1; once shell '[]'; }
calls() {
  graph "nodes:
  one: { type: tool, tool: calc/add, args: { a: '1', b: '2' }, write: a, on_error: end }
  two: { type: tool, tool: calc/add, args: { a: '3', b: '4' }, write: b, on_error: end }
  three: { type: tool, tool: calc/add, args: { a: '5', b: '6' }, write: c, on_error: end }
  end: { type: set, write: { b: error.message } }
edges: [ START -> one, one -> two, two -> three, three -> END, end -> END ]" "${1:-}"
}
run() { timeout 60 "$fairlead" run "$folder/g.yaml" --store "$folder/store.db" --input '{}' --json "$@" >"$folder/said" 2>&1; }

"$fairlead" doctor >"$folder/said" 2>&1 && says 'Sandboxes of manifests hold here'; ok "doctor says what this machine enforces"
"$fairlead" doctor --json >"$folder/said" 2>&1 && says '"layer":"landlock","enforced":true'; ok "and as JSON"

# ---- commands of the program's own tool ----
manifest 'servers: { builtin: { sandbox: { fs: { read: [data], write: [out] }, exec: true, memory: 64MiB, cpu: 1s, procs: 16 } }, calc: {} }'
once show "['$folder/data/note']"; run; says granted; ok "a command reads what was granted"
"$fairlead" trace export --store "$folder/store.db" >"$folder/said" 2>&1; says '"sandbox":"landlock,' && says '"exit":0'; ok "its span has the layers and the exit status"
once show "['$folder/hidden']"; run; never '"stdout":"hidden' && says 'exit_status":1'; ok "and nothing else"
shell "echo new > $folder/out/new; echo more >> $folder/data/note"; run; [ -f "$folder/out/new" ] && [ "$(cat "$folder/data/note")" = granted ]; ok "it writes where it may, and only there"
shell 'while :; do :; done'; run; says 'went over the limit' && says '\"cpu\"'; ok "a hog of time is ended, and the limit is named"
shell 'a=aaaaaaaaaaaaaaaa; while :; do a=$a$a; done'; run; says 'went over the limit' && says '\"memory\"'; ok "a hog of memory likewise"
shell 'b() { b | b & }; b; sleep 5'; run; says 'went over the limit' && says '\"procs\"'; ok "a bomb likewise"
FL_CANARY=canary; export FL_CANARY
shell 'echo [$FL_CANARY$HOME]; ls /proc | grep -c "^[0-9]"'; run; says '[]'; ok "it has a clean environment"
manifest 'servers: { builtin: { sandbox: { env: [FL_CANARY], exec: true } }, calc: {} }'
run; says '[canary]'; ok "and the variables that it may see"
manifest 'servers: { builtin: { sandbox: {} }, calc: {} }'
shell 'echo builtin; /bin/echo started'; run; says builtin && never started; ok "without exec it starts no program"
run --without-layer walls; [ $? -eq 2 ] && says 'there is no layer'; ok "a layer that is none is not done without"
run --without-layer seccomp --without-layer namespaces; says builtin && never started; ok "one that is, is"
manifest 'servers: { builtin: { sandbox: { fs: { read: [missing] } } }, calc: {} }'
run; [ $? -eq 2 ] && says 'sandbox/fs/read/0' && says missing; ok "a path that is not there is said"
manifest 'servers: { builtin: { limits: { call: 1s } }, calc: {} }'
run; [ $? -eq 2 ] && says '/servers/builtin/limits'; ok "limits are for servers"
manifest 'servers: { builtin: { sandbox: { fs: { read: [data] } } }, calc: {} }'
graph "  files: { roots: { all: $folder } }
nodes: { one: { type: tool, tool: builtin/time, write: a } }
edges: [ START -> one -> END ]"
run; [ $? -eq 2 ] && says 'does not grant' && says 'gives to the built-in tools'; ok "folders of built-in tools stay within it, too"

manifest 'servers: { builtin: { sandbox: { net: { hosts: ["api.example.org"] } } }, calc: {} }'
run; [ $? -eq 2 ] && says 'sandbox/net/hosts/0'; ok "a host has a port"
manifest 'servers: { builtin: { sandbox: { exec: true, net: { hosts: ["api.example.org:443"] } } }, calc: {} }'
shell 'echo at $HTTPS_PROXY'; run; says 'at http://127.0.0.1:' || says 'does not enforce the layer'; ok "a command with hosts is told of its proxy, or that there is none"

# ---- servers ----
manifest "servers: { calc: { transport: stdio, exec: [\"$build/counting-tools\"], sandbox: { fs: { write: [out] }, env: [FL_COUNT_FILE], fds: 64, memory: 128MiB }, limits: { start: 20s, call: 20s, output: 64KiB, line: 1MiB, concurrent: 1, rate: 2/h } } }"
calls ", env: { FL_COUNT_FILE: $folder/out/count }"; run; says '"result":3' && says '"result":7' && [ -s "$folder/out/count" ]; ok "a server in a sandbox answers"
says 'its limit \"rate\" is 2 calls in 3600 s'; ok "and its rate is kept"
"$fairlead" trace export --store "$folder/store.db" >"$folder/said" 2>&1; says '"sandbox":"landlock,' && says 'seccomp'; ok "the spans of its calls name the layers"
manifest 'servers: { calc: { sandbox: { env: [LANG] } } }'
run; [ $? -eq 2 ] && says 'sandbox/env does not name FL_COUNT_FILE'; ok "a variable that the manifest does not let through is said"
calls; manifest 'servers: { calc: { exec: [other] } }'
run; [ $? -eq 2 ] && says '/servers/calc/exec is another command'; ok "another command than the manifest's is not started"
manifest 'servers: { calc: { transport: http } }'
run; [ $? -eq 2 ] && says '/servers/calc/transport is http'; ok "nor another way to it taken"
manifest 'servers: { builtin: {} }'
run; [ $? -eq 2 ] && says '/servers/calc is missing'; ok "nor a server that it does not name"
manifest "servers: { calc: { sandbox: {}, exec_sha256: \"$(sha256sum <"$build/counting-tools" | cut -c1-64)\" } }"
run; says '"result":3'; ok "a pinned server starts"
manifest "servers: { calc: { sandbox: {}, exec_sha256: \"$(printf '%064d' 0)\" } }"
run; says 'not the program that the manifest names'; ok "and another in its place does not"
manifest "servers: { calc: { exec_sha256: \"$(printf '%064d' 0)\" } }"
run; [ $? -eq 2 ] && says 'needs a \"sandbox\"'; ok "a pin needs a sandbox"
# A graph in a graph, each with a manifest.
manifest 'servers: { calc: { sandbox: {}, limits: { rate: 1/h } } }'
calls
printf 'manifest: 1\nid: outer\ntools: [ { match: "calc/*" } ]\nservers: { calc: { limits: { call: 20s } } }\n' >"$folder/o.yaml"
printf 'fairlead: 1\nname: o\nmanifest: o.yaml\nstate: { a: {}, b: {}, c: {} }\nnodes: { inside: { type: graph, file: g.yaml } }\nedges: [ START -> inside -> END ]\n' >"$folder/outer.yaml"
outer() { timeout 60 "$fairlead" run "$folder/outer.yaml" --store "$folder/store.db" --input '{}' --json >"$folder/said" 2>&1; }
outer; says '"result":3' && says '1 calls in 3600 s'; ok "limits of manifests around each other all hold"
printf 'manifest: 1\nid: outer\ntools: [ { match: "calc/*" } ]\nservers: { other: {} }\n' >"$folder/o.yaml"
outer; [ $? -eq 2 ] && says 'o.yaml#/servers/calc is missing'; ok "a server that the outer one does not name is not started"
printf 'manifest: 1\nid: outer\ntools: [ { match: "calc/*" } ]\nservers: { calc: { sandbox: { exec: true } } }\n' >"$folder/o.yaml"
outer; [ $? -eq 2 ] && says 'another manifest around it has a sandbox'; ok "and one of them says its sandbox"
manifest 'servers: { calc: { limits: { call: 100ms } } }'
FL_TOOL_SLEEP_MS=3000; export FL_TOOL_SLEEP_MS; calls; run; never '"result":3'; ok "a call that takes too long is given up"
unset FL_TOOL_SLEEP_MS
manifest 'servers: { calc: { limits: { output: 32B } } }'
calls; run; says 'bytes; 32 are allowed'; ok "a result that is too long is refused"
exit $failed

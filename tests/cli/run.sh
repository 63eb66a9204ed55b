#!/bin/sh
# SPDX-License-Identifier: MIT
# The program as a user meets it: exit codes, messages, threads, interrupts, signals. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$PWD/build
fairlead=$build/fairlead
folder=$(mktemp -d "${TMPDIR:-/tmp}/fairlead-cli-XXXXXX")
trap 'rm -rf "$folder"' EXIT INT TERM
export FAIRLEAD_STORE="$folder/s.db" FL_COUNTING_TOOLS="$PWD/build/counting-tools" FL_COUNT_FILE="$folder/count"
export FL_ASKING_TOOLS="$PWD/build/asking-tools"
export XDG_STATE_HOME="$folder" NO_COLOR=1
: >"$FL_COUNT_FILE"
row=0 failed=0
out=$folder/out err=$folder/err

# ok NAME: a row from the result of the command before it
ok() { status=$?; row=$((row + 1)); if [ $status -eq 0 ]; then echo "ok $row - $1"; else
  echo "not ok $row - $1"; failed=1; { echo "--- $1"; cat "$out" "$err"; } >&2; fi; }
# run CODE ARGS…: runs fairlead, expects the exit code
run() { expected=$1; shift; "$fairlead" "$@" >"$out" 2>"$err" </dev/null; code=$?
  [ $code -eq "$expected" ] || { echo "exit $code, expected $expected: $*" >>"$err"; return 1; }; }
says() { grep -qF -- "$1" "$out"; }
tells() { grep -qF -- "$1" "$err"; }
# is_running PROGRAM: whether a process was started as this
is_running() { for file in /proc/[0-9]*/cmdline; do cat "$file" 2>/dev/null | tr '\0' '\n' | head -1 | grep -qxF -- "$1" && return 0; done; return 1; }
math=examples/math/agent.yaml

run 0 version && says "fairlead 0."; ok "version"
run 0 help run && says "--thread ID"; ok "help of a command"
run 2 frobnicate && tells "no command"; ok "an unknown command is a usage error"
run 2 rum && tells 'did you mean "run"'; ok "a mistyped command is suggested"
run 2 run $math --therad x hello && tells "did you mean --thread"; ok "a mistyped option is suggested"
run 0 threads --help && says "threads history"; ok "help of a group"
for shell in bash zsh fish; do run 0 completion $shell && says fairlead; ok "completion for $shell"; done
"$fairlead" completion bash | bash -n; ok "the bash completion is valid bash"

run 0 run $math --thread t1 "what's (3 + 5) x 12?" && says 96 && tells "math/add" && tells "scripted"; ok "the main job: 96"
run 0 run $math --thread t1 "now add 4" && says 100; ok "the second turn answers from the stored conversation"
run 0 threads list && says t1 && says math; ok "threads list"
run 0 threads list --json && says '"id":"t1"'; ok "threads list --json"
run 0 threads show t1 && says "now add 4" && says 100; ok "threads show"
run 0 threads history t1 && says input && says loop; ok "threads history"
first=$("$fairlead" threads history t1 --json | tail -1 | sed 's/.*"checkpoint_id":"\([^"]*\)".*/\1/')
run 0 threads show t1 --checkpoint "$first" --json && ! says "now add 4" && says "(3 + 5)"; ok "threads show at an old checkpoint"
run 1 threads show nobody && tells nobody; ok "a thread that does not exist is named"
run 2 threads delete t1 && tells "--yes"; ok "delete asks first"
run 0 threads delete t1 --yes && run 1 threads show t1; ok "delete --yes deletes"
run 0 run $math --json "what's (3 + 5) x 12?" && says '"type":"end"' && says '"status":"done"'; ok "run --json"
grep -v '^{.*}$' "$out" | grep -q . ; [ $? -eq 1 ]; ok "with --json every line is an object"
for mode in values updates messages events; do
  run 0 run $math --json --stream $mode "what's (3 + 5) x 12?" && says "\"mode\":\"$mode\""; ok "run --stream $mode"
done
run 2 run $math --stream valves x && tells valves; ok "an unknown stream mode is a usage error"
echo "what's (3 + 5) x 12?" | "$fairlead" run $math - >"$out" 2>"$err" && says 96; ok "the question from standard input"
run 1 run $math --recursion-limit 2 "what's (3 + 5) x 12?" && tells "recursion"; ok "the recursion limit is told"
run 1 run tests/cli/unknown.yaml "tell me a joke" && tells "joke"; ok "a question that the script does not know fails, and is named"
policy=tests/cli/policy.yaml
run 0 run $policy --thread p1 --context '{"user":"ada"}' --durability exit --max-concurrency 1 '{}' && says "for ada" && says "b failed"; ok "--context, a node that is tried again, and its handler"
run 0 run $policy --thread p2 '{}' && says "for anon"; ok "the context's default"
run 0 run $policy --thread p3 --json --stream updates '{}' && says '"cached":true'; ok "a cached result says that it is one"
run 0 cache clear --node a && says "cleared 2"; ok "cache clear"
"$build/examples/entrypoint" "$folder/e.db" t 3 4 >"$out" 2>"$err" && says 25; ok "a program without a graph"
"$build/examples/entrypoint" "$folder/e.db" t 2 >"$out" 2>"$err" && says 29; ok "goes on from what its thread saved"
run 2 run $policy --context 5 '{}' && tells "takes an object"; ok "a context that is no object"
run 2 run $policy --durability later '{}' && tells "sync, async or exit"; ok "an unknown durability"
run 2 run $math; ok "no question and no terminal is a usage error"
run 2 run no-such-file.yaml x && tells no-such-file.yaml; ok "a missing file is named"
run 2 run tests/cli/typo.yaml x && tells "typo.yaml:4:" && tells '"messages"' && tells '"agent"'; ok "a typo in the graph file is told with its place, all at once"
run 2 graph check tests/cli/typo.yaml --json && says '"line":4' && says '"errors"'; ok "graph check --json"
run 0 graph check $math && says "no errors"; ok "graph check"
run 0 graph schema --json && [ "$(wc -l <"$out")" -eq 1 ] && says '"mcpServers"'; ok "graph schema --json is one line"
run 2 graph draw tests/cli/typo.yaml --json && says '"line":4' && says '"errors"' && [ ! -s "$err" ]; ok "graph draw --json tells mistakes as JSON"
run 2 run --nope --json && says '"code":"usage"' && [ ! -s "$err" ]; ok "a wrong option is told as JSON too"
run 2 frobnicate --json && says '"code":"usage"' && [ ! -s "$err" ]; ok "and an unknown command"
"$fairlead" run $math -q "what's (3 + 5) x 12?" >/dev/full 2>"$err"; [ $? -eq 1 ] && tells "could not be written"; ok "an answer that cannot be written is no success"
{ "$fairlead" run $math --json "what's (3 + 5) x 12?" 2>"$err"; echo $? >"$out"; } | head -1 >/dev/null; says 0 && [ ! -s "$err" ]; ok "a reader that leaves is no failure"
{ env -u OPENAI_API_KEY "$fairlead" run $math --model openai/x hello >"$out" 2>"$err"; [ $? -eq 1 ]; } && tells "set OPENAI_API_KEY"; ok "a missing key is named"
run 1 mcp list -- /no/such/server && tells "/no/such/server"; ok "a server that is not there is named"
run 1 mcp list -- sh -c 'echo usage: nothing; echo bye >&2; exit 3' && tells "status 3" && tells "no MCP: usage: nothing" && tells "last words: bye"; ok "a program that is no server is told by what it says"
run 0 run tests/cli/included.yaml hello && says "…"; ok "a graph file includes another, relative to itself"
sed 's,parts/model.yaml,wrong.yaml,' tests/cli/included.yaml >"$folder/included.yaml"; cp tests/cli/parts/wrong.yaml "$folder"
run 2 graph check "$folder/included.yaml" && tells "$folder/wrong.yaml:2:1:" && tells 'did you mean "models"'; ok "a mistake in an included file is told with its place"
{ cat tests/cli/approval.yaml; echo "manifest: m.yaml"; } >"$folder/manifest.yaml"
printf 'manifest: 1\nid: m\ntools: []\nmodel: { cost_usd_per_run: free }\n' >"$folder/m.yaml"
run 2 run "$folder/manifest.yaml" '{}' && tells "m.yaml:4:28:" && tells 'must be a number'; ok "a manifest with a mistake is not run"
run 2 graph check "$folder/manifest.yaml" && tells 'm.yaml:4:28:'; ok "and graph check says so, too"
sed "s,script: script.yaml,script: $PWD/examples/math/script.yaml,; s,\.\./\.\./build,$build," $math >"$folder/asked.yaml"
echo "manifest: asked.manifest.yaml" >>"$folder/asked.yaml"
printf 'manifest: 1\nid: asked\ntools: [ { match: math/*, effect: read, approval: { when: "tool == '"'math/multiply'"'" } } ]\n' >"$folder/asked.manifest.yaml"
run 3 run "$folder/asked.yaml" --thread asked --json "what's (3 + 5) x 12?" && says '"kind":"approval"' && says '"tool":"math/multiply"'; ok "a manifest has a person asked about a call"
code_of_call=$(grep -o '"code":"[^"]*"' "$out" | head -1 | cut -d'"' -f4)
run 3 run "$folder/asked.yaml" --thread asked --resume '{"action":"approve","code":"0-00"}'; ok "an answer with another code decides nothing"
run 0 run "$folder/asked.yaml" --thread asked --resume "{\"action\":\"approve\",\"code\":\"$code_of_call\"}" && says 96; ok "the right one lets the call be made"
"$fairlead" threads export asked >"$out" 2>"$err" && hash=$("$fairlead" policy check "$folder/asked.manifest.yaml" --json | sed 's/.*"hash":"\([^"]*\)".*/\1/') && says "\"manifest\":\"$hash\""; ok "checkpoints and calls have the manifest's hash"
printf 'manifest: 1\nid: asked\ntools: [ { match: math/add, effect: read } ]\n' >"$folder/asked.manifest.yaml"
run 1 run "$folder/asked.yaml" --thread refused "what's (3 + 5) x 12?"; "$fairlead" threads show refused >"$out" 2>"$err"; says "asked.manifest.yaml#/tools: no rule names math/multiply"; ok "a call that the manifest does not name is refused, and the model reads the rule"
run 0 policy explain $math && says '"match": "math/*"' && says '"transport": "stdio"'; ok "policy explain of a graph prints the manifest that it implies"
"$fairlead" policy explain $math >"$folder/implied.yaml" && run 0 policy check "$folder/implied.yaml" && run 1 policy explain $math other/tool && says "(implied)#/tools: no rule names other/tool"; ok "which is one, and decides"
# A server that its manifest pins: what it says depends on a file that changes.
printf '{"process":{"commands":{"hi":{"command":["echo","hi"]}}}}' >"$folder/pinned.json"
printf 'manifest: 1\nid: pinned\nservers:\n  far: # ours\n    exec: ["%s", mcp, serve, --builtin-config, "%s"]\n    limits: { call: 5s }\ntools: [ { match: far/*, effect: read } ]\n' "$fairlead" "$folder/pinned.json" >"$folder/pinned.manifest.yaml"
printf 'fairlead: 1\nname: pinned\nmanifest: pinned.manifest.yaml\nstate: { said: {} }\nmcpServers: { far: { command: "%s", args: [mcp, serve, --builtin-config, "%s"] } }\nnodes: { t: { type: tool, tool: far/calculator, args: { expression: "'"'2^10'"'" }, write: said } }\nedges: [ START -> t -> END ]\n' "$fairlead" "$folder/pinned.json" >"$folder/pinned.yaml"
run 1 policy pin "$folder/pinned.manifest.yaml" --check && says "not pinned yet"; ok "policy pin --check: a server that is not pinned"
run 2 policy pin "$folder/pinned.manifest.yaml" --check --write; ok "policy pin makes pins or holds against them"
run 0 policy pin "$folder/pinned.manifest.yaml" --write && grep -q '# ours' "$folder/pinned.manifest.yaml" && grep -q blake2b: "$folder/pinned.manifest.yaml" && grep -q calculator "$folder/pinned.manifest.yaml.pins.json"; ok "policy pin --write"
run 0 policy pin "$folder/pinned.manifest.yaml" --check --json && says '"tools":"same"'; ok "policy pin --check: as pinned"
run 0 run "$folder/pinned.yaml" '{}' && says 1024; ok "a server that says what was pinned is called"
printf '{"process":{"commands":{"hi":{"command":["echo","hi"]},"ho":{"command":["echo","ho"]}}}}' >"$folder/pinned.json"
run 1 policy pin "$folder/pinned.manifest.yaml" --check && says "NOT what was pinned" && says "process changed: /"; ok "policy pin --check: what changed is told"
run 1 run "$folder/pinned.yaml" '{}' && tells "the server far is suspended" && tells "process changed: /"; ok "a server that says something else is not called, and people see what changed"
run 0 policy pin "$folder/pinned.manifest.yaml" --write && run 0 run "$folder/pinned.yaml" '{}' && says 1024; ok "until it is pinned anew"
run 2 policy pin "$folder/pinned.manifest.yaml" --server near && tells near; ok "policy pin of a server that is not there"
for format in text svg mermaid dot; do run 0 graph draw $math --format $format && says agent; ok "graph draw --format $format"; done
run 0 graph schema && says '$schema' && "$fairlead" graph schema | grep -q mcpServers; ok "graph schema"
run 0 mcp list -- "$fairlead" mcp serve && says calculator; ok "mcp list of our own server"
run 0 mcp call calculator '{"expression":"2^10"}' -- "$fairlead" mcp serve && says 1024; ok "mcp call"
run 0 mcp inspect -- "$fairlead" mcp serve && says "speaks 2026-07-28 (modern)" && says calculator && says takes; ok "mcp inspect of our own server"
run 0 mcp inspect --json --log --revision 2025-06-18 -- "$fairlead" mcp serve && says '"era":"legacy"' && tells '--> {"jsonrpc"'; ok "mcp inspect as JSON, with the wire, in an older revision"
FAIRLEAD_AUTH_DIR=$folder/auth; export FAIRLEAD_AUTH_DIR
run 0 mcp status && says "logged in nowhere"; ok "mcp status without a login"
run 0 mcp status --json && ! says "{"; ok "and as JSON: no rows"
run 0 mcp logout https://example.org/mcp && says "no tokens to forget"; ok "mcp logout where there was no login"
run 2 mcp logout && tells "name the server's URL, or --all"; ok "mcp logout needs a server"
run 2 mcp login && tells "name the server"; ok "mcp login needs a server"
run 1 mcp login http://127.0.0.1:1/mcp --no-browser && tells "127.0.0.1"; ok "mcp login where nobody answers"
[ ! -e "$folder/auth" ]; ok "and nothing is kept of that"
run 1 mcp inspect http://127.0.0.1:1/mcp && tells "cannot be reached"; ok "a URL where nobody answers is named"
run 2 mcp list --url http://127.0.0.1:1 --graph $math && tells "--url"; ok "servers are named in one way"
plugin=$PWD/build/test-plugin.so
run 0 mcp list -- "$fairlead" mcp serve --plugin "$plugin" && says shout && ! says calculator; ok "a plugin's tools are served"
run 0 mcp list -- "$fairlead" mcp serve --plugin "$plugin" --builtin && says shout && says calculator; ok "and the built-in ones as well"
run 0 mcp call shout '{"text":"ahoy"}' -- "$fairlead" mcp serve --plugin "$plugin" && says 'AHOY!'; ok "mcp call of a plugin's tool"
run 0 mcp call count_to '{"last":3}' -- "$fairlead" mcp serve -p "$plugin" && says 3 && tells "/3 counting"; ok "a plugin's tool tells its progress"
run 1 mcp call count_to '{"last":-3}' -- "$fairlead" mcp serve -p "$plugin" && tells "count up to -3"; ok "a plugin's tool fails"
run 2 mcp serve --plugin README.md && tells README.md; ok "a file that is no plugin is named"
run 1 mcp serve -p "$plugin" -p "$plugin" && tells shout; ok "two tools of one name are told"
skills=$PWD/tests/interop/conformance/skills
run 0 mcp list -- "$fairlead" mcp serve --skills "$skills" && says calculator; ok "a folder of skills is served beside the tools"
run 1 mcp serve --skills /nonexistent && tells nonexistent; ok "a folder of skills that is not there is named"
mkdir -p "$folder/notes" && echo "a rope" >"$folder/notes/a.md"
run 0 mcp list -- "$fairlead" mcp serve --root n="$folder/notes" --ping localhost --private && says read_file && says ping && says calculator && ! says write_file && ! says fetch; ok "options switch built-in tools on"
run 0 mcp call read_file '{"path":"a.md"}' -- "$fairlead" mcp serve --root n="$folder/notes" && says "a rope"; ok "a file below a root"
run 0 mcp call write_file '{"path":"b.md","text":"x"}' -- "$fairlead" mcp serve --root n="$folder/notes:write" && [ "$(cat "$folder/notes/b.md")" = x ]; ok "a root that may be written"
run 2 mcp serve --root notes && tells "NAME=PATH"; ok "a root without a name"
run 1 mcp serve --root n=/nonexistent && tells '/nonexistent'; ok "a root that is not there is named"
run 2 mcp serve --private && tells "--fetch or --ping"; ok "--private alone means nothing"
echo '{"process":{"commands":{"hi":{"command":["echo","hi there"]}}}}' >"$folder/settings.json"
run 0 mcp call process '{"command":"hi"}' -- "$fairlead" mcp serve --builtin-config "$folder/settings.json" && says 'hi there' && says '"exit_status":0'; ok "a command that the settings name"
echo '{"proces":{}}' >"$folder/settings.json"
run 2 mcp serve --builtin-config "$folder/settings.json" && tells proces; ok "a mistyped setting is named"
run 2 mcp serve --builtin-config "$folder/nowhere.json" && tells nowhere.json; ok "settings that are not there are named"
run 0 mcp list -- "$fairlead" mcp serve --graph $math --graph examples/how-to/payback.yaml && says payback && says "message: string" && ! says calculator; ok "graphs are served as tools"
run 0 mcp call math '{"message":"what'"'"'s (3 + 5) x 12?"}' -- "$fairlead" mcp serve --graph $math && says 96 && tells agent; ok "a call of a graph runs it, and tells its nodes"
run 1 mcp call payback '{"amount":3}' -- "$fairlead" mcp serve --graph examples/how-to/payback.yaml && tells "threads resume"; ok "who cannot be asked is told how to go on"
run 0 threads resume "$(sed -n 's/.*threads resume \([^ ]*\) .*/\1/p' "$err")" '"yes"' && says "paid back 3"; ok "and the thread goes on so"
run 2 mcp serve --store x.db && tells "go with --graph"; ok "a store without a graph means nothing"
run 2 mcp serve --graph tests/cli/typo.yaml && tells typo.yaml; ok "mistakes of a graph that is to be served are told"
run 2 mcp serve --graph $math --graph $math && tells math; ok "two graphs of one name are told"
"$fairlead" mcp serve --graph $math --http 0 2>"$folder/listens" & server=$!
for wait in 1 2 3 4 5 6 7 8 9 10; do grep -q "listening" "$folder/listens" && break; sleep 0.2; done
url=$(sed -n 's/^listening on //p' "$folder/listens")
run 0 mcp call math '{"message":"what'"'"'s (3 + 5) x 12?"}' --url "$url" && says 96; ok "a graph at a URL"
printf 'manifest: 1\nid: web\nservers: { web: { url: "%s", pin: { tools: "%064d", on_change: refuse } } }\ntools: [ { match: web/* } ]\n' "$url" 0 >"$folder/web.manifest.yaml"
printf 'fairlead: 1\nname: web\nmanifest: web.manifest.yaml\nstate: { said: {} }\nmcpServers: { web: { url: "%s" } }\nnodes: { t: { type: tool, tool: web/math, args: { message: "'"'add 1 and 2'"'" }, write: said } }\nedges: [ START -> t -> END ]\n' "$url" >"$folder/web.yaml"
run 1 policy pin "$folder/web.manifest.yaml" --check && says "NOT what was pinned" && says "cannot be said"; ok "policy pin at a URL"
run 1 run "$folder/web.yaml" '{}' && tells "the server web is suspended"; ok "a server at a URL that was not pinned so ends the run"
run 0 policy pin "$folder/web.manifest.yaml" --write && run 0 policy pin "$folder/web.manifest.yaml" --check; ok "and is pinned"
kill $server; wait $server; ok "which ends in order"
run 0 mcp call add '{"a":1,"b":2}' --graph $math && says 3; ok "mcp call by a graph's server"
run 2 mcp call ad '{}' --graph $math && tells 'did you mean "add"'; ok "a mistyped tool is suggested"

approval=tests/cli/approval.yaml
run 3 run $approval --thread a1 '{"amount": 40}' && tells "refund" && tells "--resume"; ok "an interrupt exits with 3 and says how to go on"
run 0 run $approval --thread a1 --resume '"yes"' && says "the person said yes"; ok "resume answers it"
run 1 run $approval --thread a1 --resume '"yes"'; ok "a second resume is refused"
run 3 run $approval --thread a2 '{"amount": 7}' && run 1 run $approval --thread a2 --resume '"no"' && tells "refused: 7"; ok "a fail node fails the run with its message"
run 1 run $approval --thread a3 '{"amuont": 7}' && tells amount; ok "an unknown channel in the input is suggested"
run 3 run $math --thread stops --interrupt-before agent "what's (3 + 5) x 12?" && tells "stopped before node agent"; ok "--interrupt-before stops one run"
run 0 run $math --thread stops && says 96; ok "and the next one goes on"
run 2 run $math --interrupt-after agnet hello && tells "did you mean \"agent\"?"; ok "a node that is not there is told"
run 0 threads list --status interrupted; ok "threads list --status"

: >"$FL_COUNT_FILE"
FL_TOOL_SLEEP_MS=3000 "$fairlead" run tests/cli/slow.yaml --thread s1 "what's (3 + 5) x 12?" >"$out" 2>"$err" &
pid=$!
while ! grep -q begin "$FL_COUNT_FILE"; do sleep 0.05; done
"$fairlead" run tests/cli/slow.yaml --thread s1 "now add 4" >"$out.2" 2>"$err.2"; code=$?
[ $code -eq 1 ] && grep -q "$pid" "$err.2"; ok "a second process on the same thread is told who holds it"
"$fairlead" run tests/cli/slow.yaml --thread s1 --on-busy enqeue "now add 4" >"$out.2" 2>"$err.2"; code=$?
[ $code -eq 2 ] && grep -q "reject, enqueue, interrupt or rollback" "$err.2"; ok "--on-busy says what it takes"
"$fairlead" run $math --thread s2 "what's (3 + 5) x 12?" >"$out.2" 2>"$err.2" && grep -q 96 "$out.2"; ok "another thread of the same store works meanwhile"
kill -INT $pid; wait $pid; [ $? -eq 130 ] && tells "the thread is kept"; ok "Ctrl-C cancels with 130 and keeps the thread"
run 0 run tests/cli/slow.yaml --thread s1 "what's (3 + 5) x 12?" && says 96; ok "and the same command finishes it"


# busy ID WAY: a slow run on the thread, and a second one beside it; its exit code in $second, the first one's in $first
busy() { : >"$FL_COUNT_FILE"
  FL_TOOL_SLEEP_MS=700 "$fairlead" run tests/cli/slow.yaml --thread "$1" "what's (3 + 5) x 12?" >"$out.2" 2>"$err.2" &
  pid=$!
  while ! grep -q begin "$FL_COUNT_FILE"; do sleep 0.05; done
  "$fairlead" run tests/cli/slow.yaml --thread "$1" --on-busy "$2" "hello" >"$out" 2>"$err"; second=$?
  wait $pid; first=$?; "$fairlead" threads show "$1" >"$out.2"; }
busy w1 enqueue; [ $first -eq 0 ] && [ $second -eq 0 ] && [ "$(grep -c '  user ' "$out.2")" -eq 2 ]; ok "--on-busy enqueue: the second run waits for the first"
busy w2 rollback; [ $first -eq 130 ] && [ $second -eq 0 ] && ! grep -q "user  *what" "$out.2"; ok "--on-busy rollback: the first run is cancelled, and gone"
busy w3 interrupt; [ $first -eq 130 ] && [ $second -eq 0 ] && grep -q "user  *what" "$out.2"; ok "--on-busy interrupt: the first run is cancelled, what it wrote stays"

: >"$FL_COUNT_FILE"
FL_TOOL_SLEEP_MS=1500 "$fairlead" run tests/cli/slow.yaml --thread k1 "what's (3 + 5) x 12?" >"$out" 2>"$err" &
pid=$!
while ! grep -q 'begin multiply' "$FL_COUNT_FILE"; do sleep 0.05; done
kill -9 $pid; wait $pid 2>/dev/null
sleep 2; ! is_running "$FL_COUNTING_TOOLS"; ok "two seconds after kill -9 no tool server is left"
run 0 run tests/cli/slow.yaml --thread k1 "what's (3 + 5) x 12?" && says 96 && tells "finishing it" && \
  [ "$(grep -c 'begin add' "$FL_COUNT_FILE")" -eq 1 ]; ok "kill -9 in the middle: the rerun finishes, and add was called once"

# ---- at a terminal ----

# talk CODE ARGS…: the conversation on standard input, with fairlead at a terminal
talk() { expected=$1; shift; env -u NO_COLOR TERM=xterm LANG= "$build/converse" "$fairlead" "$@" >"$out" 2>"$err"; code=$?
  [ $code -eq "$expected" ] || { echo "exit $code, expected $expected: $*" >>"$err"; return 1; }; }
talk 0 run $math --thread c1 <<'END' && says "go on with --thread c1"; ok "a conversation at a terminal, with history by arrow-up"
< >
> what's (3 + 5) x 12?\r
< The answer is 96
< >
> now add 4\r
< The answer is 100
< >
> \e[A\r
< The answer is 104
< >
> \x04
END
talk 0 run $math --thread c1 <<'END'; ok "Ctrl-Z gives back the terminal, and afterwards the line is there and arrows work"
< >
> now add 5
< now add 5
z
< now add 5
> \x7f4\r
< The answer is
< >
z
< >
> \e[A\r
< now add 4
< The answer is
< >
> \x04
END
talk 0 run tests/cli/ask.yaml --thread c2 <<'END'; ok "Ctrl-C discards the line, letters beyond ASCII are letters, a question takes its answer"
< >
> not meant\x03
< ^C
< >
> ça va? 日本 🙂!\x7f\r
< You said ça va? 日本 🙂
< ask asks: {"question":"May I say it?"
< answer>
> \x03
< answer>
> \r
< answer>
> yes\r
< said
< >
> \x04
END
run 0 threads show c2 --json && says '"content":"ça va? 日本 🙂"' && ! says "not meant"; ok "and nothing else was sent"
talk 0 run tests/cli/ask.yaml --thread c3 <<'END'; ok "leaving at a question"
< >
> hello\r
< answer>
> \x04
END
talk 0 run tests/cli/ask.yaml --thread c3 <<'END'; ok "and coming back to it"
< ask asks:
< answer>
> no\r
< not said: no
< >
> \x04
END
: >"$FL_COUNT_FILE"
FL_TOOL_SLEEP_MS=1000; export FL_TOOL_SLEEP_MS
talk 0 run tests/cli/slow.yaml --thread c4 <<'END'; ok "Ctrl-C cancels a step and keeps the conversation"
< >
> what's (3 + 5) x 12?\r
< math/add
! \x03
< cancelled; what was begun is finished
< >
> \x04
END
talk 0 run tests/cli/slow.yaml --thread c4 <<'END'; ok "which is finished when it is taken up again"
< finishing what was begun
< The answer is 96
< >
> \x04
END
unset FL_TOOL_SLEEP_MS
{ cat tests/cli/ask.yaml; echo "interrupt_before: [agent]"; } | sed "s,ask-script,$PWD/tests/cli/ask-script," >"$folder/stop.yaml"
talk 0 run "$folder/stop.yaml" --thread c5 <<'END'; ok "a stop goes on with Enter, not with Ctrl-C"
< >
> hello\r
< stopped before node agent
< (Enter goes on) >
> \x03
< (Enter goes on) >
> \r
< You said hello
< answer>
> \x04
END

# a tool's server asks a person: today's protocol, a legacy server whose call dies with the process, a page
accept='{"action":"accept","content":{"count":3,"sure":true}}'
for kind in asking asking-legacy; do
  : >"$FL_COUNT_FILE"
  run 3 run tests/cli/$kind.yaml --thread $kind '{"what":"tea"}' && tells "the server shop asks, in a call of shop/order" &&
    tells "How many, and are you sure?" && tells "- count (integer, at least 1, at most 9, required): how many" &&
    tells '"action": "accept", "content": {"count": …' && ! grep -q "^order" "$FL_COUNT_FILE"; ok "$kind: the question has its fields, and how to answer"
  run 3 run tests/cli/$kind.yaml --thread $kind --resume '{"action":"accept","content":{"count":30,"sure":true}}' &&
    tells 'could not be used: /count does not satisfy "maximum"'; ok "$kind: what does not fit is asked for again"
done
run 0 run tests/cli/asking.yaml --thread asking --resume "$accept" && says "ordered 3 tea"; ok "another process brings the answer to the server"
: >"$FL_COUNT_FILE"
run 3 run tests/cli/asking-legacy.yaml --thread asking-legacy --resume "$accept" && tells outcome_unknown && ! grep -q "^order" "$FL_COUNT_FILE"; ok "a legacy server's call died with its process: its outcome is asked about"
run 0 run tests/cli/asking-legacy.yaml --thread asking-legacy --resume '"retry"' && says "ordered 3 tea" &&
  [ "$(grep -c ^order "$FL_COUNT_FILE")" -eq 1 ]; ok "and repeated, with the answer that was given"
run 3 run tests/cli/asking-page.yaml --thread page '{}' && tells "at the page https://shop.test/in?x=1"; ok "a page to visit is shown"
run 0 run tests/cli/asking-page.yaml --thread page --resume '{"action":"decline"}' && says "tea: decline"; ok "no is an answer, too"

# the call is held while the person answers, field by field
: >"$FL_COUNT_FILE"
talk 0 run tests/cli/asking-chat.yaml --thread chat <<'END' && [ "$(grep -c ^ask "$FL_COUNT_FILE")" -eq 2 ] && [ "$(grep -c ^order "$FL_COUNT_FILE")" -eq 1 ]; ok "in a conversation a server's form is filled in line by line, while its call waits"
< >
> please order\r
< How many, and are you sure?
< count (integer, at least 1, at most 9, required): how many [or /decline, /cancel]
< answer>
> some\r
< that does not fit
< answer>
> 4\r
< colour (string of red, green)
< answer>
> \r
< sure (boolean, required)
< answer>
> yes\r
< Done: ordered 4 tea
< >
> please order\r
< count (integer
< answer>
> /decline\r
< Not done: tea: decline
< >
> \x04
END

mkdir "$folder/ro" && chmod 500 "$folder/ro"
if [ "$(id -u)" != 0 ]; then run 1 run $math --store "$folder/ro/x/s.db" hello && tells "$folder/ro"; ok "a store that cannot be made is told"; fi
echo "this is no database, and it is long enough to be read as one" >"$folder/bad.db"
run 1 run $math --store "$folder" hello && tells "cannot open the store $folder:" && tells "--store"; ok "a folder is no store, and it says how to name another"
run 1 run $math --store "$folder/bad.db" hello && tells bad.db; ok "a file that is no store is refused and kept"
grep -q "no database" "$folder/bad.db"; ok "and not overwritten"
echo "1..$row"
exit $failed

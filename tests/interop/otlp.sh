#!/bin/sh
# SPDX-License-Identifier: MIT
# What `fairlead trace export` writes, read by OpenTelemetry's own definitions (the Python package, pinned in
# otlp/requirements.txt) and by protoc. Prints TAP. A decoder that cannot be installed here is a skipped row.
#   sh tests/interop/otlp.sh     the program: $FAIRLEAD, else build/fairlead
set -u
cd "$(dirname "$0")/../.." || exit 1
. examples/packages.sh
program=${FAIRLEAD:-$PWD/build/fairlead} venv=$PWD/build/otlp
skip_all() { echo "ok 1 - otlp # SKIP $1"; echo "1..1"; exit 0; }

mkdir -p build
if ! cmp -s tests/interop/otlp/requirements.txt "$venv/installed.txt"; then
  python3 -m venv "$venv" >"$venv.log" 2>&1 && "$venv/bin/pip" install -q -r tests/interop/otlp/requirements.txt >>"$venv.log" 2>&1 ||
    { cat "$venv.log" >&2; skip_all "pip install failed"; }
  cp tests/interop/otlp/requirements.txt "$venv/installed.txt"
fi
command -v protoc >/dev/null || need_packages protobuf-compiler >&2

folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
export FAIRLEAD_STORE="$folder/store.db"
cat >"$folder/graph.yaml" <<'GRAPH'
fairlead: 1
name: talk
state: { messages: { reducer: messages }, n: { type: integer, default: 0 } }
models: { main: { provider: scripted, script: script.yaml } }
nodes:
  agent: { type: agent, model: main }
  count: { type: set, write: { n: state.n + 1 } }
edges:
  - START -> agent
  - agent -> count
  - from: count
    branch:
      - { when: "state.n < 5", to: count }
      - { to: END }
GRAPH
cat >"$folder/script.yaml" <<'SCRIPT'
replies:
  - when: { user: hello }
    text: "Good day \u20ac"
    usage: { input_tokens: 300, output_tokens: 7 }
SCRIPT
for i in 1 2 3; do "$program" run "$folder/graph.yaml" -t "t$i" hello >/dev/null 2>&1 || exit 1; done
"$program" run "$folder/graph.yaml" -t failed nobody-knows >/dev/null 2>&1
"$program" trace export --format otlp-protobuf >"$folder/trace.pb" || exit 1
"$program" trace export --format otlp-json >"$folder/trace.json" || exit 1
# shellcheck disable=SC2046
"$venv/bin/python" tests/interop/otlp/check.py "$folder/trace.pb" "$folder/trace.json" $(command -v protoc)

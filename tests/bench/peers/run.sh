#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the jobs of peer.py (LangGraph for Python) and peer.mjs (LangGraphJS), one process each, in turn; prints their
# lines of JSON. What cannot be installed or does not run here is said on standard error, each with the reason
# ("skipped: PEER: …").
#   sh tests/bench/peers/run.sh FOLDER    FOLDER: for their databases and packages, on a real disk
# A job may take FL_BENCH_JOB_S seconds (900; with FL_BENCH_WHOLE=1, see peer.py, 7200).
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 1
root=$(cd "$here/../../.." && pwd)
mkdir -p "$1" && cd "$1" || exit 1
folder=$PWD
. "$root/examples/packages.sh"
[ "${FL_BENCH_WHOLE:-}" = 1 ] && job_s=${FL_BENCH_JOB_S:-7200} || job_s=${FL_BENCH_JOB_S:-900}
node=$folder/js/node_modules/node/bin/node

skip() { echo "skipped: $1: $2" >&2; return 1; }

have_python() {
  command -v python3 >/dev/null || need_packages python3 python3-venv >&2 ||
    { skip LangGraph "python3 is not to be had here"; return; }
  cat "$here/requirements.txt" "$root/tests/interop/langgraph/requirements.txt" >wanted.txt
  cmp -s wanted.txt python/installed.txt && return
  rm -rf python
  { python3 -m venv python || { need_packages python3-venv && python3 -m venv --clear python; }; } >python.log 2>&1 &&
    python/bin/pip install -q -r "$here/requirements.txt" >>python.log 2>&1 ||
    { skip LangGraph "its packages cannot be installed: $folder/python.log"; return; }
  cp wanted.txt python/installed.txt
}

# Node is the one that the npm package brings, with its headers. The SQLite module of LangGraphJS is compiled against
# these and by this node: a finished one cannot be fetched everywhere, and one for another node does not load.
sqlite_loads() { (cd js && "$node" -e 'new (require("better-sqlite3"))(":memory:")') >>js/npm.log 2>&1; }

compile_sqlite() {
  need_packages g++ make python3 >&2 || return 1
  header=$(find "$folder/js/node_modules/node" -path '*/include/node/node.h' | head -1)
  (cd js/node_modules/better-sqlite3 &&
    "$node" ../node-gyp/bin/node-gyp.js rebuild --release --nodedir="${header%/include/node/node.h}") >>js/npm.log 2>&1
}

install_js() {
  rm -rf js/node_modules js/installed.json
  cp "$here/package.json" js/package.json
  (cd js && npm install --no-package-lock --ignore-scripts && cd node_modules/node && node installArchSpecificPackage.js) \
    >js/npm.log 2>&1
}

have_node() {
  command -v npm >/dev/null || need_packages nodejs npm >&2 || { skip LangGraphJS "npm is not to be had here"; return; }
  mkdir -p js && cp "$root/tests/interop/npmrc" js/.npmrc && cp "$here/peer.mjs" js/
  cmp -s "$here/package.json" js/installed.json || install_js ||
    { skip LangGraphJS "its packages cannot be installed: $folder/js/npm.log"; return; }
  "$node" --version | grep -qE '^v22\.' || { skip LangGraphJS "node 22 did not install: $folder/js/npm.log"; return; }
  sqlite_loads || { compile_sqlite && sqlite_loads; } ||
    { skip LangGraphJS "its SQLite module cannot be compiled: $folder/js/npm.log"; return; }
  cp "$here/package.json" js/installed.json
}

why() { # EXIT-CODE FILE: a sentence
  [ "$1" != 124 ] || { echo "took more than $job_s seconds"; return; }
  echo "failed with $1: $2: $(grep -v '^ *$' "$2" | tail -1 | cut -c 1-200)"
}

run_job() { # PEER JOB COMMAND…
  peer=$1 job=$2 && shift 2
  rm -f "$folder"/py-*.db* "$folder"/js-*.db*
  echo "# $peer $job, load $(cut -d ' ' -f 1 /proc/loadavg)" >&2
  timeout "$job_s" "$@" "$job" "$folder" 2>"$peer-$job.err" || skip "$peer" "its job $job $(why $? "$peer-$job.err")"
}

have_python && python=yes || python=no
have_node && js=yes || js=no
for job in start start start start start runs durable talk delta waiting flight durable-flight; do
  [ $python = no ] || run_job langgraph $job python/bin/python -B "$here/peer.py"
  [ $js = no ] || run_job langgraphjs $job "$node" --expose-gc --no-warnings js/peer.mjs
done
rm -f py-*.db* js-*.db*
exit 0

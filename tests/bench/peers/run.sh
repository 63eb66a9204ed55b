#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the jobs of peer.py (LangGraph for Python) and peer.mjs (LangGraphJS), one process each, in turn; prints their
# lines of JSON. What cannot be installed here is said on standard error, once for each peer ("skipped: …").
#   sh tests/bench/peers/run.sh FOLDER    FOLDER: for their databases and packages, on a real disk
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 1
root=$(cd "$here/../../.." && pwd)
mkdir -p "$1" && cd "$1" || exit 1
folder=$PWD
. "$root/examples/packages.sh"

skip() { echo "skipped: $1: $2" >&2; return 1; }

have_python() {
  command -v python3 >/dev/null || { skip LangGraph "python3 is not to be had here"; return; }
  cat "$here/requirements.txt" "$root/tests/interop/langgraph/requirements.txt" >wanted.txt
  cmp -s wanted.txt python/installed.txt && return
  python3 -m venv python >python.log 2>&1 && python/bin/pip install -q -r "$here/requirements.txt" >>python.log 2>&1 ||
    { skip LangGraph "its packages cannot be installed: $folder/python.log"; return; }
  cp wanted.txt python/installed.txt
}

# Its SQLite module is compiled where no finished one can be fetched, against the headers of the node that is there.
have_node() {
  command -v npm >/dev/null || need_packages nodejs npm >&2 || { skip LangGraphJS "npm is not to be had here"; return; }
  mkdir -p js && cp "$root/tests/interop/npmrc" js/.npmrc && cp "$here/peer.mjs" js/
  cmp -s "$here/package.json" js/installed.json && return
  cp "$here/package.json" js/package.json
  [ -f /usr/include/node/node.h ] && export npm_config_nodedir=/usr
  (cd js && npm install --no-package-lock >npm.log 2>&1) ||
    { skip LangGraphJS "its packages cannot be installed: $folder/js/npm.log"; return; }
  cp "$here/package.json" js/installed.json
}

run_job() { # PEER JOB COMMAND…
  peer=$1 job=$2 && shift 2
  rm -f "$folder"/py-*.db* "$folder"/js-*.db*
  "$@" "$job" "$folder" 2>"$peer-$job.err" || { skip "$peer" "its job $job failed: $folder/$peer-$job.err"; return 0; }
}

have_python && python=yes || python=no
have_node && node=yes || node=no
for job in start runs durable talk delta waiting flight; do
  [ $python = no ] || [ $job = delta ] || run_job langgraph $job python/bin/python -B "$here/peer.py"
  [ $node = no ] || run_job langgraphjs $job node --expose-gc --no-warnings js/peer.mjs
done
rm -f py-*.db* js-*.db*

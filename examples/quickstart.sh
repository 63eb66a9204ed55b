#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what is missing, builds fairlead into build/, and runs its main job: an agent with tools, from a graph file.
#   sh examples/quickstart.sh [--thread ID] [--store PATH] [TEXT]
# It needs no key and no network after the packages: the model of the example is a script.
set -eu
cd "$(dirname "$0")/.."
. examples/packages.sh

thread="quickstart-$(date +%Y%m%d-%H%M%S)"
store=""
text="what's (3 + 5) x 12?"
while [ $# -gt 0 ]; do
  case "$1" in
  --thread) thread="$2"; shift 2 ;;
  --store) store="$2"; shift 2 ;;
  -h | --help) sed -n '3,5s/^# //p' "$0"; exit 0 ;;
  *) text="$1"; shift ;;
  esac
done

# shellcheck disable=SC2086
need_packages $packages_build
[ -f build/build.ninja ] || meson setup build -Dtests=false --buildtype=release -Dwerror=false >build-setup.log 2>&1 ||
  { cat build-setup.log >&2; exit 1; }
rm -f build-setup.log
echo "Building (build/fairlead)…" >&2
ninja -C build >build/quickstart.log 2>&1 || { tail -40 build/quickstart.log >&2; exit 1; }

echo "\$ fairlead run examples/math/agent.yaml --thread $thread \"$text\"" >&2
if [ -n "$store" ]; then build/fairlead run examples/math/agent.yaml --thread "$thread" --store "$store" "$text"
else build/fairlead run examples/math/agent.yaml --thread "$thread" "$text"; fi

cat >&2 <<END

The conversation is on disk. Try next:
  build/fairlead run examples/math/agent.yaml --thread $thread "now add 4"
  build/fairlead threads show $thread
  build/fairlead graph draw examples/math/agent.yaml
  build/fairlead mcp list --graph examples/math/agent.yaml
With a real model: set OPENAI_API_KEY (and OPENAI_BASE_URL for any compatible server), then
  build/fairlead run examples/math/agent.yaml --model openai/gpt-4.1-mini "what is 17 x 23 + 4?"
END

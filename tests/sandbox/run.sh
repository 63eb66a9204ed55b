#!/bin/sh
# SPDX-License-Identifier: MIT
# What a hostile tool gets under the launcher, as root (when that is who runs this) and as an ordinary user, with all
# layers and with each of them switched off; hogs; pinned programs. Then what a manifest says of it, in runs of graphs
# (graph.sh), and cgroups (cgroup.sh). Prints TAP.
#   sh tests/sandbox/run.sh [--table]    --table: also what came of each attempt under each set of layers
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0
build/sandbox "$@" "$PWD/build/fairlead-launch" "$PWD/build/sandbox-hostile" || failed=1
sh tests/sandbox/graph.sh "$PWD/build" || failed=1
sh tests/sandbox/cgroup.sh "$PWD/build" || failed=1
exit $failed

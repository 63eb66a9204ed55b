#!/bin/sh
# SPDX-License-Identifier: MIT
# What a hostile tool gets under the launcher, as root (when that is who runs this) and as an ordinary user, with all
# layers and with each of them switched off; hogs; pinned programs. Prints TAP.
#   sh tests/sandbox/run.sh [--table]    --table: also what came of each attempt under each set of layers
set -u
cd "$(dirname "$0")/../.." || exit 1
exec build/sandbox "$@" "$PWD/build/fairlead-launch" "$PWD/build/sandbox-hostile"

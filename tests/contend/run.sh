#!/bin/sh
# SPDX-License-Identifier: MIT
# Eight clients run one thread at the same time, in one process and in eight that are stopped past their leases, and the
# eight killed, with each strategy for a busy thread; and interrupts are resumed twice at once. What every client was told
# is compared with the history. Prints TAP.
#   sh tests/contend/run.sh [--all] [--only TEXT] [--seed N]    the short form: 80 runs a row, 40 rounds; --all: 2,000
#                                                               runs a row (10,000 in one process, 10,000 in eight) and
#                                                               1,000 rounds
set -u
cd "$(dirname "$0")/../.." || exit 1
export FL_CONTEND_WORKER="$PWD/build/contend-worker" FL_FAIRLEAD="$PWD/build/fairlead"
base=${TMPDIR:-/tmp}
[ ! -w /dev/shm ] || base=/dev/shm
FL_CONTEND_FOLDER=$(mktemp -d "$base/fairlead-contend-XXXXXX") || exit 1
export FL_CONTEND_FOLDER
trap 'rm -rf "$FL_CONTEND_FOLDER"' EXIT INT TERM
build/contend "$@"

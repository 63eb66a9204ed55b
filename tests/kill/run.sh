#!/bin/sh
# SPDX-License-Identifier: MIT
# Lets runs go wrong from outside, at every n-th writing system call and at random times, gives the command again, and
# checks that no finished task runs again, no result is lost and no tool is called twice unless a person said so. Also
# full and failing disks, interrupted and short writes, no memory, and loss of power. Prints TAP.
#   sh tests/kill/run.sh [--all] [--only TEXT]     the short form takes some of the points (under a minute); --all takes
#                                                  every one, and counts with strace once more (hours on a busy machine)
set -u
cd "$(dirname "$0")/../.." || exit 1
export FL_COUNTING_TOOLS="$PWD/build/counting-tools" FL_FAIRLEAD="$PWD/build/fairlead"
export FL_KILL_WORKER="$PWD/build/kill-worker" FL_FAULT_LIBRARY="$PWD/build/fault.so"
base=${TMPDIR:-/tmp}
[ ! -w /dev/shm ] || base=/dev/shm # what a killed process wrote is there without a disk, and thousands of runs are quick
FL_KILL_FOLDER=$(mktemp -d "$base/fairlead-kill-XXXXXX") || exit 1
export FL_KILL_FOLDER
trap 'rm -rf "$FL_KILL_FOLDER"' EXIT INT TERM
build/kill-sweep "$@"
code=$?
build/kill-served "$@" || code=1
sh tests/kill/migrate.sh || code=1
sh tests/kill/seal.sh ${*:+"$@"} || code=1
case " $* " in
*" --all "*) sh tests/kill/strace.sh || code=1 ;;
esac
exit $code

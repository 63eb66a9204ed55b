#!/bin/sh
# SPDX-License-Identifier: MIT
# Whether what was started is gone afterwards: servers after their clients were closed or killed, our server after its
# input has ended. Prints TAP.
#   sh tests/life/run.sh [--all] [--only TEXT] [--seed N]    the short form takes a few of each; --all: 1,000 cycles, and
#                                                            40 or 300 of each kind of kill (four minutes)
set -u
cd "$(dirname "$0")/../.." || exit 1
export FL_LIFE_PROGRAMS="$PWD/build"
exec build/life "$@"

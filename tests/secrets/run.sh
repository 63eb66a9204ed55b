#!/bin/sh
# SPDX-License-Identifier: MIT
# 24 canary secrets, given to a server that says them back in every spelling, and to a model that does so too: none is
# found in the store, its journal, what is told, exports, arguments and environments of other processes, core files.
# A control without secrets shows that the search finds each of them. Prints TAP.
#   sh tests/secrets/run.sh        FL_SECRETS_KEEP=1: keeps the folder
set -u
cd "$(dirname "$0")/../.." || exit 1
exec build/secrets "$PWD/build"

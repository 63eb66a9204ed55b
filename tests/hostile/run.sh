#!/bin/sh
# SPDX-License-Identifier: MIT
# Servers that do what people complain about, beside a good one in the same process. Prints TAP.
#   sh tests/hostile/run.sh [--all] [--only TEXT]    the short form: less of each, some rows over HTTP left out, two threads only
set -u
cd "$(dirname "$0")/../.." || exit 1
export FL_HOSTILE_RUDE="$PWD/build/hostile-rude" FL_HOSTILE_RUDE_HTTP="$PWD/build/hostile-rude-http"
exec build/hostile "$@"

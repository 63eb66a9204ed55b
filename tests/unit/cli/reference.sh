#!/bin/sh
# SPDX-License-Identifier: MIT
# The reference of the C library has every function of every public header. TAP.
#   reference.sh PAGE HEADER…
page=$1 row=0 failed=0
shift
for header in "$@"; do
  row=$((row + 1)) missing=
  for name in $(tr '\n' ' ' <"$header" | sed 's|#define FL_API[^)]*)))*||' | grep -o 'FL_API [^;{]*;' | sed 's/(.*//; s/.*[ *]//'); do
    grep -q "[ *]$name(" "$page" || missing="$missing $name"
  done
  if [ -z "$missing" ]; then echo "ok $row - $(basename "$header")"; else
    echo "not ok $row - $(basename "$header")"
    echo "# missing:$missing"
    failed=1
  fi
done
row=$((row + 1))
[ "$(grep -c '^```c' "$page")" -gt 100 ] || { failed=1; printf 'not '; }
echo "ok $row - the page holds the functions"
echo "1..$row"
exit $failed

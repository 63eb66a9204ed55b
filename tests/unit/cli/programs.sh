#!/bin/sh
# SPDX-License-Identifier: MIT
# The small C programs under examples/c do what their heads say: each line "prints: …" is a line of their output. TAP.
#   programs.sh SOURCE_FOLDER PROGRAM_FOLDER
set -u
row=0 failed=0
for source in "$1"/*.c; do
  name=$(basename "$source" .c)
  row=$((row + 1))
  expected=$(sed -n 's/^ \*.*prints: \(.*\)$/\1/p' "$source" | sed 's, \*/$,,')
  printed=$(cd "$1/../.." && "$2/example-$name" 2>&1)
  code=$?
  if [ -n "$expected" ] && [ $code -eq 0 ] && [ "$printed" = "$expected" ]; then echo "ok $row - $name"
  else
    echo "not ok $row - $name"
    failed=1
    printf '# exit %s, printed:\n%s\n' "$code" "$printed" | sed 's/^/# /'
  fi
done
echo "1..$row"
[ $row -ge 10 ] && exit $failed
exit 1

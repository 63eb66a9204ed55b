#!/bin/sh
# SPDX-License-Identifier: MIT
# The how-to pages do what they show. A block ```console is played in a folder with the files of examples/how-to: lines
# that begin with "$ " are commands of one shell, the others what they print, where … stands for anything. A block whose
# first lines are a file of the examples must be that file. TAP.
#   how-to.sh SOURCE_FOLDER BUILD_FOLDER
set -u
root=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PATH=$build:$PATH
export PATH HOME="$work" LC_ALL=C.UTF-8 NO_COLOR=1
unset COLUMNS FAIRLEAD_STORE XDG_DATA_HOME XDG_STATE_HOME 2>/dev/null
row=0 failed=0

report() { # RESULT NAME, with what is wrong in $work/why
  row=$((row + 1))
  if [ "$1" -eq 0 ]; then echo "ok $row - $2"
  else
    echo "not ok $row - $2"
    failed=1
    sed 's/^/# /' "$work/why"
  fi
}

# A script of the page's commands, and what each should print in wanted.N.
take_apart() {
  awk -v folder="$2" '
    /^```console$/ { inside = 1; next }
    /^```$/ { if (inside && n) close(out); inside = 0; next }
    !inside { next }
    /^\$ / { n++; out = folder "/wanted." n; printf "" >out
      printf "%s\n", "exec >\"" folder "/printed." n "\" 2>&1" >(folder "/script")
      print substr($0, 3) >(folder "/script"); next }
    { print >out }' "$1"
}

# Whether a text is the wanted one, line by line, with … for anything.
is_wanted() {
  awk 'function fits(want, got,    parts, count, i, at) {
      count = split(want, parts, "…")
      if (count == 1) return want == got
      if (substr(got, 1, length(parts[1])) != parts[1]) return 0
      got = substr(got, length(parts[1]) + 1)
      for (i = 2; i <= count; i++) {
        if (i == count && parts[i] != "") return length(got) >= length(parts[i]) && substr(got, length(got) - length(parts[i]) + 1) == parts[i]
        at = parts[i] == "" ? 1 : index(got, parts[i])
        if (!at) return 0
        got = substr(got, at + length(parts[i]))
      }
      return 1 }
    NR == FNR { want[++wants] = $0; next }
    { got[++gots] = $0 }
    END { if (wants != gots) exit 1
      for (i = 1; i <= wants; i++) if (!fits(want[i], got[i])) exit 1 }' "$1" "$2"
}

play() { # PAGE
  name=$(basename "$1" .md)
  folder=$work/$name
  mkdir "$folder" "$folder/files"
  cp "$root"/examples/how-to/*.yaml "$root"/examples/graphs/*.yaml "$folder/files"
  take_apart "$1" "$folder"
  [ -f "$folder/script" ] || return 0
  (cd "$folder/files" && FAIRLEAD_STORE=$folder/s.db sh "$folder/script")
  : >"$work/why"
  for wanted in "$folder"/wanted.*; do
    n=${wanted##*.}
    [ -f "$folder/printed.$n" ] || : >"$folder/printed.$n"
    [ -s "$wanted" ] || [ -s "$folder/printed.$n" ] || continue
    is_wanted "$wanted" "$folder/printed.$n" && continue
    { echo "command $n should print"; cat "$wanted"; echo "but prints"; cat "$folder/printed.$n"; } >>"$work/why"
  done
  [ ! -s "$work/why" ]
  report $? "$name: what is shown is what happens"
}

# Blocks of code that are a file of the examples: the first line of the file is the first of the block.
compare() { # PAGE FILE
  head=$(head -1 "$2")
  [ "$head" = "/* SPDX-License-Identifier: MIT */" ] && head=$(sed -n 2p "$2")
  grep -qxF -e "$head" "$1" || return 0
  awk -v head="$head" '$0 == head { inside = 1 } /^```$/ { inside = 0 } inside { print }' "$1" >"$work/block"
  grep -vxF "/* SPDX-License-Identifier: MIT */" "$2" | diff - "$work/block" >"$work/why"
  report $? "$(basename "$1" .md): shows $(basename "$2") as it is"
  echo "$2" >>"$work/shown"
}

: >"$work/shown"
for page in "$root"/docs/how-to/*.md; do
  play "$page"
  for file in "$root"/examples/how-to/*.yaml "$root"/examples/c/*.c "$root"/examples/*.c; do compare "$page" "$file"; done
done
for file in "$root"/examples/how-to/*.yaml; do
  case $file in *-script.yaml) continue ;; esac
  grep -qxF -e "$file" "$work/shown"
  code=$?
  echo "no page shows it" >"$work/why"
  report $code "$(basename "$file") is on a page"
done
echo "1..$row"
[ $row -ge 30 ] && exit $failed
echo "# only $row rows"
exit 1

#!/bin/sh
# SPDX-License-Identifier: MIT
# What `meson install` leaves behind: each file in its place, the program works from anywhere, and programs of others compile and
# run against the library, shared and static. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
root=$PWD
build=$root/build-install prefix=$root/build-install/prefix
folder=$(mktemp -d "${TMPDIR:-/tmp}/fairlead-install-XXXXXX")
trap 'rm -rf "$folder"' EXIT INT TERM
export XDG_DATA_HOME="$folder/data" NO_COLOR=1
unset FAIRLEAD_LAUNCHER FAIRLEAD_NET_MODULE FAIRLEAD_STORE OPENAI_API_KEY
row=0 failed=0
log=$folder/log
: >"$log"

# ok NAME: a row from the result of the command before it
ok() { status=$?; row=$((row + 1)); if [ $status -eq 0 ]; then echo "ok $row - $1"; else
  echo "not ok $row - $1"; failed=1; { echo "--- $1"; tail -30 "$log"; } >&2; fi; : >"$log"; }

[ -f "$build/build.ninja" ] || meson setup "$build" --prefix="$prefix" --buildtype=release -Dtests=false >"$log" 2>&1
ninja -C "$build" >"$log" 2>&1; ok "it builds for a prefix of its own"
rm -rf "$prefix"
meson install -C "$build" --no-rebuild --quiet >"$log" 2>&1; ok "meson install"
pc=$(find "$prefix" -name fairlead.pc)
lib=$(dirname "$(dirname "$pc")")
export PKG_CONFIG_PATH="$lib/pkgconfig"

# ---- the files ----

for file in bin/fairlead libexec/fairlead/fairlead-launch "${lib#"$prefix"/}/libfairlead.so" "${lib#"$prefix"/}/libfairlead.so.0" \
  "${lib#"$prefix"/}/libfairlead.a" "${lib#"$prefix"/}/fairlead/fairlead-net.so" "${lib#"$prefix"/}/fairlead/fairlead-jose.so" share/fairlead/graph-file.schema.json share/fairlead/manifest.schema.json share/fairlead/redteam.schema.json \
  share/fairlead/redteam/banking.yaml share/fairlead/redteam/files-and-web.yaml share/fairlead/redteam/mail-and-calendar.yaml \
  share/man/man1/fairlead.1 share/man/man5/fairlead-graph.5 share/bash-completion/completions/fairlead \
  share/zsh/site-functions/_fairlead share/fish/vendor_completions.d/fairlead.fish; do
  [ -s "$prefix/$file" ]; ok "installed: $(echo "$file" | sed 's,lib/[^/]*-linux-[^/]*,lib,')"
done
for header in graph runtime tools mcp value error; do
  printf '#include <fairlead/%s.h>\nint main(void) { return 0; }\n' $header >"$folder/header.c"
  cc -std=c11 -Wall -Wextra -Werror -pedantic -fsyntax-only "$folder/header.c" $(pkg-config --cflags fairlead) >"$log" 2>&1
  ok "<fairlead/$header.h> stands alone, in plain C11"
done
"$prefix/bin/fairlead" graph schema | cmp -s - "$prefix/share/fairlead/graph-file.schema.json"; ok "the schema is what the program prints"
nm -D --defined-only "$lib/libfairlead.so" | awk '{ print $NF }' | grep -v '^fl_' >"$log"; [ ! -s "$log" ]; ok "the library exports fl_ names alone"
DESTDIR="$folder/dest" meson install -C "$build" --no-rebuild --quiet >"$log" 2>&1
(cd "$prefix" && find . -type f | sort) >"$folder/a"; (cd "$folder/dest$prefix" && find . -type f | sort) >"$folder/b"
diff "$folder/a" "$folder/b" >"$log" && [ "$(ls "$folder/dest")" = "$(echo "$prefix" | cut -d/ -f2)" ]; ok "DESTDIR is heeded"

# ---- the program, from elsewhere ----

cd "$folder" || exit 1
PATH=$prefix/bin:$PATH
fairlead mcp call calculator '{"expression":"2^10"}' -- fairlead mcp serve >"$folder/out" 2>"$log"; grep -q 1024 "$folder/out"
ok "the program finds its launcher"
OPENAI_API_KEY=x OPENAI_BASE_URL=http://127.0.0.1:9/v1 fairlead run "$root/examples/math/agent.yaml" --model openai/x hello 2>"$log"
grep -qi "connect" "$log" && ! grep -q "fairlead-net" "$log"; ok "and its network module"

# ---- programs of others ----

# block FILE LANGUAGE: the first fenced block of that language
block() { awk -v fence="\`\`\`$2" '$0 == fence { on = 1; next } /^```/ && on { exit } on' "$1"; }
block "$root/README.md" c >tool.c
lines=$(wc -l <tool.c); [ "$lines" -ge 10 ] && [ "$lines" -le 17 ]; ok "the README has a tool in $lines lines"
rpath="-Wl,-rpath,$lib"
static=$(pkg-config --static --libs --cflags fairlead | sed 's/-lfairlead/-l:libfairlead.a/')
for kind in shared static; do
  flags="$(pkg-config --cflags --libs fairlead) $rpath"
  [ $kind = shared ] || flags=$static
  # shellcheck disable=SC2086
  cc tool.c $flags -o tool >"$log" 2>&1; ok "the README's tool compiles, $kind"
  ldd tool | grep -q libfairlead; [ $? -eq $([ $kind = shared ]; echo $?) ]; ok "and is linked so"
  fairlead mcp call add '{"a":1,"b":2}' -- ./tool >"$folder/out" 2>"$log"; grep -q 3 "$folder/out"; ok "and adds"
  # shellcheck disable=SC2086
  cc "$root/examples/counter.c" $flags -o counter >"$log" 2>&1 && ./counter >"$folder/out" 2>"$log" && grep -q "n is 10" "$folder/out"
  ok "a graph in C compiles and runs, $kind"
  # shellcheck disable=SC2086
  cc "$root/examples/math/math_tools.c" $flags -o math-tools >"$log" 2>&1
  # shellcheck disable=SC2086
  cc "$root/tests/install/embed.c" $flags -o embed >>"$log" 2>&1; ok "a program that runs graph files compiles, $kind"
  sed 's,command: .*math-tools,command: ./math-tools,' "$root/examples/math/agent.yaml" >agent.yaml
  cp "$root/examples/math/script.yaml" .
  ./embed agent.yaml "what's (3 + 5) x 12?" >"$folder/out" 2>"$log"; grep -q 96 "$folder/out"; ok "and starts tool servers: 96"
done
fairlead run agent.yaml "what's (3 + 5) x 12?" >"$folder/out" 2>"$log" && grep -q 96 "$folder/out"; ok "the installed program runs the example: 96"
[ -s "$folder/data/fairlead/fairlead.db" ]; ok "the store is in the XDG data folder"

# ---- what the docs say ----

block "$root/docs/how-to/a-tool-in-c.md" c >tool.c
# shellcheck disable=SC2046,SC2086
cc tool.c $(pkg-config --cflags --libs fairlead) $rpath -o tool >"$log" 2>&1; ok "the guide's tool compiles"
fairlead mcp call add '{"a":2e15,"b":2}' -- ./tool >"$folder/out" 2>"$log"; [ $? -eq 1 ] && grep -q "too large" "$log"; ok "and tells the model what is wrong"
fairlead mcp call add '{"a":1}' -- ./tool >"$folder/out" 2>"$log"; [ $? -eq 2 ] && grep -q '"b"' "$log"; ok "and is not called with arguments that do not fit"
block "$root/docs/how-to/a-person-approves.md" yaml >refund.yaml
fairlead run refund.yaml --thread r17 '{"amount": 40}' >"$folder/out" 2>"$log"; [ $? -eq 3 ]; ok "the guide's refund asks"
fairlead run refund.yaml --thread r17 --resume '"yes"' >"$folder/out" 2>"$log" && grep -q "refunded 40" "$folder/out"; ok "and takes the answer"
for file in docs/graph-file.md README.md docs/langgraph.md docs/how-to/an-agent-on-a-model.md; do
  awk '/^```yaml/ { on = 1; name = "block" ++n ".yaml"; printf "" >name; next } /^```/ { on = 0 } on { print >name }' "$root/$file"
  for one in block*.yaml; do
    grep -q '^edges:' "$one" || continue
    fairlead graph check "$one" >"$log" 2>&1; ok "$file: $one is a graph file"
  done
  rm -f block*.yaml
done
fairlead graph schema | grep -oE '^ {8}"[$a-zA-Z_]+": \{' | tr -d ' ":{' | sort -u >keys
for file in docs/graph-file.md docs/man/fairlead-graph.5; do
  while read -r key; do grep -qF -- "$key" "$root/$file" || echo "$file does not say $key"; done <keys >"$log"
  [ "$(wc -l <keys)" -gt 50 ] && [ ! -s "$log" ]; ok "$file says every key of the schema"
done
fairlead help | sed -n 's/^  \([a-z]*\) .*/\1/p' | sort -u >commands
while read -r name; do grep -q "Cm $name" "$root/docs/man/fairlead.1" || echo "no $name"; done <commands >"$log"
[ "$(wc -l <commands)" -ge 6 ] && [ ! -s "$log" ]; ok "the man page has every command"
for name in run threads\ list graph\ draw mcp\ call mcp\ serve; do
  # shellcheck disable=SC2086
  fairlead help $name | sed -n 's/^ .*--\([a-z-]*\) .*  .*/\1/p'
done | sort -u >options
while read -r name; do sed 's/\\-/-/g' "$root/docs/man/fairlead.1" | grep -qE -- "(Fl|,) -$name" || echo "no --$name"; done <options >"$log"
[ "$(wc -l <options)" -ge 10 ] && [ ! -s "$log" ]; ok "and every option"

# ---- completions ----

cat >complete.bash <<'END'
. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _fairlead_words; printf '%s\n' "${COMPREPLY[@]}"
END
complete() { bash complete.bash "$prefix/share/bash-completion/completions/fairlead" "$@" >"$folder/out" 2>"$log"; }
complete fairlead thr; grep -qx threads "$folder/out"; ok "bash completes commands"
complete fairlead threads hi; grep -qx history "$folder/out"; ok "bash completes commands of a group"
complete fairlead run --th; grep -qx -- --thread "$folder/out"; ok "bash completes options"
fairlead run agent.yaml --thread tuesday "now add 4" >"$log" 2>&1
complete fairlead threads show tue; grep -qx tuesday "$folder/out"; ok "bash completes the ids of threads"
fairlead run agent.yaml --thread on:tuesday --store other.db "now add 4" >"$log" 2>&1
complete fairlead run --store other.db --thread on : t; grep -qx tuesday "$folder/out"; ok "also where they hold a colon, of the store that is named"
for shell in zsh fish; do
  file=$prefix/share/zsh/site-functions/_fairlead; [ $shell = zsh ] || file=$prefix/share/fish/vendor_completions.d/fairlead.fish
  if command -v $shell >/dev/null; then $shell -n "$file" >"$log" 2>&1; ok "the completion is valid $shell"
  else row=$((row + 1)); echo "ok $row - the completion is valid $shell # SKIP no $shell here"; fi
done
echo "1..$row"
exit $failed

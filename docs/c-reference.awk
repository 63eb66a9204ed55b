# SPDX-License-Identifier: MIT
# The reference of the C library as one page, from the public headers: each function with its prototype and what the
# header says of it. A comment stands for all functions that follow it up to the next one.
#   awk -f docs/c-reference.awk HEADER… >c-reference.md
BEGIN { print "# The functions of the C library\n\nMade from the headers. docs/c-api.md is the map." }

FNR == 1 { name = FILENAME; sub(/.*\//, "", name); printf "\n## `<fairlead/%s>`\n", name; comment = ""; said = 1 }

# A comment of its own lines; a heading between dashes is one too.
/^\/\* ---- / { heading = $0; gsub(/^\/\* -+ | -+ \*\/$/, "", heading); printf "\n### %s\n", heading; comment = ""; said = 1; next }
/^\/\*/ && !/SPDX/ { comment = ""; said = 0; in_comment = 1 }
in_comment {
  line = $0
  if (line ~ /\*\/[ \t]*$/) { in_comment = 0; sub(/[ \t]*\*\/[ \t]*$/, "", line) }
  sub(/^(\/\*|[ \t]*\*)[ \t]?/, "", line)
  comment = comment (comment == "" ? "" : "\n") line
  next
}

/^FL_API/ { prototype = ""; in_function = 1 }
in_function {
  line = $0
  tail = ""
  if (match(line, /;[ \t]*\/\*.*/)) { tail = substr(line, RSTART + 1); line = substr(line, 1, RSTART) }
  prototype = prototype (prototype == "" ? "" : "\n") line
  if (line !~ /;[ \t]*$/) next
  in_function = 0
  sub(/^FL_API /, "", prototype)
  if (!said && comment != "") printf "\n%s\n", comment
  said = 1
  printf "\n```c\n%s\n```\n", prototype
  gsub(/^[ \t]*\/\*[ \t]*|[ \t]*\*\/[ \t]*$/, "", tail)
  if (tail != "") printf "\n%s\n", tail
}

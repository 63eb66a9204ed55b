# SPDX-License-Identifier: MIT
# Puts our figures (lines "limit NAME VALUE UNIT …", "figure NAME VALUE UNIT") beside those of the peers (lines of JSON),
# by name; after each of theirs, how many times better ours is.
#   awk -f table.awk OURS PEERS

/^(limit|figure) / { if (!($2 in unit)) order[count++] = $2; ours[$2] = $3; unit[$2] = $4 }

/^\{"peer": ?"/ {
  gsub(/[{}"]/, "")
  for (i = split($0, parts, /, ?/); i > 0; i--) {
    split(parts[i], pair, /: ?/)
    field[pair[1]] = pair[2]
  }
  peers[field["peer"], field["name"]] = field["value"]
}

function rounded(value) { return value == "" ? "" : value >= 100 ? sprintf("%d", value + 0.5) : sprintf("%.4g", value) }

function beside(peer, name,    theirs, times) {
  theirs = peers[peer, name]
  if (theirs == "") return ""
  if (unit[name] == "/s") times = theirs > 0 ? ours[name] / theirs : 0
  else times = ours[name] > 0 ? theirs / ours[name] : 0
  return rounded(theirs) (times > 0 && times < 1e6 ? " (" rounded(times) "x)" : "")
}

END {
  print "| figure | unit | fairlead | LangGraph | LangGraphJS | LangGraphJS, delta channel |"
  print "|---|---|---|---|---|---|"
  for (i = 0; i < count; i++) {
    name = order[i]
    if (peers["langgraph", name] peers["langgraphjs", name] == "") continue
    delta = peers["langgraphjs", "delta-" name]
    if (delta != "") { peers["delta", name] = delta }
    print "| " name " | " unit[name] " | " rounded(ours[name]) " | " beside("langgraph", name) " | " beside("langgraphjs", name) " | " beside("delta", name) " |"
  }
}

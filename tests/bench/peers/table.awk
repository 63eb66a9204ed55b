# SPDX-License-Identifier: MIT
# Puts our figures (lines "limit NAME VALUE UNIT …", "figure NAME VALUE UNIT") beside those of the peers (lines of JSON),
# and after each of theirs how many times better ours is. A figure that was measured several times counts by its middle
# one; "~" stands before one that was reckoned. Then a line for each figure that is missing, with the job it belongs to
# (peers/run.sh says why a job has none).
#   awk -f table.awk OURS PEERS

# ---- what is compared: name, unit it is shown in and what makes it of the measured one, words ----

function row(name, shown, factor, job, words) {
  names[++row_count] = name; units[name] = shown; factors[name] = factor; jobs[name] = job; titles[name] = words
}

BEGIN {
  row("steps", "/s", 1, "runs", "supersteps without a store")
  row("durable-steps-1", "/s", 1, "durable", "durable supersteps, one thread")
  row("sends-100", "ms", 1e-3, "runs", "100 sends in a step")
  row("sends-1000", "ms", 1e-3, "runs", "1,000 sends in a step")
  row("react-steps", "/s", 1, "runs", "supersteps of a ReAct agent, scripted model, without a store")
  row("durable-react-steps", "/s", 1, "durable", "the same, durable")
  row("chain-3", "us", 1, "runs", "chain of three nodes")
  row("fan-5-join", "us", 1, "runs", "fan-out over five and join")
  split("10 100 1000 5000", marks)
  split("10 100 1,000 5,000", lengths)
  for (i = 1; i <= 4; i++) row("turn-" marks[i], "ms", 1e-3, "talk", "a turn at " lengths[i] " messages")
  for (i = 1; i <= 4; i++) row("bytes-" marks[i], "MB", 1, "talk", "on disk at " lengths[i] " messages")
  row("resume-5000", "ms", 1, "talk", "the first turn of a new runtime at 5,000 messages")
  row("resume-waiting", "ms", 1e-3, "waiting", "answering a thread that waits, to the end of its run")
  row("start-run-to-first-step", "ms", 1, "start", "start of the process to the first step")
  row("bytes-per-waiting-thread", "MB", 1e-3, "waiting", "memory per 1,000 interrupted threads")
  row("bytes-per-flight", "MB", 1e-3, "flight", "memory per 1,000 threads in flight")
  row("bytes-per-durable-flight", "MB", 1e-3, "durable-flight", "the same with a store")
  columns = split("langgraph langgraphjs langgraph-delta langgraphjs-delta", column)
  heads = "LangGraph | LangGraphJS | LangGraph, delta channel | LangGraphJS, delta channel"
  split(heads, head, / \| /)
}

# ---- reading ----

/^(limit|figure) / { keep("ours", $2, $3) }

/^\{"peer": ?"/ {
  gsub(/[{}"]/, "")
  split("", field)
  for (i = split($0, parts, /, ?/); i > 0; i--) {
    split(parts[i], pair, /: ?/)
    field[pair[1]] = pair[2]
  }
  who = field["peer"]
  if (sub(/^delta-/, "", field["name"])) who = who "-delta"
  keep(who, field["name"], field["value"])
  if (field["reckoned"] == "true") is_reckoned[who, field["name"]] = 1
}

function keep(who, name, value,    i) {
  for (i = ++seen[who, name]; i > 1 && values[who, name, i - 1] > value + 0; i--)
    values[who, name, i] = values[who, name, i - 1]
  values[who, name, i] = value + 0
}

# ---- printing ----

function middle(who, name) { return values[who, name, int((seen[who, name] + 1) / 2)] * factors[name] }

function rounded(value) { return value >= 100 ? sprintf("%d", value + 0.5) : sprintf("%.3g", value) }

# Less than 16 bytes a thread are the steps in which memory is had, no figure to divide by.
function ratio(who, name,    ours, theirs) {
  if (!seen["ours", name]) return ""
  ours = middle("ours", name); theirs = middle(who, name)
  if (units[name] == "/s") { ours = 1 / ours; theirs = 1 / theirs }
  if (name ~ /^bytes-per-/ && ours < 0.016) return ""
  return ours > 0 && theirs > 0 ? " (" rounded(theirs / ours) "x)" : ""
}

function cell(who, name) {
  if (!seen[who, name]) return "-"
  return ((who, name) in is_reckoned ? "~" : "") rounded(middle(who, name)) (who == "ours" ? "" : ratio(who, name))
}

function missing(who, label, name,    why) {
  if (seen[who, name] || who ~ /-delta$/ && jobs[name] != "talk") return
  why = who == "ours" ? "" : ", of the job " (who ~ /-delta$/ ? "delta" : jobs[name])
  if (who ~ /-delta$/ && name == "bytes-5000" && seen[who, "turn-5000"]) why = ", which takes FL_BENCH_WHOLE=1"
  print "no figure: " label ": " titles[name] why
}

END {
  print "| figure | unit | fairlead | " heads " |"
  print "|---|---|---|---|---|---|---|"
  for (i = 1; i <= row_count; i++) {
    line = "| " titles[names[i]] " | " units[names[i]] " | " cell("ours", names[i])
    for (c = 1; c <= columns; c++) line = line " | " cell(column[c], names[i])
    print line " |"
  }
  for (i = 1; i <= row_count; i++) {
    missing("ours", "fairlead", names[i])
    for (c = 1; c <= columns; c++) missing(column[c], head[c], names[i])
  }
}

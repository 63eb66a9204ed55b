#!/bin/sh
# SPDX-License-Identifier: MIT
# Every place that can lead to a tool, by name: a call on the way of a run passes the policy in front of it, and whoever adds
# another place has to say here why it may be one. Prints TAP.
set -u
cd "$1" || exit 1
row=0 failed=0
# only NAME PLACES…: what calls NAME( is exactly these
only() {
  name=$1; shift; row=$((row + 1))
  found=$(grep -rlE "(^|[^A-Za-z_])$name\(" runtime mcp tools graph --include='*.c' | sort | tr '\n' ' ')
  wanted="$(printf '%s\n' "$@" | sort | tr '\n' ' ')"
  if [ "$found" = "$wanted" ]; then echo "ok $row - $name: $found"
  else echo "not ok $row - $name is called in: $found; expected: $wanted"; failed=1; fi
}
# The registry leads to tools. A run dispatches what is_permitted let through (calls.c); a person at the command line calls
# for himself (cmd_mcp.c).
only fl_registry_call tools/registry.c runtime/engine/calls.c runtime/cli/cmd_mcp.c
# Only the registry reaches a source.
only 'ops->call' tools/registry.c
# Nodes call tools through one function, which asks the policy first.
only fl_task_call_tool runtime/engine/calls.c runtime/engine/nodes.c runtime/engine/node_tools.c runtime/engine/node_http.c
# Decisions of a run are made in one place, with the facts of the run; the other one explains them to people.
only fl_policy_decide tools/policy/decide.c runtime/engine/permit.c runtime/cli/cmd_policy.c runtime/cli/policy_replay.c
# Asked before a call leaves, and before a tool is listed to a model.
only fl_permit_decide runtime/engine/permit.c runtime/engine/calls_model.c
# What is sent on to a source has been announced before; nothing else begins a call of a tool.
only fl_permit_call runtime/engine/permit.c runtime/engine/calls.c
# A call of a model passes its own budgets and endpoints; a task begins after those of steps and time.
only fl_permit_model runtime/engine/permit.c runtime/engine/calls_model.c
only fl_task_call_model runtime/engine/calls_model.c runtime/engine/ask.c
only fl_permit_step runtime/engine/permit.c runtime/engine/task.c
# Nodes know servers as sources of tools only: resources, prompts, sampling and elicitation have no door to a run.
row=$((row + 1)) found=$(grep -rlE 'fl_client_|include "mcp/' runtime/engine --include='*.[ch]')
if [ -z "$found" ]; then echo "ok $row - the engine knows no MCP client"; else echo "not ok $row - the engine uses an MCP client in: $found"; failed=1; fi
echo "1..$row"
exit $failed

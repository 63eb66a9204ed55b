/* SPDX-License-Identifier: MIT */
/* Node functions that have a file of their own, and what they share. */
#pragma once
#include "runtime/engine/engine.h"

/* agent: calls the model on the messages and writes its message. tools: answers the tool calls of the last message. */
int fl_node_agent(struct fl_task *task, void *user);
int fl_node_tools(struct fl_task *task, void *user);
/* judge: a model decides, by criteria, between choices or for a score. */
int fl_node_judge(struct fl_task *task, void *user);
/* http: one request to an origin that the graph file allows. */
int fl_node_http(struct fl_task *task, void *user);
/* memory: puts, gets, deletes or searches items that outlive threads. */
int fl_node_memory(struct fl_task *task, void *user);

/* graph: runs the node's graph on what it is given of the state, and writes what comes of it. */
int fl_node_graph(struct fl_task *task, void *user);

/* The text of an MCP result as a string value: its text blocks, one after the other; other blocks by name. A new
 * reference. */
struct fl_value *fl_tool_result_text(const struct fl_value *result);

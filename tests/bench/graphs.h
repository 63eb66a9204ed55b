/* SPDX-License-Identifier: MIT */
/* The graphs that the benchmarks of the engine run, and running them. The scripts in peers/ build the same ones on
 * LangGraph and LangGraphJS. What goes wrong ends the process with 2. */
#pragma once
#include <fairlead/runtime.h>

/* With three channels: "n" (a sum), "out" (a list), "messages". */
struct fl_definition *bench_chain(void);             /* three nodes in a row, each writes n */
struct fl_definition *bench_fan(void);               /* five side by side, and one that waits for all */
struct fl_definition *bench_sends(const int *count); /* one node sends so many; each task writes its number to out */
struct fl_definition *bench_loop(const int *steps);  /* one node goes back to itself until n is so much */
struct fl_definition *bench_talk(void);              /* START -> one that answers with a message */
struct fl_definition *bench_question(void);          /* a node that writes a message, and one that asks a person */
struct fl_definition *bench_gate(void); /* the same, but the second node stays pending; see bench_gate_open */
void bench_gate_open(void);             /* completes all that are pending */
size_t bench_gate_count(void);          /* how many are */

/* A ReAct agent with the scripted model, which adds 1 with a tool a hundred times before it answers. Writes its files
 * to bench_folder, and adds the tool to the runtime. */
enum { BENCH_REACT_STEPS = 201 };
struct fl_definition *bench_react(struct fl_runtime *runtime);

struct fl_value *bench_message(const char *role, int number); /* of 200 characters */
struct fl_value *bench_user_input(int number);                /* {"messages": [such a message]} */

struct fl_runtime *bench_runtime(const char *store_path); /* NULL: in memory */
/* Runs `input` (taken; NULL: {}) and wants the status (0 done, 1 interrupted). Without a thread a new one, and the
 * output is made, whose channel "n" is returned. */
int64_t bench_run(struct fl_runtime *runtime, struct fl_definition *definition, const char *thread,
                  struct fl_value *input, int status);
void bench_must(int rc, const struct fl_error *err);

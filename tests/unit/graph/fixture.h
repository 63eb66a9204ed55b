/* SPDX-License-Identifier: MIT */
/* A small engine and a small store for tests of the pure run: nodes are functions, commits are kept as rows, the
 * process can be killed between any two effects, and every event and effect can be written down as a line of text. */
#pragma once
#include "graph/run.h"
#include "graph/run_faults.h"
#include "runtime/base/buf.h"
#include "runtime/base/map.h"
#include "tests/support/support.h"

/* ---- nodes ---- */

enum test_outcome { TEST_DONE, TEST_FAILS, TEST_ASKS };

/* One execution of a node, for a test_node_fn to fill in. */
struct test_call {
  const struct fl_start_task *start;
  enum test_outcome outcome;
  struct fl_write writes[16];
  size_t write_count;
  struct fl_goto gotos[16];
  size_t goto_count;
  bool is_for_parent; /* writes and gotos are those of the graph above */
  struct fl_value *question;
  struct fl_value *children; /* asks what these ask, as runs inside it would */
  struct fl_value *heads;    /* where its lasting subgraphs stand */
  uint64_t labels;           /* of what it read beside its state */
  size_t asked;              /* how many questions were asked in this execution */
  struct fl_error error;
  void *user; /* of the engine */
};
typedef void test_node_fn(struct test_call *call);

void test_write(struct test_call *call, const char *channel, struct fl_value *taken);
void test_goto(struct test_call *call, const char *node, struct fl_value *taken); /* `taken`: of a send, or NULL */
/* The answer to the n-th question, or NULL: then return from the node. Takes the question. */
struct fl_value *test_ask(struct test_call *call, struct fl_value *question);
void test_fail(struct test_call *call, int code, const char *text);
struct fl_value *test_json(const char *text);                        /* aborts when it does not parse */
int64_t test_int(const struct test_call *call, const char *channel); /* of the state; 0 when it has none */

void test_channel(struct fl_graph *graph, const char *name, enum fl_reducer reducer, const char *default_json);
void test_node(struct fl_graph *graph, const char *name, test_node_fn *run);
void test_node_with(struct fl_graph *graph, const char *name, test_node_fn *run, const struct fl_node_options *options);
void test_join2(struct fl_graph *graph, const char *a, const char *b, const char *to);
struct fl_definition *test_compile(struct fl_graph *graph); /* aborts on an error, which it prints */

/* ---- a store of one thread ---- */

struct test_store {
  struct fl_records *commits; /* every acknowledged commit, whole */
  size_t commit_count;
  size_t value_bytes;
  char fault[256]; /* what a commit broke, "" when nothing */
};
void test_store_deinit(struct test_store *store);
void test_store_apply(struct test_store *store, struct fl_do *commit); /* takes its records */
uint64_t test_store_head(const struct test_store *store);
bool test_store_has_done(const struct test_store *store, const char *task_id);
void test_store_load(const struct test_store *store, struct fl_loaded *ret_loaded);
void test_store_load_at(const struct test_store *store, uint64_t checkpoint_no, struct fl_loaded *ret_loaded);

/* ---- an engine ---- */

struct test_engine {
  struct fl_definition *definition; /* lent */
  struct fl_run_settings settings;
  void *user;
  struct test_store store; /* outlives a crash */
  struct fl_run *run;
  struct fl_do *held; /* effects that were not performed yet, in order */
  size_t held_count;
  struct fl_do *unacked; /* commits on their way */
  size_t unacked_count;
  struct fl_start_task *running;
  size_t running_count;
  uint64_t acked;
  uint64_t random;     /* 0: always the first; otherwise a seed for the order of things */
  size_t budget;       /* actions until the process is killed; 0: never */
  uint64_t refuse_seq; /* the store refuses this commit, for want of space; 0: none */
  bool is_dead;
  bool has_ended;
  enum fl_run_status status;
  struct fl_value *interrupts;
  struct fl_error error;
  struct fl_parent_command to_parent;
  struct fl_map attempts; /* node name -> how often it was started, over all lives */
  size_t starts;
  char fault[256]; /* an invariant that was broken, "" when none */
  struct fl_buf trace;
  bool traces;
  bool manual; /* test_send performs effects and acknowledges, but finishes no task */
};

void test_engine_init(struct test_engine *engine, struct fl_definition *definition);
void test_engine_deinit(struct test_engine *engine);
void test_engine_crash(struct test_engine *engine);   /* what was not acknowledged may or may not have been stored */
void test_engine_restart(struct test_engine *engine); /* loads what is stored */
void test_engine_go_back(struct test_engine *engine, uint64_t checkpoint_no); /* loads an older checkpoint */

/* Feeds the event and goes on until the run has ended or the engine is dead. */
void test_input(struct test_engine *engine, const char *json);
void test_continue(struct test_engine *engine);
void test_resume(struct test_engine *engine, const char *json);
void test_resume_map(struct test_engine *engine, struct fl_value *taken);
void test_update(struct test_engine *engine, const char *json, const char *node);
void test_bulk_update(struct test_engine *engine, const char *json); /* at most 17 supersteps */
void test_cancel(struct test_engine *engine);
void test_send(struct test_engine *engine, struct fl_ev *ev);
/* For manual engines: ends the running task of this node by calling its function. */
void test_finish(struct test_engine *engine, const char *node);
void test_settle(struct test_engine *engine); /* performs and acknowledges all that can be without finishing a task */

char *test_state(const struct test_engine *engine); /* compact text of the state; free with fl_text_free */
void assert_state(const struct test_engine *engine, const char *json);
/* Compares with tests/golden/graph/NAME.txt; writes it when $FL_GOLDEN_WRITE is set. */
void assert_golden(const struct test_engine *engine, const char *name);

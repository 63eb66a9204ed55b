/* SPDX-License-Identifier: MIT */
/* A runtime in the simulated world with a memory store: runs are started, turned until nothing is left to happen, and
 * looked at. A rig may live several times on one store, as a program that dies and is started again does.
 *
 * Tools: server "t" (C functions) with
 *   echo {"text"}         answers the text
 *   late {"text","ms"}    answers the text after so many milliseconds
 *   error {"text"}        a tool error
 *   big {"size"}          a text of that size
 *   media {"content"}     answers these blocks
 *   slow {}               would answer after an hour, and has a time-out of one second
 *   crash {"text"}        the process dies while it runs, `crashes_left` times; then as echo
 * and server "wild" (a source that the rig plays) with
 *   end {"code","text"}   ends with that error; {"code": 0, "size"}: answers a sound of that size
 *   hang {}               ends when it is cancelled, and says so in `cancelled_count`
 *   firm {}               the same, but it has done its work then, and answers "it is done" */
#pragma once
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/engine/engine.h"
#include "runtime/io/world_sim.h"
#include "tests/support/support.h"

#include <fairlead/tools.h>
#include <string.h>

struct rig {
  uint64_t seed;
  struct fl_world *world;
  struct fl_store *store;
  struct fl_runtime *runtime;
  /* the last run */
  bool is_over;
  int status;
  int end_count;
  struct fl_error error; /* code 0: none */
  char thread[FL_ID_MAX + 1];
  char checkpoint[FL_UUID_SIZE];
  struct fl_value *output, *interrupts;
  struct fl_buf told; /* a line for each event that the follower heard: "MODE NODE DATA" */
  /* the tools, over all lives */
  char *call_ids;      /* "tool:call id " of each call that reached a tool */
  struct fl_buf calls; /* "tool " for each call that reached a tool, in order */
  int crashes_left;
  int cancelled_count;
  uint32_t wild_open_ms; /* how long the server "wild" takes to start */
  int wild_open_status;  /* 0: it starts */
};

/* A life: a world, a runtime with the tools, and the store of the lives before. */
void rig_up(struct rig *rig);
/* Ends it in order, or (after a crash) buries it. The store stays. */
void rig_down(struct rig *rig);
/* Down if need be, and everything freed. */
void rig_deinit(struct rig *rig);

/* A graph file, from its text; fails the test when it does not load. `script` is what its scripted model reads as
 * "script.yaml"; NULL: none. */
struct fl_definition *rig_load(struct rig *rig, const char *text, const char *script);
/* The text of the mistakes; freed with fl_free. */
char *rig_load_fails(struct rig *rig, const char *text, const char *script);

/* Starts a run; options.input and options.resume are taken. */
struct fl_invocation *rig_start(struct rig *rig, struct fl_definition *definition, struct fl_invoke_options options);
/* Turns the world until nothing is left that could happen. */
enum fl_sim_verdict rig_turn(struct rig *rig);
/* Both; the run must have ended. Returns its status. */
int rig_run(struct rig *rig, struct fl_definition *definition, struct fl_invoke_options options);

/* JSON with ' for ". */
struct fl_value *json(const char *text);
/* The value as JSON text in a buffer that lives until the 16th call after. */
const char *text_of(const struct fl_value *value);
#define assert_json(value, text) assert_string_equal(text_of(value), text_of_json(text))
const char *text_of_json(const char *text);
/* A channel of the last run's output. */
struct fl_value *rig_out(const struct rig *rig, const char *channel);
/* The content of the messages of the last run from `from` on, a line each: "role: content". */
const char *rig_messages(const struct rig *rig, size_t from);
/* The thread's status as stored. */
const char *rig_stored_status(struct rig *rig, const char *thread);
/* Keeps only lines of `told` that begin with `prefix`. */
const char *rig_told(const struct rig *rig, const char *prefix);

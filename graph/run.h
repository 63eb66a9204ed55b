/* SPDX-License-Identifier: MIT */
/* The pure run: a state machine for one run of one graph on one thread. Events in, effects out; it does no I/O, reads
 * no clock, draws no random number. The engine feeds events and performs effects in their order.
 *
 * Invariants. (1) Writes are folded in task order, never in the order in which tasks ended. (2) A task starts only
 * after the commit that contains the checkpoint it starts from. (3) A task whose writes are stored is never started
 * again. (4) Nothing is emitted before the commit that contains what it says, except provisional tokens, which the
 * engine emits itself. (5) Where labels are kept, a channel has those of everything that was ever written to it, and a
 * write has those of everything that its task could see: none is lost between two checkpoints, in a fork or a load. */
#pragma once
#include "graph/record.h"

#include <fairlead/graph.h>

struct fl_run;

/* The numbers that a run gives next; those of a thread are shared by the runs of its root and of its subgraphs. */
struct fl_numbers {
  uint64_t next_checkpoint_no, next_value_no;
};

struct fl_write {
  char *channel;
  struct fl_value *value;
};

/* Where a task or somebody outside leads the run, beside the edges. */
struct fl_goto {
  char *node;           /* of the graph that it is meant for; FL_END: nowhere */
  struct fl_value *arg; /* a send: the node runs once for it and sees it instead of the state; NULL: as along an edge */
};

/* What a node of a child graph says to the graph above: as if the node that holds the child had said it. */
struct fl_parent_command {
  struct fl_write *writes;
  size_t write_count;
  struct fl_goto *gotos;
  size_t goto_count;
};
void fl_parent_command_deinit(struct fl_parent_command *command); /* frees what it holds; repeatable */

/* As whom a checkpoint is copied: an update without values. */
#define FL_COPY "COPY"

/* Where a resume goes: the only pending interrupt, or several by id. */
enum fl_ev_kind {
  FL_EV_INPUT,    /* a new input: an object of channel values; unfinished tasks of before are dropped */
  FL_EV_CONTINUE, /* go on from the checkpoint: tasks without stored writes run again; static interrupts are passed,
                     unless keeps_stops: nobody has seen them */
  FL_EV_RESUME,   /* value: the answer to the only pending interrupt, or with is_map {interrupt id: answer}; with
                     is_lenient, ids that wait for nothing (any more) are passed over, and the run goes on either
                     way. Beside the answer update and gotos, as in COMMAND */
  FL_EV_UPDATE, /* value: channel values written from outside, as if by node `node`: a name, START, END (nothing left to
                   run), COPY (the checkpoint once more, by source "fork"), or NULL: the node that ran last. Stores a
                   checkpoint and ends; CONTINUE goes on from it */
  FL_EV_BULK_UPDATE, /* value: supersteps of updates, [[{"values","as_node"}…]…]: a checkpoint each, in one commit, all
                        or nothing; those of one superstep count as nodes that ran side by side. After a refusal behind
                        the first superstep the thread must be loaded again, as after a COMMIT_FAILED */
  FL_EV_COMMAND,   /* update and gotos from outside: they join what is planned, and the run goes on. On a new thread an
                      input */
  FL_EV_TASK_DONE, /* writes, gotos; or to_parent alone */
  FL_EV_TASK_FAILED,      /* error */
  FL_EV_TASK_INTERRUPTED, /* value: the question; interrupt_id */
  FL_EV_COMMITTED,        /* seq */
  FL_EV_COMMIT_FAILED,    /* seq, error: the run ends with it */
  FL_EV_CANCEL,
};

/* Everything in an event is lent for the call. `checkpoint_id` and `wall_ms` are for the checkpoint that the event may
 * cause; ids rise within a thread. */
struct fl_ev {
  enum fl_ev_kind kind;
  char checkpoint_id[FL_UUID_SIZE];
  int64_t wall_ms;
  const char *task_id;           /* TASK_* */
  const struct fl_write *writes; /* TASK_DONE */
  size_t write_count;
  struct fl_value *update;     /* COMMAND, RESUME: an object of channel values; NULL: none */
  const struct fl_goto *gotos; /* COMMAND, RESUME, TASK_DONE */
  size_t goto_count;
  const struct fl_parent_command *to_parent; /* TASK_DONE; NULL: nothing is said to the graph above */
  struct fl_value *value;                    /* INPUT, RESUME, UPDATE, TASK_INTERRUPTED */
  bool is_cached;                            /* TASK_DONE: the node did not run, its result was known */
  bool is_map, is_lenient, keeps_stops;      /* RESUME */
  const char *node;                          /* UPDATE */
  const char (*more_ids)[FL_UUID_SIZE];      /* BULK_UPDATE: of the checkpoints after the first, rising */
  size_t more_id_count;
  const char *interrupt_id;  /* TASK_INTERRUPTED; NULL: derived from the task's id and how many answers it has */
  struct fl_value *children; /* TASK_INTERRUPTED: what the runs inside the task wait for, as in their END, instead of
                                a question of its own; NULL: none */
  uint64_t labels; /* TASK_*: of what the task read beside its view (results of calls, runs inside it); INPUT: of the
                      values */
  struct fl_value *heads;       /* TASK_*: {namespace: checkpoint number} of the lasting subgraphs that ran in it; NULL:
                                   none */
  uint64_t seq;                 /* COMMITTED, COMMIT_FAILED */
  const struct fl_error *error; /* TASK_FAILED, COMMIT_FAILED */
};

enum fl_do_kind { FL_DO_COMMIT, FL_DO_START_TASK, FL_DO_CANCEL_TASK, FL_DO_EMIT, FL_DO_END };

/* Bit 6 is the engine's own (FL_FOLLOW_EVENTS). What each shows is said at enum fl_follow in runtime.h. */
enum fl_stream_mode {
  FL_STREAM_VALUES,
  FL_STREAM_UPDATES,
  FL_STREAM_MESSAGES,
  FL_STREAM_TASKS,
  FL_STREAM_CHECKPOINTS,
  FL_STREAM_CUSTOM,
  FL_STREAM_DEBUG = 7
};
const char *fl_stream_mode_name(enum fl_stream_mode mode);

enum fl_run_status {
  FL_RUN_DONE,        /* nothing left to run */
  FL_RUN_INTERRUPTED, /* waits for answers, or stands before or after a node it was told to stop at */
  FL_RUN_FAILED,      /* a task, the store or the recursion limit; the thread can be continued */
  FL_RUN_CANCELLED,
  FL_RUN_TO_PARENT, /* a task of a child run gave a command to the graph above; its superstep is not complete */
};

struct fl_start_task {
  char id[FL_UUID_SIZE];
  const char *node;  /* lent by the definition */
  size_t node_index; /* in the definition */
  uint64_t checkpoint_no;
  int64_t step;
  struct fl_state *state;   /* owned by the effect; the engine takes it with fl_state_ref */
  struct fl_value *answers; /* array: stored answers to this task's interrupts, in order; owned; NULL: none */
  struct fl_value *arg;     /* of the send that started it; then `state` has its members instead of the state's; owned;
                               NULL: an edge started it */
  struct fl_value *error;   /* that it handles: {"node","code","message"}; owned; NULL: none */
  uint64_t labels;          /* of all that the task sees */
  bool was_failed;          /* the task has failed before, in this run or an earlier one, and is tried again */
  uint32_t remaining_steps; /* supersteps that the recursion limit leaves, this one counted; 1: the last */
  struct fl_value *resume; /* {interrupt id: answer}: to what the runs inside it asked, all so far; owned; NULL: none */
  struct fl_value *children; /* what they waited for when the task ended last, also when it is answered since; owned;
                                NULL: nothing */
};

/* Everything in an effect is owned by the list of effects. `after`: the commit that must be acknowledged first; 0:
 * none. When a commit fails, the engine drops the effects that wait for it or for a later one, and the core ends the
 * run anew. A CANCEL_TASK waits for the same commit as its START_TASK did; each started task reports once, also a
 * cancelled one. */
struct fl_do {
  enum fl_do_kind kind;
  uint64_t after;
  uint64_t seq;               /* COMMIT */
  uint64_t expected_head;     /* COMMIT: the checkpoint that must still be the head */
  struct fl_records records;  /* COMMIT */
  struct fl_start_task start; /* START_TASK */
  char task_id[FL_UUID_SIZE]; /* CANCEL_TASK */
  enum fl_stream_mode mode;   /* EMIT */
  struct fl_value *payload; /* EMIT; at the END the output is fl_state_output(fl_run_state(run)), made only if wanted */
  enum fl_run_status status; /* END */
  struct fl_value
      *interrupts; /* END: [{"id","node","task_id","value"}], or for static ones [{"node","when":"before"|"after"}];
                      those of subgraphs, flattened, each with its "ns" */
  struct fl_parent_command to_parent; /* END with FL_RUN_TO_PARENT */
  struct fl_error *error;             /* END when failed; owned; NULL otherwise */
};

struct fl_effects {
  struct fl_do *items;
  size_t count, capacity;
};
void fl_do_deinit(struct fl_do *effect);            /* what it owns; not repeatable */
void fl_effects_deinit(struct fl_effects *effects); /* repeatable */
void fl_effects_clear(struct fl_effects *effects);  /* keeps the memory of the list itself */

struct fl_run_settings {
  size_t size;
  uint32_t recursion_limit;   /* 0: the definition's */
  const char *manifest_hash;  /* stands in every checkpoint; NULL: none */
  const char *ns;             /* checkpoint namespace; NULL: "" */
  const char *caller;         /* id of the task that the run is a subgraph of: stands in its checkpoints; NULL: none */
  struct fl_numbers *numbers; /* lent for the life of the run, taken at its creation; NULL: its own */
  const char *const *interrupt_before; /* beside the definition's; NULL-terminated; NULL: none */
  const char *const *interrupt_after;
  uint32_t stream_modes;     /* bit per enum fl_stream_mode: what is emitted; other payloads are not built */
  bool ephemeral;            /* no records, no commits */
  uint32_t max_concurrency;  /* tasks at the same time; 0: the definition's */
  bool starts_early;         /* tasks start, and effects happen, without waiting for the commit that they name */
  bool has_parent;           /* the run of a child graph: commands to the graph above are allowed */
  const char *thread_id;     /* for run.thread_id in conditions; NULL: "" */
  struct fl_value *context;  /* for context.NAME in conditions: an object, referenced; NULL: none */
  const char *run_id;        /* stands in every checkpoint that is made; NULL: none */
  struct fl_value *metadata; /* likewise: an object, referenced; NULL: none */
  bool keeps_labels;         /* values carry labels; what was stored without has all of them then */
};
#define FL_STREAM_BIT(mode) (1u << (mode))

/* `loaded` is what the store found for the thread (its vars and body are referenced); NULL or checkpoint_no 0: a new
 * thread. A run may begin at a checkpoint that is not the thread's head (loaded->head_no says which is): what was
 * written beside it does not count then. INPUT and UPDATE go on from it directly; CONTINUE and RESUME first store a
 * copy of it (source "fork"), so that its tasks have new ids and run anew, and what they ask is asked anew. The answer
 * of such a RESUME goes to the first question of the only task, or by the id that the question had. */
struct fl_run *fl_run_create(struct fl_definition *definition, const struct fl_loaded *loaded,
                             const struct fl_run_settings *settings);
void fl_run_destroy(struct fl_run *run); /* NULL allowed */

/* New settings for the next input of a run that has ended: its state stays in memory, so that a turn costs its delta.
 */
void fl_run_configure(struct fl_run *run, const struct fl_run_settings *settings);

/* The numbers of a run, for the runs of its subgraphs. */
struct fl_numbers *fl_run_numbers(struct fl_run *run);
/* The last checkpoint, and that of a lasting subgraph as this run's state knows it; 0: none. */
uint64_t fl_run_checkpoint_no(const struct fl_run *run);
/* The thread's newest one; above the run's when that began in the past. */
uint64_t fl_run_head_no(const struct fl_run *run);
uint64_t fl_run_head_of(const struct fl_run *run, const char *ns);
/* Labels of everything that the thread's state holds or that tasks of it have read; 0 unless they are kept. */
uint64_t fl_run_labels(const struct fl_run *run);
/* What the run waits for, as in END; a new reference, NULL: nothing. */
struct fl_value *fl_run_waits(const struct fl_run *run);

/* The one function: takes an event, appends what is to be done. An event that does not fit the state of the run (a
 * resume when nothing is interrupted, an unknown channel in an input) gives an END with FL_RUN_FAILED and changes
 * nothing. After an END the run takes the next INPUT, CONTINUE, RESUME or UPDATE of its thread, except after a
 * COMMIT_FAILED: what is in memory is then ahead of what is stored, and the thread must be loaded again. */
void fl_run_step(struct fl_run *run, const struct fl_ev *event, struct fl_effects *effects);

/* ---- looking at it ---- */

/* The state as it stands at the last completed superstep (with pending writes of finished siblings applied): lent. */
const struct fl_state *fl_run_state(const struct fl_run *run);
/* All channels, as an object; a new reference. */
struct fl_value *fl_state_to_value(const struct fl_state *state);
/* Those of the graph's output; a new reference. */
struct fl_value *fl_state_output(const struct fl_state *state);
struct fl_state *fl_state_ref(struct fl_state *state);
void fl_state_unref(struct fl_state *state);
/* A channel without a copy: a value, a list, or neither; lent. */
struct fl_var fl_state_var(const struct fl_state *state, const char *channel);

/* The checkpoint that the run stands at; "" before the first. Lent. */
const char *fl_run_checkpoint_id(const struct fl_run *run);

/* Whether tasks of the last superstep are not done, and none of them waits for a person: what a CONTINUE would finish.
 */
bool fl_run_is_unfinished(const struct fl_run *run);

/* What a thread looks like on disk, without running it:
 * {"values","next":[NODE],"interrupts":[…],"step","source","checkpoint_id",
 * "tasks":[{"id","name","error"?,"result"?,"interrupts":[…]}]}. `interrupts` as in END, also for static ones; a
 * "result" is what a finished task wrote, as the end of a task tells it. */
struct fl_value *fl_run_describe(const struct fl_run *run);

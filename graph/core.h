/* SPDX-License-Identifier: MIT */
/* The inside of a run, for the files that make it up: step.c (the superstep), outside.c (inputs and updates), plan.c
 * (what runs next), branch.c (where a node leads), interrupt.c, checkpoint.c (records out, loaded in), emit.c
 * (effects). Pure. */
#pragma once
#include "graph/channel.h"
#include "graph/option.h"
#include "graph/run.h"
#include "graph/run_faults.h"

/* ---- what a run is made of ---- */

/* Bookkeeping of a declared channel; its value is in the state. */
struct fl_slot {
  uint64_t version, value_no; /* 0: nothing was written yet */
  uint64_t labels;            /* of all that was written */
  size_t live_size,
      stored_size; /* of a list: bytes of its elements, and of all that is stored since the last snapshot */
};

/* A hidden channel. A trigger is available in the step after it was written; a barrier when all have reported, until
 * the node that it starts has run. */
struct fl_control {
  uint64_t version;
  bool is_available;
  bool is_waiting; /* deferred: written, and available when nothing else is left to run */
  bool *reported;  /* BARRIER: per name of the channel's definition */
  size_t reported_count;
};

struct fl_task_write {
  size_t channel;
  struct fl_value *value; /* owned; NULL for a hidden channel, where the task's node says all; of a send
                             {"node","arg"} */
};

struct fl_writes {
  struct fl_task_write *items;
  size_t count, capacity;
};
void fl_writes_deinit(struct fl_writes *writes);
void fl_writes_drop(struct fl_writes *writes, size_t channel); /* all to a channel */
void fl_writes_add_take(struct fl_writes *writes, size_t channel, struct fl_value *value);

/* An edge leads to it, or a send. */
enum fl_task_kind { FL_TASK_PULL, FL_TASK_PUSH };
enum fl_task_status { FL_TASK_READY, FL_TASK_RUNNING, FL_TASK_DONE, FL_TASK_FAILED, FL_TASK_INTERRUPTED };

/* A task of the present superstep. */
struct fl_planned {
  enum fl_task_kind kind;
  enum fl_task_status status;
  char id[FL_UUID_SIZE];
  int64_t step;             /* of the superstep */
  size_t node;              /* that runs */
  size_t planned;           /* that is due; another one than `node` when that handles its error */
  struct fl_value *handled; /* what error.* means; NULL unless it handles one */
  size_t send_index;        /* PUSH: its place among the sends */
  struct fl_value *arg;     /* PUSH; owned */
  bool is_cached;           /* DONE: the engine had the result from its cache */
  struct fl_writes writes;  /* DONE: what it wrote, then where it leads */
  bool has_view;
  struct fl_folds view;      /* its own writes folded, when a branch had to see them */
  uint64_t start_seq;        /* RUNNING: the commit that its start waits for */
  uint64_t arrival;          /* order in which tasks ended; for a planted fault only */
  struct fl_value *answers;  /* array of answers so far; NULL: none */
  struct fl_value *question; /* of the last interrupt; NULL: never interrupted */
  char *interrupt_id;
  size_t interrupt_index;    /* pending when there are no more answers than this */
  struct fl_value *children; /* instead of a question: what runs inside it ask; pending until one of them is answered */
  struct fl_value *resume;   /* {interrupt id: answer} for them; NULL: none */
  struct fl_error *error;    /* why it failed last; NULL: it did not */
  uint64_t labels;           /* of what it read beside its view */
};

enum fl_phase {
  FL_PHASE_IDLE,
  FL_PHASE_RUNNING,
  FL_PHASE_FAILING, /* waits for the reports of cancelled tasks, then ends */
  FL_PHASE_CANCELLING,
  FL_PHASE_LEAVING, /* likewise, with a command for the graph above */
};

enum { FL_STOP_BEFORE = 1, FL_STOP_AFTER = 2 };

struct fl_run {
  struct fl_definition *definition;
  /* settings */
  uint32_t recursion_limit, max_concurrency, stream_modes; /* max_concurrency 0: no limit */
  bool ephemeral, has_parent, starts_early, keeps_labels;
  char *manifest_hash, *ns, *caller, *thread_id, *run_id;
  struct fl_value *metadata;
  struct fl_value *context; /* NULL: none */
  uint8_t *stop_flags;      /* per node: FL_STOP_* */
  /* the thread as of its last checkpoint */
  struct fl_state *state;
  struct fl_slot *slots;       /* per declared channel */
  struct fl_control *controls; /* per hidden channel */
  uint64_t *seen;              /* per node and trigger channel: the version it last ran for */
  uint64_t version;            /* the highest of all channels */
  uint64_t checkpoint_no, parent_no;
  uint64_t head_no; /* the thread's newest checkpoint; above checkpoint_no when the run began at an older one */
  struct fl_numbers *numbers, own_numbers;
  char checkpoint_id[FL_UUID_SIZE], parent_id[FL_UUID_SIZE];
  int64_t step, wall_ms;
  char source[16];
  char *writer;           /* of an input or an update: as whom; NULL: tasks ran */
  struct fl_value *stops; /* static interrupts it stands at, as in END; NULL: none */
  struct fl_value *heads; /* {namespace: checkpoint number} of lasting subgraphs; NULL: none */
  struct fl_value *sends; /* array of {"node","arg"} that the present superstep runs; NULL: none */
  uint64_t sends_version, sends_no, sends_labels; /* as of a channel */
  uint64_t labels;                                /* of all that was ever in it */
  struct fl_planned *tasks;                       /* those of sends, then those of edges; see fl_plan_in_order */
  size_t task_count, task_capacity, push_count;
  uint32_t *task_slots; /* index of tasks by id: place + 1; made when there are many */
  size_t task_slot_count;
  struct fl_writes given; /* from outside, folded before the present superstep's own; see given.c */
  size_t *given_ends;     /* per command: where its writes end */
  size_t given_count;
  struct fl_state *given_state; /* with them; NULL: there are none */
  /* the run */
  enum fl_phase phase;
  bool is_broken; /* a commit failed */
  uint32_t steps_used;
  size_t running_count;
  uint32_t *running_of; /* per node */
  size_t first_ready;   /* no task before it waits for its turn */
  uint64_t last_seq, end_seq, arrivals;
  struct fl_error *error;             /* FAILING; NULL: never yet */
  struct fl_parent_command to_parent; /* LEAVING */
  bool has_said_upward;               /* it was found stored: the run has only to say it again */
  struct fl_state *before;     /* while a superstep is sealed: the state that its tasks started from; else NULL */
  struct fl_state *seen_state; /* what fl_run_state answers while finished siblings wait; made when asked for */
  /* for the length of one fl_run_step */
  const struct fl_ev *ev;
  struct fl_effects *effects;
  struct fl_records *gathered; /* several checkpoints for one commit; NULL: each commits at once */
};

static inline struct fl_node_def *fl_run_node(const struct fl_run *run, const struct fl_planned *task) {
  return &run->definition->nodes[task->node];
}
static inline struct fl_node_def *fl_run_planned_node(const struct fl_run *run, const struct fl_planned *task) {
  return &run->definition->nodes[task->planned];
}
static inline bool fl_run_wants(const struct fl_run *run, enum fl_stream_mode mode) {
  return (run->stream_modes & FL_STREAM_BIT(mode)) != 0;
}
static inline struct fl_control *fl_run_control(const struct fl_run *run, size_t channel) {
  return &run->controls[channel - run->definition->state_channel_count];
}

/* The k-th task in the order of folding: those of edges in the order of the definition, then those of sends in theirs
 * (LangGraph: by path, "__pregel_pull" before "__pregel_push"). */
static inline struct fl_planned *fl_plan_in_order(const struct fl_run *run, size_t k) {
  return &run->tasks[(k + run->push_count) % run->task_count];
}

/* ---- one checkpoint in the making: see seal in step.c ---- */

struct fl_seal {
  const char *source;
  const char *writer; /* from outside: START or the node it was written as; NULL: tasks, or END */
  int64_t step;
  bool keeps_stops; /* it stands where it stood */
  struct fl_folds folds;
  struct fl_value *sends; /* of the writes added so far, in order; NULL: none */
  uint64_t sends_no;      /* their record */
  uint64_t sends_labels;
  struct fl_records records;
};
void fl_seal_begin(struct fl_run *run, struct fl_seal *seal, const char *source, int64_t step);
int fl_seal_fold_task(struct fl_run *run, struct fl_seal *seal, struct fl_planned *task, struct fl_error *err);
/* Takes note of the sends among a task's writes. */
void fl_seal_add_sends(const struct fl_run *run, struct fl_seal *seal, const struct fl_writes *writes);
/* Checks schemas and makes the records of values; the last that can fail. Nothing of the run has changed until here. */
int fl_seal_values(struct fl_run *run, struct fl_seal *seal, struct fl_error *err);
/* Makes it the state of the run, plans what follows and emits the commit. `last`: the task whose end completed the
 * superstep. */
void fl_seal_end(struct fl_run *run, struct fl_seal *seal, const struct fl_planned *last);
void fl_seal_abandon(struct fl_seal *seal);

/* Goes on after a checkpoint: starts what is ready, or ends the run. */
void fl_run_proceed(struct fl_run *run);
void fl_run_end(struct fl_run *run, enum fl_run_status status, const struct fl_error *err);
/* Refuses an event: END failed, nothing changed. */
void fl_run_refuse(struct fl_run *run, int code, const char *format, ...) FL_PRINTF(3, 4);
/* Whether a new start fits; otherwise it has been refused. */
bool fl_run_may_begin(struct fl_run *run);
bool fl_run_has_finished(const struct fl_run *run); /* whether a task of the present superstep is done */

/* ---- start.c ---- */

/* What the node of a task sees; a new reference. */
struct fl_state *fl_task_view(const struct fl_run *run, const struct fl_planned *task);

/* Starts tasks that are ready, as far as the limits allow. */
void fl_run_start_more(struct fl_run *run);
void fl_run_task_stopped(struct fl_run *run, const struct fl_planned *task); /* a running one does not run any more */
/* Whether another node takes the place of a task that fails; the record that says so is a new reference. */
bool fl_task_has_handler(const struct fl_run *run, const struct fl_planned *task);
struct fl_value *fl_task_handler_record(const struct fl_run *run, const struct fl_planned *task,
                                        const struct fl_error *err);
/* Lets the handler take the task's place: it is ready then, with an id of its own. False when the graph has no such
 * node. */
bool fl_task_hand_over(struct fl_run *run, struct fl_planned *task, const struct fl_value *record);

/* ---- labels.c ---- */

uint64_t fl_task_labels_kept(const struct fl_run *run, const struct fl_planned *task);
uint64_t fl_run_state_labels(const struct fl_run *run); /* of all channels */
/* Of what a task sees and writes. A run that keeps none is asked so, and no more: every step passes here. */
static inline uint64_t fl_task_labels(const struct fl_run *run, const struct fl_planned *task) {
  return run->keeps_labels ? fl_task_labels_kept(run, task) : 0;
}
static inline void fl_run_note_labels(struct fl_run *run, uint64_t labels) {
  if (run->keeps_labels) run->labels |= labels;
}
/* After a load, or when a run that did not keep labels does from now on: what has none that are known has all. */
void fl_run_load_labels(struct fl_run *run, const struct fl_loaded *loaded);
void fl_run_keep_labels(struct fl_run *run, bool keeps);

/* ---- outside.c ---- */

/* Where accepted writes go: messages get ids from `task_id` and the running index. */
struct fl_accepting {
  struct fl_writes *writes;
  const char *task_id;
  size_t message_index;
};
/* Adds a write to a declared channel, by name; messages in their normal form. */
int fl_writes_accept(const struct fl_run *run, struct fl_accepting *to, const struct fl_write *write,
                     struct fl_error *err);
void fl_run_on_input(struct fl_run *run);
void fl_run_on_update(struct fl_run *run);
void fl_run_on_bulk_update(struct fl_run *run);

/* ---- fork.c ---- */

/* Whether the run began at a checkpoint that is not the head, and has stored nothing since. */
static inline bool fl_run_is_past(const struct fl_run *run) { return run->head_no > run->checkpoint_no; }
/* Stores the checkpoint once more, by source "fork": its tasks get new ids. */
void fl_run_fork(struct fl_run *run, bool keeps_stops);
/* An answer to a checkpoint that is past: forks, and has it ready for the first question of the task it is for. Returns
 * false when the event has been refused. */
bool fl_run_answer_past(struct fl_run *run);

/* ---- branch.c ---- */

/* Adds where a node leads (NULL: START) to its writes. `view`: the state with its own writes; may be NULL without
 * branches. */
int fl_route(struct fl_run *run, const struct fl_node_def *node, const struct fl_state *view, struct fl_writes *writes,
             struct fl_error *err);
/* Adds where a node itself, or somebody outside, wants to go. */
int fl_route_gotos(const struct fl_run *run, const struct fl_goto *gotos, size_t count, struct fl_writes *writes,
                   struct fl_error *err);
/* Supersteps that the limit leaves for the one that runs or comes next, which is counted. */
uint32_t fl_run_remaining_steps(const struct fl_run *run);

/* ---- plan.c ---- */
bool fl_control_is_fired(const struct fl_run *run, const struct fl_node_def *node, size_t trigger);
void fl_control_mark_seen(struct fl_run *run, const struct fl_node_def *node); /* its triggers; takes barriers back */
void fl_control_clear_triggers(struct fl_run *run);
void fl_control_write(struct fl_run *run, size_t channel, const char *node, uint64_t version);
void fl_control_write_all(struct fl_run *run, const struct fl_writes *writes, const char *node); /* the hidden ones */
/* When nothing else is due, deferred channels become available; `has_sends`: tasks of sends come next. */
void fl_control_finish(struct fl_run *run, bool has_sends);
void fl_control_drop_deferred(struct fl_run *run);
void fl_plan(struct fl_run *run); /* replaces the tasks by those that the channels ask for */
void fl_plan_clear(struct fl_run *run);
void fl_planned_forget(struct fl_planned *task); /* what it wrote */
void fl_planned_deinit(struct fl_planned *task);
void fl_plan_attach(struct fl_run *run, const struct fl_loaded *loaded); /* stored writes to the tasks they are of */
struct fl_planned *fl_plan_find(struct fl_run *run, const char *task_id);
/* The fired triggers of a task by name, sorted; an array the caller frees. */
const char **fl_plan_triggers(const struct fl_run *run, const struct fl_planned *task, size_t *ret_count);

void fl_plan_add(struct fl_run *run); /* adds tasks for what is due beside those that are planned */

/* ---- given.c ---- */
const struct fl_state *fl_run_base(const struct fl_run *run); /* what tasks start from; lent */
int fl_given_fold(const struct fl_run *run, struct fl_folds *folds, struct fl_error *err);
void fl_given_clear(struct fl_run *run);
void fl_given_drop(struct fl_run *run, size_t channel); /* what was written to it */
/* Takes update and gotos of the event, and adds their records; otherwise the event has been refused. */
bool fl_given_take(struct fl_run *run, struct fl_records *records);
void fl_given_load(struct fl_run *run, const struct fl_loaded *loaded);
void fl_run_on_command(struct fl_run *run);

/* ---- interrupt.c ---- */
bool fl_task_is_pending(const struct fl_planned *task);        /* waits for an answer, or to be continued */
bool fl_task_is_stopped(const struct fl_planned *task);        /* a run inside it stands at a static interrupt */
void fl_task_ask(struct fl_run *run, struct fl_planned *task); /* takes the interrupt of the event */
void fl_interrupt_id(const char *task_id, size_t index, char ret_id[FL_UUID_SIZE]); /* of a task's n-th question */
void fl_task_answer(struct fl_run *run, struct fl_planned *task, struct fl_value *answer, struct fl_records *records);
void fl_task_attach_interrupt(struct fl_planned *task, const struct fl_value *stored);
void fl_task_attach_answers(struct fl_planned *task, struct fl_value *stored);
struct fl_value *fl_run_interrupts(const struct fl_run *run); /* new: all that the run waits for; NULL when nothing */
/* Appends what the task asks, one or several. */
void fl_task_interrupts_add(const struct fl_run *run, const struct fl_planned *task, struct fl_value *array);
void fl_run_on_resume(struct fl_run *run);
void fl_run_pass_stops(struct fl_run *run); /* goes on from static interrupts, its own and those inside its tasks */
void fl_run_note_stops(struct fl_run *run, bool after); /* static interrupts of finished (after) or planned tasks */

/* ---- upward.c ---- */
void fl_upward_store(struct fl_run *run, const struct fl_planned *task);
void fl_upward_attach(struct fl_run *run, const struct fl_value *stored);

/* ---- checkpoint.c ---- */
int fl_checkpoint_values(struct fl_run *run, struct fl_folds *folds, struct fl_records *records, struct fl_error *err);
int fl_checkpoint_sends(struct fl_run *run, struct fl_seal *seal, struct fl_error *err);
void fl_checkpoint_record(const struct fl_run *run, struct fl_records *records);
int fl_checkpoint_writes(const struct fl_run *run, const struct fl_planned *task, struct fl_records *records,
                         struct fl_error *err);
void fl_checkpoint_write(const struct fl_run *run, const struct fl_planned *task, int index, struct fl_value *value,
                         struct fl_records *records);
int fl_checkpoint_given(const struct fl_run *run, const char *task_id, int index, const struct fl_task_write *write,
                        struct fl_records *records);
void fl_checkpoint_load(struct fl_run *run, const struct fl_loaded *loaded);
/* Takes where the lasting subgraphs of a task stand, from its event; the record goes beside the task's others. */
void fl_checkpoint_heads(struct fl_run *run, const struct fl_planned *task, struct fl_records *records);
void fl_run_take_heads(struct fl_run *run, const struct fl_value *heads);

/* ---- emit.c ---- */
struct fl_do *fl_effects_add(struct fl_effects *effects, enum fl_do_kind kind);
void fl_effects_reserve(struct fl_effects *effects, size_t more);                           /* room for so many more */
void fl_effects_truncate(struct fl_effects *effects, size_t count);                         /* drops those behind */
void fl_run_commit(struct fl_run *run, struct fl_records *records, uint64_t expected_head); /* empties the records */
void fl_emit_ended(struct fl_run *run, const struct fl_planned *task); /* messages, updates, then the end of the task */
void fl_emit_interrupts(struct fl_run *run, struct fl_value *interrupts);
void fl_emit_task_start(struct fl_run *run, const struct fl_planned *task);
void fl_emit_task_end(struct fl_run *run, const struct fl_planned *task);
/* What a task wrote to the state: {channel: value, …}; several writes to a channel stand as {"$writes":[…]}. New. */
struct fl_value *fl_task_result(const struct fl_run *run, const struct fl_planned *task);
void fl_emit_values(struct fl_run *run);
void fl_emit_checkpoint(struct fl_run *run);

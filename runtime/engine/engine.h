/* SPDX-License-Identifier: MIT */
/* The engine's own types. A runtime owns the world, the store and the registry; an invocation drives one pure run
 * (graph/run.h): it turns what happens in the world into events, and performs the effects that come out.
 *
 * Invariants. (1) Events are queued and stepped one at a time; a callback only enqueues. (2) Commits leave at once and
 * are acknowledged in order; whatever must wait for a commit stands in one queue behind its ticket. (3) A task object
 * lives until it has ended and its last call has called back. (4) A call that is not `read` leaves only after its
 * intent is on disk. */
#pragma once
#include "graph/file.h"
#include "graph/send.h"
#include "graph/run.h"
#include "runtime/model/model.h"
#include "runtime/engine/traced.h"
#include "runtime/store/store.h"
#include "tools/policy/policy.h"
#include "tools/registry.h"

#include <fairlead/memory.h>
#include <fairlead/runtime.h>

/* ---- runtime.c ---- */

/* A definition that this runtime can run, with the models, servers and policy that belong to it. */
struct fl_loaded_graph {
  struct fl_definition *definition;
  struct fl_graph_file file;       /* empty for a graph that was built in C */
  struct fl_map models;            /* name -> struct fl_model_config * */
  struct fl_policy *list;          /* what its nodes name; NULL in a file that another one uses as a subgraph */
  struct fl_manifest *manifest;    /* NULL: none */
  struct fl_value *kept_pins;      /* what its servers said when they were pinned (tools/policy/pin.h); NULL: nothing */
  struct fl_policy_needs needs;    /* of its policy and those of the files in it */
  struct fl_policy *policy;        /* its manifest, within the list or the policy of the graph around; NULL: none */
  struct fl_loaded_graph *inner;   /* files that it runs as graphs, until they stand in the runtime's list; owned */
  struct fl_loaded_graph *outer;   /* whose models it has beside its own; NULL: none */
  struct fl_tracing_rule *tracing; /* of its section `trace`, lent by the runtime; NULL: it says nothing */
  struct fl_loaded_graph *next;
};

/* A thread whose head this process holds: the lease, and the run with its state, so that a turn costs its delta. */
/* Whether long results of tools are kept (spill.h). */
enum fl_kept_results { FL_RESULTS_UNKNOWN, FL_RESULTS_NONE, FL_RESULTS_KEPT };

struct fl_thread {
  char id[FL_ID_MAX + 1];
  uint64_t fence;                   /* 0: no lease */
  struct fl_run *run;               /* NULL: not loaded */
  struct fl_definition *definition; /* of `run` */
  struct fl_loaded loaded;          /* as found when the lease was taken: the journal of the interrupted superstep */
  bool is_busy;                     /* an invocation runs on it, or is about to */
  struct fl_thread_open *runner;    /* of that invocation */
  bool is_asked;                    /* another process waits for it: the lease goes back after the run */
  bool rolls_back;                  /* the run was cancelled, and what it wrote is to be taken back */
  char asker[160];                  /* who had the run cancelled; "": nobody */
  int64_t renewed_ms;               /* when the lease was last renewed */
  unsigned run_count;               /* since its retention was last looked at */
  enum fl_kept_results results;     /* of its tools */
  struct fl_thread *next;
};

struct fl_unreturned {
  uint64_t fence;
};

typedef int fl_lookup_fn(const char *host, struct fl_value *addresses, struct fl_error *err);

struct fl_runtime {
  struct fl_world *world;
  bool owns_world;
  struct fl_store *store; /* never NULL: memory when no path was given */
  bool keeps_nothing;     /* memory store: runs without a thread id leave no trace */
  struct fl_registry *registry;
  struct fl_loaded_graph *graphs;
  struct fl_thread *threads;
  struct fl_thread_open *waiting; /* runs that wait for a thread of this process */
  struct fl_timer look_timer;     /* while threads are held: what do others ask? */
  int64_t lease_ms;               /* how long a thread is this runtime's after it last said so */
  int64_t last_ticks;             /* of the last checkpoint id */
  uint8_t node_id[6];             /* of this process in checkpoint ids (RFC 9562: random) */
  size_t invocation_count;
  size_t release_count; /* leases on their way back, and operations of memories */
  struct fl_map
      unreturned; /* thread id -> its fence, as struct fl_unreturned *: the store refused to take the lease back */
  bool is_closing, is_closed;
  const char *(*getenv_fn)(const char *name); /* for keys of models; NULL: no name is set */
  struct fl_map functions;                    /* name -> struct fl_runtime_function * */
  struct fl_map models;                       /* name -> struct fl_model_config *, for graphs built in C */
  char **granted;                             /* patterns of tools that the embedding program added */
  size_t granted_count;
  struct fl_memory *memory;        /* <fairlead/memory.h>; NULL until somebody uses it */
  struct fl_pins *pins;            /* NULL until a tool is looked at */
  struct fl_discovery *discovery;  /* NULL until an agent looks for tools */
  struct fl_value *server_entries; /* of the loaded graphs, by name: [folder, mcpServers entry]; an object */
  struct fl_value *sandboxes;      /* by server, or by tool: the layers around it; an object, or NULL: there are none */
  const struct fl_rehearsal *rehearsal; /* rehearsal.h; NULL: it is not one */
  fl_lookup_fn *lookup;                 /* of hosts, on a thread of the pool; NULL: runtime/io/lookup.h */
  struct fl_effects spare_effects;      /* empty: the memory of a list for the next step */
  struct fl_tracing *tracing;           /* what traces share, tracing.h; NULL until a run is traced */
};

struct fl_runtime_function {
  fl_node_fn *run;
  void *user;
};

/* ---- allow.c ---- */

/* The allow-list of a definition: every pattern that one of its nodes names, and what the embedding program granted. */
struct fl_policy *fl_allow_list(struct fl_runtime *runtime, const struct fl_definition *definition,
                                const struct fl_value *effects);

void fl_loaded_graph_free(struct fl_loaded_graph *graph);

/* The graph of a definition; one that was built in C is entered on first use. */
struct fl_loaded_graph *fl_runtime_graph(struct fl_runtime *runtime, struct fl_definition *definition);

/* A runtime in any world and with any store (simulated runs); borrows both. Before such a runtime is destroyed, shut it
 * down and turn the world until it is idle: servers end, leases go back. */
struct fl_runtime *fl_runtime_create_in(struct fl_world *world, struct fl_store *store);
void fl_runtime_shutdown(struct fl_runtime *runtime);
/* Allows every graph of this runtime, loaded or yet to be, to call the tools of a server. */
void fl_runtime_grant(struct fl_runtime *runtime, const char *server);
struct fl_registry *fl_runtime_registry(struct fl_runtime *runtime);
struct fl_store *fl_runtime_store(struct fl_runtime *runtime);
struct fl_world *fl_runtime_world(struct fl_runtime *runtime);

/* Fresh ids and stamps for an event. */
void fl_runtime_stamp(struct fl_runtime *runtime, struct fl_ev *ev);
void fl_runtime_new_id(struct fl_runtime *runtime, char ret_id[FL_UUID_SIZE]);

/* ---- thread.c: threads that this process holds ---- */

/* Takes the lease and loads the head; calls back once, also when it fails. Embedded in the invocation. */
struct fl_thread_open {
  const char *id; /* lent */
  bool creates;
  enum fl_on_busy on_busy;
  void (*on_open)(struct fl_thread_open *open, int status, const struct fl_error *err);
  struct fl_invocation *user;
  /* private */
  struct fl_txn txn;
  struct fl_runtime *runtime;
  struct fl_thread *thread;
  struct fl_thread_open *next;   /* in the runtime's list */
  bool is_waiting;               /* stands in it */
  bool is_polling, is_cancelled; /* the timer runs; give up */
  bool has_asked, has_cancelled; /* the holder; a run that was in the way */
  int64_t since_ms, asked_ms;
  struct fl_timer poll_timer;
  struct fl_request request;
  char asker[32];
};
void fl_thread_open_start(struct fl_runtime *runtime, struct fl_thread_open *open);
/* Gives up while it waits; on_open follows with FL_E_CANCELLED. Does nothing once the lease is there. */
void fl_thread_open_cancel(struct fl_thread_open *open);
/* For busy.c: the start once more, another try for the lease, the end without one. */
void fl_thread_open_again(struct fl_thread_open *open, uint64_t delay_ms);
void fl_thread_acquire(struct fl_thread_open *open);
void fl_thread_open_failed(struct fl_thread_open *open, int status, const struct fl_error *err);

/* ---- busy.c: when a thread is being run already ---- */

/* Another run of this process has it: 0 when the opening waits now, or an error. */
int fl_busy_here(struct fl_thread_open *open, struct fl_thread *thread, struct fl_error *err);
/* Another process has it: whether the opening goes on trying. */
bool fl_busy_elsewhere(struct fl_thread_open *open);
/* Tries for the lease after a while. */
void fl_busy_poll(struct fl_thread_open *open, uint64_t delay_ms);
/* The run has ended: the thread is kept or given back, and whoever waits for it comes next. */
void fl_thread_finished(struct fl_runtime *runtime, struct fl_thread *thread, bool keeps);
/* A lease is held from now on: looks once a second what others ask of this process, until none is held. */
void fl_busy_look(struct fl_runtime *runtime);

/* Forgets the loaded run, for example after a failed commit; the next invocation loads again. */
void fl_thread_forget(struct fl_thread *thread);
/* The thread when this process holds it; NULL otherwise. */
struct fl_thread *fl_thread_held(struct fl_runtime *runtime, const char *id);
/* Around a transaction of the runtime's own: it does not close before the last of them is acknowledged. */
void fl_runtime_begin_txn(struct fl_runtime *runtime);
void fl_runtime_end_txn(struct fl_runtime *runtime);

/* put_item.c: keeps an item of the engine's own in the memory across threads. Takes `ns` and `body`; ttl_ms 0: for
 * ever. It is in the store before whatever is submitted later. */
void fl_runtime_put_item(struct fl_runtime *runtime, char *ns, const char *key, char *body, int64_t ttl_ms);
/* Gives the lease back and frees the thread. */
void fl_thread_close(struct fl_runtime *runtime, struct fl_thread *thread);
/* How often a lease is renewed, and how old one may be that is taken for held without a question. */
int64_t fl_lease_renew_ms(const struct fl_runtime *runtime);
/* Renews the lease when it is due: submits and forgets, a lost lease shows at the next commit. */
void fl_thread_renew(struct fl_runtime *runtime, struct fl_thread *thread);

/* ---- frame.c: one graph at one checkpoint namespace within an invocation ---- */

/* A frame drives one pure run. The root's is part of the invocation; those of graph nodes come and go with their tasks.
 * The invocation keeps what all frames share: the thread, the tickets, the queues. */
struct fl_frame {
  struct fl_invocation *invocation;
  struct fl_loaded_graph *graph;    /* whose models, servers and policy its nodes use */
  struct fl_definition *definition; /* lent by the graph */
  struct fl_run *run;
  const struct fl_loaded
      *loaded;            /* what the store found for it: the journal of the interrupted superstep; NULL: none */
  char *ns;               /* "" for the root; owned */
  struct fl_task *parent; /* the task that it runs in; NULL: the root */
  uint64_t *seq_tickets;  /* ticket of core commit seq i + seq_base */
  uint64_t seq_base;
  size_t seq_count;
  bool is_ending;         /* the core has said the END, which may wait for its commit */
  bool has_ended;         /* the END was performed */
  uint64_t first_no;      /* the checkpoint that the run stood at when it began: later tasks never ran before */
  struct fl_child *child; /* what only a frame inside a task has; NULL: the root */
  size_t use_count;       /* events, items, commits and tasks that name it */
  struct fl_do end;       /* the END effect, once it was performed */
  uint32_t step_span;     /* of the superstep that is under way; 0: none, or the run is not traced */
  int64_t traced_step, step_began_us;
  struct fl_frame *next;
};

static inline bool fl_frame_is_root(const struct fl_frame *frame) { return frame->child == NULL; }

/* ---- subgraph.c: frames inside tasks ---- */

struct fl_child_call {
  struct fl_definition *definition;
  enum fl_checkpoints checkpoints;
  struct fl_value *input; /* taken */
  fl_task_graph_fn *on_done;
  void *user;
};
/* Runs a graph inside a task; see fl_task_call_graph_take. */
int fl_task_run_graph(struct fl_task *task, const struct fl_child_call *call);
/* The END of a frame inside a task was performed. */
void fl_frame_ended(struct fl_frame *frame);
/* Tells the frames inside a task to end. */
void fl_task_cancel_frames(struct fl_task *task);
/* Interrupts a task when all that is still open in it waits for a person. Returns whether it did. */
bool fl_task_asks_inside(struct fl_task *task);
/* Frees frames that are over and that nothing names any more. Returns whether there was one. */
bool fl_invocation_reap(struct fl_invocation *invocation);
/* Whether a frame's events are for the follower. */
bool fl_frame_is_told(const struct fl_frame *frame);
/* The policy that its nodes are under. */
const struct fl_policy *fl_frame_policy(const struct fl_frame *frame);
/* Nothing of the frame's run is stored: what its tasks call is journalled with the nearest run that is. */
bool fl_frame_is_ephemeral(const struct fl_frame *frame);
const struct fl_loaded *fl_task_journal(const struct fl_task *task); /* NULL: none */
uint64_t fl_task_journal_no(const struct fl_task *task);             /* the checkpoint that its calls stand beside */
const char *fl_task_journal_ns(const struct fl_task *task);
void fl_frame_stamp(struct fl_frame *frame, struct fl_ev *ev);

/* ---- retention.c ---- */

/* What the metadata of a thread say about how much of it is kept; false when they say nothing. */
bool fl_retention_read(const struct fl_value *metadata, int64_t wall_ms, struct fl_prune *ret_prune);
/* A run has ended: every few of them, the thread is pruned as its metadata say. And before its lease is given back. */
void fl_thread_note_run(struct fl_runtime *runtime, struct fl_thread *thread);
void fl_thread_retain(struct fl_runtime *runtime, struct fl_thread *thread);

/* ---- looking_inside.c: what is stored of a graph, and of the graphs inside it ---- */

struct fl_looking {
  struct fl_runtime *runtime;
  const char *thread, *ns;
  struct fl_definition *definition;
  const struct fl_loaded *loaded;
  bool with_subgraphs; /* tasks that run a graph have its "state" */
  struct fl_error *err;
};
/* As fl_run_describe. *ret_state is the caller's, also on failure. */
int fl_look_inside(struct fl_looking *looking, struct fl_value **ret_state);

/* ---- invocation.c ---- */

enum { FL_SUPERSTEPS_MAX = 1000 }; /* of updates in one transaction */
enum { FL_METADATA_MAX = 4096 };   /* bytes of text that a run may have stand in each of its checkpoints */

enum fl_item_kind { FL_ITEM_EFFECT, FL_ITEM_EVENT };

/* Something that waits for its ticket: an effect of the core, or an event for whoever follows the run. */
struct fl_item {
  enum fl_item_kind kind;
  struct fl_frame *frame;
  uint64_t ticket;
  uint64_t event_no; /* of an event that is kept, in its run; 0: it is not kept */
  struct fl_do effect;
  const char *mode; /* EVENT */
  char *node;
  struct fl_value *data;
  struct fl_item *next;
  struct fl_item_block *block; /* EFFECT: that it is part of; NULL elsewhere */
};

/* The effects of one step: a superstep of a thousand tasks asks for memory once. Freed with the last of its items. */
struct fl_item_block {
  size_t use_count;
  struct fl_item items[];
};

struct fl_queued_event {
  struct fl_frame *frame; /* whose run takes it */
  struct fl_ev ev;
  struct fl_write *writes; /* the names of their channels are lent by the definition, as those of a task's */
  size_t write_count;
  struct fl_gotos gotos;
  struct fl_parent_command *to_parent; /* NULL: none */
  struct fl_value *update;             /* NULL: none */
  struct fl_value *value;
  char *node;     /* UPDATE */
  char *more_ids; /* BULK_UPDATE: of the checkpoints after the first */
  char *interrupt_id;
  struct fl_value *children, *heads; /* as in struct fl_ev; owned */
  struct fl_error *error;
  struct fl_task *task; /* TASK_*: which; its late events wait for the commit, and it is there until then */
  uint64_t ticket;      /* COMMITTED, COMMIT_FAILED */
  struct fl_queued_event *next;
};

struct fl_commit {
  struct fl_txn txn;
  struct fl_records records;
  struct fl_invocation *invocation;
  struct fl_frame *frame; /* whose core it is of; NULL: the engine's own (intents and results) */
  uint64_t ticket;
  uint64_t seq;    /* of the core; 0: the engine's own */
  bool has_head;   /* it is of the root's core, which knows the head */
  int64_t left_us; /* when it went to the store, of a run that is traced */
};

struct fl_invocation {
  enum fl_kept_results results; /* of its tools, when it has no thread */
  struct fl_runtime *runtime;
  struct fl_frame root;
  struct fl_thread *thread;
  struct fl_thread_open open;
  uint64_t began_no; /* the thread's head when it began */
  struct fl_rollback rollback;
  struct fl_records rollback_records; /* what the trace says of it */
  bool is_rolling_back;               /* it has ended, and what it wrote is being taken back */
  char thread_id[FL_ID_MAX + 1];
  char run_id[FL_UUID_SIZE];
  char checkpoint[FL_UUID_SIZE];                    /* where the thread stands at the end */
  struct fl_invoke_options options;                 /* input, resume, metadata: referenced; checkpoint: owned */
  char **goto_nodes, **stops_before, **stops_after; /* of the options */
  struct fl_model_config *model_override;
  struct fl_queued_event *update; /* what it does instead of running; owned; NULL once it is enqueued */
  struct fl_value *context;       /* an object, with the graph's defaults */
  struct fl_ledger *ledger;       /* ledger.h; NULL: no manifest */
  uint64_t labels;                /* of all that it holds */
  enum fl_durability durability;
  fl_run_end_fn *on_end;
  void *user;
  bool is_ephemeral; /* nothing is stored */
  struct fl_queued_event *events, **events_tail;
  struct fl_item *items, **items_tail;
  uint64_t last_ticket, acked_ticket;
  uint64_t last_event_no;              /* of the events that are kept */
  struct fl_task *tasks, **tasks_tail; /* of all frames */
  struct fl_frame *frames;             /* those inside tasks */
  bool has_gone_frames;                /* some of them are over */
  size_t held_size;                    /* bytes of its bodies */
  struct fl_commit *held;              /* FL_DURABLE_EXIT: what is not sent yet; NULL: nothing */
  size_t commit_count;                 /* not yet acknowledged */
  struct fl_post post;
  bool is_posted, is_draining, is_cancelled, has_lost_store;
  bool finishes_first; /* unfinished work of before comes before the input */
  struct fl_post opening;
  struct fl_timer renew_timer;
  struct fl_run_trace *trace; /* tracing.h; NULL: the run is not traced */
  int64_t started_us;
  bool has_begun;   /* the thread is marked as busy */
  bool has_started; /* a task was started */
};

/* A run that is ready to begin, and its beginning without a turn of the loop, for callers who wait for it: on_end may
 * come from inside fl_invocation_begin. */
int fl_invocation_create(struct fl_runtime *runtime, struct fl_definition *definition,
                         const struct fl_invoke_options *options, struct fl_invocation **ret_invocation,
                         struct fl_error *err);
void fl_invocation_start(struct fl_invocation *invocation, fl_run_end_fn *on_end, void *user); /* on the next turn */
void fl_invocation_begin(struct fl_invocation *invocation, fl_run_end_fn *on_end, void *user);

/* Enqueues an event for the core of a frame; takes `event`, heap-allocated. */
void fl_frame_enqueue(struct fl_frame *frame, struct fl_queued_event *event);
/* Wakes the drain on the loop's next turn, or is part of it when it is already draining. */
void fl_invocation_wake(struct fl_invocation *invocation);
/* Commits the engine's own records (moved); returns the ticket. */
uint64_t fl_invocation_commit(struct fl_invocation *invocation, struct fl_records *records);
/* With FL_DURABLE_EXIT commits are held back, as one, until the run ends or a call waits for its intent: sends it. */
void fl_invocation_flush(struct fl_invocation *invocation);
/* Commits what the core of a frame asked for (the records are moved), and remembers its ticket. */
void fl_frame_commit(struct fl_frame *frame, struct fl_do *effect);
/* The ticket of a commit of the frame's core; 0: there is none. */
uint64_t fl_frame_ticket_of(const struct fl_frame *frame, uint64_t seq);
/* The first commit of the frame's core that waits behind a ticket: what the core must take back when a commit of the
 * engine's own, or of another frame, fails. UINT64_MAX when nothing waits. */
uint64_t fl_frame_seq_behind(const struct fl_frame *frame, uint64_t ticket);
/* kept.c: events that are stored, so that whoever was away reads them again. fl_keep_event gives one its number and
 * adds its record; 0 when the run keeps none. The text of an id is RUN:NUMBER. */
enum { FL_EVENT_ID_SIZE = FL_UUID_SIZE + 24 };
bool fl_invocation_keeps_events(const struct fl_invocation *invocation);
uint64_t fl_keep_event(const struct fl_frame *frame, const struct fl_run_event *event, struct fl_records *records);
const char *fl_event_id(const char *run_id, uint64_t event_no, char ret_id[FL_EVENT_ID_SIZE]);
/* Whether anybody hears, or will read, what is told. */
bool fl_invocation_tells(const struct fl_invocation *invocation);
struct fl_queued_event *fl_queued_event_create(enum fl_ev_kind kind);
void fl_queued_event_free(struct fl_queued_event *event);
/* Tells whoever follows, once the ticket is acknowledged (0: now). Takes the data. */
void fl_frame_tell(struct fl_frame *frame, const char *mode, const char *node, struct fl_value *data, uint64_t ticket);
/* Puts an item at the end of what waits. Takes it. */
void fl_invocation_add_item(struct fl_invocation *invocation, struct fl_item *item);
/* Hands the event to the frame's core and takes what comes out; frees it. */
void fl_frame_step(struct fl_frame *frame, struct fl_queued_event *event);
/* The settings of the frame's run, as the invocation's options have them. */
struct fl_run_settings fl_frame_settings(const struct fl_frame *frame);
void fl_frame_deinit(struct fl_frame *frame);
bool fl_invocation_is_followed(const struct fl_invocation *invocation);
/* Called by a task when the last thing that kept it has ended. */
void fl_invocation_task_gone(struct fl_invocation *invocation);

/* ---- task.c and calls.c ---- */

enum fl_task_phase { FL_TASK_RUNNING, FL_TASK_ENDED };

/* One journalled call of a task. */
struct fl_task_call {
  struct fl_task *task;
  int index, attempt; /* attempt: how often a person had it repeated */
  int answers_used;   /* of a person, about whether it may be made */
  int64_t reserved_tokens, reserved_nusd;
  uint64_t labels; /* of its result */
  enum fl_call_kind kind;
  enum fl_call_effect effect;
  char call_id[FL_UUID_SIZE];
  char key[FL_UUID_SIZE]; /* what the tool knows it by: the id of the place where it began, also when it goes on */
  char *name, *own_key;   /* own_key: of effect keyed, by its manifest; NULL: `key` */
  struct fl_value *args;
  fl_task_call_fn *on_done;
  void *user;
  struct fl_value *result; /* a reply that waits to be delivered */
  struct fl_error *error;
  bool is_queued;                          /* waits for its intent, or for the next drain, to leave */
  bool is_running;                         /* has left and has not answered */
  bool is_announced;                       /* its row is in the journal */
  bool is_answered;                        /* a person decided about its unknown outcome */
  bool is_unknown;                         /* it had left before a crash, and nobody has decided yet */
  bool is_sent, is_delivered, is_reserved; /* is_reserved: the ledger counts it as under way */
  bool has_not_left;                       /* it ended before it left: another attempt makes it for the first time */
  bool was_opened;                         /* its server, so that the policy knows its tools */
  bool has_new_answer;                     /* since it began, or began again */
  uint64_t intent_ticket;                  /* 0: none, or acknowledged */
  int64_t started_us;
  struct fl_value *pause, *answers, *kept, *known; /* see fl_elicit_pause; NULL likewise */
  char *problem;                                   /* of the last answer; NULL: none */
  size_t claim; /* 1 + the index of the answer that its question has claimed; 0: none */
  union {       /* by kind */
    struct fl_tool_request tool;
    struct fl_model_call model;
  };
  struct fl_function_job *function; /* of a function's call; NULL otherwise */
  struct fl_opening *opening;       /* while servers start; NULL otherwise */
  struct fl_lookup *lookup;         /* while hosts of its arguments are looked up; NULL otherwise */
  struct fl_value *addresses;       /* {HOST: [ADDRESS…]} of its arguments; NULL: not looked up */
  struct fl_list *messages;
  char *system;
  struct fl_value *tool_definitions, *tool_patterns;
  struct fl_traced_call *trace; /* owned; NULL: nothing of it is traced so far */
  struct fl_task_call *next;
};

struct fl_task {
  struct fl_invocation *invocation;
  struct fl_frame *frame;
  struct fl_start_task start;
  const struct fl_node_def *node;
  enum fl_task_phase phase;
  uint32_t attempt; /* 1, and one more for each try after that */
  uint64_t labels;  /* of what it has read beside its state */
  bool is_cancelled, has_outcome;
  bool is_unwanted;  /* cancelled by the core: no attempt follows */
  bool is_timed_out; /* cancelled because its time is up */
  bool is_waiting;   /* for the end of the pause before it; the node is not entered yet */
  bool is_retrying;  /* failed; another attempt follows once its calls have ended */
  bool is_stuck;     /* a call that must not be repeated failed with an unknown outcome: another attempt is no use */
  bool is_cached;    /* the node is not entered: what it wrote was known */
  bool is_pending;   /* answered FL_PENDING and has not completed */
  bool is_asking;    /* answered FL_INTERRUPT, and waits for the calls that it left open */
  bool is_advancing; /* its calls are walked: it may not be freed */
  int outcome;
  struct fl_write *writes;
  size_t write_count, write_capacity;
  struct fl_gotos gotos;               /* where it goes beside its edges */
  struct fl_parent_command *to_parent; /* NULL: nothing was said to the graph above */
  struct fl_error *error;              /* why it failed; NULL: it has not */
  struct fl_value *question;
  size_t answer_count; /* how many answers were asked for so far */
  int call_count;
  struct fl_task_call *calls;
  size_t open_call_count;               /* started and not yet delivered */
  size_t frame_count, open_frame_count; /* graphs that were run in it, and that have not ended */
  size_t frame_use_count;               /* their frames, which lend of the task */
  bool has_run_graph;                   /* also in an earlier attempt */
  struct fl_value *waits;               /* what those that ended interrupted wait for; an array; NULL: nothing */
  struct fl_value *heads;               /* {namespace: checkpoint number} of its lasting graphs; NULL: none */
  struct fl_records results;            /* journalled results that are not yet committed */
  struct fl_records audit;              /* audit.h: likewise */
  struct fl_item *late, **late_tail;    /* events that wait for the commit which holds those results */
  struct fl_opening *opening;           /* while the node waits for servers; NULL otherwise */
  void *node_data;                      /* of the node kind */
  void (*node_data_free)(void *data);
  int64_t started_us;
  int64_t began_ms, alive_ms;  /* when the node was entered, and when it last gave a sign of life */
  uint64_t retry_ms;           /* RETRYING: the pause */
  uint64_t retry_ticket;       /* RETRYING: the last commit before it failed */
  struct fl_timer timer;       /* the pause before it, then its time-outs */
  struct fl_loaded_call *past; /* calls of the attempts before it that came to an end */
  size_t past_count;
  uint8_t *cache_key; /* FL_HASH_SIZE; NULL: it is not cached */
  struct fl_traced_task trace;
  struct fl_task *next, **link; /* what points to it in the list of the invocation */
};

void fl_task_start(struct fl_frame *frame, struct fl_start_task *start); /* takes what `start` owns */
/* The same in two steps: without running the node, and running it. */
struct fl_task *fl_task_create(struct fl_frame *frame, struct fl_start_task *start);
void fl_task_enter(struct fl_task *task);
void fl_task_cancel(struct fl_task *task);
/* Its time is up: as a cancel, but the task has failed with FL_E_TIMEOUT. */
void fl_task_time_out(struct fl_task *task);
/* Ends a task that was cancelled or timed out, and that the node has not ended. */
void fl_task_end_stopped(struct fl_task *task);
void fl_task_free_if_gone(struct fl_task *task);
/* Commits journalled results of tasks that go on; called at the end of a drain. Returns whether anything was sent. */
bool fl_task_flush_results(struct fl_task *task);
/* Ends a task that asks, once its calls have ended: what they answered is on disk with the question, so that the answer
 * cannot be taken for one about them. */
void fl_task_end_asking(struct fl_task *task);
/* The core has taken a task that was done. When it found the task's writes wrong, the results of its calls go with the
 * commit that says so; otherwise the writes stand for them. */
void fl_task_settle(struct fl_task *task, struct fl_effects *effects);
void fl_task_free(struct fl_task *task);
/* Delivers replies that wait and dispatches calls whose intent is on disk. Returns whether anything happened. */
bool fl_task_advance_calls(struct fl_task *task);
void fl_task_cancel_calls(struct fl_task *task);
/* NULL when the task has made too many; the failure is recorded in the task then. */
struct fl_task_call *fl_call_new(struct fl_task *task, enum fl_call_kind kind, const char *name);
/* A tool's call: asks the policy, once what that must know is there, and goes on. */
void fl_call_decide(struct fl_task_call *call);
void fl_call_go(struct fl_task_call *call); /* on its way, once it is filled in; and again, when it goes on */
/* calls_function.c */
void fl_call_function_dispatch(struct fl_task_call *call);
void fl_call_function_free(struct fl_task_call *call);

int fl_call_place(const struct fl_task_call *call); /* in the journal of its task */
/* Of its arguments, once the call is made and they change no more. */
void fl_call_hash_args(struct fl_task_call *call, uint8_t ret_hash[FL_HASH_SIZE]);
/* What the journal knows of it; NULL: nothing. Lent. */
const struct fl_loaded_call *fl_call_journalled(const struct fl_task_call *call);
/* Ends a call that has not left; the node reads why. */
void fl_call_refuse(struct fl_task_call *call, int code, const char *text);

/* ---- past.c ---- */

/* What the calls of `from` and of the attempts before it came to, for the attempt that follows. */
void fl_task_calls_take_past(struct fl_task *task, const struct fl_task *from);
void fl_task_past_free(struct fl_task *task);
/* Whether a call whose outcome was found has failed and leaves once more; notes in the task when it may not. */
bool fl_call_is_made_anew(struct fl_task_call *call, const struct fl_loaded_call *found);

/* ---- calls.c again ---- */

void fl_task_calls_free(struct fl_task *task);

/* Ends a call: journals the result and hands it to the node in the next drain. Takes nothing. */
void fl_call_ended(struct fl_task_call *call, struct fl_value *result, const struct fl_error *err);

void fl_call_model_dispatch(struct fl_task_call *call);

/* The command of the options, in an event; whether they have one. */
bool fl_options_command(const struct fl_invoke_options *options);

/* ---- invoke_options.c ---- */

/* Whether they make sense for the graph; changes nothing. */
int fl_options_check(const struct fl_definition *definition, const struct fl_invoke_options *options,
                     struct fl_error *err);
/* Copies or references all of them. */
void fl_invocation_take_options(struct fl_invocation *invocation, const struct fl_invoke_options *options);
void fl_invocation_forget_options(struct fl_invocation *invocation);
void fl_event_take_command(struct fl_queued_event *event, const struct fl_invoke_options *options);

/* ---- command.c: where a task goes by itself, and what it says to the graph above ---- */

struct fl_scope fl_task_scope(const struct fl_task *task); /* names of expressions; lends of the task */
int fl_task_go_ways(struct fl_task *task);                 /* the ways of the task's node, of a graph file */
void fl_task_forget_commands(struct fl_task *task);        /* with what it wrote, before it is entered anew */

/* ---- attempt.c ---- */

void fl_attempt_watch(struct fl_task *task); /* starts the time-outs of a pending task */
void fl_attempt_say_timeout(struct fl_task *task);
/* Whether a failed task is tried again; then fl_attempt_follow comes when its calls have ended. */
bool fl_attempt_again(struct fl_task *task);
bool fl_attempt_may_follow(const struct fl_task *task);
void fl_attempt_follow(struct fl_task *task);

/* ---- cached.c ---- */

int fl_cached_look(struct fl_task *task); /* 1: the result is there, and in the task; 0: run it; negative: it failed */
void fl_cached_put(struct fl_task *task); /* keeps what it wrote, if its node is cached */

/* ---- nodes.c: the node types of graph files ---- */

fl_node_fn *fl_node_kind(const char *type); /* NULL: unknown */
const struct fl_node_def *fl_task_def(const struct fl_task *task);
/* Evaluates the expression at a pointer of the node's configuration on the task's state; a failure is recorded in the
 * task. */
int fl_task_eval(struct fl_task *task, const char *pointer, struct fl_value **ret_value);

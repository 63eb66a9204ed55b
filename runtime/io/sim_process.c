/* SPDX-License-Identifier: MIT */
/* Simulated processes. Three sources each: what the peer is sent, the signals it gets (they overtake data), and what it
 * emits, of which its exit is the last. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/io/sim.h"

#include <signal.h>

struct fl_sim_peer {
  struct sim_thing thing;
  struct fl_process *process;
  struct fl_sim_program program; /* `name` is not kept */
  void *user;
  char **argv, **env;
  char *policy;
  struct sim_source input, signals, output;
  struct fl_timer timer; /* of fl_process_end */
  uint32_t grace_ms;
  int stage; /* of fl_process_end: 0 not asked, 1 input closed, 2 SIGTERM sent, 3 SIGKILL sent */
  bool has_stdin_ended, has_stdout_ended, is_exiting;
};

static struct sim_world *world_of(const struct fl_sim_peer *peer) { return sim_world_of(peer->thing.head.world); }

static void drop_peer(struct sim_thing *thing) {
  struct fl_sim_peer *peer = (struct fl_sim_peer *)thing;
  sim_timer_stop(&peer->timer);
  sim_source_clear(&peer->input);
  sim_source_clear(&peer->signals);
  sim_source_clear(&peer->output);
  sim_thing_remove(thing);
  if (peer->program.on_gone != NULL) peer->program.on_gone(peer);
  sim_free_texts(peer->argv);
  sim_free_texts(peer->env);
  fl_free(peer->policy);
  fl_free(peer);
}

/* ---- what the peer emits ---- */

static void fire_stdout(struct sim_event *event) {
  struct fl_process *process = ((struct fl_sim_peer *)event->user)->process;
  if (process->on_stdout != NULL) process->on_stdout(process, fl_slice_n(event->data, event->size));
}

static void fire_stderr(struct sim_event *event) {
  struct fl_process *process = ((struct fl_sim_peer *)event->user)->process;
  if (process->on_stderr != NULL) process->on_stderr(process, fl_slice_n(event->data, event->size));
}

static void fire_stdout_end(struct sim_event *event) {
  struct fl_sim_peer *peer = event->user;
  if (peer->has_stdout_ended) return;
  peer->has_stdout_ended = true;
  if (peer->process->on_stdout_end != NULL) peer->process->on_stdout_end(peer->process);
}

static void fire_exit(struct sim_event *event) {
  struct fl_sim_peer *peer = event->user;
  struct fl_process *process = peer->process;
  drop_peer(&peer->thing);
  process->impl = NULL;
  process->pid = 0;
  process->on_exit(process, event->number, event->number_too);
}

static void push_exit(struct fl_sim_peer *peer, uint32_t delay_ms, int exit_status, int term_signal) {
  if (peer->is_exiting) return;
  sim_push_far(&peer->output, delay_ms, fire_stdout_end, peer);
  struct sim_event *event = sim_push_far(&peer->output, 0, fire_exit, peer);
  event->number = exit_status;
  event->number_too = term_signal;
  peer->is_exiting = true;
}

void fl_sim_stdout(struct fl_sim_peer *peer, uint32_t delay_ms, fl_slice data) {
  fl_check(!peer->is_exiting);
  sim_push_data(&peer->output, delay_ms, data, fire_stdout, peer);
}

void fl_sim_stderr(struct fl_sim_peer *peer, uint32_t delay_ms, fl_slice data) {
  fl_check(!peer->is_exiting);
  sim_push_data(&peer->output, delay_ms, data, fire_stderr, peer);
}

void fl_sim_stdout_end(struct fl_sim_peer *peer, uint32_t delay_ms) {
  if (!peer->is_exiting) sim_push_far(&peer->output, delay_ms, fire_stdout_end, peer);
}

void fl_sim_exit(struct fl_sim_peer *peer, uint32_t delay_ms, int exit_status) {
  push_exit(peer, delay_ms, exit_status, 0);
}

void fl_sim_die(struct fl_sim_peer *peer, uint32_t delay_ms, int signal_number) {
  push_exit(peer, delay_ms, 0, signal_number);
}

/* What it would have emitted later is never emitted; what has left it already arrives. */
static void die_now(struct fl_sim_peer *peer, int signal_number) {
  sim_source_drop_later(&peer->output);
  peer->is_exiting = false;
  push_exit(peer, 0, 0, signal_number);
}

/* ---- what the peer is sent ---- */

static bool is_dead(const struct fl_sim_peer *peer) { return peer->is_exiting; }

static void fire_start(struct sim_event *event) {
  struct fl_sim_peer *peer = event->user;
  if (peer->program.on_start != NULL) peer->program.on_start(peer);
}

static void fire_stdin(struct sim_event *event) {
  struct fl_sim_peer *peer = event->user;
  if (!is_dead(peer) && peer->program.on_stdin != NULL)
    peer->program.on_stdin(peer, fl_slice_n(event->data, event->size));
}

static void fire_stdin_end(struct sim_event *event) {
  struct fl_sim_peer *peer = event->user;
  if (is_dead(peer)) return;
  if (peer->program.on_stdin_end != NULL) peer->program.on_stdin_end(peer);
  else fl_sim_exit(peer, 0, 0);
}

static void fire_kill(struct sim_event *event) {
  struct fl_sim_peer *peer = event->user;
  bool asks = event->number != SIGKILL && peer->program.on_signal != NULL;
  if (!asks) die_now(peer, event->number);
  else if (!is_dead(peer)) peer->program.on_signal(peer, event->number);
}

static void push_signal(struct fl_sim_peer *peer, int number) {
  sim_push_far(&peer->signals, 0, fire_kill, peer)->number = number;
}

static void close_stdin(struct fl_sim_peer *peer) {
  if (peer->has_stdin_ended) return;
  peer->has_stdin_ended = true;
  sim_push_far(&peer->input, 0, fire_stdin_end, peer);
}

static void on_end_timer(struct fl_timer *timer) {
  struct fl_sim_peer *peer = timer->user;
  push_signal(peer, ++peer->stage == 2 ? SIGTERM : SIGKILL);
  if (peer->stage == 2) sim_timer_start(world_of(peer), timer, peer->grace_ms);
}

static void bury_peer(struct sim_thing *thing) {
  struct fl_sim_peer *peer = (struct fl_sim_peer *)thing;
  sim_timer_stop(&peer->timer);
  sim_source_clear(&peer->input);
  sim_source_clear(&peer->signals);
  sim_source_clear(&peer->output);
  peer->is_exiting = false;
  push_exit(peer, 0, 0, SIGKILL);
}

/* ---- the client's side ---- */

int sim_process_start(struct fl_world *base, struct fl_process *process, const struct fl_process_options *options,
                      struct fl_error *err) {
  struct sim_world *world = sim_world_of(base);
  const struct fl_sim_program *program = fl_map_get(&world->programs, options->argv[0]);
  if (world->is_buried) return fl_error_set(err, FL_E_CANCELLED, "cannot start \"%s\": it is over", options->argv[0]);
  if (program == NULL)
    return fl_error_set(err, FL_E_NOT_FOUND, "cannot start \"%s\": no such program in this simulated world",
                        options->argv[0]);
  bool happens = sim_effect(world, FL_SIM_PROCESS_START);
  struct fl_sim_peer *peer = fl_new(struct fl_sim_peer);
  peer->thing.drop = drop_peer;
  peer->thing.bury = bury_peer;
  sim_thing_add(world, &peer->thing);
  peer->process = process;
  if (happens) peer->program = *program;
  peer->user = program->user;
  peer->argv = sim_copy_texts(options->argv);
  peer->env = sim_copy_texts(options->env);
  peer->policy = fl_strdup(options->policy);
  process->limit[0] = '\0';
  peer->timer = (struct fl_timer){.on_fire = on_end_timer, .user = peer};
  sim_source_init(&peer->input, world);
  sim_source_init(&peer->signals, world);
  sim_source_init(&peer->output, world);
  process->impl = peer;
  process->pid = world->next_pid++;
  sim_push_far(&peer->input, 0, fire_start, peer);
  return 0;
}

int sim_process_write(struct fl_process *process, fl_slice data) {
  struct fl_sim_peer *peer = process->impl;
  if (peer->has_stdin_ended || world_of(peer)->is_buried) return FL_E_CLOSED;
  if (sim_effect(world_of(peer), FL_SIM_PROCESS_WRITE)) sim_push_data(&peer->input, 0, data, fire_stdin, peer);
  return 0;
}

void sim_process_close_stdin(struct fl_process *process) {
  struct fl_sim_peer *peer = process->impl;
  if (sim_effect(world_of(peer), FL_SIM_PROCESS_SIGNAL)) close_stdin(peer);
}

void sim_process_kill(struct fl_process *process, int signal_number) {
  struct fl_sim_peer *peer = process->impl;
  if (sim_effect(world_of(peer), FL_SIM_PROCESS_SIGNAL)) push_signal(peer, signal_number);
}

void sim_process_end(struct fl_process *process, uint32_t grace_ms) {
  struct fl_sim_peer *peer = process->impl;
  if (peer->stage > 0 || !sim_effect(world_of(peer), FL_SIM_PROCESS_SIGNAL)) return;
  close_stdin(peer);
  peer->stage = 1;
  peer->grace_ms = grace_ms;
  sim_timer_start(world_of(peer), &peer->timer, grace_ms);
}

/* ---- programs ---- */

void fl_world_sim_program(struct fl_world *base, const struct fl_sim_program *program) {
  struct fl_sim_program *copy = fl_new(struct fl_sim_program);
  *copy = *program;
  copy->name = NULL; /* the map has it */
  fl_free(fl_map_set(&sim_world_of(base)->programs, program->name, copy));
}

void *fl_sim_peer_user(const struct fl_sim_peer *peer) { return peer->user; }

void fl_sim_peer_set_user(struct fl_sim_peer *peer, void *user) { peer->user = user; }

struct fl_world *fl_sim_peer_world(const struct fl_sim_peer *peer) {
  return peer->thing.head.world;
}

const char *const *fl_sim_peer_argv(const struct fl_sim_peer *peer) { return (const char *const *)peer->argv; }

const char *fl_sim_peer_env(const struct fl_sim_peer *peer, const char *name) {
  size_t size = strlen(name);
  for (char **entry = peer->env; entry != NULL && *entry != NULL; entry++)
    if (strncmp(*entry, name, size) == 0 && (*entry)[size] == '=') return *entry + size + 1;
  return NULL;
}

const char *fl_sim_peer_policy(const struct fl_sim_peer *peer) { return peer->policy; }

/* SPDX-License-Identifier: MIT */
/* The simulated world: everything above the io floor runs in it unchanged, in one thread, in virtual time, the same for
 * the same seed. Tests script the other side (programs, HTTP servers, the console) as C callbacks.
 *
 *   struct fl_world *world = fl_world_sim_create(seed);
 *   fl_world_sim_program(world, &my_tool_server);         // what fl_process_start("my-tool") meets
 *   fl_world_sim_server(world, &my_model_endpoint);       // what fl_http_start("http://model.test/…") meets
 *   … start what is tested in `world` …
 *   assert(fl_world_sim_run(world) == FL_SIM_IDLE);       // everything that could happen has happened
 *   fl_world_destroy(world);                              // checks that nothing is left, as in the real world
 *
 * Time stands still while code runs and jumps to the next event when nothing is ready; a delay of an hour costs
 * nothing. Events that are ready at the same moment come in an order drawn from the seed, except where the real world
 * keeps an order: posts among each other, what one peer emits, and what one peer is sent. So one test over a few
 * hundred seeds sees most interleavings.
 *
 * Crash tests: every operation that leaves the process is an effect with a number from 1. fl_world_sim_crash_at(world,
 * n) lets n-1 effects happen and no more: the n-th and all later ones do nothing (and claim success), no callback comes
 * any more, and run returns FL_SIM_CRASHED. Then: bring up a second world on the surviving store, or first
 * fl_world_sim_bury the first, so that its objects end in their ordinary way and can be freed (a store must have been
 * told of the crash before).
 *   for (n = 1; ; n++) { …; fl_world_sim_crash_at(world, n); if (fl_world_sim_run(world) != FL_SIM_CRASHED) break; … }
 */
#pragma once
#include "runtime/io/world.h"

struct fl_world *fl_world_sim_create(uint64_t seed);

/* ---- running ---- */

enum { FL_SIM_STEPS_MAX = 5 * 1000 * 1000 }; /* per run */

enum fl_sim_verdict {
  FL_SIM_IDLE,    /* nothing is left that could happen */
  FL_SIM_STOPPED, /* somebody called fl_world_stop */
  FL_SIM_CRASHED,
  FL_SIM_PAUSED,  /* the moment given to fl_world_sim_run_until has come */
  FL_SIM_ENDLESS, /* FL_SIM_STEPS_MAX events and no end: something turns in circles */
};

enum fl_sim_verdict fl_world_sim_run(struct fl_world *world);
/* Until the monotonic clock (which begins at 0) shows `now_ms`, also when nothing happens until then. */
enum fl_sim_verdict fl_world_sim_run_until(struct fl_world *world, int64_t now_ms);
bool fl_world_sim_step(struct fl_world *world); /* one event; false when there was none */

/* The wall clock begins at 2026-01-01T00:00:00Z unless it is set; it runs with the virtual one. */
void fl_world_sim_set_wall_ms(struct fl_world *world, int64_t wall_ms);

/* Each delivery to or from a peer takes 0 to `jitter_ms` more, drawn from the seed (0 at first). */
void fl_world_sim_set_jitter(struct fl_world *world, uint32_t jitter_ms);

/* Cuts what peers emit and are sent at places drawn from the seed, as pipes and sockets do (off at first). */
void fl_world_sim_set_splits(struct fl_world *world, bool splits);

/* For tests with threads of their own (a real store): while a reference is held (fl_world_hold) and nothing is
 * ready, run waits for a post in real time, and the virtual clock stands. Such a test is no longer the same for the
 * same seed. */
void fl_world_sim_expect_threads(struct fl_world *world, bool expects);

/* For scripts: calls `call(user)` once, `delay_ms` from now; no effect; a crash silences it too. A peer whose
 * answers overtake each other is written with it. */
void fl_world_sim_after(struct fl_world *world, uint32_t delay_ms, void (*call)(void *user), void *user);

/* ---- effects and crashes ---- */

enum fl_sim_effect {
  FL_SIM_POST,
  FL_SIM_TIMER,
  FL_SIM_WORK,
  FL_SIM_STREAM_WRITE,
  FL_SIM_PROCESS_START,
  FL_SIM_PROCESS_WRITE,
  FL_SIM_PROCESS_SIGNAL, /* kill, end, close_stdin */
  FL_SIM_HTTP_START,
  FL_SIM_HTTP_CANCEL,
  FL_SIM_EFFECT_COUNT
};
const char *fl_sim_effect_name(enum fl_sim_effect effect);

uint64_t fl_world_sim_effect_count(const struct fl_world *world);    /* so far */
void fl_world_sim_crash_at(struct fl_world *world, uint64_t number); /* 0: never */
void fl_world_sim_crash(struct fl_world *world);                     /* now: "before the next effect" */
bool fl_world_sim_is_crashed(const struct fl_world *world);

/* Told of each effect just before it happens; may call fl_world_sim_crash, which prevents it. NULL: nobody. */
void fl_world_sim_observe(struct fl_world *world,
                          void (*on_effect)(enum fl_sim_effect effect, uint64_t number, void *user), void *user);

/* After a crash: ends everything that is under way (processes die of SIGKILL, requests end with FL_E_CANCELLED, posts
 * and timers go on, whatever is newly started fails with FL_E_CANCELLED) and runs until idle. Nothing reaches a peer
 * any more. */
void fl_world_sim_bury(struct fl_world *world);

/* ---- programs: the other side of a process ---- */

struct fl_sim_peer; /* one running process; gone after on_gone */

struct fl_sim_program {
  const char *name;                                          /* argv[0], exactly */
  void (*on_start)(struct fl_sim_peer *peer);                /* may be NULL */
  void (*on_stdin)(struct fl_sim_peer *peer, fl_slice data); /* NULL: it does not care */
  void (*on_stdin_end)(struct fl_sim_peer *peer);            /* NULL: it exits with status 0 */
  void (*on_signal)(struct fl_sim_peer *peer, int number);   /* NULL: it dies of it; SIGKILL is never asked */
  void (*on_gone)(struct fl_sim_peer *peer);                 /* last, always: free what belongs to it; may be NULL */
  void *user;
};
/* Copies; a later program of the same name replaces it for later starts. Unknown names are FL_E_NOT_FOUND to
 * fl_process_start. */
void fl_world_sim_program(struct fl_world *world, const struct fl_sim_program *program);

/* A peer's own pointer; the program's `user` at first. */
void *fl_sim_peer_user(const struct fl_sim_peer *peer);
void fl_sim_peer_set_user(struct fl_sim_peer *peer, void *user);
struct fl_world *fl_sim_peer_world(const struct fl_sim_peer *peer);
const char *const *fl_sim_peer_argv(const struct fl_sim_peer *peer);
const char *fl_sim_peer_env(const struct fl_sim_peer *peer, const char *name); /* NULL when absent (or inherited) */
const char *fl_sim_peer_policy(const struct fl_sim_peer *peer);                /* NULL: started without */

/* What a peer does, `delay_ms` after what it was told to do before (from now when that is done): a script reads top
 * down. Data is copied. After an exit nothing more may be said. */
void fl_sim_stdout(struct fl_sim_peer *peer, uint32_t delay_ms, fl_slice data);
void fl_sim_stderr(struct fl_sim_peer *peer, uint32_t delay_ms, fl_slice data);
void fl_sim_stdout_end(struct fl_sim_peer *peer, uint32_t delay_ms);
void fl_sim_exit(struct fl_sim_peer *peer, uint32_t delay_ms, int exit_status);
void fl_sim_die(struct fl_sim_peer *peer, uint32_t delay_ms, int signal_number);

/* ---- servers: the other side of HTTP ---- */

struct fl_sim_exchange; /* one request and its answer; gone after on_gone */

struct fl_sim_server {
  const char *url_prefix; /* "http://model.test/"; the longest prefix wins */
  const char *address;    /* what allow_address is asked; NULL: "203.0.113.1" */
  uint16_t port;          /* 0: 443 */
  void (*on_request)(struct fl_sim_exchange *exchange);
  void (*on_gone)(struct fl_sim_exchange *exchange); /* last, always: answered, failed or cancelled; may be NULL */
  void *user;
};
/* Copies. A request that no server takes ends with FL_E_NETWORK ("could not resolve host"). */
void fl_world_sim_server(struct fl_world *world, const struct fl_sim_server *server);

void *fl_sim_exchange_user(const struct fl_sim_exchange *exchange);
void fl_sim_exchange_set_user(struct fl_sim_exchange *exchange, void *user);
struct fl_world *fl_sim_exchange_world(const struct fl_sim_exchange *exchange);
const char *fl_sim_request_method(const struct fl_sim_exchange *exchange);
const char *fl_sim_request_url(const struct fl_sim_exchange *exchange);
const char *fl_sim_request_header(const struct fl_sim_exchange *exchange, const char *name); /* NULL when absent */
fl_slice fl_sim_request_body(const struct fl_sim_exchange *exchange);
/* For on_gone: whether the client closed the connection. */
bool fl_sim_exchange_cancelled(const struct fl_sim_exchange *exchange);

/* The answer, each `delay_ms` after what was emitted before. `headers` is NULL-terminated "Name: value" or NULL. An
 * exchange that never finishes meets the client's timeouts. Data is copied. */
void fl_sim_respond(struct fl_sim_exchange *exchange, uint32_t delay_ms, int status, const char *const *headers);
void fl_sim_body(struct fl_sim_exchange *exchange, uint32_t delay_ms, fl_slice data);
void fl_sim_finish(struct fl_sim_exchange *exchange, uint32_t delay_ms);
/* FL_E_NETWORK, FL_E_TRUNCATED. */
void fl_sim_fail(struct fl_sim_exchange *exchange, uint32_t delay_ms, int code, const char *text);

/* ---- connections: the other side of fl_listener ---- */

struct fl_sim_connection; /* gone after on_gone, or, when there is none, when both sides have closed */

struct fl_sim_peer_socket {
  void (*on_data)(struct fl_sim_connection *connection, fl_slice data); /* may be NULL, as all of these */
  void (*on_end)(struct fl_sim_connection *connection);                 /* refused, or closed by our side */
  void (*on_gone)(struct fl_sim_connection *connection); /* last, once both sides have closed */
  void *user;
};
/* A peer connects to "127.0.0.1:80" or "unix:/path", `delay_ms` from now. It is refused (on_end) when nobody listens
 * there by then. Who keeps the pointer keeps it until on_gone. */
struct fl_sim_connection *fl_world_sim_connect(struct fl_world *world, uint32_t delay_ms, const char *name,
                                               const struct fl_sim_peer_socket *peer);
void *fl_sim_socket_user(const struct fl_sim_connection *connection);
/* Each `delay_ms` after what was sent before; data is copied. After a hang-up nothing more may be sent, and what our
 * side writes is lost. A peer that has seen the end need not hang up. */
void fl_sim_socket_send(struct fl_sim_connection *connection, uint32_t delay_ms, fl_slice data);
void fl_sim_socket_hang_up(struct fl_sim_connection *connection, uint32_t delay_ms);
void fl_sim_socket_stop_reading(struct fl_sim_connection *connection, bool stops); /* what we write stays queued */

/* ---- the console: the other side of fl_stream_open_fd, by descriptor number (0 to 15) ---- */

enum { FL_SIM_FD_COUNT = 16 };

/* Input, each `delay_ms` after the one before it; it waits for a stream that reads it. */
void fl_world_sim_input(struct fl_world *world, int fd, uint32_t delay_ms, fl_slice data);
void fl_world_sim_input_end(struct fl_world *world, int fd, uint32_t delay_ms);
/* All that was written so far, lent until more is. */
fl_slice fl_world_sim_output(const struct fl_world *world, int fd);
void fl_world_sim_on_output(struct fl_world *world, int fd, void (*on_output)(fl_slice data, void *user), void *user);
void fl_world_sim_break_output(struct fl_world *world, int fd); /* later writes are FL_E_CLOSED: the reader is gone */

/* A signal for fl_signal_start's watchers, `delay_ms` after the one before it. */
void fl_world_sim_signal(struct fl_world *world, uint32_t delay_ms, int number);

/* SPDX-License-Identifier: MIT */
/* Events of streams that somebody may ask for again (resumption of server-sent events), and the sessions that they
 * belong to, in a small database of their own: a file, which outlives the process, or memory. Writing and reading
 * happen on the pool, in the order in which they were asked for; the loop never waits.
 *
 * Invariants. (1) A read sees every event that was added before it was asked for. (2) What is older than `keep_ms`, or
 * beyond the newest `events_max`, goes by itself. (3) An event that could not be written is told to on_error and is
 * merely not there later: the log never stops its users. */
#pragma once
#include "runtime/io/world.h"

#include <fairlead/error.h>

struct fl_event_log;

struct fl_event_log_options {
  size_t size;
  const char *path;   /* created when it is missing, mode 0600; NULL: memory */
  int64_t keep_ms;    /* 0: 1 h */
  size_t events_max;  /* 0: 100,000 */
  size_t waiting_max; /* bytes that wait to be written; more are not kept; 0: 64 MiB */
  void (*on_error)(const struct fl_error *err, void *user); /* the first of a row of failures; NULL: nobody */
  void *user;
};

/* Errors: FL_E_IO, FL_E_CORRUPT (another kind of file), FL_E_VERSION. */
int fl_event_log_open(struct fl_world *world, const struct fl_event_log_options *options, struct fl_event_log **ret_log,
                      struct fl_error *err);
/* Writes what waits; on_closed comes when the log is gone. No read may be under way. */
void fl_event_log_close(struct fl_event_log *log, void (*on_closed)(void *user), void *user);

/* All texts are copied. Numbers rise within a stream. */
void fl_event_log_add(struct fl_event_log *log, const char *session, uint64_t stream, uint64_t number, fl_slice data);
void fl_event_log_put_session(struct fl_event_log *log, const char *session, fl_slice opening);
void fl_event_log_drop_session(struct fl_event_log *log, const char *session); /* and its events */

struct fl_logged_event {
  uint64_t number;
  fl_slice data;
};

struct fl_event_log_read {
  const char *session; /* copied */
  uint64_t stream, after;
  size_t events_max; /* 0: 10,000 */
  /* status 0, or the failure in `err`. Events by their number; `opening`: what was put for the session, NULL when it is
   * unknown. Lent for the call. */
  void (*on_read)(struct fl_event_log_read *read, int status, const struct fl_error *err);
  void *user;
  struct fl_logged_event *events;
  size_t count;
  uint64_t last_stream; /* the highest of the session, 0: none */
  const char *opening;
  void *impl;
};
void fl_event_log_read(struct fl_event_log *log, struct fl_event_log_read *read); /* on_read comes exactly once */

/* SPDX-License-Identifier: MIT */
/* What a step of a case did, as data that two implementations can be compared by (README.md says what is in it): the
 * stream, the state afterwards, what follows, what is asked, the checkpoints made. Ids are numbered by appearance. */
#pragma once
#include "runtime/base/map.h"
#include "tests/unit/engine/rig.h"

/* What was seen of one thread over the steps of a case. */
struct trace {
  uint64_t last_no;         /* the newest checkpoint that was already told */
  struct fl_value *stream;  /* of the step under way */
  struct fl_value *running; /* array: nodes of the superstep under way, in task order */
  bool is_starting;         /* tasks of it are still being started */
  bool is_plain;            /* all that is followed is told as it comes (look.h), not only the order of the run */
  struct fl_value *known;   /* ids of its checkpoints, oldest first */
  struct fl_value *open;    /* what the thread waits for after the last step, with ids */
  struct fl_map ids;        /* id -> its place in the order of appearance, from 1, as a pointer */
};
void trace_deinit(struct trace *trace); /* repeatable */

void trace_begin(struct trace *trace); /* a step of the case */
/* Follows a run; `user` is the trace. */
void trace_event(const struct fl_run_event *event, void *user);
enum { TRACE_FOLLOWS = FL_FOLLOW_VALUES | FL_FOLLOW_UPDATES | FL_FOLLOW_TASKS };

/* What the step came to, a new object. `status` and `error` as the run ended; `definition` for the thread "t". */
struct fl_value *trace_end(struct trace *trace, struct rig *rig, struct fl_definition *definition, int status);

/* A copy in which every id stands as "#1", "#2" and so on, by the order of appearance. */
struct fl_value *trace_number_ids_take(struct trace *trace, struct fl_value *value);

/* JSON for people: what fits into a line stands on one. The caller frees it. */
char *trace_pretty(const struct fl_value *value);

/* A stream whose last updates stand in the order of `running`, names of the nodes of the superstep, and by their text:
 * the order in which tasks of a superstep end is nobody's promise. A new array. */
struct fl_value *trace_sorted(const struct fl_value *stream, const struct fl_value *running);

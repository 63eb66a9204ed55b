/* SPDX-License-Identifier: MIT */
/* Events that are kept: each is stored in the commit that it waits for, or in one of its own behind that, so that none
 * is told which a crash could take back; and they are read again by whoever was away.
 *
 * The body of a row: {"n":NUMBER,"mode","ns"?,"node"?,"data"}. */
#include "runtime/engine/engine.h"

#include "graph/option.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <fairlead/thread.h>
#include <inttypes.h>
#include <stdio.h>

/* ---- writing ---- */

bool fl_invocation_keeps_events(const struct fl_invocation *invocation) {
  return invocation->options.keep_events && !invocation->is_ephemeral;
}

const char *fl_event_id(const char *run_id, uint64_t event_no, char ret_id[FL_EVENT_ID_SIZE]) {
  snprintf(ret_id, FL_EVENT_ID_SIZE, "%s:%" PRIu64, run_id, event_no);
  return ret_id;
}

uint64_t fl_keep_event(const struct fl_frame *frame, const struct fl_run_event *event, struct fl_records *records) {
  struct fl_invocation *invocation = frame->invocation;
  if (!fl_invocation_keeps_events(invocation) || invocation->has_lost_store) return 0;
  FL_VALUE_AUTO body = fl_object();
  fl_set_int(body, "n", (int64_t)++invocation->last_event_no);
  fl_set_string(body, "mode", event->mode);
  if (event->ns[0] != '\0') fl_set_string(body, "ns", event->ns);
  if (event->node != NULL) fl_set_string(body, "node", event->node);
  fl_set_take(body, "data", fl_value_ref(event->data));
  struct fl_record *record = fl_records_add(records, FL_RECORD_EVENT, "");
  memcpy(record->event.run_id, invocation->run_id, FL_UUID_SIZE);
  record->body = fl_dump(body, &record->body_size);
  return invocation->last_event_no;
}

/* ---- reading ---- */

struct reading {
  const struct fl_events_query *query;
  bool (*visit)(const struct fl_value *entry, void *user);
  void *user;
  size_t limit, count;
  bool has_begun; /* what comes is behind `after` */
  const char *thread;
  struct fl_error *err;
  int rc;
};

static struct fl_value *entry_of(const struct fl_event_info *info, struct fl_value *body) {
  char id[FL_EVENT_ID_SIZE];
  struct fl_value *entry = fl_object();
  fl_set_string(entry, "id", fl_event_id(info->run_id, (uint64_t)fl_get_int(body, "n", 0), id));
  fl_set_string(entry, "run_id", info->run_id);
  static const char *const members[] = {"mode", "ns", "node", "data"};
  for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
    if (fl_get(body, members[i]) != NULL) fl_set_take(entry, members[i], fl_value_ref(fl_get(body, members[i])));
  return entry;
}

static bool on_stored(const struct fl_event_info *info, void *user) {
  struct reading *reading = user;
  FL_VALUE_AUTO body = NULL;
  reading->rc = fl_json_read(info->body, FL_JSON_FULL, &body, reading->err);
  if (reading->rc < 0) {
    reading->rc =
        fl_error_set(reading->err, FL_E_CORRUPT, "thread %s: event %" PRIu64 " is damaged", reading->thread, info->no);
    return false;
  }
  FL_VALUE_AUTO entry = entry_of(info, body);
  const char *after = fl_option(reading->query, after, NULL);
  if (!reading->has_begun) {
    reading->has_begun = strcmp(fl_get_string(entry, "id", ""), after) == 0;
    return true;
  }
  reading->count++;
  return reading->visit(entry, reading->user) && reading->count != reading->limit;
}

int fl_thread_events(struct fl_runtime *runtime, const struct fl_events_query *query,
                     bool (*visit)(const struct fl_value *entry, void *user), void *user, struct fl_error *err) {
  const char *after = fl_option(query, after, NULL);
  struct fl_error own_error = {0};
  struct reading reading = {.query = query,
                            .visit = visit,
                            .user = user,
                            .limit = fl_option(query, limit, 0),
                            .has_begun = after == NULL,
                            .thread = query->thread,
                            .err = err != NULL ? err : &own_error};
  if (query->thread == NULL || !fl_is_thread_id(query->thread))
    return fl_error_set(err, FL_E_INVALID, "\"%.200s\" cannot be a thread id",
                        query->thread != NULL ? query->thread : "");
  int rc = fl_store_list_events(runtime->store, query->thread, fl_option(query, run, NULL), 0, on_stored, &reading,
                                reading.err);
  if (rc == 0) rc = reading.rc;
  if (rc == 0 && !reading.has_begun)
    rc = fl_error_set(err, FL_E_NOT_FOUND, "thread %s has kept no event \"%.100s\"", query->thread, after);
  return rc;
}

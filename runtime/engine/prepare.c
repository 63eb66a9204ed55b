/* SPDX-License-Identifier: MIT */
#include "runtime/engine/prepare.h"

#include "runtime/base/mem.h"
#include "runtime/engine/opening.h"
#include "runtime/engine/permit.h"
#include "runtime/engine/pins.h"
#include "runtime/engine/replay.h"
#include "runtime/io/lookup.h"

/* ---- what the server says of its tools ---- */

static void on_server_open(int status, const struct fl_error *err, void *user) {
  struct fl_task_call *call = user;
  call->opening = NULL;
  call->is_running = false;
  if (status < 0) fl_call_refuse(call, status, err->text);
  else fl_call_decide(call);
}

static bool must_open(const struct fl_task_call *call) {
  const struct fl_task *task = call->task;
  return task->invocation->root.graph->needs.listings && !call->was_opened &&
         fl_policy_pin(fl_frame_policy(task->frame), call->name) != NULL &&
         fl_pins_listing(task->invocation->runtime, call->name) == NULL;
}

static void open_server(struct fl_task_call *call) {
  FL_VALUE_AUTO patterns = fl_array();
  fl_append_take(patterns, fl_string(call->name));
  call->is_running = call->was_opened = true;
  call->opening = fl_opening_start(call->task->invocation->runtime->registry, patterns, on_server_open, call);
}

/* ---- which addresses its hosts have ---- */

enum { HOSTS_MAX = 16 }; /* of one call; what is beyond has no address that is known */

/* What the thread of the pool may touch. */
struct fl_lookup {
  struct fl_work work;
  struct fl_runtime *runtime;
  struct fl_task_call *call; /* NULL: nobody waits for it any more */
  fl_lookup_fn *look;
  struct fl_value *hosts, *addresses;
};

static void run_lookup(struct fl_work *work) {
  struct fl_lookup *lookup = work->user;
  for (size_t i = 0; i < fl_size(lookup->hosts) && i < HOSTS_MAX; i++) {
    const char *host = fl_as_string(fl_at(lookup->hosts, i));
    if (fl_get(lookup->addresses, host) != NULL) continue;
    struct fl_value *found = fl_array();
    lookup->look(host, found, NULL); /* one that does not resolve has none */
    fl_set_take(lookup->addresses, host, found);
  }
}

static void on_looked_up(struct fl_work *work) {
  struct fl_lookup *lookup = work->user;
  struct fl_task_call *call = lookup->call;
  struct fl_runtime *runtime = lookup->runtime;
  if (call != NULL) {
    call->addresses = fl_value_ref(lookup->addresses);
    call->lookup = NULL;
    call->is_running = false;
  }
  fl_value_unref(lookup->hosts);
  fl_value_unref(lookup->addresses);
  fl_free(lookup);
  runtime->release_count--;
  if (runtime->release_count == 0 && runtime->is_closing && runtime->owns_world) fl_world_stop(runtime->world);
  if (call != NULL) fl_call_decide(call);
}

/* False: there is nothing to look up. */
static bool look_up(struct fl_task_call *call) {
  struct fl_runtime *runtime = call->task->invocation->runtime;
  FL_VALUE_AUTO hosts = fl_permit_hosts(call);
  if (fl_size(hosts) == 0) {
    call->addresses = fl_object();
    return false;
  }
  struct fl_lookup *lookup = fl_new(struct fl_lookup);
  *lookup = (struct fl_lookup){.runtime = runtime,
                               .call = call,
                               .look = runtime->lookup != NULL ? runtime->lookup : fl_lookup_host,
                               .hosts = fl_value_ref(hosts),
                               .addresses = fl_object()};
  lookup->work = (struct fl_work){.run = run_lookup, .on_done = on_looked_up, .user = lookup};
  call->lookup = lookup;
  call->is_running = true;
  runtime->release_count++;
  fl_work_start(runtime->world, &lookup->work);
  return true;
}

/* ---- the whole ---- */

bool fl_prepare_is_real(const struct fl_runtime *runtime) {
  return runtime->rehearsal == NULL && !fl_replay_is_on(runtime);
}

bool fl_prepare_call(struct fl_task_call *call) {
  const struct fl_invocation *invocation = call->task->invocation;
  const struct fl_policy_needs *needs = &invocation->root.graph->needs;
  if ((!needs->listings && !needs->hosts) || !fl_prepare_is_real(invocation->runtime)) return false;
  bool opens = must_open(call), looks = needs->hosts && call->addresses == NULL;
  if ((!opens && !looks) || fl_permit_is_past(call)) return false;
  if (!opens) return look_up(call);
  open_server(call);
  return true;
}

void fl_prepare_abandon(struct fl_task_call *call) {
  if (call->lookup != NULL) call->lookup->call = NULL;
  call->lookup = NULL;
}

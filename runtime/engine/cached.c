/* SPDX-License-Identifier: MIT */
/* Results of nodes that stand for later runs of the same node: the key is made of what the policy says, or of all that
 * the node sees; what the task wrote and where it went is kept in the store, beside the threads. A cache that cannot be
 * read or written costs a run of the node, never the run. */
#include "runtime/engine/engine.h"

#include "graph/scope.h"
#include "runtime/base/mem.h"
#include "runtime/engine/flow.h"
#include "runtime/json/json.h"

/* ---- the key ---- */

static struct fl_value *all_it_sees(const struct fl_task *task) {
  struct fl_value *all = fl_object();
  fl_set_take(all, "state",
              task->start.arg != NULL ? fl_value_ref(task->start.arg) : fl_state_to_value(task->start.state));
  fl_set_take(all, "context", fl_value_ref(task->invocation->context));
  fl_set_take(all, "error", fl_value_ref(task->start.error));
  return all;
}

static int eval_key(struct fl_task *task, const struct fl_expr *expr, struct fl_value **ret_value) {
  struct fl_scope scope = fl_task_scope(task);
  struct fl_expr_env env = fl_scope_env(&scope);
  struct fl_error err = {0};
  int rc = fl_expr_eval(expr, &env, ret_value, &err);
  fl_scope_deinit(&scope);
  return rc < 0 ? fl_task_fail(task, rc, "cache/key: %s: %s", fl_expr_text(expr), err.text) : 0;
}

static int make_key(struct fl_task *task, uint8_t ret_key[FL_HASH_SIZE]) {
  const struct fl_node_policy *policy = &task->node->policy;
  FL_VALUE_AUTO value = NULL;
  if (policy->cache_expr != NULL) {
    int rc = eval_key(task, policy->cache_expr, &value);
    if (rc < 0) return rc;
  } else if (policy->cache_key != NULL) {
    value = policy->cache_key(task, policy->cache_user);
  }
  if (value == NULL) value = all_it_sees(task);
  fl_json_hash(value, ret_key);
  return 0;
}

static struct fl_cache_entry entry_of(const struct fl_task *task) {
  struct fl_cache_entry entry = {.graph = task->frame->definition->hash, .node = task->start.node};
  memcpy(entry.key, task->cache_key, FL_HASH_SIZE);
  return entry;
}

/* ---- taking ---- */

static void take_writes(struct fl_task *task, const struct fl_value *writes) {
  for (size_t i = 0; i < fl_size(writes); i++) {
    const struct fl_value *write = fl_at(writes, i);
    const char *channel = fl_as_string(fl_at(write, 0));
    if (channel != NULL) fl_task_write_take(task, channel, fl_value_ref(fl_at(write, 1)));
  }
}

static void take_gotos(struct fl_task *task, const struct fl_value *gotos) {
  for (size_t i = 0; i < fl_size(gotos); i++) {
    const struct fl_value *one = fl_at(gotos, i);
    const char *node = fl_as_string(fl_at(one, 0));
    if (node != NULL && fl_size(one) == 1) fl_task_goto(task, node);
    else if (node != NULL) fl_task_send_take(task, node, fl_value_ref(fl_at(one, 1)));
  }
}

static bool take(struct fl_task *task) {
  const struct fl_runtime *runtime = task->invocation->runtime;
  struct fl_cache_entry entry = entry_of(task);
  FL_FREE_AUTO char *body = NULL;
  FL_VALUE_AUTO value = NULL;
  int rc = fl_store_read_cache(runtime->store, &entry, fl_world_wall_ms(runtime->world), &body, NULL);
  if (rc < 0 || fl_parse(body, strlen(body), &value, NULL) < 0) return false;
  take_writes(task, fl_get(value, "writes"));
  take_gotos(task, fl_get(value, "gotos"));
  fl_flow_note(task, (uint64_t)fl_get_int(value, "labels", 0) & FL_LABELS_ALL);
  task->is_cached = true;
  return true;
}

/* A task that was answered by a person says something of its own: it neither uses the cache nor fills it. */
int fl_cached_look(struct fl_task *task) {
  if (!task->node->policy.caches || task->start.answers != NULL || task->attempt > 1) return 0;
  task->cache_key = fl_alloc(FL_HASH_SIZE);
  int rc = make_key(task, task->cache_key);
  if (rc < 0) return rc;
  return take(task) ? 1 : 0;
}

/* ---- putting ---- */

struct put {
  struct fl_txn txn;
  struct fl_cache_entry entry;
  char *node, *body;
  char graph[65];
};

static void on_put(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct put *put = txn->user;
  fl_free(put->node);
  fl_text_free(put->body);
  fl_free(put);
}

static struct fl_value *writes_value(const struct fl_task *task) {
  struct fl_value *writes = fl_array();
  for (size_t i = 0; i < task->write_count; i++) {
    struct fl_value *one = fl_array();
    fl_append_take(one, fl_string(task->writes[i].channel));
    fl_append_take(one, fl_value_ref(task->writes[i].value));
    fl_append_take(writes, one);
  }
  return writes;
}

static struct fl_value *gotos_value(const struct fl_task *task) {
  struct fl_value *gotos = fl_array();
  for (size_t i = 0; i < task->gotos.count; i++) {
    struct fl_value *one = fl_array();
    fl_append_take(one, fl_string(task->gotos.items[i].node));
    if (task->gotos.items[i].arg != NULL) fl_append_take(one, fl_value_ref(task->gotos.items[i].arg));
    fl_append_take(gotos, one);
  }
  return gotos;
}

/* What says something to the graph above is not kept: it is more than a result. */
void fl_cached_put(struct fl_task *task) {
  if (task->cache_key == NULL || task->is_cached || task->to_parent != NULL) return;
  const struct fl_runtime *runtime = task->invocation->runtime;
  int64_t now_ms = fl_world_wall_ms(runtime->world);
  FL_VALUE_AUTO value = fl_object();
  fl_set_take(value, "writes", writes_value(task));
  fl_set_take(value, "gotos", gotos_value(task));
  if (fl_flow_seen(task) != 0) fl_set_int(value, "labels", (int64_t)fl_flow_seen(task));
  size_t size = 0;
  char *body = fl_dump(value, &size);
  if (body == NULL || size > FL_CACHE_BODY_MAX) {
    fl_text_free(body);
    return;
  }
  struct put *put = fl_new(struct put);
  put->entry = entry_of(task);
  put->entry.graph = memcpy(put->graph, put->entry.graph, sizeof put->graph);
  put->entry.node = put->node = fl_strdup(task->start.node);
  put->entry.body = fl_slice_n(body, size);
  put->body = body;
  if (task->node->policy.cache_ttl_ms > 0) put->entry.expires_ms = now_ms + (int64_t)task->node->policy.cache_ttl_ms;
  put->txn = (struct fl_txn){
      .kind = FL_TXN_CACHE_PUT, .cache = &put->entry, .wall_ms = now_ms, .on_done = on_put, .user = put};
  fl_store_submit(runtime->store, &put->txn);
}

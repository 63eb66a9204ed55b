/* SPDX-License-Identifier: MIT */
/* Recovery: threads that say "busy" while nobody runs them were left by a process that died. Each names its graph file;
 * running it without an input finishes what is unfinished, by the journal, so nothing that was done is done again. */
#include "runtime/base/mem.h"
#include "runtime/engine/engine.h"

#include <string.h>

struct lost {
  char id[FL_ID_MAX + 1];
  char *file;
};

struct search {
  const char *const *wanted; /* NULL: all */
  struct lost *items;
  size_t count;
};

static bool is_wanted(const struct search *search, const char *id) {
  if (search->wanted == NULL) return true;
  for (size_t i = 0; search->wanted[i] != NULL; i++)
    if (strcmp(search->wanted[i], id) == 0) return true;
  return false;
}

static bool take_lost(const struct fl_thread_info *info, void *user) {
  struct search *search = user;
  if (info->lease_pid != 0 || !is_wanted(search, info->id)) return true;
  search->items = fl_realloc(search->items, (search->count + 1) * sizeof *search->items);
  struct lost *lost = &search->items[search->count++];
  memcpy(lost->id, info->id, sizeof lost->id);
  lost->file = fl_strdup(info->graph_file);
  return true;
}

static void search_deinit(struct search *search) {
  for (size_t i = 0; i < search->count; i++) fl_free(search->items[i].file);
  fl_free(search->items);
}

static int load(struct fl_runtime *runtime, const struct lost *lost, struct fl_definition **ret_definition,
                struct fl_error *err) {
  if (lost->file == NULL || lost->file[0] == 0)
    return fl_error_set(err, FL_E_NOT_FOUND,
                        "thread %s names no graph file: the program that made it must go on with it", lost->id);
  int status = fl_runtime_load(runtime, lost->file, ret_definition, err);
  return status == 0 ? 0 : fl_error_context(err, "the graph file of thread %s", lost->id);
}

/* ---- a thread that had ended, but for saying so ---- */

struct settling {
  struct fl_txn txn;
  struct fl_world *world;
  bool is_done;
};

static void on_settled(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct settling *settling = txn->user;
  settling->is_done = true;
  fl_world_stop(settling->world);
}

static void write_status(struct fl_runtime *runtime, const struct fl_thread *thread, const char *word) {
  struct fl_records records = {0};
  struct settling settling = {.world = runtime->world};
  fl_records_add(&records, FL_RECORD_THREAD, "")->thread.status = fl_strdup(word);
  settling.txn = (struct fl_txn){.kind = FL_TXN_WRITE,
                                 .thread = thread->id,
                                 .fence = thread->fence,
                                 .records = &records,
                                 .wall_ms = fl_world_wall_ms(runtime->world),
                                 .on_done = on_settled,
                                 .user = &settling};
  fl_store_submit(runtime->store, &settling.txn);
  while (!settling.is_done) fl_world_run(runtime->world);
  fl_records_deinit(&records);
}

/* Where nothing was left to run, the run wrote nothing. */
static void settle(struct fl_runtime *runtime, const char *id, int status) {
  struct fl_thread_info info = {0};
  if (fl_store_read_thread(runtime->store, id, &info, NULL) != 0) return;
  bool is_stale = strcmp(info.status, "busy") == 0;
  fl_thread_info_deinit(&info);
  for (struct fl_thread *thread = runtime->threads; is_stale && thread != NULL; thread = thread->next) {
    if (strcmp(thread->id, id) != 0 || thread->fence == 0) continue;
    write_status(runtime, thread, status == 0 ? "idle" : "interrupted");
    return;
  }
}

static int recover_one(struct fl_runtime *runtime, const struct lost *lost, struct fl_error *err) {
  struct fl_definition *definition = NULL;
  struct fl_invoke_result result = {0};
  int status = load(runtime, lost, &definition, err);
  if (status != 0) return status;
  const struct fl_invoke_options options = {.size = sizeof options, .thread = lost->id, .no_output = true};
  status = fl_runtime_invoke(runtime, definition, &options, &result, err);
  fl_invoke_result_deinit(&result);
  fl_definition_unref(definition);
  if (status >= 0) settle(runtime, lost->id, status);
  return status;
}

int fl_runtime_recover(struct fl_runtime *runtime, const char *const *threads,
                       void (*on_thread)(const struct fl_recovered *recovered, void *user), void *user,
                       struct fl_error *err) {
  __attribute__((cleanup(search_deinit))) struct search search = {.wanted = threads};
  const struct fl_threads_query query = {.status = "busy"};
  int status = fl_store_list_threads(runtime->store, &query, take_lost, &search, err);
  for (size_t i = 0; status == 0 && i < search.count; i++) {
    struct fl_error why = {0};
    int one = recover_one(runtime, &search.items[i], &why);
    const struct fl_recovered recovered = {search.items[i].id, one, one < 0 ? why.text : NULL};
    if (on_thread != NULL) on_thread(&recovered, user);
  }
  return status;
}

/* SPDX-License-Identifier: MIT */
/* Reading what is stored of threads: thread.h, first half. */
#include "runtime/engine/engine.h"

#include "graph/look.h"
#include "graph/option.h"
#include "runtime/base/mem.h"

#include <fairlead/thread.h>

/* ---- finding ---- */

static int check_thread(const char *thread, struct fl_error *err) {
  if (thread != NULL && fl_is_thread_id(thread)) return 0;
  return fl_error_set(err, FL_E_INVALID, "\"%.200s\" cannot be a thread id: 1 to 128 of A-Z a-z 0-9 . _ : -",
                      thread != NULL ? thread : "");
}

static int load(struct fl_runtime *runtime, const char *thread, const char *checkpoint, struct fl_loaded *ret_loaded,
                struct fl_error *err) {
  uint64_t no = 0;
  int rc = check_thread(thread, err);
  if (rc == 0 && checkpoint != NULL) rc = fl_store_find_checkpoint(runtime->store, thread, "", checkpoint, &no, err);
  if (rc == 0) rc = fl_store_load(runtime->store, thread, "", no, ret_loaded, err);
  ret_loaded->shows_only = checkpoint != NULL;
  return rc;
}

static int load_place(struct fl_runtime *runtime, const struct fl_thread_place *place, struct fl_loaded *ret_loaded,
                      struct fl_error *err) {
  return load(runtime, place->thread, fl_option(place, checkpoint, NULL), ret_loaded, err);
}

struct found {
  char id[FL_UUID_SIZE];
};

static bool on_found(const struct fl_checkpoint_info *info, void *user) {
  struct found *found = user;
  memcpy(found->id, info->id, FL_UUID_SIZE);
  return false;
}

/* The id of a checkpoint by its number; null when it has none, or it was pruned. */
static struct fl_value *id_of(struct fl_runtime *runtime, const char *thread, uint64_t no) {
  struct found found = {0};
  if (no == 0) return fl_null();
  int rc = fl_store_list_checkpoints(runtime->store, thread, "", no + 1, 1, on_found, &found, NULL);
  return rc == 0 && found.id[0] != '\0' ? fl_string(found.id) : fl_null();
}

static void set_given(struct fl_value *entry, const struct fl_value *body) {
  struct fl_value *run_id = fl_get(body, "run_id"), *metadata = fl_get(body, "metadata");
  if (run_id != NULL) fl_set_take(entry, "run_id", fl_value_ref(run_id));
  if (metadata != NULL) fl_set_take(entry, "metadata", fl_value_ref(metadata));
}

/* ---- a state ---- */

static struct fl_value *describe_plainly(const struct fl_loaded *loaded) {
  struct fl_value *state = fl_object(), *next = fl_get(loaded->body, "next");
  fl_set_take(state, "values", fl_loaded_values(loaded));
  fl_set_take(state, "next", next != NULL ? fl_value_ref(next) : fl_array());
  fl_set_take(state, "interrupts", fl_loaded_interrupts(loaded));
  return state;
}

int fl_thread_state(struct fl_runtime *runtime, const struct fl_thread_place *place, struct fl_value **ret_state,
                    struct fl_error *err) {
  struct fl_definition *definition = fl_option(place, definition, NULL);
  const char *thread = place->thread;
  struct fl_loaded loaded = {0};
  int rc = load_place(runtime, place, &loaded, err);
  if (rc < 0) {
    fl_loaded_deinit(&loaded);
    return rc;
  }
  struct fl_looking looking = {runtime, thread, "", definition, &loaded, fl_option(place, with_subgraphs, false), err};
  struct fl_value *state = NULL;
  if (definition != NULL) rc = fl_look_inside(&looking, &state);
  else state = describe_plainly(&loaded);
  if (rc < 0) {
    fl_value_unref(state);
    fl_loaded_deinit(&loaded);
    return rc;
  }
  fl_set_string(state, "thread_id", thread);
  fl_unset(state, "checkpoint_id");
  if (loaded.checkpoint_no > 0) {
    fl_set_string(state, "checkpoint_id", loaded.checkpoint_id);
    fl_set_take(state, "parent_checkpoint_id", id_of(runtime, thread, loaded.parent_no));
    fl_set_int(state, "step", loaded.step);
    fl_set_string(state, "source", loaded.source);
    fl_set_int(state, "created_ms", loaded.wall_ms);
    set_given(state, loaded.body);
  }
  fl_loaded_deinit(&loaded);
  *ret_state = state;
  return 0;
}

/* ---- the history ---- */

struct chapter {
  uint64_t no, parent_no;
  struct fl_value *entry;
};

/* What fits is gathered first: no other question may be put to the store while it answers one. */
struct history {
  const struct fl_history_query *query;
  size_t limit;
  struct chapter *chapters;
  size_t count, capacity;
};

static bool has_members(const struct fl_value *body, const struct fl_value *wanted) {
  const struct fl_value *metadata = fl_get(body, "metadata");
  struct fl_member member = {0};
  while (fl_next_member(wanted, &member)) {
    const struct fl_value *held = fl_get(metadata, member.key);
    if (held == NULL && strcmp(member.key, "run_id") == 0) held = fl_get(body, "run_id");
    if (held == NULL || !fl_equal(held, member.value)) return false;
  }
  return true;
}

static bool fits(const struct fl_history_query *query, const struct fl_checkpoint_info *info) {
  const char *source = fl_option(query, source, NULL);
  if (source != NULL && strcmp(source, info->source) != 0) return false;
  if (fl_option(query, by_step, false) && (info->step < query->step_min || info->step > query->step_max)) return false;
  return has_members(info->body, fl_option(query, metadata, NULL));
}

static bool on_chapter(const struct fl_checkpoint_info *info, void *user) {
  struct history *history = user;
  if (!fits(history->query, info)) return true;
  if (history->count == history->capacity) {
    history->capacity = history->capacity > 0 ? history->capacity * 2 : 16;
    history->chapters = fl_realloc(history->chapters, history->capacity * sizeof *history->chapters);
  }
  struct fl_value *entry = fl_object(), *next = fl_get(info->body, "next");
  fl_set_string(entry, "checkpoint_id", info->id);
  fl_set_take(entry, "parent_checkpoint_id", NULL);
  fl_set_int(entry, "step", info->step);
  fl_set_string(entry, "source", info->source);
  fl_set_int(entry, "created_ms", info->wall_ms);
  fl_set_take(entry, "next", next != NULL ? fl_value_ref(next) : fl_array());
  set_given(entry, info->body);
  history->chapters[history->count++] = (struct chapter){info->no, info->parent_no, entry};
  return history->limit == 0 || history->count < history->limit;
}

static struct fl_value *values_of(struct fl_definition *definition, struct fl_loaded *loaded) {
  if (definition == NULL) return fl_loaded_values(loaded);
  loaded->shows_only = true;
  struct fl_run *run = fl_run_create(definition, loaded, NULL);
  FL_VALUE_AUTO described = fl_run_describe(run);
  fl_run_destroy(run);
  return fl_value_ref(fl_get(described, "values"));
}

static int add_values(struct fl_runtime *runtime, const struct fl_history_query *query, const struct chapter *chapter,
                      struct fl_error *err) {
  struct fl_loaded loaded = {0};
  int rc = fl_store_load(runtime->store, query->thread, "", chapter->no, &loaded, err);
  struct fl_definition *definition = fl_option(query, definition, NULL);
  if (rc == 0) fl_set_take(chapter->entry, "values", values_of(definition, &loaded));
  fl_loaded_deinit(&loaded);
  return rc;
}

/* The parent is most often the next one that was gathered. */
static struct fl_value *parent_of(struct fl_runtime *runtime, const char *thread, const struct history *history,
                                  size_t index) {
  uint64_t parent_no = history->chapters[index].parent_no;
  for (size_t i = index + 1; i < history->count && history->chapters[i].no >= parent_no; i++)
    if (history->chapters[i].no == parent_no) return fl_value_ref(fl_get(history->chapters[i].entry, "checkpoint_id"));
  return id_of(runtime, thread, parent_no);
}

int fl_thread_history(struct fl_runtime *runtime, const struct fl_history_query *query,
                      bool (*visit)(const struct fl_value *entry, void *user), void *user, struct fl_error *err) {
  struct history history = {.query = query, .limit = fl_option(query, limit, 0)};
  const char *thread = fl_option(query, thread, NULL), *before = fl_option(query, before, NULL);
  uint64_t before_no = 0;
  int rc = check_thread(thread, err);
  if (rc == 0 && before != NULL) rc = fl_store_find_checkpoint(runtime->store, thread, "", before, &before_no, err);
  if (rc == 0) rc = fl_store_list_checkpoints(runtime->store, thread, "", before_no, 0, on_chapter, &history, err);
  bool goes_on = true;
  for (size_t i = 0; i < history.count && rc == 0 && goes_on; i++) {
    const struct chapter *chapter = &history.chapters[i];
    fl_set_take(chapter->entry, "parent_checkpoint_id", parent_of(runtime, thread, &history, i));
    if (fl_option(query, with_values, false)) rc = add_values(runtime, query, chapter, err);
    if (rc == 0) goes_on = visit(chapter->entry, user);
  }
  for (size_t i = 0; i < history.count; i++) fl_value_unref(history.chapters[i].entry);
  fl_free(history.chapters);
  return rc;
}

/* ---- differences ---- */

int fl_thread_diff(struct fl_runtime *runtime, const struct fl_thread_place *from, const struct fl_thread_place *to,
                   struct fl_value **ret_diff, struct fl_error *err) {
  struct fl_loaded old_one = {0}, new_one = {0};
  int rc = load_place(runtime, from, &old_one, err);
  if (rc == 0) rc = load_place(runtime, to, &new_one, err);
  if (rc == 0) *ret_diff = fl_loaded_diff(&old_one, &new_one, strcmp(from->thread, to->thread) == 0);
  fl_loaded_deinit(&old_one);
  fl_loaded_deinit(&new_one);
  return rc;
}

/* ---- the threads ---- */

struct listing {
  bool (*visit)(const struct fl_value *entry, void *user);
  void *user;
};

static bool on_thread(const struct fl_thread_info *info, void *user) {
  const struct listing *listing = user;
  FL_VALUE_AUTO entry = fl_object();
  fl_set_string(entry, "thread_id", info->id);
  fl_set_string(entry, "graph", info->graph_name != NULL ? info->graph_name : "");
  if (info->graph_file != NULL) fl_set_string(entry, "file", info->graph_file);
  fl_set_string(entry, "status", info->status != NULL ? info->status : "idle");
  fl_set_int(entry, "step", info->step);
  fl_set_int(entry, "created_ms", info->created_ms);
  fl_set_int(entry, "updated_ms", info->updated_ms);
  if (info->metadata != NULL) fl_set_take(entry, "metadata", fl_value_ref(info->metadata));
  if (info->lease_pid != 0) fl_set_int(entry, "held_by_pid", info->lease_pid);
  return listing->visit(entry, listing->user);
}

int fl_thread_list(struct fl_runtime *runtime, const struct fl_thread_query *query,
                   bool (*visit)(const struct fl_value *entry, void *user), void *user, struct fl_error *err) {
  struct listing listing = {visit, user};
  struct fl_threads_query asked = {.limit = fl_option(query, limit, 0),
                                   .prefix = fl_option(query, prefix, NULL),
                                   .status = fl_option(query, status, NULL)};
  return fl_store_list_threads(runtime->store, &asked, on_thread, &listing, err);
}

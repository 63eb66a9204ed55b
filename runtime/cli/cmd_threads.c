/* SPDX-License-Identifier: MIT */
/* fairlead threads: what a store holds. */
#include "graph/look.h"
#include "runtime/base/mem.h"
#include "runtime/cli/table.h"
#include "runtime/cli/threads.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the store of a command ---- */

int fl_opened_open(struct fl_opened *opened, const struct fl_args *args, bool read_only) {
  FL_FREE_AUTO char *path = fl_args_has(args, "store") ? fl_strdup(fl_args_get(args, "store")) : fl_default_store();
  if (access(path, F_OK) != 0)
    return fl_fail(args, FL_EXIT_FAILED,
                   "there is no store at %s yet; the first 'fairlead run' makes it (or name another with --store)",
                   path);
  opened->world = fl_world_uv_create(NULL);
  struct fl_store_options options = {.size = sizeof options, .read_only = read_only, .finds_key = true};
  struct fl_error err = {0};
  if (fl_store_open(opened->world, path, &options, &opened->store, &err) == 0) return 0;
  fl_world_destroy(opened->world);
  return fl_fail_store(args, path, &err);
}

void fl_opened_close(struct fl_opened *opened) {
  fl_store_close(opened->store);
  fl_world_destroy(opened->world);
}

/* ---- list ---- */

struct listing {
  const struct fl_args *args;
  struct fl_table table;
};

static const char *status_of(const struct fl_thread_info *info) {
  if (info->status == NULL) return "idle";
  return strcmp(info->status, "busy") == 0 && info->lease_pid == 0 ? "unfinished" : info->status;
}

static struct fl_value *thread_value(const struct fl_thread_info *info) {
  struct fl_value *entry = fl_object();
  fl_set_string(entry, "id", info->id);
  fl_set_string(entry, "graph", info->graph_name != NULL ? info->graph_name : "");
  if (info->graph_file != NULL) fl_set_string(entry, "file", info->graph_file);
  fl_set_string(entry, "status", status_of(info));
  fl_set_int(entry, "step", info->step);
  fl_set_int(entry, "created_ms", info->created_ms);
  fl_set_int(entry, "updated_ms", info->updated_ms);
  if (info->lease_pid != 0) fl_set_int(entry, "held_by_pid", info->lease_pid);
  if (info->metadata != NULL) fl_set_take(entry, "metadata", fl_value_ref(info->metadata));
  return entry;
}

static const struct fl_column columns[] = {
    {.name = "THREAD"},
    {.name = "UPDATED", .leaves = 2},
    {.name = "STATUS"},
    {.name = "STEP", .leaves = 3, .is_number = true},
    {.name = "GRAPH", .leaves = 1, .width_min = 8},
};

static bool print_thread(const struct fl_thread_info *info, void *user) {
  struct listing *listing = user;
  if (listing->args->json) {
    FL_VALUE_AUTO entry = thread_value(info);
    fl_print_json(entry);
    return true;
  }
  char updated[32], step[24];
  fl_format_time(info->updated_ms, updated);
  snprintf(step, sizeof step, "%lld", (long long)info->step);
  const char *graph = info->graph_name != NULL ? info->graph_name : "";
  fl_table_add(&listing->table, (const char *const[]){info->id, updated, status_of(info), step, graph});
  return true;
}

static bool is_status(const char *word) {
  static const char *const words[] = {"idle", "busy", "interrupted", "error", "cancelled"};
  for (size_t i = 0; word != NULL && i < sizeof words / sizeof words[0]; i++)
    if (strcmp(words[i], word) == 0) return true;
  return word == NULL;
}

int fl_cmd_threads_list(struct fl_args *args) {
  if (args->count != 0) return fl_usage(args, "it takes no arguments");
  const char *status = fl_args_get(args, "status");
  if (!is_status(status))
    return fl_usage(args, "--status takes idle, busy, interrupted, error or cancelled, not \"%s\"", status);
  long limit = fl_args_number(args, "limit", FL_ROWS_MAX);
  if (limit < 0) return FL_EXIT_USAGE;
  struct fl_opened opened;
  int code = fl_opened_open(&opened, args, true);
  if (code != 0) return code;
  struct listing listing = {.args = args};
  fl_table_init(&listing.table, columns, sizeof columns / sizeof *columns);
  struct fl_threads_query query = {.limit = limit > 0 ? (size_t)limit : FL_ROWS_DEFAULT, .status = status};
  struct fl_error err = {0};
  int rc = fl_store_list_threads(opened.store, &query, print_thread, &listing, &err);
  if (rc < 0) code = fl_fail_error(args, &err);
  else if (listing.table.row_count == 0 && !args->json) printf("no threads\n");
  fl_table_print(&listing.table, stdout, fl_terminal_width());
  fl_table_deinit(&listing.table);
  fl_opened_close(&opened);
  return code;
}

/* ---- show ---- */

static void add_text(struct fl_buf *text, const struct fl_value *content) {
  if (fl_as_string(content) != NULL) fl_buf_add_text(text, fl_as_string(content));
  for (size_t i = 0; i < fl_size(content); i++) fl_buf_add_text(text, fl_get_string(fl_at(content, i), "text", "[…]"));
}

static void print_message(const struct fl_value *message) {
  FL_BUF_AUTO raw = {0};
  add_text(&raw, fl_get(message, "content"));
  FL_BUF_AUTO text = {0};
  fl_add_visible(&text, raw.data != NULL ? raw.data : "", 4000);
  printf("  %-9s %s\n", fl_get_string(message, "role", "?"), text.data != NULL ? text.data : "");
  const struct fl_value *calls = fl_get(message, "tool_calls");
  for (size_t i = 0; i < fl_size(calls); i++) {
    FL_FREE_AUTO char *arguments = fl_dump(fl_get(fl_at(calls, i), "args"), NULL);
    FL_BUF_AUTO shown = {0};
    fl_add_visible(&shown, arguments, 500);
    FL_FREE_AUTO char *name = fl_visible(fl_get_string(fl_at(calls, i), "name", "?"), 120);
    printf("            calls %s %s\n", name, shown.data);
  }
}

static void print_values(const struct fl_value *values) {
  struct fl_member member = {0};
  while (fl_next_member(values, &member)) {
    if (strcmp(member.key, "messages") == 0) {
      printf("messages:\n");
      for (size_t i = 0; i < fl_size(member.value); i++) print_message(fl_at(member.value, i));
      continue;
    }
    FL_FREE_AUTO char *text = fl_dump(member.value, NULL);
    printf("%s: ", member.key);
    fl_print_text(stdout, text);
    printf("\n");
  }
}

static void print_state(const struct fl_thread_info *info, const struct fl_loaded *loaded) {
  FL_VALUE_AUTO values = fl_loaded_values(loaded);
  FL_VALUE_AUTO interrupts = fl_loaded_interrupts(loaded);
  char updated[32];
  fl_format_time(info->updated_ms, updated);
  printf("thread %s, graph %s, %s, step %lld, updated %s\n", info->id,
         info->graph_name != NULL ? info->graph_name : "?", status_of(info), (long long)loaded->step, updated);
  if (info->lease_pid != 0) printf("held by process %lld\n", (long long)info->lease_pid);
  print_values(values);
  for (size_t i = 0; i < fl_size(interrupts); i++) {
    FL_FREE_AUTO char *text = fl_dump(fl_at(interrupts, i), NULL);
    FL_FREE_AUTO char *shown = fl_visible(text, SIZE_MAX);
    printf("waits for an answer: %s\n", shown);
  }
}

static void print_state_json(const struct fl_thread_info *info, const struct fl_loaded *loaded) {
  FL_VALUE_AUTO line = thread_value(info);
  fl_set_string(line, "checkpoint_id", loaded->checkpoint_id);
  fl_set_int(line, "step", loaded->step);
  fl_set_take(line, "values", fl_loaded_values(loaded));
  fl_set_take(line, "next", fl_value_ref(fl_get(loaded->body, "next")));
  fl_set_take(line, "interrupts", fl_loaded_interrupts(loaded));
  fl_print_json(line);
}

static int show(const struct fl_args *args, struct fl_store *store, struct fl_error *err) {
  struct fl_thread_info info = {0};
  struct fl_loaded loaded = {0};
  uint64_t checkpoint_no = 0;
  const char *checkpoint = fl_args_get(args, "checkpoint");
  int rc = fl_store_read_thread(store, args->items[0], &info, err);
  if (rc == 0 && checkpoint != NULL)
    rc = fl_store_find_checkpoint(store, args->items[0], "", checkpoint, &checkpoint_no, err);
  if (rc == 0) rc = fl_store_load(store, args->items[0], "", checkpoint_no, &loaded, err);
  if (rc == 0 && args->json) print_state_json(&info, &loaded);
  else if (rc == 0) print_state(&info, &loaded);
  fl_loaded_deinit(&loaded);
  fl_thread_info_deinit(&info);
  return rc;
}

int fl_cmd_threads_show(struct fl_args *args) {
  if (args->count != 1) return fl_usage(args, "name one thread (see 'fairlead threads list')");
  struct fl_opened opened;
  int code = fl_opened_open(&opened, args, true);
  if (code != 0) return code;
  struct fl_error err = {0};
  if (show(args, opened.store, &err) < 0) code = fl_fail_error(args, &err);
  fl_opened_close(&opened);
  return code;
}

/* ---- delete ---- */

struct deletion {
  struct fl_txn txn;
  struct fl_world *world;
  int status;
  struct fl_error error;
  bool is_done;
};

static void on_deleted(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct deletion *deletion = txn->user;
  deletion->status = status;
  if (err != NULL) deletion->error = *err;
  deletion->is_done = true;
  fl_world_stop(deletion->world);
}

static bool is_sure(const struct fl_args *args) {
  if (fl_args_has(args, "yes")) return true;
  if (!isatty(0)) return false;
  fprintf(stderr, "delete %d thread%s for good? [y/N] ", args->count, args->count == 1 ? "" : "s");
  char line[16] = "";
  return fgets(line, sizeof line, stdin) != NULL && (line[0] == 'y' || line[0] == 'Y');
}

static int delete_one(const struct fl_args *args, struct fl_opened *opened, const char *id) {
  struct deletion deletion = {.world = opened->world};
  deletion.txn = (struct fl_txn){.kind = FL_TXN_DELETE_THREAD,
                                 .thread = id,
                                 .wall_ms = fl_world_wall_ms(opened->world),
                                 .on_done = on_deleted,
                                 .user = &deletion};
  fl_store_submit(opened->store, &deletion.txn);
  while (!deletion.is_done) fl_world_run(opened->world);
  if (deletion.status < 0) return fl_fail_error(args, &deletion.error);
  FL_VALUE_AUTO line = fl_object();
  fl_set_string(line, "deleted", id);
  if (args->json) fl_print_json(line);
  else printf("deleted %s\n", id);
  return FL_EXIT_OK;
}

int fl_cmd_threads_delete(struct fl_args *args) {
  if (args->count < 1) return fl_usage(args, "name the threads to delete");
  if (!is_sure(args)) return fl_usage(args, "nothing was deleted; say --yes to delete without being asked");
  struct fl_opened opened;
  int code = fl_opened_open(&opened, args, false);
  if (code != 0) return code;
  for (int i = 0; i < args->count; i++) {
    int one = delete_one(args, &opened, args->items[i]);
    if (one != FL_EXIT_OK) code = one;
  }
  fl_opened_close(&opened);
  return code;
}

/* SPDX-License-Identifier: MIT */
/* fairlead threads export, import, prune, storage, recover: keeping a store small, moving threads, and finishing what a
 * process that died has left. */
#include "runtime/base/mem.h"
#include "runtime/base/timestamp.h"
#include "runtime/cli/act.h"
#include "runtime/cli/threads.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_SIZE_MAX = 1 << 30, KEEP_MAX = 1000000000 };

/* ---- the store of a command, and a transaction that is waited for ---- */

struct desk {
  const struct fl_args *args;
  struct fl_world *world;
  struct fl_store *store;
  bool is_done;
  int status;
  struct fl_error error;
};

static int open_desk(struct desk *desk, const struct fl_args *args, bool may_make, bool read_only) {
  FL_FREE_AUTO char *path = fl_args_has(args, "store") ? fl_strdup(fl_args_get(args, "store")) : fl_default_store();
  *desk = (struct desk){.args = args};
  if (!may_make && access(path, F_OK) != 0)
    return fl_fail(args, FL_EXIT_FAILED,
                   "there is no store at %s yet; the first 'fairlead run' makes it (or name another with --store)",
                   path);
  const struct fl_store_options options = {.size = sizeof options, .read_only = read_only, .finds_key = true};
  struct fl_error err = {0};
  desk->world = fl_world_uv_create(NULL);
  if (fl_store_open(desk->world, path, &options, &desk->store, &err) == 0) return 0;
  fl_world_destroy(desk->world);
  return fl_fail_store(args, path, &err);
}

static void close_desk(struct desk *desk) {
  fl_store_close(desk->store);
  fl_world_destroy(desk->world);
}

static void on_done(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct desk *desk = txn->user;
  desk->status = status;
  if (err != NULL) desk->error = *err;
  desk->is_done = true;
  fl_world_stop(desk->world);
}

static int submit(struct desk *desk, struct fl_txn *txn) {
  desk->is_done = false;
  txn->wall_ms = fl_world_wall_ms(desk->world);
  txn->on_done = on_done;
  txn->user = desk;
  fl_store_submit(desk->store, txn);
  while (!desk->is_done) fl_world_run(desk->world);
  return desk->status;
}

/* ---- the threads that are meant ---- */

struct names {
  char **items;
  size_t count;
};

static bool add_name(const struct fl_thread_info *info, void *user) {
  struct names *names = user;
  names->items = fl_realloc(names->items, (names->count + 1) * sizeof *names->items);
  names->items[names->count++] = fl_strdup(info->id);
  return true;
}

static void names_deinit(struct names *names) {
  for (size_t i = 0; i < names->count; i++) fl_free(names->items[i]);
  fl_free(names->items);
}

/* Those of the command line, or all; an exit code after a message. */
static int take_names(const struct desk *desk, struct names *names) {
  const struct fl_args *args = desk->args;
  for (int i = 0; i < args->count; i++) {
    struct fl_thread_info info = {0};
    memcpy(info.id, args->items[i], strnlen(args->items[i], FL_ID_MAX));
    add_name(&info, names);
  }
  struct fl_error err = {0};
  if (!fl_args_has(args, "all")) return 0;
  return fl_store_list_threads(desk->store, NULL, add_name, names, &err) == 0 ? 0 : fl_fail_error(args, &err);
}

static bool names_fit(const struct fl_args *args) { return (args->count > 0) != fl_args_has(args, "all"); }

/* ---- export ---- */

static int write_file(const struct fl_args *args, const char *path, const struct fl_buf *text) {
  bool is_stdout = path == NULL || strcmp(path, "-") == 0;
  FILE *file = is_stdout ? stdout : fopen(path, "wex");
  if (file == NULL) return fl_fail(args, FL_EXIT_FAILED, "%s: %s", path, strerror(errno));
  bool ok = fwrite(text->data, 1, text->size, file) == text->size && fflush(file) == 0;
  if (!is_stdout) ok = fclose(file) == 0 && ok;
  return ok ? 0 : fl_fail(args, FL_EXIT_FAILED, "%s: %s", is_stdout ? "standard output" : path, strerror(errno));
}

int fl_cmd_threads_export(struct fl_args *args) {
  if (args->count < 1 || args->count > 2) return fl_usage(args, "name one thread, and the file if it is to be one");
  struct desk desk;
  int code = open_desk(&desk, args, false, true);
  if (code != 0) return code;
  FL_BUF_AUTO text = {.limit = FILE_SIZE_MAX};
  struct fl_error err = {0};
  code = fl_thread_export(desk.store, args->items[0], &text, &err) == 0
             ? write_file(args, args->count > 1 ? args->items[1] : NULL, &text)
             : fl_fail_error(args, &err);
  close_desk(&desk);
  return code;
}

/* ---- import ---- */

static int read_file(const struct fl_args *args, const char *path, struct fl_buf *text) {
  bool is_stdin = strcmp(path, "-") == 0;
  FILE *file = is_stdin ? stdin : fopen(path, "re");
  char chunk[65536];
  size_t size;
  if (file == NULL) return fl_fail(args, FL_EXIT_FAILED, "%s: %s", path, strerror(errno));
  while ((size = fread(chunk, 1, sizeof chunk, file)) > 0) fl_buf_add(text, chunk, size);
  bool failed = ferror(file) != 0;
  if (!is_stdin) fclose(file);
  if (failed) return fl_fail(args, FL_EXIT_FAILED, "%s: it cannot be read", path);
  return text->failed ? fl_fail(args, FL_EXIT_FAILED, "%s: it is larger than 1 GiB", path) : 0;
}

static int import(struct desk *desk, const struct fl_buf *text) {
  struct fl_thread_file file;
  struct fl_error err = {0};
  if (fl_thread_file_read(fl_buf_slice(text), &file, &err) != 0) return fl_fail_error(desk->args, &err);
  const struct fl_import import = {.records = &file.records, .created_ms = file.created_ms};
  const char *as = fl_args_get(desk->args, "as");
  FL_FREE_AUTO char *id = fl_strdup(as != NULL ? as : file.id);
  struct fl_txn txn = {.kind = FL_TXN_IMPORT, .thread = id, .import = &import};
  int status = submit(desk, &txn);
  size_t count = file.records.count;
  fl_thread_file_deinit(&file);
  if (status != 0) return fl_fail_error(desk->args, &desk->error);
  if (desk->args->json) {
    FL_VALUE_AUTO line = fl_object();
    fl_set_string(line, "imported", id);
    fl_set_int(line, "records", (int64_t)count);
    fl_print_json(line);
  } else {
    printf("imported %s: %zu records\n", id, count);
  }
  return 0;
}

int fl_cmd_threads_import(struct fl_args *args) {
  if (args->count != 1) return fl_usage(args, "name the file (- for standard input)");
  const char *as = fl_args_get(args, "as");
  if (as != NULL && !fl_is_thread_id(as))
    return fl_usage(args, "\"%s\" cannot be a thread id: 1 to 128 of A-Z a-z 0-9 . _ : -", as);
  FL_BUF_AUTO text = {.limit = FILE_SIZE_MAX};
  int code = read_file(args, args->items[0], &text);
  struct desk desk;
  if (code == 0) code = open_desk(&desk, args, true, false);
  if (code != 0) return code;
  code = import(&desk, &text);
  close_desk(&desk);
  return code;
}

/* ---- prune ---- */

struct rule {
  int64_t keep, age_ms; /* 0: not said */
};

/* What the command line says, else what the thread's metadata say; false when neither says anything. */
static bool rule_of(const struct desk *desk, const char *id, const struct rule *rule, struct fl_prune *ret_prune) {
  int64_t wall_ms = fl_world_wall_ms(desk->world);
  struct fl_thread_info info = {0};
  *ret_prune = (struct fl_prune){.keep_last = (uint64_t)rule->keep,
                                 .since_ms = rule->age_ms > 0 && rule->age_ms < wall_ms ? wall_ms - rule->age_ms : 0};
  if (rule->keep > 0 || rule->age_ms > 0) return true;
  if (fl_store_read_thread(desk->store, id, &info, NULL) != 0) return true; /* the transaction will say why */
  bool has_rule = fl_retention_read(info.metadata, wall_ms, ret_prune);
  fl_thread_info_deinit(&info);
  return has_rule;
}

static void print_pruned(const struct fl_args *args, const char *id, const struct fl_txn *txn) {
  if (args->json) {
    FL_VALUE_AUTO line = fl_object();
    fl_set_string(line, "pruned", id);
    fl_set_int(line, "checkpoints", (int64_t)txn->count);
    fl_set_int(line, "bytes", (int64_t)txn->bytes);
    fl_print_json(line);
  } else {
    printf("%s: %" PRIu64 " checkpoints and %" PRIu64 " bytes went\n", id, txn->count, txn->bytes);
  }
}

/* With --remember the rule is the thread's own from now on. */
static int remember(struct desk *desk, const char *id, const struct rule *rule) {
  struct fl_records records = {0};
  FL_VALUE_AUTO metadata = fl_object();
  struct fl_value *retention = fl_object();
  if (rule->keep > 0) fl_set_int(retention, "keep_last", rule->keep);
  if (rule->age_ms > 0) fl_set_int(retention, "max_age_ms", rule->age_ms);
  fl_set_take(metadata, "retention", retention);
  struct fl_record *record = fl_records_add(&records, FL_RECORD_THREAD, "");
  char *text = fl_dump(metadata, &record->body_size);
  record->body = fl_strdup(text);
  fl_text_free(text);
  record->thread.wall_ms = fl_world_wall_ms(desk->world);
  struct fl_txn txn = {.kind = FL_TXN_WRITE, .thread = id, .records = &records};
  int status = submit(desk, &txn);
  fl_records_deinit(&records);
  return status;
}

static int prune_one(struct desk *desk, const char *id, const struct rule *rule) {
  struct fl_prune prune;
  if (!rule_of(desk, id, rule, &prune)) {
    if (fl_args_has(desk->args, "all")) return 0;
    return fl_fail(desk->args, FL_EXIT_FAILED, "thread %s has no rule of its own; say --keep N or --older-than 30d",
                   id);
  }
  if (fl_args_has(desk->args, "remember") && remember(desk, id, rule) != 0)
    return fl_fail_error(desk->args, &desk->error);
  if (prune.keep_last == 0 && prune.since_ms == 0) return 0; /* older than the clock: nothing is */
  struct fl_records act = {0};
  struct fl_value *body = fl_object();
  if (prune.keep_last > 0) fl_set_int(body, "keep", (int64_t)prune.keep_last);
  if (prune.since_ms > 0) fl_set_int(body, "since_ms", prune.since_ms);
  fl_act_add(&act, "thread.pruned", body, fl_world_wall_ms(desk->world));
  struct fl_txn txn = {.kind = FL_TXN_PRUNE, .thread = id, .prune = &prune, .audit = &act};
  int status = submit(desk, &txn);
  fl_records_deinit(&act);
  if (status != 0) return fl_fail_error(desk->args, &desk->error);
  print_pruned(desk->args, id, &txn);
  return 0;
}

static int prune_all(struct desk *desk, const struct rule *rule) {
  __attribute__((cleanup(names_deinit))) struct names names = {0};
  int code = take_names(desk, &names);
  for (size_t i = 0; i < names.count; i++) {
    int one = prune_one(desk, names.items[i], rule);
    if (one != 0) code = one;
  }
  struct fl_error err = {0};
  if (fl_args_has(desk->args, "compact") && fl_store_compact(desk->store, &err) != 0)
    return fl_fail_error(desk->args, &err);
  return code;
}

int fl_cmd_threads_prune(struct fl_args *args) {
  if (!names_fit(args)) return fl_usage(args, "name the threads, or say --all");
  const char *age = fl_args_get(args, "older-than");
  struct rule rule = {.keep = fl_args_number(args, "keep", KEEP_MAX), .age_ms = age != NULL ? fl_age_ms(age) : 0};
  if (rule.keep < 0) return FL_EXIT_USAGE;
  if (rule.age_ms < 0) return fl_usage(args, "--older-than takes an age such as 90s, 12h, 30d or 4w, not \"%s\"", age);
  if (fl_args_has(args, "remember") && rule.keep == 0 && rule.age_ms == 0)
    return fl_usage(args, "--remember needs --keep N or --older-than AGE");
  struct desk desk;
  int code = open_desk(&desk, args, false, false);
  if (code != 0) return code;
  code = prune_all(&desk, &rule);
  close_desk(&desk);
  return code;
}

/* ---- storage ---- */

static void print_storage_json(const char *id, const struct fl_storage *storage) {
  FL_VALUE_AUTO line = fl_object();
  struct fl_value *parts = fl_object();
  for (size_t i = 0; i < storage->part_count; i++) {
    struct fl_value *part = fl_object();
    fl_set_int(part, "rows", (int64_t)storage->parts[i].rows);
    fl_set_int(part, "bytes", (int64_t)storage->parts[i].bytes);
    fl_set_take(parts, storage->parts[i].name, part);
  }
  fl_set_string(line, "id", id);
  fl_set_int(line, "rows", (int64_t)storage->rows);
  fl_set_int(line, "bytes", (int64_t)storage->bytes);
  fl_set_take(line, "parts", parts);
  fl_print_json(line);
}

static void print_storage(const char *id, const struct fl_storage *storage) {
  printf("thread %s\n%12s %10s  %s\n", id, "BYTES", "ROWS", "WHAT");
  for (size_t i = 0; i < storage->part_count; i++) {
    FL_FREE_AUTO char *name = fl_visible(storage->parts[i].name, 60);
    printf("%12" PRIu64 " %10" PRIu64 "  %s\n", storage->parts[i].bytes, storage->parts[i].rows, name);
  }
  printf("%12" PRIu64 " %10" PRIu64 "  in all\n", storage->bytes, storage->rows);
}

int fl_cmd_threads_storage(struct fl_args *args) {
  if (!names_fit(args)) return fl_usage(args, "name the threads, or say --all");
  struct desk desk;
  int code = open_desk(&desk, args, false, true);
  if (code != 0) return code;
  __attribute__((cleanup(names_deinit))) struct names names = {0};
  code = take_names(&desk, &names);
  for (size_t i = 0; i < names.count; i++) {
    struct fl_storage storage = {0};
    struct fl_error err = {0};
    if (fl_store_read_storage(desk.store, names.items[i], &storage, &err) != 0) code = fl_fail_error(args, &err);
    else if (args->json) print_storage_json(names.items[i], &storage);
    else print_storage(names.items[i], &storage);
    fl_storage_deinit(&storage);
  }
  close_desk(&desk);
  return code;
}

/* ---- recover ---- */

struct recovery {
  const struct fl_args *args;
  size_t count, failed;
};

static void on_recovered(const struct fl_recovered *recovered, void *user) {
  struct recovery *recovery = user;
  const char *word = recovered->status == 0 ? "done" : recovered->status > 0 ? "interrupted" : "failed";
  recovery->count++;
  recovery->failed += recovered->status < 0;
  if (recovery->args->json) {
    FL_VALUE_AUTO line = fl_object();
    fl_set_string(line, "recovered", recovered->thread);
    fl_set_string(line, "status", word);
    if (recovered->message != NULL) fl_set_string(line, "message", recovered->message);
    fl_print_json(line);
  } else if (recovered->message != NULL) {
    FL_FREE_AUTO char *shown = fl_visible(recovered->message, 2000);
    printf("%s: %s: %s\n", recovered->thread, word, shown);
  } else {
    printf("%s: %s\n", recovered->thread, word);
  }
}

int fl_cmd_threads_recover(struct fl_args *args) {
  if (!names_fit(args)) return fl_usage(args, "name the threads, or say --all");
  struct desk desk;
  int code = open_desk(&desk, args, false, true); /* only to say well that there is none */
  if (code != 0) return code;
  close_desk(&desk);
  FL_FREE_AUTO char *path = fl_args_has(args, "store") ? fl_strdup(fl_args_get(args, "store")) : fl_default_store();
  const struct fl_runtime_options options = {.size = sizeof options, .store_path = path};
  struct fl_runtime *runtime = NULL;
  struct fl_error err = {0};
  if (fl_runtime_create(&options, &runtime, &err) < 0) return fl_fail_store(args, path, &err);
  struct recovery recovery = {.args = args};
  FL_FREE_AUTO const char **names = fl_new_array(const char *, (size_t)args->count + 1);
  for (int i = 0; i < args->count; i++) names[i] = args->items[i];
  int status = fl_runtime_recover(runtime, args->count > 0 ? names : NULL, on_recovered, &recovery, &err);
  fl_runtime_destroy(runtime);
  if (status != 0) return fl_fail_error(args, &err);
  if (recovery.count == 0 && !args->json) printf("nothing is unfinished\n");
  return recovery.failed > 0 ? FL_EXIT_FAILED : FL_EXIT_OK;
}

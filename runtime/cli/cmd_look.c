/* SPDX-License-Identifier: MIT */
/* fairlead threads state, history, diff: looking back. */
#include "runtime/api/load.h"
#include "runtime/base/mem.h"
#include "runtime/cli/table.h"
#include "runtime/cli/threads.h"

#include <stdlib.h>
#include <string.h>

enum { FL_SHOWN_MAX = 200 };

/* ---- state ---- */

/* The graph that the thread was run with, when its file is still there and says nothing wrong; or the one that was
 * given, which must be so. 0, or an exit code after a message. */
static int load_file(const struct fl_args *args, struct fl_store *store, struct fl_graph_file *file) {
  struct fl_thread_info info = {0};
  struct fl_diags diags = {0};
  const char *given = fl_args_get(args, "graph");
  int rc = fl_store_read_thread(store, args->items[0], &info, NULL);
  const char *path = given != NULL ? given : info.graph_file;
  if (rc == 0 && path != NULL) rc = fl_load_graph_file(path, file, &diags);
  int code = rc < 0 && given != NULL && diags.count > 0 ? fl_fail_diags(args, &diags) : 0;
  fl_diags_deinit(&diags);
  fl_thread_info_deinit(&info);
  return code;
}

int fl_cmd_threads_state(struct fl_args *args) {
  if (args->count != 1) return fl_usage(args, "name one thread (see 'fairlead threads list')");
  struct fl_opened opened;
  int code = fl_opened_open(&opened, args, true);
  if (code != 0) return code;
  struct fl_runtime reader = {.store = opened.store};
  struct fl_graph_file file = {0};
  struct fl_error err = {0};
  FL_VALUE_AUTO state = NULL;
  code = load_file(args, opened.store, &file);
  struct fl_thread_place place = {.size = sizeof place,
                                  .thread = args->items[0],
                                  .checkpoint = fl_args_get(args, "checkpoint"),
                                  .definition = file.definition,
                                  .with_subgraphs = fl_args_has(args, "subgraphs")};
  if (code == 0 && fl_thread_state(&reader, &place, &state, &err) < 0) code = fl_fail_error(args, &err);
  else if (state != NULL && args->json) fl_print_json(state);
  else if (state != NULL) fl_print_pretty(state);
  fl_graph_file_deinit(&file);
  fl_opened_close(&opened);
  return code;
}

/* ---- history ---- */

struct listing {
  const struct fl_args *args;
  size_t count;
  struct fl_table table;
};

static const struct fl_column columns[] = {
    {.name = "CHECKPOINT"},
    {.name = "STEP", .is_number = true},
    {.name = "SOURCE", .leaves = 1},
    {.name = "TIME", .leaves = 2},
    {.name = "NEXT", .width_min = 8},
};

static void add_row(struct fl_table *table, const struct fl_value *entry) {
  char created[32], step[24];
  fl_format_time(fl_get_int(entry, "created_ms", 0), created);
  snprintf(step, sizeof step, "%lld", (long long)fl_get_int(entry, "step", 0));
  const struct fl_value *next = fl_get(entry, "next");
  FL_BUF_AUTO names = {0};
  for (size_t i = 0; i < fl_size(next); i++) {
    const char *name = fl_as_string(fl_at(next, i));
    fl_buf_addf(&names, "%s%s", i > 0 ? " " : "", name != NULL ? name : "?");
  }
  fl_table_add(table, (const char *const[]){fl_get_string(entry, "checkpoint_id", ""), step,
                                            fl_get_string(entry, "source", ""), created,
                                            names.data != NULL ? names.data : ""});
}

static bool print_entry(const struct fl_value *entry, void *user) {
  struct listing *listing = user;
  if (listing->args->json) fl_print_json(entry);
  else add_row(&listing->table, entry);
  listing->count++;
  return true;
}

static bool is_source(const char *word) {
  static const char *const words[] = {"input", "loop", "update", "fork"};
  for (size_t i = 0; word != NULL && i < sizeof words / sizeof words[0]; i++)
    if (strcmp(words[i], word) == 0) return true;
  return word == NULL;
}

/* "2", "2-5", "2-" or "-5". */
static bool read_steps(const char *text, struct fl_history_query *query) {
  if (text == NULL) return true;
  char *end = NULL;
  query->by_step = true;
  query->step_min = *text == '-' ? INT64_MIN : strtoll(text, &end, 10);
  const char *rest = *text == '-' ? text : end;
  query->step_max = query->step_min;
  if (rest == text && *text != '-') return false;
  if (*rest == '\0') return true;
  if (*rest != '-') return false;
  query->step_max = rest[1] == '\0' ? INT64_MAX : strtoll(rest + 1, &end, 10);
  return rest[1] == '\0' ? rest != text : end != rest + 1 && *end == '\0';
}

/* 0, or an exit code after a message. The metadata is the caller's to release. */
static int read_query(const struct fl_args *args, struct fl_history_query *query, struct fl_value **ret_metadata) {
  long limit = fl_args_number(args, "limit", FL_ROWS_MAX);
  if (limit < 0) return FL_EXIT_USAGE;
  *query = (struct fl_history_query){.size = sizeof *query,
                                     .thread = args->items[0],
                                     .limit = limit > 0 ? (size_t)limit : FL_ROWS_DEFAULT,
                                     .before = fl_args_get(args, "before"),
                                     .source = fl_args_get(args, "source"),
                                     .with_values = fl_args_has(args, "values")};
  if (!is_source(query->source))
    return fl_usage(args, "--source takes input, loop, update or fork, not \"%s\"", query->source);
  const char *steps = fl_args_get(args, "steps");
  if (!read_steps(steps, query)) return fl_usage(args, "--steps takes a step or a range like 2-5, not \"%s\"", steps);
  int code = fl_args_json(args, "metadata", ret_metadata);
  if (code != 0) return code;
  if (*ret_metadata != NULL && !fl_is(*ret_metadata, FL_OBJECT)) return fl_usage(args, "--metadata takes an object");
  query->metadata = *ret_metadata;
  return 0;
}

int fl_cmd_threads_history(struct fl_args *args) {
  if (args->count != 1) return fl_usage(args, "name one thread (see 'fairlead threads list')");
  struct fl_history_query query;
  FL_VALUE_AUTO metadata = NULL;
  struct fl_opened opened;
  int code = read_query(args, &query, &metadata);
  if (code == 0) code = fl_opened_open(&opened, args, true);
  if (code != 0) return code;
  struct fl_runtime reader = {.store = opened.store};
  struct listing listing = {.args = args};
  fl_table_init(&listing.table, columns, sizeof columns / sizeof *columns);
  struct fl_error err = {0};
  if (fl_thread_history(&reader, &query, print_entry, &listing, &err) < 0) code = fl_fail_error(args, &err);
  else if (listing.count == 0 && !args->json) printf("no checkpoints\n");
  fl_table_print(&listing.table, stdout, fl_terminal_width());
  fl_table_deinit(&listing.table);
  fl_opened_close(&opened);
  return code;
}

/* ---- differences ---- */

static char *short_text(const struct fl_value *value) {
  const char *text = fl_as_string(fl_get(value, "content"));
  if (text != NULL) {
    FL_FREE_AUTO char *message = fl_format("%s: %s", fl_get_string(value, "role", "?"), text);
    return fl_visible(message, FL_SHOWN_MAX);
  }
  FL_FREE_AUTO char *dump = fl_dump(value, NULL);
  return fl_visible(dump, FL_SHOWN_MAX);
}

static void print_one(const char *path, const char *sign, const struct fl_value *value) {
  FL_FREE_AUTO char *text = short_text(value);
  printf("%s %s %s\n", path, sign, text);
}

static void print_both(const char *path, const struct fl_value *change) {
  FL_FREE_AUTO char *from = short_text(fl_get(change, "from"));
  FL_FREE_AUTO char *to = short_text(fl_get(change, "to"));
  printf("%s: %s → %s\n", path, from, to);
}

static void print_change(const char *path, const struct fl_value *change);

static void print_members(const char *path, const struct fl_value *members) {
  struct fl_member member = {0};
  while (fl_next_member(members, &member)) {
    FL_FREE_AUTO char *inner = fl_format("%s.%s", path, member.key);
    FL_FREE_AUTO char *shown = fl_visible(inner, FL_SHOWN_MAX);
    print_change(shown, member.value);
  }
}

static void print_elements(const char *path, const struct fl_value *change) {
  static const struct { const char *key, *sign; } kinds[] = {{"removed", "-"}, {"inserted", "+"}, {"appended", "+"}};
  const struct fl_value *changed = fl_get(change, "changed");
  for (size_t i = 0; i < fl_size(changed); i++) {
    const struct fl_value *entry = fl_at(changed, i);
    const char *id = fl_get_string(entry, "id", NULL);
    FL_FREE_AUTO char *place =
        id != NULL ? fl_visible(id, FL_SHOWN_MAX) : fl_format("%lld", (long long)fl_get_int(entry, "index", 0));
    FL_FREE_AUTO char *inner = fl_format("%s[%s]", path, place);
    print_both(inner, entry);
  }
  for (size_t kind = 0; kind < 3; kind++) {
    const struct fl_value *list = fl_get(change, kinds[kind].key);
    for (size_t i = 0; i < fl_size(list); i++) {
      const struct fl_value *entry = fl_at(list, i);
      bool has_index = fl_get(entry, "index") != NULL && fl_size(entry) == 2;
      print_one(path, kinds[kind].sign, has_index ? fl_get(entry, "value") : entry);
    }
  }
}

static void print_change(const char *path, const struct fl_value *change) {
  if (fl_get(change, "members") != NULL) print_members(path, fl_get(change, "members"));
  else if (fl_get(change, "added") != NULL) print_one(path, "+", fl_get(change, "added"));
  else if (fl_is(fl_get(change, "removed"), FL_ARRAY) || fl_get(change, "appended") != NULL ||
           fl_get(change, "inserted") != NULL || fl_get(change, "changed") != NULL)
    print_elements(path, change);
  else if (fl_get(change, "removed") != NULL) print_one(path, "-", fl_get(change, "removed"));
  else print_both(path, change);
}

void fl_print_diff(const struct fl_value *diff) {
  const struct fl_value *from = fl_get(diff, "from"), *to = fl_get(diff, "to"), *next = fl_get(diff, "next");
  printf("from %s, step %lld\nto   %s, step %lld\n", fl_get_string(from, "checkpoint_id", ""),
         (long long)fl_get_int(from, "step", 0), fl_get_string(to, "checkpoint_id", ""),
         (long long)fl_get_int(to, "step", 0));
  struct fl_member member = {0};
  while (fl_next_member(fl_get(diff, "channels"), &member)) {
    FL_FREE_AUTO char *name = fl_visible(member.key, FL_SHOWN_MAX);
    print_change(name, member.value);
  }
  if (next != NULL) print_both("next", next);
  if (fl_size(fl_get(diff, "channels")) == 0 && next == NULL) printf("no differences\n");
}

int fl_cmd_threads_diff(struct fl_args *args) {
  if (args->count < 2 || args->count > 3)
    return fl_usage(args, "name a thread and one or two of its checkpoints (see 'fairlead threads history')");
  const char *thread = args->items[0], *other = fl_args_get(args, "with");
  struct fl_opened opened;
  int code = fl_opened_open(&opened, args, true);
  if (code != 0) return code;
  struct fl_runtime reader = {.store = opened.store};
  struct fl_thread_place from = {.size = sizeof from, .thread = thread, .checkpoint = args->items[1]};
  struct fl_thread_place to = {.size = sizeof to, .thread = other != NULL ? other : thread};
  if (args->count == 3) to.checkpoint = args->items[2];
  struct fl_error err = {0};
  FL_VALUE_AUTO diff = NULL;
  if (fl_thread_diff(&reader, &from, &to, &diff, &err) < 0) code = fl_fail_error(args, &err);
  else if (args->json) fl_print_json(diff);
  else fl_print_diff(diff);
  fl_opened_close(&opened);
  return code;
}

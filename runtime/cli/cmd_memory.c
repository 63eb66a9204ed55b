/* SPDX-License-Identifier: MIT */
/* fairlead memory: the items that all threads of a store share. */
#include "runtime/base/mem.h"
#include "runtime/base/timestamp.h"
#include "runtime/cli/threads.h"
#include "runtime/json/json.h"

#include <fairlead/memory.h>
#include <string.h>
#include <unistd.h>

enum { INPUT_SIZE_MAX = 2 << 20, OFFSET_MAX = 1000000000 };

/* One command: a runtime on the store, its memory, and the answer that is waited for. */
struct desk {
  struct fl_args *args;
  struct fl_runtime *runtime;
  struct fl_memory *memory;
  struct fl_value *ns;
  bool is_done;
  struct fl_value *result;
  struct fl_error error;
};

static struct fl_value *labels_of(const char *text) {
  struct fl_value *labels = fl_array();
  while (text != NULL && text[0] != 0) {
    size_t size = strcspn(text, ".");
    fl_append_take(labels, fl_string_n(text, size));
    text += size + (text[size] == '.');
  }
  return labels;
}

/* The JSON of an option; *ret_value stays NULL without it. */
static int read_option(const struct fl_args *args, const char *option, struct fl_value **ret_value) {
  const char *text = fl_args_get(args, option);
  struct fl_error err = {0};
  if (text == NULL || fl_parse(text, strlen(text), ret_value, &err) == 0) return 0;
  return fl_usage(args, "--%s does not hold JSON: %s", option, err.text);
}

static int open_runtime(struct desk *desk, bool may_make) {
  const struct fl_args *args = desk->args;
  FL_FREE_AUTO char *path = fl_args_has(args, "store") ? fl_strdup(fl_args_get(args, "store")) : fl_default_store();
  if (!may_make && access(path, F_OK) != 0)
    return fl_fail(args, FL_EXIT_FAILED,
                   "there is no store at %s yet; 'fairlead memory put' makes it (or name another"
                   " with --store)",
                   path);
  const struct fl_runtime_options options = {.size = sizeof options, .store_path = path};
  struct fl_error err = {0};
  return fl_runtime_create(&options, &desk->runtime, &err) < 0 ? fl_fail_store(args, path, &err) : 0;
}

static void close_desk(struct desk *desk) {
  fl_memory_destroy(desk->memory);
  if (desk->runtime != NULL) fl_runtime_destroy(desk->runtime);
  fl_value_unref(desk->ns);
  fl_value_unref(desk->result);
}

static int open_desk(struct desk *desk, struct fl_args *args, bool may_make) {
  *desk = (struct desk){.args = args};
  FL_VALUE_AUTO model = NULL;
  bool has_model = args->command != NULL && fl_args_has(args, "embed");
  int code = has_model ? read_option(args, "embed", &model) : 0;
  if (code == 0) code = open_runtime(desk, may_make);
  if (code != 0) return code;
  desk->ns = labels_of(args->count > 0 ? args->items[0] : NULL);
  const struct fl_memory_options options = {.size = sizeof options, .embed_model = model};
  struct fl_error err = {0};
  if (fl_memory_create(desk->runtime, &options, &desk->memory, &err) == 0) return 0;
  close_desk(desk);
  return fl_fail_error(args, &err);
}

static void on_done(struct fl_value *result, const struct fl_error *err, void *user) {
  struct desk *desk = user;
  desk->result = fl_value_ref(result);
  if (err != NULL) desk->error = *err;
  desk->is_done = true;
  fl_world_stop(fl_runtime_world(desk->runtime));
}

/* The exit code; a failure is told. */
static int wait_for(struct desk *desk) {
  while (!desk->is_done) fl_world_run(fl_runtime_world(desk->runtime));
  return desk->error.code != 0 ? fl_fail_error(desk->args, &desk->error) : 0;
}

/* ---- printing ---- */

static char *join(const struct fl_value *labels) {
  FL_BUF_AUTO text = {0};
  for (size_t i = 0; i < fl_size(labels); i++)
    fl_buf_addf(&text, "%s%s", i > 0 ? "." : "", fl_as_string(fl_at(labels, i)));
  return text.data != NULL ? fl_buf_take(&text, NULL) : fl_strdup("");
}

static void print_item(const struct fl_args *args, const struct fl_value *item) {
  if (args->json) {
    fl_print_json(item);
    return;
  }
  FL_FREE_AUTO char *ns = join(fl_get(item, "namespace"));
  FL_FREE_AUTO char *shown_ns = fl_visible(ns, 300);
  FL_FREE_AUTO char *key = fl_visible(fl_get_string(item, "key", ""), 300);
  char *value = fl_dump(fl_get(item, "value"), NULL);
  const struct fl_value *score = fl_get(item, "score");
  if (score != NULL) printf("%.4f  ", fl_as_double(score, 0));
  printf("%s %s  ", shown_ns, key);
  fl_print_text(stdout, value);
  printf("\n");
  fl_text_free(value);
}

/* ---- commands ---- */

static int read_value(const struct fl_args *args, struct fl_value **ret_value) {
  FL_BUF_AUTO text = {.limit = INPUT_SIZE_MAX};
  char chunk[65536];
  size_t size;
  if (strcmp(args->items[2], "-") != 0) fl_buf_add_text(&text, args->items[2]);
  else
    while ((size = fread(chunk, 1, sizeof chunk, stdin)) > 0) fl_buf_add(&text, chunk, size);
  struct fl_error err = {0};
  if (text.failed) return fl_fail(args, FL_EXIT_FAILED, "the value has more than 1 MiB");
  if (fl_parse(text.data != NULL ? text.data : "", text.size, ret_value, &err) == 0) return 0;
  return fl_usage(args, "VALUE is no JSON: %s", err.text);
}

int fl_cmd_memory_put(struct fl_args *args) {
  if (args->count != 3) return fl_usage(args, "name a namespace, a key and a value");
  const char *ttl = fl_args_get(args, "ttl");
  int64_t ttl_ms = ttl != NULL ? fl_age_ms(ttl) : 0;
  if (ttl_ms < 0) return fl_usage(args, "--ttl takes an age such as 90s, 12h or 30d, not \"%s\"", ttl);
  FL_VALUE_AUTO value = NULL;
  struct desk desk;
  int code = read_value(args, &value);
  if (code == 0) code = open_desk(&desk, args, true);
  if (code != 0) return code;
  const struct fl_memory_put put = {
      .size = sizeof put, .ns = desk.ns, .key = args->items[1], .value = value, .ttl_ms = ttl_ms};
  fl_memory_put(desk.memory, &put, on_done, &desk);
  code = wait_for(&desk);
  if (code == 0 && args->json) fl_print_json(desk.result);
  close_desk(&desk);
  return code;
}

int fl_cmd_memory_get(struct fl_args *args) {
  if (args->count != 2) return fl_usage(args, "name a namespace and a key");
  struct desk desk;
  int code = open_desk(&desk, args, false);
  if (code != 0) return code;
  fl_memory_get(desk.memory, desk.ns, args->items[1], on_done, &desk);
  code = wait_for(&desk);
  if (code == 0 && fl_is(desk.result, FL_NULL))
    code = fl_fail(args, FL_EXIT_FAILED, "there is no item \"%s\" in %s", args->items[1], args->items[0]);
  else if (code == 0) print_item(args, desk.result);
  close_desk(&desk);
  return code;
}

static int search(struct desk *desk, const struct fl_value *filter) {
  long limit = fl_args_number(desk->args, "limit", 1000), offset = fl_args_number(desk->args, "offset", OFFSET_MAX);
  if (limit < 0 || offset < 0) return FL_EXIT_USAGE;
  const struct fl_memory_search search = {.size = sizeof search,
                                          .ns = desk->ns,
                                          .query = fl_args_get(desk->args, "query"),
                                          .filter = filter,
                                          .limit = (size_t)limit,
                                          .offset = (size_t)offset};
  fl_memory_search(desk->memory, &search, on_done, desk);
  int code = wait_for(desk);
  for (size_t i = 0; i < fl_size(desk->result); i++) print_item(desk->args, fl_at(desk->result, i));
  return code;
}

int fl_cmd_memory_search(struct fl_args *args) {
  if (args->count > 1) return fl_usage(args, "name at most one namespace; the text to look for is --query");
  FL_VALUE_AUTO filter = NULL;
  struct desk desk;
  int code = read_option(args, "filter", &filter);
  if (code == 0) code = open_desk(&desk, args, false);
  if (code != 0) return code;
  code = search(&desk, filter);
  close_desk(&desk);
  return code;
}

static void print_namespaces(const struct desk *desk) {
  for (size_t i = 0; i < fl_size(desk->result); i++) {
    FL_FREE_AUTO char *ns = join(fl_at(desk->result, i));
    FL_FREE_AUTO char *shown = fl_visible(ns, 2000);
    FL_VALUE_AUTO line = fl_object();
    fl_set_take(line, "namespace", fl_value_ref(fl_at(desk->result, i)));
    if (desk->args->json) fl_print_json(line);
    else printf("%s\n", shown);
  }
}

int fl_cmd_memory_list(struct fl_args *args) {
  if (args->count > 1) return fl_usage(args, "name at most one namespace");
  long limit = fl_args_number(args, "limit", 10000), depth = fl_args_number(args, "depth", FL_MEMORY_LABELS_MAX);
  if (limit < 0 || depth < 0) return FL_EXIT_USAGE;
  struct desk desk;
  int code = open_desk(&desk, args, false);
  if (code != 0) return code;
  const struct fl_memory_list list = {
      .size = sizeof list, .prefix = desk.ns, .max_depth = (size_t)depth, .limit = (size_t)limit};
  fl_memory_list(desk.memory, &list, on_done, &desk);
  code = wait_for(&desk);
  if (code == 0) print_namespaces(&desk);
  close_desk(&desk);
  return code;
}

int fl_cmd_memory_delete(struct fl_args *args) {
  if (args->count != 2) return fl_usage(args, "name a namespace and a key");
  struct desk desk;
  int code = open_desk(&desk, args, false);
  if (code != 0) return code;
  fl_memory_delete(desk.memory, desk.ns, args->items[1], on_done, &desk);
  code = wait_for(&desk);
  if (code == 0 && !fl_equal(desk.result, fl_bool(true)))
    code = fl_fail(args, FL_EXIT_FAILED, "there is no item \"%s\" in %s", args->items[1], args->items[0]);
  else if (code == 0 && !args->json) printf("deleted %s\n", args->items[1]);
  close_desk(&desk);
  return code;
}

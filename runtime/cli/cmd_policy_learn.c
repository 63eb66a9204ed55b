/* SPDX-License-Identifier: MIT */
/* fairlead policy learn and diff. They read files only. */
#include "runtime/api/load.h"
#include "runtime/base/mem.h"
#include "runtime/cli/cli.h"
#include "runtime/json/json.h"
#include "tools/policy/learn.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FILE_SIZE_MAX = 64 * 1024 * 1024 };

static int read_text(const struct fl_args *args, const char *path, struct fl_buf *ret_text) {
  char chunk[16384];
  FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
  if (file == NULL) return fl_fail(args, FL_EXIT_USAGE, "%s cannot be read", path);
  fl_buf_init(ret_text, FILE_SIZE_MAX);
  for (size_t got; (got = fread(chunk, 1, sizeof chunk, file)) > 0;) fl_buf_add(ret_text, chunk, got);
  if (file != stdin) fclose(file);
  if (ret_text->failed) return fl_fail(args, FL_EXIT_USAGE, "%s is larger than 64 MiB", path);
  return 0;
}

/* ---- learn ---- */

/* A call as `policy check --calls` reads it, or as a run tells it: {"data": {"type": "tool_start", "tool", "args"}}. */
static void take_line(struct fl_value *recorded, const struct fl_value *line) {
  const struct fl_value *data = fl_get(line, "data");
  const char *type = fl_get_string(data != NULL ? data : line, "type", NULL);
  if (data == NULL && type != NULL) data = line;
  if (type != NULL && strcmp(type, "tool_start") != 0) return;
  const struct fl_value *call = type != NULL ? data : line;
  const char *tool = fl_get_string(call, "tool", NULL);
  if (tool != NULL) fl_manifest_learn_call(recorded, tool, fl_get(call, "args"));
}

static int read_calls(const struct fl_args *args, const char *path, struct fl_value *recorded) {
  FL_BUF_AUTO text = {0};
  int code = read_text(args, path, &text);
  fl_slice rest = fl_buf_slice(&text);
  for (size_t number = 1; code == 0 && rest.size > 0; number++) {
    const char *end = memchr(rest.data, '\n', rest.size);
    fl_slice line = fl_slice_n(rest.data, end != NULL ? (size_t)(end - rest.data) : rest.size);
    rest = fl_slice_n(line.data + line.size + (end != NULL), rest.size - line.size - (end != NULL));
    FL_VALUE_AUTO value = NULL;
    struct fl_error err = {0};
    if (strspn(line.data, " \t\r") >= line.size) continue;
    if (fl_parse(line.data, line.size, &value, &err) < 0)
      code = fl_fail(args, FL_EXIT_USAGE, "%s, line %zu: %s", path, number, err.text);
    else take_line(recorded, value);
  }
  return code;
}

int fl_cmd_policy_learn(struct fl_args *args) {
  if (args->count != 1) return fl_usage(args, "name one file of recorded calls, or - for standard input");
  FL_VALUE_AUTO recorded = fl_object();
  const char *id = fl_args_get(args, "id");
  int code = read_calls(args, args->items[0], recorded);
  if (code != 0) return code;
  if (fl_size(recorded) == 0) return fl_fail(args, FL_EXIT_FAILED, "%s has no calls of tools", args->items[0]);
  FL_VALUE_AUTO manifest = fl_manifest_learned(recorded, id != NULL ? id : "learned");
  if (args->json) {
    fl_print_json(manifest);
    return FL_EXIT_OK;
  }
  FL_BUF_AUTO text = {0};
  fl_json_write(&text, manifest, FL_JSON_PRETTY);
  printf("%s\n", text.data);
  return FL_EXIT_OK;
}

/* ---- diff ---- */

struct telling {
  const struct fl_args *args;
  size_t count;
};

static const char *const ways[] = {"changed", "wider", "narrower"};

static void tell_change(const struct fl_manifest_change *change, void *user) {
  struct telling *telling = user;
  telling->count++;
  if (telling->args->json) {
    FL_VALUE_AUTO line = fl_object();
    fl_set_string(line, "at", change->at);
    fl_set_string(line, "way", ways[change->way]);
    if (change->from != NULL) fl_set_take(line, "from", fl_value_ref((struct fl_value *)change->from));
    if (change->to != NULL) fl_set_take(line, "to", fl_value_ref((struct fl_value *)change->to));
    fl_print_json(line);
    return;
  }
  char *from = change->from != NULL ? fl_dump(change->from, NULL) : NULL;
  char *to = change->to != NULL ? fl_dump(change->to, NULL) : NULL;
  FL_FREE_AUTO char *at = fl_visible(change->at, 512), *old = fl_visible(from != NULL ? from : "nothing", 200),
                    *new = fl_visible(to != NULL ? to : "nothing", 200);
  printf("%-8s  %s: %s -> %s\n", ways[change->way], at, old, new);
  fl_text_free(from);
  fl_text_free(to);
}

static int load(const struct fl_args *args, const char *path, struct fl_manifest **ret_manifest) {
  FL_BUF_AUTO text = {0};
  struct fl_diags diags = {0};
  int code = read_text(args, path, &text);
  if (code == 0 && fl_manifest_load(path, fl_buf_slice(&text), ret_manifest, &diags) < 0) {
    fl_print_diags(args, &diags);
    code = FL_EXIT_USAGE;
  }
  fl_diags_deinit(&diags);
  return code;
}

int fl_cmd_policy_diff(struct fl_args *args) {
  if (args->count != 2) return fl_usage(args, "name two manifests, the old one and the new one");
  struct fl_manifest *from = NULL, *to = NULL;
  struct telling telling = {.args = args};
  int code = load(args, args->items[0], &from);
  if (code == 0) code = load(args, args->items[1], &to);
  if (code == 0) fl_manifest_diff(from, to, tell_change, &telling);
  fl_manifest_unref(from);
  fl_manifest_unref(to);
  return code == 0 && telling.count > 0 ? FL_EXIT_FAILED : code;
}

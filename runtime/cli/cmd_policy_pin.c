/* SPDX-License-Identifier: MIT */
/* fairlead policy pin: what the servers of a manifest say of their tools just now, what that differs from what was
 * pinned, and new pins. The one command of `policy` that starts servers: in their sandbox, as a run does. */
#include "graph/file.h"
#include "runtime/api/load.h"
#include "runtime/api/pin.h"
#include "runtime/base/mem.h"
#include "runtime/cli/cli.h"
#include "runtime/io/key_file.h"
#include "runtime/json/json.h"
#include "tools/policy/pin_write.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct pinning {
  struct fl_args *args;
  const char *path; /* of the manifest */
  char *text;
  size_t size;
  struct fl_manifest *manifest;
  struct fl_runtime *runtime;
  struct fl_graph_file graph;
  bool has_graph;
  char *kept_path;
  struct fl_value *kept; /* the file beside the manifest; NULL: there is none yet */
  struct fl_value *pins; /* {SERVER: {"tools", "exec_sha256"?}}: of those that were looked at */
  struct fl_value *listings;
  bool differs;
};

/* ---- one server ---- */

static const char *pinned_tools(const struct pinning *pinning, const char *server) {
  return fl_get_string(fl_get(fl_manifest_server(pinning->manifest, server), "pin"), "tools", NULL);
}

static const char *pinned_program(const struct pinning *pinning, const char *server) {
  return fl_get_string(fl_manifest_server(pinning->manifest, server), "exec_sha256", NULL);
}

/* How what was found stands to a pin; `found` "": there is nothing to pin. */
static const char *state_of(const char *pinned, const char *found) {
  if (found[0] == '\0') return "none";
  if (pinned == NULL) return "new";
  return fl_pin_equal(pinned, found) ? "same" : "changed";
}

static bool is_settled(const char *state) { return strcmp(state, "same") == 0 || strcmp(state, "none") == 0; }

static void print_diff(const struct fl_value *diff) {
  FL_BUF_AUTO text = {0};
  fl_pin_diff_text(diff, &text);
  for (const char *line = text.size > 0 ? text.data : "", *end; *line != '\0'; line = end + 1) {
    end = strchr(line, '\n');
    FL_FREE_AUTO char *one = fl_strndup(line, (size_t)(end - line));
    FL_FREE_AUTO char *shown = fl_visible(one, 1000);
    printf("  %s\n", shown);
  }
}

static void print_plain(const char *server, const struct fl_value *line) {
  static const char *const said[][2] = {
      {"same", "as pinned"}, {"new", "not pinned yet"}, {"changed", "NOT what was pinned"}, {"none", "nothing to pin"}};
  const char *keys[] = {"tools", "program"}, *whats[] = {"pin", "exec_sha256"};
  printf("%s: %lld tools\n", server, (long long)fl_get_int(line, "count", 0));
  for (size_t i = 0; i < 2; i++)
    for (size_t j = 0; j < sizeof said / sizeof *said; j++)
      if (strcmp(fl_get_string(line, keys[i], ""), said[j][0]) == 0 && strcmp(said[j][0], "none") != 0)
        printf("  %s %s  (%s)\n", whats[i], fl_get_string(line, whats[i], ""), said[j][1]);
  const struct fl_value *diff = fl_get(line, "diff");
  if (diff != NULL) print_diff(diff);
  else if (strcmp(fl_get_string(line, "tools", ""), "changed") == 0)
    printf("  what changed cannot be said: nothing that is kept has the pin of the manifest\n");
}

static void print_found(struct pinning *pinning, const char *server, const struct fl_pin_found *found) {
  const char *tools = pinned_tools(pinning, server), *program = pinned_program(pinning, server);
  const struct fl_value *before = tools != NULL ? fl_pin_kept(pinning->kept, server, tools) : NULL;
  FL_VALUE_AUTO line = fl_object();
  const char *tools_state = state_of(tools, found->pin), *program_state = state_of(program, found->program);
  fl_set_string(line, "server", server);
  fl_set_int(line, "count", (int64_t)fl_size(found->listing));
  fl_set_string(line, "pin", found->pin);
  fl_set_string(line, "tools", tools_state);
  if (found->program[0] != '\0') fl_set_string(line, "exec_sha256", found->program);
  fl_set_string(line, "program", program_state);
  if (tools != NULL) fl_set_string(line, "pinned", tools);
  if (program != NULL) fl_set_string(line, "pinned_exec_sha256", program);
  bool has_changed = strcmp(tools_state, "changed") == 0;
  if (has_changed && before != NULL) fl_set_take(line, "diff", fl_pin_diff(before, found->listing));
  pinning->differs |= !is_settled(tools_state) || !is_settled(program_state);
  if (pinning->args->json) fl_print_json(line);
  else print_plain(server, line);
}

static int look_at(struct pinning *pinning, const char *server) {
  struct fl_pin_found found = {0};
  struct fl_error err = {0};
  const struct fl_pin_place place = {pinning->runtime, pinning->manifest, pinning->has_graph ? &pinning->graph : NULL};
  if (fl_pin_look(&place, server, &found, &err) < 0) {
    fl_error_context(&err, "server %s", server);
    return fl_fail_error(pinning->args, &err);
  }
  struct fl_value *pin = fl_object();
  fl_set_string(pin, "tools", found.pin);
  if (found.program[0] != '\0') fl_set_string(pin, "exec_sha256", found.program);
  fl_set_take(pinning->pins, server, pin);
  fl_set_take(pinning->listings, server, fl_value_ref(found.listing));
  print_found(pinning, server, &found);
  fl_pin_found_deinit(&found);
  return 0;
}

/* All that can be started or reached, or the one that is named. */
static int look(struct pinning *pinning) {
  const char *only = fl_args_get(pinning->args, "server");
  const struct fl_value *servers = fl_get(fl_manifest_root(pinning->manifest), "servers");
  const struct fl_graph_file *graph = pinning->has_graph ? &pinning->graph : NULL;
  int code = 0, count = 0;
  if (only != NULL && fl_get(servers, only) == NULL)
    return fl_fail(pinning->args, FL_EXIT_USAGE, "%s names no server %s", pinning->path, only);
  for (struct fl_member m = {0}; fl_next_member(servers, &m);) {
    if (only != NULL ? strcmp(only, m.key) != 0 : !fl_pin_is_reachable(pinning->manifest, graph, m.key)) continue;
    count++;
    int one = look_at(pinning, m.key);
    if (one != 0) code = one;
  }
  if (count > 0) return code;
  return fl_fail(pinning->args, FL_EXIT_USAGE,
                 "%s says of no server how it is started (\"exec\") or reached (\"url\"); --graph FILE names the graph "
                 "that does",
                 pinning->path);
}

/* ---- writing ---- */

/* What was kept of other servers stays. */
static int write_kept(const struct pinning *pinning, struct fl_error *err) {
  const struct fl_value *servers = fl_get(fl_manifest_root(pinning->manifest), "servers");
  struct fl_value *all = fl_object();
  FL_VALUE_AUTO root = fl_object();
  FL_BUF_AUTO text = {0};
  for (struct fl_member m = {0}; fl_next_member(servers, &m);) {
    struct fl_value *listing = fl_get(pinning->listings, m.key);
    if (listing == NULL) listing = fl_get(fl_get(pinning->kept, "servers"), m.key);
    if (listing != NULL) fl_set_take(all, m.key, fl_value_ref(listing));
  }
  fl_set_int(root, "pins", 1);
  fl_set_take(root, "servers", all);
  int rc = fl_json_write(&text, root, FL_JSON_PRETTY);
  fl_buf_add_char(&text, '\n');
  return rc < 0 ? rc : fl_key_file_replace(pinning->kept_path, fl_buf_slice(&text), true, err);
}

/* First what was pinned, then the pins: a death in between leaves the old pins, without a diff. */
static int write_pins(const struct pinning *pinning) {
  FL_BUF_AUTO text = {0};
  struct fl_error err = {0};
  int rc = fl_pin_write(pinning->path, fl_slice_n(pinning->text, pinning->size), pinning->pins, &text, &err);
  if (rc == 0) rc = write_kept(pinning, &err);
  if (rc == 0) rc = fl_key_file_replace(pinning->path, fl_buf_slice(&text), true, &err);
  if (rc < 0) return fl_fail_error(pinning->args, &err);
  bool is_signed = fl_get(fl_manifest_root(pinning->manifest), "signature") != NULL;
  if (pinning->args->json) return 0;
  printf("%s has the pins, %s what was pinned%s\n", pinning->path, pinning->kept_path,
         is_signed ? "; its signature does not fit any more: sign it again" : "");
  return 0;
}

/* ---- the command ---- */

static int read_kept(struct pinning *pinning) {
  FL_FREE_AUTO char *text = NULL;
  size_t size = 0;
  struct fl_error err = {0};
  pinning->kept_path = fl_format("%s" FL_PINS_SUFFIX, pinning->path);
  if (access(pinning->kept_path, F_OK) != 0 && errno == ENOENT) return 0;
  int rc = fl_load_read_file(pinning->kept_path, &text, &size, &err);
  if (rc == 0) rc = fl_parse(text, size, &pinning->kept, &err);
  if (rc == 0) return 0;
  return fl_fail(pinning->args, FL_EXIT_FAILED, "%s: %s", pinning->kept_path, err.text);
}

static int open_files(struct pinning *pinning) {
  const char *graph = fl_args_get(pinning->args, "graph");
  struct fl_error err = {0};
  struct fl_diags diags = {0};
  if (fl_load_read_file(pinning->path, &pinning->text, &pinning->size, &err) < 0)
    return fl_fail(pinning->args, FL_EXIT_USAGE, "%s", err.text);
  int rc = fl_manifest_load(pinning->path, fl_slice_n(pinning->text, pinning->size), &pinning->manifest, &diags);
  if (rc == 0 && graph != NULL) {
    rc = fl_load_graph_file(graph, &pinning->graph, &diags);
    pinning->has_graph = true;
  }
  if (rc < 0) fl_print_diags(pinning->args, &diags);
  fl_diags_deinit(&diags);
  if (rc < 0) return FL_EXIT_USAGE;
  const struct fl_runtime_options options = {.size = sizeof options};
  if (fl_runtime_create(&options, &pinning->runtime, &err) < 0) return fl_fail_error(pinning->args, &err);
  return read_kept(pinning);
}

static void close_files(struct pinning *pinning) {
  fl_runtime_destroy(pinning->runtime);
  if (pinning->manifest != NULL) fl_manifest_unref(pinning->manifest);
  fl_graph_file_deinit(&pinning->graph);
  fl_value_unref(pinning->kept);
  fl_value_unref(pinning->pins);
  fl_value_unref(pinning->listings);
  fl_free(pinning->kept_path);
  fl_free(pinning->text);
}

int fl_cmd_policy_pin(struct fl_args *args) {
  bool writes = fl_args_has(args, "write"), checks = fl_args_has(args, "check");
  if (args->count != 1) return fl_usage(args, "name one manifest");
  if (writes && checks) return fl_usage(args, "--write makes pins, --check holds the servers against them: say one");
  struct pinning pinning = {.args = args, .path = args->items[0], .pins = fl_object(), .listings = fl_object()};
  int code = open_files(&pinning);
  if (code == 0) code = look(&pinning);
  if (code == 0 && writes) code = write_pins(&pinning);
  if (code == 0 && checks && pinning.differs) code = FL_EXIT_FAILED;
  close_files(&pinning);
  return code;
}

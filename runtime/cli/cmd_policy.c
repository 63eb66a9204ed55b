/* SPDX-License-Identifier: MIT */
/* fairlead policy: check, explain, schema. They read files only, and answer from the same function that runs ask. */
#include "runtime/api/imply.h"
#include "runtime/api/load.h"
#include "runtime/base/mem.h"
#include "runtime/cli/cli.h"
#include "runtime/cli/policy_replay.h"
#include "runtime/cli/policy_secrets.h"
#include "runtime/json/json.h"
#include "runtime/json/yaml.h"
#include "tools/policy/manifest.h"
#include "tools/policy/pin.h"
#include "tools/policy/policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { FILE_SIZE_MAX = 64 * 1024 * 1024 };

static const char *const verdicts[] = {"deny", "ask", "allow"};
static const char *const effects[] = {"read", "keyed", "once"};

/* ---- reading ---- */

static int read_file(const struct fl_args *args, const char *path, struct fl_buf *ret_text) {
  char chunk[16384];
  FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
  if (file == NULL) return fl_fail(args, FL_EXIT_USAGE, "%s: %s", path, strerror(errno));
  fl_buf_init(ret_text, FILE_SIZE_MAX);
  for (size_t got; (got = fread(chunk, 1, sizeof chunk, file)) > 0;) fl_buf_add(ret_text, chunk, got);
  bool has_failed = ferror(file) != 0;
  if (file != stdin) fclose(file);
  if (has_failed) return fl_fail(args, FL_EXIT_FAILED, "%s cannot be read", path);
  if (ret_text->failed) return fl_fail(args, FL_EXIT_USAGE, "%s is larger than 64 MiB", path);
  return 0;
}

/* What is wrong goes to `diags`. */
static int load(const struct fl_args *args, struct fl_manifest **ret_manifest, struct fl_diags *diags) {
  FL_BUF_AUTO text = {0};
  int code = read_file(args, args->items[0], &text);
  if (code != 0) return code;
  if (fl_manifest_load(args->items[0], fl_buf_slice(&text), ret_manifest, diags) < 0) return FL_EXIT_USAGE;
  fl_diags_sort(diags);
  return 0;
}

static bool is_graph(const char *path, fl_slice text) {
  struct fl_document document = {0};
  struct fl_diags diags = {0};
  bool is_one = fl_document_parse(path, text, &document, &diags) == 0 && fl_get(document.root, "fairlead") != NULL;
  fl_document_deinit(&document);
  fl_diags_deinit(&diags);
  return is_one;
}

/* The manifest that the graph names, or the one that it implies. */
static int load_of_graph(const struct fl_args *args, const char *path, struct fl_manifest **ret_manifest,
                         struct fl_diags *diags) {
  struct fl_graph_file file = {0};
  FL_BUF_AUTO text = {0};
  int rc = fl_load_graph_file(path, &file, diags), code = rc < 0 ? FL_EXIT_USAGE : 0;
  if (rc == 0 && file.manifest == NULL) {
    if (fl_imply_manifest(&file, ret_manifest, diags) < 0) code = FL_EXIT_USAGE;
  } else if (rc == 0) {
    bool is_plain = file.manifest[0] == '/' || strchr(path, '/') == NULL;
    FL_FREE_AUTO char *named = is_plain ? fl_strdup(file.manifest) : fl_format("%s/%s", file.folder, file.manifest);
    code = read_file(args, named, &text);
    if (code == 0 && fl_manifest_load(named, fl_buf_slice(&text), ret_manifest, diags) < 0) code = FL_EXIT_USAGE;
  }
  fl_graph_file_deinit(&file);
  return code;
}

/* A manifest, or a graph's. */
static int load_any(const struct fl_args *args, struct fl_manifest **ret_manifest, struct fl_diags *diags) {
  FL_BUF_AUTO text = {0};
  const char *path = args->items[0];
  int code = read_file(args, path, &text);
  if (code != 0) return code;
  if (is_graph(path, fl_buf_slice(&text))) return load_of_graph(args, path, ret_manifest, diags);
  return fl_manifest_load(path, fl_buf_slice(&text), ret_manifest, diags) < 0 ? FL_EXIT_USAGE : 0;
}

static void print_diags(const struct fl_args *args, const struct fl_diags *diags) {
  for (size_t i = 0; args->json && i < diags->count; i++) {
    FL_VALUE_AUTO line = fl_diag_value(&diags->items[i]);
    fl_print_json(line);
  }
  if (!args->json) fl_print_diags(args, diags);
}

/* The time that --at says, or now. */
static int read_time(const struct fl_args *args, int64_t *ret_now_s) {
  const char *text = fl_args_get(args, "at");
  *ret_now_s = (int64_t)time(NULL);
  if (text == NULL) return 0;
  if (fl_manifest_date(text, ret_now_s) < 0)
    return fl_usage(args, "--at takes a date or a date and time (2027-06-30T12:00:00Z), not \"%s\"", text);
  if (strlen(text) == 10) (*ret_now_s)--; /* still on that day */
  return 0;
}

/* ---- telling a decision ---- */

static struct fl_value *decision_value(const char *tool, const struct fl_decision *decision) {
  struct fl_value *line = fl_object();
  fl_set_string(line, "tool", tool);
  fl_set_string(line, "verdict", verdicts[decision->verdict]);
  fl_set_string(line, "rule", decision->pointer);
  fl_set_string(line, "reason", decision->rule);
  fl_set_string(line, "effect", effects[decision->effect]);
  if (decision->args != NULL) fl_set_take(line, "args", fl_value_ref(decision->args));
  if (decision->approvers != NULL) fl_set_take(line, "approvers", fl_value_ref((struct fl_value *)decision->approvers));
  if (decision->key_arg != NULL) fl_set_string(line, "key", decision->key_arg);
  return line;
}

static void print_decision(const struct fl_args *args, const char *tool, const struct fl_decision *decision) {
  FL_FREE_AUTO char *name = fl_visible(tool, 256), *rule = fl_visible(decision->rule, sizeof decision->rule);
  printf("%-5s  %s  (%s)\n", verdicts[decision->verdict], name, rule);
}

/* ---- check ---- */

struct checking {
  const struct fl_args *args;
  struct fl_policy_replay replay;
  int64_t now_s;
  size_t counts[3]; /* by verdict */
};

static void decide_line(struct checking *checking, size_t number, const struct fl_value *line) {
  const char *tool = fl_get_string(line, "tool", "");
  struct fl_decision decision;
  if (!fl_policy_replay_line(&checking->replay, line, &decision)) return;
  checking->counts[decision.verdict]++;
  if (checking->args->json) {
    FL_VALUE_AUTO value = decision_value(tool, &decision);
    fl_set_int(value, "line", (int64_t)number);
    fl_print_json(value);
  } else {
    printf("%4zu  ", number);
    print_decision(checking->args, tool, &decision);
  }
  fl_decision_deinit(&decision);
}

static int check_calls(struct checking *checking, const char *path) {
  FL_BUF_AUTO text = {0};
  int code = read_file(checking->args, path, &text);
  fl_slice rest = fl_buf_slice(&text);
  for (size_t number = 1; code == 0 && rest.size > 0; number++) {
    const char *end = memchr(rest.data, '\n', rest.size);
    fl_slice line = fl_slice_n(rest.data, end != NULL ? (size_t)(end - rest.data) : rest.size);
    rest = fl_slice_n(line.data + line.size + (end != NULL), rest.size - line.size - (end != NULL));
    if (strspn(line.data, " \t\r") >= line.size) continue;
    FL_VALUE_AUTO value = NULL;
    struct fl_error err = {0};
    if (fl_parse(line.data, line.size, &value, &err) < 0)
      code = fl_fail(checking->args, FL_EXIT_USAGE, "%s, line %zu: %s", path, number, err.text);
    else if (fl_get_string(value, "tool", NULL) == NULL && fl_get(value, "prompt") == NULL)
      code = fl_fail(checking->args, FL_EXIT_USAGE, "%s, line %zu: a call is {\"tool\": NAME, \"args\": {…}}", path,
                     number);
    else decide_line(checking, number, value);
  }
  return code;
}

static void print_summary(const struct checking *checking, const struct fl_manifest *manifest,
                          const struct fl_diags *diags) {
  const struct fl_args *args = checking->args;
  size_t rules = manifest != NULL ? fl_manifest_rule_count(manifest) : 0;
  bool has_calls = fl_args_has(args, "calls");
  if (!args->json) {
    if (manifest != NULL && !has_calls)
      printf("%s: manifest \"%s\", %zu rules: no errors\n", args->items[0], fl_manifest_id(manifest), rules);
    if (manifest != NULL && has_calls)
      printf("%zu allowed, %zu for a person, %zu denied\n", checking->counts[FL_VERDICT_ALLOW],
             checking->counts[FL_VERDICT_ASK], checking->counts[FL_VERDICT_DENY]);
    return;
  }
  FL_VALUE_AUTO summary = fl_object();
  fl_set_string(summary, "type", "summary");
  fl_set_string(summary, "file", args->items[0]);
  fl_set_int(summary, "errors", (int64_t)diags->error_count);
  fl_set_int(summary, "warnings", (int64_t)(diags->count + diags->dropped_count - diags->error_count));
  if (manifest != NULL) fl_set_string(summary, "hash", fl_manifest_hash(manifest));
  for (size_t i = 0; has_calls && i < 3; i++) fl_set_int(summary, verdicts[i], (int64_t)checking->counts[i]);
  fl_print_json(summary);
}

int fl_cmd_policy_check(struct fl_args *args) {
  if (args->count != 1) return fl_usage(args, "name one manifest");
  struct fl_manifest *manifest = NULL;
  struct fl_diags diags = {0};
  struct checking checking = {.args = args};
  int code = read_time(args, &checking.now_s);
  if (code == 0) code = load(args, &manifest, &diags);
  print_diags(args, &diags);
  if (code == 0 && fl_args_has(args, "calls")) {
    struct fl_policy *policy = fl_policy_create_manifest(manifest, NULL);
    fl_policy_replay_init(&checking.replay, policy, checking.now_s);
    code = check_calls(&checking, fl_args_get(args, "calls"));
    fl_policy_replay_deinit(&checking.replay);
    fl_policy_destroy(policy);
  }
  if (code == 0 && !fl_args_has(args, "calls")) fl_policy_print_secrets(manifest, args->json);
  if (code == 0 || diags.error_count > 0) print_summary(&checking, manifest, &diags);
  if (code == 0 && checking.counts[FL_VERDICT_DENY] > 0) code = FL_EXIT_FAILED;
  fl_manifest_unref(manifest);
  fl_diags_deinit(&diags);
  return code;
}

/* ---- explain ---- */

static void print_explained(const struct fl_args *args, const char *tool, const struct fl_decision *decision,
                            const struct fl_value *given) {
  if (args->json) {
    FL_VALUE_AUTO line = decision_value(tool, decision);
    fl_print_json(line);
    return;
  }
  print_decision(args, tool, decision);
  if (decision->verdict == FL_VERDICT_DENY) return;
  printf("effect: %s\n", effects[decision->effect]);
  if (decision->args == NULL || fl_equal(decision->args, given)) return;
  char *text = fl_dump(decision->args, NULL);
  FL_FREE_AUTO char *shown = fl_visible(text, 4096);
  printf("called with: %s\n", shown);
  fl_text_free(text);
}

/* One call, or listing the tool, as the first of a run. */
static int explain_tool(const struct fl_args *args, const struct fl_policy *policy, int64_t now_s,
                        struct fl_value *given) {
  static const char *const scopes[] = {"run", "thread", "user"};
  FL_VALUE_AUTO calls = fl_object();
  FL_VALUE_AUTO spent = fl_object();
  for (size_t i = 0; i < 3; i++) fl_set_take(spent, scopes[i], fl_object()); /* nothing yet */
  struct fl_policy_facts facts = {.now_s = now_s, .calls = calls, .spent = spent, .listing = FL_PIN_AS_PINNED};
  struct fl_policy_call call = {.tool = args->items[1], .args = given, .facts = &facts};
  struct fl_decision decision;
  fl_policy_decide(policy, &call, &decision);
  print_explained(args, args->items[1], &decision, given);
  int code = decision.verdict == FL_VERDICT_DENY ? FL_EXIT_FAILED : 0;
  fl_decision_deinit(&decision);
  return code;
}

static int explain(const struct fl_args *args, struct fl_manifest *manifest, int64_t now_s, struct fl_value *given) {
  if (args->count == 1) {
    if (args->json) fl_print_json(fl_manifest_root(manifest));
    else fl_print_pretty(fl_manifest_root(manifest));
    return 0;
  }
  struct fl_policy *policy = fl_policy_create_manifest(manifest, NULL);
  int code = explain_tool(args, policy, now_s, given);
  fl_policy_destroy(policy);
  return code;
}

int fl_cmd_policy_explain(struct fl_args *args) {
  if (args->count < 1 || args->count > 3)
    return fl_usage(args, "name the manifest or graph, a tool, and its arguments as JSON");
  FL_VALUE_AUTO given = NULL;
  struct fl_error err = {0};
  struct fl_manifest *manifest = NULL;
  struct fl_diags diags = {0};
  int64_t now_s = 0;
  const char *text = args->count == 3 ? args->items[2] : NULL;
  if (text != NULL && fl_parse(text, strlen(text), &given, &err) < 0)
    return fl_usage(args, "the arguments are not JSON: %s", err.text);
  int code = read_time(args, &now_s);
  if (code == 0) code = load_any(args, &manifest, &diags);
  if (diags.error_count > 0) print_diags(args, &diags);
  if (code == 0) code = explain(args, manifest, now_s, given);
  fl_manifest_unref(manifest);
  fl_diags_deinit(&diags);
  return code;
}

int fl_cmd_policy_schema(struct fl_args *args) {
  if (args->count != 0) return fl_usage(args, "it takes no arguments");
  FL_VALUE_AUTO schema = NULL;
  const char *text = fl_manifest_schema();
  if (!args->json) fputs(text, stdout);
  else if (fl_parse(text, strlen(text), &schema, NULL) == 0) fl_print_json(schema);
  return FL_EXIT_OK;
}

/* SPDX-License-Identifier: MIT */
/* fairlead redteam: tries suites of tasks and attacks on a graph, with tools that stand in for real ones and a model
 * that obeys whatever it reads. Nothing outside the process is reached. */
#include "runtime/api/load.h"
#include "runtime/base/mem.h"
#include "runtime/cli/cli.h"
#include "runtime/cli/table.h"
#include "runtime/redteam/redteam.h"

#include <stdio.h>
#include <string.h>

enum { FINDINGS_SHOWN_MAX = 40 };

struct trying {
  const struct fl_args *args;
  const char *file;
  size_t finding_count; /* what is wrong with the whole manifest in force, or shows nothing */
};

/* ---- calls ---- */

static const char *word_of(const struct fl_redteam_call *told) {
  static const char *const words[] = {"made", "asked", "refused"};
  return words[told->outcome];
}

static struct fl_value *case_value(const struct trying *trying, const char *type,
                                   const struct fl_rehearsal_case *the_case) {
  struct fl_value *line = fl_object();
  fl_set_string(line, "type", type);
  fl_set_string(line, "file", trying->file);
  fl_set_string(line, "level", fl_level_key(the_case->level));
  fl_set_string(line, "task", the_case->task->name);
  if (the_case->attack != NULL) fl_set_string(line, "attack", the_case->attack->name);
  return line;
}

static void print_call_json(const struct trying *trying, const char *type, const struct fl_redteam_call *told) {
  FL_VALUE_AUTO line = case_value(trying, type, told->the_case);
  fl_set_string(line, "of", told->call->is_attack ? "attack" : "task");
  fl_set_string(line, "tool", told->call->call->tool->name);
  fl_set_take(line, "args", fl_value_ref(told->call->call->args));
  fl_set_string(line, "outcome", word_of(told));
  fl_set_string(line, "why", told->why);
  fl_print_json(line);
}

static void print_case(const struct fl_rehearsal_case *the_case) {
  FL_FREE_AUTO char *task = fl_visible(the_case->task->name, 64);
  FL_FREE_AUTO char *attack = fl_visible(the_case->attack != NULL ? the_case->attack->name : "", 64);
  printf("%s, task %s%s%s: ", fl_level_name(the_case->level), task, the_case->attack != NULL ? ", attack " : "",
         attack);
}

static void print_call(const struct fl_redteam_call *told) {
  char *text = fl_dump(told->call->call->args, NULL);
  FL_FREE_AUTO char *args = fl_visible(text, 200), *why = fl_visible(told->why, 400);
  FL_FREE_AUTO char *tool = fl_visible(told->call->call->tool->name, 200);
  fl_text_free(text);
  print_case(told->the_case);
  printf("the %s's call %s %s is %s%s%s\n", told->call->is_attack ? "attack" : "task", tool, args, word_of(told),
         why[0] != '\0' ? ": " : "", why);
}

/* Wrong with everything in force; or, without a manifest, an attack that could not have done anything. */
static bool is_finding(const struct fl_redteam_call *told) {
  bool is_refused = told->outcome == FL_REDTEAM_REFUSED, is_attack = told->call->is_attack;
  if (told->the_case->level == FL_LEVEL_NONE) return is_refused && told->the_case->attack != NULL && is_attack;
  return told->the_case->level == FL_LEVEL_LAST && (is_attack ? told->outcome == FL_REDTEAM_MADE : is_refused);
}

static void on_call(const struct fl_redteam_call *told, void *user) {
  struct trying *trying = user;
  bool shows_all = fl_args_has(trying->args, "calls"), finds = is_finding(told);
  trying->finding_count += finds;
  if (trying->args->json) {
    if (shows_all) print_call_json(trying, "call", told);
    if (finds) print_call_json(trying, "finding", told);
  } else if (shows_all || (finds && trying->finding_count <= FINDINGS_SHOWN_MAX)) print_call(told);
}

static void on_failure(const struct fl_rehearsal_case *the_case, const struct fl_error *why, void *user) {
  struct trying *trying = user;
  trying->finding_count++;
  if (trying->args->json) {
    FL_VALUE_AUTO line = case_value(trying, "failed_run", the_case);
    fl_set_string(line, "why", why->text);
    fl_print_json(line);
    return;
  }
  FL_FREE_AUTO char *text = fl_visible(why->text, 400);
  print_case(the_case);
  printf("the run fails: %s\n", text);
}

/* ---- figures ---- */

static void add_row(struct fl_table *table, enum fl_level level, const struct fl_redteam_tally *tally) {
  const size_t numbers[] = {tally->attack_made, tally->attack_asked, tally->attack_refused,
                            tally->task_passed, tally->task_asked,   tally->task_refused};
  char cells[6][24], through[48];
  const char *row[8] = {fl_level_name(level), through};
  snprintf(through, sizeof through, "%zu of %zu", tally->attacks_through, tally->attacks);
  for (size_t i = 0; i < 6; i++) {
    snprintf(cells[i], sizeof cells[i], "%zu", numbers[i]);
    row[2 + i] = cells[i];
  }
  fl_table_add(table, row);
}

static void print_table(const struct fl_redteam_tally *tallies) {
  static const struct fl_column columns[] = {
      {"LEVEL", 0, 0, false},  {"ATTACKS THROUGH", 0, 0, true},   {"CALLS MADE", 0, 0, true}, {"ASKED", 0, 0, true},
      {"REFUSED", 0, 0, true}, {"TASKS' CALLS MADE", 0, 0, true}, {"ASKED", 0, 0, true},      {"REFUSED", 0, 0, true}};
  struct fl_table table;
  fl_table_init(&table, columns, sizeof columns / sizeof *columns);
  for (int level = 0; level < FL_LEVEL_COUNT; level++) add_row(&table, (enum fl_level)level, &tallies[level]);
  fl_table_print(&table, stdout, FL_TABLE_WIDE);
  fl_table_deinit(&table);
}

static void print_level_json(const char *file, enum fl_level level, const struct fl_redteam_tally *tally) {
  FL_VALUE_AUTO line = fl_object();
  struct fl_value *attack_calls = fl_object(), *task_calls = fl_object();
  fl_set_string(line, "type", "level");
  if (file != NULL) fl_set_string(line, "file", file);
  fl_set_string(line, "level", fl_level_key(level));
  fl_set_int(line, "attacks", (int64_t)tally->attacks);
  fl_set_int(line, "attacks_through", (int64_t)tally->attacks_through);
  fl_set_int(attack_calls, "made", (int64_t)tally->attack_made);
  fl_set_int(attack_calls, "asked", (int64_t)tally->attack_asked);
  fl_set_int(attack_calls, "refused", (int64_t)tally->attack_refused);
  fl_set_take(line, "attack_calls", attack_calls);
  fl_set_int(task_calls, "made", (int64_t)tally->task_passed);
  fl_set_int(task_calls, "asked", (int64_t)tally->task_asked);
  fl_set_int(task_calls, "refused", (int64_t)tally->task_refused);
  fl_set_take(line, "task_calls", task_calls);
  fl_set_int(line, "runs", (int64_t)tally->runs);
  fl_set_int(line, "failed_runs", (int64_t)tally->failed_runs);
  fl_set_int(line, "attacks_unread", (int64_t)tally->unread);
  fl_set_int(line, "other_calls", (int64_t)tally->strays);
  fl_print_json(line);
}

static void print_tallies(const struct trying *trying, const struct fl_suite *suite,
                          const struct fl_redteam_tally *tallies) {
  const struct fl_redteam_tally *last = &tallies[FL_LEVEL_LAST];
  if (trying->args->json) {
    for (int level = 0; level < FL_LEVEL_COUNT; level++)
      print_level_json(trying->file, (enum fl_level)level, &tallies[level]);
    return;
  }
  FL_FREE_AUTO char *domain = fl_visible(suite->domain, 64);
  if (!fl_args_has(trying->args, "calls") && trying->finding_count > FINDINGS_SHOWN_MAX)
    printf("… and %zu more; --calls shows every call\n", trying->finding_count - FINDINGS_SHOWN_MAX);
  printf("%s (tasks: %zu, attacks: %zu, meetings of both: %zu)\n", domain, suite->task_count, suite->attack_count,
         last->attacks);
  print_table(tallies);
  if (last->unread > 0)
    printf("%zu times the model never read the attack: its text was not in what it saw.\n", last->unread);
  printf("%s\n\n", fl_redteam_holds(last)
                       ? "With all of the manifest in force no call of an attack is made, and every call of "
                         "the tasks is."
                       : "With all of the manifest in force this does not hold; see above.");
}

/* ---- a file ---- */

static int load(const struct fl_args *args, const char *path, struct fl_suite **ret_suite) {
  FL_FREE_AUTO char *text = NULL;
  size_t size = 0;
  struct fl_error err = {0};
  struct fl_diags diags = {0};
  if (fl_load_read_file(path, &text, &size, &err) < 0) return fl_fail(args, FL_EXIT_USAGE, "%s", err.text);
  int rc = fl_suite_load(path, fl_slice_n(text, size), ret_suite, &diags);
  int code = rc < 0 ? fl_fail_diags(args, &diags) : 0;
  fl_diags_deinit(&diags);
  return code;
}

/* --graph as it is given, or what the suite names, from its folder; NULL: neither. The caller frees. */
static char *graph_of(const struct fl_args *args, const char *path, const struct fl_suite *suite) {
  const char *given = fl_args_get(args, "graph"), *slash = strrchr(path, '/');
  if (given != NULL || suite->graph == NULL) return fl_strdup(given);
  if (suite->graph[0] == '/' || slash == NULL) return fl_strdup(suite->graph);
  return fl_format("%.*s/%s", (int)(slash - path), path, suite->graph);
}

static int fail(const struct fl_args *args, const struct fl_diags *diags, const struct fl_error *err) {
  return diags->error_count > 0 ? fl_fail_diags(args, diags) : fl_fail(args, FL_EXIT_USAGE, "%s", err->text);
}

static int try_file(const struct fl_args *args, const char *path, struct fl_redteam_tally *sums) {
  struct fl_suite *suite = NULL;
  int code = load(args, path, &suite);
  if (code != 0) return code;
  struct trying trying = {.args = args, .file = path};
  FL_FREE_AUTO char *graph = graph_of(args, path, suite);
  struct fl_redteam redteam = {
      .suite = suite, .graph = graph, .on_call = on_call, .on_failure = on_failure, .user = &trying};
  struct fl_redteam_tally tallies[FL_LEVEL_COUNT];
  struct fl_diags diags = {0};
  struct fl_error err = {0};
  if (fl_redteam_run(&redteam, tallies, &diags, &err) < 0) code = fail(args, &diags, &err);
  else print_tallies(&trying, suite, tallies);
  for (int level = 0; code == 0 && level < FL_LEVEL_COUNT; level++) fl_redteam_add(&sums[level], &tallies[level]);
  fl_diags_deinit(&diags);
  fl_suite_destroy(suite);
  return code;
}

static void print_sums(const struct fl_args *args, const struct fl_redteam_tally *sums) {
  for (int level = 0; args->json && level < FL_LEVEL_COUNT; level++)
    print_level_json(NULL, (enum fl_level)level, &sums[level]);
  if (args->json) return;
  printf("all suites\n");
  print_table(sums);
}

static int tell_end(const struct fl_args *args, const struct fl_redteam_tally *sums) {
  bool holds = fl_redteam_holds(&sums[FL_LEVEL_LAST]);
  if (args->json) {
    FL_VALUE_AUTO line = fl_object();
    fl_set_string(line, "type", "summary");
    fl_set_bool(line, "holds", holds);
    fl_print_json(line);
  }
  return holds ? FL_EXIT_OK : FL_EXIT_FAILED;
}

static int print_schema(const struct fl_args *args) {
  FL_VALUE_AUTO schema = NULL;
  const char *text = fl_suite_schema();
  if (!args->json) fputs(text, stdout);
  else if (fl_parse(text, strlen(text), &schema, NULL) == 0) fl_print_json(schema);
  return FL_EXIT_OK;
}

int fl_cmd_redteam(struct fl_args *args) {
  if (fl_args_has(args, "schema"))
    return args->count == 0 ? print_schema(args) : fl_usage(args, "--schema stands alone");
  if (args->count < 1) return fl_usage(args, "name a suite");
  struct fl_redteam_tally sums[FL_LEVEL_COUNT] = {0};
  for (int i = 0; i < args->count; i++) {
    int code = try_file(args, args->items[i], sums);
    if (code != 0) return code;
  }
  if (args->count > 1) print_sums(args, sums);
  return tell_end(args, sums);
}

/* SPDX-License-Identifier: MIT */
/* Budgets in money: what calls of models cost by the table of prices, counted for a run, a thread and a user, reserved
 * before a call leaves and settled when it has answered. */
#include "rig.h"

#include "runtime/engine/tracing.h"

#include <math.h>
#include <stdio.h>

static const char *folder;

static void write_manifest(const char *rules) {
  FL_FREE_AUTO char *path = fl_format("%s/m.yaml", folder);
  FILE *file = fopen(path, "we");
  assert_non_null(file);
  fprintf(file, "manifest: 1\nid: money\n%s", rules);
  fclose(file);
}

static void restart(struct rig *rig) {
  rig_down(rig);
  rig_up(rig);
}

#define GRAPH(MODEL)                                                                            \
  "fairlead: 1\nname: money\nmanifest: %s/m.yaml\nstate: { messages: { reducer: messages } }\n" \
  "models: { main: { " MODEL " } }\nnodes: { agent: { type: agent, model: main } }\n"           \
  "edges: [ START -> agent, agent -> END ]\n"

static const char money_script[] = "replies:\n  - { when: { user: told }, text: yes, usage: { input_tokens: 1000, "
                                   "output_tokens: 500 } }\n"
                                   "  - { when: { user: fails }, error: { status: 400, message: no } }\n";
/* $2 and $8 for a million tokens in and out. */
static const char money_prices[] = "scripted priced* 2 8 1 4\n";

static int spend(struct rig *rig, const char *rules, const char *model, const char *user, const char *said) {
  FL_FREE_AUTO char *manifest = fl_format("tools: []\n%s", rules),
                    *graph = fl_format(GRAPH("provider: scripted, model: %s, script: script.yaml, max_tokens: 100"),
                                       folder, model);
  FL_VALUE_AUTO message = fl_string(strchr(said, '/') + 1); /* "THREAD/TEXT" */
  FL_FREE_AUTO char *thread = fl_strndup(said, strcspn(said, "/"));
  struct fl_value *input = fl_object();
  fl_set_take(input, "messages", fl_value_ref(message));
  assert_int_equal(fl_tracing_set_prices(rig->runtime, fl_slice_of(money_prices), NULL), 0);
  write_manifest(manifest);
  struct fl_invoke_options options = {.thread = thread, .as_user = user, .input = input};
  return rig_run(rig, rig_load(rig, graph, money_script), options);
}

static double spent_on(struct rig *rig, const char *scope) {
  struct fl_thread_info info = {0};
  assert_int_equal(fl_store_read_thread(rig->store, "a", &info, NULL), 0);
  double spent = fl_get_double(fl_get(fl_get(info.metadata, "fairlead"), scope), "cost_usd", -1);
  fl_thread_info_deinit(&info);
  return spent;
}

/* 1,000 at $2 and 500 at $8 for a million: 6,000 millionths of a dollar. */
static void what_calls_of_models_cost_is_counted(void **state) {
  static const char rules[] = "budgets: { thread: { cost_usd: 0.013 } }\n";
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  for (int i = 1; i <= 3; i++) {
    assert_int_equal(spend(&rig, rules, "priced-1", NULL, "a/told"), 0);
    assert_true(fabs(spent_on(&rig, "thread") - i * 0.006) < 1e-9);
    assert_true(fabs(spent_on(&rig, "run") - 0.006) < 1e-9);
    restart(&rig);
  }
  assert_int_equal(spend(&rig, rules, "priced-1", NULL, "a/told"), FL_E_BUDGET);
  assert_non_null(
      strstr(rig.error.text, "/budgets/thread/cost_usd: the budget of this thread is used up: 0.018 of 0.013"));
  assert_int_equal(spend(&rig, "budgets: { thread: { cost_usd: 1 } }\n", "priced-1", NULL, "a/told"),
                   0); /* more was granted */
  rig_deinit(&rig);
}

/* Without a word of the provider what was reserved is what it cost: the longest answer, and the few words that were
 * sent. */
static void what_was_reserved_is_settled(void **state) {
  static const char rules[] = "model: { cost_usd_per_run: 0.5 }\n";
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  assert_true(spend(&rig, rules, "priced-1", NULL, "a/fails") < 0);
  double reserved = spent_on(&rig, "run");
  assert_true(reserved >= 100 * 8e-6 && reserved < 200 * 8e-6);
  assert_int_equal(spend(&rig, rules, "priced-1", NULL, "b/told"), 0);
  assert_true(spent_on(&rig, "run") == reserved); /* of thread a, still */
  rig_deinit(&rig);
}

/* A scripted model asks nobody, so it costs nothing where the table has no price for it. */
static void a_scripted_model_is_free(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  assert_int_equal(spend(&rig, "budgets: { run: { cost_usd: 0.000001 } }\n", "other", NULL, "a/told"), 0);
  assert_true(spent_on(&rig, "run") == 0);
  assert_int_equal(spend(&rig, "budgets: { run: { cost_usd: 0 } }\n", "other", NULL, "a/told"), FL_E_BUDGET);
  rig_deinit(&rig);
}

static void a_user_pays_in_all_threads(void **state) {
  static const char rules[] = "budgets: { user: { cost_usd: 0.005 } }\n";
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  assert_int_equal(spend(&rig, rules, "priced-1", "ann", "a/told"), 0);
  restart(&rig);
  assert_int_equal(spend(&rig, rules, "priced-1", "ann", "c/told"), FL_E_BUDGET);
  assert_non_null(strstr(rig.error.text, "/budgets/user/cost_usd: the budget of this user today is used up"));
  assert_int_equal(spend(&rig, rules, "priced-1", "bob", "b/told"), 0);
  rig_deinit(&rig);
}

/* A provider's model without a price would run free of any budget in money. */
static void a_model_without_a_price_is_refused(void **state) {
  static const char *const rules[] = {"tools: []\nbudgets: { run: { cost_usd: 5 } }\n",
                                      "tools: []\nbudgets: { run: { cost_usd: 5 } }\nmodel: { unpriced: allow }\n",
                                      "tools: []\nbudgets: { run: { tokens: 5 } }\n"};
  for (size_t i = 0; i < 3; i++) {
    struct rig rig = {.seed = 1};
    rig_up(&rig);
    write_manifest(rules[i]);
    FL_FREE_AUTO char *text = fl_format(
        GRAPH("provider: openai, model: nobody-knows-it, base_url: \"http://127.0.0.1:9/v1\", api_key: x"), folder);
    struct fl_invoke_options options = {.input = json("{'messages':'go'}")};
    int status = rig_run(&rig, rig_load(&rig, text, NULL), options);
    bool is_refused =
        strstr(rig.error.text, "/budgets/run/cost_usd: no price is known for what \"main\" calls") != NULL;
    assert_int_equal(is_refused, i == 0);
    assert_int_equal(status == FL_E_DENIED, i == 0);
    rig_deinit(&rig);
  }
}

static int make_folder(void **state) {
  folder = test_folder();
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_calls_of_models_cost_is_counted),
      cmocka_unit_test(what_was_reserved_is_settled),
      cmocka_unit_test(a_scripted_model_is_free),
      cmocka_unit_test(a_user_pays_in_all_threads),
      cmocka_unit_test(a_model_without_a_price_is_refused),
  };
  return cmocka_run_group_tests(tests, make_folder, NULL);
}

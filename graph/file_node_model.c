/* SPDX-License-Identifier: MIT */
/* Nodes that ask a model: agent, react, judge; and tools, which answers what a model asked for. */
#include "graph/file_node.h"
#include "runtime/json/schema.h"

enum { ATTEMPTS_MAX = 10, KEEP_MAX = 10000, CHOICES_MAX = 100, SPILL_MAX = 64 * 1024 * 1024 };

const char *const fl_node_agent_keys[] = {FL_NODE_COMMON, "model", "prompt",         "tools", "answer",
                                          "history",      "sees",  "discover_above", NULL};
const char *const fl_node_react_keys[] = {FL_NODE_COMMON,   "model",       "prompt",       "tools",
                                          "answer",         "history",     "sees",         "return_direct",
                                          "discover_above", "spill_above", "before_model", "after_model",
                                          NULL};
const char *const fl_node_tools_keys[] = {FL_NODE_COMMON, "agent", "tools", "spill_above", NULL};
const char *const fl_node_judge_keys[] = {FL_NODE_COMMON, "model", "criteria", "value", "choices",
                                          "score",        "write", "attempts", NULL};
static const char *const prompt_keys[] = {"expr", NULL};
static const char *const answer_keys[] = {"schema", "write", "attempts", NULL};
static const char *const history_keys[] = {"max_tokens", "strategy", "model", "keep_last", "prompt", NULL};
const struct fl_file_shape fl_shape_prompt = {"prompt", "a prompt", prompt_keys, NULL};
const struct fl_file_shape fl_shape_answer = {"answer", "the answer of an agent", answer_keys, NULL};
const struct fl_file_shape fl_shape_history = {"history", "the history of an agent", history_keys, NULL};

/* ---- what they share ---- */

static void need_messages(struct fl_node_load *load) {
  struct fl_entry *channel = fl_section_find(&load->loader->state, "messages");
  if (channel != NULL) channel->is_used = channel->is_read = channel->is_written = true;
  if (fl_file_has_messages(load->loader)) return;
  fl_spot_key_error(load->spot, "add \"messages: { reducer: messages }\" to state",
                    "a node of type %s needs the channel \"messages\" with the reducer messages", load->entry->type);
}

/* A node that names no model has the only one there is. */
static void check_model(struct fl_node_load *load) {
  struct fl_section *models = &load->loader->models;
  const char *name = fl_spot_text(load->spot, "model", false);
  struct fl_spot spot = fl_spot_member(load->spot, "model");
  if (name != NULL) {
    fl_section_use(models, &spot, "model", name);
  } else if (spot.value == NULL && models->count == 1) {
    models->items[0]->is_used = true;
    fl_set_string(load->config, "model", models->items[0]->name);
  } else if (spot.value == NULL && models->count == 0) {
    fl_spot_key_warn(load->spot, "declare one under models, or run with --model", "the %s has no model",
                     strcmp(load->entry->type, "judge") == 0 ? "judge" : "agent");
  } else if (spot.value == NULL) {
    fl_spot_key_error(load->spot, "add \"model\"", "the %s does not say which of the %zu models it uses",
                      strcmp(load->entry->type, "judge") == 0 ? "judge" : "agent", models->count);
  }
}

/* A text, or { expr: EXPRESSION } for one that is put together on the state. */
static void check_text_or_expr(struct fl_node_load *load, const struct fl_spot *spot) {
  if (!fl_is(spot->value, FL_OBJECT)) {
    fl_spot_is(spot, FL_STRING);
    return;
  }
  fl_spot_check_keys(spot, &fl_shape_prompt);
  struct fl_spot expr = fl_spot_member(spot, "expr");
  if (expr.value == NULL) fl_spot_error(spot, "write a text, or { expr: EXPRESSION }", "\"expr\" is missing");
  fl_node_load_expr(load, &expr);
}

static void check_number(const struct fl_spot *spot, const char *key, int64_t least, int64_t most) {
  struct fl_spot member = fl_spot_member(spot, key);
  if (member.value == NULL || !fl_spot_is(&member, FL_INT)) return;
  int64_t number = fl_as_int(member.value, 0);
  if (number < least || number > most)
    fl_spot_error(&member, NULL, "must be from %lld to %lld", (long long)least, (long long)most);
}

/* ---- agent and react ---- */

static void check_answer(struct fl_node_load *load) {
  struct fl_spot answer = fl_spot_member(load->spot, "answer");
  if (answer.value == NULL || !fl_spot_is(&answer, FL_OBJECT)) return;
  fl_spot_check_keys(&answer, &fl_shape_answer);
  struct fl_spot schema_spot = fl_spot_member(&answer, "schema"), write = fl_spot_member(&answer, "write");
  struct fl_schema *schema = NULL;
  struct fl_error err = {0};
  if (schema_spot.value == NULL) fl_spot_error(&answer, NULL, "\"schema\" is missing");
  else if (fl_schema_create(schema_spot.value, NULL, &schema, &err) < 0)
    fl_spot_error(&schema_spot, NULL, "the schema is not valid: %s", err.text);
  fl_schema_destroy(schema);
  const char *channel = fl_spot_text(&answer, "write", true);
  if (channel != NULL) fl_file_write_channel(&write, channel);
  check_number(&answer, "attempts", 1, ATTEMPTS_MAX);
}

static void check_history(struct fl_node_load *load) {
  struct fl_spot history = fl_spot_member(load->spot, "history"), sees = fl_spot_member(load->spot, "sees");
  if (history.value == NULL || !fl_spot_is(&history, FL_OBJECT)) return;
  fl_spot_check_keys(&history, &fl_shape_history);
  struct fl_spot strategy = fl_spot_member(&history, "strategy"), model = fl_spot_member(&history, "model");
  struct fl_spot prompt = fl_spot_member(&history, "prompt");
  if (fl_get(history.value, "max_tokens") == NULL) fl_spot_error(&history, NULL, "\"max_tokens\" is missing");
  check_number(&history, "max_tokens", 1, 100000000);
  check_number(&history, "keep_last", 1, KEEP_MAX);
  const char *name = fl_spot_text(&history, "strategy", false);
  bool summarizes = name != NULL && strcmp(name, "summarize") == 0;
  if (name != NULL && !summarizes && strcmp(name, "trim") != 0)
    fl_spot_error(&strategy, "write trim or summarize", "there is no strategy \"%s\"", name);
  const char *model_name = fl_spot_text(&history, "model", false);
  if (model_name != NULL) fl_section_use(&load->loader->models, &model, "model", model_name);
  if (prompt.value != NULL) fl_spot_is(&prompt, FL_STRING);
  if (!summarizes && (model.value != NULL || prompt.value != NULL))
    fl_spot_key_error(model.value != NULL ? &model : &prompt, "add \"strategy: summarize\"",
                      "only a history that is summarized asks a model");
  if (sees.value != NULL)
    fl_spot_key_error(&sees, "leave one of them out",
                      "\"sees\" says which messages the model gets, and so does \"history\"");
}

/* What is no tool of the node cannot come back from it. */
static void check_return_direct(struct fl_node_load *load) {
  struct fl_spot direct = fl_spot_member(load->spot, "return_direct");
  if (direct.value == NULL) return;
  fl_file_check_tools(&direct);
  if (fl_size(fl_get(load->spot->value, "tools")) == 0)
    fl_spot_key_error(&direct, "add \"tools\"", "the node has no tools whose results could be the answer");
}

void fl_node_check_agent(struct fl_node_load *load) {
  need_messages(load);
  check_model(load);
  struct fl_spot prompt = fl_spot_member(load->spot, "prompt"), tools = fl_spot_member(load->spot, "tools");
  struct fl_spot sees = fl_spot_member(load->spot, "sees");
  if (prompt.value != NULL) check_text_or_expr(load, &prompt);
  fl_file_check_tools(&tools);
  fl_node_load_expr(load, &sees);
  check_answer(load);
  check_history(load);
  check_number(load->spot, "discover_above", 0, 1000000000);
  check_number(load->spot, "spill_above", 0, SPILL_MAX);
  check_return_direct(load);
}

void fl_node_check_tools(struct fl_node_load *load) {
  need_messages(load);
  struct fl_spot agent = fl_spot_member(load->spot, "agent"), tools = fl_spot_member(load->spot, "tools");
  fl_file_check_tools(&tools);
  check_number(load->spot, "spill_above", 0, SPILL_MAX);
  const char *name = fl_spot_text(load->spot, "agent", false);
  struct fl_entry *entry = NULL;
  if (name == NULL || !fl_file_use_node(&agent, name, &entry)) return;
  if (entry == NULL || !fl_file_is_agent(entry)) fl_spot_error(&agent, NULL, "\"%s\" is not an agent", name);
}

/* ---- judge ---- */

static bool is_choice_list(const struct fl_spot *choices) {
  bool is_right = fl_size(choices->value) >= 2 && fl_size(choices->value) <= CHOICES_MAX;
  if (!is_right) fl_spot_error(choices, NULL, "must be 2 to %d choices", CHOICES_MAX);
  for (size_t i = 0; fl_is(choices->value, FL_ARRAY) && i < fl_size(choices->value); i++) {
    struct fl_spot choice = fl_spot_element(choices, i);
    is_right = fl_spot_is(&choice, FL_STRING) && is_right;
    for (size_t j = 0; j < i; j++) {
      if (!fl_equal(choice.value, fl_at(choices->value, j))) continue;
      fl_spot_error(&choice, NULL, "the choice is there twice");
      is_right = false;
    }
  }
  return is_right;
}

/* A list of names, or a map from names to what they mean. */
static void check_choices(const struct fl_spot *choices) {
  if (!fl_is(choices->value, FL_OBJECT)) {
    if (fl_spot_is(choices, FL_ARRAY)) is_choice_list(choices);
    return;
  }
  is_choice_list(choices);
  for (struct fl_member m = {0}; fl_next_member(choices->value, &m);) {
    struct fl_spot meaning = fl_spot_member(choices, m.key);
    fl_spot_is(&meaning, FL_STRING);
  }
}

static void check_score(const struct fl_spot *score) {
  const struct fl_value *least = fl_at(score->value, 0), *most = fl_at(score->value, 1);
  if (!fl_spot_is(score, FL_ARRAY)) return;
  if (fl_size(score->value) != 2 || !fl_is_number(least) || !fl_is_number(most) ||
      fl_as_double(least, 0) >= fl_as_double(most, 0))
    fl_spot_error(score, "write [0, 10]", "must be the least and the greatest score");
}

void fl_node_check_judge(struct fl_node_load *load) {
  struct fl_spot criteria = fl_spot_member(load->spot, "criteria"), value = fl_spot_member(load->spot, "value");
  struct fl_spot choices = fl_spot_member(load->spot, "choices"), score = fl_spot_member(load->spot, "score");
  check_model(load);
  if (criteria.value == NULL) fl_spot_key_error(load->spot, NULL, "\"criteria\" is missing");
  else check_text_or_expr(load, &criteria);
  fl_node_load_required_expr(load, "value");
  if (value.value != NULL && fl_get(load->spot->value, "write") == NULL)
    fl_spot_key_error(load->spot, "name the channel that takes the verdict", "\"write\" is missing");
  fl_node_load_channel(load, "write");
  check_number(load->spot, "attempts", 1, ATTEMPTS_MAX);
  if (choices.value != NULL && score.value != NULL)
    fl_spot_key_error(&score, "leave one of them out", "a judge has \"choices\" or a \"score\", not both");
  else if (choices.value != NULL) check_choices(&choices);
  else if (score.value != NULL) check_score(&score);
  else fl_spot_key_error(load->spot, "add \"choices: ['yes', 'no']\"", "\"choices\" is missing, or \"score\"");
}

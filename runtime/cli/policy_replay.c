/* SPDX-License-Identifier: MIT */
#include "runtime/cli/policy_replay.h"

#include "tools/policy/pin.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <string.h>

enum { VALUES_MAX = 1000 };
static const char *const scopes[] = {"run", "thread", "user"};

void fl_policy_replay_init(struct fl_policy_replay *replay, const struct fl_policy *policy, int64_t now_s) {
  *replay = (struct fl_policy_replay){
      .policy = policy, .now_s = now_s, .calls = fl_object(), .origins = fl_object(), .spent = fl_object()};
  for (size_t i = 0; i < 3; i++) fl_set_take(replay->spent, scopes[i], fl_object());
  fl_set_take(replay->origins, "prompt", fl_array());
}

void fl_policy_replay_deinit(struct fl_policy_replay *replay) {
  fl_value_unref(replay->calls);
  fl_value_unref(replay->origins);
  fl_value_unref(replay->spent);
}

static uint64_t read_labels(const struct fl_value *names) {
  uint64_t labels = 0;
  for (size_t i = 0; i < fl_size(names); i++)
    if (fl_as_string(fl_at(names, i)) != NULL) labels |= fl_label_bit(fl_as_string(fl_at(names, i)));
  return labels;
}

static void add_spent(struct fl_policy_replay *replay, enum fl_spending what, int64_t amount) {
  const char *word = fl_spending_word(what);
  for (size_t i = 0; i < 3; i++) {
    struct fl_value *scope = fl_get(replay->spent, scopes[i]);
    fl_set_int(scope, word, fl_get_int(scope, word, 0) + amount);
  }
}

/* What a line says beside its call. */
static void take_facts(struct fl_policy_replay *replay, const struct fl_value *line) {
  const struct fl_value *prompt = fl_get(line, "prompt");
  if (fl_is(prompt, FL_STRING))
    fl_append_take(fl_get(replay->origins, "prompt"), fl_value_ref((struct fl_value *)prompt));
  for (struct fl_member m = {0};
       fl_is(fl_get(line, "origins"), FL_OBJECT) && fl_next_member(fl_get(line, "origins"), &m);)
    fl_set_take(replay->origins, m.key, fl_value_ref(m.value));
  replay->labels |= read_labels(fl_get(line, "labels"));
  add_spent(replay, FL_SPENT_TOKENS, fl_get_int(line, "tokens", 0));
}

struct collecting {
  struct fl_policy_replay *replay;
  const struct fl_value *result;
};

static void collect(const char *origin, const char *pointer, void *user) {
  struct collecting *collecting = user;
  struct fl_value *held = fl_get(collecting->replay->origins, origin);
  if (held == NULL) {
    fl_set_take(collecting->replay->origins, origin, fl_array());
    held = fl_get(collecting->replay->origins, origin);
  }
  fl_origin_collect(pointer, collecting->result, VALUES_MAX, held);
}

/* A call that is not denied is made. */
static void take_call(struct fl_policy_replay *replay, const char *tool, const struct fl_value *line,
                      const struct fl_tool_class *class) {
  struct collecting collecting = {replay, fl_get(line, "result")};
  fl_set_int(replay->calls, tool, fl_get_int(replay->calls, tool, 0) + 1);
  add_spent(replay, FL_SPENT_CALLS, 1);
  replay->labels |= fl_policy_source_labels(replay->policy, tool, class);
  if (collecting.result != NULL) fl_policy_visit_origins(replay->policy, tool, collect, &collecting);
}

bool fl_policy_replay_line(struct fl_policy_replay *replay, const struct fl_value *line,
                           struct fl_decision *ret_decision) {
  const char *tool = fl_get_string(line, "tool", NULL);
  FL_VALUE_AUTO none = fl_object();
  take_facts(replay, line);
  if (tool == NULL) return false;
  struct fl_value *given = fl_get(line, "args");
  struct fl_policy_facts facts = {.now_s = replay->now_s,
                                  .calls = replay->calls,
                                  .resolved = fl_get(line, "resolved"),
                                  .addresses = fl_get(line, "addresses"),
                                  .listing = fl_get_string(line, "listing", FL_PIN_AS_PINNED),
                                  .labels = replay->labels,
                                  .run_labels = replay->labels,
                                  .class = fl_tool_class_of(tool, fl_get(line, "annotations")),
                                  .origins = replay->origins,
                                  .spent = replay->spent};
  struct fl_policy_call call = {.tool = tool, .args = given != NULL ? given : none, .facts = &facts};
  fl_policy_decide(replay->policy, &call, ret_decision);
  if (ret_decision->verdict != FL_VERDICT_DENY) take_call(replay, tool, line, &facts.class);
  return true;
}

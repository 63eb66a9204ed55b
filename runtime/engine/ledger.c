/* SPDX-License-Identifier: MIT */
/* Happy path: read what the thread keeps; count; save with the next commit. Failure modes: it cannot be read (the run
 * does not begin); a commit fails (the run ends, as with every commit). */
#include "runtime/engine/ledger.h"

#include "runtime/base/mem.h"
#include "runtime/engine/cost.h"
#include "runtime/engine/discovery.h"
#include "runtime/engine/ledger_user.h"
#include "runtime/json/json.h"

#include <string.h>

enum { OF_RUN, OF_THREAD, OF_USER, SCOPE_COUNT };
enum { DIRTY_SPENT = 1, DIRTY_PROMPT = 2, DIRTY_ORIGINS = 4, DIRTY_GRANTS = 8 };
enum { PROMPT_SIZE_MAX = 64 << 10, ORIGIN_VALUES_MAX = 1000, ORIGIN_SIZE_MAX = 64 << 10, GRANTS_MAX = 100 };
enum { ANSWER_TOKENS = 4096 }; /* reserved for the answer of a model whose settings have no max_tokens */

struct fl_ledger {
  struct fl_policy_needs needs;
  double spent[SCOPE_COUNT][FL_SPENDING_COUNT];
  double user_others[FL_SPENDING_COUNT]; /* of today, in other threads */
  struct fl_value *tools;                /* {TOOL: calls in this run} */
  struct fl_value *prompt;               /* [TEXT…], the newest last */
  struct fl_value *origins;              /* {"server/tool#/pointer": [VALUE…]} */
  struct fl_value *grants;
  struct fl_value *spent_fact, *origins_fact, *calls_fact; /* as told last */
  const char *left_out;                                    /* lent; NULL: nothing */
  unsigned dirty;
  int64_t clock_ms; /* up to when time was counted */
  const void *step_frame;
  uint64_t step_no;
};

static const double SPENT_MAX = 9e15, NUSD_PER_USD = 1e9;
static const char *const scopes[SCOPE_COUNT] = {"run", "thread", "user"};

/* ---- reading ---- */

static void read_spent(struct fl_ledger *ledger, int scope, const struct fl_value *stored) {
  for (int what = 0; what < FL_SPENDING_COUNT; what++) {
    double number = fl_as_double(fl_get(stored, fl_spending_word((enum fl_spending)what)), 0);
    ledger->spent[scope][what] = number > 0 && what != FL_SPENT_CONCURRENT ? number : 0;
  }
}

/* [[NAME, VALUE]…] as an object: a merge of metadata replaces lists and adds to objects. */
static struct fl_value *object_of(const struct fl_value *pairs) {
  struct fl_value *object = fl_object();
  for (size_t i = 0; fl_is(pairs, FL_ARRAY) && i < fl_size(pairs); i++) {
    const char *name = fl_as_string(fl_at(fl_at(pairs, i), 0));
    if (name != NULL) fl_set_take(object, name, fl_copy_shallow(fl_at(fl_at(pairs, i), 1)));
  }
  return object;
}

static struct fl_value *list_of(const struct fl_value *stored) {
  return fl_is(stored, FL_ARRAY) ? fl_copy_shallow(stored) : fl_array();
}

static void read_stored(struct fl_ledger *ledger, const struct fl_value *stored) {
  read_spent(ledger, OF_RUN, fl_get(stored, "run"));
  read_spent(ledger, OF_THREAD, fl_get(stored, "thread"));
  ledger->tools = object_of(fl_get(stored, "tools"));
  ledger->origins = object_of(fl_get(stored, "origins"));
  ledger->prompt = list_of(fl_get(stored, "prompt"));
  ledger->grants = list_of(fl_get(stored, "grants"));
}

int fl_ledger_open(struct fl_invocation *invocation, struct fl_error *err) {
  if (!invocation->root.graph->needs.labels) return 0;
  struct fl_policy_needs needs = invocation->root.graph->needs;
  struct fl_thread_info info = {0};
  int rc = invocation->is_ephemeral
               ? 0
               : fl_store_read_thread(invocation->runtime->store, invocation->thread_id, &info, err);
  if (rc < 0 && rc != FL_E_NOT_FOUND) return rc;
  struct fl_ledger *ledger = invocation->ledger = fl_new(struct fl_ledger);
  ledger->needs = needs;
  ledger->clock_ms = fl_world_now_ms(invocation->runtime->world);
  read_stored(ledger, fl_get(info.metadata, "fairlead"));
  fl_thread_info_deinit(&info);
  if (needs.by_user) fl_ledger_user_read(invocation, ledger->user_others, ledger->spent[OF_USER]);
  return 0;
}

void fl_ledger_close(struct fl_invocation *invocation) {
  struct fl_ledger *ledger = invocation->ledger;
  if (ledger == NULL) return;
  fl_value_unref(ledger->tools);
  fl_value_unref(ledger->prompt);
  fl_value_unref(ledger->origins);
  fl_value_unref(ledger->grants);
  fl_value_unref(ledger->spent_fact);
  fl_value_unref(ledger->origins_fact);
  fl_value_unref(ledger->calls_fact);
  fl_free(ledger);
  invocation->ledger = NULL;
}

/* ---- the user's text ---- */

/* Every text of an input, but of messages only the user's own. */
static void add_texts(struct fl_ledger *ledger, const struct fl_value *value, int depth) {
  const char *role = fl_is(value, FL_OBJECT) ? fl_get_string(value, "role", NULL) : NULL;
  if (depth == 0 || (role != NULL && strcmp(role, "user") != 0 && strcmp(role, "human") != 0)) return;
  if (fl_is(value, FL_STRING)) {
    size_t size = fl_string_size(value);
    size_t kept = size < PROMPT_SIZE_MAX ? size : PROMPT_SIZE_MAX;
    fl_append_take(ledger->prompt, fl_string_n(fl_as_string(value), kept));
  }
  for (size_t i = 0; fl_is(value, FL_ARRAY) && i < fl_size(value); i++) add_texts(ledger, fl_at(value, i), depth - 1);
  if (role != NULL) {
    add_texts(ledger, fl_get(value, "content"), depth - 1);
    return;
  }
  for (struct fl_member m = {0}; fl_is(value, FL_OBJECT) && fl_next_member(value, &m);)
    add_texts(ledger, m.value, depth - 1);
}

/* The newest that fit. */
static void cut_prompt(struct fl_ledger *ledger) {
  size_t size = 0, first = fl_size(ledger->prompt);
  while (first > 0) {
    size += fl_string_size(fl_at(ledger->prompt, first - 1));
    if (size > PROMPT_SIZE_MAX) break;
    first--;
  }
  if (first == 0) return;
  struct fl_value *kept = fl_array();
  for (size_t i = first; i < fl_size(ledger->prompt); i++) fl_append_take(kept, fl_value_ref(fl_at(ledger->prompt, i)));
  fl_value_unref(ledger->prompt);
  ledger->prompt = kept;
}

void fl_ledger_begin_run(struct fl_invocation *invocation, const struct fl_value *input) {
  struct fl_ledger *ledger = invocation->ledger;
  if (ledger == NULL) return;
  if (ledger->needs.spending) {
    memset(ledger->spent[OF_RUN], 0, sizeof ledger->spent[OF_RUN]);
    fl_value_unref(ledger->tools);
    ledger->tools = fl_object();
    ledger->dirty |= DIRTY_SPENT;
  }
  if (!ledger->needs.prompt) return;
  add_texts(ledger, input, 16);
  cut_prompt(ledger);
  ledger->dirty |= DIRTY_PROMPT;
}

/* ---- facts ---- */

static void count_time(struct fl_invocation *invocation) {
  struct fl_ledger *ledger = invocation->ledger;
  int64_t now_ms = fl_world_now_ms(invocation->runtime->world), passed_ms = now_ms - ledger->clock_ms;
  if (passed_ms <= 0) return;
  for (int scope = 0; scope < SCOPE_COUNT; scope++) ledger->spent[scope][FL_SPENT_WALL_MS] += (double)passed_ms;
  ledger->clock_ms = now_ms;
}

static struct fl_value *spent_value(const struct fl_ledger *ledger, int scope, bool for_fact) {
  struct fl_value *value = fl_object();
  for (int what = 0; what < FL_SPENDING_COUNT; what++) {
    bool is_less = for_fact && ledger->left_out != NULL && what == FL_SPENT_CALLS && ledger->spent[scope][what] >= 1;
    double number =
        ledger->spent[scope][what] - is_less + (scope == OF_USER && for_fact ? ledger->user_others[what] : 0);
    bool is_shown = for_fact || what != FL_SPENT_CONCURRENT;
    const char *word = fl_spending_word((enum fl_spending)what);
    if (!is_shown) number = 0;
    bool is_whole = what != FL_SPENT_COST_USD && number < SPENT_MAX;
    fl_set_take(value, word, is_whole ? fl_int((int64_t)number) : fl_double(number < SPENT_MAX ? number : SPENT_MAX));
  }
  return value;
}

static void tell_spent(struct fl_invocation *invocation) {
  struct fl_ledger *ledger = invocation->ledger;
  count_time(invocation);
  if (ledger->needs.by_user) fl_ledger_user_read(invocation, ledger->user_others, NULL);
  fl_value_unref(ledger->spent_fact);
  ledger->spent_fact = fl_object();
  for (int scope = 0; scope < SCOPE_COUNT; scope++)
    if (scope != OF_USER || invocation->options.as_user != NULL)
      fl_set_take(ledger->spent_fact, scopes[scope], spent_value(ledger, scope, true));
}

void fl_ledger_facts(struct fl_invocation *invocation, bool for_call, struct fl_policy_facts *facts) {
  struct fl_ledger *ledger = invocation->ledger;
  if (ledger == NULL) return;
  facts->calls = ledger->tools;
  if (ledger->left_out != NULL) {
    fl_value_unref(ledger->calls_fact);
    facts->calls = ledger->calls_fact = fl_copy_shallow(ledger->tools);
    int64_t count = fl_get_int(ledger->tools, ledger->left_out, 0);
    fl_set_int(ledger->calls_fact, ledger->left_out, count > 0 ? count - 1 : 0);
  }
  facts->grants = ledger->grants;
  if (ledger->needs.spending) tell_spent(invocation);
  facts->spent = ledger->spent_fact;
  if (!for_call) return;
  fl_value_unref(ledger->origins_fact);
  ledger->origins_fact = fl_copy_shallow(ledger->origins);
  fl_set_take(ledger->origins_fact, "prompt", fl_value_ref(ledger->prompt));
  facts->origins = ledger->origins_fact;
}

void fl_ledger_leave_out(struct fl_invocation *invocation, const char *tool) {
  if (invocation->ledger != NULL) invocation->ledger->left_out = tool;
}

/* ---- spending ---- */

static void spend(struct fl_ledger *ledger, enum fl_spending what, double amount) {
  for (int scope = 0; scope < SCOPE_COUNT; scope++) {
    ledger->spent[scope][what] += amount;
    if (ledger->spent[scope][what] < 0) ledger->spent[scope][what] = 0;
  }
  if (what != FL_SPENT_CONCURRENT) ledger->dirty |= DIRTY_SPENT;
}

/* What a model call may take at most, as far as that can be said: all that it is sent, and the longest answer. */
static int64_t tokens_of(const struct fl_task_call *call, int64_t *ret_output) {
  FL_BUF_AUTO scratch = {0};
  size_t size = call->system != NULL ? strlen(call->system) : 0;
  for (size_t i = 0; i < fl_list_size(call->messages); i++) size += fl_list_text_at(call->messages, i, &scratch).size;
  const struct fl_value *settings = call->model.request.config->settings;
  *ret_output = fl_get_int(settings, "max_tokens", ANSWER_TOKENS);
  return fl_estimate_tokens(size);
}

static void reserve_model(struct fl_ledger *ledger, struct fl_task_call *call) {
  int64_t output = 0, input = tokens_of(call, &output);
  call->reserved_tokens = input + output;
  spend(ledger, FL_SPENT_TOKENS, (double)call->reserved_tokens);
  if (!ledger->needs.costs) return;
  int64_t nusd = fl_cost_at_most(call->task->invocation->runtime, call->model.request.config, input, output);
  call->reserved_nusd = nusd > 0 ? nusd : 0;
  spend(ledger, FL_SPENT_COST_USD, (double)call->reserved_nusd / NUSD_PER_USD);
}

void fl_ledger_reserve(struct fl_task_call *call) {
  struct fl_invocation *invocation = call->task->invocation;
  struct fl_ledger *ledger = invocation->ledger;
  if (ledger == NULL || !ledger->needs.spending || call->is_reserved) return;
  call->is_reserved = true;
  count_time(invocation);
  spend(ledger, FL_SPENT_CONCURRENT, 1);
  if (call->kind == FL_CALL_TOOL) {
    fl_set_int(ledger->tools, call->name, fl_get_int(ledger->tools, call->name, 0) + 1);
    spend(ledger, FL_SPENT_CALLS, 1);
  } else if (call->kind == FL_CALL_MODEL) {
    reserve_model(ledger, call);
  }
}

static void note_origin(const char *origin, const char *pointer, void *user) {
  struct fl_task_call *call = user;
  struct fl_ledger *ledger = call->task->invocation->ledger;
  FL_VALUE_AUTO found = fl_array();
  fl_origin_collect(pointer, call->result, ORIGIN_VALUES_MAX, found);
  const struct fl_value *held = fl_get(ledger->origins, origin);
  struct fl_value *all = fl_array();
  size_t size = 0, count = fl_size(held) + fl_size(found);
  for (size_t i = count; i > 0 && fl_size(all) < ORIGIN_VALUES_MAX && size < ORIGIN_SIZE_MAX; i--) { /* newest first */
    struct fl_value *one = i > fl_size(held) ? fl_at(found, i - 1 - fl_size(held)) : fl_at(held, i - 1);
    enum fl_type type = fl_type_of(one);
    if (type != FL_STRING && type != FL_INT && type != FL_DOUBLE) continue;
    size += type == FL_STRING ? fl_string_size(one) : sizeof(double);
    fl_append_take(all, fl_value_ref(one));
  }
  struct fl_value *ordered = fl_array();
  for (size_t i = fl_size(all); i > 0; i--) fl_append_take(ordered, fl_value_ref(fl_at(all, i - 1)));
  fl_value_unref(all);
  fl_set_take(ledger->origins, origin, ordered);
  ledger->dirty |= DIRTY_ORIGINS;
}

static size_t size_of(const struct fl_value *result) {
  size_t size = 0;
  char *text = result != NULL ? fl_dump(result, &size) : NULL;
  fl_text_free(text);
  return text != NULL ? size : 0;
}

/* Without a word of the provider what was reserved is what it cost. */
static void settle_model(struct fl_ledger *ledger, const struct fl_task_call *call) {
  const struct fl_value *usage = fl_get(call->result, "usage");
  if (usage == NULL && !call->has_not_left) return;
  int64_t used = fl_get_int(usage, "input_tokens", 0) + fl_get_int(usage, "output_tokens", 0);
  spend(ledger, FL_SPENT_TOKENS, (double)(used - call->reserved_tokens));
  if (!ledger->needs.costs) return;
  const struct fl_model_config *config = call->model.request.config;
  int64_t cost = usage != NULL ? fl_cost_of_usage(call->task->invocation->runtime, config, usage) : 0;
  spend(ledger, FL_SPENT_COST_USD, (double)((cost > 0 ? cost : 0) - call->reserved_nusd) / NUSD_PER_USD);
}

void fl_ledger_settle(struct fl_task_call *call) {
  struct fl_invocation *invocation = call->task->invocation;
  struct fl_ledger *ledger = invocation->ledger;
  if (ledger == NULL) return;
  if (call->kind == FL_CALL_TOOL && call->result != NULL)
    fl_policy_visit_origins(fl_frame_policy(call->task->frame), call->name, note_origin, call);
  if (!call->is_reserved) return;
  call->is_reserved = false;
  count_time(invocation);
  spend(ledger, FL_SPENT_CONCURRENT, -1);
  spend(ledger, FL_SPENT_OUTPUT, (double)size_of(call->result));
  if (call->kind == FL_CALL_MODEL) settle_model(ledger, call);
}

void fl_ledger_step(struct fl_task *task) {
  struct fl_ledger *ledger = task->invocation->ledger;
  if (ledger == NULL || !ledger->needs.spending) return;
  if (ledger->step_frame == task->frame && ledger->step_no == task->start.checkpoint_no) return;
  ledger->step_frame = task->frame;
  ledger->step_no = task->start.checkpoint_no;
  spend(ledger, FL_SPENT_STEPS, 1);
}

void fl_ledger_grant_take(struct fl_invocation *invocation, struct fl_value *grant) {
  struct fl_ledger *ledger = invocation->ledger;
  if (ledger == NULL || fl_size(ledger->grants) >= GRANTS_MAX) {
    fl_value_unref(grant);
    return;
  }
  bool is_known = false; /* a task that runs again grants again */
  for (size_t i = 0; i < fl_size(ledger->grants); i++) is_known |= fl_equal(fl_at(ledger->grants, i), grant);
  if (is_known) {
    fl_value_unref(grant);
    return;
  }
  fl_append_take(ledger->grants, grant);
  ledger->dirty |= DIRTY_GRANTS;
}

struct fl_value *fl_ledger_grants_of(const struct fl_invocation *invocation, const char *tool) {
  struct fl_value *grants = fl_array();
  const struct fl_value *all = invocation->ledger != NULL ? invocation->ledger->grants : NULL;
  for (size_t i = 0; i < fl_size(all); i++)
    if (strcmp(fl_get_string(fl_at(all, i), "tool", ""), tool) == 0)
      fl_append_take(grants, fl_value_ref(fl_get(fl_at(all, i), "args")));
  return grants;
}

/* ---- writing ---- */

static struct fl_value *pairs_of(const struct fl_value *object) {
  struct fl_value *pairs = fl_array();
  for (struct fl_member m = {0}; fl_next_member(object, &m);) {
    struct fl_value *pair = fl_array();
    fl_append_take(pair, fl_string_n(m.key, m.key_size));
    fl_append_take(pair, fl_value_ref(m.value));
    fl_append_take(pairs, pair);
  }
  return pairs;
}

void fl_ledger_save(struct fl_invocation *invocation, struct fl_records *records) {
  struct fl_ledger *ledger = invocation->ledger;
  if (ledger == NULL || ledger->dirty == 0 || invocation->is_ephemeral) return;
  struct fl_value *kept = fl_object();
  FL_VALUE_AUTO patch = fl_object();
  if (ledger->dirty & DIRTY_SPENT) {
    fl_set_take(kept, "run", spent_value(ledger, OF_RUN, false));
    fl_set_take(kept, "thread", spent_value(ledger, OF_THREAD, false));
    fl_set_take(kept, "tools", pairs_of(ledger->tools));
    if (ledger->needs.by_user) fl_ledger_user_write(invocation, ledger->spent[OF_USER]);
  }
  if (ledger->dirty & DIRTY_PROMPT) fl_set_take(kept, "prompt", fl_value_ref(ledger->prompt));
  if (ledger->dirty & DIRTY_ORIGINS) fl_set_take(kept, "origins", pairs_of(ledger->origins));
  if (ledger->dirty & DIRTY_GRANTS) fl_set_take(kept, "grants", fl_value_ref(ledger->grants));
  fl_set_take(patch, "fairlead", kept);
  struct fl_record *record = fl_records_add(records, FL_RECORD_THREAD, "");
  record->thread.wall_ms = fl_world_wall_ms(invocation->runtime->world);
  record->body = fl_dump(patch, &record->body_size);
  ledger->dirty = 0;
}

/* SPDX-License-Identifier: MIT */
/* A state: the values of all declared channels at one moment, shared by everybody who looks at that moment. Values and
 * lists are shared between states, so that the next state costs a pointer per channel. Belongs to the loop's thread. */
#include "graph/channel.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"

struct fl_state {
  size_t ref_count;
  struct fl_definition *definition;
  struct fl_value *arg;     /* of a send: what it holds beside channels is read, too; NULL: of none */
  struct fl_value **arrays; /* list channels as arrays, made when asked for; NULL: none yet */
  struct fl_var vars[];
};

static struct fl_state *allocate(struct fl_definition *definition) {
  size_t vars_size = definition->state_channel_count * sizeof(struct fl_var);
  struct fl_state *state = fl_alloc_zero(1, sizeof *state + vars_size);
  state->ref_count = 1;
  state->definition = fl_definition_ref(definition);
  return state;
}

static struct fl_var var_ref(struct fl_var var) {
  fl_value_ref(var.value);
  if (var.list != NULL) fl_list_ref(var.list);
  return var;
}

static void var_unref(struct fl_var var) {
  fl_value_unref(var.value);
  if (var.list != NULL) fl_list_unref(var.list);
}

struct fl_state *fl_state_create(struct fl_definition *definition) {
  struct fl_state *state = allocate(definition);
  for (size_t i = 0; i < definition->state_channel_count; i++) {
    const struct fl_channel_def *channel = &definition->channels[i];
    if (!fl_reducer_makes_list(channel->reducer)) state->vars[i].value = fl_value_ref(channel->default_value);
    else
      state->vars[i].list =
          channel->default_value != NULL ? fl_list_from_array(channel->default_value) : fl_list_create();
  }
  return state;
}

static struct fl_list *list_of_arg(enum fl_reducer reducer, struct fl_value *member, const char *task_id) {
  FL_VALUE_AUTO messages = NULL;
  size_t index = 0;
  bool is_right = reducer == FL_MESSAGES && fl_messages_normalise(member, task_id, &index, &messages, NULL) == 0;
  return fl_list_from_array(is_right ? messages : member);
}

struct fl_state *fl_state_create_arg(struct fl_definition *definition, struct fl_value *arg, const char *task_id) {
  struct fl_state *state = allocate(definition);
  state->arg = fl_value_ref(arg);
  for (size_t i = 0; i < definition->state_channel_count && fl_is(arg, FL_OBJECT); i++) {
    const struct fl_channel_def *channel = &definition->channels[i];
    struct fl_value *member = fl_get(arg, channel->name);
    if (!fl_reducer_makes_list(channel->reducer) || !fl_is(member, FL_ARRAY))
      state->vars[i].value = fl_value_ref(member);
    else state->vars[i].list = list_of_arg(channel->reducer, member, task_id);
  }
  return state;
}

struct fl_state *fl_state_restrict(const struct fl_state *state, const size_t *channels, size_t count) {
  struct fl_state *view = allocate(state->definition);
  for (size_t i = 0; i < count; i++) view->vars[channels[i]] = var_ref(state->vars[channels[i]]);
  return view;
}

struct fl_state *fl_state_clone(const struct fl_state *state) {
  struct fl_state *clone = allocate(state->definition);
  for (size_t i = 0; i < state->definition->state_channel_count; i++) clone->vars[i] = var_ref(state->vars[i]);
  return clone;
}

struct fl_state *fl_state_ref(struct fl_state *state) {
  state->ref_count++;
  return state;
}

void fl_state_unref(struct fl_state *state) {
  if (state == NULL || --state->ref_count > 0) return;
  size_t count = state->definition->state_channel_count;
  for (size_t i = 0; i < count; i++) var_unref(state->vars[i]);
  for (size_t i = 0; state->arrays != NULL && i < count; i++) fl_value_unref(state->arrays[i]);
  fl_free(state->arrays);
  fl_value_unref(state->arg);
  fl_definition_unref(state->definition);
  fl_free(state);
}

bool fl_state_is_unshared(const struct fl_state *state) { return state->ref_count == 1; }

const struct fl_definition *fl_state_definition(const struct fl_state *state) { return state->definition; }

struct fl_var fl_state_at(const struct fl_state *state, size_t channel) {
  fl_check(channel < state->definition->state_channel_count);
  return state->vars[channel];
}

void fl_state_set_take(struct fl_state *state, size_t channel, struct fl_var var) {
  fl_check(state->ref_count == 1 && channel < state->definition->state_channel_count);
  var_unref(state->vars[channel]);
  state->vars[channel] = var;
  if (state->arrays == NULL) return;
  fl_value_unref(state->arrays[channel]);
  state->arrays[channel] = NULL;
}

struct fl_state *fl_state_with(const struct fl_state *state, const struct fl_folds *folds) {
  struct fl_state *next = fl_state_clone(state);
  for (size_t i = 0; i < folds->count; i++)
    fl_state_set_take(next, folds->items[i].channel, var_ref(folds->items[i].var));
  return next;
}

/* ---- reading by name ---- */

static const struct fl_var *find(const struct fl_state *state, const char *channel) {
  ptrdiff_t index = fl_definition_channel(state->definition, channel);
  bool is_state = index >= 0 && (size_t)index < state->definition->state_channel_count;
  return is_state ? &state->vars[index] : NULL;
}

/* A member of a send's argument that is no channel. */
static struct fl_value *member_of_arg(const struct fl_state *state, const char *name) {
  return state->arg != NULL && fl_is(state->arg, FL_OBJECT) ? fl_get(state->arg, name) : NULL;
}

struct fl_var fl_state_var(const struct fl_state *state, const char *channel) {
  const struct fl_var *var = find(state, channel);
  return var != NULL ? *var : (struct fl_var){.value = member_of_arg(state, channel)};
}

/* The cache is no part of what the state says, so a constant state may fill it. */
static struct fl_value *array_of(const struct fl_state *state, const struct fl_var *var) {
  struct fl_state *cache = (struct fl_state *)state;
  size_t index = (size_t)(var - state->vars);
  if (cache->arrays == NULL) cache->arrays = fl_new_array(struct fl_value *, state->definition->state_channel_count);
  if (cache->arrays[index] == NULL) cache->arrays[index] = fl_list_to_array(var->list);
  return cache->arrays[index];
}

struct fl_value *fl_state_get(const struct fl_state *state, const char *channel) {
  const struct fl_var *var = find(state, channel);
  if (var == NULL) return member_of_arg(state, channel);
  return var->list != NULL ? array_of(state, var) : var->value;
}

size_t fl_state_list_size(const struct fl_state *state, const char *channel) {
  struct fl_var var = fl_state_var(state, channel);
  if (var.list != NULL) return fl_list_size(var.list);
  return fl_is(var.value, FL_ARRAY) ? fl_size(var.value) : 0;
}

struct fl_value *fl_state_list_at(const struct fl_state *state, const char *channel, size_t index) {
  struct fl_var var = fl_state_var(state, channel);
  if (var.list != NULL) return index < fl_list_size(var.list) ? fl_list_at(var.list, index) : NULL;
  return fl_is(var.value, FL_ARRAY) ? fl_at(var.value, index) : NULL;
}

struct fl_value *fl_state_list_last(const struct fl_state *state, const char *channel) {
  size_t size = fl_state_list_size(state, channel);
  return size > 0 ? fl_state_list_at(state, channel, size - 1) : NULL;
}

static struct fl_value *to_value(const struct fl_state *state, bool only_output) {
  struct fl_value *object = fl_object();
  for (size_t i = 0; i < state->definition->state_channel_count; i++) {
    const struct fl_var *var = &state->vars[i];
    if (only_output && !state->definition->channels[i].is_output) continue;
    struct fl_value *value = var->list != NULL ? array_of(state, var) : var->value;
    if (value != NULL) fl_set_take(object, state->definition->channels[i].name, fl_value_ref(value));
  }
  return object;
}

struct fl_value *fl_state_to_value(const struct fl_state *state) {
  return state->arg != NULL ? fl_value_ref(state->arg) : to_value(state, false);
}

struct fl_value *fl_state_output(const struct fl_state *state) {
  return to_value(state, true);
}

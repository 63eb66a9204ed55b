/* SPDX-License-Identifier: MIT */
/* What the caller of a run asks for: checked before anything begins, and kept until the run has ended. */
#include "runtime/engine/engine.h"

#include "graph/option.h"
#include "runtime/base/mem.h"

/* ---- checks ---- */

static int check_metadata(const struct fl_value *metadata, struct fl_error *err) {
  if (metadata == NULL) return 0;
  if (!fl_is(metadata, FL_OBJECT))
    return fl_error_set(err, FL_E_INVALID, "the metadata of a run must be an object, not %s",
                        fl_type_name(fl_type_of(metadata)));
  size_t size = 0;
  FL_FREE_AUTO char *text = fl_dump(metadata, &size);
  if (text != NULL && size <= FL_METADATA_MAX) return 0;
  return fl_error_set(err, FL_E_LIMIT, "the metadata of a run is %zu bytes long; at most %d are kept", size,
                      FL_METADATA_MAX);
}

static int refuse_stop(const struct fl_definition *definition, const char *name, const char *option,
                       struct fl_error *err) {
  FL_FREE_AUTO const char **names = fl_new_array(const char *, definition->node_count);
  for (size_t i = 0; i < definition->node_count; i++) names[i] = definition->nodes[i].name;
  const char *nearest = fl_nearest(name, names, definition->node_count);
  return fl_error_set(err, FL_E_INVALID, "%s: the graph has no node \"%.64s\"%s%s%s", option, name,
                      nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                      nearest != NULL ? "\"?" : "");
}

static int check_stops(const struct fl_definition *definition, const char *const *names, const char *option,
                       struct fl_error *err) {
  for (; names != NULL && *names != NULL; names++)
    if (strcmp(*names, "*") != 0 && fl_definition_node(definition, *names) < 0)
      return refuse_stop(definition, *names, option, err);
  return 0;
}

int fl_options_check(const struct fl_definition *definition, const struct fl_invoke_options *options,
                     struct fl_error *err) {
  if (options->thread != NULL && !fl_is_thread_id(options->thread))
    return fl_error_set(err, FL_E_INVALID, "\"%s\" cannot be a thread id: 1 to 128 of A-Z a-z 0-9 . _ : -",
                        options->thread);
  if (options->thread == NULL && options->input == NULL && !fl_options_command(options))
    return fl_error_set(err, FL_E_INVALID,
                        "there is nothing to go on with: give an input, or the thread to go on with");
  if (options->input != NULL && options->resume != NULL)
    return fl_error_set(err, FL_E_INVALID, "give an input or an answer to resume with, not both");
  if (options->input != NULL && fl_options_command(options))
    return fl_error_set(err, FL_E_INVALID, "give an input or an update and nodes to go to, not both");
  if (options->checkpoint != NULL && options->thread == NULL)
    return fl_error_set(err, FL_E_INVALID, "name the thread that has the checkpoint \"%.64s\"", options->checkpoint);
  int rc = check_stops(definition, fl_option(options, interrupt_before, NULL), "interrupt_before", err);
  if (rc == 0) rc = check_stops(definition, fl_option(options, interrupt_after, NULL), "interrupt_after", err);
  return rc == 0 ? check_metadata(options->metadata, err) : rc;
}

/* ---- keeping ---- */

/* A NULL-terminated list; NULL stays NULL. */
static char **copy_names(const char *const *names) {
  size_t count = 0;
  if (names == NULL) return NULL;
  while (names[count] != NULL) count++;
  char **copy = fl_new_array(char *, count + 1);
  for (size_t i = 0; i < count; i++) copy[i] = fl_strdup(names[i]);
  return copy;
}

static void free_names(char **names) {
  for (size_t i = 0; names != NULL && names[i] != NULL; i++) fl_free(names[i]);
  fl_free(names);
}

/* The caller's struct may be of an older program, and so shorter. */
void fl_invocation_take_options(struct fl_invocation *invocation, const struct fl_invoke_options *options) {
  memcpy(&invocation->options, options, options->size < sizeof *options ? options->size : sizeof *options);
  fl_value_ref(invocation->options.context);
  invocation->durability = fl_option(options, durability, FL_DURABLE_DEFAULT);
  if (invocation->durability == FL_DURABLE_DEFAULT) invocation->durability = invocation->root.definition->durability;
  fl_value_ref(options->input);
  fl_value_ref(options->resume);
  fl_value_ref(options->update);
  invocation->goto_nodes = copy_names(options->goto_nodes);
  invocation->options.goto_nodes = (const char *const *)invocation->goto_nodes;
  invocation->stops_before = copy_names(fl_option(options, interrupt_before, NULL));
  invocation->options.interrupt_before = (const char *const *)invocation->stops_before;
  invocation->stops_after = copy_names(fl_option(options, interrupt_after, NULL));
  invocation->options.interrupt_after = (const char *const *)invocation->stops_after;
  fl_value_ref(options->metadata);
  invocation->options.checkpoint = fl_strdup(options->checkpoint);
  invocation->options.as_user = fl_strdup(fl_option(options, as_user, NULL));
  invocation->options.user_id = fl_strdup(fl_option(options, user_id, NULL));
  invocation->options.traceparent = fl_strdup(fl_option(options, traceparent, NULL));
  invocation->options.tracestate = fl_strdup(fl_option(options, tracestate, NULL));
}

void fl_invocation_forget_options(struct fl_invocation *invocation) {
  struct fl_invoke_options *options = &invocation->options;
  fl_value_unref(options->input);
  fl_value_unref(options->resume);
  fl_value_unref(options->update);
  fl_value_unref(options->metadata);
  fl_value_unref(options->context);
  free_names(invocation->goto_nodes);
  free_names(invocation->stops_before);
  free_names(invocation->stops_after);
  fl_free((char *)options->checkpoint);
  fl_free((char *)options->as_user);
  fl_free((char *)options->user_id);
  fl_free((char *)options->traceparent);
  fl_free((char *)options->tracestate);
}

/* SPDX-License-Identifier: MIT */
/* Lowering, seen from requests and answers: which dialect a model reads, its tools, and the calls that come back. */
#include "runtime/model/lower.h"
#include "runtime/model/model.h"

#include <string.h>

static bool is_gemini(const struct fl_model_config *config) {
  const char *model = config->model != NULL ? config->model : "", *slash = strrchr(model, '/');
  const char *base = config->base_url != NULL ? config->base_url : "";
  return strncmp(slash != NULL ? slash + 1 : model, "gemini", 6) == 0 || strstr(base, "generativelanguage") != NULL;
}

enum fl_lower_dialect fl_lower_dialect_of_model(const struct fl_model_config *config) {
  enum fl_lower_dialect dialect;
  if (fl_lower_dialect_of(fl_get_string(config->settings, "tool_schemas", ""), &dialect)) return dialect;
  if (config->provider == FL_MODEL_SCRIPTED) return FL_LOWER_NONE;
  if (config->provider == FL_MODEL_ANTHROPIC) return FL_LOWER_ANTHROPIC;
  return is_gemini(config) ? FL_LOWER_GEMINI : FL_LOWER_OPENAI;
}

struct fl_lowered fl_lower_tool(const struct fl_model_config *config, const struct fl_value *tool) {
  return fl_lower_schema(fl_get(tool, "input_schema"), fl_lower_dialect_of_model(config));
}

static const struct fl_value *schema_of(const struct fl_value *tools, const char *name) {
  for (size_t i = 0; i < fl_size(tools); i++)
    if (strcmp(fl_get_string(fl_at(tools, i), "name", ""), name) == 0) return fl_get(fl_at(tools, i), "input_schema");
  return NULL;
}

struct fl_value *fl_lower_restore_calls_take(const struct fl_model_config *config, const struct fl_value *tools,
                                             struct fl_value *message) {
  enum fl_lower_dialect dialect = fl_lower_dialect_of_model(config);
  const struct fl_value *calls = fl_get(message, "tool_calls");
  bool is_changed_by_it =
      dialect == FL_LOWER_OPENAI_STRICT || dialect == FL_LOWER_ANTHROPIC || dialect == FL_LOWER_GEMINI;
  if (!is_changed_by_it || fl_size(calls) == 0) return message;
  struct fl_value *restored = fl_copy_shallow(message), *list = fl_array();
  for (size_t i = 0; i < fl_size(calls); i++) {
    struct fl_value *call = fl_copy_shallow(fl_at(calls, i));
    const struct fl_value *schema = schema_of(tools, fl_get_string(call, "name", ""));
    if (schema != NULL) fl_set_take(call, "args", fl_lower_restore(schema, dialect, fl_get(call, "args")));
    fl_append_take(list, call);
  }
  fl_set_take(restored, "tool_calls", list);
  fl_value_unref(message);
  return restored;
}

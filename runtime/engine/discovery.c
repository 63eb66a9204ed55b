/* SPDX-License-Identifier: MIT */
#include "runtime/engine/discovery.h"

#include "runtime/base/mem.h"
#include "runtime/engine/permit.h"
#include "runtime/json/json.h"
#include "runtime/store/tool_index.h"

enum { FOUND_DEFAULT = 8, FOUND_MAX = 50, SHORT_SIZE = 200 };

struct fl_discovery {
  struct fl_tool_index *index;
  uint64_t generation; /* of the registry, when the index was made */
};

static const char FIND[] = "find_tools", DESCRIBE[] = "describe_tool", CALL[] = "call_tool";

void fl_discovery_destroy(struct fl_discovery *discovery) {
  if (discovery == NULL) return;
  fl_tool_index_destroy(discovery->index);
  fl_free(discovery);
}

/* ---- the index ---- */

static void add_arguments(struct fl_buf *text, const struct fl_value *schema) {
  for (struct fl_member m = {0}; fl_next_member(fl_get(schema, "properties"), &m);)
    fl_buf_addf(text, "%s %s ", m.key, fl_get_string(m.value, "description", ""));
}

static bool index_tool(const struct fl_registry_tool *tool, void *user) {
  FL_BUF_AUTO arguments = {0};
  add_arguments(&arguments, tool->info->input_schema);
  FL_FREE_AUTO char *words = fl_format("%s %s", tool->full_name, tool->info->title != NULL ? tool->info->title : "");
  struct fl_indexed_tool indexed = {.name = tool->full_name,
                                    .words = words,
                                    .description = tool->info->description != NULL ? tool->info->description : "",
                                    .arguments = arguments.size > 0 ? arguments.data : ""};
  fl_tool_index_add(user, &indexed);
  return true;
}

static struct fl_tool_index *index_of(struct fl_runtime *runtime) {
  if (runtime->discovery == NULL) runtime->discovery = fl_new(struct fl_discovery);
  struct fl_discovery *discovery = runtime->discovery;
  uint64_t generation = fl_registry_generation(runtime->registry);
  if (discovery->index != NULL && discovery->generation == generation) return discovery->index;
  fl_tool_index_destroy(discovery->index);
  discovery->index = fl_tool_index_create();
  discovery->generation = generation;
  fl_registry_visit(runtime->registry, index_tool, discovery->index);
  return discovery->index;
}

/* ---- what is told ---- */

static struct fl_value *definition(const char *name, const char *description, const char *schema_text) {
  struct fl_value *tool = fl_object(), *schema = NULL;
  fl_set_string(tool, "name", name);
  fl_set_string(tool, "description", description);
  fl_parse(schema_text, strlen(schema_text), &schema, NULL);
  fl_set_take(tool, "input_schema", schema);
  return tool;
}

static struct fl_value *three_tools(size_t count) {
  struct fl_value *tools = fl_array();
  FL_FREE_AUTO char *find =
      fl_format("Finds tools among the %zu that you have, by what you want to do. Gives names and what they are for; "
                "describe_tool tells the arguments of one, call_tool calls it.",
                count);
  fl_append_take(tools,
                 definition(FIND, find,
                            "{\"type\":\"object\",\"properties\":{\"query\":{\"type\":\"string\",\"description\":"
                            "\"a few words; empty: all, by name\"},\"limit\":{\"type\":\"integer\",\"minimum\":1,"
                            "\"maximum\":50}},\"required\":[\"query\"],\"additionalProperties\":false}"));
  fl_append_take(tools, definition(DESCRIBE, "Tells what a tool does and the JSON Schema of its arguments.",
                                   "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"}},\"required\":["
                                   "\"name\"],\"additionalProperties\":false}"));
  fl_append_take(tools, definition(CALL, "Calls a tool by its name, with arguments that fit its schema.",
                                   "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"arguments\":{"
                                   "\"type\":\"object\"}},\"required\":[\"name\"],\"additionalProperties\":false}"));
  return tools;
}

static int64_t cost_of(const struct fl_value *definitions) {
  FL_BUF_AUTO text = {0};
  bool fits = fl_json_write(&text, definitions, FL_JSON_COMPACT) == 0;
  return fl_estimate_tokens(fits ? text.size : FL_BUF_LIMIT_DEFAULT);
}

static void tell_saved(struct fl_task *task, size_t count, int64_t whole, int64_t told) {
  if (!fl_invocation_is_followed(task->invocation)) return;
  struct fl_value *data = fl_object();
  fl_set_string(data, "type", "tools_discovered");
  fl_set_int(data, "tools", (int64_t)count);
  fl_set_int(data, "tokens", whole);
  fl_set_int(data, "tokens_told", told);
  fl_set_int(data, "tokens_saved", whole - told);
  fl_frame_tell(task->frame, "events", task->start.node, data, 0);
}

struct fl_value *fl_discovery_fold_take(struct fl_task *task, struct fl_value *definitions, size_t told_size) {
  int64_t limit = fl_get_int(fl_task_def(task)->config, "discover_above", FL_DISCOVER_ABOVE_DEFAULT);
  size_t count = fl_size(definitions);
  int64_t whole = fl_estimate_tokens(told_size);
  if (count == 0 || whole <= limit) return definitions;
  struct fl_value *three = three_tools(count);
  tell_saved(task, count, whole, cost_of(three));
  fl_value_unref(definitions);
  return three;
}

/* ---- answers ---- */

struct finding {
  struct fl_task *task;
  struct fl_buf text;
  int64_t limit, count;
};

/* The first sentence, or as much as is short. */
static void add_short(struct fl_buf *text, const char *description) {
  size_t size = strcspn(description, "\n");
  const char *stop = strstr(description, ". ");
  if (stop != NULL && (size_t)(stop - description) < size) size = (size_t)(stop - description) + 1;
  if (size > SHORT_SIZE) size = SHORT_SIZE;
  while (size > 0 && ((unsigned char)description[size] & 0xc0) == 0x80) size--;
  fl_buf_add(text, description, size);
}

static bool add_found(const char *full_name, void *user) {
  struct finding *finding = user;
  const struct fl_registry_tool *tool = fl_registry_find(finding->task->invocation->runtime->registry, full_name);
  if (tool == NULL || !fl_task_knows_tool(finding->task, full_name)) return true;
  fl_buf_addf(&finding->text, "%s: ", tool->model_name);
  add_short(&finding->text, tool->info->description != NULL ? tool->info->description : "");
  fl_buf_add_text(&finding->text, "\n");
  return ++finding->count < finding->limit;
}

static struct fl_value *answer_find(struct fl_task *task, const struct fl_value *args) {
  struct finding finding = {.task = task, .limit = fl_get_int(args, "limit", FOUND_DEFAULT)};
  if (finding.limit < 1 || finding.limit > FOUND_MAX) finding.limit = FOUND_MAX;
  fl_tool_index_search(index_of(task->invocation->runtime), fl_get_string(args, "query", ""), add_found, &finding);
  struct fl_value *text = finding.count > 0 ? fl_string_n(finding.text.data, finding.text.size)
                                            : fl_string("No tool fits; try other words, or an empty query for all.");
  fl_buf_deinit(&finding.text);
  return text;
}

static const struct fl_registry_tool *named(struct fl_task *task, const struct fl_value *args) {
  const struct fl_registry_tool *tool =
      fl_registry_find_model_name(task->invocation->runtime->registry, fl_get_string(args, "name", ""));
  return tool != NULL && fl_task_knows_tool(task, tool->full_name) ? tool : NULL;
}

static struct fl_value *answer_describe(const struct fl_registry_tool *tool) {
  struct fl_value *answer = fl_object();
  fl_set_string(answer, "name", tool->model_name);
  fl_set_string(answer, "description", tool->info->description != NULL ? tool->info->description : "");
  fl_set_take(answer, "arguments", fl_value_ref(tool->info->input_schema));
  FL_FREE_AUTO char *text = fl_dump(answer, NULL);
  fl_value_unref(answer);
  return fl_string(text != NULL ? text : "");
}

const char *fl_discovery_name(const struct fl_value *call) {
  const char *name = fl_get_string(call, "name", "");
  return strcmp(name, CALL) == 0 ? fl_get_string(fl_get(call, "args"), "name", "") : name;
}

/* The call of the tool itself; its id stays, so that the answer finds the model's call. */
static struct fl_value *inner_call(const struct fl_value *call, const struct fl_value *args) {
  struct fl_value *inner = fl_object();
  const struct fl_value *given = fl_get(args, "arguments");
  fl_set_take(inner, "id", fl_value_ref(fl_get(call, "id")));
  fl_set_string(inner, "name", fl_get_string(args, "name", ""));
  fl_set_take(inner, "args", given != NULL ? fl_value_ref((struct fl_value *)given) : fl_object());
  return inner;
}

bool fl_discovery_answer(struct fl_task *task, const struct fl_value *call, struct fl_value **ret_content,
                         bool *ret_is_error, struct fl_value **ret_call) {
  const char *name = fl_get_string(call, "name", "");
  const struct fl_value *args = fl_get(call, "args");
  *ret_content = *ret_call = NULL;
  *ret_is_error = false;
  if (strcmp(name, CALL) == 0) {
    *ret_call = inner_call(call, args);
    return true;
  }
  if (strcmp(name, FIND) == 0) {
    *ret_content = answer_find(task, args);
    return true;
  }
  if (strcmp(name, DESCRIBE) != 0) return false;
  const struct fl_registry_tool *tool = named(task, args);
  *ret_is_error = tool == NULL;
  *ret_content = tool != NULL ? answer_describe(tool)
                              : fl_stringf("Error: there is no tool named \"%s\". find_tools tells which there are.",
                                           fl_get_string(args, "name", ""));
  return true;
}

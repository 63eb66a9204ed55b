/* SPDX-License-Identifier: MIT */
#include "tools/toolset.h"

#include "runtime/base/mem.h"
#include "tools/args.h"

static const char NO_ARGUMENTS[] = "{\"type\":\"object\",\"additionalProperties\":false}";

static void def_destroy(struct fl_tool_def *def) {
  fl_schema_destroy(def->input);
  fl_schema_destroy(def->output);
  fl_value_unref(def->input_schema);
  fl_value_unref(def->output_schema);
  fl_value_unref(def->annotations);
  fl_value_unref(def->meta);
  fl_value_unref(def->icons);
  fl_free(def);
}

void fl_tool_def_ref(struct fl_tool_def *def) { atomic_fetch_add(&def->ref_count, 1); }

void fl_tool_def_unref(struct fl_tool_def *def) {
  if (def != NULL && atomic_fetch_sub(&def->ref_count, 1) == 1) def_destroy(def);
}

void fl_tool_set_init(struct fl_tool_set *set) {
  *set = (struct fl_tool_set){0};
  fl_map_init(&set->by_name);
}

void fl_tool_set_deinit(struct fl_tool_set *set) {
  for (size_t i = 0; i < set->count; i++) fl_tool_def_unref(set->defs[i]);
  fl_free(set->defs);
  fl_map_deinit(&set->by_name);
  *set = (struct fl_tool_set){0};
}

struct fl_tool_def *fl_tool_set_find(const struct fl_tool_set *set, const char *name) {
  return name != NULL ? fl_map_get(&set->by_name, name) : NULL;
}

static bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

/* The names that SEP-986 recommends, made a rule for tools of ours. */
static int check_name(const char *name, struct fl_error *err) {
  if (name == NULL || name[0] == '\0') return fl_error_set(err, FL_E_INVALID, "a tool has no name");
  size_t size = strlen(name);
  for (size_t i = 0; i < size; i++)
    if (!is_name_char(name[i]))
      return fl_error_set(err, FL_E_INVALID,
                          "tool name \"%.128s\": only letters, digits, \"_\", \"-\" and \".\" may be used", name);
  if (size > FL_TOOL_NAME_MAX)
    return fl_error_set(err, FL_E_INVALID, "tool name \"%.32s...\" has %zu characters; %d is the most", name, size,
                        FL_TOOL_NAME_MAX);
  return 0;
}

static int compile_schema(const char *text, struct fl_value **ret_value, struct fl_schema **ret_schema,
                          struct fl_error *err) {
  FL_VALUE_AUTO value = NULL;
  int status = fl_parse(text, strlen(text), &value, err);
  if (status == 0) status = fl_schema_create(value, NULL, ret_schema, err);
  if (status < 0) return FL_E_INVALID;
  *ret_value = fl_value_ref(value);
  return 0;
}

static int compile_input(struct fl_tool_def *def, struct fl_error *err) {
  const struct fl_tool *tool = &def->tool;
  if (tool->args == NULL || tool->input_schema != NULL)
    return compile_schema(tool->input_schema != NULL ? tool->input_schema : NO_ARGUMENTS, &def->input_schema,
                          &def->input, err);
  def->input_schema = fl_args_schema(tool->args);
  return fl_schema_create(def->input_schema, NULL, &def->input, err);
}

static bool is_note(const char *key) {
  return strcmp(key, "title") == 0 || strcmp(key, "description") == 0 || strcmp(key, "$schema") == 0;
}

/* {"type": TYPE} and what only tells, beside the members named in `others`, which end with NULL. */
static bool is_plain_schema(const struct fl_value *schema, const char *type, const char *const *others) {
  if (strcmp(fl_get_string(schema, "type", ""), type) != 0) return false;
  for (struct fl_member member = {0}; fl_next_member(schema, &member);) {
    const char *const *other = others;
    while (*other != NULL && strcmp(*other, member.key) != 0) other++;
    if (*other == NULL && strcmp(member.key, "type") != 0 && !is_note(member.key)) return false;
  }
  return true;
}

/* The usual schema of a tool that answers with a number is known by how it looks; others are evaluated each time. */
static bool promises_number(const struct fl_value *schema) {
  static const char *const of_object[] = {"properties", "required", "additionalProperties", NULL}, *const none[] = {
                                                                                                       NULL};
  const struct fl_value *properties = fl_get(schema, "properties"), *required = fl_get(schema, "required");
  if (!is_plain_schema(schema, "object", of_object) || fl_size(properties) != 1) return false;
  for (size_t i = 0; i < fl_size(required); i++)
    if (!fl_is(fl_at(required, i), FL_STRING) || strcmp(fl_as_string(fl_at(required, i)), "result") != 0) return false;
  return is_plain_schema(fl_get(properties, "result"), "number", none);
}

static int compile_schemas(struct fl_tool_def *def, struct fl_error *err) {
  const struct fl_tool *tool = &def->tool;
  int status = compile_input(def, err);
  if (status < 0) {
    fl_error_context(err, "input_schema of tool \"%s\"", tool->name);
    return status;
  }
  const char *type = fl_get_string(def->input_schema, "type", "");
  if (strcmp(type, "object") != 0)
    return fl_error_set(err, FL_E_INVALID, "input_schema of tool \"%s\": \"type\" must be \"object\"", tool->name);
  if (tool->output_schema == NULL) return 0;
  status = compile_schema(tool->output_schema, &def->output_schema, &def->output, err);
  if (status < 0) fl_error_context(err, "output_schema of tool \"%s\"", tool->name);
  else if (!fl_is(def->output_schema, FL_OBJECT))
    status = fl_error_set(err, FL_E_INVALID, "output_schema of tool \"%s\" must be an object", tool->name);
  def->promises_number = status == 0 && promises_number(def->output_schema);
  return status;
}

/* MCP's ToolAnnotations; its defaults (not read-only, destructive, open world) are stated only when a flag says
 * otherwise. */
static struct fl_value *annotations_of(const struct fl_tool *tool) {
  unsigned hints = FL_TOOL_READ_ONLY | FL_TOOL_IDEMPOTENT | FL_TOOL_DESTRUCTIVE | FL_TOOL_OPEN_WORLD;
  if ((tool->flags & hints) == 0) return NULL;
  struct fl_value *annotations = fl_object();
  fl_set_bool(annotations, "readOnlyHint", (tool->flags & FL_TOOL_READ_ONLY) != 0);
  fl_set_bool(annotations, "idempotentHint", (tool->flags & FL_TOOL_IDEMPOTENT) != 0);
  fl_set_bool(annotations, "destructiveHint", (tool->flags & FL_TOOL_DESTRUCTIVE) != 0);
  fl_set_bool(annotations, "openWorldHint", (tool->flags & FL_TOOL_OPEN_WORLD) != 0);
  return annotations;
}

/* The first struct of this kind ended with `user`; whatever later versions append reads as zero here. */
static int copy_tool(struct fl_tool *ret_tool, const struct fl_tool *tool, struct fl_error *err) {
  size_t least = offsetof(struct fl_tool, user) + sizeof tool->user;
  if (tool->size < least)
    return fl_error_set(err, FL_E_INVALID, "a tool says that its size is %zu bytes; set .size = sizeof(struct fl_tool)",
                        tool->size);
  *ret_tool = (struct fl_tool){0};
  memcpy(ret_tool, tool, tool->size < sizeof *tool ? tool->size : sizeof *tool);
  return 0;
}

static int parse_extra(const struct fl_tool *tool, const char *what, const char *text, struct fl_value **ret_value,
                       struct fl_error *err) {
  if (text == NULL) return 0;
  enum fl_type type = strcmp(what, "icons") == 0 ? FL_ARRAY : FL_OBJECT;
  int status = fl_parse(text, strlen(text), ret_value, err);
  if (status < 0) fl_error_context(err, "%s of tool \"%s\"", what, tool->name);
  else if (!fl_is(*ret_value, type))
    status = fl_error_set(err, FL_E_INVALID, "%s of tool \"%s\" must be an %s", what, tool->name, fl_type_name(type));
  return status < 0 ? FL_E_INVALID : 0;
}

int fl_tool_def_create(const struct fl_tool *tool, struct fl_tool_def **ret_def, struct fl_error *err) {
  struct fl_tool_def *def = fl_new(struct fl_tool_def);
  atomic_init(&def->ref_count, 1);
  int status = copy_tool(&def->tool, tool, err);
  if (status == 0) status = check_name(def->tool.name, err);
  if (status == 0 && def->tool.run == NULL)
    status = fl_error_set(err, FL_E_INVALID, "tool \"%s\" has no function", def->tool.name);
  if (status == 0) status = compile_schemas(def, err);
  if (status == 0) status = parse_extra(&def->tool, "meta", def->tool.meta, &def->meta, err);
  if (status == 0) status = parse_extra(&def->tool, "icons", def->tool.icons, &def->icons, err);
  if (status < 0) {
    def_destroy(def);
    return status;
  }
  def->annotations = annotations_of(&def->tool);
  *ret_def = def;
  return 0;
}

struct fl_tool_def *fl_tool_def_of_handler(const char *name, fl_tool_fn *run, void *user, unsigned flags) {
  struct fl_tool_def *def = fl_new(struct fl_tool_def);
  atomic_init(&def->ref_count, 1);
  def->tool = (struct fl_tool){.size = sizeof def->tool, .name = name, .run = run, .user = user, .flags = flags};
  return def;
}

int fl_tool_set_put_take(struct fl_tool_set *set, struct fl_tool_def *def, struct fl_error *err) {
  struct fl_tool_def *old = fl_map_get(&set->by_name, def->tool.name);
  if (old == NULL && set->count == FL_TOOL_SET_MAX) {
    fl_tool_def_unref(def);
    return fl_error_set(err, FL_E_LIMIT, "more than %d tools", FL_TOOL_SET_MAX);
  }
  size_t index = 0;
  while (old != NULL && set->defs[index] != old) index++;
  if (old == NULL) {
    index = set->count++;
    if (set->count > set->capacity) {
      set->capacity = set->capacity == 0 ? 8 : set->capacity * 2;
      set->defs = fl_realloc(set->defs, set->capacity * sizeof set->defs[0]);
    }
  }
  set->defs[index] = def;
  fl_map_set(&set->by_name, def->tool.name, def);
  fl_tool_def_unref(old);
  return 0;
}

bool fl_tool_set_remove(struct fl_tool_set *set, const char *name) {
  struct fl_tool_def *def = fl_map_remove(&set->by_name, name);
  if (def == NULL) return false;
  size_t index = 0;
  while (set->defs[index] != def) index++;
  set->count--;
  memmove(set->defs + index, set->defs + index + 1, (set->count - index) * sizeof set->defs[0]);
  fl_tool_def_unref(def);
  return true;
}

int fl_tool_set_add(struct fl_tool_set *set, const struct fl_tool *tool, struct fl_error *err) {
  struct fl_tool_def *def = NULL;
  int status = fl_tool_def_create(tool, &def, err);
  if (status < 0) return status;
  if (fl_tool_set_find(set, def->tool.name) == NULL) return fl_tool_set_put_take(set, def, err);
  status = fl_error_set(err, FL_E_EXISTS, "there are two tools with the name \"%s\"", def->tool.name);
  def_destroy(def);
  return status;
}

int fl_tool_set_add_all(struct fl_tool_set *set, const struct fl_tool *tools, size_t tool_count, struct fl_error *err) {
  for (size_t i = 0; i < tool_count; i++) {
    const struct fl_tool *tool = (const struct fl_tool *)(const void *)((const char *)tools + i * tools[0].size);
    int status = fl_tool_set_add(set, tool, err);
    if (status < 0) return status;
  }
  return 0;
}

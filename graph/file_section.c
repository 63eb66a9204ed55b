/* SPDX-License-Identifier: MIT */
/* The sections of the file and of its includes, brought together; channels and effects. */
#include "graph/file_loader.h"
#include "runtime/json/schema.h"

#include <stdio.h>

/* ---- bringing sections together ---- */

static void add_entry(struct fl_section *section, const struct fl_spot *spot, const char *what) {
  struct fl_entry *known = fl_section_find(section, spot->key);
  if (known != NULL) {
    FL_FREE_AUTO char *advice = fl_format("rename one of them: the other is in %s", known->spot.document->file);
    fl_spot_key_error(spot, advice, "%s \"%s\" is defined in two files", what, spot->key);
    return;
  }
  struct fl_entry *entry = fl_new(struct fl_entry);
  entry->spot = *spot;
  entry->name = spot->key;
  section->items = fl_realloc(section->items, (section->count + 1) * sizeof *section->items);
  section->names = fl_realloc(section->names, (section->count + 1) * sizeof *section->names);
  section->items[section->count] = entry;
  section->names[section->count++] = entry->name;
  section->own_count = section->count;
  fl_map_set(&section->index, entry->name, entry);
}

static void collect(struct fl_section *section, const struct fl_spot *map, const char *what) {
  if (map->value == NULL || !fl_spot_is(map, FL_OBJECT)) return;
  for (struct fl_member m = {0}; fl_next_member(map->value, &m);) {
    struct fl_spot spot = fl_spot_member(map, m.key);
    if (m.key[0] == '\0') fl_spot_key_error(&spot, NULL, "%s needs a name", what);
    else add_entry(section, &spot, what);
  }
}

/* What the file around has and this one does not say otherwise. */
static void inherit(struct fl_section *section, const struct fl_section *outer) {
  for (size_t i = 0; i < outer->count; i++) {
    struct fl_entry *entry = outer->items[i];
    if (fl_section_find(section, entry->name) != NULL) continue;
    section->items = fl_realloc(section->items, (section->count + 1) * sizeof *section->items);
    section->names = fl_realloc(section->names, (section->count + 1) * sizeof *section->names);
    section->items[section->count] = entry;
    section->names[section->count++] = entry->name;
    fl_map_set(&section->index, entry->name, entry);
  }
}

void fl_file_collect(struct fl_loader *loader) {
  struct fl_section *sections[] = {&loader->state, &loader->models, &loader->servers, &loader->nodes};
  static const char *const keys[] = {"state", "models", "mcpServers", "nodes"};
  static const char *const whats[] = {"channel", "model", "server", "node"};
  loader->has_default_state = true;
  for (size_t p = 0; p < loader->part_count; p++) {
    struct fl_file_part *part = loader->parts[p];
    part->graphs = fl_spot_member(&part->root, "graphs");
    for (size_t s = 0; s < 4; s++) {
      part->sections[s] = fl_spot_member(&part->root, keys[s]);
      collect(sections[s], &part->sections[s], whats[s]);
    }
    if (part->sections[0].value != NULL) loader->has_default_state = false;
  }
  if (loader->outer == NULL) return;
  inherit(&loader->models, &loader->outer->models);
  inherit(&loader->servers, &loader->outer->servers);
}

/* ---- channels ---- */

enum { REDUCER_COUNT = FL_UNTRACKED + 1 };

static bool read_reducer(const struct fl_spot *spot, enum fl_reducer *ret_reducer) {
  const char *name = fl_spot_text(spot, "reducer", false);
  *ret_reducer = FL_LAST;
  if (name == NULL) return fl_get(spot->value, "reducer") == NULL;
  const char *names[REDUCER_COUNT];
  for (size_t i = 0; i < REDUCER_COUNT; i++) {
    *ret_reducer = (enum fl_reducer)i;
    names[i] = fl_reducer_name(*ret_reducer);
    if (strcmp(name, names[i]) == 0) return true;
  }
  struct fl_spot member = fl_spot_member(spot, "reducer");
  char advice[FL_SUGGESTION_MAX];
  const char *near = fl_suggest(name, names, REDUCER_COUNT, advice);
  fl_spot_error(&member,
                near != NULL
                    ? near
                    : "the reducers are last, any, append, sum, and, or, min, max, merge, messages, ephemeral, "
                      "topic, untracked",
                "there is no reducer \"%s\"", name);
  return false;
}

static bool check_type_name(const struct fl_spot *spot) {
  static const char *const names[] = {"null", "boolean", "integer", "number", "string", "array", "object"};
  if (!fl_spot_is(spot, FL_STRING)) return false;
  const char *name = fl_as_string(spot->value);
  for (size_t i = 0; i < 7; i++) {
    if (strcmp(name, names[i]) == 0) return true;
  }
  char advice[FL_SUGGESTION_MAX];
  const char *near = fl_suggest(name, names, 7, advice);
  fl_spot_error(spot, near != NULL ? near : "the types are null, boolean, integer, number, string, array, object",
                "there is no type \"%s\"", name);
  return false;
}

static bool check_type(const struct fl_spot *spot) {
  if (!fl_is(spot->value, FL_ARRAY)) return check_type_name(spot);
  bool is_right = true;
  for (size_t i = 0; i < fl_size(spot->value); i++) {
    struct fl_spot element = fl_spot_element(spot, i);
    is_right = check_type_name(&element) && is_right;
  }
  return is_right;
}

/* The channel's JSON Schema, from `schema` or made from `type`; NULL when there is none or it is wrong. */
static struct fl_value *read_schema(const struct fl_spot *spot) {
  struct fl_spot type = fl_spot_member(spot, "type"), schema = fl_spot_member(spot, "schema");
  if (type.value != NULL && schema.value != NULL) {
    fl_spot_key_error(&type, "put the type into the schema", "a channel has \"type\" or \"schema\", not both");
    return NULL;
  }
  if (schema.value != NULL)
    return fl_is(schema.value, FL_BOOL) || fl_spot_is(&schema, FL_OBJECT) ? fl_value_ref(schema.value) : NULL;
  if (type.value == NULL || !check_type(&type)) return NULL;
  struct fl_value *made = fl_object();
  fl_set_take(made, "type", fl_value_ref(type.value));
  return made;
}

static void check_schema(const struct fl_spot *spot, struct fl_value *schema_value, const char *what) {
  struct fl_spot default_spot = fl_spot_member(spot, "default"), schema_spot = fl_spot_member(spot, "schema");
  struct fl_schema *schema = NULL;
  struct fl_error err = {0};
  if (fl_schema_create(schema_value, NULL, &schema, &err) < 0) {
    fl_spot_error(&schema_spot, NULL, "the schema is not valid: %s", err.text);
    return;
  }
  struct fl_schema_result result = {0};
  if (default_spot.value != NULL && fl_schema_validate(schema, default_spot.value, &result) != 0) {
    FL_BUF_AUTO text = {0};
    fl_schema_result_text(&result, &text);
    fl_spot_error(&default_spot, NULL, "the default does not fit the %s's %s: %s", what,
                  schema_spot.value != NULL ? "schema" : "type",
                  text.size > 0 ? text.data : "it is too large to check");
  }
  fl_schema_result_deinit(&result);
  fl_schema_destroy(schema);
}

struct fl_value *fl_file_load_schema(const struct fl_spot *spot, const char *what) {
  struct fl_value *schema = read_schema(spot);
  if (schema != NULL) check_schema(spot, schema, what);
  return schema;
}

static bool read_flag(const struct fl_spot *spot, const char *key, bool fallback) {
  struct fl_spot flag = fl_spot_member(spot, key);
  return flag.value != NULL && fl_spot_is(&flag, FL_BOOL) ? fl_as_bool(flag.value, fallback) : fallback;
}

/* Flags that only some reducers have. */
static void check_flags(const struct fl_spot *spot, enum fl_reducer reducer) {
  struct fl_spot accumulate = fl_spot_member(spot, "accumulate"), guard = fl_spot_member(spot, "guard");
  if (accumulate.value != NULL && reducer != FL_TOPIC)
    fl_spot_key_error(&accumulate, NULL, "only the reducer topic accumulates or does not");
  if (guard.value != NULL && reducer != FL_EPHEMERAL && reducer != FL_UNTRACKED)
    fl_spot_key_error(&guard, NULL, "only the reducers ephemeral and untracked have a guard against several writes");
}

static void load_channel(struct fl_loader *loader, const struct fl_entry *entry) {
  const struct fl_spot *spot = &entry->spot;
  if (!fl_spot_is(spot, FL_OBJECT)) return;
  fl_spot_check_keys(spot, &fl_shape_channel);
  enum fl_reducer reducer;
  bool is_known = read_reducer(spot, &reducer);
  FL_VALUE_AUTO schema = fl_file_load_schema(spot, "channel");
  struct fl_channel_options options = {
      .size = sizeof options, .reducer = reducer, .default_value = fl_get(spot->value, "default"), .schema = schema};
  options.accumulate = read_flag(spot, "accumulate", false);
  options.no_guard = !read_flag(spot, "guard", true);
  options.is_private = read_flag(spot, "private", false);
  if (is_known) check_flags(spot, reducer);
  if (is_known) fl_graph_channel(loader->graph, entry->name, &options);
}

void fl_file_load_state(struct fl_loader *loader) {
  for (size_t i = 0; i < loader->state.count; i++) load_channel(loader, loader->state.items[i]);
  if (!loader->has_default_state) return;
  struct fl_channel_options options = {.size = sizeof options, .reducer = FL_MESSAGES};
  fl_graph_channel(loader->graph, "messages", &options);
}

bool fl_file_has_channel(const struct fl_loader *loader, const char *name) {
  if (loader->has_default_state) return strcmp(name, "messages") == 0;
  return fl_section_find(&loader->state, name) != NULL;
}

bool fl_file_has_messages(const struct fl_loader *loader) {
  if (loader->has_default_state) return true;
  const struct fl_entry *entry = fl_section_find(&loader->state, "messages");
  return entry != NULL && strcmp(fl_get_string(entry->spot.value, "reducer", ""), "messages") == 0;
}

void fl_file_use_channel(const struct fl_spot *spot, const char *name) {
  if (spot->loader->has_default_state && strcmp(name, "messages") == 0) return;
  fl_section_use(&spot->loader->state, spot, "channel", name);
}

void fl_file_write_channel(const struct fl_spot *spot, const char *name) {
  struct fl_entry *entry = fl_section_find(&spot->loader->state, name);
  if (entry != NULL) entry->is_written = true;
  fl_file_use_channel(spot, name);
}

/* ---- effects ---- */

static void check_effect(const struct fl_spot *spot) {
  static const char *const names[] = {"read", "keyed", "once"};
  if (!fl_spot_is(spot, FL_STRING)) return;
  const char *name = fl_as_string(spot->value);
  for (size_t i = 0; i < 3; i++) {
    if (strcmp(name, names[i]) == 0) return;
  }
  fl_spot_error(spot, "the effects are read, keyed and once", "there is no effect \"%s\"", name);
}

struct fl_value *fl_file_load_effects(struct fl_loader *loader) {
  struct fl_spot effects = fl_spot_member(fl_loader_root(loader), "effects");
  if (effects.value == NULL || !fl_spot_is(&effects, FL_OBJECT)) return fl_object();
  for (struct fl_member m = {0}; fl_next_member(effects.value, &m);) {
    struct fl_spot effect = fl_spot_member(&effects, m.key);
    fl_file_check_tool(&effect, m.key, true);
    check_effect(&effect);
  }
  return fl_value_ref(effects.value);
}

/* SPDX-License-Identifier: MIT */
#include "runtime/engine/opening.h"

#include "runtime/base/mem.h"

struct fl_opening {
  struct fl_registry_open open;
  fl_opening_fn *on_ready; /* NULL once it is abandoned */
  void *user;
  const char **names;
};

static bool holds(const char *const *names, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(names[i], name) == 0) return true;
  return false;
}

static const char **servers_of(const struct fl_value *patterns, bool *ret_all) {
  const char **names = fl_new_array(const char *, fl_size(patterns) + 1);
  size_t count = 0;
  *ret_all = false;
  for (size_t i = 0; i < fl_size(patterns); i++) {
    const char *pattern = fl_as_string(fl_at(patterns, i));
    const char *slash = pattern != NULL ? strchr(pattern, '/') : NULL;
    *ret_all |= pattern != NULL && slash == NULL;
    if (slash == NULL) continue;
    char *server = fl_strndup(pattern, (size_t)(slash - pattern));
    if (holds(names, count, server)) fl_free(server);
    else names[count++] = server;
  }
  return names;
}

static void on_registry_ready(struct fl_registry_open *open, int status, const struct fl_error *err) {
  struct fl_opening *opening = open->user;
  struct fl_opening copy = *opening;
  struct fl_error error = err != NULL ? *err : (struct fl_error){0};
  for (size_t i = 0; opening->names[i] != NULL; i++) fl_free((char *)opening->names[i]);
  fl_free(opening->names);
  fl_free(opening);
  if (copy.on_ready != NULL) copy.on_ready(status, status < 0 ? &error : NULL, copy.user);
}

struct fl_opening *fl_opening_start(struct fl_registry *registry, const struct fl_value *patterns,
                                    fl_opening_fn *on_ready, void *user) {
  struct fl_opening *opening = fl_new(struct fl_opening);
  bool wants_all = false;
  opening->on_ready = on_ready;
  opening->user = user;
  opening->names = servers_of(patterns, &wants_all);
  opening->open = (struct fl_registry_open){
      .on_ready = on_registry_ready, .user = opening, .names = wants_all ? NULL : opening->names};
  fl_registry_open(registry, &opening->open);
  return opening;
}

void fl_opening_abandon(struct fl_opening *opening) { opening->on_ready = NULL; }

struct fl_value *fl_opening_patterns(const struct fl_definition *definition) {
  struct fl_value *patterns = fl_array();
  for (size_t i = 0; i < definition->node_count; i++) {
    const struct fl_value *tools = fl_get(definition->nodes[i].config, "tools");
    for (size_t j = 0; j < fl_size(tools); j++) fl_append_take(patterns, fl_value_ref(fl_at(tools, j)));
  }
  return patterns;
}

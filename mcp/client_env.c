/* SPDX-License-Identifier: MIT */
#include "mcp/client_env.h"

#include "runtime/base/mem.h"

#include <string.h>

bool fl_mcp_is_secret_name(const char *name_and_value) {
  static const char *const endings[] = {"API_KEY", "ACCESS_KEY", "SECRET_KEY", "SECRET", "TOKEN", "PASSWORD"};
  size_t size = strcspn(name_and_value, "=");
  for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
    size_t ending = strlen(endings[i]);
    if (size < ending || strncmp(name_and_value + size - ending, endings[i], ending) != 0) continue;
    if (size == ending || name_and_value[size - ending - 1] == '_') return true;
  }
  return false;
}

static size_t count_of(const char *const *list) {
  size_t count = 0;
  while (list != NULL && list[count] != NULL) count++;
  return count;
}

static bool is_set_by(const char *const *own, const char *entry) {
  size_t size = strcspn(entry, "=");
  for (size_t i = 0; own != NULL && own[i] != NULL; i++)
    if (strcspn(own[i], "=") == size && strncmp(own[i], entry, size) == 0) return true;
  return false;
}

char **fl_mcp_env_make(const char *const *inherited, const char *const *own) {
  char **env = fl_new_array(char *, count_of(inherited) + count_of(own) + 1);
  size_t count = 0;
  for (size_t i = 0; inherited != NULL && inherited[i] != NULL; i++)
    if (!fl_mcp_is_secret_name(inherited[i]) && !is_set_by(own, inherited[i])) env[count++] = fl_strdup(inherited[i]);
  for (size_t i = 0; own != NULL && own[i] != NULL; i++) env[count++] = fl_strdup(own[i]);
  return env;
}

static const char *find(const char *const *list, const char *name) {
  size_t size = strlen(name);
  for (; list != NULL && *list != NULL; list++)
    if (strncmp(*list, name, size) == 0 && (*list)[size] == '=') return *list;
  return NULL;
}

static bool is_named(const char *const *names, const char *name) {
  for (; names != NULL && *names != NULL; names++)
    if (strcmp(*names, name) == 0) return true;
  return false;
}

char **fl_mcp_env_pick(const char *const *inherited, const char *const *own, const char *const *names) {
  char **env = fl_new_array(char *, count_of(names) + 2);
  size_t count = 0;
  const char *path = is_named(names, "PATH") ? NULL : find(inherited, "PATH");
  if (path != NULL) env[count++] = fl_strdup(path);
  for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
    const char *entry = find(own, names[i]);
    if (entry == NULL) entry = find(inherited, names[i]);
    if (entry != NULL) env[count++] = fl_strdup(entry);
  }
  return env;
}

void fl_mcp_env_free(char **env) {
  for (size_t i = 0; env != NULL && env[i] != NULL; i++) fl_free(env[i]);
  fl_free(env);
}

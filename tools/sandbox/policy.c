/* SPDX-License-Identifier: MIT */
#include "tools/sandbox/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const layer_names[FL_LAYER_COUNT] = {"landlock", "scope", "seccomp", "namespaces", "cgroup"};

const char *fl_layer_name(enum fl_layer layer) { return layer_names[layer]; }

int fl_layer_find(const char *name) {
  for (int i = 0; i < FL_LAYER_COUNT; i++)
    if (strcmp(layer_names[i], name) == 0) return i;
  return -1;
}

static int read_number(const char *value, uint64_t *number) {
  if (*number != 0 || *value < '1' || *value > '9' || strlen(value) > 15) return -1;
  for (const char *at = value; *at != '\0'; at++)
    if (*at < '0' || *at > '9') return -1;
  *number = strtoull(value, NULL, 10);
  return 0;
}

static int read_path(struct fl_sandbox *sandbox, const char *value, bool may_write) {
  if (value[0] != '/' || sandbox->path_count == FL_SANDBOX_PATHS_MAX) return -1;
  sandbox->paths[sandbox->path_count++] = (struct fl_sandbox_path){value, may_write};
  return 0;
}

static int read_sha256(struct fl_sandbox *sandbox, const char *value) {
  if (sandbox->sha256 != NULL || strlen(value) != 64 || strspn(value, "0123456789abcdef") != 64) return -1;
  sandbox->sha256 = value;
  return 0;
}

static int read_secret(struct fl_sandbox *sandbox, const char *value) {
  if (sandbox->secret_count == FL_SANDBOX_SECRETS_MAX || value[0] == '\0' || strchr(value, '=') != NULL) return -1;
  sandbox->secrets[sandbox->secret_count++] = value;
  return 0;
}

static int read_without(struct fl_sandbox *sandbox, const char *value) {
  int layer = fl_layer_find(value);
  if (layer < 0) return -1;
  sandbox->without |= 1u << layer;
  return 0;
}

/* Which hosts they are is the proxy's affair. */
static int read_host(struct fl_sandbox *sandbox, const char *value) {
  sandbox->has_way_out = true;
  return strchr(value, ':') != NULL ? 0 : -1;
}

static int read_exec(struct fl_sandbox *sandbox, const char *value, bool *has_exec) {
  bool is_yes = strcmp(value, "yes") == 0;
  if (*has_exec || (!is_yes && strcmp(value, "no") != 0)) return -1;
  *has_exec = true;
  sandbox->may_exec = is_yes;
  return 0;
}

static int read_line(struct fl_sandbox *sandbox, const char *key, const char *value, bool *has_exec) {
  if (strcmp(key, "read") == 0) return read_path(sandbox, value, false);
  if (strcmp(key, "write") == 0) return read_path(sandbox, value, true);
  if (strcmp(key, "host") == 0) return read_host(sandbox, value);
  if (strcmp(key, "exec") == 0) return read_exec(sandbox, value, has_exec);
  if (strcmp(key, "procs") == 0) return read_number(value, &sandbox->procs);
  if (strcmp(key, "memory") == 0) return read_number(value, &sandbox->memory);
  if (strcmp(key, "cpu") == 0) return read_number(value, &sandbox->cpu_ms);
  if (strcmp(key, "fds") == 0) return read_number(value, &sandbox->fds);
  if (strcmp(key, "sha256") == 0) return read_sha256(sandbox, value);
  if (strcmp(key, "secret") == 0) return read_secret(sandbox, value);
  if (strcmp(key, "without") == 0) return read_without(sandbox, value);
  return -1;
}

int fl_sandbox_parse(char *text, struct fl_sandbox *ret_sandbox, char ret_complaint[FL_SANDBOX_COMPLAINT_SIZE]) {
  struct fl_sandbox sandbox = {0};
  unsigned line = 0;
  bool has_exec = false;
  for (char *at = text; *at != '\0';) {
    size_t size = strcspn(at, "\n");
    char *next = at[size] == '\n' ? at + size + 1 : at + size;
    at[size] = '\0';
    char *value = strchr(at, ' ');
    if (value != NULL) *value++ = '\0';
    bool is_first = line++ == 0, is_good = value != NULL;
    if (is_good && is_first) is_good = strcmp(at, "sandbox") == 0 && strcmp(value, "1") == 0;
    else if (is_good) is_good = read_line(&sandbox, at, value, &has_exec) == 0;
    if (!is_good) {
      snprintf(ret_complaint, FL_SANDBOX_COMPLAINT_SIZE, "line %u of the sandbox policy is not understood: %.60s", line,
               at);
      return -1;
    }
    at = next;
  }
  if (line == 0) {
    snprintf(ret_complaint, FL_SANDBOX_COMPLAINT_SIZE, "the sandbox policy is empty");
    return -1;
  }
  *ret_sandbox = sandbox;
  return 0;
}

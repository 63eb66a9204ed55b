/* SPDX-License-Identifier: MIT */
/* Names of tools: what the model sees, and which patterns match. Pure.
 *
 * Why the model's names cannot collide. A name is plain, "SERVER__TOOL", only when it fits, has no character changed,
 * its server part has no "__" and does not end in "_" (so the first "__" is the border), and it does not look like a
 * hashed name. Every other pair gets a hashed name, which ends in "__x" and twelve hex digits of the hash of (server,
 * tool). */
#include "runtime/base/id.h"
#include "tools/registry.h"

#include <stdio.h>

enum { HASH_HEX = 12, SUFFIX_SIZE = 3 + HASH_HEX };

static bool is_model_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bool has_model_chars_only(const char *text) {
  for (; *text != '\0'; text++)
    if (!is_model_char(*text)) return false;
  return true;
}

static bool looks_hashed(const char *name, size_t size) {
  if (size < SUFFIX_SIZE || memcmp(name + size - SUFFIX_SIZE, "__x", 3) != 0) return false;
  return strspn(name + size - HASH_HEX, "0123456789abcdef") == HASH_HEX;
}

static bool is_plain(const char *server, const char *tool, char ret_name[FL_MODEL_TOOL_NAME_MAX + 1]) {
  size_t server_size = strlen(server), tool_size = strlen(tool);
  if (server_size == 0 || tool_size == 0 || server_size > FL_MODEL_TOOL_NAME_MAX || tool_size > FL_MODEL_TOOL_NAME_MAX)
    return false;
  if (server_size + 2 + tool_size > FL_MODEL_TOOL_NAME_MAX) return false;
  if (!has_model_chars_only(server) || !has_model_chars_only(tool)) return false;
  if (strstr(server, "__") != NULL || server[server_size - 1] == '_') return false;
  int size = snprintf(ret_name, FL_MODEL_TOOL_NAME_MAX + 1, "%s__%s", server, tool);
  return !looks_hashed(ret_name, (size_t)size);
}

void fl_registry_model_name(const char *server, const char *tool, char ret_name[FL_MODEL_TOOL_NAME_MAX + 1]) {
  if (is_plain(server, tool, ret_name)) return;
  uint8_t hash[FL_HASH_SIZE];
  char hex[2 * FL_HASH_SIZE + 1];
  fl_hash_parts((fl_slice[]){fl_slice_of(server), fl_slice_of(tool)}, 2, hash);
  fl_hex(hash, sizeof hash, hex);
  size_t size = 0, most = FL_MODEL_TOOL_NAME_MAX - SUFFIX_SIZE;
  const char *parts[] = {server, "__", tool};
  for (size_t i = 0; i < 3; i++)
    for (const char *c = parts[i]; *c != '\0' && size < most; c++) ret_name[size++] = is_model_char(*c) ? *c : '_';
  snprintf(ret_name + size, SUFFIX_SIZE + 1, "__x%.*s", HASH_HEX, hex);
}

bool fl_registry_matches(const char *pattern, const char *full_name) {
  size_t size = strlen(pattern);
  if (size > 0 && pattern[size - 1] == '*') return strncmp(pattern, full_name, size - 1) == 0;
  return strcmp(pattern, full_name) == 0;
}

/* SPDX-License-Identifier: MIT */
/* Who may include whom. A file includes its own folder and lower floors; the pure cores see base, json and wire alone;
 * what is written for users sees the public headers only; the header of a library stays in the folder that wraps it. */
#include "tests/house/house.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum kind { INNER, CORE, PUBLIC_ONLY };

struct folder {
  const char *path; /* the longest that fits wins */
  int floor;
  enum kind kind;
};

static const struct folder folders[] = {
    {"runtime/base/", 0, INNER},
    {"runtime/json/", 10, INNER},
    {"runtime/wire/", 10, INNER},
    {"runtime/io/", 20, INNER},
    {"graph/", 25, CORE},
    {"mcp/proto/", 25, CORE},
    {"tools/policy/", 25, CORE},
    {"runtime/store/", 30, INNER},
    {"tools/sandbox/", 30, INNER},
    {"runtime/model/", 31, INNER},
    {"runtime/trace/", 31, INNER},
    {"tools/", 31, INNER},
    {"mcp/transport/", 31, INNER},
    {"runtime/engine/", 40, INNER},
    {"mcp/", 40, INNER},
    {"mcp/auth/", 30, INNER},
    {"tools/builtin/", 40, PUBLIC_ONLY},
    {"runtime/api/", 50, INNER},
    {"runtime/redteam/", 55, INNER},
    {"runtime/cli/", 60, INNER},
    {"examples/", 70, PUBLIC_ONLY},
};

struct library {
  const char *header; /* how it begins */
  const char *folders[3];
};

static const struct library libraries[] = {
    {"jansson", {"runtime/json/"}},
    {"pcre2", {"runtime/json/"}},
    {"yaml", {"runtime/json/"}},
    {"uv.h", {"runtime/io/"}},
    {"uv/", {"runtime/io/"}},
    {"curl/", {"runtime/io/"}},
    {"sqlite3", {"runtime/store/", "tools/builtin/"}},
    {"sodium", {"runtime/base/", "runtime/io/"}},
    {"seccomp", {"tools/sandbox/"}},
    {"linux/landlock", {"tools/sandbox/"}},
    {"linux/seccomp", {"tools/sandbox/"}},
    {"histedit", {"runtime/cli/"}},
    {"editline", {"runtime/cli/"}},
    {"openssl/", {"runtime/io/", "mcp/auth/"}},
    {"pthread", {"runtime/io/", "runtime/store/"}},
    {"threads.h", {"runtime/io/", "runtime/store/"}},
};

static bool starts(const char *text, const char *prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

static const struct folder *find_folder(const char *path) {
  const struct folder *best = NULL;
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
    bool is_longer = best == NULL || strlen(folders[i].path) > strlen(best->path);
    if (starts(path, folders[i].path) && is_longer) best = &folders[i];
  }
  return best;
}

static bool is_public_header(const char *path) {
  static const char *const headers[] = {"runtime/runtime.h", "runtime/memory.h", "runtime/value.h", "runtime/error.h",
                                        "graph/graph.h",     "tools/tools.h",    "mcp/mcp.h",       "mcp/client.h",
                                        "mcp/serve.h"};
  for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
    if (strcmp(path, headers[i]) == 0) return true;
  return false;
}

static void check_floor(struct house *house, const struct house_file *file, size_t line, const char *header) {
  const struct folder *from = find_folder(file->path), *to = find_folder(header);
  if (from == NULL || to == NULL || is_public_header(file->path)) {
    house_find(house, HOUSE_FLOOR, file, line, "\"%s\" stands on no floor, or is included from none", header);
    return;
  }
  bool is_fine = to->floor < from->floor || to == from;
  if (from->kind == CORE) is_fine = to->floor <= 10 || to == from;
  if (from->kind == PUBLIC_ONLY) is_fine = to == from;
  if (!is_fine) house_find(house, HOUSE_FLOOR, file, line, "%s may not see \"%s\"", from->path, header);
}

/* The tests of a folder may use what the folder wraps: tests/unit/store/x.c counts as runtime/store/x.c. */
static bool lies_in(const char *path, const char *folder) {
  static const char tests[] = "tests/unit/";
  if (starts(path, folder)) return true;
  if (!starts(path, tests)) return false;
  return starts(path + sizeof tests - 1, starts(folder, "runtime/") ? folder + strlen("runtime/") : folder);
}

static void check_library(struct house *house, const struct house_file *file, size_t line, const char *header) {
  char name[512];
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
    if (!starts(header, libraries[i].header)) continue;
    for (size_t k = 0; k < 3 && libraries[i].folders[k] != NULL; k++)
      if (lies_in(file->path, libraries[i].folders[k])) return;
    snprintf(name, sizeof name, "%s:%s", file->path, header);
    if (!house_is_excused(house, "library", name))
      house_find(house, HOUSE_LIBRARY, file, line, "<%s> belongs to %s", header, libraries[i].folders[0]);
    return;
  }
}

/* One line: `#include "x"` or `#include <x>`. */
static void check_line(struct house *house, const struct house_file *file, size_t line, const char *at) {
  char header[256];
  while (*at == ' ') at++;
  if (*at++ != '#') return;
  while (*at == ' ') at++;
  if (!starts(at, "include")) return;
  at += strlen("include");
  while (*at == ' ') at++;
  size_t size = strcspn(at + 1, "\">\n");
  if ((*at != '"' && *at != '<') || size >= sizeof header) return;
  memcpy(header, at + 1, size);
  header[size] = '\0';
  bool is_ours = *at == '"', is_test = starts(file->path, "tests/");
  if (!is_ours) check_library(house, file, line, header);
  else if (!is_test) check_floor(house, file, line, header);
}

void house_check_includes(struct house *house, const struct house_file *file) {
  size_t line = 1;
  for (const char *at = file->text; at != NULL && *at != '\0'; line++) {
    check_line(house, file, line, at);
    at = strchr(at, '\n');
    if (at != NULL) at++;
  }
}

/* SPDX-License-Identifier: MIT */
/* A folder of skills (io.modelcontextprotocol/skills), read once: each folder with a SKILL.md is one. Its files are
 * resources that are not listed; what is served later must have the digest that was told, so a file that was changed in
 * the meantime is not served. Links are not followed, and names that begin with a dot are left out. */
#include "mcp/server.h"
#include "runtime/base/id.h"
#include "runtime/base/mem.h"
#include "runtime/base/sha256.h"
#include "runtime/json/utf8.h"
#include "runtime/json/yaml.h"
#include "runtime/wire/url.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 512, SIZE_MAX_ALL = 16 * 1024 * 1024, DEPTH_MAX = 16, DIGEST_SIZE = 7 + 2 * FL_SHA256_SIZE + 1 };
#define DIRECTORY_TYPE "inode/directory"

struct reading {
  struct fl_server *server;
  struct fl_server_skill *skill;
  struct fl_value *files; /* the manifest */
  size_t total;
  struct fl_error *err;
};

/* ---- files ---- */

static int read_file(const char *path, struct fl_buf *ret_bytes, struct fl_error *err) {
  int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return fl_error_set(err, FL_E_NOT_FOUND, "%s cannot be read: %s", path, strerror(errno));
  char chunk[65536];
  ssize_t got;
  int status = 0;
  while (status == 0 && (got = read(fd, chunk, sizeof chunk)) > 0) status = fl_buf_add(ret_bytes, chunk, (size_t)got);
  if (status == 0 && got < 0) status = FL_E_IO;
  close(fd);
  if (status == FL_E_LIMIT) return fl_error_set(err, status, "%s: a skill has more than %d bytes", path, SIZE_MAX_ALL);
  return status < 0 ? fl_error_set(err, status, "%s cannot be read", path) : 0;
}

static void digest_of(const struct fl_buf *bytes, char ret_text[DIGEST_SIZE]) {
  uint8_t hash[FL_SHA256_SIZE];
  fl_sha256(fl_buf_slice(bytes), hash);
  memcpy(ret_text, "sha256:", 7);
  fl_hex(hash, sizeof hash, ret_text + 7);
}

static const char *mime_type_of(const char *name) {
  static const struct {
    const char *end, *type;
  } types[] = {{".md", "text/markdown"},   {".json", "application/json"}, {".html", "text/html"},
               {".png", "image/png"},      {".svg", "image/svg+xml"},     {".jpg", "image/jpeg"},
               {".pdf", "application/pdf"}};
  size_t size = strlen(name);
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    size_t end = strlen(types[i].end);
    if (size > end && strcasecmp(name + size - end, types[i].end) == 0) return types[i].type;
  }
  return "text/plain";
}

/* The path of a file, and behind its end the digest that was told. */
static char *pack_path(const char *path, const char *digest) {
  size_t size = strlen(path) + 1;
  char *packed = fl_alloc(size + DIGEST_SIZE);
  memcpy(packed, path, size);
  memcpy(packed + size, digest, DIGEST_SIZE);
  return packed;
}

static int serve_file(struct fl_call *call, const struct fl_value *args, void *user) {
  const char *path = user, *told = path + strlen(path) + 1;
  FL_BUF_AUTO bytes = {.limit = SIZE_MAX_ALL};
  char digest[DIGEST_SIZE];
  if (read_file(path, &bytes, NULL) < 0) return fl_call_fail(call, -32603, "the file cannot be read any more");
  digest_of(&bytes, digest);
  if (strcmp(digest, told) != 0) return fl_call_fail(call, -32603, "the file was changed since the skill was listed");
  const char *type = mime_type_of(path);
  bool is_text = strncmp(type, "text/", 5) == 0 || strcmp(type, "application/json") == 0;
  bool is_clean = bytes.size == 0 || (memchr(bytes.data, '\0', bytes.size) == NULL &&
                                      fl_utf8_valid_size(bytes.data, bytes.size) == bytes.size);
  if (is_text && is_clean) return fl_call_return_resource_text(call, type, bytes.data != NULL ? bytes.data : "");
  return fl_call_return_resource_bytes(call, is_text ? NULL : type, bytes.data != NULL ? bytes.data : "", bytes.size);
}

/* ---- the folder of one skill ---- */

static char *join_uri(const char *folder, const char *name) {
  FL_BUF_AUTO uri = {0};
  fl_buf_addf(&uri, "%s/", folder);
  fl_url_encode(&uri, fl_slice_of(name));
  return fl_buf_take(&uri, NULL);
}

static int add_file(struct reading *reading, const char *path, const char *uri) {
  FL_BUF_AUTO bytes = {.limit = SIZE_MAX_ALL - reading->total};
  int status = read_file(path, &bytes, reading->err);
  if (status < 0) return status;
  if (fl_size(reading->files) == FILES_MAX)
    return fl_error_set(reading->err, FL_E_LIMIT, "%s: a skill has more than %d files", path, FILES_MAX);
  reading->total += bytes.size;
  char digest[DIGEST_SIZE];
  digest_of(&bytes, digest);
  struct fl_value *file = fl_object();
  fl_set_string(file, "uri", uri);
  fl_set_string(file, "digest", digest);
  fl_set_int(file, "size", (int64_t)bytes.size);
  fl_append_take(reading->files, file);
  struct fl_resource resource = {
      .size = sizeof resource, .uri = uri, .name = uri, .run = serve_file, .flags = FL_TOOL_PARALLEL};
  return fl_server_add_hidden_file(reading->server, &resource, pack_path(path, digest), reading->err);
}

static int add_folder(struct reading *reading, const char *path, const char *uri, int depth);

static int add_entry(struct reading *reading, const char *path, const char *uri, int depth,
                     struct fl_value *children) {
  struct stat info;
  const char *name = strrchr(path, '/') + 1;
  if (lstat(path, &info) != 0 || !(S_ISDIR(info.st_mode) || S_ISREG(info.st_mode))) return 0;
  bool is_folder = S_ISDIR(info.st_mode);
  struct fl_value *child = fl_object();
  fl_set_string(child, "uri", uri);
  fl_set_string(child, "name", name);
  fl_set_string(child, "mimeType", is_folder ? DIRECTORY_TYPE : mime_type_of(name));
  fl_append_take(children, child);
  return is_folder ? add_folder(reading, path, uri, depth + 1) : add_file(reading, path, uri);
}

static int is_shown(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static int add_folder(struct reading *reading, const char *path, const char *uri, int depth) {
  struct dirent **entries;
  int count = depth < DEPTH_MAX ? scandir(path, &entries, is_shown, alphasort) : -1, status = 0;
  if (count < 0) return fl_error_set(reading->err, FL_E_INVALID, "%s cannot be read, or is too deep", path);
  struct fl_value *children = fl_array();
  for (int i = 0; i < count; i++) {
    FL_FREE_AUTO char *inner = fl_format("%s/%s", path, entries[i]->d_name);
    FL_FREE_AUTO char *inner_uri = join_uri(uri, entries[i]->d_name);
    if (status == 0) status = add_entry(reading, inner, inner_uri, depth, children);
    free(entries[i]);
  }
  free(entries);
  fl_set_take(reading->skill->directories, uri, children);
  return status;
}

/* ---- SKILL.md ---- */

/* What stands between the first two lines of three dashes. */
static bool find_front(fl_slice text, fl_slice *ret_front) {
  if (fl_slice_starts(text, FL_SLICE("\xef\xbb\xbf"))) text = fl_slice_n(text.data + 3, text.size - 3);
  if (!fl_slice_starts(text, FL_SLICE("---\n")) && !fl_slice_starts(text, FL_SLICE("---\r\n"))) return false;
  const char *start = (const char *)memchr(text.data, '\n', text.size) + 1;
  size_t left = text.size - (size_t)(start - text.data);
  const char *end = memmem(start, left, "\n---", 4);
  if (end == NULL) return false;
  *ret_front = fl_slice_n(start, (size_t)(end - start) + 1);
  return true;
}

static int read_front(const char *path, const char *folder, struct fl_value **ret_front, struct fl_error *err) {
  FL_BUF_AUTO text = {.limit = SIZE_MAX_ALL};
  int status = read_file(path, &text, err);
  if (status < 0) return status;
  fl_slice front;
  struct fl_document document = {0};
  struct fl_diags diags = {0};
  bool is_read = find_front(fl_buf_slice(&text), &front) && fl_document_parse(path, front, &document, &diags) == 0 &&
                 diags.error_count == 0;
  const char *name = fl_get_string(document.root, "name", ""), *said = fl_get_string(document.root, "description", "");
  if (!is_read || said[0] == '\0')
    status = fl_error_set(err, FL_E_INVALID, "%s: it needs front matter with name and description", path);
  else if (strcmp(name, folder) != 0)
    status =
        fl_error_set(err, FL_E_INVALID, "%s: its name is \"%s\", and that of its folder \"%s\"", path, name, folder);
  else *ret_front = fl_value_ref(document.root);
  fl_document_deinit(&document);
  fl_diags_deinit(&diags);
  return status;
}

static int add_skill(struct fl_server *server, const char *path, const char *name, struct fl_error *err) {
  FL_FREE_AUTO char *manual = fl_format("%s/SKILL.md", path);
  struct fl_value *front = NULL;
  int status = read_front(manual, name, &front, err);
  if (status < 0) return status;
  struct fl_server_skill skill = {.entry = fl_object(), .directories = fl_object()};
  FL_FREE_AUTO char *folder_uri = fl_format("skill://%s", name);
  skill.uri = fl_format("%s/SKILL.md", folder_uri);
  fl_set_string(skill.entry, "uri", skill.uri);
  fl_set_take(skill.entry, "frontmatter", front);
  struct reading reading = {.server = server, .skill = &skill, .files = fl_array(), .err = err};
  status = add_folder(&reading, path, folder_uri, 0);
  fl_set_take(skill.entry, "resources", reading.files);
  server->skills = fl_realloc(server->skills, (server->skill_count + 1) * sizeof skill);
  server->skills[server->skill_count++] = skill;
  return status;
}

int fl_server_add_skills(struct fl_server *server, const char *path, struct fl_error *err) {
  struct dirent **entries;
  int count = scandir(path, &entries, is_shown, alphasort), status = 0;
  if (count < 0) return fl_error_set(err, FL_E_NOT_FOUND, "%s: %s", path, strerror(errno));
  for (int i = 0; i < count; i++) {
    FL_FREE_AUTO char *folder = fl_format("%s/%s", path, entries[i]->d_name);
    FL_FREE_AUTO char *manual = fl_format("%s/SKILL.md", folder);
    if (status == 0 && access(manual, R_OK) == 0) status = add_skill(server, folder, entries[i]->d_name, err);
    free(entries[i]);
  }
  free(entries);
  return status;
}

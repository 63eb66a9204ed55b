/* SPDX-License-Identifier: MIT */
#include "tools/policy/pin_write.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "tools/policy/manifest_impl.h"

#include <string.h>

/* ---- places ---- */

/* Where a line and a column (of characters, from 1) are in a text; its end when there is no such place. */
static size_t offset_of(fl_slice text, uint32_t line, uint32_t column) {
  size_t at = 0;
  for (; line > 1 && at < text.size; line--) {
    const char *end = memchr(text.data + at, '\n', text.size - at);
    at = end != NULL ? (size_t)(end - text.data) + 1 : text.size;
  }
  for (; column > 1 && at < text.size; column--) {
    at++;
    while (at < text.size && ((unsigned char)text.data[at] & 0xc0) == 0x80) at++;
  }
  return at;
}

/* The end of a scalar that begins here: quoted, or up to what cannot be in a hash. */
static size_t scalar_end(fl_slice text, size_t at) {
  char quote = at < text.size ? text.data[at] : '\0';
  if (quote != '"' && quote != '\'') {
    while (at < text.size && strchr(" \t\r\n,}#", text.data[at]) == NULL) at++;
    return at;
  }
  const char *end = memchr(text.data + at + 1, quote, text.size - at - 1);
  return end != NULL ? (size_t)(end - text.data) + 1 : text.size;
}

/* ---- one pin ---- */

struct pinning {
  const char *file;
  struct fl_buf text;
};

static int load(const struct pinning *pinning, struct fl_manifest **ret_manifest, struct fl_error *err) {
  struct fl_diags diags = {0};
  int rc = fl_manifest_load(pinning->file, fl_buf_slice(&pinning->text), ret_manifest, &diags);
  if (rc < 0)
    fl_error_set(err, rc, "%s:%u:%u: %s", pinning->file, diags.count > 0 ? diags.items[0].line : 0,
                 diags.count > 0 ? diags.items[0].column : 0, diags.count > 0 ? diags.items[0].message : "");
  fl_diags_deinit(&diags);
  return rc;
}

static void splice(struct pinning *pinning, size_t from, size_t to, const char *with) {
  struct fl_buf text = {0};
  fl_buf_add(&text, pinning->text.data, from);
  fl_buf_add_text(&text, with);
  fl_buf_add(&text, pinning->text.data + to, pinning->text.size - to);
  fl_buf_deinit(&pinning->text);
  pinning->text = text;
}

/* In front of the first member of a map: "{" begins one that is written in a line or as JSON; otherwise it begins with
 * its first key, in whose column the new one stands. */
static void insert_member(struct pinning *pinning, size_t at, const char *key, const char *value, bool is_empty) {
  fl_slice text = fl_buf_slice(&pinning->text);
  if (at < text.size && text.data[at] == '{') {
    FL_FREE_AUTO char *member = fl_format(" \"%s\": %s%s", key, value, is_empty ? " " : ",");
    splice(pinning, at + 1, at + 1, member);
    return;
  }
  size_t line = at;
  while (line > 0 && text.data[line - 1] != '\n') line--;
  FL_FREE_AUTO char *member = fl_format("%s: %s\n%*s", key, value, (int)(at - line), "");
  splice(pinning, at, at, member);
}

/* What stands at a place below a server: replaced when it is there, otherwise a member of the server is made of it. */
struct member {
  const char *path, *key, *text;
};

static int put(struct pinning *pinning, const char *server, const struct member *member, struct fl_error *err) {
  struct fl_manifest *manifest = NULL;
  uint32_t line, column;
  int rc = load(pinning, &manifest, err);
  if (rc < 0) return rc;
  FL_FREE_AUTO char *map = fl_format("/servers/%s", server), *pointer = fl_format("%s/%s", map, member->path);
  const struct fl_value *there = fl_json_pointer(manifest->document.root, pointer);
  fl_document_position(&manifest->document, there != NULL ? pointer : map, false, &line, &column);
  size_t at = offset_of(fl_buf_slice(&pinning->text), line, column);
  bool is_empty = fl_size(fl_json_pointer(manifest->document.root, map)) == 0;
  fl_manifest_unref(manifest);
  if (there != NULL) splice(pinning, at, scalar_end(fl_buf_slice(&pinning->text), at), member->text);
  else insert_member(pinning, at, member->key, member->text, is_empty);
  return 0;
}

static int put_tools(struct pinning *pinning, const char *server, const char *pin, struct fl_error *err) {
  struct fl_manifest *manifest = NULL;
  int rc = load(pinning, &manifest, err);
  if (rc < 0) return rc;
  bool has_pin = fl_get(fl_manifest_server(manifest, server), "pin") != NULL;
  fl_manifest_unref(manifest);
  FL_FREE_AUTO char *text = has_pin ? fl_format("\"%s\"", pin) : fl_format("{ \"tools\": \"%s\" }", pin);
  return put(pinning, server, &(struct member){"pin/tools", "pin", text}, err);
}

static int put_program(struct pinning *pinning, const char *server, const char *hash, struct fl_error *err) {
  FL_FREE_AUTO char *text = fl_format("\"%s\"", hash);
  return put(pinning, server, &(struct member){"exec_sha256", "exec_sha256", text}, err);
}

/* ---- the whole ---- */

/* What the document should say with the pins. A new reference. */
static struct fl_value *with_pins(const struct fl_value *root, const struct fl_value *pins) {
  FL_VALUE_AUTO servers = fl_object();
  for (struct fl_member m = {0}; fl_next_member(pins, &m);) {
    struct fl_value *server = fl_object();
    const char *tools = fl_get_string(m.value, "tools", NULL), *hash = fl_get_string(m.value, "exec_sha256", NULL);
    if (tools != NULL) {
      struct fl_value *pin = fl_object();
      fl_set_string(pin, "tools", tools);
      fl_set_take(server, "pin", pin);
    }
    if (hash != NULL) fl_set_string(server, "exec_sha256", hash);
    fl_set_take(servers, m.key, server);
  }
  FL_VALUE_AUTO patch = fl_object();
  fl_set_take(patch, "servers", fl_value_ref(servers));
  return fl_json_merge(root, patch);
}

/* Whoever reads the text again finds what it said, and the pins. */
static int check(const struct pinning *pinning, const struct fl_value *wanted, const struct fl_value *pins,
                 struct fl_error *err) {
  struct fl_manifest *again = NULL;
  bool holds = load(pinning, &again, NULL) == 0 && fl_equal(fl_manifest_root(again), wanted);
  if (again != NULL) fl_manifest_unref(again);
  if (holds) return 0;
  char *text = fl_dump(pins, NULL);
  fl_error_set(err, FL_E_UNSUPPORTED,
               "%s: the pins cannot be put into it as it is written; put them into \"servers\" "
               "by hand: %.1500s",
               pinning->file, text);
  fl_text_free(text);
  return FL_E_UNSUPPORTED;
}

int fl_pin_write(const char *file, fl_slice text, const struct fl_value *pins, struct fl_buf *ret_text,
                 struct fl_error *err) {
  struct pinning pinning = {.file = file};
  struct fl_manifest *manifest = NULL;
  fl_buf_add(&pinning.text, text.data, text.size);
  int rc = load(&pinning, &manifest, err);
  FL_VALUE_AUTO wanted = rc == 0 ? with_pins(fl_manifest_root(manifest), pins) : NULL;
  for (struct fl_member m = {0}; rc == 0 && fl_next_member(pins, &m);) {
    const char *tools = fl_get_string(m.value, "tools", NULL), *hash = fl_get_string(m.value, "exec_sha256", NULL);
    if (fl_manifest_server(manifest, m.key) == NULL)
      rc = fl_error_set(err, FL_E_NOT_FOUND, "%s names no server %s", file, m.key);
    if (rc == 0 && tools != NULL) rc = put_tools(&pinning, m.key, tools, err);
    if (rc == 0 && hash != NULL) rc = put_program(&pinning, m.key, hash, err);
  }
  if (rc == 0) rc = check(&pinning, wanted, pins, err);
  if (rc == 0) fl_buf_add(ret_text, pinning.text.data, pinning.text.size);
  if (manifest != NULL) fl_manifest_unref(manifest);
  fl_buf_deinit(&pinning.text);
  return rc;
}

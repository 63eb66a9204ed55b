/* SPDX-License-Identifier: MIT */
/* Loading a skill: file after file, the skill's own first; the first that is not what the entry says ends it. */
#include "mcp/client_api.h"
#include "mcp/proto/skill.h"
#include "runtime/wire/base64.h"

/* The bytes of the first content of resources/read. */
static int read_bytes(const struct fl_value *result, const char *uri, struct fl_buf *ret_bytes, struct fl_error *err) {
  const struct fl_value *content = fl_at(fl_get(result, "contents"), 0);
  const struct fl_value *text = fl_get(content, "text"), *blob = fl_get(content, "blob");
  if (fl_is(text, FL_STRING)) return fl_buf_add(ret_bytes, fl_as_string(text), fl_string_size(text));
  if (fl_is(blob, FL_STRING))
    return fl_base64_decode(ret_bytes, fl_slice_n(fl_as_string(blob), fl_string_size(blob)), FL_BASE64_STANDARD, err);
  return fl_error_set(err, FL_E_PROTOCOL, "%s was read, but has no contents", uri);
}

static int load_file(struct fl_client *client, const struct fl_value *skill, const char *uri, struct fl_value *files,
                     struct fl_error *err) {
  FL_VALUE_AUTO params = fl_object();
  FL_VALUE_AUTO result = NULL;
  FL_BUF_AUTO bytes = {0};
  fl_set_string(params, "uri", uri);
  int status = fl_client_request(client, "resources/read", params, &result, err);
  if (status == 0) status = read_bytes(result, uri, &bytes, err);
  if (status == 0) status = fl_mcp_skill_check(skill, uri, fl_buf_slice(&bytes), err);
  if (status == 0) fl_set_take(files, uri, fl_string_n(bytes.size > 0 ? bytes.data : "", bytes.size));
  return status;
}

int fl_client_load_skill(struct fl_client *client, const struct fl_value *skill, struct fl_value **ret_files,
                         struct fl_error *err) {
  const char *main_uri = fl_get_string(skill, "uri", NULL);
  const struct fl_value *resources = fl_get(skill, "resources");
  if (main_uri == NULL) return fl_error_set(err, FL_E_INVALID, "the skill has no \"uri\"");
  FL_VALUE_AUTO files = fl_object();
  int status = load_file(client, skill, main_uri, files, err);
  for (size_t i = 0; status == 0 && i < fl_size(resources); i++) {
    const char *uri = fl_get_string(fl_at(resources, i), "uri", main_uri);
    if (strcmp(uri, main_uri) != 0) status = load_file(client, skill, uri, files, err);
  }
  if (status == 0) *ret_files = fl_value_ref(files);
  return status;
}

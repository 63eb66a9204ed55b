/* SPDX-License-Identifier: MIT */
#include "mcp/proto/skill.h"

#include "runtime/base/diag.h"
#include "runtime/base/sha256.h"
#include "runtime/json/yaml.h"

#include <stdio.h>
#include <strings.h>

static const struct fl_value *find_resource(const struct fl_value *skill, const char *uri) {
  const struct fl_value *resources = fl_get(skill, "resources");
  for (size_t i = 0; i < fl_size(resources); i++)
    if (strcmp(fl_get_string(fl_at(resources, i), "uri", ""), uri) == 0) return fl_at(resources, i);
  return NULL;
}

static int check_digest(const char *digest, const char *uri, fl_slice bytes, struct fl_error *err) {
  uint8_t hash[FL_SHA256_SIZE];
  char hex[2 * FL_SHA256_SIZE + 1];
  if (strncmp(digest, "sha256:", 7) != 0)
    return fl_error_set(err, FL_E_UNSUPPORTED, "%s: the digest \"%.80s\" is not of a kind that can be checked", uri,
                        digest);
  fl_sha256(bytes, hash);
  for (size_t i = 0; i < sizeof hash; i++) snprintf(hex + 2 * i, 3, "%02x", hash[i]);
  if (strcasecmp(digest + 7, hex) == 0) return 0;
  return fl_error_set(err, FL_E_CORRUPT, "%s: its digest is not the one that the skill names", uri);
}

/* The text between the lines "---" at the front; false when there is none. */
static bool find_front_matter(fl_slice text, fl_slice *ret_front) {
  fl_slice mark = FL_SLICE("---");
  if (!fl_slice_starts(text, mark)) return false;
  const char *start = memchr(text.data, '\n', text.size), *end = text.data + text.size;
  for (const char *at = start; at != NULL && ++at < end; at = memchr(at, '\n', (size_t)(end - at))) {
    if (!fl_slice_starts(fl_slice_n(at, (size_t)(end - at)), mark)) continue;
    *ret_front = fl_slice_n(start + 1, (size_t)(at - start - 1));
    return true;
  }
  return false;
}

static int check_front_matter(const struct fl_value *skill, const char *uri, fl_slice bytes, struct fl_error *err) {
  fl_slice front;
  if (!find_front_matter(bytes, &front)) return fl_error_set(err, FL_E_CORRUPT, "%s has no front matter", uri);
  struct fl_document document = {0};
  struct fl_diags diags = {0};
  int status = fl_document_parse(uri, front, &document, &diags);
  if (status < 0 || diags.error_count > 0)
    status = fl_error_set(err, FL_E_CORRUPT, "%s: its front matter cannot be read", uri);
  else if (!fl_equal(document.root, fl_get(skill, "frontmatter")))
    status = fl_error_set(err, FL_E_CORRUPT, "%s: its front matter is not what the list of skills says", uri);
  fl_document_deinit(&document);
  fl_diags_deinit(&diags);
  return status;
}

int fl_mcp_skill_check(const struct fl_value *skill, const char *uri, fl_slice bytes, struct fl_error *err) {
  const struct fl_value *resource = find_resource(skill, uri), *size = fl_get(resource, "size");
  const char *digest = fl_get_string(resource, "digest", NULL);
  if (resource == NULL) return fl_error_set(err, FL_E_NOT_FOUND, "the skill names no file %s", uri);
  if (size != NULL && (!fl_is(size, FL_INT) || fl_as_int(size, -1) != (int64_t)bytes.size))
    return fl_error_set(err, FL_E_CORRUPT, "%s has %zu bytes, which is not what the skill says", uri, bytes.size);
  if (digest == NULL) return fl_error_set(err, FL_E_CORRUPT, "%s: the skill names no digest", uri);
  int status = check_digest(digest, uri, bytes, err);
  if (status == 0 && strcmp(uri, fl_get_string(skill, "uri", "")) == 0)
    status = check_front_matter(skill, uri, bytes, err);
  return status;
}

/* SPDX-License-Identifier: MIT */
/* See schema_load.h. A document is walked once, along the keywords that hold subschemas, so that an $id inside `const`
 * or an unknown keyword is data. Pure, but for the caller's `resolve`. */
#include "runtime/json/schema_load.h"

#include "runtime/base/mem.h"
#include "runtime/json/schema_compile.h"
#include "runtime/json/schema_uri.h"

#include <stdio.h>
#include <stdlib.h>

enum { URI_SIZE_MAX = 4096 };

static const unsigned standard_vocabularies = FL_SCHEMA_CORE | FL_SCHEMA_APPLICATOR | FL_SCHEMA_UNEVALUATED |
                                              FL_SCHEMA_VALIDATION | FL_SCHEMA_FORMAT_ANNOTATION | FL_SCHEMA_ANNOTATION;

/* ---- dialects ---- */

static bool find_known_dialect(const char *uri, struct fl_schema_dialect *ret_dialect) {
  static const struct {
    const char *place;
    enum fl_schema_draft draft;
  } known[] = {
      {"json-schema.org/draft/2020-12/schema", FL_SCHEMA_2020}, {"json-schema.org/schema", FL_SCHEMA_2020},
      {"json-schema.org/draft/2019-09/schema", FL_SCHEMA_2019}, {"json-schema.org/draft-07/schema", FL_SCHEMA_DRAFT7},
      {"json-schema.org/draft-06/schema", FL_SCHEMA_DRAFT7},
  };
  const char *place = strstr(uri, "://");
  if (place == NULL) return false;
  place += 3;
  size_t size = strcspn(place, "#");
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (!fl_slice_equal(fl_slice_n(place, size), fl_slice_of(known[i].place))) continue;
    *ret_dialect = (struct fl_schema_dialect){known[i].draft, standard_vocabularies};
    return true;
  }
  return false;
}

static unsigned find_vocabulary(const char *uri) {
  static const char prefix[] = "https://json-schema.org/draft/2020-12/vocab/";
  static const struct {
    const char *name;
    unsigned vocabulary;
  } known[] = {
      {"core", FL_SCHEMA_CORE},
      {"applicator", FL_SCHEMA_APPLICATOR},
      {"unevaluated", FL_SCHEMA_UNEVALUATED},
      {"validation", FL_SCHEMA_VALIDATION},
      {"meta-data", FL_SCHEMA_ANNOTATION},
      {"content", FL_SCHEMA_ANNOTATION},
      {"format-annotation", FL_SCHEMA_FORMAT_ANNOTATION},
      {"format-assertion", FL_SCHEMA_FORMAT_ASSERTION},
  };
  if (strncmp(uri, prefix, sizeof prefix - 1) != 0) return 0;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(uri + sizeof prefix - 1, known[i].name) == 0) return known[i].vocabulary;
  return 0;
}

/* A new reference to a document, or NULL. */
static struct fl_value *find_document(struct fl_schema_compiler *compiler, const char *uri) {
  for (const struct fl_schema_embedded *embedded = fl_schema_embedded; embedded->uri != NULL; embedded++) {
    struct fl_value *document = NULL;
    if (strcmp(uri, embedded->uri) == 0 && fl_parse(embedded->text, strlen(embedded->text), &document, NULL) == 0)
      return document;
  }
  if (compiler->options.resolve == NULL) return NULL;
  return fl_value_ref(compiler->options.resolve(uri, compiler->options.user));
}

/* What the metaschema at `uri` says about its dialect. */
static int read_metaschema(struct fl_schema_compiler *compiler, const char *uri,
                           struct fl_schema_dialect *ret_dialect) {
  FL_VALUE_AUTO metaschema = find_document(compiler, uri);
  if (metaschema == NULL)
    return fl_error_set(compiler->err, FL_E_NOT_FOUND,
                        "the dialect \"%s\" in $schema is not known here; known are 2020-12, 2019-09 and draft-07",
                        uri);
  struct fl_schema_dialect dialect = {FL_SCHEMA_2020, standard_vocabularies};
  find_known_dialect(fl_get_string(metaschema, "$schema", ""), &dialect);
  struct fl_value *vocabularies = fl_get(metaschema, "$vocabulary");
  if (fl_is(vocabularies, FL_OBJECT)) dialect.vocabularies = FL_SCHEMA_CORE;
  struct fl_member member = {0};
  while (fl_next_member(vocabularies, &member)) {
    unsigned vocabulary = find_vocabulary(member.key);
    if (vocabulary == 0 && fl_as_bool(member.value, false))
      return fl_error_set(compiler->err, FL_E_UNSUPPORTED,
                          "the dialect \"%s\" requires the vocabulary \"%s\", which is not known here", uri,
                          member.key);
    dialect.vocabularies |= vocabulary;
  }
  *ret_dialect = dialect;
  return 0;
}

static int find_dialect(struct fl_schema_compiler *compiler, const struct fl_value *root,
                        struct fl_schema_dialect *dialect) {
  const char *uri = fl_get_string(root, "$schema", NULL);
  if (uri == NULL || find_known_dialect(uri, dialect)) return 0;
  return read_metaschema(compiler, uri, dialect);
}

/* ---- identities ---- */

static int add_resource(struct fl_schema_compiler *compiler, const char *uri, struct fl_schema_resource *resource) {
  struct fl_schema_resource *other = fl_map_get(&compiler->resources, uri);
  if (other != NULL && other != resource && other->root != resource->root)
    return fl_error_set(compiler->err, FL_E_INVALID, "schema %s: the identity \"%s\" is taken by %s",
                        resource->location, uri, other->location[0] != '\0' ? other->location : "the whole schema");
  fl_map_set(&compiler->resources, uri, resource);
  resource->uri = fl_schema_copy(compiler->schema, uri);
  return 0;
}

static void release_maps(void *memory) {
  struct fl_schema_resource *resource = memory;
  fl_map_deinit(&resource->anchors);
  fl_map_deinit(&resource->dynamic_anchors);
}

static struct fl_schema_resource *create_resource(struct fl_schema_compiler *compiler, struct fl_value *root,
                                                  const char *location, const struct fl_schema_dialect *dialect) {
  struct fl_schema *schema = compiler->schema;
  struct fl_schema_resource *resource = fl_schema_new(schema, struct fl_schema_resource, 1);
  resource->root = root;
  resource->location = fl_schema_copy(schema, location);
  resource->dialect = *dialect;
  resource->next = schema->resources;
  schema->resources = resource;
  fl_schema_keep(schema, resource, release_maps);
  return resource;
}

static int add_anchor(struct fl_schema_compiler *compiler, struct fl_schema_resource *resource, struct fl_value *value,
                      const char *name, const char *location) {
  struct fl_schema_anchor *anchor = fl_schema_new(compiler->schema, struct fl_schema_anchor, 1);
  anchor->value = value;
  anchor->location = fl_schema_copy(compiler->schema, location);
  struct fl_schema_anchor *other = fl_map_set(&resource->anchors, name, anchor);
  if (other == NULL || other->value == value) return 0;
  return fl_error_set(compiler->err, FL_E_INVALID, "schema %s: the anchor \"%s\" is taken by %s", location, name,
                      other->location);
}

static int index_schema(struct fl_schema_compiler *compiler, struct fl_schema_resource *resource,
                        struct fl_value *value, struct fl_buf *location);

/* Takes a nested identity in; *resource becomes the new one. */
static int index_id(struct fl_schema_compiler *compiler, struct fl_schema_resource **resource, struct fl_value *value,
                    const char *location) {
  struct fl_schema_resource *outer = *resource;
  const char *id = fl_get_string(value, "$id", NULL);
  if (id == NULL || (outer->dialect.draft == FL_SCHEMA_DRAFT7 && fl_get(value, "$ref") != NULL)) return 0;
  if (strlen(id) > URI_SIZE_MAX)
    return fl_error_set(compiler->err, FL_E_LIMIT, "schema %s: the $id is too long", location);
  fl_slice fragment = fl_schema_uri_fragment(fl_slice_of(id));
  if (fragment.size > 0 && outer->dialect.draft != FL_SCHEMA_DRAFT7)
    return fl_error_set(compiler->err, FL_E_INVALID, "schema %s: the $id \"%s\" has a fragment; use $anchor", location,
                        id);
  if (fragment.size > 0 && id[0] == '#') return add_anchor(compiler, outer, value, fragment.data, location);
  FL_BUF_AUTO uri = {0};
  fl_schema_uri_resolve(fl_slice_of(outer->uri), fl_slice_of(id), &uri);
  if (uri.size == 0) return 0;
  if (value == outer->root) return strcmp(uri.data, outer->uri) == 0 ? 0 : add_resource(compiler, uri.data, outer);
  struct fl_schema_dialect dialect = outer->dialect;
  int rc = find_dialect(compiler, value, &dialect);
  if (rc != 0) return rc;
  *resource = create_resource(compiler, value, location, &dialect);
  return add_resource(compiler, uri.data, *resource);
}

static int index_anchors(struct fl_schema_compiler *compiler, struct fl_schema_resource *resource,
                         struct fl_value *value, const char *location) {
  if (resource->dialect.draft == FL_SCHEMA_DRAFT7) return 0;
  const char *plain = fl_get_string(value, "$anchor", NULL), *dynamic = fl_get_string(value, "$dynamicAnchor", NULL);
  int rc = plain != NULL ? add_anchor(compiler, resource, value, plain, location) : 0;
  if (rc != 0 || dynamic == NULL) return rc;
  rc = add_anchor(compiler, resource, value, dynamic, location);
  if (rc == 0) fl_map_set(&resource->dynamic_anchors, dynamic, fl_map_get(&resource->anchors, dynamic));
  return rc;
}

static int index_list(struct fl_schema_compiler *compiler, struct fl_schema_resource *resource, struct fl_value *list,
                      struct fl_buf *location) {
  size_t size = location->size;
  int rc = 0;
  for (size_t i = 0; i < fl_size(list) && rc == 0; i++) {
    fl_json_pointer_add_index(location, i);
    rc = index_schema(compiler, resource, fl_at(list, i), location);
    location->size = size;
  }
  return rc;
}

static int index_map(struct fl_schema_compiler *compiler, struct fl_schema_resource *resource, struct fl_value *map,
                     struct fl_buf *location) {
  size_t size = location->size;
  struct fl_member member = {0};
  int rc = 0;
  while (rc == 0 && fl_next_member(map, &member)) {
    fl_json_pointer_add(location, fl_slice_n(member.key, member.key_size));
    rc = index_schema(compiler, resource, member.value, location);
    location->size = size;
  }
  return rc;
}

static int index_keyword(struct fl_schema_compiler *compiler, struct fl_schema_resource *resource,
                         const struct fl_schema_keyword *keyword, struct fl_value *value, struct fl_buf *location) {
  size_t size = location->size;
  fl_json_pointer_add(location, fl_slice_of(keyword->name));
  int rc = 0;
  bool is_list = fl_is(value, FL_ARRAY);
  if (keyword->shape == FL_SHAPE_MAP || keyword->shape == FL_SHAPE_DEPENDENCIES)
    rc = index_map(compiler, resource, value, location);
  else if (is_list && (keyword->shape == FL_SHAPE_LIST || keyword->shape == FL_SHAPE_ITEMS))
    rc = index_list(compiler, resource, value, location);
  else if (!is_list && (keyword->shape == FL_SHAPE_SCHEMA || keyword->shape == FL_SHAPE_ITEMS))
    rc = index_schema(compiler, resource, value, location);
  location->size = size;
  return rc;
}

static int index_schema(struct fl_schema_compiler *compiler, struct fl_schema_resource *resource,
                        struct fl_value *value, struct fl_buf *location) {
  if (!fl_is(value, FL_OBJECT)) return 0;
  if (compiler->nesting == FL_SCHEMA_NESTING_MAX)
    return fl_error_set(compiler->err, FL_E_LIMIT, "the schema is nested more than %d deep", FL_SCHEMA_NESTING_MAX);
  FL_FREE_AUTO char *here = fl_strndup(location->size > 0 ? location->data : "", location->size);
  compiler->nesting++;
  int rc = index_id(compiler, &resource, value, here);
  if (rc == 0) rc = index_anchors(compiler, resource, value, here);
  for (const struct fl_schema_keyword *keyword = fl_schema_keywords; rc == 0 && keyword->name != NULL; keyword++) {
    if (keyword->shape == FL_SHAPE_PLAIN || !fl_schema_keyword_is_known(keyword, &resource->dialect)) continue;
    struct fl_value *operand = fl_get(value, keyword->name);
    if (operand != NULL) rc = index_keyword(compiler, resource, keyword, operand, location);
  }
  compiler->nesting--;
  return rc;
}

static void unref_value(void *memory) { fl_value_unref(memory); }

static int load_document(struct fl_schema_compiler *compiler, struct fl_value *document, const char *uri,
                         struct fl_schema_dialect dialect, struct fl_schema_resource **ret_resource) {
  if (++compiler->document_count > FL_SCHEMA_DOCUMENT_COUNT_MAX)
    return fl_error_set(compiler->err, FL_E_LIMIT, "the schema refers to more than %d documents",
                        FL_SCHEMA_DOCUMENT_COUNT_MAX);
  fl_schema_keep(compiler->schema, fl_value_ref(document), unref_value);
  int rc = find_dialect(compiler, document, &dialect);
  if (rc != 0) return rc;
  FL_BUF_AUTO location = {0};
  if (uri[0] != '\0') fl_buf_addf(&location, "%s#", uri);
  struct fl_schema_resource *resource =
      create_resource(compiler, document, uri[0] != '\0' ? location.data : "", &dialect);
  rc = add_resource(compiler, uri, resource);
  if (rc == 0) rc = index_schema(compiler, resource, document, &location);
  if (rc == 0) *ret_resource = resource;
  return rc;
}

int fl_schema_load_document(struct fl_schema_compiler *compiler, struct fl_value *document, const char *uri,
                            struct fl_schema_resource **ret_resource) {
  struct fl_schema_dialect dialect = {FL_SCHEMA_2020, standard_vocabularies};
  return load_document(compiler, document, uri, dialect, ret_resource);
}

/* ---- references ---- */

static int find_resource(struct fl_schema_compiler *compiler, const struct fl_schema_resource *from, const char *uri,
                         struct fl_schema_resource **ret_resource) {
  struct fl_schema_resource *known = fl_map_get(&compiler->resources, uri);
  if (known != NULL) {
    *ret_resource = known;
    return 0;
  }
  FL_VALUE_AUTO document = find_document(compiler, uri);
  if (document == NULL)
    return fl_error_set(compiler->err, FL_E_NOT_FOUND, "there is no schema \"%s\" here, and none is fetched", uri);
  return load_document(compiler, document, uri, from->dialect, ret_resource);
}

/* One step of a JSON pointer; `token` is still escaped. */
static struct fl_value *step_into(const struct fl_value *value, fl_slice token) {
  FL_BUF_AUTO name = {0};
  fl_buf_add_text(&name, "");
  for (size_t i = 0; i < token.size; i++) {
    bool is_escape =
        token.data[i] == '~' && i + 1 < token.size && (token.data[i + 1] == '0' || token.data[i + 1] == '1');
    fl_buf_add_char(&name, !is_escape ? token.data[i] : token.data[++i] == '0' ? '~' : '/');
  }
  if (fl_is(value, FL_OBJECT)) return fl_get_n(value, name.size > 0 ? name.data : "", name.size);
  if (!fl_is(value, FL_ARRAY) || name.size == 0 || name.size > 9) return NULL;
  char *end;
  unsigned long index = strtoul(name.data, &end, 10);
  return *end == '\0' && name.data[0] != '+' && name.data[0] != '-' ? fl_at(value, index) : NULL;
}

struct fl_schema_resource *fl_schema_load_resource_at(struct fl_schema_compiler *compiler,
                                                      struct fl_schema_resource *around, const struct fl_value *value) {
  const char *id = fl_get_string(value, "$id", NULL);
  if (id == NULL) return around;
  FL_BUF_AUTO uri = {0};
  fl_schema_uri_resolve(fl_slice_of(around->uri), fl_slice_of(id), &uri);
  struct fl_schema_resource *inner = uri.size > 0 ? fl_map_get(&compiler->resources, uri.data) : NULL;
  return inner != NULL && inner->root == value ? inner : around;
}

static void walk_pointer(struct fl_schema_compiler *compiler, fl_slice pointer, struct fl_schema_target *target) {
  snprintf(target->location, sizeof target->location, "%s%.*s", target->resource->location, (int)pointer.size,
           pointer.data);
  for (size_t at = 0; at < pointer.size && target->value != NULL;) {
    const char *slash = memchr(pointer.data + at + 1, '/', pointer.size - at - 1);
    size_t end = slash != NULL ? (size_t)(slash - pointer.data) : pointer.size;
    target->value = step_into(target->value, fl_slice_n(pointer.data + at + 1, end - at - 1));
    target->resource = fl_schema_load_resource_at(compiler, target->resource, target->value);
    at = end;
  }
}

static void find_anchor(fl_slice name, struct fl_schema_target *target) {
  struct fl_schema_anchor *anchor = fl_map_get_n(&target->resource->anchors, name);
  target->value = anchor != NULL ? anchor->value : NULL;
  target->dynamic = fl_map_get_n(&target->resource->dynamic_anchors, name);
  if (anchor != NULL) snprintf(target->location, sizeof target->location, "%s", anchor->location);
}

int fl_schema_load_target(struct fl_schema_compiler *compiler, const struct fl_schema_resource *from,
                          const char *reference, struct fl_schema_target *ret_target) {
  if (strlen(reference) > URI_SIZE_MAX) return fl_error_set(compiler->err, FL_E_LIMIT, "the reference is too long");
  FL_BUF_AUTO uri = {0}, fragment = {0};
  fl_buf_add_text(&uri, "");
  fl_schema_uri_resolve(fl_slice_of(from->uri), fl_slice_of(reference), &uri);
  struct fl_schema_target target = {0};
  int rc = find_resource(compiler, from, uri.size > 0 ? uri.data : "", &target.resource);
  if (rc != 0) return rc;
  target.value = target.resource->root;
  snprintf(target.location, sizeof target.location, "%s", target.resource->location);
  if (!fl_schema_uri_decode(fl_schema_uri_fragment(fl_slice_of(reference)), &fragment))
    return fl_error_set(compiler->err, FL_E_INVALID, "\"%s\" has a broken %%-escape", reference);
  if (fragment.size > 0 && fragment.data[0] == '/') walk_pointer(compiler, fl_buf_slice(&fragment), &target);
  else if (fragment.size > 0) find_anchor(fl_buf_slice(&fragment), &target);
  if (target.value == NULL) return fl_error_set(compiler->err, FL_E_NOT_FOUND, "\"%s\" leads nowhere", reference);
  *ret_target = target;
  return 0;
}

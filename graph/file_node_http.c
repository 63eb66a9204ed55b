/* SPDX-License-Identifier: MIT */
/* Nodes of type http, and the section `http` with the origins that they may ask. */
#include "graph/file_node.h"
#include "runtime/wire/url.h"

const char *const fl_node_http_keys[] = {FL_NODE_COMMON, "method",     "url",       "headers", "body", "write",
                                         "accept",       "timeout_ms", "max_bytes", "effect",  NULL};
static const char *const http_keys[] = {"allow", NULL};
const struct fl_file_shape fl_shape_http = {"http_section", "the section http", http_keys, NULL};

enum { TIMEOUT_MS_MAX = 3600 * 1000, BYTES_MAX = 16 * 1024 * 1024 };

/* ---- origins ---- */

/* In its normal form; NULL when it is none, which is said. */
static char *read_origin(const struct fl_spot *spot) {
  if (!fl_spot_is(spot, FL_STRING)) return NULL;
  struct fl_url url = {0};
  struct fl_error err = {0};
  char *origin = NULL;
  if (fl_url_parse(fl_slice_of(fl_as_string(spot->value)), FL_URL_HTTP, &url, &err) < 0)
    fl_spot_error(spot, "write an origin: https://api.example.com", "not an origin: %s", err.text);
  else if (strlen(url.path) > 1 || url.query != NULL || url.fragment != NULL)
    fl_spot_error(spot, "leave the path out", "an origin is a scheme, a host and perhaps a port");
  else origin = fl_url_origin(&url);
  fl_url_deinit(&url);
  return origin;
}

/* A graph of a `graphs` section asks what its file may ask. */
static struct fl_value *read_allow(const struct fl_node_load *load) {
  const struct fl_loader *loader = load->loader;
  while (loader->is_inline) loader = loader->outer;
  struct fl_spot http = fl_spot_member(fl_loader_file_root(loader), "http"), allow = fl_spot_member(&http, "allow");
  struct fl_value *origins = fl_array();
  for (size_t i = 0; fl_is(allow.value, FL_ARRAY) && i < fl_size(allow.value); i++) {
    struct fl_spot element = fl_spot_element(&allow, i);
    FL_FREE_AUTO char *origin = read_origin(&element);
    if (origin != NULL) fl_append_take(origins, fl_string(origin));
  }
  return origins;
}

void fl_file_check_http(struct fl_loader *loader) {
  struct fl_spot http = fl_spot_member(fl_loader_file_root(loader), "http"), allow = fl_spot_member(&http, "allow");
  if (http.value == NULL || !fl_spot_is(&http, FL_OBJECT)) return;
  fl_spot_check_keys(&http, &fl_shape_http);
  if (allow.value != NULL) fl_spot_is(&allow, FL_ARRAY);
}

/* ---- the node ---- */

static const char *one_of(const struct fl_spot *spot, const char *key, const char *const *words) {
  const char *name = fl_spot_text(spot, key, false);
  struct fl_spot member = fl_spot_member(spot, key);
  size_t count = 0;
  for (; words[count] != NULL; count++)
    if (name != NULL && strcmp(words[count], name) == 0) return words[count];
  char advice[FL_SUGGESTION_MAX];
  if (name != NULL) fl_spot_error(&member, fl_suggest(name, words, count, advice), "there is no %s \"%s\"", key, name);
  return NULL;
}

/* What says nothing else reads when it is a GET and must not be repeated otherwise. */
static void set_tool(struct fl_node_load *load) {
  static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", NULL};
  static const char *const effects[] = {"read", "keyed", "once", NULL};
  const char *method = one_of(load->spot, "method", methods), *effect = one_of(load->spot, "effect", effects);
  bool reads = method == NULL || strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
  FL_FREE_AUTO char *tool = fl_format("fairlead.http/%s", effect != NULL ? effect : reads ? "read" : "once");
  fl_set_string(load->config, "tool", tool);
  fl_set_string(load->config, "method", method != NULL ? method : "GET");
}

static void check_range(const struct fl_spot *spot, int64_t least, int64_t most) {
  if (spot->value == NULL || !fl_spot_is(spot, FL_INT)) return;
  if (fl_as_int(spot->value, 0) < least || fl_as_int(spot->value, 0) > most)
    fl_spot_error(spot, NULL, "must be from %lld to %lld", (long long)least, (long long)most);
}

void fl_node_check_http(struct fl_node_load *load) {
  struct fl_spot accept = fl_spot_member(load->spot, "accept"), body = fl_spot_member(load->spot, "body");
  struct fl_spot timeout = fl_spot_member(load->spot, "timeout_ms"), most = fl_spot_member(load->spot, "max_bytes");
  set_tool(load);
  fl_node_load_required_expr(load, "url");
  fl_node_load_expr_map(load, "headers", false);
  fl_node_load_expr(load, &body);
  fl_node_load_channel(load, "write");
  check_range(&timeout, 1, TIMEOUT_MS_MAX);
  check_range(&most, 1, BYTES_MAX);
  if (accept.value != NULL && fl_spot_is(&accept, FL_ARRAY)) {
    for (size_t i = 0; i < fl_size(accept.value); i++) {
      struct fl_spot status = fl_spot_element(&accept, i);
      check_range(&status, 100, 599);
    }
  }
  struct fl_value *origins = read_allow(load);
  if (fl_size(origins) == 0)
    fl_spot_key_error(load->spot, "add \"http: { allow: [ https://api.example.com ] }\" to the file",
                      "the file does not say which origins may be asked");
  fl_set_take(load->config, "allow", origins);
}

/* SPDX-License-Identifier: MIT */
/* RFC 3986: section 3 (syntax), 5.2 (resolution). See schema_uri.h. Pure. */
#include "runtime/json/schema_uri.h"

#include "runtime/json/schema_format.h"

struct parts {
  fl_slice scheme, authority, path, query, fragment; /* data NULL: absent; a path is never absent */
};

static fl_slice until(fl_slice text, const char *stops) {
  size_t size = 0;
  while (size < text.size && (text.data[size] == '\0' || strchr(stops, text.data[size]) == NULL)) size++;
  return (fl_slice){text.data, size};
}

static fl_slice after(fl_slice text, size_t size) { return (fl_slice){text.data + size, text.size - size}; }

/* Appendix B's expression, by hand. */
static struct parts split(fl_slice text) {
  struct parts parts = {0};
  fl_slice rest = text.data != NULL ? text : FL_SLICE("");
  fl_slice scheme = until(rest, ":/?#");
  if (scheme.size > 0 && scheme.size < rest.size && rest.data[scheme.size] == ':') {
    parts.scheme = scheme;
    rest = after(rest, scheme.size + 1);
  }
  if (fl_slice_starts(rest, FL_SLICE("//"))) {
    parts.authority = until(after(rest, 2), "/?#");
    rest = after(rest, 2 + parts.authority.size);
  }
  parts.path = until(rest, "?#");
  rest = after(rest, parts.path.size);
  if (rest.size > 0 && rest.data[0] == '?') {
    parts.query = until(after(rest, 1), "#");
    rest = after(rest, 1 + parts.query.size);
  }
  if (rest.size > 0) parts.fragment = after(rest, 1);
  return parts;
}

fl_slice fl_schema_uri_fragment(fl_slice reference) { return split(reference).fragment; }

static void drop_last_segment(struct fl_buf *out, size_t start) {
  while (out->size > start && out->data[out->size - 1] != '/') out->size--;
  if (out->size > start) out->size--;
  if (out->data != NULL) out->data[out->size] = '\0';
}

/* Section 5.2.4. */
static void add_without_dots(fl_slice path, struct fl_buf *out) {
  size_t start = out->size;
  while (path.size > 0) {
    if (fl_slice_starts(path, FL_SLICE("../"))) path = after(path, 3);
    else if (fl_slice_starts(path, FL_SLICE("./"))) path = after(path, 2);
    else if (fl_slice_starts(path, FL_SLICE("/./"))) path = after(path, 2);
    else if (fl_slice_equal(path, FL_SLICE("/."))) path = FL_SLICE("/");
    else if (fl_slice_starts(path, FL_SLICE("/../")) || fl_slice_equal(path, FL_SLICE("/.."))) {
      path = path.size == 3 ? FL_SLICE("/") : after(path, 3);
      drop_last_segment(out, start);
    } else if (fl_slice_equal(path, FL_SLICE(".")) || fl_slice_equal(path, FL_SLICE(".."))) path.size = 0;
    else {
      size_t size = 1 + until(after(path, 1), "/").size;
      fl_buf_add(out, path.data, size);
      path = after(path, size);
    }
  }
}

/* Section 5.2.3. */
static void merge_path(const struct parts *base, fl_slice path, struct fl_buf *out) {
  size_t keep = base->path.size;
  while (keep > 0 && base->path.data[keep - 1] != '/') keep--;
  if (base->authority.data != NULL && base->path.size == 0) fl_buf_add_char(out, '/');
  fl_buf_add(out, base->path.data, keep);
  fl_buf_add(out, path.data, path.size);
}

static void add_part(struct fl_buf *out, const char *before, fl_slice part, const char *behind) {
  if (part.data == NULL) return;
  fl_buf_add_text(out, before);
  fl_buf_add(out, part.data, part.size);
  fl_buf_add_text(out, behind);
}

void fl_schema_uri_resolve(fl_slice base_text, fl_slice reference, struct fl_buf *ret_uri) {
  struct parts base = split(base_text), ref = split(reference);
  bool has_own_place = ref.scheme.data != NULL || ref.authority.data != NULL;
  FL_BUF_AUTO path = {0};
  if (has_own_place || (ref.path.size > 0 && ref.path.data[0] == '/')) fl_buf_add(&path, ref.path.data, ref.path.size);
  else if (ref.path.size > 0) merge_path(&base, ref.path, &path);
  add_part(ret_uri, "", ref.scheme.data != NULL ? ref.scheme : base.scheme, ":");
  add_part(ret_uri, "//", has_own_place ? ref.authority : base.authority, "");
  if (!has_own_place && ref.path.size == 0) {
    fl_buf_add(ret_uri, base.path.data, base.path.size);
    add_part(ret_uri, "?", ref.query.data != NULL ? ref.query : base.query, "");
    return;
  }
  add_without_dots(fl_buf_slice(&path), ret_uri);
  add_part(ret_uri, "?", ref.query, "");
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool fl_schema_uri_decode(fl_slice text, struct fl_buf *ret_text) {
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] != '%') {
      fl_buf_add_char(ret_text, text.data[i]);
      continue;
    }
    if (text.size - i < 3 || hex_value(text.data[i + 1]) < 0 || hex_value(text.data[i + 2]) < 0) return false;
    fl_buf_add_char(ret_text, (char)(hex_value(text.data[i + 1]) * 16 + hex_value(text.data[i + 2])));
    i += 2;
  }
  return true;
}

static bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Letters, digits, "-._~", sub-delims, and what `more` adds; %XX; beyond ASCII with an IRI. */
static bool has_only(fl_slice text, const char *more, bool is_iri) {
  for (size_t i = 0; i < text.size; i++) {
    char c = text.data[i];
    if (is_alpha(c) || is_digit(c) || (c != '\0' && (strchr("-._~!$&'()*+,;=", c) || strchr(more, c)))) continue;
    if ((unsigned char)c >= 0x80 && is_iri) continue;
    if (c != '%' || text.size - i < 3 || hex_value(text.data[i + 1]) < 0 || hex_value(text.data[i + 2]) < 0)
      return false;
    i += 2;
  }
  return true;
}

static bool is_scheme(fl_slice scheme) {
  if (scheme.size == 0 || !is_alpha(scheme.data[0])) return false;
  for (size_t i = 1; i < scheme.size; i++)
    if (!is_alpha(scheme.data[i]) && !is_digit(scheme.data[i]) && strchr("+-.", scheme.data[i]) == NULL) return false;
  return true;
}

static bool is_ip_literal(fl_slice text) {
  if (text.size > 0 && (text.data[0] == 'v' || text.data[0] == 'V')) {
    size_t i = 1;
    while (i < text.size && hex_value(text.data[i]) >= 0) i++;
    return i > 1 && i + 1 < text.size && text.data[i] == '.' && has_only(after(text, i + 1), ":", false);
  }
  return fl_schema_format_is_ipv6(text);
}

static bool is_authority(fl_slice authority, bool is_iri) {
  const char *at = authority.size > 0 ? memchr(authority.data, '@', authority.size) : NULL;
  if (at != NULL) {
    fl_slice user = {authority.data, (size_t)(at - authority.data)};
    if (!has_only(user, ":", is_iri)) return false;
    authority = after(authority, user.size + 1);
  }
  fl_slice port;
  if (authority.size > 0 && authority.data[0] == '[') {
    fl_slice literal = until(after(authority, 1), "]");
    if (literal.size + 2 > authority.size || !is_ip_literal(literal)) return false;
    port = after(authority, literal.size + 2);
  } else {
    fl_slice host = until(authority, ":");
    if (!has_only(host, "", is_iri)) return false;
    port = after(authority, host.size);
  }
  if (port.size > 0 && port.data[0] != ':') return false;
  for (size_t i = 1; i < port.size; i++)
    if (!is_digit(port.data[i])) return false;
  return true;
}

bool fl_schema_uri_is_valid(fl_slice text, unsigned kind) {
  struct parts parts = split(text);
  bool is_iri = (kind & FL_SCHEMA_IRI) != 0;
  if (parts.scheme.data != NULL ? !is_scheme(parts.scheme) : (kind & FL_SCHEMA_URI_REFERENCE) == 0) return false;
  if (parts.authority.data != NULL && !is_authority(parts.authority, is_iri)) return false;
  if (parts.scheme.data == NULL && parts.authority.data == NULL) {
    /* The first segment of a relative path holds no colon, else it would be a scheme. */
    fl_slice first = until(parts.path, "/");
    if (first.size > 0 && memchr(first.data, ':', first.size) != NULL) return false;
  }
  return has_only(parts.path, ":@/", is_iri) && has_only(parts.query, ":@/?", is_iri) &&
         has_only(parts.fragment, ":@/?", is_iri);
}

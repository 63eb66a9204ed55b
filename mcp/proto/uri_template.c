/* SPDX-License-Identifier: MIT */
#include "mcp/proto/uri_template.h"

#include "runtime/base/mem.h"
#include "runtime/wire/url.h"

/* A literal (op 0) or an expression: its operator (' ' for the plain one) and its variables. */
struct part {
  char op;
  fl_slice text; /* literal, or the variables, separated by commas; lent by the template's text */
};

struct fl_uri_template {
  char *text;
  struct part parts[FL_URI_TEMPLATE_PARTS_MAX];
  size_t part_count;
};

/* ---- reading ---- */

static bool is_name(fl_slice name) {
  static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  for (size_t i = 0; i < name.size; i++)
    if (memchr(chars, name.data[i], sizeof chars - 1) == NULL) return false;
  return name.size > 0;
}

/* The first name of a comma-separated list; what is behind it stays in *rest. */
static fl_slice take_name(fl_slice *rest) {
  const char *comma = memchr(rest->data, ',', rest->size);
  fl_slice name = {rest->data, comma != NULL ? (size_t)(comma - rest->data) : rest->size};
  size_t used = name.size + (comma != NULL);
  *rest = fl_slice_n(rest->data + used, rest->size - used);
  return name;
}

static int add_part(struct fl_uri_template *made, struct part part, struct fl_error *err) {
  if (made->part_count == FL_URI_TEMPLATE_PARTS_MAX)
    return fl_error_set(err, FL_E_INVALID, "URI template %s: more than %d parts", made->text,
                        FL_URI_TEMPLATE_PARTS_MAX);
  bool is_single = part.op != 0 && part.op != '?' && part.op != '&';
  if (part.op != 0) {
    fl_slice rest = part.text;
    bool ends_open = rest.size > 0 && rest.data[rest.size - 1] == ',';
    do {
      if (ends_open || !is_name(take_name(&rest)) || (is_single && rest.size > 0))
        return fl_error_set(err, FL_E_INVALID, "URI template %s: {%.*s} is not supported", made->text,
                            (int)part.text.size, part.text.data);
    } while (rest.size > 0);
    if (made->part_count > 0 && is_single && made->parts[made->part_count - 1].op != 0 && strchr(" +", part.op) != NULL)
      return fl_error_set(err, FL_E_INVALID, "URI template %s: nothing stands between two variables", made->text);
  }
  made->parts[made->part_count++] = part;
  return 0;
}

static int parse_parts(struct fl_uri_template *made, struct fl_error *err) {
  int status = 0;
  for (const char *at = made->text; *at != '\0' && status == 0;) {
    size_t literal = strcspn(at, "{}");
    if (literal > 0) {
      status = add_part(made, (struct part){.text = {at, literal}}, err);
      at += literal;
      continue;
    }
    const char *end = *at == '{' ? strchr(at, '}') : NULL;
    if (end == NULL) return fl_error_set(err, FL_E_INVALID, "URI template %s: a brace has no partner", made->text);
    bool has_op = strchr("+#/.?&", at[1]) != NULL;
    const char *names = at + 1 + has_op;
    if (end < names) return fl_error_set(err, FL_E_INVALID, "URI template %s: {} is empty", made->text);
    status = add_part(made, (struct part){has_op ? at[1] : ' ', {names, (size_t)(end - names)}}, err);
    at = end + 1;
  }
  return status;
}

int fl_uri_template_parse(const char *text, struct fl_uri_template **ret_template, struct fl_error *err) {
  if (strlen(text) > FL_URI_TEMPLATE_SIZE_MAX)
    return fl_error_set(err, FL_E_INVALID, "a URI template has more than %d bytes", FL_URI_TEMPLATE_SIZE_MAX);
  struct fl_uri_template *made = fl_new(struct fl_uri_template);
  made->text = fl_strdup(text);
  int status = parse_parts(made, err);
  if (status == 0) *ret_template = made;
  else fl_uri_template_destroy(made);
  return status;
}

void fl_uri_template_destroy(struct fl_uri_template *uri_template) {
  if (uri_template == NULL) return;
  fl_free(uri_template->text);
  fl_free(uri_template);
}

bool fl_uri_template_has(const struct fl_uri_template *uri_template, const char *variable) {
  for (size_t i = 0; i < uri_template->part_count; i++) {
    fl_slice rest = uri_template->parts[i].text;
    while (uri_template->parts[i].op != 0 && rest.size > 0)
      if (fl_slice_equal(take_name(&rest), fl_slice_of(variable))) return true;
  }
  return false;
}

/* ---- matching ---- */

static bool set_variable(struct fl_value *variables, fl_slice name, fl_slice value) {
  FL_BUF_AUTO text = {0};
  if (fl_url_decode(&text, value, false) < 0 || memchr(text.data != NULL ? text.data : "", '\0', text.size) != NULL)
    return false;
  fl_set_take_n(variables, name.data, name.size, fl_string_n(text.data != NULL ? text.data : "", text.size));
  return true;
}

/* Where a variable ends: at what follows it, and before what its operator does not let it hold. */
static size_t value_size(const struct fl_uri_template *made, size_t index, fl_slice uri) {
  const char *stops = strchr("+#", made->parts[index].op) != NULL ? ""
                      : made->parts[index].op == '.'              ? "/?#&."
                                                                  : "/?#&";
  size_t most = 0;
  while (most < uri.size && strchr(stops, uri.data[most]) == NULL) most++;
  if (stops[0] == '\0') most = uri.size;
  if (index + 1 == made->part_count) return most;
  const struct part *next = &made->parts[index + 1];
  fl_slice mark = next->op == 0 ? next->text : fl_slice_n(&next->op, 1);
  const char *found = memmem(uri.data, uri.size, mark.data, mark.size);
  size_t until = found != NULL ? (size_t)(found - uri.data) : uri.size;
  return until < most ? until : most;
}

static bool has_name(fl_slice names, fl_slice name) {
  while (names.size > 0)
    if (fl_slice_equal(take_name(&names), name)) return true;
  return false;
}

/* "a=1&b=2" up to a fragment; names that the template does not know make another URI. */
static bool match_query(const struct part *part, fl_slice *uri, struct fl_value *variables) {
  if (uri->size == 0 || uri->data[0] != part->op) return true; /* all variables undefined */
  size_t end = 1;
  while (end < uri->size && uri->data[end] != '#') end++;
  fl_slice query = fl_slice_n(uri->data + 1, end - 1);
  *uri = fl_slice_n(uri->data + end, uri->size - end);
  while (query.size > 0) {
    const char *ampersand = memchr(query.data, '&', query.size);
    fl_slice pair = {query.data, ampersand != NULL ? (size_t)(ampersand - query.data) : query.size};
    const char *equals = memchr(pair.data, '=', pair.size);
    if (equals == NULL) return false;
    fl_slice name = {pair.data, (size_t)(equals - pair.data)};
    fl_slice value = {equals + 1, pair.size - name.size - 1};
    if (!has_name(part->text, name) || !set_variable(variables, name, value)) return false;
    size_t used = pair.size + (ampersand != NULL);
    query = fl_slice_n(query.data + used, query.size - used);
  }
  return true;
}

static bool match_part(const struct fl_uri_template *made, size_t index, fl_slice *uri, struct fl_value *variables) {
  const struct part *part = &made->parts[index];
  if (part->op == '?' || part->op == '&') return match_query(part, uri, variables);
  size_t skip = part->op == 0 ? part->text.size : part->op == ' ' || part->op == '+' ? 0 : 1;
  fl_slice mark = part->op == 0 ? part->text : fl_slice_n(&part->op, skip);
  if (!fl_slice_starts(*uri, mark)) return false;
  *uri = fl_slice_n(uri->data + skip, uri->size - skip);
  if (part->op == 0) return true;
  size_t size = value_size(made, index, *uri);
  if (size == 0 || !set_variable(variables, part->text, fl_slice_n(uri->data, size))) return false;
  *uri = fl_slice_n(uri->data + size, uri->size - size);
  return true;
}

bool fl_uri_template_match(const struct fl_uri_template *uri_template, const char *uri,
                           struct fl_value **ret_variables) {
  FL_VALUE_AUTO variables = fl_object();
  fl_slice rest = fl_slice_of(uri);
  for (size_t i = 0; i < uri_template->part_count; i++)
    if (!match_part(uri_template, i, &rest, variables)) return false;
  if (rest.size > 0) return false;
  *ret_variables = fl_value_ref(variables);
  return true;
}

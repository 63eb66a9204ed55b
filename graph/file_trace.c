/* SPDX-License-Identifier: MIT */
/* The section `trace`: what is recorded of runs of the graph, for how long, and where it is sent. What is written here
 * is checked; what it means is runtime/trace/policy.h, and where the environment says otherwise, it counts. A secret
 * never stands in it: the headers of a collector name variables of the environment. */
#include "graph/file_loader.h"
#include "runtime/base/timestamp.h"

static const char *const trace_keys[] = {"record", "content",      "arguments", "redact",
                                         "keep",   "keep_content", "export",    NULL};
static const char *const content_keys[] = {"percent", "floor", "errors", NULL};
static const char *const redact_keys[] = {"email", "card", "iban", NULL};
static const char *const export_keys[] = {"endpoint", "headers", "protocol", "names", NULL};
const struct fl_file_shape fl_shape_trace = {"trace", "the section trace", trace_keys, NULL};
const struct fl_file_shape fl_shape_trace_content = {"trace_content", "what is kept of contents", content_keys, NULL};
const struct fl_file_shape fl_shape_trace_redact = {"trace_redact", "what is redacted", redact_keys, NULL};
const struct fl_file_shape fl_shape_trace_export = {"trace_export", "where traces are sent", export_keys, NULL};

/* ---- members ---- */

static void check_flags(const struct fl_spot *spot, const char *const *keys) {
  for (; *keys != NULL; keys++) {
    struct fl_spot member = fl_spot_member(spot, *keys);
    if (member.value != NULL) fl_spot_is(&member, FL_BOOL);
  }
}

static void check_number(const struct fl_spot *spot, const char *key, double max, bool is_whole) {
  struct fl_spot member = fl_spot_member(spot, key);
  if (member.value == NULL) return;
  double number = fl_as_double(member.value, -1);
  bool is_one = is_whole ? fl_is(member.value, FL_INT) : fl_is_number(member.value);
  if (!is_one || number < 0 || number > max)
    fl_spot_error(&member, NULL, "must be a %snumber from 0 to %.0f", is_whole ? "whole " : "", max);
}

/* One of two words. */
static void check_word(const struct fl_spot *spot, const char *key, const char *first, const char *second) {
  struct fl_spot member = fl_spot_member(spot, key);
  if (member.value == NULL || !fl_spot_is(&member, FL_STRING)) return;
  const char *word = fl_as_string(member.value);
  if (strcmp(word, first) != 0 && strcmp(word, second) != 0)
    fl_spot_error(&member, NULL, "must be \"%s\" or \"%s\"", first, second);
}

/* In milliseconds; 0: not said, or wrong. */
static int64_t read_age(const struct fl_spot *spot, const char *key) {
  struct fl_spot member = fl_spot_member(spot, key);
  if (member.value == NULL || !fl_spot_is(&member, FL_STRING)) return 0;
  int64_t age_ms = fl_age_ms(fl_as_string(member.value));
  if (age_ms < 0) fl_spot_error(&member, "write 90s, 45m, 12h, 30d or 4w", "must be an age");
  return age_ms > 0 ? age_ms : 0;
}

static struct fl_spot member_map(const struct fl_spot *spot, const char *key, const struct fl_file_shape *shape) {
  struct fl_spot member = fl_spot_member(spot, key);
  if (member.value == NULL || !fl_spot_is(&member, FL_OBJECT)) member.value = NULL;
  else fl_spot_check_keys(&member, shape);
  return member;
}

/* ---- where it is sent ---- */

/* "${NAME}", or that behind one word, as in "Bearer ${NAME}": nothing that could be a secret stands in the file. */
static bool is_reference(const char *text) {
  enum { WORD_MAX = 16 };
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  size_t word = strspn(text, letters);
  if (word > 0 && word <= WORD_MAX && text[word] == ' ') text += word + 1;
  if (strncmp(text, "${", 2) != 0) return false;
  text += 2;
  size_t name = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
  return name > 0 && (*text < '0' || *text > '9') && strcmp(text + name, "}") == 0;
}

/* A field's name as HTTP has it (RFC 9110, 5.6.2). */
static bool is_token(const char *name) {
  static const char others[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  return name[0] != '\0' && name[strspn(name, others)] == '\0';
}

static void check_headers(const struct fl_spot *export) {
  struct fl_spot headers = fl_spot_member(export, "headers");
  if (headers.value == NULL || !fl_spot_is(&headers, FL_OBJECT)) return;
  for (struct fl_member m = {0}; fl_next_member(headers.value, &m);) {
    struct fl_spot header = fl_spot_member(&headers, m.key);
    if (!is_token(m.key)) fl_spot_key_error(&header, NULL, "\"%s\" is not the name of a header", m.key);
    if (fl_spot_is(&header, FL_STRING) && !is_reference(fl_as_string(header.value)))
      fl_spot_error(&header, "write \"${NAME}\" or \"Bearer ${NAME}\"",
                    "the header must name a variable of the environment, so that no secret stands in the file");
  }
}

static void check_export(const struct fl_spot *section) {
  struct fl_spot export = member_map(section, "export", &fl_shape_trace_export);
  if (export.value == NULL) return;
  const char *endpoint = fl_spot_text(&export, "endpoint", true);
  struct fl_spot place = fl_spot_member(&export, "endpoint");
  if (endpoint != NULL && strncmp(endpoint, "http://", 7) != 0 && strncmp(endpoint, "https://", 8) != 0 &&
      strncmp(endpoint, "${", 2) != 0)
    fl_spot_error(&place, "write it whole, such as http://localhost:4318/v1/traces", "must be a URL");
  check_headers(&export);
  check_word(&export, "protocol", "http/protobuf", "http/json");
  check_word(&export, "names", "1.41", "latest");
}

struct fl_value *fl_file_load_trace(struct fl_loader *loader) {
  static const char *const own_flags[] = {"record", NULL}, *const content_flags[] = {"errors", NULL};
  struct fl_spot section = fl_spot_member(fl_loader_root(loader), "trace");
  if (loader->is_inline || section.value == NULL || !fl_spot_is(&section, FL_OBJECT)) return NULL;
  fl_spot_check_keys(&section, &fl_shape_trace);
  struct fl_spot content = member_map(&section, "content", &fl_shape_trace_content);
  struct fl_spot redact = member_map(&section, "redact", &fl_shape_trace_redact);
  check_flags(&section, own_flags);
  check_flags(&content, content_flags);
  check_flags(&redact, redact_keys);
  check_number(&content, "percent", 100, false);
  check_number(&content, "floor", 1000000, true);
  check_word(&section, "arguments", "hash", "value");
  int64_t keep_ms = read_age(&section, "keep"), content_ms = read_age(&section, "keep_content");
  struct fl_spot keep_content = fl_spot_member(&section, "keep_content");
  if (keep_ms > 0 && content_ms > keep_ms)
    fl_spot_error(&keep_content, NULL, "content is not kept longer than the trace that it belongs to");
  check_export(&section);
  return fl_value_ref(section.value);
}

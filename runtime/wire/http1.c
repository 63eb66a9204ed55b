/* SPDX-License-Identifier: MIT */
#include "runtime/wire/http1.h"

#include <stdint.h>
#include <strings.h>

/* ---- characters ---- */

enum { TOKEN = 1, VALUE = 2, TARGET = 4, HEX = 8, DIGIT = 16, HOST = 32 };

static bool is_among(unsigned char c, const char *set) { return c != '\0' && strchr(set, c) != NULL; }

static bool is_alnum(unsigned char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); }

/* Computed, not tabled by hand: the sets stand here as RFC 9110 (5.6.2, 5.5) and RFC 3986 name them. */
static int classes_of(unsigned char c) {
  int classes = 0;
  if (is_alnum(c) || is_among(c, "!#$%&'*+-.^_`|~")) classes |= TOKEN;
  if ((c >= 0x20 && c != 0x7f) || c == '\t') classes |= VALUE;
  if (c > 0x20 && c < 0x7f && !is_among(c, "\"#<>")) classes |= TARGET;
  if (c >= '0' && c <= '9') classes |= DIGIT | HEX;
  if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') classes |= HEX;
  if (is_alnum(c) || is_among(c, "-._~%!$&'()*+,;=:[]")) classes |= HOST;
  return classes;
}

static bool all_are(fl_slice text, int class) {
  static uint8_t table[256];
  static bool is_filled; /* filled with the same bytes by whoever comes first */
  if (!__atomic_load_n(&is_filled, __ATOMIC_ACQUIRE)) {
    for (int c = 0; c < 256; c++) __atomic_store_n(&table[c], (uint8_t)classes_of((unsigned char)c), __ATOMIC_RELAXED);
    __atomic_store_n(&is_filled, true, __ATOMIC_RELEASE);
  }
  unsigned common = ~0u; /* without a branch for each byte: nearly all texts are good */
#pragma GCC unroll 8
  for (size_t i = 0; i < text.size; i++) common &= table[(unsigned char)text.data[i]];
  return text.size == 0 || (common & (unsigned)class) != 0;
}

bool fl_http1_is_token(fl_slice text) { return text.size > 0 && all_are(text, TOKEN); }

/* Whether one of eight bytes is below 0x20 or is 0x7f: a byte that a value cannot have, or a tab. (What is above it may
 * be told so, too, by the borrow.) */
static bool may_be_odd(uint64_t bytes) {
  const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
  uint64_t deletes = bytes ^ (0x7f * ones);
  return (((bytes - 0x20 * ones) & ~bytes) | ((deletes - ones) & ~deletes)) & highs;
}

bool fl_http1_is_value(fl_slice value) {
  for (uint64_t bytes; value.size >= sizeof bytes; value = fl_slice_n(value.data + 8, value.size - 8)) {
    memcpy(&bytes, value.data, sizeof bytes);
    if (may_be_odd(bytes)) break;
  }
  return all_are(value, VALUE);
}

bool fl_http1_same(fl_slice text, const char *lower) {
  return text.size == strlen(lower) && strncasecmp(text.data, lower, text.size) == 0;
}

static fl_slice trim(fl_slice text) {
  while (text.size > 0 && (*text.data == ' ' || *text.data == '\t')) text = fl_slice_n(text.data + 1, text.size - 1);
  while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t')) text.size--;
  return text;
}

bool fl_http1_list_has(fl_slice list, const char *token) {
  while (list.size > 0) {
    const char *comma = memchr(list.data, ',', list.size);
    size_t size = comma != NULL ? (size_t)(comma - list.data) : list.size;
    if (fl_http1_same(trim(fl_slice_n(list.data, size)), token)) return true;
    if (comma == NULL) return false;
    list = fl_slice_n(comma + 1, list.size - size - 1);
  }
  return false;
}

/* ---- heads ---- */

static const char *const method_names[FL_HTTP1_METHOD_COUNT] = {"GET",   "HEAD",   "POST",   "PUT",
                                                                "PATCH", "DELETE", "OPTIONS"};

const char *fl_http1_method_name(enum fl_http1_method method) { return method_names[method]; }

static enum fl_http1_verdict refuse(struct fl_http1_head *head, int status, const char *reason) {
  head->status = status;
  head->reason = reason;
  return FL_HTTP1_REFUSED;
}

/* Takes one line off the front of *bytes. An LF alone is refused as soon as it is seen. */
static enum fl_http1_verdict take_line(struct fl_http1_head *head, fl_slice *bytes, fl_slice *ret_line) {
  const char *newline = memchr(bytes->data, '\n', bytes->size);
  if (newline == NULL) return FL_HTTP1_MORE;
  size_t size = (size_t)(newline - bytes->data);
  if (size == 0 || newline[-1] != '\r') return refuse(head, 400, "a line does not end with CRLF");
  *ret_line = fl_slice_n(bytes->data, size - 1);
  *bytes = fl_slice_n(newline + 1, bytes->size - size - 1);
  return FL_HTTP1_DONE;
}

static enum fl_http1_verdict parse_method(struct fl_http1_head *head, fl_slice name) {
  for (int i = 0; i < FL_HTTP1_METHOD_COUNT; i++) {
    if (!fl_slice_equal(name, fl_slice_of(method_names[i]))) continue;
    head->method = (enum fl_http1_method)i;
    return FL_HTTP1_DONE;
  }
  if (fl_http1_is_token(name)) return refuse(head, 501, "this server does not know the method");
  return refuse(head, 400, "the method is not a token");
}

static enum fl_http1_verdict parse_target(struct fl_http1_head *head, fl_slice target) {
  if (target.size > FL_HTTP1_TARGET_SIZE_MAX) return refuse(head, 414, "the target is too long");
  if (target.size == 0 || !all_are(target, TARGET)) return refuse(head, 400, "the target is not a URL's path");
  bool is_star = target.size == 1 && *target.data == '*' && head->method == FL_HTTP1_OPTIONS;
  if (*target.data != '/' && !is_star) return refuse(head, 400, "the target is not a path");
  const char *query = memchr(target.data, '?', target.size);
  head->target = target;
  head->path = fl_slice_n(target.data, query != NULL ? (size_t)(query - target.data) : target.size);
  return FL_HTTP1_DONE;
}

static enum fl_http1_verdict parse_version(struct fl_http1_head *head, fl_slice version) {
  static const char digits[] = "0123456789";
  bool is_http = version.size == 8 && memcmp(version.data, "HTTP/", 5) == 0 && version.data[6] == '.' &&
                 is_among((unsigned char)version.data[5], digits) && is_among((unsigned char)version.data[7], digits);
  if (!is_http) return refuse(head, 400, "the request line does not end with a version of HTTP");
  head->is_http10 = version.data[7] == '0';
  if (version.data[5] != '1' || version.data[7] > '1') return refuse(head, 505, "this server speaks HTTP/1.1");
  return FL_HTTP1_DONE;
}

static enum fl_http1_verdict parse_request_line(struct fl_http1_head *head, fl_slice line) {
  const char *first = memchr(line.data, ' ', line.size);
  const char *last = memrchr(line.data, ' ', line.size);
  if (first == NULL || first == last) return refuse(head, 400, "the request line has not three parts");
  enum fl_http1_verdict verdict = parse_method(head, fl_slice_n(line.data, (size_t)(first - line.data)));
  if (verdict == FL_HTTP1_DONE) verdict = parse_target(head, fl_slice_n(first + 1, (size_t)(last - first - 1)));
  size_t version_size = line.size - (size_t)(last + 1 - line.data);
  return verdict == FL_HTTP1_DONE ? parse_version(head, fl_slice_n(last + 1, version_size)) : verdict;
}

static enum fl_http1_verdict parse_field(fl_slice line, struct fl_http1_head *head) {
  if (*line.data == ' ' || *line.data == '\t') return refuse(head, 400, "a field is folded over two lines");
  const char *colon = memchr(line.data, ':', line.size);
  if (colon == NULL) return refuse(head, 400, "a field has no colon");
  fl_slice name = fl_slice_n(line.data, (size_t)(colon - line.data));
  fl_slice value = trim(fl_slice_n(colon + 1, line.size - name.size - 1));
  if (!fl_http1_is_token(name)) return refuse(head, 400, "a field's name is not a token");
  if (!fl_http1_is_value(value)) return refuse(head, 400, "a field's value has a control character");
  if (head->field_count == FL_HTTP1_FIELDS_MAX) return refuse(head, 431, "there are too many fields");
  head->fields[head->field_count++] = (struct fl_http1_field){name, value};
  return FL_HTTP1_DONE;
}

fl_slice fl_http1_field(const struct fl_http1_head *head, const char *name, size_t *ret_count) {
  fl_slice found = {0};
  size_t count = 0, size = strlen(name);
  for (size_t i = 0; i < head->field_count; i++) {
    const struct fl_http1_field *field = &head->fields[i];
    if (field->name.size != size || ((*field->name.data ^ *name) & ~0x20) != 0) continue;
    if (strncasecmp(field->name.data, name, size) != 0) continue;
    if (count++ == 0) found = field->value;
  }
  if (ret_count != NULL) *ret_count = count;
  return found;
}

static enum fl_http1_verdict judge_host(struct fl_http1_head *head) {
  size_t count = 0;
  head->host = fl_http1_field(head, "host", &count);
  if (count > 1) return refuse(head, 400, "there are two Host fields");
  if (count == 0 && !head->is_http10) return refuse(head, 400, "there is no Host field");
  if (count == 1 && head->host.size == 0) return refuse(head, 400, "the Host field is empty");
  return all_are(head->host, HOST) ? FL_HTTP1_DONE : refuse(head, 400, "the Host field is not a host");
}

static enum fl_http1_verdict judge_length(struct fl_http1_head *head, fl_slice value) {
  if (value.size == 0 || !all_are(value, DIGIT)) return refuse(head, 400, "the Content-Length is not a number");
  size_t size = 0;
  for (size_t i = 0; i < value.size; i++) {
    if (size > (INT64_MAX - 9) / 10) return refuse(head, 400, "the Content-Length is too large");
    size = size * 10 + (size_t)(value.data[i] - '0');
  }
  head->body_size = size;
  return FL_HTTP1_DONE;
}

static enum fl_http1_verdict judge_framing(struct fl_http1_head *head) {
  size_t length_count = 0, coding_count = 0;
  fl_slice length = fl_http1_field(head, "content-length", &length_count);
  fl_slice coding = fl_http1_field(head, "transfer-encoding", &coding_count);
  if (length_count + coding_count > 1)
    return refuse(head, 400, "the size of the body is told twice (Content-Length, Transfer-Encoding)");
  if (length_count == 1) return judge_length(head, length);
  if (coding_count == 0) return FL_HTTP1_DONE;
  if (head->is_http10) return refuse(head, 400, "HTTP/1.0 has no Transfer-Encoding");
  if (!fl_http1_same(coding, "chunked")) return refuse(head, 501, "the only Transfer-Encoding here is chunked");
  head->is_chunked = true;
  return FL_HTTP1_DONE;
}

static enum fl_http1_verdict judge_connection(struct fl_http1_head *head) {
  bool closes = false, keeps = false;
  for (size_t i = 0; i < head->field_count; i++) {
    if (!fl_http1_same(head->fields[i].name, "connection")) continue;
    closes = closes || fl_http1_list_has(head->fields[i].value, "close");
    keeps = keeps || fl_http1_list_has(head->fields[i].value, "keep-alive");
  }
  head->keeps_alive = !closes && (!head->is_http10 || keeps);
  size_t count = 0;
  fl_slice expect = fl_http1_field(head, "expect", &count);
  if (count == 0) return FL_HTTP1_DONE;
  if (count > 1 || !fl_http1_same(expect, "100-continue")) return refuse(head, 417, "Expect is not 100-continue");
  head->expects_continue = !head->is_http10 && (head->is_chunked || head->body_size > 0);
  return FL_HTTP1_DONE;
}

static enum fl_http1_verdict judge(struct fl_http1_head *head) {
  enum fl_http1_verdict verdict = judge_host(head);
  if (verdict == FL_HTTP1_DONE) verdict = judge_framing(head);
  return verdict == FL_HTTP1_DONE ? judge_connection(head) : verdict;
}

/* Empty lines ahead of a request are skipped (RFC 9112, 2.2): some clients send one behind a body. */
static void skip_empty_lines(fl_slice *bytes) {
  while (bytes->size >= 2 && bytes->data[0] == '\r' && bytes->data[1] == '\n')
    *bytes = fl_slice_n(bytes->data + 2, bytes->size - 2);
}

/* Bytes of a line that has no end yet: what can no longer become a request is refused without waiting for the rest. */
static enum fl_http1_verdict judge_partial(struct fl_http1_head *head, fl_slice line, bool is_first) {
  if (line.size > 0 && line.data[line.size - 1] == '\r') line.size--;
  if (!fl_http1_is_value(line)) return refuse(head, 400, "there is a control character");
  const char *space = is_first ? memchr(line.data, ' ', line.size) : NULL;
  size_t method_size = space != NULL ? (size_t)(space - line.data) : line.size;
  if (is_first && (method_size > 32 || !all_are(fl_slice_n(line.data, method_size), TOKEN)))
    return refuse(head, 400, "the method is not a token");
  if (space != NULL && line.size > FL_HTTP1_TARGET_SIZE_MAX + 64) return refuse(head, 414, "the target is too long");
  return FL_HTTP1_MORE;
}

static enum fl_http1_verdict parse_lines(struct fl_http1_head *head, fl_slice *rest) {
  for (bool is_first = true;; is_first = false) {
    fl_slice line;
    enum fl_http1_verdict verdict = take_line(head, rest, &line);
    if (verdict == FL_HTTP1_MORE && rest->size > 0) return judge_partial(head, *rest, is_first);
    if (verdict != FL_HTTP1_DONE) return verdict;
    if (line.size == 0) return judge(head);
    verdict = is_first ? parse_request_line(head, line) : parse_field(line, head);
    if (verdict != FL_HTTP1_DONE) return verdict;
  }
}

enum fl_http1_verdict fl_http1_parse_head(fl_slice bytes, struct fl_http1_head *head, size_t *ret_used) {
  head->is_chunked = head->is_http10 = head->keeps_alive = head->expects_continue = false;
  head->body_size = head->field_count = 0;
  fl_slice rest = bytes;
  skip_empty_lines(&rest);
  enum fl_http1_verdict verdict = parse_lines(head, &rest);
  size_t used = verdict == FL_HTTP1_DONE ? bytes.size - rest.size : bytes.size;
  bool is_over = used > FL_HTTP1_HEAD_SIZE_MAX && verdict != FL_HTTP1_REFUSED;
  if (is_over) return refuse(head, 431, "the head is too long");
  if (verdict == FL_HTTP1_DONE) *ret_used = used;
  return verdict;
}

/* ---- writing ---- */

const char *fl_http1_status_text(int status) {
  switch (status) {
  case 100: return "Continue";
  case 200: return "OK";
  case 201: return "Created";
  case 202: return "Accepted";
  case 204: return "No Content";
  case 304: return "Not Modified";
  case 400: return "Bad Request";
  case 401: return "Unauthorized";
  case 403: return "Forbidden";
  case 404: return "Not Found";
  case 405: return "Method Not Allowed";
  case 406: return "Not Acceptable";
  case 408: return "Request Timeout";
  case 409: return "Conflict";
  case 413: return "Content Too Large";
  case 414: return "URI Too Long";
  case 415: return "Unsupported Media Type";
  case 417: return "Expectation Failed";
  case 429: return "Too Many Requests";
  case 431: return "Request Header Fields Too Large";
  case 500: return "Internal Server Error";
  case 501: return "Not Implemented";
  case 503: return "Service Unavailable";
  case 505: return "HTTP Version Not Supported";
  default: return "Unknown";
  }
}

void fl_http1_add_chunk(struct fl_buf *out, fl_slice data) {
  if (data.size == 0) return;
  fl_buf_addf(out, "%zx\r\n", data.size);
  fl_buf_add(out, data.data, data.size);
  fl_buf_add(out, "\r\n", 2);
}

void fl_http1_add_last_chunk(struct fl_buf *out) { fl_buf_add(out, "0\r\n\r\n", 5); }

/* SPDX-License-Identifier: MIT */
#include "mcp/auth/challenge.h"
#include "runtime/base/mem.h"

#include <strings.h>

struct reader {
  const char *at, *end;
};

static bool is_token_char(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static void skip_space(struct reader *reader) {
  while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t')) reader->at++;
}

static bool skip_commas(struct reader *reader) {
  bool found = false;
  for (skip_space(reader); reader->at < reader->end && *reader->at == ','; skip_space(reader)) {
    reader->at++;
    found = true;
  }
  return found;
}

static fl_slice read_token(struct reader *reader) {
  const char *start = reader->at;
  while (reader->at < reader->end && is_token_char(*reader->at)) reader->at++;
  return fl_slice_n(start, (size_t)(reader->at - start));
}

/* token68, which Basic and Negotiate use: no parameters, nothing for us. */
static void skip_token68(struct reader *reader) {
  while (reader->at < reader->end && (is_token_char(*reader->at) || *reader->at == '/')) reader->at++;
  while (reader->at < reader->end && *reader->at == '=') reader->at++;
}

static int read_quoted(struct reader *reader, struct fl_buf *value) {
  for (reader->at++; reader->at < reader->end; reader->at++) {
    char c = *reader->at;
    if (c == '"') {
      reader->at++;
      return 0;
    }
    if (c == '\\' && ++reader->at == reader->end) break;
    c = *reader->at;
    if ((unsigned char)c < 0x20 && c != '\t') return FL_E_SYNTAX;
    if (c == 0x7f) return FL_E_SYNTAX;
    fl_buf_add_char(value, c);
  }
  return FL_E_SYNTAX;
}

static int read_value(struct reader *reader, struct fl_buf *value) {
  if (reader->at < reader->end && *reader->at == '"') return read_quoted(reader, value);
  fl_slice token = read_token(reader);
  return token.size > 0 ? fl_buf_add(value, token.data, token.size) : FL_E_SYNTAX;
}

static char **member_of(struct fl_challenge *challenge, fl_slice name) {
  struct {
    const char *name;
    char **member;
  } rows[] = {{"resource_metadata", &challenge->resource_metadata},
              {"scope", &challenge->scope},
              {"error", &challenge->error},
              {"error_description", &challenge->error_description}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (strlen(rows[i].name) == name.size && strncasecmp(rows[i].name, name.data, name.size) == 0)
      return rows[i].member;
  return NULL;
}

/* name = value; the name stands behind, the reader is at "=". */
static int read_param(struct reader *reader, struct fl_challenge *challenge, fl_slice name) {
  FL_BUF_AUTO value = {.limit = FL_CHALLENGE_SIZE_MAX};
  reader->at++;
  skip_space(reader);
  int failure = read_value(reader, &value);
  if (failure != 0) return failure;
  char **member = member_of(challenge, name);
  if (member == NULL) return 0;
  if (*member != NULL) return FL_E_SYNTAX;
  *member = value.data != NULL ? fl_strdup(value.data) : fl_strdup("");
  return 0;
}

static bool is_param(struct reader reader) {
  fl_slice name = read_token(&reader);
  skip_space(&reader);
  if (name.size == 0 || reader.at == reader.end || *reader.at != '=') return false;
  reader.at++;
  skip_space(&reader); /* "=" at the end, or "==", is token68's padding */
  return reader.at < reader.end && *reader.at != '=' && *reader.at != ',';
}

/* The parameters of one challenge: up to a word that no "=" follows, which begins the next. */
static int read_params(struct reader *reader, struct fl_challenge *challenge) {
  skip_space(reader);
  if (reader->at < reader->end && *reader->at != ',' && !is_param(*reader)) {
    skip_token68(reader);
    skip_space(reader);
    return reader->at == reader->end || *reader->at == ',' ? 0 : FL_E_SYNTAX;
  }
  while (is_param(*reader)) {
    fl_slice name = read_token(reader);
    skip_space(reader);
    int failure = read_param(reader, challenge, name);
    if (failure != 0) return failure;
    bool has_comma = skip_commas(reader);
    if (reader->at == reader->end) return 0;
    if (!has_comma) return FL_E_SYNTAX;
  }
  return 0;
}

static enum fl_challenge_scheme scheme_of(fl_slice name) {
  if (name.size == 6 && strncasecmp(name.data, "Bearer", 6) == 0) return FL_CHALLENGE_BEARER;
  if (name.size == 4 && strncasecmp(name.data, "DPoP", 4) == 0) return FL_CHALLENGE_DPOP;
  return FL_CHALLENGE_NONE;
}

static int read_one(struct reader *reader, struct fl_challenge *best) {
  FL_CHALLENGE_AUTO one = {0};
  fl_slice scheme = read_token(reader);
  bool has_space = reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t');
  if (scheme.size == 0 || (reader->at < reader->end && !has_space && *reader->at != ',')) return FL_E_SYNTAX;
  one.scheme = scheme_of(scheme);
  int failure = read_params(reader, &one);
  if (failure != 0 || one.scheme == FL_CHALLENGE_NONE) return failure;
  bool is_better =
      best->scheme == FL_CHALLENGE_NONE || (best->resource_metadata == NULL && one.resource_metadata != NULL);
  if (!is_better) return 0;
  fl_challenge_deinit(best);
  *best = one;
  one = (struct fl_challenge){0};
  return 0;
}

int fl_challenge_read(fl_slice text, struct fl_challenge *ret_challenge, struct fl_error *err) {
  if (text.size > FL_CHALLENGE_SIZE_MAX)
    return fl_error_set(err, FL_E_LIMIT, "the header WWW-Authenticate is larger than %d bytes", FL_CHALLENGE_SIZE_MAX);
  FL_CHALLENGE_AUTO best = {0};
  struct reader reader = {text.data, text.data + text.size};
  for (skip_commas(&reader); reader.at < reader.end; skip_commas(&reader))
    if (read_one(&reader, &best) != 0)
      return fl_error_set(err, FL_E_SYNTAX, "the header WWW-Authenticate is not well-formed at byte %zu",
                          (size_t)(reader.at - text.data));
  *ret_challenge = best;
  best = (struct fl_challenge){0};
  return 0;
}

void fl_challenge_deinit(struct fl_challenge *challenge) {
  fl_free(challenge->resource_metadata);
  fl_free(challenge->scope);
  fl_free(challenge->error);
  fl_free(challenge->error_description);
  *challenge = (struct fl_challenge){0};
}

int fl_challenge_add(struct fl_buf *buf, const char *name, const char *value) {
  bool is_first = buf->size > 0 && buf->data[buf->size - 1] == ' ';
  int failure = fl_buf_addf(buf, "%s%s=\"", buf->size == 0 || is_first ? "" : ", ", name);
  for (; failure == 0 && *value != '\0'; value++) {
    if ((unsigned char)*value < 0x20 || (unsigned char)*value > 0x7e) continue;
    if (*value == '"' || *value == '\\') failure = fl_buf_add_char(buf, '\\');
    if (failure == 0) failure = fl_buf_add_char(buf, *value);
  }
  return failure == 0 ? fl_buf_add_char(buf, '"') : failure;
}

/* ---- scopes ---- */

static bool next_word(const char **at, fl_slice *ret_word) {
  *at += strspn(*at, " ");
  *ret_word = fl_slice_n(*at, strcspn(*at, " "));
  *at += ret_word->size;
  return ret_word->size > 0;
}

bool fl_scope_has(const char *scope, fl_slice word) {
  fl_slice one;
  while (scope != NULL && next_word(&scope, &one))
    if (fl_slice_equal(one, word)) return true;
  return false;
}

bool fl_scope_covers(const char *scope, const char *wanted) {
  fl_slice word;
  while (wanted != NULL && next_word(&wanted, &word))
    if (!fl_scope_has(scope, word)) return false;
  return true;
}

char *fl_scope_union(const char *a, const char *b) {
  FL_BUF_AUTO words = {0};
  const char *lists[] = {a, b};
  fl_slice word;
  for (int i = 0; i < 2; i++)
    while (lists[i] != NULL && next_word(&lists[i], &word)) {
      if (fl_scope_has(words.data, word)) continue;
      if (words.size > 0) fl_buf_add_char(&words, ' ');
      fl_buf_add(&words, word.data, word.size);
    }
  return words.size > 0 ? fl_buf_take(&words, NULL) : NULL;
}

/* SPDX-License-Identifier: MIT */
/* Redaction: see the header. At every place where a word begins each kind is tried; what fits is replaced as a whole.
 */
#include "runtime/trace/redact.h"

#include "runtime/base/mem.h"

#include <ctype.h>
#include <string.h>

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool ends_at(fl_slice text, size_t at) { return at == text.size || !is_word(text.data[at]); }

/* Each of these: how long the thing at the front of `text` is; 0: it is none. */

/* ---- card numbers ---- */

static bool has_luhn_digit(const char *digits, size_t count) {
  unsigned sum = 0;
  for (size_t i = 0; i < count; i++) {
    unsigned digit = (unsigned)(digits[count - 1 - i] - '0') * (i % 2 == 0 ? 1 : 2);
    sum += digit > 9 ? digit - 9 : digit;
  }
  return sum % 10 == 0;
}

/* Digits, in groups with single blanks or hyphens between them. */
static size_t card_size(fl_slice text) {
  enum { MIN = 13, MAX = 19 };
  char digits[MAX];
  size_t count = 0, at = 0;
  while (at < text.size) {
    bool is_gap = count > 0 && (text.data[at] == ' ' || text.data[at] == '-') && at + 1 < text.size &&
                  is_digit(text.data[at + 1]);
    if (!is_digit(text.data[at]) && !is_gap) break;
    if (!is_gap && count == MAX) return 0;
    if (!is_gap) digits[count++] = text.data[at];
    at++;
  }
  return count >= MIN && ends_at(text, at) && strspn(digits, "0") < count && has_luhn_digit(digits, count) ? at : 0;
}

/* ---- IBANs ---- */

/* The remainder of the number that the characters make, letters counting from 10. */
static unsigned mod_97(const char *characters, size_t count) {
  unsigned rest = 0;
  for (size_t i = 0; i < count; i++) {
    char c = characters[(i + 4) % count]; /* the first four stand last */
    rest = is_digit(c) ? (rest * 10 + (unsigned)(c - '0')) % 97 : (rest * 100 + (unsigned)(c - 'A' + 10)) % 97;
  }
  return rest;
}

static size_t iban_size(fl_slice text) {
  enum { MIN = 15, MAX = 34 };
  char characters[MAX];
  size_t count = 0, at = 0, best = 0;
  bool begins_well = text.size >= MIN && isupper((unsigned char)text.data[0]) && isupper((unsigned char)text.data[1]) &&
                     is_digit(text.data[2]) && is_digit(text.data[3]);
  while (begins_well && at < text.size && count < MAX) {
    char c = text.data[at];
    bool is_gap = c == ' ' && count % 4 == 0 && count > 0 && at + 1 < text.size && text.data[at + 1] != ' ';
    if (!is_gap && !is_digit(c) && !isupper((unsigned char)c)) break;
    if (!is_gap) characters[count++] = c;
    at++;
    if (count >= MIN && ends_at(text, at) && mod_97(characters, count) == 1) best = at;
  }
  return best;
}

/* ---- mail addresses ---- */

static bool is_local(char c) { return is_word(c) || strchr(".!#$%&'*+/=?^`{|}~-", c) != NULL; }

static size_t email_size(fl_slice text) {
  enum { LOCAL_MAX = 64, DOMAIN_MAX = 255 };
  size_t at = 0, last_dot = 0;
  while (at < text.size && at <= LOCAL_MAX && text.data[at] != '\0' && is_local(text.data[at])) at++;
  if (at == 0 || at > LOCAL_MAX || at == text.size || text.data[at] != '@') return 0;
  size_t domain = ++at;
  while (at < text.size && at - domain < DOMAIN_MAX &&
         (isalnum((unsigned char)text.data[at]) || text.data[at] == '-' || (text.data[at] == '.' && at > domain))) {
    if (text.data[at] == '.' && at + 1 < text.size && isalnum((unsigned char)text.data[at + 1])) last_dot = at;
    else if (text.data[at] == '.') break; /* the end of a sentence */
    at++;
  }
  return last_dot > domain && at - last_dot > 2 ? at : 0;
}

/* ---- keys ---- */

static bool is_key_character(char c) {
  return is_word(c) || c == '-' || c == '.' || c == '~' || c == '+' || c == '/' || c == '=';
}

static size_t run_size(fl_slice text, size_t at) {
  size_t begin = at;
  while (at < text.size && is_key_character(text.data[at])) at++;
  while (at > begin && text.data[at - 1] == '.') at--; /* the end of a sentence */
  return at - begin;
}

struct prefix {
  const char *text;
  size_t rest_min; /* characters of a key behind it, at least */
};
static const struct prefix prefixes[] = {
    {"sk-", 16},   {"sk_live_", 16}, {"sk_test_", 16},    {"rk_live_", 16}, {"ghp_", 30},  {"gho_", 30},
    {"ghs_", 30},  {"ghu_", 30},     {"github_pat_", 30}, {"glpat-", 16},   {"xoxb-", 16}, {"xoxp-", 16},
    {"xoxa-", 16}, {"xapp-", 16},    {"AKIA", 16},        {"ASIA", 16},     {"AIza", 30},  {"hf_", 20},
    {"npm_", 30},  {"pypi-", 30},    {"gsk_", 20},        {"xai-", 20},     {"SG.", 20},   {"dop_v1_", 30},
};

static size_t prefixed_size(fl_slice text) {
  for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
    size_t size = strlen(prefixes[i].text);
    if (!fl_slice_starts(text, fl_slice_n(prefixes[i].text, size))) continue;
    size_t rest = run_size(text, size);
    if (rest >= prefixes[i].rest_min) return size + rest;
  }
  return 0;
}

/* "Bearer KEY": the word stays, as in all that follow a name. */
static size_t named_size(fl_slice text, size_t *ret_kept) {
  static const char *const names[] = {"Bearer ", "bearer ", "Basic "};
  enum { REST_MIN = 16 };
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    size_t size = strlen(names[i]);
    if (!fl_slice_starts(text, fl_slice_n(names[i], size)) || run_size(text, size) < REST_MIN) continue;
    *ret_kept = size;
    return size + run_size(text, size);
  }
  return 0;
}

static bool is_token_character(char c) { return is_word(c) || c == '-' || c == '.'; }

/* Three or five parts of base64url, the first of which begins a JSON object. They fill what stands between two other
 * characters, so no character is looked at for two of them. */
static size_t token_size(fl_slice text, char before) {
  enum { PART_MIN = 8 };
  if (is_token_character(before) || !fl_slice_starts(text, FL_SLICE("eyJ"))) return 0;
  size_t size = 0, dots = 0, part = 0, shortest = SIZE_MAX;
  for (; size < text.size && is_token_character(text.data[size]); size++) {
    bool is_dot = text.data[size] == '.';
    if (is_dot && part < shortest) shortest = part;
    dots += is_dot;
    part = is_dot ? 0 : part + 1;
  }
  if (part == 0 && dots > 0) size--, dots--; /* the end of a sentence */
  return shortest >= PART_MIN && (dots == 2 || dots == 4) ? size : 0;
}

static size_t pem_size(fl_slice text) {
  enum { HEAD_MAX = 64 };
  static const char end[] = "-----END ";
  if (text.data == NULL || !fl_slice_starts(text, FL_SLICE("-----BEGIN "))) return 0;
  const char *name = memmem(text.data, text.size < HEAD_MAX ? text.size : HEAD_MAX, "PRIVATE KEY-----", 16);
  if (name == NULL) return 0;
  const char *at = memmem(text.data, text.size, end, sizeof end - 1);
  if (at == NULL) return text.size; /* it was cut: all of it */
  const char *over = memmem(at + sizeof end - 1, text.size - (size_t)(at - text.data) - sizeof end + 1, "-----", 5);
  return over != NULL ? (size_t)(over - text.data) + 5 : text.size;
}

/* ---- all of them ---- */

/* A kind that stays is passed over as it is: a card number is no other kind. */
static const char *find_at(fl_slice text, char before, unsigned kinds, size_t *ret_size, size_t *ret_kept) {
  *ret_kept = 0;
  if ((*ret_size = pem_size(text)) > 0 || (*ret_size = token_size(text, before)) > 0) return "[key]";
  if ((*ret_size = prefixed_size(text)) > 0 || (*ret_size = named_size(text, ret_kept)) > 0) return "[key]";
  if ((kinds & FL_REDACT_EMAIL) != 0 && (*ret_size = email_size(text)) > 0) return "[email]";
  if ((kinds & FL_REDACT_IBAN) != 0 && (*ret_size = iban_size(text)) > 0) return "[iban]";
  return (kinds & FL_REDACT_CARD) != 0 && (*ret_size = card_size(text)) > 0 ? "[card]" : NULL;
}

/* Whether something may begin here: not in the middle of a word, or of a mail address that is none. */
static bool may_begin(fl_slice text, size_t at) {
  if (at == 0) return true;
  char before = text.data[at - 1];
  return !is_word(before) && (is_word(text.data[at]) || text.data[at] == '-') && before != '.';
}

size_t fl_redact(fl_slice text, unsigned kinds, struct fl_buf *out) {
  size_t count = 0, copied = 0, at = 0;
  while (at < text.size) {
    size_t size = 0, kept = 0;
    fl_slice rest = fl_slice_n(text.data + at, text.size - at);
    char before = at > 0 ? text.data[at - 1] : ' ';
    const char *word = may_begin(text, at) ? find_at(rest, before, kinds, &size, &kept) : NULL;
    if (word == NULL) {
      at++;
      continue;
    }
    fl_buf_add(out, text.data + copied, at + kept - copied);
    fl_buf_add_text(out, word);
    at += size;
    copied = at;
    count++;
  }
  fl_buf_add(out, text.data + copied, text.size - copied);
  return count;
}

char *fl_redact_text_of(const char *text, unsigned kinds) {
  FL_BUF_AUTO out = {0};
  if (text == NULL) return NULL;
  if (fl_redact(fl_slice_of(text), kinds, &out) == 0) return fl_strdup(text);
  return fl_strndup(out.data != NULL ? out.data : "", out.size);
}

static struct fl_value *redact_string(const struct fl_value *value, unsigned kinds, size_t *ret_count) {
  FL_BUF_AUTO out = {0};
  size_t count = fl_redact(fl_slice_n(fl_as_string(value), fl_string_size(value)), kinds, &out);
  *ret_count += count;
  return count == 0 ? fl_value_ref((struct fl_value *)value) : fl_string_n(out.data, out.size);
}

struct fl_value *fl_redact_value(const struct fl_value *value, unsigned kinds, size_t *ret_count) {
  if (fl_is(value, FL_STRING)) return redact_string(value, kinds, ret_count);
  if (!fl_is(value, FL_ARRAY) && !fl_is(value, FL_OBJECT)) return fl_value_ref((struct fl_value *)value);
  size_t before = *ret_count;
  struct fl_value *copy = fl_is(value, FL_ARRAY) ? fl_array() : fl_object();
  for (size_t i = 0; fl_is(value, FL_ARRAY) && i < fl_size(value); i++)
    fl_append_take(copy, fl_redact_value(fl_at(value, i), kinds, ret_count));
  for (struct fl_member m = {0}; fl_is(value, FL_OBJECT) && fl_next_member(value, &m);)
    fl_set_take_n(copy, m.key, strlen(m.key), fl_redact_value(m.value, kinds, ret_count));
  if (*ret_count != before) return copy;
  fl_value_unref(copy);
  return fl_value_ref((struct fl_value *)value);
}

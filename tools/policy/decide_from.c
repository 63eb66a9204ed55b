/* SPDX-License-Identifier: MIT */
/* Where the value of an argument may come from: each text and number of it must stand, exactly, in one of the origins
 * that its rule names. Pure, and bounded: origins are facts, and no more of them is looked at than LOOKS_MAX.
 *
 * "Exactly" is what matching means elsewhere: in one spelling. A text stands in the user's text when it is there as a
 * whole word or words, not as a part of one (b.example is no part of a@b.example); a number when one that is equal
 * stands there. Truth values and null say nothing about where they came from: only a constant can give them. */
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "tools/policy/canonical.h"
#include "tools/policy/manifest_decide.h"

#include <string.h>

enum { LOOKS_MAX = 20000, TOKEN_MAX = 2048, DEPTH_MAX = 32 };

struct tracing {
  const struct fl_question *question;
  const char *arg;
  const struct fl_value *origins; /* of this argument */
  size_t looks_left;
};

/* ---- one spelling ---- */

/* The candidate as it would be spelled in the place of the argument; `in_list`: as an element of it. NULL: it could not
 * stand there. A new reference. */
static struct fl_value *spell(const struct tracing *tracing, struct fl_value *candidate, bool in_list) {
  static const struct fl_canonical_facts anywhere = {.allows_private = true};
  FL_VALUE_AUTO args = fl_object();
  FL_VALUE_AUTO spelled = NULL;
  struct fl_canonical_problem problem = {0};
  struct fl_value *place = in_list ? fl_array() : fl_value_ref(candidate);
  if (in_list) fl_append_take(place, fl_value_ref(candidate));
  fl_set_take(args, tracing->arg, place);
  int rc = fl_canonical_value(tracing->question->rule->args, args, &anywhere, &spelled, &problem);
  fl_buf_deinit(&problem.pointer);
  if (rc < 0) return NULL;
  struct fl_value *found = fl_get(spelled, tracing->arg);
  return fl_value_ref(in_list ? fl_at(found, 0) : found);
}

static bool is_spelled_so(const struct tracing *tracing, struct fl_value *candidate, const struct fl_value *wanted,
                          bool in_list) {
  if (fl_equal(candidate, wanted)) return true;
  if (fl_type_of(candidate) != FL_STRING || fl_type_of(wanted) != FL_STRING) return false;
  FL_VALUE_AUTO spelled = spell(tracing, candidate, in_list);
  return spelled != NULL && fl_equal(spelled, wanted);
}

/* ---- the user's text ---- */

static bool is_blank(unsigned char c) { return c <= ' '; }

/* Whether a word may end between these two: nothing that could be more of an address, a number or a word follows. */
static bool is_border(const char *at, const char *end, int step) {
  static const char marks[] = "\"'()[]{}<>,;!?`*=|";
  if (at == end) return true;
  unsigned char c = (unsigned char)*at;
  if (is_blank(c) || strchr(marks, c) != NULL) return true;
  if (c != '.' && c != ':') return false;
  if (step < 0) return c == ':'; /* "to:ann" */
  return at + 1 == end || is_blank((unsigned char)at[1]) || strchr(marks, at[1]) != NULL;
}

static bool holds_words(fl_slice text, fl_slice words) {
  const char *from = text.data, *end = text.data + text.size;
  while (words.size > 0 && from < end) {
    const char *found = memmem(from, (size_t)(end - from), words.data, words.size);
    if (found == NULL) return false;
    bool begins = found == text.data || is_border(found - 1, end, -1);
    if (begins && is_border(found + words.size, end, 1)) return true;
    from = found + 1;
  }
  return false;
}

/* The next word without the marks around it; an empty one at the end. */
static fl_slice next_word(fl_slice *rest) {
  static const char around[] = "\"'()[]{}<>,;!?`*";
  while (rest->size > 0 && (is_blank((unsigned char)*rest->data) || strchr(around, *rest->data) != NULL))
    *rest = fl_slice_n(rest->data + 1, rest->size - 1);
  size_t size = 0;
  while (size < rest->size && !is_blank((unsigned char)rest->data[size])) size++;
  fl_slice word = fl_slice_n(rest->data, size);
  *rest = fl_slice_n(rest->data + size, rest->size - size);
  while (word.size > 0 &&
         (strchr(around, word.data[word.size - 1]) != NULL || strchr(".:", word.data[word.size - 1]) != NULL))
    word.size--;
  return word;
}

static bool is_number(fl_slice word, const struct fl_value *wanted) {
  FL_VALUE_AUTO number = NULL;
  if (word.size == 0 || word.size > 64 || fl_parse(word.data, word.size, &number, NULL) < 0) return false;
  bool is_one = fl_type_of(number) == FL_INT || fl_type_of(number) == FL_DOUBLE;
  return is_one && fl_as_double(number, 0) == fl_as_double(wanted, 1) && fl_equal(number, wanted);
}

static bool stands_as_word(struct tracing *tracing, fl_slice text, const struct fl_value *wanted, bool in_list) {
  bool is_text = fl_type_of(wanted) == FL_STRING;
  for (fl_slice rest = text, word; (word = next_word(&rest)).size > 0 && tracing->looks_left > 0;) {
    tracing->looks_left--;
    if (!is_text && is_number(word, wanted)) return true;
    if (!is_text || word.size > TOKEN_MAX) continue;
    FL_VALUE_AUTO candidate = fl_string_n(word.data, word.size);
    if (is_spelled_so(tracing, candidate, wanted, in_list)) return true;
  }
  return false;
}

static bool is_in_prompt(struct tracing *tracing, const struct fl_value *wanted, bool in_list) {
  const struct fl_value *texts = fl_get(tracing->question->call->facts->origins, "prompt");
  bool is_text = fl_type_of(wanted) == FL_STRING;
  for (size_t i = 0; i < fl_size(texts); i++) {
    const struct fl_value *one = fl_at(texts, i);
    if (!fl_is(one, FL_STRING)) continue;
    fl_slice text = fl_slice_n(fl_as_string(one), fl_string_size(one));
    if (is_text && holds_words(text, fl_slice_n(fl_as_string(wanted), fl_string_size(wanted)))) return true;
    if (stands_as_word(tracing, text, wanted, in_list)) return true;
  }
  return false;
}

/* ---- origins ---- */

static bool is_in_results(struct tracing *tracing, const char *origin, const struct fl_value *wanted, bool in_list) {
  const struct fl_value *values = fl_get(tracing->question->call->facts->origins, origin);
  for (size_t i = 0; i < fl_size(values) && tracing->looks_left > 0; i++, tracing->looks_left--)
    if (is_spelled_so(tracing, fl_at(values, i), wanted, in_list)) return true;
  return false;
}

static bool comes_from(struct tracing *tracing, const struct fl_value *origin, const struct fl_value *wanted,
                       bool in_list) {
  const char *name = fl_as_string(origin);
  if (name == NULL) return is_spelled_so(tracing, fl_get(origin, "const"), wanted, in_list);
  enum fl_type type = fl_type_of(wanted);
  if (type != FL_STRING && type != FL_INT && type != FL_DOUBLE) return false;
  if (type == FL_STRING && fl_string_size(wanted) == 0) return false; /* it stands everywhere */
  return strcmp(name, "prompt") == 0 ? is_in_prompt(tracing, wanted, in_list)
                                     : is_in_results(tracing, name, wanted, in_list);
}

static bool has_origin(struct tracing *tracing, const struct fl_value *value, bool in_list, int depth) {
  for (size_t i = 0; i < fl_size(tracing->origins); i++)
    if (comes_from(tracing, fl_at(tracing->origins, i), value, in_list)) return true;
  if (depth == 0 || fl_size(value) == 0) return false;
  if (fl_is(value, FL_ARRAY)) {
    for (size_t i = 0; i < fl_size(value); i++)
      if (!has_origin(tracing, fl_at(value, i), true, depth - 1)) return false;
    return true;
  }
  if (!fl_is(value, FL_OBJECT)) return false;
  for (struct fl_member m = {0}; fl_next_member(value, &m);)
    if (!has_origin(tracing, m.value, in_list, depth - 1)) return false;
  return true;
}

bool fl_question_has_origins(const struct fl_question *question) {
  const struct fl_policy_facts *facts = question->call->facts;
  for (struct fl_member m = {0}; fl_next_member(question->rule->from, &m);) {
    const struct fl_value *value = fl_get(question->args, m.key);
    FL_BUF_AUTO pointer = {0};
    fl_buf_addf(&pointer, "%s/from", question->rule->pointer);
    fl_json_pointer_add(&pointer, fl_slice_n(m.key, m.key_size));
    struct tracing tracing = {question, m.key, m.value, LOOKS_MAX};
    if (value == NULL) continue; /* whether it may be absent is a matter of the schema */
    if (facts == NULL || facts->origins == NULL)
      fl_question_say(question, FL_VERDICT_DENY, pointer.data, "where the value of \"%.64s\" came from is not known",
                      m.key);
    else if (!has_origin(&tracing, value, false, DEPTH_MAX))
      fl_question_say(question, FL_VERDICT_DENY, pointer.data,
                      "the value of \"%.64s\" does not come from where the rule says it must", m.key);
    else continue;
    return false;
  }
  return true;
}

/* ---- collecting ---- */

static void collect(const struct fl_value *value, const char *pointer, size_t max, struct fl_value *array) {
  if (value == NULL || fl_size(array) >= max) return;
  if (*pointer == '\0') {
    fl_append_take(array, fl_value_ref((struct fl_value *)value));
    return;
  }
  const char *token = pointer + 1, *end = strchr(token, '/');
  size_t size = end != NULL ? (size_t)(end - token) : strlen(token);
  const char *rest = token + size;
  if (size == 1 && *token == '*') {
    for (size_t i = 0; fl_is(value, FL_ARRAY) && i < fl_size(value); i++) collect(fl_at(value, i), rest, max, array);
    for (struct fl_member m = {0}; fl_is(value, FL_OBJECT) && fl_next_member(value, &m);)
      collect(m.value, rest, max, array);
    return;
  }
  FL_FREE_AUTO char *step = fl_strndup(pointer, size + 1);
  collect(fl_json_pointer(value, step), rest, max, array);
}

void fl_origin_collect(const char *pointer, const struct fl_value *result, size_t max, struct fl_value *array) {
  const struct fl_value *structured = fl_get(result, "structuredContent"), *content = fl_get(result, "content");
  FL_VALUE_AUTO parsed = NULL;
  const struct fl_value *text = fl_size(content) == 1 ? fl_get(fl_at(content, 0), "text") : NULL;
  if (fl_get_bool(result, "isError", false)) return;
  if (structured == NULL && fl_is(text, FL_STRING) &&
      fl_parse(fl_as_string(text), fl_string_size(text), &parsed, NULL) < 0)
    return;
  collect(structured != NULL ? structured : parsed, pointer, max, array);
}

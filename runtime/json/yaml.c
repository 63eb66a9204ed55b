/* SPDX-License-Identifier: MIT */
/* User files in YAML, from libyaml's events: the JSON-compatible subset of YAML 1.2, core schema. Pure.
 *
 * Beside the core schema, 0o17 and 0x1f stay strings: JSON has no such numbers, and readers of YAML 1.1 disagree about
 * them. What is wrong but can be passed over (a duplicate key, an anchor, a tag) is said and passed over, so that all
 * of it is said at once; libyaml stops at the first mistake of syntax. Nesting is on a stack of our own. */
#include "runtime/base/mem.h"
#include "runtime/json/document.h"
#include "runtime/json/number.h"

#include <errno.h>
#include <stdlib.h>
#include <yaml.h>

enum want { WANT_ELEMENT, WANT_KEY, WANT_VALUE, DROP_VALUE };

struct frame {
  struct fl_value *container;
  uint32_t place;
  enum want want;
  char *key;
  size_t key_size;
  uint32_t key_line, key_column;
};

struct loader {
  yaml_parser_t parser;
  struct fl_document *document;
  struct fl_diags *diags;
  fl_slice text;
  struct frame stack[FL_DOCUMENT_DEPTH_MAX];
  size_t depth;
  int rc;
  bool is_done;
};

static void complain(struct loader *loader, const yaml_mark_t *mark, const char *suggestion, const char *message) {
  fl_document_error(loader->document, loader->diags, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1, suggestion,
                    "%s", message);
}

static int stop(struct loader *loader, int rc) {
  loader->is_done = true;
  return loader->rc = rc;
}

static struct frame *top(struct loader *loader) { return loader->depth > 0 ? &loader->stack[loader->depth - 1] : NULL; }

/* ---- scalars: the core schema ---- */

static bool is_one_of(const char *text, const char *const *words) {
  for (; *words != NULL; words++) {
    if (strcmp(text, *words) == 0) return true;
  }
  return false;
}

static size_t digits_at(const char *text) { return strspn(text, "0123456789"); }

static bool is_int(const char *text) {
  text += *text == '-' || *text == '+';
  return digits_at(text) > 0 && text[digits_at(text)] == '\0';
}

static bool is_double(const char *text) {
  text += *text == '-' || *text == '+';
  size_t whole = digits_at(text);
  text += whole;
  size_t fraction = *text == '.' ? digits_at(text + 1) : 0;
  if (whole + fraction == 0) return false;
  if (*text == '.') text += 1 + fraction;
  if (*text == 'e' || *text == 'E') {
    text += 1 + (text[1] == '-' || text[1] == '+');
    if (digits_at(text) == 0) return false;
    text += digits_at(text);
  }
  return *text == '\0';
}

static struct fl_value *plain_number(struct loader *loader, const yaml_mark_t *mark, const char *text) {
  errno = 0;
  if (is_int(text)) {
    int64_t number = strtoll(text, NULL, 10);
    if (errno == 0) return fl_int(number);
    complain(loader, mark, "put it in quotes to have it as a text", "the integer does not fit in 64 bits");
    return fl_null();
  }
  double number;
  if (fl_number_from_text(text, &number)) return fl_double(number);
  complain(loader, mark, "put it in quotes to have it as a text", "the number is too large");
  return fl_null();
}

/* NULL when it is a string. */
static struct fl_value *plain_value(struct loader *loader, const yaml_mark_t *mark, const char *text) {
  static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
  static const char *const trues[] = {"true", "True", "TRUE", NULL};
  static const char *const falses[] = {"false", "False", "FALSE", NULL};
  static const char *const specials[] = {".nan",  ".NaN",  ".NAN",  ".inf",  ".Inf",  ".INF", "-.inf",
                                         "-.Inf", "-.INF", "+.inf", "+.Inf", "+.INF", NULL};
  if (is_one_of(text, nulls)) return fl_null();
  if (is_one_of(text, trues)) return fl_bool(true);
  if (is_one_of(text, falses)) return fl_bool(false);
  if (is_int(text) || is_double(text)) return plain_number(loader, mark, text);
  if (!is_one_of(text, specials)) return NULL;
  complain(loader, mark, "put it in quotes to have it as a text", "infinity and not-a-number are no JSON values");
  return fl_null();
}

static const char *scalar_text(struct loader *loader, const yaml_event_t *event, size_t *ret_size) {
  *ret_size = event->data.scalar.length;
  const char *text = (const char *)event->data.scalar.value;
  if (memchr(text, '\0', *ret_size) == NULL) return text;
  complain(loader, &event->start_mark, NULL, "a NUL character cannot stand in a text");
  *ret_size = 0;
  return "";
}

static struct fl_value *scalar_value(struct loader *loader, const yaml_event_t *event) {
  size_t size;
  const char *text = scalar_text(loader, event, &size);
  struct fl_value *value = NULL;
  if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) value = plain_value(loader, &event->start_mark, text);
  return value != NULL ? value : fl_string_n(text, size);
}

/* ---- what the subset leaves out ---- */

static void refuse_extras(struct loader *loader, const yaml_event_t *event, const void *anchor, const void *tag) {
  if (anchor != NULL)
    complain(loader, &event->start_mark, "write the value out in each place", "anchors (&name) are not supported");
  if (tag != NULL)
    complain(loader, &event->start_mark, "leave it out; quotes make a text, no quotes a number",
             "tags (!name) are not supported");
}

/* ---- building ---- */

/* Puts a finished value where it belongs; its places are from index `place` on. */
static void deliver(struct loader *loader, struct fl_value *value, uint32_t place) {
  struct frame *frame = top(loader);
  fl_positions_close(loader->document->positions, place);
  if (frame == NULL) {
    loader->document->root = value;
    return;
  }
  switch (frame->want) {
  case WANT_ELEMENT: fl_append_take(frame->container, value); return;
  case WANT_VALUE:
    fl_set_take_n(frame->container, frame->key, frame->key_size, value);
    frame->want = WANT_KEY;
    return;
  case WANT_KEY: frame->want = DROP_VALUE; break; /* a container as key */
  case DROP_VALUE: frame->want = WANT_KEY; break;
  }
  loader->document->positions->count = place;
  fl_value_unref(value);
}

static uint32_t open_place(struct loader *loader, const yaml_event_t *event) {
  const struct frame *frame = top(loader);
  bool has_key = frame != NULL && frame->want == WANT_VALUE;
  struct fl_place place = {.line = (uint32_t)event->start_mark.line + 1,
                           .column = (uint32_t)event->start_mark.column + 1,
                           .key_line = has_key ? frame->key_line : 0,
                           .key_column = has_key ? frame->key_column : 0};
  return fl_positions_open(loader->document->positions, &place);
}

static void take_key(struct loader *loader, const yaml_event_t *event) {
  struct frame *frame = top(loader);
  size_t size;
  const char *text = scalar_text(loader, event, &size);
  bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  frame->want = DROP_VALUE;
  if (is_plain && strcmp(text, "<<") == 0) {
    complain(loader, &event->start_mark, "write the members out", "merge keys (<<) are not supported");
    return;
  }
  if (is_plain) {
    struct fl_value *value = plain_value(loader, &event->start_mark, text);
    if (value != NULL) complain(loader, &event->start_mark, "put the key in quotes", "a key must be a text");
    fl_value_unref(value);
  }
  if (fl_get_n(frame->container, text, size) != NULL) {
    fl_document_error(loader->document, loader->diags, (uint32_t)event->start_mark.line + 1,
                      (uint32_t)event->start_mark.column + 1, "remove one of them", "the key \"%.100s\" is there twice",
                      text);
    return;
  }
  fl_free(frame->key);
  frame->key = fl_strndup(text, size);
  frame->key_size = size;
  frame->key_line = (uint32_t)event->start_mark.line + 1;
  frame->key_column = (uint32_t)event->start_mark.column + 1;
  frame->want = WANT_VALUE;
}

static void on_scalar(struct loader *loader, const yaml_event_t *event) {
  refuse_extras(loader, event, event->data.scalar.anchor, event->data.scalar.tag);
  if (loader->depth > 0 && top(loader)->want == WANT_KEY) {
    take_key(loader, event);
    return;
  }
  uint32_t place = open_place(loader, event);
  deliver(loader, scalar_value(loader, event), place);
}

static void on_alias(struct loader *loader, const yaml_event_t *event) {
  complain(loader, &event->start_mark, "write the value out", "aliases (*name) are not supported");
  uint32_t place = open_place(loader, event);
  deliver(loader, fl_null(), place);
}

static void on_open(struct loader *loader, const yaml_event_t *event, bool is_map) {
  if (loader->depth > 0 && top(loader)->want == WANT_KEY)
    complain(loader, &event->start_mark, "to have a text in braces, put it in quotes",
             "a key must be a text, not a list or a map");
  if (loader->depth == FL_DOCUMENT_DEPTH_MAX) {
    fl_document_error(loader->document, loader->diags, (uint32_t)event->start_mark.line + 1,
                      (uint32_t)event->start_mark.column + 1, NULL, "nested more than %d levels deep",
                      FL_DOCUMENT_DEPTH_MAX);
    stop(loader, FL_E_LIMIT);
    return;
  }
  uint32_t place = open_place(loader, event);
  loader->stack[loader->depth++] = (struct frame){
      .container = is_map ? fl_object() : fl_array(), .place = place, .want = is_map ? WANT_KEY : WANT_ELEMENT};
}

static void on_close(struct loader *loader) {
  struct frame frame = loader->stack[--loader->depth];
  fl_free(frame.key);
  deliver(loader, frame.container, frame.place);
}

static void on_document(struct loader *loader, const yaml_event_t *event) {
  if (loader->document->root == NULL) return;
  complain(loader, &event->start_mark, "make it a file of its own", "there is a second document (---) in the file");
  stop(loader, 0);
}

static void on_end(struct loader *loader) {
  if (loader->document->root != NULL) {
    stop(loader, 0);
    return;
  }
  fl_document_error(loader->document, loader->diags, 1, 1, NULL, "the file is empty");
  stop(loader, FL_E_INVALID);
}

static void on_event(struct loader *loader, const yaml_event_t *event) {
  switch (event->type) {
  case YAML_DOCUMENT_START_EVENT: on_document(loader, event); return;
  case YAML_SCALAR_EVENT: on_scalar(loader, event); return;
  case YAML_ALIAS_EVENT: on_alias(loader, event); return;
  case YAML_SEQUENCE_START_EVENT:
    refuse_extras(loader, event, event->data.sequence_start.anchor, event->data.sequence_start.tag);
    on_open(loader, event, false);
    return;
  case YAML_MAPPING_START_EVENT:
    refuse_extras(loader, event, event->data.mapping_start.anchor, event->data.mapping_start.tag);
    on_open(loader, event, true);
    return;
  case YAML_SEQUENCE_END_EVENT:
  case YAML_MAPPING_END_EVENT: on_close(loader); return;
  case YAML_STREAM_END_EVENT: on_end(loader); return;
  default: return;
  }
}

/* ---- mistakes of syntax, in words for people ---- */

struct advice {
  const char *problem, *message, *suggestion;
};

static const struct advice advices[] = {
    {"mapping values are not allowed", "a \":\" stands where no key can be",
     "put a text with a colon in quotes, or check the indentation"},
    {"did not find expected key", "a key was expected here",
     "check the indentation: the keys of one map start in one column"},
    {"could not find expected ':'", "a key without its \":\"", "check the indentation, or put the text in quotes"},
    {"did not find expected '-' indicator", "an element of the list (\"- \") was expected here",
     "check the indentation"},
    {"did not find expected ',' or ']'", "a \",\" or \"]\" was expected here", NULL},
    {"did not find expected ',' or '}'", "a \",\" or \"}\" was expected here", NULL},
    {"found unexpected end of stream", "a text in quotes does not end", NULL},
    {"found character that cannot start any token", "a text cannot start with this character",
     "put the text in quotes"},
    {"block sequence entries are not allowed", "a list (\"- \") cannot stand here", "put it on its own line"},
    {"found undefined tag handle", "tags (!name) are not supported", NULL},
    {"did not find expected node content", "a value was expected here", "put a text that starts with a sign in quotes"},
    {"did not find expected hexdecimal number", "an escape (\\x, \\u, \\U) lacks hexadecimal digits",
     "to write a backslash, write \\\\ or take single quotes"},
    {"found unknown escape character", "there is no such escape",
     "to write a backslash, write \\\\ or take single quotes"},
    {"found invalid Unicode character escape code", "this escape is no character",
     "write the character itself, or \\U and eight digits"},
    {"did not find expected <document start>", "the document is over before the text is",
     "check the indentation: the keys of one map start in one column"},
    {"found incompatible YAML document", "this version of YAML is not known", "leave out the %YAML line"},
    {"control characters are not allowed", "a control character stands in the text", NULL},
};

static const struct advice *find_advice(const char *problem) {
  for (size_t i = 0; i < sizeof advices / sizeof *advices; i++) {
    if (strncmp(problem, advices[i].problem, strlen(advices[i].problem)) == 0) return &advices[i];
  }
  return NULL;
}

static yaml_mark_t mark_of_offset(fl_slice text, size_t offset) {
  yaml_mark_t mark = {0};
  for (size_t i = 0; i < offset && i < text.size; i++) {
    unsigned char c = (unsigned char)text.data[i];
    mark.column = c == '\n' ? 0 : mark.column + ((c & 0xc0) != 0x80);
    mark.line += c == '\n';
  }
  return mark;
}

/* Errors of the reader (encoding) come with an offset only; those of a missing end are marked on a line that is not
 * there. */
static yaml_mark_t mark_of(const struct loader *loader) {
  if (loader->parser.error == YAML_READER_ERROR) return mark_of_offset(loader->text, loader->parser.problem_offset);
  yaml_mark_t end = mark_of_offset(loader->text, loader->text.size);
  return loader->parser.problem_mark.line > end.line ? end : loader->parser.problem_mark;
}

/* Whether the line of a mark is indented by a tab: the usual reason when a token cannot start there. */
static bool has_tab_at(const struct loader *loader, const yaml_mark_t *mark) {
  size_t line = 0;
  for (size_t i = 0; i < loader->text.size && line <= mark->line; i++) {
    if (line == mark->line && loader->text.data[i] == '\t') return true;
    if (line == mark->line && loader->text.data[i] != ' ') return false;
    line += loader->text.data[i] == '\n';
  }
  return false;
}

static int on_syntax_error(struct loader *loader) {
  const char *problem = loader->parser.problem != NULL ? loader->parser.problem : "the text is not YAML";
  yaml_mark_t mark = mark_of(loader);
  const struct advice *advice = find_advice(problem);
  if (has_tab_at(loader, &mark)) complain(loader, &mark, "use spaces", "a tab cannot indent");
  else if (advice != NULL) complain(loader, &mark, advice->suggestion, advice->message);
  else complain(loader, &mark, NULL, problem);
  return stop(loader, FL_E_SYNTAX);
}

static void clear_stack(struct loader *loader) {
  while (loader->depth > 0) {
    struct frame *frame = &loader->stack[--loader->depth];
    fl_value_unref(frame->container);
    fl_free(frame->key);
  }
}

int fl_document_read_yaml(struct fl_document *document, fl_slice text, struct fl_diags *diags) {
  struct loader loader = {.document = document, .diags = diags, .text = text};
  if (yaml_parser_initialize(&loader.parser) == 0) {
    fl_document_error(document, diags, 0, 0, NULL, "out of memory");
    return FL_E_LIMIT;
  }
  yaml_parser_set_encoding(&loader.parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&loader.parser, (const unsigned char *)(text.size > 0 ? text.data : ""), text.size);
  while (!loader.is_done) {
    yaml_event_t event;
    if (yaml_parser_parse(&loader.parser, &event) == 0) {
      on_syntax_error(&loader);
      break;
    }
    on_event(&loader, &event);
    yaml_event_delete(&event);
  }
  clear_stack(&loader);
  yaml_parser_delete(&loader.parser);
  if (loader.rc < 0) {
    fl_value_unref(document->root);
    document->root = NULL;
  }
  return loader.rc;
}

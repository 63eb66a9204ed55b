/* SPDX-License-Identifier: MIT */
#include "runtime/model/script.h"

#include "runtime/base/mem.h"
#include "runtime/json/yaml.h"
#include "runtime/model/answer.h"
#include "runtime/model/request.h"
#include "runtime/model/template.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

struct reply {
  struct fl_value *source;      /* lent from the document */
  struct fl_regex *user, *tool; /* NULL: not asked */
  const char *name;             /* NULL: not asked */
};

struct fl_script {
  struct fl_document document;
  struct reply *replies;
  size_t reply_count;
};

/* ---- reading ---- */

struct reader {
  struct fl_script *script;
  struct fl_diags diags;
};

static void complain(struct reader *reader, const char *pointer, const char *suggestion, const char *text) {
  fl_document_diag(&reader->script->document, &reader->diags, FL_SEVERITY_ERROR, pointer, false, suggestion, "%s",
                   text);
}

struct key {
  const char *name;
  enum fl_type type;
  const char *what;
};
static const struct key file_keys[] = {{"replies", FL_ARRAY, "replies must be a list"}};
static const struct key reply_keys[] = {
    {"when", FL_OBJECT, "when must be an object with user, tool or name"},
    {"text", FL_STRING, "text must be a text"},
    {"calls", FL_ARRAY, "calls must be a list of { name, args }"},
    {"pieces", FL_INT, "pieces must be a whole number"},
    {"delay_ms", FL_INT, "delay_ms must be a whole number"},
    {"usage", FL_OBJECT, "usage must be an object with input_tokens and output_tokens"},
    {"error", FL_OBJECT, "error must be an object with status and message"}};
static const struct key when_keys[] = {{"user", FL_STRING, "user must be a regular expression"},
                                       {"tool", FL_STRING, "tool must be a regular expression"},
                                       {"name", FL_STRING, "name must be the name of a tool"}};
static const struct key call_keys[] = {{"name", FL_STRING, "name must be the name of a tool"},
                                       {"args", FL_OBJECT, "args must be an object"}};
static const struct key usage_keys[] = {{"input_tokens", FL_INT, "input_tokens must be a whole number"},
                                        {"output_tokens", FL_INT, "output_tokens must be a whole number"}};
static const struct key error_keys[] = {{"status", FL_INT, "status must be an HTTP status from 400 to 599"},
                                        {"message", FL_STRING, "message must be a text"},
                                        {"times", FL_INT, "times must be a whole number"}};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Whether `value` is an object that has only these keys, of these types; says what is wrong. */
static bool check_object(struct reader *reader, const char *pointer, const struct fl_value *value,
                         const struct key *keys, size_t count) {
  const char *names[16];
  size_t error_count = reader->diags.error_count;
  if (!fl_is(value, FL_OBJECT)) complain(reader, pointer, NULL, "this must be an object");
  for (size_t i = 0; i < count; i++) names[i] = keys[i].name;
  struct fl_member member = {0};
  while (fl_is(value, FL_OBJECT) && fl_next_member(value, &member)) {
    FL_FREE_AUTO char *place = fl_format("%s/%s", pointer, member.key);
    size_t i = 0;
    while (i < count && strcmp(keys[i].name, member.key) != 0) i++;
    if (i == count)
      fl_document_diag(&reader->script->document, &reader->diags, FL_SEVERITY_ERROR, place, true,
                       fl_nearest(member.key, names, count), "there is no key \"%.60s\" here", member.key);
    else if (fl_type_of(member.value) != keys[i].type) complain(reader, place, NULL, keys[i].what);
  }
  return reader->diags.error_count == error_count;
}

struct range {
  const char *key;
  int64_t min, max;
};

static void check_range(struct reader *reader, const char *pointer, const struct fl_value *object, struct range range) {
  int64_t number = fl_get_int(object, range.key, range.min);
  if (number >= range.min && number <= range.max) return;
  FL_FREE_AUTO char *place = fl_format("%s/%s", pointer, range.key);
  FL_FREE_AUTO char *text =
      fl_format("%s must be from %lld to %lld", range.key, (long long)range.min, (long long)range.max);
  complain(reader, place, NULL, text);
}

static struct fl_regex *read_regex(struct reader *reader, const char *pointer, const struct fl_value *when,
                                   const char *key) {
  const struct fl_value *source = fl_get(when, key);
  struct fl_regex *regex = NULL;
  struct fl_error err = {0};
  if (source == NULL || fl_regex_create(fl_slice_n(fl_as_string(source), fl_string_size(source)), &regex, &err) == 0)
    return regex;
  FL_FREE_AUTO char *place = fl_format("%s/when/%s", pointer, key);
  complain(reader, place, NULL, err.text);
  return NULL;
}

static void check_calls(struct reader *reader, const char *pointer, const struct fl_value *calls) {
  for (size_t i = 0; i < fl_size(calls); i++) {
    FL_FREE_AUTO char *place = fl_format("%s/calls/%zu", pointer, i);
    if (check_object(reader, place, fl_at(calls, i), call_keys, COUNT(call_keys)) &&
        fl_get(fl_at(calls, i), "name") == NULL)
      complain(reader, place, NULL, "a call needs a name");
  }
}

/* The objects that a reply may have, and the numbers in them. */
static void check_parts(struct reader *reader, const char *pointer, const struct fl_value *reply) {
  const struct {
    const char *key;
    const struct key *keys;
    size_t count;
  } parts[] = {{"when", when_keys, COUNT(when_keys)},
               {"usage", usage_keys, COUNT(usage_keys)},
               {"error", error_keys, COUNT(error_keys)}};
  for (size_t i = 0; i < COUNT(parts); i++) {
    FL_FREE_AUTO char *place = fl_format("%s/%s", pointer, parts[i].key);
    const struct fl_value *part = fl_get(reply, parts[i].key);
    if (part != NULL) check_object(reader, place, part, parts[i].keys, parts[i].count);
  }
  FL_FREE_AUTO char *error_pointer = fl_format("%s/error", pointer);
  check_range(reader, error_pointer, fl_get(reply, "error"), (struct range){"status", 400, 599});
  check_range(reader, error_pointer, fl_get(reply, "error"), (struct range){"times", 1, 1000});
  check_range(reader, pointer, reply, (struct range){"pieces", 1, FL_SCRIPT_PIECE_COUNT_MAX});
  check_range(reader, pointer, reply, (struct range){"delay_ms", 0, 3600000});
}

static void read_reply(struct reader *reader, size_t index, struct reply *reply) {
  struct fl_value *source = fl_at(fl_get(reader->script->document.root, "replies"), index);
  FL_FREE_AUTO char *pointer = fl_format("/replies/%zu", index);
  reply->source = source;
  if (!check_object(reader, pointer, source, reply_keys, COUNT(reply_keys))) return;
  check_parts(reader, pointer, source);
  check_calls(reader, pointer, fl_get(source, "calls"));
  if (fl_get(source, "text") == NULL && fl_get(source, "calls") == NULL && fl_get(source, "error") == NULL)
    complain(reader, pointer, NULL, "a reply needs text, calls or error");
  if (reader->diags.error_count > 0) return;
  reply->user = read_regex(reader, pointer, fl_get(source, "when"), "user");
  reply->tool = read_regex(reader, pointer, fl_get(source, "when"), "tool");
  reply->name = fl_get_string(fl_get(source, "when"), "name", NULL);
}

static void read_replies(struct reader *reader) {
  const struct fl_value *root = reader->script->document.root, *replies = fl_get(root, "replies");
  if (!check_object(reader, "", root, file_keys, COUNT(file_keys))) return;
  size_t count = fl_size(replies);
  if (count == 0) complain(reader, "/replies", NULL, "a script needs at least one reply");
  if (count > FL_SCRIPT_REPLY_COUNT_MAX) complain(reader, "/replies", NULL, "a script has at most 10000 replies");
  if (reader->diags.error_count > 0) return;
  reader->script->replies = fl_new_array(struct reply, count);
  reader->script->reply_count = count;
  for (size_t i = 0; i < count; i++) read_reply(reader, i, &reader->script->replies[i]);
}

static int first_error(const struct fl_diags *diags, int code, struct fl_error *err) {
  const struct fl_diag *first = NULL;
  for (size_t i = 0; i < diags->count && first == NULL; i++)
    if (diags->items[i].severity == FL_SEVERITY_ERROR) first = &diags->items[i];
  if (first == NULL) return code;
  FL_FREE_AUTO char *text = fl_diag_format(first);
  size_t more = diags->error_count - 1;
  if (more == 0) return fl_error_set(err, code, "%s", text);
  return fl_error_set(err, code, "%s (and %zu more)", text, more);
}

int fl_script_parse(const char *file, fl_slice text, struct fl_script **ret_script, struct fl_error *err) {
  struct reader reader = {.script = fl_new(struct fl_script)};
  fl_diags_init(&reader.diags);
  int rc = fl_document_parse(file, text, &reader.script->document, &reader.diags);
  if (rc == 0 && reader.diags.error_count == 0) read_replies(&reader);
  if (rc == 0 && reader.diags.error_count > 0) rc = FL_E_INVALID;
  if (rc < 0) rc = first_error(&reader.diags, rc, err);
  fl_diags_deinit(&reader.diags);
  if (rc == 0) *ret_script = reader.script;
  else fl_script_destroy(reader.script);
  return rc;
}

int fl_script_load(const char *path, struct fl_script **ret_script, struct fl_error *err) {
  FILE *file = fopen(path, "re");
  if (file == NULL) {
    int code = errno == ENOENT || errno == ENOTDIR ? FL_E_NOT_FOUND : FL_E_IO;
    return fl_error_set(err, code, "the scripted model's file %s: %s", path, strerror(errno));
  }
  FL_FREE_AUTO char *text = fl_alloc(FL_DOCUMENT_SIZE_MAX + 1);
  size_t size = fread(text, 1, FL_DOCUMENT_SIZE_MAX + 1, file);
  bool has_failed = ferror(file) != 0;
  fclose(file);
  if (has_failed)
    return fl_error_set(err, FL_E_IO, "the scripted model's file %s cannot be read (is it a folder?)", path);
  return fl_script_parse(path, fl_slice_n(text, size), ret_script, err);
}

void fl_script_destroy(struct fl_script *script) {
  if (script == NULL) return;
  for (size_t i = 0; i < script->reply_count; i++) {
    fl_regex_destroy(script->replies[i].user);
    fl_regex_destroy(script->replies[i].tool);
  }
  fl_free(script->replies);
  fl_document_deinit(&script->document);
  fl_free(script);
}

/* ---- answering ---- */

static fl_slice slice_of(const struct fl_value *text) {
  return fl_slice_n(text != NULL ? fl_as_string(text) : "", fl_string_size(text));
}

/* 1 fits, 0 does not, FL_E_LIMIT. */
static int fits(const struct reply *reply, struct fl_scene *scene) {
  scene->user_group_count = scene->result_group_count = 0;
  bool asks_result = reply->tool != NULL || reply->name != NULL;
  if (asks_result && scene->result == NULL) return 0;
  if (reply->user != NULL && !asks_result && !scene->is_user_last) return 0;
  if (reply->name != NULL && strcmp(reply->name, scene->result_name) != 0) return 0;
  int rc = 1;
  if (reply->tool != NULL)
    rc = fl_regex_match(reply->tool, slice_of(scene->result), scene->result_groups, &scene->result_group_count);
  if (rc == 1 && reply->user != NULL)
    rc = scene->user != NULL
             ? fl_regex_match(reply->user, slice_of(scene->user), scene->user_groups, &scene->user_group_count)
             : 0;
  return rc;
}

static int find_reply(const struct fl_script *script, struct fl_scene *scene, const struct fl_value **ret_reply,
                      struct fl_error *err) {
  for (size_t i = 0; i < script->reply_count; i++) {
    int rc = fits(&script->replies[i], scene);
    if (rc < 0)
      return fl_error_set(err, rc, "the script %s: the expressions of reply %zu cannot be matched with this text",
                          script->document.file, i + 1);
    if (rc == 0) continue;
    *ret_reply = script->replies[i].source;
    return 0;
  }
  if (scene->result != NULL)
    return fl_error_set(err, FL_E_NOT_FOUND, "the script %s has no reply to the result of %s: \"%.500s\"",
                        script->document.file, scene->result_name, fl_as_string(scene->result));
  return fl_error_set(err, FL_E_NOT_FOUND, "the script %s has no reply to the user's text \"%.500s\"",
                      script->document.file, scene->user != NULL ? fl_as_string(scene->user) : "");
}

/* Ids that differ within the thread, and are the same in every run of it. */
static int add_calls(const struct fl_value *calls, const struct fl_scene *scene, struct fl_answer *answer,
                     struct fl_error *err) {
  for (size_t i = 0; i < fl_size(calls); i++) {
    FL_VALUE_AUTO args = NULL;
    const struct fl_value *source = fl_get(fl_at(calls, i), "args");
    int rc = source != NULL ? fl_template_value(scene, source, &args, err) : 0;
    if (rc < 0) return rc;
    FL_FREE_AUTO char *id = fl_format("call_%zu_%zu", fl_list_size(scene->messages), i);
    char *text = args != NULL ? fl_dump(args, NULL) : NULL;
    fl_answer_add_call(answer,
                       &(struct fl_answer_call){
                           .id = id, .name = fl_get_string(fl_at(calls, i), "name", ""), .args = fl_slice_of(text)});
    fl_text_free(text);
  }
  return 0;
}

static size_t request_size(const struct fl_model_request *request) {
  size_t size = request->system != NULL ? strlen(request->system) : 0;
  for (size_t i = 0; i < fl_list_size(request->messages); i++) {
    FL_VALUE_AUTO text = fl_request_text(fl_get(fl_list_at(request->messages, i), "content"));
    size += fl_string_size(text);
  }
  return size;
}

static int64_t estimate(size_t size) { return (int64_t)((size + 3) / 4); }

static size_t calls_size(const struct fl_value *calls) {
  char *text = fl_size(calls) > 0 ? fl_dump(calls, NULL) : NULL;
  size_t size = text != NULL ? strlen(text) : 0;
  fl_text_free(text);
  return size;
}

static int build_message(const struct fl_value *reply, const struct fl_scene *scene,
                         const struct fl_model_request *request, struct fl_value **ret_message, struct fl_error *err) {
  FL_BUF_AUTO text = {.limit = FL_SCRIPT_TEXT_SIZE_MAX};
  struct fl_answer answer;
  fl_answer_init(&answer);
  int rc = fl_template_text(scene, slice_of(fl_get(reply, "text")), &text, err);
  if (rc == 0) rc = add_calls(fl_get(reply, "calls"), scene, &answer, err);
  if (rc == 0) {
    fl_answer_add_text(&answer, fl_buf_slice(&text));
    const struct fl_value *usage = fl_get(reply, "usage");
    answer.usage.input_tokens = fl_get_int(usage, "input_tokens", estimate(request_size(request)));
    answer.usage.output_tokens = fl_get_int(usage, "output_tokens", estimate(text.size + calls_size(answer.calls)));
    *ret_message = fl_answer_finish(&answer, "scripted");
  }
  fl_answer_deinit(&answer);
  return rc;
}

static void read_error(const struct fl_value *error, struct fl_script_answer *answer) {
  if (error == NULL) return;
  answer->error_status = (int)fl_get_int(error, "status", 500);
  answer->error_message = fl_strdup(fl_get_string(error, "message", "the script says so"));
  answer->error_times = (unsigned)fl_get_int(error, "times", UINT_MAX);
}

int fl_script_answer(const struct fl_script *script, const struct fl_model_request *request,
                     struct fl_script_answer *ret_answer, struct fl_error *err) {
  struct fl_scene scene;
  fl_scene_init(&scene, request->messages);
  const struct fl_value *reply = NULL;
  struct fl_value *message = NULL;
  int rc = find_reply(script, &scene, &reply, err);
  if (rc == 0 && (fl_get(reply, "text") != NULL || fl_get(reply, "calls") != NULL))
    rc = build_message(reply, &scene, request, &message, err);
  fl_scene_deinit(&scene);
  if (rc < 0) return rc;
  *ret_answer = (struct fl_script_answer){.message = message,
                                          .piece_count = (size_t)fl_get_int(reply, "pieces", 1),
                                          .delay_ms = (uint64_t)fl_get_int(reply, "delay_ms", 0)};
  read_error(fl_get(reply, "error"), ret_answer);
  if (message == NULL) ret_answer->error_times = UINT_MAX;
  return 0;
}

void fl_script_answer_deinit(struct fl_script_answer *answer) {
  fl_value_unref(answer->message);
  fl_free(answer->error_message);
  *answer = (struct fl_script_answer){0};
}

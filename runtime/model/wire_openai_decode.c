/* SPDX-License-Identifier: MIT */
/* Streamed replies of OpenAI's chat completions, and of the many servers that speak it with an accent. Pure.
 *
 * Happy path: chunks with choices[0].delta, a chunk with finish_reason, a chunk with usage and no choices, "[DONE]".
 * Accents: no finish_reason but "[DONE]", or the reverse; usage in every chunk, or under x_groq; reasoning as
 * reasoning_content, reasoning, reasoning_details or a thinking part of the content; content as a list of parts; tool
 * calls without index or id, with an id repeated, all with index 0, or with their arguments as an object. */
#include "runtime/model/wire_openai.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/model/remote.h"

enum part_kind { PART_TEXT, PART_REASONING };
struct part {
  enum part_kind kind;
  struct fl_buf text;
};

struct call {
  int64_t index; /* -1: the server gave none */
  char *id;
  struct fl_buf name;
  struct fl_buf args;
};

/* An entry of reasoning_details, whose texts arrive in pieces. */
struct detail {
  int64_t index;
  struct fl_value *members;
  struct fl_buf texts[3]; /* in the order of detail_texts */
};
static const char *const detail_texts[] = {"text", "summary", "data"};

struct openai_decoder {
  struct fl_model_decoder base;
  struct part *parts;
  size_t part_count;
  struct call *calls;
  size_t call_count;
  struct detail *details;
  size_t detail_count;
  struct fl_value *extras; /* annotations, executed_tools: arrays, as they came */
};

/* ---- the growing answer ---- */

static int too_many(const char *what, int limit, struct fl_error *err) {
  return fl_error_set(err, FL_E_LIMIT, "the reply has more than %d %s", limit, what);
}

static int add_text(struct openai_decoder *decoder, enum part_kind kind, fl_slice text, struct fl_error *err) {
  if (text.size == 0) return 0;
  if (decoder->part_count == 0 || decoder->parts[decoder->part_count - 1].kind != kind) {
    if (decoder->part_count == FL_ANSWER_PART_COUNT_MAX) return too_many("parts", FL_ANSWER_PART_COUNT_MAX, err);
    decoder->parts = fl_realloc(decoder->parts, (decoder->part_count + 1) * sizeof *decoder->parts);
    decoder->parts[decoder->part_count++] = (struct part){.kind = kind};
  }
  fl_buf_add(&decoder->parts[decoder->part_count - 1].text, text.data, text.size);
  fl_decoder_emit(&decoder->base, kind == PART_TEXT ? "text" : "reasoning", text);
  return 0;
}

static fl_slice text_of(const struct fl_value *value) { return fl_slice_n(fl_as_string(value), fl_string_size(value)); }

/* Mistral: {"type":"text","text"} and {"type":"thinking","thinking":[{"type":"text","text"}]}. */
static int read_content_part(struct openai_decoder *decoder, const struct fl_value *part, struct fl_error *err) {
  const struct fl_value *thinking = fl_get(part, "thinking");
  int rc = add_text(decoder, PART_TEXT, text_of(fl_get(part, "text")), err);
  if (rc == 0) rc = add_text(decoder, PART_REASONING, text_of(thinking), err);
  for (size_t i = 0; i < fl_size(thinking) && rc == 0; i++)
    rc = add_text(decoder, PART_REASONING, text_of(fl_get(fl_at(thinking, i), "text")), err);
  return rc;
}

static int read_content(struct openai_decoder *decoder, const struct fl_value *content, struct fl_error *err) {
  int rc = add_text(decoder, PART_TEXT, text_of(content), err);
  for (size_t i = 0; fl_is(content, FL_ARRAY) && i < fl_size(content) && rc == 0; i++)
    rc = read_content_part(decoder, fl_at(content, i), err);
  return rc;
}

/* ---- reasoning ---- */

static struct detail *find_detail(struct openai_decoder *decoder, const struct fl_value *from) {
  int64_t index = fl_get_int(from, "index", -1);
  const char *type = fl_get_string(from, "type", "");
  for (size_t i = decoder->detail_count; i-- > 0;) {
    struct detail *detail = &decoder->details[i];
    if (detail->index == index && strcmp(fl_get_string(detail->members, "type", ""), type) == 0) return detail;
  }
  if (decoder->detail_count == FL_ANSWER_PART_COUNT_MAX) return NULL;
  decoder->details = fl_realloc(decoder->details, (decoder->detail_count + 1) * sizeof *decoder->details);
  struct detail *detail = &decoder->details[decoder->detail_count++];
  *detail = (struct detail){.index = index, .members = fl_object()};
  return detail;
}

static void merge_detail(struct detail *detail, const struct fl_value *from) {
  struct fl_member member = {0};
  while (fl_next_member(from, &member)) {
    bool is_text = false;
    for (size_t i = 0; i < 3 && fl_is(member.value, FL_STRING) && !is_text; i++) {
      is_text = strcmp(member.key, detail_texts[i]) == 0;
      if (is_text) fl_buf_add(&detail->texts[i], fl_as_string(member.value), fl_string_size(member.value));
    }
    bool is_empty =
        fl_is(member.value, FL_NULL) || (fl_is(member.value, FL_STRING) && fl_string_size(member.value) == 0);
    bool is_known = fl_get(detail->members, member.key) != NULL;
    if (!is_text && (!is_empty || !is_known)) fl_set_take(detail->members, member.key, fl_value_ref(member.value));
  }
}

/* Their texts are shown when the server tells the reasoning nowhere else. */
static int read_details(struct openai_decoder *decoder, const struct fl_value *details, bool is_shown,
                        struct fl_error *err) {
  for (size_t i = 0; fl_is(details, FL_ARRAY) && i < fl_size(details); i++) {
    const struct fl_value *from = fl_at(details, i);
    struct detail *detail = find_detail(decoder, from);
    if (detail == NULL) return too_many("reasoning details", FL_ANSWER_PART_COUNT_MAX, err);
    merge_detail(detail, from);
    int rc = is_shown ? add_text(decoder, PART_REASONING, text_of(fl_get(from, "text")), err) : 0;
    if (rc == 0 && is_shown) rc = add_text(decoder, PART_REASONING, text_of(fl_get(from, "summary")), err);
    if (rc < 0) return rc;
  }
  return 0;
}

static int read_reasoning(struct openai_decoder *decoder, const struct fl_value *delta, struct fl_error *err) {
  const struct fl_value *text = fl_get(delta, "reasoning_content");
  if (fl_string_size(text) == 0) text = fl_get(delta, "reasoning");
  int rc = add_text(decoder, PART_REASONING, text_of(text), err);
  return rc == 0 ? read_details(decoder, fl_get(delta, "reasoning_details"), fl_string_size(text) == 0, err) : rc;
}

/* ---- tool calls ---- */

/* What one delta says about one call. */
struct piece {
  int64_t index;
  const char *id, *name;
  fl_slice args;
};

static bool is_whole_object(const struct fl_buf *args) {
  if (args->size == 0 || args->data[args->size - 1] != '}') return false;
  FL_VALUE_AUTO value = NULL;
  return fl_json_read(fl_buf_slice(args), FL_JSON_STRICT, &value, NULL) == 0 && fl_is(value, FL_OBJECT);
}

static bool is_same_id(const struct call *call, const struct piece *piece) {
  return call->id != NULL && strcmp(call->id, piece->id) == 0;
}

static bool is_repeated(const struct call *call, const struct piece *piece) {
  return piece->id[0] != '\0' && is_same_id(call, piece) &&
         fl_slice_equal(fl_buf_slice(&call->name), fl_slice_of(piece->name)) &&
         fl_slice_equal(fl_buf_slice(&call->args), piece->args) && is_whole_object(&call->args);
}

/* Whether a piece that seems to belong to `call` is the front of another one. Only a piece with a name can be. */
static bool starts_new_call(const struct call *call, const struct piece *piece) {
  if (piece->name[0] == '\0' || call->name.size == 0) return false;
  if (piece->id[0] != '\0' && call->id != NULL && !is_same_id(call, piece)) return true;
  if (piece->index < 0 && piece->id[0] == '\0') return true;
  return piece->args.size > 0 && is_whole_object(&call->args) && !is_repeated(call, piece);
}

static struct call *find_call(struct openai_decoder *decoder, const struct piece *piece) {
  for (size_t i = decoder->call_count; i-- > 0;) {
    struct call *call = &decoder->calls[i];
    bool fits = piece->index >= 0 ? call->index == piece->index : piece->id[0] == '\0' || is_same_id(call, piece);
    if (fits) return starts_new_call(call, piece) ? NULL : call;
  }
  return NULL;
}

static struct call *append_call(struct openai_decoder *decoder, const struct piece *piece) {
  if (decoder->call_count == FL_ANSWER_CALL_COUNT_MAX) return NULL;
  decoder->calls = fl_realloc(decoder->calls, (decoder->call_count + 1) * sizeof *decoder->calls);
  struct call *call = &decoder->calls[decoder->call_count++];
  *call = (struct call){.index = piece->index};
  return call;
}

/* A name comes whole, in pieces, or again with every delta. */
static void add_name(struct openai_decoder *decoder, struct call *call, const char *name) {
  if (name[0] == '\0' || fl_slice_equal(fl_buf_slice(&call->name), fl_slice_of(name))) return;
  fl_buf_add_text(&call->name, name);
  fl_decoder_emit_call(&decoder->base, (size_t)(call - decoder->calls), call->name.data);
}

static int read_piece(struct openai_decoder *decoder, const struct piece *piece, struct fl_error *err) {
  struct call *call = find_call(decoder, piece);
  if (call != NULL && piece->name[0] != '\0' && is_repeated(call, piece)) return 0;
  if (call == NULL) call = append_call(decoder, piece);
  if (call == NULL) return too_many("tool calls", FL_ANSWER_CALL_COUNT_MAX, err);
  if (call->id == NULL && piece->id[0] != '\0') call->id = fl_strdup(piece->id);
  add_name(decoder, call, piece->name);
  fl_buf_add(&call->args, piece->args.data, piece->args.size);
  return 0;
}

static int read_function(struct openai_decoder *decoder, struct piece *piece, const struct fl_value *function,
                         struct fl_error *err) {
  const struct fl_value *args = fl_get(function, "arguments");
  piece->name = fl_get_string(function, "name", "");
  piece->args = text_of(args);
  char *text = NULL;
  if (fl_is(args, FL_OBJECT)) piece->args = fl_slice_of(text = fl_dump(args, NULL));
  int rc = read_piece(decoder, piece, err);
  fl_text_free(text);
  return rc;
}

static int read_calls(struct openai_decoder *decoder, const struct fl_value *delta, struct fl_error *err) {
  const struct fl_value *calls = fl_get(delta, "tool_calls");
  int rc = 0;
  for (size_t i = 0; fl_is(calls, FL_ARRAY) && i < fl_size(calls) && rc == 0; i++) {
    const struct fl_value *from = fl_at(calls, i);
    struct piece piece = {.index = fl_get_int(from, "index", -1), .id = fl_get_string(from, "id", "")};
    rc = read_function(decoder, &piece, fl_get(from, "function"), err);
  }
  const struct fl_value *function = fl_get(delta, "function_call"); /* before 2023-11 */
  struct piece piece = {.index = 0, .id = ""};
  return rc == 0 && fl_is(function, FL_OBJECT) ? read_function(decoder, &piece, function, err) : rc;
}

/* ---- chunks ---- */

static void read_extra(struct openai_decoder *decoder, const struct fl_value *delta, const char *key) {
  const struct fl_value *items = fl_get(delta, key);
  if (!fl_is(items, FL_ARRAY) || fl_size(items) == 0) return;
  if (decoder->extras == NULL) decoder->extras = fl_object();
  if (fl_get(decoder->extras, key) == NULL) fl_set_take(decoder->extras, key, fl_array());
  for (size_t i = 0; i < fl_size(items); i++)
    fl_append_take(fl_get(decoder->extras, key), fl_value_ref(fl_at(items, i)));
}

static const char *canonical_stop_reason(const char *reason) {
  static const char *const map[][2] = {{"stop", "stop"},
                                       {"eos", "stop"},
                                       {"end_turn", "stop"},
                                       {"stop_sequence", "stop"},
                                       {"tool_calls", "tool_calls"},
                                       {"tool_use", "tool_calls"},
                                       {"function_call", "tool_calls"},
                                       {"length", "length"},
                                       {"max_tokens", "length"},
                                       {"model_length", "length"},
                                       {"content_filter", "refusal"},
                                       {"refusal", "refusal"}};
  for (size_t i = 0; i < sizeof map / sizeof map[0]; i++)
    if (strcmp(reason, map[i][0]) == 0) return map[i][1];
  return "other";
}

static int64_t first_count(const struct fl_value *const *objects, const char *const *keys, size_t count,
                           int64_t fallback) {
  for (size_t i = 0; i < count; i++)
    if (fl_is_number(fl_get(objects[i], keys[i]))) return fl_get_int(objects[i], keys[i], fallback);
  return fallback;
}

/* Some servers repeat the usage with every chunk: the last one counts. */
static void read_usage(struct fl_usage *usage, const struct fl_value *from) {
  if (!fl_is(from, FL_OBJECT)) return;
  const struct fl_value *input = fl_get(from, "prompt_tokens_details"),
                        *output = fl_get(from, "completion_tokens_details");
  usage->input_tokens = fl_get_int(from, "prompt_tokens", usage->input_tokens);
  usage->output_tokens = fl_get_int(from, "completion_tokens", usage->output_tokens);
  usage->cached_tokens = first_count((const struct fl_value *const[]){input, from, from},
                                     (const char *const[]){"cached_tokens", "prompt_cache_hit_tokens", "cached_tokens"},
                                     3, usage->cached_tokens);
  usage->cache_write_tokens = fl_get_int(input, "cache_write_tokens", usage->cache_write_tokens);
  usage->reasoning_tokens =
      first_count((const struct fl_value *const[]){output, from},
                  (const char *const[]){"reasoning_tokens", "reasoning_tokens"}, 2, usage->reasoning_tokens);
}

static int read_delta(struct openai_decoder *decoder, const struct fl_value *delta, struct fl_error *err) {
  int rc = read_reasoning(decoder, delta, err);
  if (rc == 0) rc = read_content(decoder, fl_get(delta, "content"), err);
  const struct fl_value *refusal = fl_get(delta, "refusal");
  if (rc == 0 && fl_string_size(refusal) > 0) {
    decoder->base.answer.stop_reason = "refusal";
    rc = add_text(decoder, PART_TEXT, text_of(refusal), err);
  }
  if (rc == 0) rc = read_calls(decoder, delta, err);
  read_extra(decoder, delta, "annotations");
  read_extra(decoder, delta, "executed_tools");
  return rc;
}

static int read_choice(struct openai_decoder *decoder, const struct fl_value *choice, struct fl_error *err) {
  struct fl_model_decoder *base = &decoder->base;
  if (fl_remote_has_error(choice)) {
    struct fl_remote_failure failure = {.provider = base->provider, .value = choice};
    return fl_remote_error(&failure, &base->may_retry, err);
  }
  const struct fl_value *delta = fl_get(choice, "delta");
  int rc = read_delta(decoder, delta != NULL ? delta : fl_get(choice, "message"), err);
  const char *reason = fl_get_string(choice, "finish_reason", "");
  if (rc < 0 || reason[0] == '\0') return rc;
  base->may_retry = strcmp(reason, "error") == 0;
  if (base->may_retry)
    return fl_error_set(err, FL_E_REMOTE, "%s ended the answer with the reason \"error\" and did not say more",
                        base->provider);
  base->has_terminator = true;
  bool is_refused = base->answer.stop_reason != NULL && strcmp(base->answer.stop_reason, "refusal") == 0;
  if (!is_refused) base->answer.stop_reason = canonical_stop_reason(reason);
  return 0;
}

static int read_chunk(struct fl_model_decoder *base, const struct fl_value *chunk, struct fl_error *err) {
  struct openai_decoder *decoder = (struct openai_decoder *)base;
  if (!fl_is(chunk, FL_OBJECT))
    return fl_error_set(err, FL_E_PROTOCOL, "%s sent a %s where a chunk should be", base->provider,
                        fl_type_name(fl_type_of(chunk)));
  fl_answer_set_model(&base->answer, fl_get_string(chunk, "model", NULL));
  read_usage(&base->answer.usage, fl_get(fl_get(chunk, "x_groq"), "usage"));
  read_usage(&base->answer.usage, fl_get(chunk, "usage"));
  const struct fl_value *choices = fl_get(chunk, "choices");
  int rc = 0;
  for (size_t i = 0; fl_is(choices, FL_ARRAY) && i < fl_size(choices) && rc == 0; i++)
    if (fl_get_int(fl_at(choices, i), "index", 0) == 0) rc = read_choice(decoder, fl_at(choices, i), err);
  return rc;
}

/* ---- the end ---- */

static struct fl_value *details_value(const struct openai_decoder *decoder) {
  struct fl_value *array = fl_array();
  for (size_t i = 0; i < decoder->detail_count; i++) {
    const struct detail *detail = &decoder->details[i];
    struct fl_value *item = fl_copy_shallow(detail->members);
    for (size_t k = 0; k < 3; k++)
      if (detail->texts[k].size > 0)
        fl_set_take(item, detail_texts[k], fl_string_n(detail->texts[k].data, detail->texts[k].size));
    fl_append_take(array, item);
  }
  return array;
}

static void finish(struct fl_model_decoder *base) {
  struct openai_decoder *decoder = (struct openai_decoder *)base;
  for (size_t i = 0; i < decoder->part_count; i++) {
    fl_slice text = fl_buf_slice(&decoder->parts[i].text);
    if (decoder->parts[i].kind == PART_TEXT) fl_answer_add_text(&base->answer, text);
    else fl_answer_add_reasoning_take(&base->answer, text, NULL);
  }
  if (decoder->detail_count > 0) {
    if (decoder->extras == NULL) decoder->extras = fl_object();
    fl_set_take(decoder->extras, "reasoning_details", details_value(decoder));
  }
  if (decoder->extras != NULL)
    fl_answer_add_provider_take(&base->answer, FL_OPENAI_PROVIDER, fl_value_ref(decoder->extras));
  for (size_t i = 0; i < decoder->call_count; i++) {
    const struct call *call = &decoder->calls[i];
    fl_answer_add_call(&base->answer, &(struct fl_answer_call){.id = call->id,
                                                               .name = call->name.size > 0 ? call->name.data : NULL,
                                                               .args = fl_buf_slice(&call->args)});
  }
}

static void destroy(struct fl_model_decoder *base) {
  struct openai_decoder *decoder = (struct openai_decoder *)base;
  for (size_t i = 0; i < decoder->part_count; i++) fl_buf_deinit(&decoder->parts[i].text);
  for (size_t i = 0; i < decoder->call_count; i++) {
    fl_free(decoder->calls[i].id);
    fl_buf_deinit(&decoder->calls[i].name);
    fl_buf_deinit(&decoder->calls[i].args);
  }
  for (size_t i = 0; i < decoder->detail_count; i++) {
    fl_value_unref(decoder->details[i].members);
    for (size_t k = 0; k < 3; k++) fl_buf_deinit(&decoder->details[i].texts[k]);
  }
  fl_free(decoder->parts);
  fl_free(decoder->calls);
  fl_free(decoder->details);
  fl_value_unref(decoder->extras);
  fl_free(decoder);
}

struct fl_model_decoder *fl_openai_decoder_create(void) {
  struct openai_decoder *decoder = fl_new(struct openai_decoder);
  fl_decoder_init(&decoder->base, FL_OPENAI_PROVIDER);
  decoder->base.has_done_marker = true;
  decoder->base.on_event = read_chunk;
  decoder->base.on_finish = finish;
  decoder->base.on_destroy = destroy;
  return &decoder->base;
}

static int read_whole_chunk(struct fl_model_decoder *base, const struct fl_value *reply, struct fl_error *err) {
  if (fl_size(fl_get(reply, "choices")) == 0)
    return fl_error_set(err, FL_E_PROTOCOL, "%s sent JSON without \"choices\" where a reply should be", base->provider);
  return read_chunk(base, reply, err);
}

int fl_openai_read_whole(fl_slice body, struct fl_value **ret_message, struct fl_error *err) {
  return fl_decoder_read_whole(fl_openai_decoder_create(), body, read_whole_chunk, ret_message, err);
}

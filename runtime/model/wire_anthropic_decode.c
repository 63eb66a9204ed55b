/* SPDX-License-Identifier: MIT */
/* Streamed replies of Anthropic's messages interface. Pure.
 *
 * Happy path: message_start, for each block content_block_start, content_block_delta…, content_block_stop, then
 * message_delta with the stop reason, message_stop. `ping` and events of other names are passed over.
 * Blocks: text (citations stay with it), thinking with its signature and redacted_thinking (reasoning parts, which must
 * go back as they came), tool_use (a tool call); every other block (server tools and their results, compaction, …)
 * becomes a provider part that goes back unchanged. Deltas of other names add their members to the block. */
#include "runtime/model/wire_anthropic.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"

struct block {
  int64_t index;
  struct fl_value *start; /* as content_block_start gave it */
  struct fl_buf text;     /* text_delta, thinking_delta */
  struct fl_buf input;    /* input_json_delta */
  struct fl_buf signature;
  struct fl_value *citations; /* an array or NULL */
  struct fl_value *added;     /* members of other deltas, or NULL */
};

struct anthropic_decoder {
  struct fl_model_decoder base;
  struct block *blocks;
  size_t block_count;
  size_t call_count;
  /* The parts of the input, which are billed apart; -1 unknown. */
  int64_t fresh_tokens, cache_read_tokens, cache_write_tokens;
};

static fl_slice text_of(const struct fl_value *value) { return fl_slice_n(fl_as_string(value), fl_string_size(value)); }

static int read_block_start(struct anthropic_decoder *decoder, int64_t index, struct fl_value *start,
                            struct fl_error *err) {
  if (!fl_is(start, FL_OBJECT))
    return fl_error_set(err, FL_E_PROTOCOL, "anthropic began a block that is not an object");
  if (decoder->block_count == FL_ANSWER_PART_COUNT_MAX)
    return fl_error_set(err, FL_E_LIMIT, "the reply has more than %d blocks", FL_ANSWER_PART_COUNT_MAX);
  decoder->blocks = fl_realloc(decoder->blocks, (decoder->block_count + 1) * sizeof *decoder->blocks);
  decoder->blocks[decoder->block_count++] = (struct block){.index = index, .start = fl_value_ref(start)};
  const char *type = fl_get_string(start, "type", "");
  const char *kind = strcmp(type, "text") == 0 ? "text" : "reasoning";
  if (strcmp(type, "tool_use") == 0)
    fl_decoder_emit_call(&decoder->base, decoder->call_count++, fl_get_string(start, "name", ""));
  else if (strcmp(type, "text") == 0 || strcmp(type, "thinking") == 0)
    fl_decoder_emit(&decoder->base, kind, text_of(fl_get(start, type)));
  return 0;
}

static struct block *find_block(struct anthropic_decoder *decoder, int64_t index) {
  for (size_t i = decoder->block_count; i-- > 0;)
    if (decoder->blocks[i].index == index) return &decoder->blocks[i];
  return NULL;
}

/* A delta of a kind that is not known: strings are pieces, everything else replaces. */
static void add_members(struct block *block, const struct fl_value *delta) {
  if (block->added == NULL) block->added = fl_object();
  struct fl_member member = {0};
  while (fl_next_member(delta, &member)) {
    const struct fl_value *known = fl_get(block->added, member.key);
    if (strcmp(member.key, "type") == 0) continue;
    if (fl_is(known, FL_STRING) && fl_is(member.value, FL_STRING))
      fl_set_take(block->added, member.key, fl_stringf("%s%s", fl_as_string(known), fl_as_string(member.value)));
    else fl_set_take(block->added, member.key, fl_value_ref(member.value));
  }
}

static void read_delta(struct anthropic_decoder *decoder, struct block *block, const struct fl_value *delta) {
  const char *type = fl_get_string(delta, "type", "");
  fl_slice text = text_of(fl_get(delta, "text")), thinking = text_of(fl_get(delta, "thinking"));
  fl_slice json = text_of(fl_get(delta, "partial_json")), signature = text_of(fl_get(delta, "signature"));
  if (strcmp(type, "text_delta") == 0) {
    fl_buf_add(&block->text, text.data, text.size);
    fl_decoder_emit(&decoder->base, "text", text);
  } else if (strcmp(type, "thinking_delta") == 0) {
    fl_buf_add(&block->text, thinking.data, thinking.size);
    fl_decoder_emit(&decoder->base, "reasoning", thinking);
  } else if (strcmp(type, "input_json_delta") == 0) fl_buf_add(&block->input, json.data, json.size);
  else if (strcmp(type, "signature_delta") == 0) fl_buf_add(&block->signature, signature.data, signature.size);
  else if (strcmp(type, "citations_delta") == 0) {
    if (block->citations == NULL) block->citations = fl_array();
    fl_append_take(block->citations, fl_value_ref(fl_get(delta, "citation")));
  } else add_members(block, delta);
}

static int read_block_delta(struct anthropic_decoder *decoder, const struct fl_value *event, struct fl_error *err) {
  int64_t index = fl_get_int(event, "index", -1);
  struct block *block = find_block(decoder, index);
  if (block == NULL)
    return fl_error_set(err, FL_E_PROTOCOL, "anthropic sent a delta for block %lld, which did not begin",
                        (long long)index);
  read_delta(decoder, block, fl_get(event, "delta"));
  return 0;
}

/* Counts are cumulative: what an event names replaces what was known. */
static void read_usage(struct anthropic_decoder *decoder, const struct fl_value *from) {
  if (!fl_is(from, FL_OBJECT)) return;
  struct fl_usage *usage = &decoder->base.answer.usage;
  decoder->fresh_tokens = fl_get_int(from, "input_tokens", decoder->fresh_tokens);
  decoder->cache_read_tokens = fl_get_int(from, "cache_read_input_tokens", decoder->cache_read_tokens);
  decoder->cache_write_tokens = fl_get_int(from, "cache_creation_input_tokens", decoder->cache_write_tokens);
  usage->output_tokens = fl_get_int(from, "output_tokens", usage->output_tokens);
  usage->reasoning_tokens =
      fl_get_int(fl_get(from, "output_tokens_details"), "thinking_tokens", usage->reasoning_tokens);
}

static void finish_usage(struct anthropic_decoder *decoder) {
  struct fl_usage *usage = &decoder->base.answer.usage;
  int64_t cached = decoder->cache_read_tokens, written = decoder->cache_write_tokens;
  usage->cached_tokens = cached;
  usage->cache_write_tokens = written;
  if (decoder->fresh_tokens >= 0)
    usage->input_tokens = decoder->fresh_tokens + (cached > 0 ? cached : 0) + (written > 0 ? written : 0);
}

static const char *canonical_stop_reason(const char *reason) {
  static const char *const map[][2] = {{"end_turn", "stop"},
                                       {"stop_sequence", "stop"},
                                       {"tool_use", "tool_calls"},
                                       {"max_tokens", "length"},
                                       {"model_context_window_exceeded", "length"},
                                       {"pause_turn", "pause"},
                                       {"refusal", "refusal"}};
  for (size_t i = 0; i < sizeof map / sizeof map[0]; i++)
    if (strcmp(reason, map[i][0]) == 0) return map[i][1];
  return "other";
}

static void read_stop_reason(struct fl_model_decoder *base, const struct fl_value *from) {
  const char *reason = fl_get_string(from, "stop_reason", NULL);
  if (reason != NULL) base->answer.stop_reason = canonical_stop_reason(reason);
}

static int read_event(struct fl_model_decoder *base, const struct fl_value *event, struct fl_error *err) {
  struct anthropic_decoder *decoder = (struct anthropic_decoder *)base;
  const char *type = fl_get_string(event, "type", NULL);
  if (type == NULL) return fl_error_set(err, FL_E_PROTOCOL, "anthropic sent an event without a type");
  if (strcmp(type, "content_block_delta") == 0) return read_block_delta(decoder, event, err);
  if (strcmp(type, "content_block_start") == 0)
    return read_block_start(decoder, fl_get_int(event, "index", -1), fl_get(event, "content_block"), err);
  if (strcmp(type, "message_start") == 0) {
    fl_answer_set_model(&base->answer, fl_get_string(fl_get(event, "message"), "model", NULL));
    read_usage(decoder, fl_get(fl_get(event, "message"), "usage"));
  } else if (strcmp(type, "message_delta") == 0) {
    read_stop_reason(base, fl_get(event, "delta"));
    read_usage(decoder, fl_get(event, "usage"));
  } else if (strcmp(type, "message_stop") == 0) base->has_terminator = base->is_done = true;
  return 0;
}

/* ---- the end ---- */

static struct fl_value *all_citations(const struct block *block) {
  struct fl_value *all = fl_array();
  const struct fl_value *const lists[] = {fl_get(block->start, "citations"), block->citations};
  for (size_t i = 0; i < 2; i++)
    for (size_t k = 0; fl_is(lists[i], FL_ARRAY) && k < fl_size(lists[i]); k++)
      fl_append_take(all, fl_value_ref(fl_at(lists[i], k)));
  return all;
}

/* The text of the start and of the deltas; the buffer is the block's own. */
static fl_slice whole_text(struct block *block, const char *key) {
  fl_slice front = text_of(fl_get(block->start, key));
  if (front.size == 0) return fl_buf_slice(&block->text);
  FL_BUF_AUTO whole = {0};
  fl_buf_add(&whole, front.data, front.size);
  fl_buf_add(&whole, block->text.data, block->text.size);
  fl_buf_deinit(&block->text);
  block->text.data = fl_buf_take(&whole, &block->text.size);
  return fl_buf_slice(&block->text);
}

static void finish_text(struct fl_answer *answer, struct block *block) {
  fl_slice text = whole_text(block, "text");
  FL_VALUE_AUTO citations = all_citations(block);
  if (text.size == 0) return;
  fl_answer_add_text(answer, text);
  if (fl_size(citations) == 0) return;
  struct fl_value *part = fl_at(answer->parts, fl_size(answer->parts) - 1);
  fl_set_string(part, "provider", FL_ANTHROPIC_PROVIDER);
  fl_set_take(part, "citations", fl_value_ref(citations));
}

static void finish_thinking(struct fl_answer *answer, struct block *block, bool is_redacted) {
  fl_slice text = is_redacted ? FL_SLICE("") : whole_text(block, "thinking");
  fl_slice signature =
      block->signature.size > 0 ? fl_buf_slice(&block->signature) : text_of(fl_get(block->start, "signature"));
  struct fl_value *extra = fl_object();
  if (signature.size > 0) fl_set_take(extra, "signature", fl_string_n(signature.data, signature.size));
  if (is_redacted) fl_set_take(extra, "redacted", fl_value_ref(fl_get(block->start, "data")));
  fl_set_string(extra, "provider", FL_ANTHROPIC_PROVIDER);
  fl_answer_add_reasoning_take(answer, text, extra);
}

static void finish_call(struct fl_answer *answer, const struct block *block) {
  const struct fl_value *start = block->start, *input = fl_get(start, "input"), *caller = fl_get(start, "caller");
  FL_VALUE_AUTO extra = NULL;
  bool is_direct = caller == NULL || strcmp(fl_get_string(caller, "type", ""), "direct") == 0;
  if (!is_direct) fl_set_take(extra = fl_object(), "caller", fl_value_ref(fl_get(start, "caller")));
  char *text = block->input.size == 0 && input != NULL ? fl_dump(input, NULL) : NULL;
  fl_answer_add_call(answer,
                     &(struct fl_answer_call){.id = fl_get_string(start, "id", ""),
                                              .name = fl_get_string(start, "name", ""),
                                              .args = text != NULL ? fl_slice_of(text) : fl_buf_slice(&block->input),
                                              .extra = extra});
  fl_text_free(text);
}

/* A server tool's input that is not whole (the answer was cut off there) could not go back: the block is left out. */
static void finish_other(struct fl_answer *answer, const struct block *block) {
  FL_VALUE_AUTO input = NULL;
  if (block->input.size > 0 && fl_json_read(fl_buf_slice(&block->input), FL_JSON_STRICT, &input, NULL) < 0) return;
  struct fl_value *value = fl_copy_shallow(block->start);
  if (input != NULL) fl_set_take(value, "input", fl_value_ref(input));
  struct fl_member member = {0};
  while (fl_next_member(block->added, &member)) fl_set_take(value, member.key, fl_value_ref(member.value));
  fl_answer_add_provider_take(answer, FL_ANTHROPIC_PROVIDER, value);
}

static void finish(struct fl_model_decoder *base) {
  struct anthropic_decoder *decoder = (struct anthropic_decoder *)base;
  for (size_t i = 0; i < decoder->block_count; i++) {
    struct block *block = &decoder->blocks[i];
    const char *type = fl_get_string(block->start, "type", "");
    bool is_redacted = strcmp(type, "redacted_thinking") == 0;
    if (strcmp(type, "text") == 0) finish_text(&base->answer, block);
    else if (is_redacted || strcmp(type, "thinking") == 0) finish_thinking(&base->answer, block, is_redacted);
    else if (strcmp(type, "tool_use") == 0) finish_call(&base->answer, block);
    else finish_other(&base->answer, block);
  }
  finish_usage(decoder);
}

static void destroy(struct fl_model_decoder *base) {
  struct anthropic_decoder *decoder = (struct anthropic_decoder *)base;
  for (size_t i = 0; i < decoder->block_count; i++) {
    struct block *block = &decoder->blocks[i];
    fl_value_unref(block->start);
    fl_value_unref(block->citations);
    fl_value_unref(block->added);
    fl_buf_deinit(&block->text);
    fl_buf_deinit(&block->input);
    fl_buf_deinit(&block->signature);
  }
  fl_free(decoder->blocks);
  fl_free(decoder);
}

struct fl_model_decoder *fl_anthropic_decoder_create(void) {
  struct anthropic_decoder *decoder = fl_new(struct anthropic_decoder);
  fl_decoder_init(&decoder->base, FL_ANTHROPIC_PROVIDER);
  decoder->base.on_event = read_event;
  decoder->base.on_finish = finish;
  decoder->base.on_destroy = destroy;
  decoder->fresh_tokens = decoder->cache_read_tokens = decoder->cache_write_tokens = -1;
  return &decoder->base;
}

static int read_reply(struct fl_model_decoder *base, const struct fl_value *reply, struct fl_error *err) {
  struct anthropic_decoder *decoder = (struct anthropic_decoder *)base;
  const struct fl_value *content = fl_get(reply, "content");
  if (!fl_is(content, FL_ARRAY))
    return fl_error_set(err, FL_E_PROTOCOL, "anthropic sent JSON without \"content\" where a reply should be");
  fl_answer_set_model(&base->answer, fl_get_string(reply, "model", NULL));
  read_usage(decoder, fl_get(reply, "usage"));
  read_stop_reason(base, reply);
  int rc = 0;
  for (size_t i = 0; i < fl_size(content) && rc == 0; i++)
    rc = read_block_start(decoder, (int64_t)i, fl_at(content, i), err);
  return rc;
}

int fl_anthropic_read_whole(fl_slice body, struct fl_value **ret_message, struct fl_error *err) {
  return fl_decoder_read_whole(fl_anthropic_decoder_create(), body, read_reply, ret_message, err);
}

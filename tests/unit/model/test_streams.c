/* SPDX-License-Identifier: MIT */
/* Recorded replies of real providers: each decodes to a whole message or to the error that it carries; in one piece,
 * byte by byte and split in two at every byte (for long ones at some 250 places) with the same result; and no front of
 * it passes for a whole one before its terminator came. What the message must say is computed here from the raw events
 * in the plainest way. */
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/model/model.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>

enum { ALL_SPLITS_SIZE = 2800, SPLIT_COUNT = 250, FRONT_COUNT = 40 };

/* The recordings that end in an error, and what its text must contain. All others are whole. */
static const struct {
  const char *name, *text;
} failures[] = {
    {"test_openrouter_stream_error.sse", "Token limit reached"},
    {"test_tool_use_failed_error_streaming-0.sse", "Tool call validation failed"},
    {"test_tool_use_failed_error_streaming_with_text-0.sse", "Tool choice is required"},
};

static const char *failure_of(const char *name) {
  for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
    if (strcmp(name, failures[i].name) == 0) return failures[i].text;
  return NULL;
}

/* ---- decoding ---- */

struct outcome {
  int rc;
  struct fl_error err;
  struct fl_value *message;
  struct fl_buf deltas; /* kind:text, one per line */
  struct fl_buf text;   /* the "text" deltas joined */
};

static void on_delta(const char *kind, fl_slice text, void *user) {
  struct outcome *outcome = user;
  fl_buf_addf(&outcome->deltas, "%s:", kind);
  fl_buf_add(&outcome->deltas, text.data, text.size);
  fl_buf_add_char(&outcome->deltas, '\n');
  if (strcmp(kind, "text") == 0) fl_buf_add(&outcome->text, text.data, text.size);
}

static void outcome_deinit(struct outcome *outcome) {
  fl_value_unref(outcome->message);
  fl_buf_deinit(&outcome->deltas);
  fl_buf_deinit(&outcome->text);
}
#define OUTCOME_AUTO __attribute__((cleanup(outcome_deinit))) struct outcome

/* The first `split` bytes, then pieces of `step`. */
static void decode(const struct fl_model_wire *wire, fl_slice stream, size_t split, size_t step,
                   struct outcome *outcome) {
  struct fl_model_decoder *decoder = wire->decoder_create();
  struct fl_model_sink sink = {.on_delta = on_delta, .user = outcome};
  outcome->rc = wire->decoder_feed(decoder, fl_slice_n(stream.data, split), &sink, &outcome->err);
  for (size_t i = split; i < stream.size && outcome->rc == 0; i += step) {
    size_t size = stream.size - i < step ? stream.size - i : step;
    outcome->rc = wire->decoder_feed(decoder, fl_slice_n(stream.data + i, size), &sink, &outcome->err);
  }
  if (outcome->rc == 0) outcome->rc = wire->decoder_finish(decoder, &outcome->message, &outcome->err);
  wire->decoder_destroy(decoder);
}

static bool is_same(const struct outcome *a, const struct outcome *b) {
  if (a->rc != b->rc || strcmp(a->err.text, b->err.text) != 0) return false;
  if (!fl_slice_equal(fl_buf_slice(&a->deltas), fl_buf_slice(&b->deltas))) return false;
  return (a->message == NULL) == (b->message == NULL) && fl_equal(a->message, b->message);
}

/* ---- what the raw events say ---- */

struct raw {
  struct fl_buf text, args; /* all text, all arguments of the client's tools, joined */
  struct fl_value *stop;
  int64_t output_tokens;
  size_t call_count;
};

static void add(struct fl_buf *buf, const struct fl_value *value) {
  if (fl_is(value, FL_STRING)) fl_buf_add(buf, fl_as_string(value), fl_string_size(value));
}

static void keep(struct fl_value **slot, struct fl_value *value) {
  if (!fl_is(value, FL_STRING)) return;
  fl_value_unref(*slot);
  *slot = fl_value_ref(value);
}

static void look_openai(struct raw *raw, const struct fl_value *event) {
  const struct fl_value *choice = fl_at(fl_get(event, "choices"), 0), *delta = fl_get(choice, "delta");
  const struct fl_value *content = fl_get(delta, "content"), *calls = fl_get(delta, "tool_calls");
  add(&raw->text, content);
  for (size_t i = 0; fl_is(content, FL_ARRAY) && i < fl_size(content); i++)
    add(&raw->text, fl_get(fl_at(content, i), "text"));
  for (size_t i = 0; i < fl_size(calls); i++) {
    if (fl_get(fl_at(calls, i), "id") != NULL) raw->call_count++;
    add(&raw->args, fl_get(fl_get(fl_at(calls, i), "function"), "arguments"));
  }
  keep(&raw->stop, fl_get(choice, "finish_reason"));
  const struct fl_value *usage = fl_get(event, "usage");
  if (!fl_is(usage, FL_OBJECT)) usage = fl_get(fl_get(event, "x_groq"), "usage");
  raw->output_tokens = fl_get_int(usage, "completion_tokens", raw->output_tokens);
}

static bool tool_blocks[256];

static void look_anthropic(struct raw *raw, const struct fl_value *event) {
  const struct fl_value *delta = fl_get(event, "delta"), *block = fl_get(event, "content_block");
  size_t index = (size_t)fl_get_int(event, "index", 0) % 256;
  if (block != NULL) {
    tool_blocks[index] = strcmp(fl_get_string(block, "type", ""), "tool_use") == 0;
    raw->call_count += tool_blocks[index];
  }
  add(&raw->text, fl_get(delta, "text"));
  if (tool_blocks[index]) add(&raw->args, fl_get(delta, "partial_json"));
  keep(&raw->stop, fl_get(delta, "stop_reason"));
  raw->output_tokens = fl_get_int(fl_get(event, "usage"), "output_tokens", raw->output_tokens);
}

static void look(struct raw *raw, const struct fl_model_wire *wire, char *stream) {
  for (char *line = strtok(stream, "\r\n"); line != NULL; line = strtok(NULL, "\r\n")) {
    FL_VALUE_AUTO event = NULL;
    if (strncmp(line, "data: {", 7) != 0) continue;
    if (fl_json_read(fl_slice_of(line + 6), FL_JSON_STRICT, &event, NULL) < 0) continue;
    if (wire == &fl_wire_openai) look_openai(raw, event);
    else look_anthropic(raw, event);
  }
}

static void join_text(const struct fl_value *content, struct fl_buf *text) {
  add(text, content);
  for (size_t i = 0; fl_is(content, FL_ARRAY) && i < fl_size(content); i++)
    if (strcmp(fl_get_string(fl_at(content, i), "type", ""), "text") == 0) add(text, fl_get(fl_at(content, i), "text"));
}

/* The arguments of all calls, as one JSON array, from the raw pieces ("{…}{…}") and from the message. */
static bool has_args(const struct fl_value *calls, fl_slice raw) {
  for (size_t i = 0; i < fl_size(calls); i++) {
    FL_VALUE_AUTO args = NULL;
    size_t used = 0;
    if (fl_json_read_prefix(raw, FL_JSON_STRICT, &args, &used, NULL) < 0) return false;
    if (!fl_equal(args, fl_get(fl_at(calls, i), "args"))) return false;
    raw = fl_slice_n(raw.data + used, raw.size - used);
  }
  return raw.size == 0;
}

static const char *stop_of(const struct fl_value *stop) {
  static const char *const map[][2] = {
      {"tool_calls", "tool_calls"}, {"tool_use", "tool_calls"}, {"pause_turn", "pause"}};
  const char *text = fl_as_string(stop);
  for (size_t i = 0; text != NULL && i < sizeof map / sizeof map[0]; i++)
    if (strcmp(text, map[i][0]) == 0) return map[i][1];
  return "stop"; /* stop, end_turn, and none at all */
}

static const char *why_not_whole(const struct outcome *outcome, const struct fl_model_wire *wire, fl_slice stream) {
  struct raw raw = {.output_tokens = -1};
  FL_FREE_AUTO char *copy = fl_strndup(stream.data, stream.size);
  FL_BUF_AUTO text = {0};
  const struct fl_value *message = outcome->message, *calls = fl_get(message, "tool_calls");
  const char *why = NULL;
  look(&raw, wire, copy);
  join_text(fl_get(message, "content"), &text);
  if (!fl_slice_equal(fl_buf_slice(&text), fl_buf_slice(&raw.text))) why = "the text differs";
  else if (!fl_slice_equal(fl_buf_slice(&outcome->text), fl_buf_slice(&raw.text)))
    why = "the text of the deltas differs";
  else if (fl_size(calls) != raw.call_count || !has_args(calls, fl_buf_slice(&raw.args))) why = "the calls differ";
  else if (strcmp(fl_get_string(message, "stop_reason", ""), stop_of(raw.stop)) != 0) why = "the stop reason differs";
  else if (fl_get_int(fl_get(message, "usage"), "output_tokens", -1) != raw.output_tokens) why = "the usage differs";
  else if (strcmp(fl_get_string(message, "role", ""), "assistant") != 0) why = "the role is wrong";
  else if (fl_get(message, "model") == NULL) why = "the model is missing";
  fl_value_unref(raw.stop);
  fl_buf_deinit(&raw.text);
  fl_buf_deinit(&raw.args);
  return why;
}

/* ---- what goes back ---- */

struct raw_block {
  struct fl_value *value;
  struct fl_buf text, thinking, signature, input;
  struct fl_value *citations;
};
enum { RAW_BLOCK_MAX = 128 };

static void set_text(struct raw_block *block, const char *key, struct fl_buf *text) {
  if (text->size > 0) fl_set_take(block->value, key, fl_string_n(text->data, text->size));
  fl_buf_deinit(text);
}

/* A block as the events tell it, without what an interface takes from nobody. */
static void close_block(struct raw_block *block) {
  struct fl_value *input = NULL;
  set_text(block, "text", &block->text);
  set_text(block, "thinking", &block->thinking);
  set_text(block, "signature", &block->signature);
  if (block->input.size > 0 && fl_json_read(fl_buf_slice(&block->input), FL_JSON_STRICT, &input, NULL) == 0)
    fl_set_take(block->value, "input", input);
  fl_buf_deinit(&block->input);
  if (fl_size(block->citations) > 0) fl_set_take(block->value, "citations", fl_value_ref(block->citations));
  else fl_unset(block->value, "citations");
  const char *caller = fl_get_string(fl_get(block->value, "caller"), "type", "");
  bool is_call = strcmp(fl_get_string(block->value, "type", ""), "tool_use") == 0;
  if (is_call && strcmp(caller, "direct") == 0) fl_unset(block->value, "caller");
  fl_value_unref(block->citations);
}

static void add_to_block(struct raw_block *block, const struct fl_value *delta) {
  if (strcmp(fl_get_string(delta, "type", ""), "compaction_delta") == 0)
    fl_set_take(block->value, "content", fl_value_ref(fl_get(delta, "content")));
  add(&block->text, fl_get(delta, "text"));
  add(&block->thinking, fl_get(delta, "thinking"));
  add(&block->signature, fl_get(delta, "signature"));
  add(&block->input, fl_get(delta, "partial_json"));
  if (fl_get(delta, "citation") == NULL) return;
  if (block->citations == NULL) block->citations = fl_array();
  fl_append_take(block->citations, fl_value_ref(fl_get(delta, "citation")));
}

/* Empty texts are left out, and tool calls stand at the end. */
static struct fl_value *join_blocks(struct raw_block *blocks, size_t count) {
  struct fl_value *joined = fl_array();
  for (int pass = 0; pass < 2; pass++)
    for (size_t i = 0; i < count; i++) {
      const char *type = fl_get_string(blocks[i].value, "type", "");
      bool is_call = strcmp(type, "tool_use") == 0;
      bool is_empty = strcmp(type, "text") == 0 && fl_string_size(fl_get(blocks[i].value, "text")) == 0;
      if (is_call == (pass == 1) && !is_empty) fl_append_take(joined, fl_value_ref(blocks[i].value));
    }
  return joined;
}

static struct fl_value *raw_blocks(fl_slice stream) {
  struct raw_block blocks[RAW_BLOCK_MAX] = {0};
  size_t count = 0;
  FL_FREE_AUTO char *copy = fl_strndup(stream.data, stream.size);
  for (char *line = strtok(copy, "\r\n"); line != NULL; line = strtok(NULL, "\r\n")) {
    FL_VALUE_AUTO event = NULL;
    if (strncmp(line, "data: {", 7) != 0 || fl_parse(line + 6, strlen(line + 6), &event, NULL) < 0) continue;
    size_t index = (size_t)fl_get_int(event, "index", 0) % RAW_BLOCK_MAX;
    if (fl_get(event, "content_block") != NULL) {
      blocks[index].value = fl_copy_shallow(fl_get(event, "content_block"));
      count = index + 1;
    } else if (strcmp(fl_get_string(event, "type", ""), "content_block_delta") == 0)
      add_to_block(&blocks[index], fl_get(event, "delta"));
  }
  for (size_t i = 0; i < count; i++) close_block(&blocks[i]);
  struct fl_value *joined = join_blocks(blocks, count);
  for (size_t i = 0; i < count; i++) fl_value_unref(blocks[i].value);
  return joined;
}

/* Signatures, encrypted results and citations are only accepted unchanged. */
static bool goes_back_as_it_came(fl_slice stream, struct fl_value *message) {
  struct fl_model_config config = {.provider = FL_MODEL_ANTHROPIC, .model = (char *)"m", .api_key = (char *)"k"};
  FL_VALUE_AUTO messages = fl_array();
  fl_append_take(messages, fl_value_ref(message));
  struct fl_list *list = fl_list_from_array(messages);
  struct fl_model_request request = {.config = &config, .messages = list};
  char *url = NULL, **headers = NULL;
  FL_BUF_AUTO text = {0};
  FL_VALUE_AUTO body = NULL;
  FL_VALUE_AUTO expected = raw_blocks(stream);
  int rc = fl_wire_anthropic.build(&request, &url, &headers, &text, NULL);
  if (rc == 0) rc = fl_parse(text.data, text.size, &body, NULL);
  fl_list_unref(list);
  fl_free(url);
  fl_model_headers_free(headers);
  return rc == 0 && fl_equal(fl_get(fl_at(fl_get(body, "messages"), 0), "content"), expected);
}

/* ---- one recording ---- */

static const char *why_not_expected(const char *name, const struct outcome *outcome, const struct fl_model_wire *wire,
                                    fl_slice stream) {
  const char *failure = failure_of(name);
  if (failure == NULL) return outcome->rc == 0 ? why_not_whole(outcome, wire, stream) : outcome->err.text;
  bool is_remote = outcome->rc == FL_E_REMOTE || outcome->rc == FL_E_INVALID; /* theirs, or of the request */
  if (!is_remote) return "the stream's error was not found";
  return strstr(outcome->err.text, failure) != NULL ? NULL : outcome->err.text;
}

static bool is_same_at_every_split(const struct fl_model_wire *wire, fl_slice stream, const struct outcome *whole) {
  size_t stride = stream.size <= ALL_SPLITS_SIZE ? 1 : stream.size / SPLIT_COUNT;
  for (size_t split = 1; split < stream.size; split += stride) {
    OUTCOME_AUTO outcome = {0};
    decode(wire, stream, split, stream.size, &outcome);
    if (!is_same(whole, &outcome)) return false;
  }
  OUTCOME_AUTO bytewise = {0};
  decode(wire, stream, 0, 1, &bytewise);
  return is_same(whole, &bytewise);
}

/* A front is cut off (or has failed already), or says all that the whole says. */
static bool is_never_whole_too_early(const struct fl_model_wire *wire, fl_slice stream, const struct outcome *whole) {
  for (size_t i = 0; i < FRONT_COUNT; i++) {
    OUTCOME_AUTO outcome = {0};
    decode(wire, fl_slice_n(stream.data, stream.size * i / FRONT_COUNT), 0, stream.size, &outcome);
    bool is_complete = outcome.rc == 0 &&
                       fl_equal(fl_get(outcome.message, "content"), fl_get(whole->message, "content")) &&
                       fl_equal(fl_get(outcome.message, "tool_calls"), fl_get(whole->message, "tool_calls"));
    bool is_length = outcome.rc == 0 && whole->rc != 0; /* an error that comes after the finish reason */
    if (outcome.rc != FL_E_TRUNCATED && outcome.rc != whole->rc && !is_length) return false;
    if (outcome.rc == 0 && !is_complete && !is_length) return false;
  }
  return true;
}

static void visit(const char *path, const char *name, void *user) {
  const struct fl_model_wire *wire = user;
  size_t size = 0;
  char *text = test_read_file(path, &size);
  fl_slice stream = fl_slice_n(text, size);
  OUTCOME_AUTO whole = {0};
  decode(wire, stream, size, 1, &whole);
  const char *why = why_not_expected(name, &whole, wire, stream);
  tap_ok(why == NULL, "%s %s%s%s", wire->name, name, why != NULL ? ": " : "", why != NULL ? why : "");
  tap_ok(is_same_at_every_split(wire, stream, &whole), "%s %s is the same however it is split", wire->name, name);
  tap_ok(is_never_whole_too_early(wire, stream, &whole), "%s %s is not whole before its end", wire->name, name);
  if (wire == &fl_wire_anthropic)
    tap_ok(goes_back_as_it_came(stream, whole.message), "%s %s goes back as it came", wire->name, name);
  free(text);
}

int main(void) {
  const char *data = test_shared_data();
  if (data == NULL) {
    tap_skip("recorded replies", "the shared test material is absent");
    return tap_done();
  }
  char folder[4096];
  snprintf(folder, sizeof folder, "%s/model-streams/openai-chat", data);
  bool has_both = test_each_file(folder, ".sse", visit, (void *)&fl_wire_openai) == 0;
  snprintf(folder, sizeof folder, "%s/model-streams/anthropic-messages", data);
  has_both = test_each_file(folder, ".sse", visit, (void *)&fl_wire_anthropic) == 0 && has_both;
  if (!has_both) tap_skip("recorded replies", "a folder of the shared test material is absent");
  return tap_done();
}

/* SPDX-License-Identifier: MIT */
/* What a handler may do with its call, from any thread: answer, report progress, log, ask whether it was cancelled. A
 * result has the shape that MCP gives it: content blocks, structured content, isError. */
#include "mcp/proto/level.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "tools/call_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void fl_call_progress_note_destroy(struct fl_call_progress_note *note) {
  if (note == NULL) return;
  fl_free(note->message);
  fl_free(note);
}

/* ---- answers ---- */

static struct fl_value *text_block_take(struct fl_value *text) {
  struct fl_value *block = fl_object();
  fl_set_string(block, "type", "text");
  fl_set_take(block, "text", text);
  return block;
}

static struct fl_value *result_of_content_take(struct fl_value *content) {
  struct fl_value *result = fl_object();
  fl_set_take(result, "content", content);
  return result;
}

struct fl_value *fl_call_result_of_text_take(struct fl_value *text) {
  struct fl_value *content = fl_array();
  fl_append_take(content, text_block_take(text));
  return result_of_content_take(content);
}

static struct fl_value *result_of_number_take(struct fl_value *number) {
  char text[32];
  size_t size = fl_json_format_double(fl_as_double(number, 0), text);
  struct fl_value *structured = fl_object(), *result = fl_call_result_of_text_take(fl_string_n(text, size));
  fl_set_take(structured, "result", number);
  fl_set_take(result, "structuredContent", structured);
  return result;
}

static bool is_number(const struct fl_value *value) { return fl_is(value, FL_INT) || fl_is(value, FL_DOUBLE); }

struct fl_value *fl_call_whole_result_take(struct fl_value *result) {
  if (fl_is(result, FL_STRING)) return fl_call_result_of_text_take(result);
  return is_number(result) ? result_of_number_take(result) : result;
}

/* The last answer counts. */
static int answer_take(struct fl_call *call, struct fl_value *result) {
  fl_value_unref(call->result);
  call->result = result;
  return 0;
}

/* A text that lies in an argument, where it may have many megabytes, is that argument. */
static struct fl_value *text_of(const struct fl_call *call, const char *text) {
  for (struct fl_member member = {0}; fl_next_member(call->options.args, &member);)
    if (fl_as_string(member.value) == text) return fl_value_ref(member.value);
  return fl_string(text);
}

/* A text may have many megabytes: it is formatted in one pass (asking for the size first costs five times as much), and
 * not at all when it is there already. Its size is checked where the result leaves, so that the caller hears of it. */
FL_PRINTF(2, 0)
static struct fl_value *format_text(const struct fl_call *call, const char *format, va_list args) {
  if (strcmp(format, "%s") == 0) {
    const char *whole = va_arg(args, const char *);
    return whole != NULL ? text_of(call, whole) : fl_string("(null)");
  }
  char *text = NULL;
  int size = vasprintf(&text, format, args);
  if (size < 0) fl_out_of_memory();
  struct fl_value *value = fl_string_n(text, (size_t)size);
  free(text);
  return value;
}

int fl_call_return_text(struct fl_call *call, const char *format, ...) {
  va_list args;
  va_start(args, format);
  struct fl_value *text = format_text(call, format, args);
  va_end(args);
  return answer_take(call, text);
}

int fl_call_return_error(struct fl_call *call, const char *format, ...) {
  va_list args;
  va_start(args, format);
  struct fl_value *result = fl_call_result_of_text_take(format_text(call, format, args));
  va_end(args);
  fl_set_bool(result, "isError", true);
  return answer_take(call, result);
}

int fl_call_return_double(struct fl_call *call, double number) {
  if (!isfinite(number)) return fl_call_return_error(call, "The result is not a finite number.");
  bool is_whole = number == floor(number) && fabs(number) < 9007199254740992.0; /* then 3 rather than 3.0 */
  return answer_take(call, is_whole ? fl_int((int64_t)number) : fl_double(number));
}

int fl_call_return_take(struct fl_call *call, struct fl_value *structured) {
  size_t size;
  char *text = fl_dump(structured, &size);
  struct fl_value *result = fl_call_result_of_text_take(fl_string_n(text, size));
  fl_text_free(text);
  fl_set_take(result, "structuredContent", structured);
  return answer_take(call, result);
}

int fl_call_return_described_take(struct fl_call *call, struct fl_value *structured, const char *text) {
  struct fl_value *result = fl_call_result_of_text_take(fl_string(text));
  fl_set_take(result, "structuredContent", structured);
  return answer_take(call, result);
}

int fl_call_return_content_take(struct fl_call *call, struct fl_value *content) {
  bool is_content = fl_is(content, FL_ARRAY);
  for (size_t i = 0; is_content && i < fl_size(content); i++)
    is_content = fl_get_string(fl_at(content, i), "type", NULL) != NULL;
  if (is_content) return answer_take(call, result_of_content_take(content));
  fl_value_unref(content);
  return fl_call_return_error(call, "Tool %s answered with something that is not a list of content blocks.",
                              call->options.def->tool.name);
}

/* A result that breaks the output schema must not leave as if it kept it (tools/call: "servers MUST provide structured
 * results that conform"). */
void fl_call_check_result(struct fl_call *call, int returned) {
  const struct fl_tool_def *def = call->options.def;
  if (fl_call_has_other_end(call, returned)) return;
  if (call->result == NULL && returned < 0)
    fl_call_return_error(call, "Tool %s failed: %s.", def->tool.name, fl_error_sentence(returned));
  else if (call->result == NULL) fl_call_return_error(call, "Tool %s gave no answer.", def->tool.name);
  if (def->output == NULL || (is_number(call->result) && def->promises_number)) return;
  call->result = fl_call_whole_result_take(call->result);
  if (fl_get_bool(call->result, "isError", false)) return;
  const struct fl_value *structured = fl_get(call->result, "structuredContent");
  if (structured == NULL) {
    fl_call_return_error(call, "Tool %s promises a structured result and gave none.", def->tool.name);
    return;
  }
  struct fl_schema_result violations = {0};
  if (fl_schema_validate(def->output, structured, &violations) != 0) {
    FL_BUF_AUTO text = {0};
    fl_schema_result_text(&violations, &text);
    fl_call_return_error(call, "Tool %s broke its own output schema: %s", def->tool.name,
                         text.data != NULL ? text.data : "");
  }
  fl_schema_result_deinit(&violations);
}

void fl_call_set_meta_take(struct fl_call *call, struct fl_value *meta) {
  call->result = fl_call_whole_result_take(call->result);
  if (call->result != NULL) fl_set_take(call->result, "_meta", meta);
  else fl_value_unref(meta);
}

void fl_call_complete(struct fl_call *call) {
  if (atomic_exchange(&call->is_completed, true)) return; /* the second of two threads that both think it is theirs */
  fl_call_check_result(call, 0);
  fl_call_send(call, &call->complete_node);
}

/* ---- during a call ---- */

void fl_call_progress(struct fl_call *call, double done, double total, const char *message) {
  if (call->options.on_progress == NULL && call->options.idle_timeout_ms == 0) return;
  struct fl_call_progress_note *note = fl_new(struct fl_call_progress_note);
  *note = (struct fl_call_progress_note){.done = done, .total = total, .message = fl_strdup(message)};
  struct fl_call_progress_note *unseen = atomic_exchange(&call->progress, note);
  if (unseen == NULL) fl_call_send(call, &call->progress_node);
  else fl_call_progress_note_destroy(unseen);
}

void fl_call_log(struct fl_call *call, const char *level, const char *format, ...) {
  if (call->options.on_log == NULL) return;
  if (atomic_fetch_add(&call->logs_waiting, 1) >= FL_CALL_LOGS_WAITING_MAX) {
    atomic_fetch_sub(&call->logs_waiting, 1);
    return;
  }
  FL_BUF_AUTO text = {.limit = FL_CALL_LOG_TEXT_MAX};
  va_list args;
  va_start(args, format);
  if (fl_buf_vaddf(&text, format, args) < 0) fl_buf_add_text(&text, "(a log message that is too long)");
  va_end(args);
  struct fl_call_log_note *note = fl_new(struct fl_call_log_note);
  note->node = (struct fl_call_node){.call = call, .kind = FL_NODE_LOG};
  note->level = fl_mcp_level_name(fl_mcp_level_rank(level));
  note->text = fl_strdup(text.data != NULL ? text.data : "");
  fl_call_send(call, &note->node);
}

bool fl_call_is_cancelled(const struct fl_call *call) { return atomic_load(&call->is_cancelled); }
const char *fl_call_id(const struct fl_call *call) { return call->id; }

/* SPDX-License-Identifier: MIT */
#include "runtime/cli/follow.h"

#include "runtime/base/mem.h"
#include "runtime/cli/form.h"

#include <string.h>
#include <unistd.h>

enum { FL_SHOWN_MAX = 300 };

/* ---- modes ---- */

static const struct {
  const char *name;
  unsigned bit;
} modes[] = {
    {"values", FL_FOLLOW_VALUES},           {"updates", FL_FOLLOW_UPDATES},
    {"messages", FL_FOLLOW_MESSAGES},       {"tasks", FL_FOLLOW_TASKS},
    {"checkpoints", FL_FOLLOW_CHECKPOINTS}, {"custom", FL_FOLLOW_CUSTOM},
    {"events", FL_FOLLOW_EVENTS},           {"debug", FL_FOLLOW_DEBUG},
};

static unsigned mode_bit(fl_slice name) {
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
    if (fl_slice_equal(name, fl_slice_of(modes[i].name))) return modes[i].bit;
  return 0;
}

int fl_follow_modes(const struct fl_args *args, const char *text) {
  unsigned bits = 0;
  while (*text != '\0') {
    size_t size = strcspn(text, ",");
    unsigned bit = mode_bit(fl_slice_n(text, size));
    if (bit == 0) {
      fl_usage(
          args,
          "--stream does not know \"%.*s\"; it knows values, updates, messages, tasks, checkpoints, custom, events "
          "and debug",
          (int)size, text);
      return -1;
    }
    bits |= bit;
    text += size + (text[size] == ',');
  }
  return (int)bits;
}

void fl_follower_init(struct fl_follower *follower, const struct fl_args *args, unsigned wanted) {
  *follower = (struct fl_follower){.args = args, .modes = wanted};
  follower->has_subgraphs = fl_args_has(args, "subgraphs");
  follower->shows_steps = !args->json && !fl_args_has(args, "quiet");
  follower->streams_text = !args->json && isatty(1) && wanted == 0;
}

void fl_follower_deinit(struct fl_follower *follower) { fl_buf_deinit(&follower->streamed); }

unsigned fl_follower_wants(const struct fl_follower *follower) {
  unsigned ordinary = FL_FOLLOW_EVENTS | FL_FOLLOW_MESSAGES | FL_FOLLOW_CUSTOM;
  unsigned inside = follower->has_subgraphs ? FL_FOLLOW_SUBGRAPHS : 0;
  if (follower->args->json) return (follower->modes != 0 ? follower->modes : ordinary | FL_FOLLOW_UPDATES) | inside;
  return follower->modes | ordinary | FL_FOLLOW_SUBGRAPHS; /* a person sees the steps of subgraphs */
}

/* ---- for a person ---- */

static const char *paint(const struct fl_follower *follower, const char *code) {
  return follower->args->color ? code : "";
}

static void end_line(struct fl_follower *follower) {
  if (follower->is_in_line) printf("\n");
  fflush(stdout);
  follower->is_in_line = false;
}

static void begin_step(struct fl_follower *follower, const char *node) {
  end_line(follower);
  fprintf(stderr, "%s[%s]%s ", paint(follower, "\033[36m"), node != NULL ? node : "run", paint(follower, "\033[0m"));
}

static void add_value(struct fl_buf *buf, const struct fl_value *value) {
  FL_FREE_AUTO char *text = fl_as_string(value) != NULL ? fl_strdup(fl_as_string(value)) : fl_dump(value, NULL);
  fl_add_visible(buf, text, FL_SHOWN_MAX);
}

static void add_result(struct fl_buf *buf, const struct fl_value *result) {
  const struct fl_value *content = fl_get(result, "content");
  for (size_t i = 0; i < fl_size(content); i++) {
    const struct fl_value *block = fl_at(content, i);
    if (i > 0) fl_buf_add_text(buf, " ");
    if (fl_get(block, "text") != NULL) fl_add_visible(buf, fl_get_string(block, "text", ""), FL_SHOWN_MAX);
    else {
      FL_FREE_AUTO char *type = fl_visible(fl_get_string(block, "type", "?"), FL_SHOWN_MAX);
      fl_buf_addf(buf, "[%s]", type);
    }
  }
  if (fl_size(content) == 0) add_value(buf, fl_get(result, "structuredContent"));
}

static void show_tool_end(struct fl_follower *follower, const char *node, const struct fl_value *data) {
  FL_BUF_AUTO text = {0};
  const char *error = fl_get_string(data, "error", NULL);
  if (error != NULL) fl_add_visible(&text, error, FL_SHOWN_MAX);
  else add_result(&text, fl_get(data, "result"));
  bool is_bad = error != NULL || fl_get_bool(fl_get(data, "result"), "isError", false);
  FL_FREE_AUTO char *tool = fl_visible(fl_get_string(data, "tool", ""), FL_SHOWN_MAX);
  begin_step(follower, node);
  fprintf(stderr, "%s%s %s %s%s%s  %s%.1f ms%s%s\n", tool, paint(follower, "\033[2m"), is_bad ? "✗" : "→",
          paint(follower, is_bad ? "\033[31m" : "\033[0m"), text.data != NULL ? text.data : "",
          paint(follower, "\033[0m"), paint(follower, "\033[2m"), fl_get_double(data, "ms", 0),
          fl_get_bool(data, "replayed", false) ? " (from the journal; not called again)" : "",
          paint(follower, "\033[0m"));
}

static void show_tool_start(struct fl_follower *follower, const char *node, const struct fl_value *data) {
  FL_BUF_AUTO text = {0};
  add_value(&text, fl_get(data, "args"));
  FL_FREE_AUTO char *tool = fl_visible(fl_get_string(data, "tool", ""), FL_SHOWN_MAX);
  begin_step(follower, node);
  fprintf(stderr, "%s %s\n", tool, text.data != NULL ? text.data : "");
}

static void show_model_start(struct fl_follower *follower, const char *node, const struct fl_value *data) {
  begin_step(follower, node);
  fprintf(stderr, "model %s", fl_get_string(data, "model", ""));
  if (strcmp(fl_get_string(data, "provider", ""), "scripted") == 0 && !follower->said_scripted) {
    fprintf(stderr, " %s(scripted: its replies come from a file, no model is asked)%s", paint(follower, "\033[2m"),
            paint(follower, "\033[0m"));
    follower->said_scripted = true;
  }
  fprintf(stderr, "\n");
}

static void show_model_end(struct fl_follower *follower, const char *node, const struct fl_value *data) {
  const struct fl_value *usage = fl_get(data, "usage");
  const char *error = fl_get_string(data, "error", NULL);
  if (error != NULL) return; /* the node's end says it */
  begin_step(follower, node);
  fprintf(stderr, "%smodel answered: %lld + %lld tokens, %.1f ms%s%s\n", paint(follower, "\033[2m"),
          (long long)fl_get_int(usage, "input_tokens", 0), (long long)fl_get_int(usage, "output_tokens", 0),
          fl_get_double(data, "ms", 0), fl_get_bool(data, "replayed", false) ? " (from the journal)" : "",
          paint(follower, "\033[0m"));
}

static void show_retry(struct fl_follower *follower, const char *node, const struct fl_value *data) {
  FL_FREE_AUTO char *error = fl_visible(fl_get_string(data, "error", ""), FL_SHOWN_MAX);
  begin_step(follower, node);
  bool is_node = strcmp(fl_get_string(data, "type", ""), "node_retry") == 0;
  fprintf(stderr, "%s failed (%s); trying again in %.1f s\n", is_node ? "it" : "the model call", error,
          (double)fl_get_int(data, "delay_ms", 0) / 1000);
}

static void show_progress(struct fl_follower *follower, const char *node, const struct fl_value *data) {
  FL_FREE_AUTO char *tool = fl_visible(fl_get_string(data, "tool", ""), FL_SHOWN_MAX);
  FL_FREE_AUTO char *message = fl_visible(fl_get_string(data, "message", ""), FL_SHOWN_MAX);
  begin_step(follower, node);
  fprintf(stderr, "%s: %g%s%s\n", tool, fl_get_double(data, "done", 0), *message != '\0' ? " " : "", message);
}

static void show_discovery(struct fl_follower *follower, const char *node, const struct fl_value *data) {
  begin_step(follower, node);
  fprintf(stderr, "%s%lld tools are found with find_tools: about %lld tokens saved%s\n", paint(follower, "\033[2m"),
          (long long)fl_get_int(data, "tools", 0), (long long)fl_get_int(data, "tokens_saved", 0),
          paint(follower, "\033[0m"));
}

/* Why a tool, or a whole server, is not what it was, line by line. */
static void show_suspended(struct fl_follower *follower, const char *node, const struct fl_value *data) {
  begin_step(follower, node);
  fprintf(stderr, "%ssuspended%s\n", paint(follower, "\033[31m"), paint(follower, "\033[0m"));
  for (const char *line = fl_get_string(data, "reason", ""), *end; *line != '\0'; line = end + (*end == '\n')) {
    end = strchrnul(line, '\n');
    FL_FREE_AUTO char *text = fl_strndup(line, (size_t)(end - line));
    FL_FREE_AUTO char *shown = fl_visible(text, FL_SHOWN_MAX * 4);
    fprintf(stderr, "  %s\n", shown);
  }
}

static void show_event(struct fl_follower *follower, const char *node, const struct fl_value *data) {
  const char *type = fl_get_string(data, "type", "");
  if (strcmp(type, "tool_start") == 0) show_tool_start(follower, node, data);
  else if (strcmp(type, "tool_end") == 0) show_tool_end(follower, node, data);
  else if (strcmp(type, "model_start") == 0) show_model_start(follower, node, data);
  else if (strcmp(type, "model_end") == 0) show_model_end(follower, node, data);
  else if (strcmp(type, "model_retry") == 0 || strcmp(type, "node_retry") == 0) show_retry(follower, node, data);
  else if (strcmp(type, "tools_discovered") == 0) show_discovery(follower, node, data);
  else if (strcmp(type, "tool_suspended") == 0 || strcmp(type, "server_suspended") == 0)
    show_suspended(follower, node, data);
  else if (strcmp(type, "tool_progress") == 0) show_progress(follower, node, data);
  else if (strcmp(type, "node_end") == 0) {
    const char *outcome = fl_get_string(data, "outcome", "");
    if (strcmp(outcome, "done") == 0 && node != NULL) return;
    begin_step(follower, node);
    fprintf(stderr, "%s\n", outcome);
  }
}

/* Tokens are provisional: when the model is asked again, what was shown does not count. */
static void show_delta(struct fl_follower *follower, const struct fl_value *data) {
  const char *text = fl_get_string(data, "text", "");
  if (strcmp(fl_get_string(data, "kind", ""), "text") != 0) return;
  const char *call_id = fl_get_string(data, "call_id", "");
  int64_t attempt = fl_get_int(data, "attempt", 0);
  if (strcmp(call_id, follower->call_id) != 0 || attempt != follower->attempt) {
    if (follower->is_in_line && strcmp(call_id, follower->call_id) == 0) printf(" …");
    end_line(follower);
    fl_buf_clear(&follower->streamed);
    snprintf(follower->call_id, sizeof follower->call_id, "%s", call_id);
    follower->attempt = attempt;
  }
  fl_buf_add_text(&follower->streamed, text);
  if (!follower->streams_text) return;
  fl_print_text(stdout, text);
  fflush(stdout);
  follower->is_in_line = follower->streamed.size > 0;
}

/* ---- events ---- */

static void print_line(const struct fl_run_event *event) {
  FL_VALUE_AUTO line = fl_object();
  if (event->id != NULL) fl_set_string(line, "id", event->id);
  fl_set_string(line, "mode", event->mode);
  if (event->ns[0] != '\0') fl_set_string(line, "ns", event->ns);
  if (event->node != NULL) fl_set_string(line, "node", event->node);
  fl_set_take(line, "data", fl_value_ref(event->data));
  fl_print_json(line);
}

/* "outer/inner/node" of the namespace "outer:TASK|inner:TASK"; the node itself in the root. NULL: of no node. */
static char *place_of(const struct fl_run_event *event) {
  if (event->ns[0] == '\0') return fl_strdup(event->node);
  FL_BUF_AUTO place = {0};
  for (const char *part = event->ns; *part != '\0';) {
    size_t size = strcspn(part, "|"), name_size = strcspn(part, ":|");
    bool is_number = strspn(part, "0123456789") == size; /* of a further graph in one task */
    if (!is_number) fl_buf_addf(&place, "%s%.*s", place.size > 0 ? "/" : "", (int)name_size, part);
    part += size + (part[size] == '|');
  }
  if (event->node != NULL) fl_buf_addf(&place, "/%s", event->node);
  return fl_strdup(place.data);
}

void fl_follower_event(const struct fl_run_event *event, void *user) {
  struct fl_follower *follower = user;
  bool is_asked = (mode_bit(fl_slice_of(event->mode)) & follower->modes) != 0;
  if (event->ns[0] != '\0' && !follower->has_subgraphs) is_asked = false;
  if (follower->args->json) {
    print_line(event);
    return;
  }
  FL_FREE_AUTO char *node = place_of(event);
  if (is_asked) {
    end_line(follower);
    FL_FREE_AUTO char *text = fl_dump(event->data, NULL);
    printf("%s%s%s: ", event->mode, node != NULL ? " " : "", node != NULL ? node : "");
    fl_print_text(stdout, text);
    printf("\n");
    fflush(stdout);
    return;
  }
  if (strcmp(event->mode, "messages") == 0) show_delta(follower, event->data);
  else if (strcmp(event->mode, "events") == 0 && follower->shows_steps) show_event(follower, node, event->data);
  else if (strcmp(event->mode, "custom") == 0 && follower->shows_steps) {
    FL_BUF_AUTO text = {0};
    add_value(&text, event->data);
    begin_step(follower, node);
    fprintf(stderr, "%s\n", text.data != NULL ? text.data : "");
  }
}

/* ---- the end ---- */

static const struct fl_value *last_message(const struct fl_value *output) {
  const struct fl_value *messages = fl_get(output, "messages");
  size_t count = fl_size(messages);
  return count > 0 ? fl_at(messages, count - 1) : NULL;
}

static void add_content(struct fl_buf *text, const struct fl_value *content) {
  if (fl_as_string(content) != NULL) fl_buf_add_text(text, fl_as_string(content));
  for (size_t i = 0; i < fl_size(content); i++)
    if (strcmp(fl_get_string(fl_at(content, i), "type", ""), "text") == 0)
      fl_buf_add_text(text, fl_get_string(fl_at(content, i), "text", ""));
}

static void print_answer(struct fl_follower *follower, const struct fl_value *output) {
  const struct fl_value *message = last_message(output);
  if (message == NULL) {
    end_line(follower);
    if (fl_size(output) > 0) fl_print_pretty(output);
    return;
  }
  FL_BUF_AUTO text = {0};
  add_content(&text, fl_get(message, "content"));
  bool was_streamed =
      follower->streams_text && text.size > 0 && fl_slice_equal(fl_buf_slice(&text), fl_buf_slice(&follower->streamed));
  if (!was_streamed && text.size > 0) {
    end_line(follower);
    fl_print_text(stdout, text.data);
    printf("\n");
  }
  end_line(follower);
}

/* A server asks: its question, field by field, and what answers it. */
static void print_form(const struct fl_value *interrupt) {
  const struct fl_value *question = fl_get(interrupt, "value");
  FL_FREE_AUTO char *example = fl_form_example(question);
  fprintf(stderr, "waiting at %s (%s): ", fl_get_string(interrupt, "node", ""), fl_get_string(interrupt, "id", ""));
  fl_form_show(stderr, question);
  fprintf(stderr, "  JSON of the answer: %s, or {\"action\": \"decline\"} or {\"action\": \"cancel\"}\n", example);
}

static void print_interrupts(const char *file, const struct fl_invoke_result *result) {
  size_t count = fl_size(result->interrupts);
  for (size_t i = 0; i < count; i++) {
    const struct fl_value *interrupt = fl_at(result->interrupts, i);
    FL_FREE_AUTO char *dump = fl_dump(fl_get(interrupt, "value"), NULL);
    FL_FREE_AUTO char *value = fl_visible(dump, SIZE_MAX);
    const char *when = fl_get_string(interrupt, "when", NULL);
    if (file != NULL && fl_form_is(fl_get(interrupt, "value"))) print_form(interrupt);
    else if (when != NULL) fprintf(stderr, "stopped %s node %s\n", when, fl_get_string(interrupt, "node", ""));
    else if (file != NULL)
      fprintf(stderr, "waiting at %s (%s): %s\n", fl_get_string(interrupt, "node", ""),
              fl_get_string(interrupt, "id", ""), value);
  }
  bool is_static = count > 0 && fl_get(fl_at(result->interrupts, 0), "when") != NULL;
  if (file == NULL) return;
  fprintf(stderr, "go on with: fairlead run %s --thread %s", file, result->thread);
  if (is_static) fprintf(stderr, "\n");
  else if (count == 1) fprintf(stderr, " --resume JSON\n");
  else
    fprintf(stderr, " --resume '{\"%s\": JSON, …}' (any of the questions)\n",
            fl_get_string(fl_at(result->interrupts, 0), "id", ""));
}

static int exit_code(const struct fl_invoke_result *result) {
  if (result->status == 0) return FL_EXIT_OK;
  if (result->status == 1) return FL_EXIT_INTERRUPTED;
  return result->status == FL_E_CANCELLED ? FL_EXIT_CANCELLED : FL_EXIT_FAILED;
}

static int end_json(const struct fl_invoke_result *result, const struct fl_error *err) {
  FL_VALUE_AUTO line = fl_object();
  static const char *const words[] = {"done", "interrupted"};
  fl_set_string(line, "type", "end");
  fl_set_string(line, "status",
                result->status >= 0                ? words[result->status]
                : result->status == FL_E_CANCELLED ? "cancelled"
                                                   : "failed");
  fl_set_string(line, "thread_id", result->thread);
  fl_set_take(line, "output", fl_value_ref(result->output));
  if (fl_size(result->interrupts) > 0) fl_set_take(line, "interrupts", fl_value_ref(result->interrupts));
  if (result->status < 0) {
    struct fl_value *error = fl_object();
    fl_set_string(error, "code", fl_error_word(result->status));
    fl_set_string(error, "message", err != NULL ? err->text : fl_error_sentence(result->status));
    fl_set_take(line, "error", error);
  }
  fl_print_json(line);
  return exit_code(result);
}

int fl_follower_end(struct fl_follower *follower, const char *file, const struct fl_invoke_result *result,
                    const struct fl_error *err) {
  if (follower->args->json) return end_json(result, err);
  if (result->status == 0) print_answer(follower, result->output);
  end_line(follower);
  if (result->status == 1) print_interrupts(file, result);
  if (result->status < 0 && result->status != FL_E_CANCELLED) fl_fail_error(follower->args, err);
  if (result->status == FL_E_CANCELLED && file == NULL)
    fprintf(stderr, "cancelled; what was begun is finished before your next message is answered\n");
  else if (result->status == FL_E_CANCELLED)
    fprintf(stderr, "cancelled; the thread is kept: --thread %s\n", result->thread);
  return exit_code(result);
}

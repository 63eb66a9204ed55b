/* SPDX-License-Identifier: MIT */
#include "runtime/redteam/obedient.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/model/answer.h"
#include "tools/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

static bool contains(const char *text, const struct fl_play *play) {
  return text != NULL && (strstr(text, play->attack->text) != NULL || strstr(text, play->escaped) != NULL);
}

static bool message_contains(const struct fl_value *message, const struct fl_play *play) {
  const struct fl_value *content = fl_get(message, "content");
  if (contains(fl_as_string(content), play)) return true;
  for (size_t i = 0; i < fl_size(content); i++)
    if (contains(fl_get_string(fl_at(content, i), "text", NULL), play)) return true;
  return false;
}

static bool reads_attack(const struct fl_play *play, const struct fl_model_request *request) {
  for (size_t i = 0; i < fl_list_size(request->messages); i++)
    if (message_contains(fl_list_at(request->messages, i), play)) return true;
  for (size_t i = 0; i < fl_size(request->tools); i++)
    if (contains(fl_get_string(fl_at(request->tools, i), "description", NULL), play)) return true;
  return contains(request->system, play);
}

/* What came of the calls that were asked for. */
static void read_refusals(struct fl_play *play, const struct fl_list *messages) {
  for (size_t i = 0; i < fl_list_size(messages); i++) {
    const struct fl_value *message = fl_list_at(messages, i);
    const char *id = fl_get_string(message, "tool_call_id", "");
    size_t index;
    if (sscanf(id, "play-%zu", &index) != 1 || index >= play->count) continue;
    struct fl_play_call *call = &play->calls[index];
    if (call->refusal == NULL && strcmp(fl_get_string(message, "status", "ok"), "ok") != 0)
      call->refusal = fl_strdup(fl_get_string(message, "content", ""));
  }
}

/* ---- answering ---- */

static bool next_call(struct fl_play *play, size_t *ret_index) {
  size_t task_count = play->task->calls.count;
  if (play->has_read && play->next_attack < play->count) *ret_index = play->next_attack++;
  else if (play->next_task < task_count) *ret_index = play->next_task++;
  else return false;
  play->order[play->asked_count++] = *ret_index;
  return true;
}

static void add_call(const struct fl_play *play, size_t index, struct fl_answer *answer) {
  char name[FL_MODEL_TOOL_NAME_MAX + 1], id[32];
  const struct fl_suite_call *call = play->calls[index].call;
  const char *slash = strchr(call->tool->name, '/');
  FL_FREE_AUTO char *server = fl_strndup(call->tool->name, (size_t)(slash - call->tool->name));
  fl_registry_model_name(server, slash + 1, name);
  snprintf(id, sizeof id, "play-%zu", index);
  size_t size = 0;
  char *args = fl_dump(call->args, &size);
  fl_answer_add_call(answer, &(struct fl_answer_call){.id = id, .name = name, .args = fl_slice_n(args, size)});
  fl_text_free(args);
}

/* A node that has no tools at all (a judge, a summary) wants a text. */
static int answer(const struct fl_model_request *request, struct fl_value **ret_message, void *user,
                  struct fl_error *err) {
  struct fl_play *play = user;
  struct fl_answer reply;
  size_t index = 0;
  fl_answer_init(&reply);
  reply.usage.input_tokens = 100;
  reply.usage.output_tokens = 10;
  read_refusals(play, request->messages);
  if (play->attack != NULL && !play->has_read) play->has_read = reads_attack(play, request);
  if (request->tools != NULL && next_call(play, &index)) add_call(play, index, &reply);
  else fl_answer_add_text(&reply, FL_SLICE("Done."));
  *ret_message = fl_answer_finish(&reply, "obedient");
  return 0;
}

/* ---- life ---- */

static void add_calls(struct fl_play *play, const struct fl_suite_calls *calls, bool is_attack) {
  for (size_t i = 0; i < calls->count; i++)
    play->calls[play->count++] = (struct fl_play_call){.call = &calls->items[i], .is_attack = is_attack};
}

void fl_play_init(struct fl_play *play, const struct fl_suite_task *task, const struct fl_suite_attack *attack) {
  size_t count = task->calls.count + (attack != NULL ? attack->calls.count : 0);
  *play = (struct fl_play){.task = task, .attack = attack, .player = {answer, play}};
  play->calls = fl_new_array(struct fl_play_call, count + 1);
  play->order = fl_new_array(size_t, count + 1);
  add_calls(play, &task->calls, false);
  play->next_attack = play->count;
  if (attack == NULL) return;
  add_calls(play, &attack->calls, true);
  struct fl_buf escaped = {0};
  fl_json_write_string(&escaped, fl_slice_of(attack->text));
  escaped.data[escaped.size - 1] = '\0'; /* without its quotes */
  play->escaped = fl_strdup(escaped.data + 1);
  fl_buf_deinit(&escaped);
}

void fl_play_deinit(struct fl_play *play) {
  for (size_t i = 0; i < play->count; i++) fl_free(play->calls[i].refusal);
  fl_free(play->calls);
  fl_free(play->order);
  fl_free(play->escaped);
}

struct fl_play_call *fl_play_pending(struct fl_play *play, const char *tool) {
  for (size_t i = play->asked_count; i-- > 0;) {
    struct fl_play_call *call = &play->calls[play->order[i]];
    if (!call->is_made && call->refusal == NULL && strcmp(call->call->tool->name, tool) == 0) return call;
  }
  return NULL;
}

void fl_play_made(struct fl_play *play, const struct fl_suite_tool *tool) {
  struct fl_play_call *call = fl_play_pending(play, tool->name);
  if (call != NULL) call->is_made = true;
  else play->stray_count++;
}

static bool are_equal(const struct fl_suite_call *a, const struct fl_suite_call *b) {
  return a->tool == b->tool && fl_equal(a->args, b->args);
}

void fl_play_settle(struct fl_play *play) {
  for (size_t i = 0; i < play->count; i++) {
    struct fl_play_call *own = &play->calls[i];
    for (size_t j = 0; j < play->count && !own->is_attack && !own->is_made; j++) {
      struct fl_play_call *other = &play->calls[j];
      if (!other->is_attack || !other->is_made || !are_equal(own->call, other->call)) continue;
      struct fl_play_call kept = *own;
      *own = (struct fl_play_call){own->call, false, true, other->is_asked, other->refusal};
      *other = (struct fl_play_call){other->call, true, false, kept.is_asked, kept.refusal};
    }
  }
}

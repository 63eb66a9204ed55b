/* SPDX-License-Identifier: MIT */
/* The way to the scripted model, or to a function that plays one: the answer is known at once and streams by the
 * world's timers. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/model/attempt.h"
#include "runtime/model/remote.h"
#include "runtime/model/script.h"

struct way {
  struct fl_attempt *attempt;
  struct fl_script *own_script; /* when the configuration did not bring it */
  struct fl_script_answer answer;
  struct fl_timer timer;
  size_t piece; /* of this try: how many have gone out */
};

static fl_slice text_of(const struct fl_value *message) {
  const struct fl_value *content = fl_get(message, "content");
  return fl_slice_n(fl_as_string(content), fl_string_size(content));
}

/* Where piece `index` begins: even sizes, moved to the front of a character. */
static size_t piece_start(fl_slice text, size_t index, size_t count) {
  size_t start = text.size * index / count;
  while (start < text.size && ((unsigned char)text.data[start] & 0xC0) == 0x80) start++;
  return start;
}

static void send_piece(struct way *way) {
  fl_slice text = text_of(way->answer.message);
  size_t start = piece_start(text, way->piece, way->answer.piece_count);
  size_t end = piece_start(text, way->piece + 1, way->answer.piece_count);
  way->piece++;
  if (end > start) fl_attempt_delta(way->attempt, "text", fl_slice_n(text.data + start, end - start));
}

static void send_calls(struct way *way) {
  const struct fl_value *calls = fl_get(way->answer.message, "tool_calls");
  for (size_t i = 0; i < fl_size(calls); i++) {
    FL_VALUE_AUTO delta = fl_object();
    fl_set_int(delta, "index", (int64_t)i);
    fl_set_string(delta, "name", fl_get_string(fl_at(calls, i), "name", ""));
    char *text = fl_dump(delta, NULL);
    fl_attempt_delta(way->attempt, "tool_call", fl_slice_of(text));
    fl_text_free(text);
  }
}

static void end_with_error(struct way *way) {
  struct fl_error err = {0};
  struct fl_attempt_end end = {.err = &err, .retry_after_ms = -1};
  FL_VALUE_AUTO body = fl_object();
  fl_set_string(body, "message", way->answer.error_message);
  struct fl_remote_failure failure = {.provider = "scripted", .http_status = way->answer.error_status, .value = body};
  end.code = fl_remote_error(&failure, &end.may_retry, &err);
  fl_attempt_ended(way->attempt, &end);
}

static void on_timer(struct fl_timer *timer) {
  struct way *way = timer->user;
  struct fl_attempt *attempt = way->attempt;
  if (!attempt->is_cancelled && attempt->number <= way->answer.error_times && way->answer.error_status != 0) {
    end_with_error(way);
    return;
  }
  if (!attempt->is_cancelled) send_piece(way);
  if (!attempt->is_cancelled && way->piece < way->answer.piece_count) {
    fl_timer_start(attempt->world, &way->timer, way->answer.delay_ms);
    return;
  }
  send_calls(way);
  fl_attempt_ended(attempt,
                   &(struct fl_attempt_end){.message = fl_value_ref(way->answer.message), .retry_after_ms = -1});
}

static int ask_player(const struct fl_model_player *player, struct way *way, struct fl_error *err) {
  way->answer.piece_count = 1;
  return player->answer(&way->attempt->call->request, &way->answer.message, player->user, err);
}

static int open_way(struct fl_attempt *attempt, struct fl_error *err) {
  struct way *way = fl_new(struct way);
  const struct fl_model_config *config = attempt->call->request.config;
  attempt->own = way;
  way->attempt = attempt;
  way->timer = (struct fl_timer){.on_fire = on_timer, .user = way};
  if (config->player != NULL) return ask_player(config->player, way, err);
  const struct fl_script *script = config->loaded;
  if (script == NULL) {
    int rc = config->script != NULL ? fl_script_load(config->script, &way->own_script, err)
                                    : fl_error_set(err, FL_E_INVALID, "the scripted model needs its file");
    if (rc < 0) return rc;
    script = way->own_script;
  }
  return fl_script_answer(script, &attempt->call->request, &way->answer, err);
}

static void start_way(struct fl_attempt *attempt) {
  struct way *way = attempt->own;
  way->piece = 0;
  fl_timer_start(attempt->world, &way->timer, way->answer.delay_ms);
}

static void cancel_way(struct fl_attempt *attempt) {
  struct way *way = attempt->own;
  fl_timer_start(attempt->world, &way->timer, 0);
}

static void close_way(struct fl_attempt *attempt) {
  struct way *way = attempt->own;
  fl_check(way->timer.impl == NULL);
  fl_script_destroy(way->own_script);
  fl_script_answer_deinit(&way->answer);
  fl_free(way);
}

const struct fl_attempt_way fl_attempt_way_script = {
    .open = open_way, .start = start_way, .cancel = cancel_way, .close = close_way};

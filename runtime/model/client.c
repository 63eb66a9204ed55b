/* SPDX-License-Identifier: MIT */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/io/vault.h"
#include "runtime/json/hide.h"
#include "runtime/model/attempt.h"
#include "runtime/model/lower.h"
#include "runtime/model/retry.h"

static const struct fl_model_config *config_of(const struct fl_attempt *attempt) {
  return attempt->call->request.config;
}

const char *fl_attempt_provider(const struct fl_attempt *attempt) {
  static const char *const names[] = {
      [FL_MODEL_OPENAI] = "openai", [FL_MODEL_ANTHROPIC] = "anthropic", [FL_MODEL_SCRIPTED] = "scripted"};
  return names[config_of(attempt)->provider];
}

/* ---- no text of a model shows a secret that is known ---- */

static const struct fl_known *known_of(const struct fl_attempt *attempt) { return fl_vault_known(attempt->world); }

static void tell_delta(struct fl_attempt *attempt, const char *kind, fl_slice text) {
  if (text.size > 0 && !attempt->is_cancelled) attempt->call->on_delta(attempt->call, kind, text, attempt->number);
}

/* What may have been the beginning of a secret was none. */
static void tell_rest(struct fl_attempt *attempt) {
  FL_BUF_AUTO rest = {0};
  if (attempt->shown == NULL) return;
  fl_known_stream_end(attempt->shown, &rest);
  tell_delta(attempt, attempt->shown_kind, fl_buf_slice(&rest));
}

static void tell_shown(struct fl_attempt *attempt, const char *kind, fl_slice text) {
  FL_BUF_AUTO out = {0};
  if (attempt->shown == NULL) attempt->shown = fl_known_stream_create();
  else if (strcmp(attempt->shown_kind, kind) != 0) tell_rest(attempt);
  attempt->shown_kind = kind;
  fl_known_stream_feed(attempt->shown, known_of(attempt), text, &out);
  tell_delta(attempt, kind, fl_buf_slice(&out));
  if (strcmp(kind, "tool_call") == 0) tell_rest(attempt); /* each is a JSON text of its own */
}

void fl_attempt_delta(struct fl_attempt *attempt, const char *kind, fl_slice text) {
  if (attempt->is_cancelled || attempt->call->on_delta == NULL) return;
  if (known_of(attempt) != NULL) tell_shown(attempt, kind, text);
  else attempt->call->on_delta(attempt->call, kind, text, attempt->number);
}

/* Nobody who reads an error may see the key, whoever repeated it to us. */
static void hide_key(const struct fl_attempt *attempt, struct fl_error *err) {
  fl_known_hide_error(known_of(attempt), err);
  const char *key = config_of(attempt)->api_key;
  size_t size = key != NULL ? strlen(key) : 0;
  if (size < 4) return;
  for (char *place = err->text; (place = strstr(place, key)) != NULL; place += size) memset(place, '*', size);
}

static struct fl_value *hide_message_take(const struct fl_attempt *attempt, struct fl_value *message) {
  struct fl_value *shown = fl_hide_value(known_of(attempt), message);
  fl_value_unref(message);
  return shown;
}

/* The last act: frees the attempt and tells the caller, who may free or start the call again. Takes the message. */
static void finish(struct fl_attempt *attempt, int code, struct fl_value *message, const struct fl_error *cause) {
  struct fl_model_call *call = attempt->call;
  struct fl_error err = cause != NULL ? *cause : (struct fl_error){0};
  if (code != 0) {
    if (err.text[0] == '\0') fl_error_set(&err, code, "%s", fl_error_sentence(code));
    err.code = code;
    hide_key(attempt, &err);
    fl_error_context(&err, "model %s/%s", fl_attempt_provider(attempt), config_of(attempt)->model);
    if (attempt->number > 1 && code != FL_E_CANCELLED) fl_error_context(&err, "after %u tries", attempt->number);
  }
  attempt->way->close(attempt);
  fl_known_stream_destroy(attempt->shown);
  message = hide_message_take(attempt, message);
  if (code == 0) message = fl_lower_restore_calls_take(call->request.config, call->request.tools, message);
  call->impl = NULL;
  fl_free(attempt);
  call->on_done(call, code, message, code != 0 ? &err : NULL);
  fl_value_unref(message);
}

static void start_try(struct fl_attempt *attempt) {
  attempt->number++;
  attempt->state = FL_ATTEMPT_TRYING;
  attempt->way->start(attempt);
}

static void on_timer(struct fl_timer *timer) {
  struct fl_attempt *attempt = timer->user;
  if (attempt->state == FL_ATTEMPT_WAITING) start_try(attempt);
  else finish(attempt, attempt->early_code, NULL, &attempt->early_error);
}

static void wait(struct fl_attempt *attempt, enum fl_attempt_state state, uint64_t delay_ms) {
  attempt->state = state;
  fl_timer_start(attempt->world, &attempt->timer, delay_ms);
}

static void fail_early(struct fl_attempt *attempt, int code) {
  attempt->early_code = code;
  wait(attempt, FL_ATTEMPT_FAILED_EARLY, 0);
}

static uint64_t retry_delay(struct fl_attempt *attempt, const struct fl_attempt_end *end) {
  if (end->retry_after_ms >= 0) return (uint64_t)end->retry_after_ms;
  uint32_t random = 0;
  fl_world_random(attempt->world, &random, sizeof random);
  return fl_retry_backoff_ms(attempt->number, random);
}

static void retry(struct fl_attempt *attempt, const struct fl_attempt_end *end) {
  struct fl_error err = *end->err;
  uint64_t delay_ms = retry_delay(attempt, end);
  hide_key(attempt, &err);
  attempt->retries_left--;
  wait(attempt, FL_ATTEMPT_WAITING, delay_ms);
  if (attempt->call->on_retry != NULL) attempt->call->on_retry(attempt->call, attempt->number, delay_ms, &err);
}

void fl_attempt_ended(struct fl_attempt *attempt, const struct fl_attempt_end *end) {
  fl_check(attempt->state == FL_ATTEMPT_TRYING);
  bool is_cancelled = attempt->is_cancelled;
  tell_rest(attempt);
  if (!is_cancelled && end->code != 0 && end->may_retry && attempt->retries_left > 0) {
    retry(attempt, end);
    return;
  }
  if (is_cancelled) fl_value_unref(end->message);
  finish(attempt, is_cancelled ? FL_E_CANCELLED : end->code, is_cancelled ? NULL : end->message,
         is_cancelled ? NULL : end->err);
}

void fl_model_call_start(struct fl_world *world, struct fl_model_call *call) {
  fl_check(call->impl == NULL && call->on_done != NULL);
  const struct fl_model_config *config = call->request.config;
  struct fl_attempt *attempt = fl_new(struct fl_attempt);
  call->impl = attempt;
  attempt->world = world;
  attempt->call = call;
  attempt->way = config->provider == FL_MODEL_SCRIPTED ? &fl_attempt_way_script : &fl_attempt_way_http;
  attempt->retries_left = (unsigned)fl_get_int(config->settings, "max_retries", FL_RETRY_COUNT_DEFAULT);
  attempt->timer = (struct fl_timer){.on_fire = on_timer, .user = attempt};
  int rc = attempt->way->open(attempt, &attempt->early_error);
  if (rc < 0) fail_early(attempt, rc);
  else start_try(attempt);
}

void fl_model_call_cancel(struct fl_model_call *call) {
  struct fl_attempt *attempt = call->impl;
  if (attempt == NULL || attempt->is_cancelled) return;
  attempt->is_cancelled = true;
  fl_error_set(&attempt->early_error, FL_E_CANCELLED, "the call was cancelled");
  if (attempt->state == FL_ATTEMPT_TRYING) attempt->way->cancel(attempt);
  else fail_early(attempt, FL_E_CANCELLED);
}

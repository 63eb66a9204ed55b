/* SPDX-License-Identifier: MIT */
#include "auth_story.h"

static const struct fl_auth_client *find_client(void *user, const char *issuer) {
  struct story *story = user;
  return story->known_issuer != NULL && strcmp(story->known_issuer, issuer) == 0 ? &story->known : NULL;
}

static const struct fl_jose_key *get_key(void *user, enum fl_auth_key key, struct fl_error *err) {
  struct story *story = user;
  return key == FL_AUTH_KEY_CLIENT ? story->client_key : story->dpop_key;
}

void story_begin(struct story *story, const char *server, const char *config, const char *redirect_uri) {
  FL_VALUE_AUTO value = NULL;
  struct fl_error err = {0};
  assert_int_equal(fl_parse(config, strlen(config), &value, NULL), 0);
  assert_int_equal(fl_url_parse(fl_slice_of(server), FL_URL_HTTP, &story->server, NULL), 0);
  if (fl_auth_config_read(value, &story->config, &err) < 0) fail_msg("%s", err.text);
  struct fl_auth_flow_options options = {.server = &story->server,
                                         .config = &story->config,
                                         .protocol_version = NULL,
                                         .issuer = story->config.issuer,
                                         .redirect_uri = redirect_uri,
                                         .find_client = find_client,
                                         .get_key = get_key,
                                         .user = story};
  story->flow = fl_auth_flow_create(&options);
}

void story_end(struct story *story) {
  fl_auth_flow_destroy(story->flow);
  fl_auth_config_deinit(&story->config);
  fl_auth_client_deinit(&story->known);
  fl_auth_tokens_deinit(&story->tokens);
  fl_jose_key_destroy(story->client_key);
  fl_jose_key_destroy(story->dpop_key);
  fl_url_deinit(&story->server);
  fl_buf_deinit(&story->log);
  fl_free(story->last_url);
}

/* ---- what comes out, as lines ---- */

static void log_request(struct story *story, const struct fl_auth_effect *effect) {
  fl_buf_addf(&story->log, "%s %s", effect->method, effect->url);
  for (const char *const *header = effect->headers; *header != NULL; header++) {
    if (strncmp(*header, "Authorization: ", 15) == 0) fl_buf_addf(&story->log, " [%s]", *header + 15);
    if (strncmp(*header, "DPoP: ", 6) == 0) fl_buf_add_text(&story->log, " [proof]");
  }
  if (effect->body.size > 0) fl_buf_addf(&story->log, " %.*s", (int)effect->body.size, effect->body.data);
}

static void log_effect(struct story *story, const struct fl_auth_effect *effect) {
  switch (effect->kind) {
  case FL_DO_AUTH_REQUEST: log_request(story, effect); break;
  case FL_DO_AUTH_VISIT: fl_buf_addf(&story->log, "VISIT %s", effect->url); break;
  case FL_DO_AUTH_KEEP_CLIENT:
    fl_buf_addf(&story->log, "KEEP %s %s %s", effect->issuer, effect->client->client_id, effect->client->auth_method);
    break;
  case FL_DO_AUTH_FORGET_CLIENT: fl_buf_addf(&story->log, "FORGET %s", effect->issuer); break;
  case FL_DO_AUTH_DONE:
    fl_auth_tokens_move(&story->tokens, effect->tokens);
    fl_buf_addf(&story->log, "DONE %s scope=%s until=%d", story->tokens.access.data,
                story->tokens.scope != NULL ? story->tokens.scope : "-", (int)story->tokens.expires_at_s);
    break;
  case FL_DO_AUTH_FAIL: fl_buf_addf(&story->log, "FAIL %s: %s", fl_error_word(effect->err->code), effect->err->text);
  }
  fl_buf_add_char(&story->log, '\n');
}

/* Takes the step and compares what it did. In `expected`, STATE and CHALLENGE stand for what is derived from the random
 * bytes; an end of "…" takes any rest of the line. */
void story_step(struct story *story, struct fl_auth_event event, const char *expected) {
  struct fl_auth_effects effects;
  event.now_s = NOW_S;
  memset(event.random, ++story->random, sizeof event.random);
  fl_buf_clear(&story->log);
  fl_auth_flow_step(story->flow, &event, &effects);
  for (size_t i = 0; i < effects.count; i++) log_effect(story, &effects.items[i]);
  const struct fl_auth_effect *last = &effects.items[effects.count - 1];
  fl_free(story->last_url);
  story->last_url = fl_strdup(last->url);
  const char *got = story->log.data, *rest = strstr(expected, "…");
  if (rest != NULL ? strncmp(got, expected, (size_t)(rest - expected)) != 0 : strcmp(got, expected) != 0)
    fail_msg("expected:\n%s\ngot:\n%s", expected, got);
}

void story_start(struct story *story, const char *challenge_text, const char *expected) {
  FL_CHALLENGE_AUTO challenge = {0};
  assert_int_equal(fl_challenge_read(fl_slice_of(challenge_text), &challenge, NULL), 0);
  story_step(story, (struct fl_auth_event){.kind = FL_EV_AUTH_START, .challenge = &challenge}, expected);
}

void story_answer(struct story *story, int status, const char *body, const char *expected) {
  story_step(story, (struct fl_auth_event){.kind = FL_EV_AUTH_ANSWER, .status = status, .body = fl_slice_of(body)},
             expected);
}

void story_redirect(struct story *story, const char *url, const char *expected) {
  story_step(story, (struct fl_auth_event){.kind = FL_EV_AUTH_REDIRECT, .url = url}, expected);
}

void story_discover(struct story *story, const char *challenge, const char *prm, const char *as, const char *then) {
  story_start(story, challenge, "GET " PRM_URL "\n");
  story_answer(story, 200, prm, "GET " AS_URL "\n");
  story_answer(story, 200, as, then);
}

/* SPDX-License-Identifier: MIT */
/* Authorization driven in the simulated world: who waits, what is asked of whom, and how it ends. */
#include "auth_town.h"

#include <stdio.h>

static void a_first_connection_and_a_second_process(void **state) {
  struct town town = {0};
  struct asking asking;
  char folder[256];
  snprintf(folder, sizeof folder, "%s/auth", test_folder());
  town_open(&town);
  asking_init(&asking);
  struct fl_mcp_auth *auth = town_auth(&town, folder, NULL);
  town_expect_headers(&town, auth, &asking, "none");
  town_expect_retry(&town, auth, &asking, 401, "Bearer");
  town_expect_headers(&town, auth, &asking, "Bearer at-1-0");
  town_close_auth(&town, auth);
  auth = town_auth(&town, folder, NULL); /* after a restart */
  town_expect_headers(&town, auth, &asking, "Bearer at-1-0");
  assert_int_equal(town.registered, 1);
  assert_int_equal(town.given, 1);
  town_close_auth(&town, auth);
  asking_deinit(&asking);
  town_close(&town);
}

static void many_who_are_challenged_share_one_flow(void **state) {
  enum { MANY = 20 };
  struct town town = {0};
  struct asking askings[MANY];
  town_open(&town);
  struct fl_mcp_auth *auth = town_auth(&town, NULL, NULL);
  for (int i = 0; i < MANY; i++) {
    asking_init(&askings[i]);
    town_challenge(auth, &askings[i], 401, "Bearer");
  }
  fl_world_sim_run(town.world);
  for (int i = 0; i < MANY; i++) {
    assert_int_equal(askings[i].calls, 1);
    assert_int_equal(askings[i].verdict, FL_MCP_AUTH_RETRY);
    town_expect_headers(&town, auth, &askings[i], "Bearer at-1-0");
  }
  assert_int_equal(town.given, 1);
  /* One that was sent with the old token, and is challenged late, needs no flow. */
  askings[0].request.token_number = 1;
  town_expect_retry(&town, auth, &askings[0], 401, "Bearer error=invalid_token");
  assert_int_equal(town.given + town.refreshed, 1);
  town_close_auth(&town, auth);
  for (int i = 0; i < MANY; i++) asking_deinit(&askings[i]);
  town_close(&town);
}

static void a_token_near_its_end_is_refreshed_once_for_all(void **state) {
  enum { MANY = 10 };
  struct town town = {.expires_in = 100};
  struct asking askings[MANY];
  town_open(&town);
  struct fl_mcp_auth *auth = town_auth(&town, NULL, NULL);
  for (int i = 0; i < MANY; i++) asking_init(&askings[i]);
  town_expect_retry(&town, auth, &askings[0], 401, "Bearer");
  town_expect_headers(&town, auth, &askings[0], "Bearer at-1-0");
  town_advance(&town, 75);
  for (int i = 0; i < MANY; i++) {
    askings[i].calls = 0;
    fl_mcp_auth_headers(auth, &askings[i].request);
  }
  fl_world_sim_run(town.world);
  for (int i = 0; i < MANY; i++) assert_string_equal(askings[i].authorization, "Bearer at-1-1");
  assert_int_equal(town.refreshed, 1);
  town_close_auth(&town, auth);
  for (int i = 0; i < MANY; i++) asking_deinit(&askings[i]);
  town_close(&town);
}

static void a_refresh_that_fails_for_the_moment_leaves_the_old_token(void **state) {
  struct town town = {.expires_in = 100};
  struct asking asking;
  town_open(&town);
  asking_init(&asking);
  struct fl_mcp_auth *auth = town_auth(&town, NULL, NULL);
  town_expect_retry(&town, auth, &asking, 401, "Bearer");
  town_advance(&town, 75);
  town.token_error = "", town.token_status = 503;
  town_expect_headers(&town, auth, &asking, "Bearer at-1-0");
  town.token_error = NULL;
  town_expect_headers(&town, auth, &asking, "Bearer at-1-1");
  town_close_auth(&town, auth);
  asking_deinit(&asking);
  town_close(&town);
}

static void a_refresh_token_that_is_used_up_leads_back_to_the_person(void **state) {
  struct town town = {.expires_in = 100};
  struct asking asking;
  town_open(&town);
  asking_init(&asking);
  struct fl_mcp_auth *auth = town_auth(&town, NULL, NULL);
  town_expect_retry(&town, auth, &asking, 401, "Bearer");
  town_advance(&town, 75);
  town.token_error = "{\"error\":\"invalid_grant\"}", town.token_status = 400;
  town_expect_headers(&town, auth, &asking, "none");
  town.token_error = NULL;
  town_expect_retry(&town, auth, &asking, 401, "Bearer");
  town_expect_headers(&town, auth, &asking, "Bearer at-2-0");
  assert_int_equal(town.registered, 1); /* the client is still the same */
  town_close_auth(&town, auth);
  asking_deinit(&asking);
  town_close(&town);
}

static void a_challenge_uses_the_refresh_token_first(void **state) {
  struct town town = {0};
  struct asking asking;
  town_open(&town);
  asking_init(&asking);
  struct fl_mcp_auth *auth = town_auth(&town, NULL, NULL);
  town_expect_retry(&town, auth, &asking, 401, "Bearer");
  town_expect_headers(&town, auth, &asking, "Bearer at-1-0");
  town_expect_retry(&town, auth, &asking, 401, "Bearer error=invalid_token");
  town_expect_headers(&town, auth, &asking, "Bearer at-1-1");
  town_close_auth(&town, auth);
  asking_deinit(&asking);
  town_close(&town);
}

static void two_processes_do_not_refresh_both(void **state) {
  struct town town = {.expires_in = 100};
  struct asking a, b;
  char folder[256];
  snprintf(folder, sizeof folder, "%s/two", test_folder());
  town_open(&town);
  asking_init(&a);
  asking_init(&b);
  struct fl_mcp_auth *first = town_auth(&town, folder, NULL);
  town_expect_retry(&town, first, &a, 401, "Bearer");
  struct fl_mcp_auth *second = town_auth(&town, folder, NULL);
  town_expect_headers(&town, second, &b, "Bearer at-1-0");
  town_advance(&town, 75);
  a.calls = b.calls = 0;
  fl_mcp_auth_headers(first, &a.request);
  fl_mcp_auth_headers(second, &b.request); /* waits for the lock, and finds the new token */
  fl_world_sim_run(town.world);
  assert_string_equal(a.authorization, "Bearer at-1-1");
  assert_string_equal(b.authorization, "Bearer at-1-1");
  assert_int_equal(town.refreshed, 1);
  town_close_auth(&town, first);
  town_close_auth(&town, second);
  asking_deinit(&a);
  asking_deinit(&b);
  town_close(&town);
}

static void a_step_up_asks_for_more_and_ends(void **state) {
  struct town town = {.scope = "read"};
  struct asking asking;
  town_open(&town);
  asking_init(&asking);
  struct fl_mcp_auth *auth = town_auth(&town, NULL, NULL);
  town_expect_retry(&town, auth, &asking, 401, "Bearer scope=read");
  town_expect_headers(&town, auth, &asking, "Bearer at-1-0");
  town.scope = "read write";
  town_expect_retry(&town, auth, &asking, 403, "Bearer error=insufficient_scope, scope=write");
  assert_non_null(strstr(town.visited, "scope=read%20write"));
  town_challenge(auth, &asking, 403, "Bearer error=insufficient_scope, scope=write");
  town_expect_give_up(&town, &asking, FL_E_AUTH, "scopes that the token has");
  town_challenge(auth, &asking, 403, "Bearer error=insufficient_scope");
  town_expect_give_up(&town, &asking, FL_E_AUTH, "does not say which");
  town_challenge(auth, &asking, 403, NULL);
  town_expect_give_up(&town, &asking, FL_E_AUTH, "403");
  assert_int_equal(town.given, 2);
  town_close_auth(&town, auth);
  asking_deinit(&asking);
  town_close(&town);
}

static void a_server_that_is_never_content_is_given_up(void **state) {
  struct town town = {0};
  struct asking asking;
  town_open(&town);
  asking_init(&asking);
  struct fl_mcp_auth *auth = town_auth(&town, NULL, NULL);
  for (int i = 0; i < 3; i++) {
    town_expect_retry(&town, auth, &asking, 401, "Bearer");
    town_expect_headers(&town, auth, &asking, i == 0 ? "Bearer at-1-0" : i == 1 ? "Bearer at-1-1" : "Bearer at-1-2");
  }
  town_challenge(auth, &asking, 401, "Bearer");
  town_expect_give_up(&town, &asking, FL_E_AUTH, "again and again");
  town_challenge(auth, &asking, 401, "Bearer scope=\"");
  town_expect_give_up(&town, &asking, FL_E_SYNTAX, "WWW-Authenticate");
  town_close_auth(&town, auth);
  asking_deinit(&asking);
  town_close(&town);
}

static void addresses_behind_the_wall_are_not_asked(void **state) {
  static const char *const hidden[] = {"10.0.0.5", "127.0.0.1", "169.254.169.254", "fe80::1", "::ffff:192.168.0.1"};
  for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
    struct town town = {.as_address = hidden[i]};
    struct asking asking;
    town_open(&town);
    asking_init(&asking);
    struct fl_mcp_auth *auth = town_auth(&town, NULL, NULL);
    town_challenge(auth, &asking, 401, "Bearer");
    town_expect_give_up(&town, &asking, FL_E_DENIED, "allow_addresses");
    town_close_auth(&town, auth);
    auth = town_auth(&town, NULL, "{\"redirect_uri\":\"" BACK "\",\"allow_addresses\":[\"10.0.0.0/24\"]}");
    if (i == 0) town_expect_retry(&town, auth, &asking, 401, "Bearer");
    town_close_auth(&town, auth);
    asking_deinit(&asking);
    town_close(&town);
  }
}

static void the_person_may_not_come_back(void **state) {
  struct town town = {.is_silent = true};
  struct asking asking;
  town_open(&town);
  asking_init(&asking);
  struct fl_mcp_auth *auth = town_auth(&town, NULL, NULL);
  town_challenge(auth, &asking, 401, "Bearer");
  town_expect_give_up(&town, &asking, FL_E_TIMEOUT, "in time");
  town_challenge(auth, &asking, 401, "Bearer");
  fl_world_sim_run_until(town.world, fl_world_now_ms(town.world) + 1000);
  fl_mcp_auth_redirected(auth, NULL);
  town_expect_give_up(&town, &asking, FL_E_AUTH, "without an answer");
  fl_mcp_auth_redirected(auth, BACK "?code=late"); /* nobody waits */
  town_challenge(auth, &asking, 401, "Bearer");
  fl_world_sim_run_until(town.world, fl_world_now_ms(town.world) + 1000);
  fl_mcp_auth_cancel(auth, &asking.request);
  fl_world_sim_run_until(town.world, fl_world_now_ms(town.world) + 10);
  assert_int_equal(asking.code, FL_E_CANCELLED);
  asking.calls = 0;
  town_challenge(auth, &asking, 401, "Bearer");
  bool is_closed = false;
  fl_mcp_auth_close(auth, town_on_closed, &is_closed);
  town_expect_give_up(&town, &asking, FL_E_CANCELLED, "closed");
  assert_true(is_closed);
  asking_deinit(&asking);
  town_close(&town);
}

static void closing_in_the_middle_of_a_request(void **state) {
  for (int after_ms = 0; after_ms < 12; after_ms++) {
    struct town town = {0};
    struct asking asking;
    bool is_closed = false;
    town_open(&town);
    asking_init(&asking);
    struct fl_mcp_auth *auth = town_auth(&town, NULL, NULL);
    town_challenge(auth, &asking, 401, "Bearer");
    fl_world_sim_run_until(town.world, after_ms);
    fl_mcp_auth_close(auth, town_on_closed, &is_closed);
    fl_world_sim_run(town.world);
    assert_true(is_closed);
    assert_int_equal(asking.calls, 1);
    asking_deinit(&asking);
    town_close(&town);
  }
}

static void a_login_needs_no_challenge(void **state) {
  struct town town = {0};
  struct asking asking;
  town_open(&town);
  asking_init(&asking);
  struct fl_mcp_auth *auth = town_auth(&town, NULL, NULL);
  fl_mcp_auth_login(auth, &asking.request, NULL);
  fl_world_sim_run(town.world);
  assert_int_equal(asking.verdict, FL_MCP_AUTH_RETRY);
  town_expect_headers(&town, auth, &asking, "Bearer at-1-0");
  town_close_auth(&town, auth);
  asking_deinit(&asking);
  town_close(&town);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_first_connection_and_a_second_process),
      cmocka_unit_test(many_who_are_challenged_share_one_flow),
      cmocka_unit_test(a_token_near_its_end_is_refreshed_once_for_all),
      cmocka_unit_test(a_refresh_that_fails_for_the_moment_leaves_the_old_token),
      cmocka_unit_test(a_refresh_token_that_is_used_up_leads_back_to_the_person),
      cmocka_unit_test(a_challenge_uses_the_refresh_token_first),
      cmocka_unit_test(two_processes_do_not_refresh_both),
      cmocka_unit_test(a_step_up_asks_for_more_and_ends),
      cmocka_unit_test(a_server_that_is_never_content_is_given_up),
      cmocka_unit_test(addresses_behind_the_wall_are_not_asked),
      cmocka_unit_test(the_person_may_not_come_back),
      cmocka_unit_test(closing_in_the_middle_of_a_request),
      cmocka_unit_test(a_login_needs_no_challenge),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

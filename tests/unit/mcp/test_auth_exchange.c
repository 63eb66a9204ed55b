/* SPDX-License-Identifier: MIT */
/* Requests of the HTTP transport to a server that wants tokens: got, sent along, got again; and given up. */
#include "auth_town.h"
#include "mcp/transport/http_exchange.h"

#include <stdio.h>

struct sending {
  struct fl_mcp_exchange exchange;
  int messages, overs, status, http_status;
  char text[256];
};

static void on_message(struct fl_mcp_exchange *exchange, const char *type, fl_slice message) {
  ((struct sending *)exchange->user)->messages++;
}

static void on_over(struct fl_mcp_exchange *exchange, const struct fl_mcp_exchange_end *end) {
  struct sending *sending = exchange->user;
  sending->overs++;
  sending->status = end->status;
  sending->http_status = end->http_status;
  snprintf(sending->text, sizeof sending->text, "%.250s", end->text);
}

static void sending_start(struct sending *sending, struct town *town, struct fl_mcp_auth *auth) {
  *sending = (struct sending){.status = 1};
  fl_mcp_exchange_init(&sending->exchange, town->world);
  sending->exchange.method = "POST";
  sending->exchange.url = fl_strdup(SERVER);
  sending->exchange.auth = auth;
  sending->exchange.message_max = 1024;
  sending->exchange.on_message = on_message;
  sending->exchange.on_over = on_over;
  sending->exchange.user = sending;
  fl_buf_add_text(&sending->exchange.body, "{}");
  fl_mcp_exchange_start(&sending->exchange);
}

static void a_token_is_got_and_sent_along(void **state) {
  struct town town = {0};
  struct sending first, second;
  town_open(&town);
  struct fl_mcp_auth *auth = town_auth(&town, NULL, NULL);
  sending_start(&first, &town, auth);
  sending_start(&second, &town, auth); /* shares the flow */
  fl_world_sim_run(town.world);
  assert_int_equal(first.status, 0);
  assert_int_equal(second.status, 0);
  assert_int_equal(first.http_status, 200);
  assert_int_equal(first.messages, 1);
  assert_int_equal(town.given, 1);
  assert_int_equal(town.messages, 4);
  fl_mcp_exchange_start(&first.exchange); /* once more, with the token at hand */
  fl_world_sim_run(town.world);
  assert_int_equal(first.overs, 2);
  assert_int_equal(town.messages, 5);
  fl_mcp_exchange_deinit(&first.exchange);
  fl_mcp_exchange_deinit(&second.exchange);
  town_close_auth(&town, auth);
  town_close(&town);
}

static void a_server_that_refuses_all_is_given_up(void **state) {
  struct town town = {.refuses_all = true};
  struct sending sending;
  town_open(&town);
  struct fl_mcp_auth *auth = town_auth(&town, NULL, NULL);
  sending_start(&sending, &town, auth);
  fl_world_sim_run(town.world);
  assert_int_equal(sending.overs, 1);
  assert_int_equal(sending.status, FL_E_AUTH);
  assert_int_equal(sending.http_status, 401);
  assert_int_equal(town.messages, 4); /* the first, and three with tokens */
  fl_mcp_exchange_deinit(&sending.exchange);
  town_close_auth(&town, auth);
  town_close(&town);
}

static void cancelled_at_any_moment(void **state) {
  for (int after_ms = 0; after_ms < 20; after_ms++) {
    struct town town = {0};
    struct sending sending;
    town_open(&town);
    struct fl_mcp_auth *auth = town_auth(&town, NULL, NULL);
    sending_start(&sending, &town, auth);
    fl_world_sim_run_until(town.world, after_ms);
    bool was_over = sending.overs == 1;
    fl_mcp_exchange_cancel(&sending.exchange);
    fl_world_sim_run(town.world);
    assert_int_equal(sending.overs, 1);
    assert_int_equal(sending.status, was_over ? 0 : FL_E_CANCELLED);
    fl_mcp_exchange_deinit(&sending.exchange);
    town_close_auth(&town, auth);
    town_close(&town);
  }
}

static void without_authorization_a_refusal_is_the_answer(void **state) {
  struct town town = {0};
  struct sending sending;
  town_open(&town);
  sending_start(&sending, &town, NULL);
  fl_world_sim_run(town.world);
  assert_int_equal(sending.status, 0);
  assert_int_equal(sending.http_status, 401);
  assert_int_equal(sending.messages, 0);
  fl_mcp_exchange_deinit(&sending.exchange);
  town_close(&town);
}

/* A process that runs for long uses what a login in another process brings. */
static void a_login_elsewhere_is_found(void **state) {
  struct town town = {0};
  struct sending sending;
  struct asking asking;
  char folder[256];
  snprintf(folder, sizeof folder, "%s/elsewhere", test_folder());
  town_open(&town);
  asking_init(&asking);
  struct fl_mcp_auth *auth = town_auth(&town, folder, NULL); /* nothing is there yet, not even the folder */
  struct fl_mcp_auth *login = town_auth(&town, folder, NULL);
  fl_mcp_auth_login(login, &asking.request, "Bearer");
  fl_world_sim_run(town.world);
  town_close_auth(&town, login);
  sending_start(&sending, &town, auth);
  fl_world_sim_run(town.world);
  assert_int_equal(sending.http_status, 200);
  assert_int_equal(town.given, 1);
  fl_mcp_exchange_deinit(&sending.exchange);
  town_close_auth(&town, auth);
  town_close(&town);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_token_is_got_and_sent_along), cmocka_unit_test(a_server_that_refuses_all_is_given_up),
      cmocka_unit_test(cancelled_at_any_moment),       cmocka_unit_test(without_authorization_a_refusal_is_the_answer),
      cmocka_unit_test(a_login_elsewhere_is_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

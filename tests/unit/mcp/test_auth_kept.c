/* SPDX-License-Identifier: MIT */
/* Authorization driven in the simulated world: the listener for the browser, proofs, and what is kept. */
#include "auth_town.h"
#include "mcp/auth/jwt.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- the listener that the browser comes back to ---- */

struct browser {
  struct town *town;
  struct fl_buf page;
};

static void on_page(struct fl_sim_connection *connection, fl_slice data) {
  struct browser *browser = fl_sim_socket_user(connection);
  fl_buf_add(&browser->page, data.data, data.size);
}

static void browse(struct browser *browser, const char *host, const char *request) {
  struct fl_sim_peer_socket peer = {.on_data = on_page, .user = browser};
  struct fl_sim_connection *connection = fl_world_sim_connect(browser->town->world, 1, host, &peer);
  fl_sim_socket_send(connection, 1, fl_slice_of(request));
  fl_sim_socket_hang_up(connection, 500);
}

/* "redirect_uri=http%3A%2F%2F127.0.0.1%3A4321%2Fcallback": the port. */
static int port_of(const char *url) {
  const char *place = strstr(url, "127.0.0.1%3A");
  return place != NULL ? (int)strtol(place + strlen("127.0.0.1%3A"), NULL, 10) : 0;
}

static int visit_listener(struct town *town, struct browser *browser, struct fl_mcp_auth *auth, struct asking *asking) {
  town_challenge(auth, asking, 401, "Bearer");
  fl_world_sim_run_until(town->world, fl_world_now_ms(town->world) + 100);
  int port = port_of(town->visited);
  assert_true(port > 0);
  FL_FREE_AUTO char *host = fl_format("127.0.0.1:%d", port);
  FL_FREE_AUTO char *stray = fl_format("GET /favicon.ico HTTP/1.1\r\nHost: %s\r\n\r\n", host);
  browse(browser, host, stray);
  fl_world_sim_run_until(town->world, fl_world_now_ms(town->world) + 100);
  assert_non_null(strstr(browser->page.data, "HTTP/1.1 404"));
  const char *state = strstr(town->visited, "&state=") + strlen("&state=");
  FL_FREE_AUTO char *request =
      fl_format("GET /callback?code=c&state=%.*s HTTP/1.1\r\nHost: %s\r\n\r\n", (int)strcspn(state, "&"), state, host);
  browse(browser, host, request);
  assert_int_equal(fl_world_sim_run(town->world), FL_SIM_IDLE);
  assert_non_null(strstr(browser->page.data, "can be closed"));
  assert_int_equal(asking->verdict, FL_MCP_AUTH_RETRY);
  return port;
}

static void the_browser_comes_back_to_a_listener_with_the_same_port(void **state) {
  struct town town = {.is_silent = true};
  struct browser browser = {.town = &town};
  struct asking asking;
  char folder[256];
  snprintf(folder, sizeof folder, "%s/listen", test_folder());
  town_open(&town);
  asking_init(&asking);
  struct fl_mcp_auth *auth = town_auth(&town, folder, "{}");
  int port = visit_listener(&town, &browser, auth, &asking);
  town_expect_headers(&town, auth, &asking, "Bearer at-1-0");
  town_close_auth(&town, auth);
  struct fl_mcp_auth_forget what = {.store_folder = folder};
  size_t count;
  assert_int_equal(fl_mcp_auth_forget(town.world, &what, &count, NULL), 0);
  auth = town_auth(&town, folder, "{}");
  assert_int_equal(visit_listener(&town, &browser, auth, &asking), port);
  assert_int_equal(town.registered, 1);
  town_close_auth(&town, auth);
  fl_buf_deinit(&browser.page);
  asking_deinit(&asking);
  town_close(&town);
}

/* ---- DPoP ---- */

static char *claim_of(const char *proof, const char *name) {
  FL_JWT_AUTO jwt = {0};
  assert_int_equal(fl_jwt_read(fl_slice_of(proof), &jwt, NULL), 0);
  return fl_strdup(fl_get_string(jwt.claims, name, ""));
}

static void every_request_has_its_own_proof(void **state) {
  struct town town = {.wants_dpop = true};
  struct asking asking;
  char folder[256];
  snprintf(folder, sizeof folder, "%s/dpop", test_folder());
  town_open(&town);
  asking_init(&asking);
  struct fl_mcp_auth *auth = town_auth(&town, folder, NULL);
  town_expect_retry(&town, auth, &asking, 401, "DPoP");
  town_expect_headers(&town, auth, &asking, "DPoP at-1-0");
  FL_FREE_AUTO char *first = claim_of(asking.proof, "jti");
  asking.calls = 0;
  fl_mcp_auth_challenge(auth, &asking.request,
                        &(struct fl_mcp_auth_answer){401, "DPoP error=\"use_dpop_nonce\"", "n1"});
  fl_world_sim_run(town.world);
  assert_int_equal(asking.verdict, FL_MCP_AUTH_RETRY);
  town_expect_headers(&town, auth, &asking, "DPoP at-1-0");
  FL_FREE_AUTO char *second = claim_of(asking.proof, "jti");
  FL_FREE_AUTO char *nonce = claim_of(asking.proof, "nonce");
  assert_string_not_equal(first, second);
  assert_string_equal(nonce, "n1");
  assert_int_equal(town.given, 1);
  town_close_auth(&town, auth);
  auth = town_auth(&town, folder, NULL); /* the key is kept with the token */
  town_expect_headers(&town, auth, &asking, "DPoP at-1-0");
  assert_non_null(asking.proof);
  town_close_auth(&town, auth);
  asking_deinit(&asking);
  town_close(&town);
}

/* ---- what is kept ---- */

static void look_at_file(const char *path, const char *name, void *user) {
  struct stat info;
  size_t size;
  char *text = test_read_file(path, &size);
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0600);
  assert_null(memmem(text, size, "at-1-0", 6));
  assert_null(memmem(text, size, "as.test", 7));
  free(text);
  ++*(int *)user;
}

static void what_is_kept_is_sealed(void **state) {
  struct town town = {0};
  struct asking asking;
  struct fl_error err = {0};
  char folder[256], key[300];
  int files = 0;
  snprintf(folder, sizeof folder, "%s/kept", test_folder());
  snprintf(key, sizeof key, "%s/key", folder);
  town_open(&town);
  asking_init(&asking);
  struct fl_mcp_auth *auth = town_auth(&town, folder, NULL);
  town_expect_retry(&town, auth, &asking, 401, "Bearer scope=a");
  town_close_auth(&town, auth);
  test_each_file(folder, ".sealed", look_at_file, &files);
  assert_int_equal(files, 1);
  FL_VALUE_AUTO list = NULL;
  assert_int_equal(fl_mcp_auth_list(town.world, folder, &list, &err), 0);
  assert_int_equal(fl_size(list), 1);
  assert_string_equal(fl_get_string(fl_at(list, 0), "server", ""), SERVER);
  assert_string_equal(fl_get_string(fl_at(list, 0), "issuer", ""), "https://as.test");
  assert_string_equal(fl_get_string(fl_at(list, 0), "scope", ""), "a");
  assert_true(fl_get_bool(fl_at(list, 0), "has_refresh_token", false));
  char *shown = fl_dump(list, NULL);
  assert_null(strstr(shown, "at-1-0"));
  assert_null(strstr(shown, "rt-0"));
  fl_text_free(shown);
  chmod(key, 0644);
  assert_int_equal(fl_mcp_auth_list(town.world, folder, &list, &err), FL_E_DENIED);
  setenv("FAIRLEAD_AUTH_KEY", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", 1);
  assert_int_equal(fl_mcp_auth_list(town.world, folder, &list, &err), FL_E_CORRUPT);
  setenv("FAIRLEAD_AUTH_KEY", "short", 1);
  assert_int_equal(fl_mcp_auth_list(town.world, folder, &list, &err), FL_E_INVALID);
  unsetenv("FAIRLEAD_AUTH_KEY");
  asking_deinit(&asking);
  town_close(&town);
}

static void what_is_kept_can_be_forgotten(void **state) {
  struct town town = {0};
  struct asking asking;
  struct fl_error err = {0};
  char folder[256];
  snprintf(folder, sizeof folder, "%s/forgotten", test_folder());
  town_open(&town);
  asking_init(&asking);
  struct fl_mcp_auth *auth = town_auth(&town, folder, NULL);
  town_expect_retry(&town, auth, &asking, 401, "Bearer scope=a");
  town_close_auth(&town, auth);
  size_t count = 9;
  struct fl_mcp_auth_forget what = {.store_folder = folder, .url = "https://MCP.test:443/mcp"};
  assert_int_equal(fl_mcp_auth_forget(town.world, &what, &count, &err), 0);
  assert_int_equal(count, 1);
  assert_int_equal(fl_mcp_auth_forget(town.world, &what, &count, &err), 0);
  assert_int_equal(count, 0);
  auth = town_auth(&town, folder, NULL);
  town_expect_headers(&town, auth, &asking, "none");
  town_expect_retry(&town, auth, &asking, 401, "Bearer");
  assert_int_equal(town.registered, 1); /* the client stayed */
  town_close_auth(&town, auth);
  asking_deinit(&asking);
  town_close(&town);
}

/* A server that begins to name another issuer does not get the secret of the client that the first one knows. */
static void the_secret_of_a_client_stays_with_its_issuer(void **state) {
  struct town town = {0};
  struct asking asking;
  char folder[256];
  static const char config[] = "{\"client_id\":\"c\",\"client_secret\":\"s\",\"redirect_uri\":\"" BACK "\"}";
  snprintf(folder, sizeof folder, "%s/bound", test_folder());
  town_open(&town);
  asking_init(&asking);
  struct fl_mcp_auth *auth = town_auth(&town, folder, config);
  town_expect_retry(&town, auth, &asking, 401, "Bearer");
  town_expect_headers(&town, auth, &asking, "Bearer at-1-0");
  town.issuer = "https://evil.test";
  town.token_error = "{\"error\":\"invalid_grant\"}", town.token_status = 400; /* the refresh token is used up */
  town_challenge(auth, &asking, 401, "Bearer");
  town_expect_give_up(&town, &asking, FL_E_AUTH, "belongs to the issuer https://as.test");
  town_close_auth(&town, auth);
  auth = town_auth(&town, folder, config); /* nor after a restart */
  town_challenge(auth, &asking, 401, "Bearer");
  town_expect_give_up(&town, &asking, FL_E_AUTH, "belongs to the issuer https://as.test");
  town_close_auth(&town, auth);
  asking_deinit(&asking);
  town_close(&town);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_browser_comes_back_to_a_listener_with_the_same_port),
      cmocka_unit_test(every_request_has_its_own_proof),
      cmocka_unit_test(what_is_kept_is_sealed),
      cmocka_unit_test(what_is_kept_can_be_forgotten),
      cmocka_unit_test(the_secret_of_a_client_stays_with_its_issuer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

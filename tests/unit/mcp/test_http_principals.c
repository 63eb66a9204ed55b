/* SPDX-License-Identifier: MIT */
/* Two principals on one server over HTTP, with tokens that the guard reads: what belongs to one (sessions, streams and
 * what was missed of them, tasks, sealed states, questions, subscriptions, running calls) is neither seen nor used by
 * the other, whatever the other knows of it; and each attempt of the other's is one that its owner makes with success.
 */
#include "mcp/auth/guard.h"
#include "mcp/auth/jose.h"
#include "mcp/auth/jwt.h"
#include "runtime/base/mem.h"
#include "served_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ISSUER "https://as.test"
#define SECRET "what only alice may read"
enum { NOW_S = 1767225600 }; /* where the simulated world begins */

/* ---- tools ---- */

static struct fl_call *held;
static char note[64];

static int run_whoami(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_text(call, "you are %s.", fl_call_principal(call));
}

/* Ends when the test says so, after it has told something. */
static int run_hold(struct fl_call *call, const struct fl_value *args, void *user) {
  held = call;
  fl_call_log(call, "error", SECRET);
  if (fl_get_bool(args, "close", false)) fl_call_close_stream(call);
  return FL_CALL_PENDING;
}

static int run_ask(struct fl_call *call, const struct fl_value *args, void *user) {
  const char *text = NULL;
  int rc = fl_call_ask_text(call, "name", "Who?", &text);
  if (rc != 0) return rc;
  snprintf(note, sizeof note, "%s for %s", text != NULL ? text : "nobody", fl_call_principal(call));
  return fl_call_return_text(call, "noted");
}

static int run_resource(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_resource_text(call, NULL, "contents");
}

static const struct fl_tool tools[] = {
    {.size = sizeof(struct fl_tool), .name = "whoami", .flags = FL_TOOL_QUICK, .run = run_whoami},
    {.size = sizeof(struct fl_tool),
     .name = "hold",
     .input_schema = "{\"type\":\"object\",\"properties\":{\"close\":{\"type\":\"boolean\"}}}",
     .flags = FL_TOOL_PARALLEL,
     .run = run_hold},
    {.size = sizeof(struct fl_tool), .name = "ask", .flags = FL_TOOL_QUICK, .run = run_ask},
    {.size = sizeof(struct fl_tool), .name = "job", .flags = FL_TOOL_TASK | FL_TOOL_PARALLEL, .run = run_hold},
    {.size = sizeof(struct fl_tool), .name = "ask_job", .flags = FL_TOOL_TASK | FL_TOOL_QUICK, .run = run_ask},
};

static const struct fl_resource resource = {
    .size = sizeof resource, .uri = "notes://one", .name = "one", .flags = FL_TOOL_QUICK, .run = run_resource};

static void release_held(void) {
  struct fl_call *call = held;
  held = NULL;
  if (call == NULL) return;
  fl_call_return_text(call, SECRET);
  fl_call_complete(call);
}

/* ---- who calls ---- */

static struct fl_jose_key *key;

struct caller {
  const char *subject;
  char *authorization;
  char session[40];
};
static struct caller alice = {.subject = "alice"}, bob = {.subject = "bob"};

static char *token_for(const char *subject, const char *client) {
  FL_VALUE_AUTO header = fl_object();
  FL_VALUE_AUTO claims = fl_object();
  FL_BUF_AUTO text = {0};
  fl_set_string(header, "kid", "k");
  fl_set_string(claims, "iss", ISSUER);
  fl_set_string(claims, "aud", "http://localhost/mcp");
  if (subject != NULL) fl_set_string(claims, "sub", subject);
  if (client != NULL) fl_set_string(claims, "client_id", client);
  fl_set_int(claims, "exp", NOW_S + 24 * 3600);
  assert_int_equal(fl_jwt_write(header, claims, key, &text, NULL), 0);
  return fl_format("Authorization: Bearer %s\r\n", text.data);
}

static char *keys_text(void) {
  struct fl_jose_public parts;
  assert_int_equal(fl_jose_key_public(key, &parts, NULL), 0);
  FL_VALUE_AUTO set = fl_object();
  struct fl_value *list = fl_array(), *jwk = fl_jwk_write(&parts);
  fl_set_string(jwk, "kid", "k");
  fl_append_take(list, jwk);
  fl_set_take(set, "keys", list);
  return fl_dump(set, NULL);
}

static struct fl_mcp_guard *guard;

static void up_in(struct fl_world *world, const char *log_path) {
  struct fl_error err = {0};
  char *keys = keys_text();
  const struct fl_mcp_guard_options options = {
      .size = sizeof options, .resource = "http://localhost/mcp", .issuer = ISSUER, .jwks = keys};
  if (fl_mcp_guard_create(world, &options, &guard, &err) < 0) fail_msg("%s", err.text);
  fl_text_free(keys);
  served = (struct served){.tools = tools, .tool_count = sizeof tools / sizeof *tools, .on_closing = release_held};
  served_open_in(world, (struct fl_mcp_http_options){.guard = guard, .origin = "http://localhost"}, log_path);
  assert_int_equal(fl_server_add_resource(served.server, &resource, &err), 0);
}

static void up(void) { up_in(fl_world_sim_create(7), NULL); }

static bool is_guard_closed;
static void on_guard_closed(void *user) { is_guard_closed = true; }

static void down(void) {
  is_guard_closed = false;
  fl_mcp_guard_close(guard, on_guard_closed, NULL);
  served_close(100);
  assert_true(is_guard_closed);
}

/* ---- requests ---- */

/* `more` are lines of the head; a peer that is used again is asked on its connection. */
static void request(struct served_peer *peer, const struct caller *who, const char *more, const char *body) {
  FL_BUF_AUTO fields = {0};
  const char *method = body == NULL ? "GET" : body[0] == '-' ? "DELETE" : "POST";
  fl_buf_addf(&fields, JSON "%s%s", who->authorization, more);
  if (peer->connection == NULL) served_connect(peer);
  fl_buf_clear(&peer->got);
  fl_buf_add_text(&peer->got, "");
  served_send(peer, method, fields.data, body != NULL && body[0] == '-' ? NULL : body);
  served_wait(100);
}

/* The field of a session, whoever it is of. */
static const char *in_session(const struct caller *of) {
  static char fields[128];
  snprintf(fields, sizeof fields, "MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: %s\r\n", of->session);
  return fields;
}

static void begin_session(struct caller *who) {
  struct served_peer peer = {0};
  request(&peer, who, "", INITIALIZE);
  served_check(&peer, 200, "Mcp-Session-Id: ");
  snprintf(who->session, sizeof who->session, "%.32s", strstr(peer.got.data, "Mcp-Session-Id: ") + 16);
  request(&peer, who, in_session(who), "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
  served_check(&peer, 202, "");
  served_free(&peer);
}

#define CALL(tool, more)                                                                                               \
  "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"" tool "\",\"arguments\":{" more "}" \
  "}"                                                                                                                  \
  "}"
#define META                                                                                                      \
  "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                                        \
  "\"io.modelcontextprotocol/clientCapabilities\":{\"elicitation\":{},\"extensions\":{\"io.modelcontextprotocol/" \
  "tasks\":{}}}}"

/* A modern request: `params` are members, each with a comma behind it; `name` is what Mcp-Name says. */
static void modern(struct served_peer *peer, const struct caller *who, const char *method, const char *name,
                   const char *params) {
  FL_FREE_AUTO char *body =
      fl_format("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"%s\",\"params\":{%s" META "}}", method, params);
  FL_FREE_AUTO char *fields = fl_format("MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: %s\r\n%s%s%s", method,
                                        name[0] != '\0' ? "Mcp-Name: " : "", name, name[0] != '\0' ? "\r\n" : "");
  request(peer, who, fields, body);
}

static void expect_modern(const struct caller *who, const char *method, const char *name, const char *params,
                          const char *text) {
  struct served_peer peer = {0};
  modern(&peer, who, method, name, params);
  served_check(&peer, 200, text);
  if (who == &bob) assert_false(served_has(&peer, SECRET));
  served_free(&peer);
}

/* The member of an answer that is a text. */
static char *member_of(const struct served_peer *peer, const char *name) {
  FL_FREE_AUTO char *mark = fl_format("\"%s\":\"", name);
  const char *at = strstr(peer->got.data, mark);
  if (at == NULL) fail_msg("no %s in %s", name, peer->got.data);
  at += strlen(mark);
  return fl_strndup(at, strcspn(at, "\""));
}

/* ---- sessions and streams ---- */

/* Each row is refused to the other and done for its owner. */
static const struct {
  const char *what, *more, *body;
  int status;
  const char *text;
} SESSION_ROWS[] = {
    {"call", "", CALL("whoami", ""), 200, "you are " ISSUER "|alice."},
    {"list", "", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}", 200, "whoami"},
    {"subscribe", "",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/subscribe\",\"params\":{\"uri\":\"notes://one\"}}", 200,
     "result"},
    {"log level", "", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"logging/setLevel\",\"params\":{\"level\":\"error\"}}",
     200, "result"},
    {"cancel", "", "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":99}}", 202,
     ""},
    {"answer", "", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"action\":\"accept\"}}", 202, ""},
    {"the stream", "", NULL, 200, "text/event-stream"},
    {"the stream from the beginning", "Last-Event-ID: 0_0\r\n", NULL, 200, "text/event-stream"},
    {"the end", "", "-", 204, ""},
};

static void a_session_is_its_principals(void **state) {
  up();
  for (size_t i = 0; i < sizeof SESSION_ROWS / sizeof *SESSION_ROWS; i++) {
    begin_session(&alice);
    begin_session(&bob);
    FL_FREE_AUTO char *fields = fl_format("%s%s", in_session(&alice), SESSION_ROWS[i].more);
    struct served_peer other = {0}, own = {0};
    request(&other, &bob, fields, SESSION_ROWS[i].body);
    served_check(&other, 404, "no such session");
    request(&own, &alice, fields, SESSION_ROWS[i].body);
    served_check(&own, SESSION_ROWS[i].status, SESSION_ROWS[i].text);
    served_free(&other);
    served_free(&own);
  }
  down();
}

static void last_event_id(const struct served_peer *peer, char ret_id[32]) {
  const char *last = NULL;
  for (const char *at = peer->got.data; (at = strstr(at, "id: ")) != NULL; at++) last = at + 4;
  assert_non_null(last);
  snprintf(ret_id, 32, "%.*s", (int)strcspn(last, "\n"), last);
}

/* With the other's session, and with the number of a stream alone: numbers are small, and the same in each session. */
static void what_was_missed_is_its_principals(void **state) {
  up();
  begin_session(&alice);
  begin_session(&bob);
  struct served_peer first = {0}, own = {0};
  char id[32];
  request(&first, &alice, in_session(&alice), CALL("hold", "\"close\":true"));
  served_check(&first, 200, SECRET);
  last_event_id(&first, id);
  release_held();
  served_wait(100);
  FL_FREE_AUTO char *missed = fl_format("%sLast-Event-ID: %s\r\n", in_session(&alice), id);
  FL_FREE_AUTO char *guessed = fl_format("%sLast-Event-ID: %s\r\n", in_session(&bob), id);
  const char *attempts[] = {missed, guessed};
  for (int i = 0; i < 2; i++) {
    struct served_peer other = {0};
    request(&other, &bob, attempts[i], NULL);
    assert_int_equal(served_status(&other), i == 0 ? 404 : 200);
    assert_false(served_has(&other, SECRET));
    served_free(&other);
  }
  request(&own, &alice, missed, NULL);
  served_check(&own, 200, SECRET);
  served_free(&own);
  served_free(&first);
  down();
}

static void a_session_that_is_read_again_is_its_principals(void **state) {
  char path[] = "/tmp/fairlead-principals-XXXXXX";
  int fd = mkstemp(path);
  close(fd);
  unlink(path);
  up_in(fl_world_sim_create(7), path);
  begin_session(&alice);
  struct served_peer first = {0};
  char id[32];
  request(&first, &alice, in_session(&alice), CALL("hold", "\"close\":true"));
  last_event_id(&first, id);
  served_free(&first);
  down();
  up_in(fl_world_sim_create(8), path);
  FL_FREE_AUTO char *missed = fl_format("%sLast-Event-ID: %.*s_0\r\n", in_session(&alice), (int)strcspn(id, "_"), id);
  const char *bodies[] = {NULL, CALL("whoami", ""), "-"};
  for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
    struct served_peer other = {0};
    request(&other, &bob, missed, bodies[i]);
    served_check(&other, 404, "no such session");
    served_free(&other);
  }
  struct served_peer own = {0};
  request(&own, &alice, missed, NULL);
  served_check(&own, 200, SECRET);
  served_free(&own);
  down();
  unlink(path);
}

/* ---- calls ---- */

static void calls_on_one_connection_are_each_their_callers(void **state) {
  up();
  struct served_peer peer = {0};
  for (int i = 0; i < 6; i++) {
    const struct caller *who = i % 2 == 0 ? &alice : &bob;
    modern(&peer, who, "tools/call", "whoami", "\"name\":\"whoami\",");
    FL_FREE_AUTO char *text = fl_format("you are " ISSUER "|%s.", who->subject);
    served_check(&peer, 200, text);
  }
  struct caller nobody = {.authorization = (char[]){""}}; /* after one with a token */
  modern(&peer, &nobody, "tools/call", "whoami", "\"name\":\"whoami\",");
  served_check(&peer, 401, "WWW-Authenticate");
  served_free(&peer);
  down();
}

/* The same id, in both eras: the other's calls and cancels are the other's. */
static void a_running_call_is_not_cancelled_by_another(void **state) {
  static const char cancel[] =
      "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":7," META "}}";
  for (int is_legacy = 0; is_legacy < 2; is_legacy++) {
    up();
    begin_session(&alice);
    begin_session(&bob);
    struct served_peer own = {0}, other = {0};
    if (is_legacy) request(&own, &alice, in_session(&alice), CALL("hold", ""));
    else modern(&own, &alice, "tools/call", "hold", "\"name\":\"hold\",");
    assert_non_null(held);
    request(&other, &bob, "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: notifications/cancelled\r\n", cancel);
    served_check(&other, 202, "");
    request(&other, &bob, in_session(&bob), cancel);
    served_check(&other, 202, "");
    modern(&other, &bob, "tools/call", "whoami", "\"name\":\"whoami\",");
    served_check(&other, 200, "|bob.");
    assert_false(fl_call_is_cancelled(held));
    release_held();
    served_wait(100);
    served_check(&own, 200, SECRET);
    assert_false(served_has(&other, SECRET));
    served_free(&own);
    served_free(&other);
    down();
  }
}

/* ---- states and tasks ---- */

#define ANSWER "{\"name\":{\"action\":\"accept\",\"content\":{\"text\":\"Ada\"}}}"

static void a_sealed_state_is_its_principals(void **state) {
  up();
  struct served_peer asked = {0};
  modern(&asked, &alice, "tools/call", "ask", "\"name\":\"ask\",");
  served_check(&asked, 200, "input_required");
  FL_FREE_AUTO char *sealed = member_of(&asked, "requestState");
  FL_FREE_AUTO char *params =
      fl_format("\"name\":\"ask\",\"requestState\":\"%s\",\"inputResponses\":" ANSWER ",", sealed);
  note[0] = '\0';
  expect_modern(&bob, "tools/call", "ask", params, "Invalid requestState");
  assert_string_equal(note, "");
  expect_modern(&alice, "tools/call", "ask", params, "noted");
  assert_non_null(strstr(note, " for " ISSUER "|alice"));
  served_free(&asked);
  down();
}

static char *begin_task(const struct caller *who, const char *tool) {
  struct served_peer peer = {0};
  FL_FREE_AUTO char *params = fl_format("\"name\":\"%s\",", tool);
  modern(&peer, who, "tools/call", tool, params);
  served_check(&peer, 200, "\"resultType\":\"task\"");
  char *id = member_of(&peer, "taskId");
  served_free(&peer);
  return id;
}

static void a_task_is_its_principals(void **state) {
  static const struct {
    const char *method, *more;
  } attempts[] = {{"tasks/get", ""}, {"tasks/update", ",\"inputResponses\":" ANSWER}, {"tasks/cancel", ""}};
  up();
  FL_FREE_AUTO char *asking = begin_task(&alice, "ask_job");
  FL_FREE_AUTO char *working = begin_task(&alice, "job");
  const char *ids[] = {asking, working};
  note[0] = '\0';
  for (size_t i = 0; i < 6; i++) {
    FL_FREE_AUTO char *params = fl_format("\"taskId\":\"%s\"%s,", ids[i / 3], attempts[i % 3].more);
    expect_modern(&bob, attempts[i % 3].method, ids[i / 3], params, "Unknown task");
  }
  assert_string_equal(note, "");
  assert_false(fl_call_is_cancelled(held));
  FL_FREE_AUTO char *answer = fl_format("\"taskId\":\"%s\",\"inputResponses\":" ANSWER ",", asking);
  FL_FREE_AUTO char *get = fl_format("\"taskId\":\"%s\",", working);
  expect_modern(&alice, "tasks/update", asking, answer, "result");
  assert_non_null(strstr(note, " for " ISSUER "|alice"));
  release_held();
  served_wait(100);
  expect_modern(&bob, "tasks/get", working, get, "Unknown task");
  expect_modern(&alice, "tasks/get", working, get, SECRET);
  down();
}

/* ---- subscriptions ---- */

#define LISTEN "\"notifications\":{\"resourceSubscriptions\":[\"notes://one\"]},"

/* Who did not subscribe hears nothing; that another's ends or begins with the same id changes nothing. */
static void a_subscription_is_its_principals(void **state) {
  up();
  begin_session(&alice);
  begin_session(&bob);
  struct served_peer own = {0}, other = {0}, old = {0}, twin = {0};
  modern(&own, &alice, "subscriptions/listen", "", LISTEN);
  served_check(&own, 200, "acknowledged");
  modern(&other, &bob, "subscriptions/listen", "", "\"notifications\":{},");
  modern(&twin, &bob, "subscriptions/listen", "", LISTEN);
  served_check(&twin, 200, "acknowledged"); /* the same id as alice's */
  served_free(&twin);
  request(&old, &bob, in_session(&bob), NULL);
  fl_server_resource_updated(served.server, "notes://one");
  served_wait(100);
  served_check(&own, 200, "notifications/resources/updated");
  assert_false(served_has(&other, "resources/updated"));
  assert_false(served_has(&old, "resources/updated"));
  served_free(&own);
  served_free(&other);
  served_free(&old);
  down();
}

/* ---- names ---- */

/* A client without a person is nobody whose subject looks like it, and no subject is two lines. */
static void principals_are_told_apart(void **state) {
  static const struct {
    const char *subject, *client, *told;
  } rows[] = {
      {"alice", NULL, "|alice."},
      {"alice", "robot", "|alice."},
      {NULL, "robot", "|client:robot."},
      {"client:robot", NULL, "|sub:client:robot."},
      {"sub:client:robot", NULL, "|sub:sub:client:robot."},
      {"alice\n", NULL, NULL},
      {"alice\nbob", NULL, NULL},
      {NULL, "\x01", NULL},
      {"", NULL, NULL},
  };
  up();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct caller who = {.authorization = token_for(rows[i].subject, rows[i].client)};
    struct served_peer peer = {0};
    modern(&peer, &who, "tools/call", "whoami", "\"name\":\"whoami\",");
    if (rows[i].told != NULL) served_check(&peer, 200, rows[i].told);
    else served_check(&peer, 401, "invalid_token");
    served_free(&peer);
    fl_free(who.authorization);
  }
  down();
}

static int make_tokens(void **state) {
  struct fl_error err = {0};
  if (fl_jose_generate(FL_JOSE_ES256, &key, &err) < 0) fail_msg("%s", err.text);
  alice.authorization = token_for(alice.subject, NULL);
  bob.authorization = token_for(bob.subject, NULL);
  return 0;
}

static int free_tokens(void **state) {
  fl_free(alice.authorization);
  fl_free(bob.authorization);
  fl_jose_key_destroy(key);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests_here[] = {
      cmocka_unit_test(a_session_is_its_principals),
      cmocka_unit_test(what_was_missed_is_its_principals),
      cmocka_unit_test(a_session_that_is_read_again_is_its_principals),
      cmocka_unit_test(calls_on_one_connection_are_each_their_callers),
      cmocka_unit_test(a_running_call_is_not_cancelled_by_another),
      cmocka_unit_test(a_sealed_state_is_its_principals),
      cmocka_unit_test(a_task_is_its_principals),
      cmocka_unit_test(a_subscription_is_its_principals),
      cmocka_unit_test(principals_are_told_apart),
  };
  return cmocka_run_group_tests(tests_here, make_tokens, free_tokens);
}

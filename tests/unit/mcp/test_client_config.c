/* SPDX-License-Identifier: MIT */
/* A server's entry, and the environment that a server gets. */
#include "mcp/client_source.h"
#include "mcp/client_env.h"
#include "runtime/base/mem.h"
#include "runtime/io/world_sim.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>

static void secrets_are_told_by_their_names(void **state) {
  static const char *const secret[] = {
      "OPENAI_API_KEY=x", "ANTHROPIC_API_KEY=",      "GITHUB_TOKEN=y",      "API_KEY=z",      "TOKEN=a",
      "DB_PASSWORD=b",    "AWS_SECRET_ACCESS_KEY=c", "DJANGO_SECRET_KEY=d", "CLIENT_SECRET=e"};
  static const char *const plain[] = {"PATH=/bin",        "HOME=/",           "MONKEY=1",       "TOKENS=2", "KEY=3",
                                      "PATH_TOKENIZER=4", "X=OPENAI_API_KEY", "API_KEY_FILE=5", "BROKEN"};
  for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++)
    if (!fl_mcp_is_secret_name(secret[i])) fail_msg("%s", secret[i]);
  for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
    if (fl_mcp_is_secret_name(plain[i])) fail_msg("%s", plain[i]);
}

static void an_entry_overrides_and_may_name_a_secret(void **state) {
  const char *const inherited[] = {"A=1", "B=2", "MY_TOKEN=ours", NULL}, *const own[] = {"B=3", "MY_TOKEN=given", NULL};
  char **env = fl_mcp_env_make(inherited, own);
  assert_string_equal(env[0], "A=1");
  assert_string_equal(env[1], "B=3");
  assert_string_equal(env[2], "MY_TOKEN=given");
  assert_null(env[3]);
  fl_mcp_env_free(env);
  env = fl_mcp_env_make(inherited, NULL);
  assert_string_equal(env[1], "B=2");
  assert_null(env[2]);
  fl_mcp_env_free(env);
}

static void a_sandbox_sees_what_was_named(void **state) {
  const char *const inherited[] = {"PATH=/bin", "A=1", "LANG=C", "MY_TOKEN=ours", NULL};
  const char *const own[] = {"A=2", "B=3", NULL}, *const names[] = {"A", "MY_TOKEN", "ABSENT", NULL};
  char **env = fl_mcp_env_pick(inherited, own, names);
  assert_string_equal(env[0], "PATH=/bin");
  assert_string_equal(env[1], "A=2");
  assert_string_equal(env[2], "MY_TOKEN=ours"); /* by its name, on purpose */
  assert_null(env[3]);
  fl_mcp_env_free(env);
  env = fl_mcp_env_pick(inherited, own, NULL);
  assert_string_equal(env[0], "PATH=/bin");
  assert_null(env[1]);
  fl_mcp_env_free(env);
  env = fl_mcp_env_pick(inherited, (const char *const[]){"PATH=/own", NULL}, (const char *const[]){"PATH", NULL});
  assert_string_equal(env[0], "PATH=/own");
  assert_null(env[1]);
  fl_mcp_env_free(env);
}

/* What the process was really started with. */
static char seen[1000];
static void on_start(struct fl_sim_peer *peer) {
  const char *const *argv = fl_sim_peer_argv(peer);
  for (size_t i = 0; argv[i] != NULL; i++) snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s ", argv[i]);
  const char *key = fl_sim_peer_env(peer, "GIVEN_API_KEY"), *leaked = fl_sim_peer_env(peer, "OURS_API_KEY");
  snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "| %s %s", key != NULL ? key : "-",
           leaked != NULL ? leaked : "-");
  fl_sim_exit(peer, 0, 0);
}
static void on_ready(struct fl_tool_source *source, int status, const struct fl_error *err) {}
static void on_closed(struct fl_tool_source *source) {}

static int from(struct fl_world *world, const char *text, struct fl_tool_source **ret_source, struct fl_error *err) {
  FL_VALUE_AUTO entry = NULL;
  assert_int_equal(fl_parse(text, strlen(text), &entry, NULL), 0);
  return fl_mcp_client_from_config(world, &(struct fl_mcp_client_entry){"s", entry, "/graphs"}, ret_source, err);
}

static void an_entry_becomes_a_process(void **state) {
  static const char *const rows[][3] = {
      {"{\"command\":\"peer\",\"args\":[\"-x\",\"./y\"],\"env\":{\"GIVEN_API_KEY\":\"k\"}}", "peer",
       "peer -x ./y | k -"},
      {"{\"command\":\"./peer\"}", "/graphs/./peer", "/graphs/./peer | - -"},
      {"{\"command\":\"/bin/peer\",\"cwd\":\"sub\"}", "/bin/peer", "/bin/peer | - -"},
  };
  setenv("OURS_API_KEY", "leaked", 1);
  for (size_t i = 0; i < 3; i++) {
    struct fl_world *world = fl_world_sim_create(1);
    struct fl_sim_program program = {.name = rows[i][1], .on_start = on_start};
    struct fl_tool_source *source;
    struct fl_error err = {0};
    fl_world_sim_program(world, &program);
    if (from(world, rows[i][0], &source, &err) != 0) fail_msg("%s", err.text);
    source->on_ready = on_ready;
    source->on_closed = on_closed;
    seen[0] = '\0';
    source->ops->open(source);
    fl_world_sim_run_until(world, 1);
    source->ops->close(source);
    fl_world_sim_run(world);
    source->ops->destroy(source);
    fl_world_destroy(world);
    if (strncmp(seen, rows[i][2], strlen(rows[i][2])) != 0) fail_msg("%s: %s", rows[i][0], seen);
  }
}

/* What the server was really asked. */
static void on_request(struct fl_sim_exchange *exchange) {
  const char *given = fl_sim_request_header(exchange, "Authorization");
  snprintf(seen, sizeof seen, "%s %s %s", fl_sim_request_method(exchange), fl_sim_request_url(exchange),
           given != NULL ? given : "-");
  fl_sim_respond(exchange, 0, 503, NULL);
  fl_sim_finish(exchange, 0);
}

static void an_entry_becomes_a_url_with_headers(void **state) {
  struct fl_world *world = fl_world_sim_create(1);
  struct fl_sim_server server = {.url_prefix = "https://tools.test/", .on_request = on_request};
  struct fl_tool_source *source;
  struct fl_error err = {0};
  fl_world_sim_server(world, &server);
  const char *entry = "{\"url\":\"HTTPS://tools.test/mcp\",\"headers\":{\"Authorization\":\"Bearer k\"}}";
  if (from(world, entry, &source, &err) != 0) fail_msg("%s", err.text);
  source->on_ready = on_ready;
  source->on_closed = on_closed;
  source->ops->open(source);
  fl_world_sim_run(world);
  assert_string_equal(seen, "POST https://tools.test/mcp Bearer k");
  source->ops->close(source);
  fl_world_sim_run(world);
  source->ops->destroy(source);
  fl_world_destroy(world);
}

static void wrong_entries_are_explained(void **state) {
  static const struct {
    const char *entry;
    int status;
    const char *text;
  } rows[] = {
      {"7", FL_E_INVALID, "mcpServers/s must be an object"},
      {"{}", FL_E_INVALID, "mcpServers/s: \"command\" is missing"},
      {"{\"command\":\"\"}", FL_E_INVALID, "\"command\" is missing"},
      {"{\"command\":\"x\",\"args\":\"y\"}", FL_E_INVALID, "\"args\" must be an array"},
      {"{\"command\":\"x\",\"args\":[\"y\",1]}", FL_E_INVALID, "mcpServers/s/args/1 must be a string"},
      {"{\"command\":\"x\",\"env\":[]}", FL_E_INVALID, "\"env\" must be an object"},
      {"{\"command\":\"x\",\"env\":{\"A\":\"1\",\"B\":2}}", FL_E_INVALID, "mcpServers/s/env/B must be a string"},
      {"{\"command\":\"x\",\"cwd\":1}", FL_E_INVALID, "\"cwd\" must be a string"},
      {"{\"url\":1}", FL_E_INVALID, "mcpServers/s: \"url\" must be a string"},
      {"{\"url\":\"ftp://x\"}", FL_E_INVALID, "server s: "},
      {"{\"url\":\"http://x\",\"command\":\"y\"}", FL_E_INVALID, "has a \"command\" and a \"url\""},
      {"{\"url\":\"http://x\",\"headers\":[]}", FL_E_INVALID, "\"headers\" must be an object"},
      {"{\"url\":\"http://x\",\"headers\":{\"A\":1}}", FL_E_INVALID, "mcpServers/s/headers/A must be a string"},
      {"{\"url\":\"http://x\",\"headers\":{\"A\":\"x\\r\\nB: y\"}}", FL_E_INVALID, "on one line"},
  };
  struct fl_world *world = fl_world_sim_create(1);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fl_tool_source *source;
    struct fl_error err;
    assert_int_equal(from(world, rows[i].entry, &source, &err), rows[i].status);
    if (strstr(err.text, rows[i].text) == NULL) fail_msg("%s: %s", rows[i].entry, err.text);
  }
  struct fl_tool_source *source;
  struct fl_error err;
  struct fl_mcp_client_options options = {
      .size = sizeof options, .name = "s", .argv = (const char *const[]){"x", NULL}, .era = "future"};
  assert_int_equal(fl_mcp_client_create(world, &options, &source, &err), FL_E_INVALID);
  assert_non_null(strstr(err.text, "\"modern\" or \"legacy\""));
  fl_world_destroy(world);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(secrets_are_told_by_their_names), cmocka_unit_test(an_entry_overrides_and_may_name_a_secret),
      cmocka_unit_test(an_entry_becomes_a_process),      cmocka_unit_test(an_entry_becomes_a_url_with_headers),
      cmocka_unit_test(wrong_entries_are_explained),     cmocka_unit_test(a_sandbox_sees_what_was_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* The one way out of a sandbox: a tool in a network of its own, our proxy, and a server that echoes. Where the machine
 * allows no namespaces, there is no way out, and that is said. */
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/io/listener.h"
#include "tests/support/support.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct fl_world *world;
static struct fl_listener listener;
static struct fl_buf out, errors;
static int connection_count;
static bool has_namespaces;

/* ---- the server ---- */

static void on_data(struct fl_stream *stream, fl_slice data) { fl_stream_write(stream, data); }

static void on_closed(struct fl_stream *stream) { fl_free(stream); }
static void on_end(struct fl_stream *stream, int status) { fl_stream_close(stream, on_closed); }

static void on_connection(struct fl_listener *from) {
  struct fl_stream *stream = fl_new(struct fl_stream);
  *stream = (struct fl_stream){.on_data = on_data, .on_end = on_end};
  connection_count++;
  assert_int_equal(fl_listener_accept(from, stream), 0);
}

/* ---- the tool ---- */

static void on_stdout(struct fl_process *process, fl_slice data) { fl_buf_add(&out, data.data, data.size); }
static void on_stderr(struct fl_process *process, fl_slice data) { fl_buf_add(&errors, data.data, data.size); }
static void on_exit_tool(struct fl_process *process, int exit_status, int term_signal) {
  fl_listener_close(&listener, NULL);
}

/* "%d" in the policy and "PORT" as a word are the port of the server. */
static const char *run(const char *policy, const char *const *words) {
  char program[600], lines[600], port[8];
  struct fl_error err = {0};
  world = fl_world_uv_create(NULL);
  const struct fl_listener_options options = {.size = sizeof options, .address = "127.0.0.1"};
  listener = (struct fl_listener){.on_connection = on_connection};
  assert_int_equal(fl_listener_open(world, &listener, &options, &err), 0);
  snprintf(program, sizeof program, "%s/tests/unit/io/io-tunneller", getenv("FL_BUILD_ROOT"));
  snprintf(port, sizeof port, "%u", listener.port);
  FL_FREE_AUTO char *text = fl_format("%s%s%s", policy, policy[0] != '\0' ? port : "", policy[0] != '\0' ? "\n" : "");
  snprintf(lines, sizeof lines, "sandbox 1\n%s", text);
  const char *argv[6] = {program};
  for (size_t i = 0; words[i] != NULL; i++) argv[i + 1] = strcmp(words[i], "PORT") == 0 ? port : words[i];
  struct fl_process process = {.on_stdout = on_stdout, .on_stderr = on_stderr, .on_exit = on_exit_tool};
  const struct fl_process_options starting = {.size = sizeof starting, .argv = argv, .policy = lines};
  fl_buf_clear(&out);
  fl_buf_clear(&errors);
  fl_buf_add_text(&out, "");
  fl_buf_add_text(&errors, "");
  connection_count = 0;
  assert_int_equal(fl_process_start(world, &process, &starting, &err), 0);
  fl_world_run(world);
  fl_world_destroy(world);
  return out.size > 0 ? out.data : "";
}

#define RUN(policy, ...) run((policy), (const char *const[]){__VA_ARGS__, NULL})

static void what_is_granted_is_reached(void **state) {
  if (!has_namespaces) skip();
  assert_string_equal(RUN("host localhost:", "localhost", "PORT", "5"), "200 same\n");
  assert_int_equal(connection_count, 1);
  assert_string_equal(RUN("host 127.0.0.1:", "127.0.0.1", "PORT", "100000"), "200 same\n");
}

static void megabytes_pass_both_ways(void **state) {
  if (!has_namespaces) skip();
  assert_string_equal(RUN("host localhost:", "LOCALHOST.", "PORT", "20000000"), "200 same\n");
}

static void what_is_not_granted_is_refused(void **state) {
  if (!has_namespaces) skip();
  assert_string_equal(RUN("host localhost:", "localhost", "1", "5"), "403\n");
  assert_string_equal(RUN("host localhost:", "127.0.0.1", "PORT", "5"), "403\n");
  assert_string_equal(RUN("host localhost:", "example.invalid", "PORT", "5"), "403\n");
  assert_string_equal(RUN("host localhost:", "127.1", "PORT", "5"), "400\n");
  assert_int_equal(connection_count, 0);
}

/* A name that was granted, and leads home: this machine's own, where it has one. */
static void private_addresses_behind_names_are_refused(void **state) {
  char name[200], policy[256];
  struct addrinfo *found = NULL;
  if (!has_namespaces || gethostname(name, sizeof name) != 0 || getaddrinfo(name, NULL, NULL, &found) != 0) skip();
  freeaddrinfo(found);
  snprintf(policy, sizeof policy, "host %s:", name);
  const char *told = RUN(policy, name, "PORT", "5");
  if (strcmp(told, "403\n") != 0) fail_msg("%s: %s", name, told);
  assert_int_equal(connection_count, 0);
}

static void nobody_there_is_said(void **state) {
  if (!has_namespaces) skip();
  assert_string_equal(RUN("host localhost:1\nhost localhost:", "localhost", "1", "5"), "502\n");
}

static void there_is_no_other_way_out(void **state) {
  assert_string_equal(RUN("", "direct", "x", "PORT"), "refused\n");
  assert_string_equal(RUN("", "localhost", "PORT", "5"), "no proxy\n");
  assert_string_equal(RUN("without namespaces\nhost localhost:", "direct", "x", "PORT"), "refused\n");
  assert_string_equal(RUN("without namespaces\nhost localhost:", "localhost", "PORT", "5"), "no proxy\n");
  assert_int_equal(connection_count, 0);
  if (!has_namespaces) skip();
  assert_string_equal(RUN("host localhost:", "direct", "x", "PORT"), "refused\n");
  assert_string_equal(RUN("without seccomp\nhost localhost:", "direct", "x", "PORT"), "refused\n");
  assert_string_equal(RUN("without landlock\nhost localhost:", "direct", "x", "PORT"), "refused\n");
  assert_int_equal(connection_count, 0);
}

static int find_namespaces(void **state) {
  RUN("host localhost:", "localhost", "1", "5");
  has_namespaces = strstr(errors.data, "namespaces") == NULL;
  return 0;
}

static int clear(void **state) {
  fl_buf_deinit(&out);
  fl_buf_deinit(&errors);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_granted_is_reached),     cmocka_unit_test(megabytes_pass_both_ways),
      cmocka_unit_test(what_is_not_granted_is_refused), cmocka_unit_test(private_addresses_behind_names_are_refused),
      cmocka_unit_test(nobody_there_is_said),           cmocka_unit_test(there_is_no_other_way_out),
  };
  return cmocka_run_group_tests(tests, find_namespaces, clear);
}

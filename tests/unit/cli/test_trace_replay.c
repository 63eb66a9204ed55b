/* SPDX-License-Identifier: MIT */
/* fairlead trace replay: what of a run is answered out of its thread, and what is told when it comes out otherwise. */
#include "rig.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a server that answers once ---- */

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n"
                             "Connection: close\r\n\r\n{\"n\":7}";

static void answer_once(int listener) {
  char request[4096];
  alarm(30);
  int fd = accept(listener, NULL, NULL);
  ssize_t got = fd >= 0 ? read(fd, request, sizeof request) : -1;
  _exit(got > 0 && write(fd, answer, sizeof answer - 1) == (ssize_t)sizeof answer - 1 ? 0 : 1);
}

/* Its port; it ends after one answer. */
static int serve_once(pid_t *ret_pid) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
  assert_int_equal(listen(listener, 1), 0);
  assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
  *ret_pid = fork();
  assert_true(*ret_pid >= 0);
  if (*ret_pid == 0) answer_once(listener);
  close(listener);
  return ntohs(address.sin_port);
}

/* ---- the graph ---- */

static const char doors[] =
    "fairlead: 1\nname: doors\nhttp: { allow: [ \"http://127.0.0.1:%d\" ] }\n"
    "state:\n  page: {}\n  sums: { reducer: append }\n  each: { reducer: append }\n"
    "  total: { reducer: sum, type: integer, default: 1 }\n  verdict: {}\n  answer: {}\n  item: {}\n"
    "models: { main: { provider: scripted, script: replay-script.yaml } }\n"
    "effects: { \"builtin/*\": read }\n"
    "nodes:\n"
    "  fetch: { type: http, url: \"'http://127.0.0.1:%d/'\", write: page }\n"
    "  judge: { type: judge, value: state.page.body, criteria: Is it good?, choices: [yes, no], write: verdict }\n"
    "  calc: { type: tool, tool: builtin/calculator, args: { expression: \"'2+3'\" }, write: sums }\n"
    "  keep: { type: memory, op: put, namespace: \"['a']\", key: \"'k'\", value: \"{'v': 1}\" }\n"
    "  one: { type: tool, tool: builtin/calculator, args: { expression: state.x }, write: each }\n"
    "  recall: { type: memory, op: get, namespace: \"['a']\", key: \"'k'\", write: item }\n"
    "  ask: { type: interrupt, value: \"{'question': 'ok?'}\", resume: answer }\n"
    "  beside: { type: tool, tool: builtin/calculator, args: { expression: \"'40+2'\" }, write: sums }\n"
    "  end: { type: set, write: { total: size(state.answer) } }\n"
    "edges:\n  - START -> fetch -> judge -> calc -> keep\n"
    "  - { from: keep, send: { to: one, for: \"['1+1', '2+2', '3+3']\", as: x } }\n"
    "  - one -> recall\n  - recall -> ask\n  - recall -> beside\n  - { from: [ask, beside], to: end }\n  - end -> "
    "END\n";
static const char script[] = "replies:\n  - text: '{\"reason\":\"it is 7\",\"choice\":\"yes\"}'\n";

static void take_ids(const char *lines, char ret_newest[64], char ret_oldest[64]) {
  for (const char *at = lines; (at = strstr(at, "\"run_id\":\"")) != NULL; at += 10) {
    char *place = at == strstr(lines, "\"run_id\":\"") ? ret_newest : ret_oldest;
    snprintf(place, 64, "%.36s", at + 10);
  }
}

/* With one text in the place of another; empty texts: as it is. */
static void write_doors(int port, const char *old, const char *new) {
  FL_FREE_AUTO char *text = fl_format(doors, port, port);
  char *at = strstr(text, old);
  assert_non_null(at);
  FL_FREE_AUTO char *changed = fl_format("%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
  rig_write("replay-doors.yaml", changed);
}

/* ---- the tests ---- */

static void what_the_world_said_is_taken_from_the_thread(void **state) {
  struct caught caught = {0};
  char resumed[64] = "", begun[64] = "";
  pid_t server;
  int port = serve_once(&server), status = -1;
  write_doors(port, "", "");
  rig_write("replay-script.yaml", script);
  RUN(3, "run $F/replay-doors.yaml -t doors -i {}");
  assert_int_equal(waitpid(server, &status, 0), server);
  assert_int_equal(status, 0); /* and nobody listens there any more */
  RUN(0, "run $F/replay-doors.yaml -t doors --resume '\"fine\"'");
  rig_write("replay-script.yaml", "replies:\n  - when: { user: nothing }\n    text: no\n");
  RUN(0, "trace list --thread doors --json");
  take_ids(caught.out, resumed, begun);
  RUN(0, "trace replay %s", begun);
  assert_string_equal(caught.out, "the same: 6 supersteps, with the answers that the thread holds\n");
  RUN(0, "trace replay %s", resumed);
  assert_string_equal(caught.out, "the same: 2 supersteps, with the answers that the thread holds\n");

  write_doors(port, "'2+3'", "'2+4'");
  RUN(1, "trace replay %s", begun);
  assert_says(caught.out, "step 3 \n");
  assert_says(caught.out, "builtin/calculator is called with other arguments than then: {\"expression\":\"2+4\"}");
  write_doors(port, "[yes, no]", "[good, bad]");
  RUN(1, "trace replay %s", begun);
  assert_says(caught.out, "step 2 \n");
  assert_says(caught.out, "the replay ended with: ");
  write_doors(port, "resume: answer", "resume: item");
  RUN(1, "trace replay %s", resumed);
  assert_says(caught.out, "step 7 answer\n  then: \"fine\"\n  now:  null\n");
  write_doors(port, "size(state.answer)", "size(state.answer) + 1");
  RUN(1, "trace replay %s", resumed);
  assert_says(caught.out, "step 8 total\n  then: 5\n  now:  6\n");
  caught_deinit(&caught);
}

static void who_approved_is_not_asked_again(void **state) {
  struct caught caught = {0};
  char resumed[64] = "", begun[64] = "";
  rig_write("replay-manifest.yaml", "manifest: 1\nid: asks\ntools:\n  - { match: builtin/calculator, approval: {} }\n");
  rig_write("replay-asks.yaml",
            "fairlead: 1\nname: asks\nmanifest: replay-manifest.yaml\nstate: { sum: {} }\n"
            "nodes: { calc: { type: tool, tool: builtin/calculator, args: { expression: \"'2+3'\" }, write: sum } }\n"
            "edges: [ START -> calc -> END ]\n");
  RUN(3, "run $F/replay-asks.yaml -t asks -i {} --json");
  const char *at = strstr(caught.out, "\"code\":\"");
  assert_non_null(at);
  FL_FREE_AUTO char *code = fl_strndup(at + 8, strcspn(at + 8, "\""));
  RUN(0, "run $F/replay-asks.yaml -t asks --as me --resume '{\"action\":\"approve\",\"code\":\"%s\"}'", code);
  RUN(0, "trace list --thread asks --json");
  take_ids(caught.out, resumed, begun);
  RUN(0, "trace replay %s", resumed);
  assert_string_equal(caught.out, "the same: 1 superstep, with the answers that the thread holds\n");
  caught_deinit(&caught);
}

/* An agent that calls two tools, one after the other, in a graph inside. */
static void a_graph_inside_is_answered_out_of_its_messages(void **state) {
  struct caught caught = {0};
  char run[64] = "", before[64] = "";
  rig_write("replay-inner.yaml",
            "fairlead: 1\nname: inner\nmodels: { main: { provider: scripted, script: replay-script.yaml } }\n"
            "state: { messages: { reducer: messages } }\neffects: { \"builtin/*\": read }\n"
            "graphs:\n  team:\n    state: { messages: { reducer: messages } }\n"
            "    nodes: { agent: { type: react, tools: [builtin/calculator] } }\n    edges: [ START -> agent -> END ]\n"
            "nodes: { ask: { type: graph, graph: team } }\nedges: [ START -> ask -> END ]\n");
  rig_write("replay-script.yaml",
            "replies:\n"
            "  - when: { user: sum }\n    calls: [ { name: builtin__calculator, args: { expression: 2+3 } } ]\n"
            "  - when: { tool: '^5' }\n    calls: [ { name: builtin__calculator, args: { expression: 5*5 } } ]\n"
            "  - when: { tool: '^25' }\n    text: It is 25.\n");
  RUN(0, "run $F/replay-inner.yaml -t inner sum");
  assert_says(caught.out, "It is 25.");
  rig_write("replay-script.yaml", "replies:\n  - when: { user: nothing }\n    text: no\n");
  RUN(0, "trace list --thread inner --json");
  take_ids(caught.out, run, before);
  RUN(0, "trace replay %s", run);
  assert_string_equal(caught.out, "the same: 1 superstep, with the answers that the thread holds\n");
  caught_deinit(&caught);
}

static void what_a_run_began_with_must_be_there(void **state) {
  struct caught caught = {0};
  char resumed[64] = "", begun[64] = "";
  RUN(0, "trace list --thread asks --json");
  take_ids(caught.out, resumed, begun);
  RUN(0, "trace replay %s", begun); /* it ended no superstep but its input's */
  assert_string_equal(caught.out, "the same: 0 supersteps, with the answers that the thread holds\n");
  RUN(0, "threads prune asks --keep 1");
  RUN(1, "trace replay %s", begun);
  assert_says(caught.err, "is not kept any more");
  RUN(1, "trace replay %s", resumed);
  assert_says(caught.err, "is not kept any more");
  caught_deinit(&caught);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_the_world_said_is_taken_from_the_thread),
      cmocka_unit_test(who_approved_is_not_asked_again),
      cmocka_unit_test(a_graph_inside_is_answered_out_of_its_messages),
      cmocka_unit_test(what_a_run_began_with_must_be_there),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

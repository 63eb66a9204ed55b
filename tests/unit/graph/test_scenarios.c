/* SPDX-License-Identifier: MIT */
/* Scenarios, line by line: stops before and after nodes, questions and answers, failures, cancelling, updates, inputs. See
 * script.h for the words. */
#include "tests/unit/graph/script.h"

/* START -> a -> b, c -> d, which waits for both */
#define DIAMOND "abcd", "START>a a>b,c b+c>d"
#define CHAIN "abc", "START>a a>b b>c"
#define PAIR "abc", "START>a,b a+b>c"

static const struct scenario stops[] = {
    {"before the first node", CHAIN, NULL,
     {"> before a", "> input {}", "= interrupted", "= waits [\"before a\"]", "= next [\"a\"]", "= ran a 0", "> continue", "= done",
      "= log [\"a\",\"b\",\"c\"]"}},
    {"after the last node", CHAIN, NULL,
     {"> after c", "> input {}", "= interrupted", "= next []", "> continue", "= done", "= waits []"}},
    {"before every node", CHAIN, NULL,
     {"> before *", "> input {}", "= waits [\"before a\"]", "> continue", "= waits [\"before b\"]", "= log [\"a\"]", "> continue",
      "= waits [\"before c\"]", "> continue", "= done", "= log [\"a\",\"b\",\"c\"]", "= ran a 1", "= ran b 1", "= ran c 1"}},
    {"after every node", CHAIN, NULL,
     {"> after *", "> input {}", "= waits [\"after a\"]", "= log [\"a\"]", "> continue", "= waits [\"after b\"]", "> continue",
      "= interrupted", "> continue", "= done"}},
    {"before and after every node: one stop between two", CHAIN, NULL,
     {"> before *", "> after *", "> input {}", "= waits [\"before a\"]", "> continue", "= waits [\"after a\"]", "> continue",
      "= waits [\"after b\"]", "> continue", "= interrupted", "> continue", "= done", "= ran b 1"}},
    {"before one of two siblings: neither runs", PAIR, NULL,
     {"> before b", "> input {}", "= waits [\"before b\"]", "= next [\"a\",\"b\"]", "= ran a 0", "> continue", "= done",
      "= log [\"a\",\"b\",\"c\"]"}},
    {"after one of two siblings: both have run", PAIR, NULL,
     {"> after a", "> input {}", "= waits [\"after a\"]", "= log [\"a\",\"b\"]", "= next [\"c\"]", "> continue", "= done"}},
    {"after two siblings: both are named", PAIR, NULL,
     {"> after a,b", "> input {}", "= waits [\"after a\",\"after b\"]", "> continue", "= done"}},
    {"before a join", PAIR, NULL,
     {"> before c", "> input {}", "= waits [\"before c\"]", "= log [\"a\",\"b\"]", "= next [\"c\"]", "> continue", "= done", "= ran c 1"}},
    {"before every node of a diamond", DIAMOND, NULL,
     {"> before *", "> input {}", "> continue", "= waits [\"before b\",\"before c\"]", "> continue", "= waits [\"before d\"]",
      "> continue", "= done", "= log [\"a\",\"b\",\"c\",\"d\"]"}},
    {"a half-fired join survives a stop", "abcde", "START>a,b b>c a+c>d d>e", NULL,
     {"> after b", "> before d", "> input {}", "= waits [\"after b\"]", "= next [\"c\"]", "> continue", "= waits [\"before d\"]",
      "> continue", "= done", "= log [\"a\",\"b\",\"c\",\"d\",\"e\"]"}},
    {"a stop and the recursion limit: the limit says so first", CHAIN, NULL,
     {"> limit 2", "> before b", "> input {}", "= failed", "= says GRAPH_RECURSION_LIMIT", "> continue", "= done"}},
    {"a stop without that name", CHAIN, NULL, {"> before x", "> input {}", "= done"}},
    {"a new input at a stop drops what was next", CHAIN, NULL,
     {"> before b", "> input {}", "= log [\"a\"]", "> input {}", "= waits [\"before b\"]", "= log [\"a\",\"a\"]", "> continue", "= done",
      "= ran b 1", "= log [\"a\",\"a\",\"b\",\"c\"]"}},
    {"a resume does not answer a stop", CHAIN, NULL,
     {"> before b", "> input {}", "> resume 1", "= failed", "= says no interrupt waits", "= waits [\"before b\"]", "> continue", "= done"}},
    {"stops are of the settings, not of the thread", CHAIN, NULL,
     {"> before b", "> input {}", "= interrupted", "> continue", "= done", "> before x", "> input {}", "= done"}},
};

static const struct scenario questions[] = {
    {"one question", CHAIN, "b:ask",
     {"> input {}", "= interrupted", "= waits [\"b\"]", "= next [\"b\"]", "= log [\"a\"]", "> resume \"yes\"", "= done",
      "= log [\"a\",\"b: yes\",\"c\"]", "= ran b 2", "= ran a 1"}},
    {"two questions of one task", CHAIN, "b:asktwo",
     {"> input {}", "> resume \"x\"", "= interrupted", "= waits [\"b\"]", "> resume \"y\"", "= done", "= log [\"a\",\"b: x, y\",\"c\"]",
      "= ran b 3"}},
    {"an answered question is answered once", CHAIN, "b:ask",
     {"> input {}", "> resume \"x\"", "> resume \"y\"", "= failed", "= says no interrupt waits", "= log [\"a\",\"b: x\",\"c\"]"}},
    {"two tasks ask, both are answered at once", DIAMOND, "b:ask c:ask",
     {"> input {}", "= waits [\"b\",\"c\"]", "> answer b=1 c=2", "= done", "= log [\"a\",\"b: 1\",\"c: 2\",\"d\"]"}},
    {"two tasks ask, the second is answered first", DIAMOND, "b:ask c:ask",
     {"> input {}", "> answer c=2", "= interrupted", "= waits [\"b\"]", "= next [\"b\"]", "= ran b 1", "> answer b=1", "= done",
      "= log [\"a\",\"b: 1\",\"c: 2\",\"d\"]", "= ran c 2"}},
    {"of three that ask, any two", "abcd", "START>a,b,c a+b+c>d", "a:ask b:ask c:ask",
     {"> input {}", "= waits [\"a\",\"b\",\"c\"]", "> answer a=1 c=3", "= waits [\"b\"]", "> resume \"2\"", "= done",
      "= log [\"a: 1\",\"b: 2\",\"c: 3\",\"d\"]"}},
    {"two tasks with two questions each", DIAMOND, "b:asktwo c:asktwo",
     {"> input {}", "> answer b=1 c=2", "= waits [\"b\",\"c\"]", "> answer b=3", "= waits [\"c\"]", "> answer c=4", "= done",
      "= log [\"a\",\"b: 1, 3\",\"c: 2, 4\",\"d\"]", "= ran b 3", "= ran c 3"}},
    {"one is ahead of the other", DIAMOND, "b:asktwo c:asktwo",
     {"> input {}", "> answer b=1", "= waits [\"b\",\"c\"]", "> answer b=2", "= waits [\"c\"]", "> answer c=3", "= waits [\"c\"]",
      "> resume \"4\"", "= done", "= log [\"a\",\"b: 1, 2\",\"c: 3, 4\",\"d\"]"}},
    {"an answer for somebody who does not ask changes nothing", DIAMOND, "b:ask c:ask",
     {"> input {}", "> answer b=1 d=2", "= failed", "= says does not wait for an answer", "= waits [\"b\",\"c\"]", "= ran b 1",
      "> answer b=1 c=2", "= done"}},
    {"one answer for two questions is refused", DIAMOND, "b:ask c:ask",
     {"> input {}", "> resume 1", "= failed", "= says 2 interrupts wait", "= waits [\"b\",\"c\"]"}},
    {"a question beside work that is done", PAIR, "b:ask",
     {"> input {}", "= log [\"a\"]", "= next [\"b\"]", "> resume \"x\"", "= log [\"a\",\"b: x\",\"c\"]", "= ran a 1"}},
    {"a question beside a failure", PAIR, "a:ask b:fail",
     {"> input {}", "= failed", "= says not today", "> continue", "= interrupted", "= waits [\"a\"]", "= next [\"a\"]", "= ran b 2",
      "> resume \"x\"", "= done", "= log [\"a: x\",\"b\",\"c\"]"}},
    {"answering runs what had failed as well", PAIR, "a:ask b:fail",
     {"> input {}", "= failed", "> answer a=1", "= done", "= log [\"a: 1\",\"b\",\"c\"]"}},
    {"going on does not ask again", CHAIN, "b:ask",
     {"> input {}", "> continue", "= interrupted", "= waits [\"b\"]", "= ran b 1", "> resume \"x\"", "= done"}},
    {"a new input drops the question", CHAIN, "b:ask",
     {"> input {}", "> input {\"log\":\"new\"}", "= waits [\"b\"]", "= log [\"a\",\"new\",\"a\"]", "> resume \"x\"", "= done",
      "= log [\"a\",\"new\",\"a\",\"b: x\",\"c\"]"}},
    {"a stop before a node that asks", CHAIN, "b:ask",
     {"> before b", "> input {}", "= waits [\"before b\"]", "> continue", "= waits [\"b\"]", "> resume \"x\"", "= done"}},
    {"a stop after a node that asks", CHAIN, "b:ask",
     {"> after b", "> input {}", "= waits [\"b\"]", "> resume \"x\"", "= waits [\"after b\"]", "= log [\"a\",\"b: x\"]", "> continue",
      "= done"}},
    {"null is an answer here", CHAIN, "b:ask", {"> input {}", "> resume null", "= done", "= ran b 2"}},
};

static const struct scenario failures[] = {
    {"what failed runs again", CHAIN, "b:fail",
     {"> input {}", "= failed", "= says node \"b\": not today", "= next [\"b\"]", "= log [\"a\"]", "> continue", "= done", "= ran a 1",
      "= ran b 2", "= log [\"a\",\"b\",\"c\"]"}},
    {"what a sibling did is kept, and shows", DIAMOND, "c:fail",
     {"> input {}", "= failed", "= next [\"c\"]", "= log [\"a\",\"b\"]", "> continue", "= done", "= ran b 1",
      "= log [\"a\",\"b\",\"c\",\"d\"]"}},
    {"all fail", "abc", "START>a,b,c", "a:fail b:fail c:fail",
     {"> manual", "> input {}", "> finish b", "= failed", "= says node \"b\"", "= next [\"a\",\"b\",\"c\"]", "> automatic", "> continue",
      "= done", "= log [\"a\",\"b\",\"c\"]"}},
    {"a new input after a failure", CHAIN, "b:fail",
     {"> input {}", "= failed", "> input {\"log\":\"new\"}", "= done", "= log [\"a\",\"new\",\"a\",\"b\",\"c\"]"}},
    {"what a sibling did is kept over a new input", DIAMOND, "c:fail",
     {"> input {}", "= failed", "> input {\"log\":\"new\"}", "= done", "= log [\"a\",\"b\",\"new\",\"a\",\"b\",\"c\",\"d\"]", "= ran d 1"}},
    {"the limit counts from each going on", "abcde", "START>a a>b b>c c>d d>e", NULL,
     {"> limit 3", "> input {}", "= failed", "= log [\"a\",\"b\"]", "> continue", "= done", "= log [\"a\",\"b\",\"c\",\"d\",\"e\"]"}},
    {"nothing is left to go on with", CHAIN, NULL, {"> input {}", "= done", "> continue", "= done", "= ran c 1"}},
    {"two write one value", PAIR, "a:one b:one",
     {"> input {}", "= failed", "= says INVALID_CONCURRENT_GRAPH_UPDATE", "= ran a 1", "> continue", "= failed", "= ran a 1"}},
};

static const struct scenario cancels[] = {
    {"before anything ended", CHAIN, NULL,
     {"> manual", "> input {}", "= running", "> cancel", "= cancelled", "= next [\"a\"]", "> automatic", "> continue", "= done",
      "= ran a 2", "= log [\"a\",\"b\",\"c\"]"}},
    {"between siblings", DIAMOND, NULL,
     {"> manual", "> input {}", "> finish a", "> finish c", "> cancel", "= cancelled", "= next [\"b\"]", "= log [\"a\",\"c\"]",
      "> automatic", "> continue", "= done", "= ran c 1", "= ran b 2", "= log [\"a\",\"b\",\"c\",\"d\"]"}},
    {"in the last superstep", CHAIN, NULL,
     {"> manual", "> input {}", "> finish a", "> finish b", "> cancel", "= cancelled", "= next [\"c\"]", "> automatic", "> continue",
      "= done", "= ran b 1"}},
    {"while a question waits", PAIR, "b:ask",
     {"> input {}", "= interrupted", "> cancel", "= cancelled", "= waits [\"b\"]", "> resume \"x\"", "= done",
      "= log [\"a\",\"b: x\",\"c\"]"}},
    {"with a question on one side", PAIR, "b:ask",
     {"> manual", "> input {}", "> finish b", "= running", "> cancel", "= cancelled", "= waits [\"b\"]", "= next [\"a\",\"b\"]",
      "> automatic", "> answer b=x", "= done", "= log [\"a\",\"b: x\",\"c\"]"}},
    {"at a stop", CHAIN, NULL,
     {"> before b", "> input {}", "> cancel", "= cancelled", "= waits [\"before b\"]", "> continue", "= done"}},
    {"twice", CHAIN, NULL, {"> manual", "> input {}", "> cancel", "= cancelled", "> cancel", "= cancelled", "= next [\"a\"]"}},
    {"of a thread without anything", CHAIN, NULL, {"> cancel", "= cancelled", "= next []", "> input {}", "= done"}},
    {"then a new input", DIAMOND, NULL,
     {"> manual", "> input {}", "> finish a", "> finish b", "> cancel", "= cancelled", "> automatic", "> input {}", "= done",
      "= log [\"a\",\"b\",\"a\",\"b\",\"c\",\"d\"]", "= ran d 1"}},
};

#define ALL(rows) play_all(rows, sizeof rows / sizeof rows[0])
static void standing_before_and_after(void **state) { ALL(stops); }
static void asking_and_answering(void **state) { ALL(questions); }
static void failing_and_going_on(void **state) { ALL(failures); }
static void cancelling(void **state) { ALL(cancels); }

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(standing_before_and_after),
      cmocka_unit_test(asking_and_answering),
      cmocka_unit_test(failing_and_going_on),
      cmocka_unit_test(cancelling),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

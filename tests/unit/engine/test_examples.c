/* SPDX-License-Identifier: MIT */
/* The ready-made graphs under examples/graphs, each played with its scripted model: what a turn says, and where it
 * ends. */
#include "rig.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

struct turn {
  const char *graph;
  const char *input, *resume; /* one of them, on the thread "t"; an input is a text or an object */
  int status;
  const char *last;            /* the last message's content */
  const char *channel, *value; /* and a channel; NULL: none */
};

static const struct turn turns[] = {
    {"react", "what is (3 + 5) * 12?", NULL, 0, "It is 96.", NULL, NULL},
    {"react", "hello", NULL, 0, "Ask me to calculate something.", NULL, NULL},
    {"reflection", "Write about the sea.", NULL, 0, "The sea at noon is green over sand and black over rock.", "rounds",
     "1"},
    {"plan-execute", "How much is 12 percent of the sum of 40 and 60?", NULL, 0, "It is 12.", "done",
     "['40 + 60 = 100','12 percent of that = 12']"},
    {"approval", "Invite Ann to lunch.", NULL, 1, "Dear Ann, would you like to have lunch with me on Friday?", NULL,
     NULL},
    {"approval", NULL, "'shorter'", 1, "Lunch on Friday?", NULL, NULL},
    {"approval", NULL, "'yes'", 0, "Lunch on Friday?", "sent", "'Lunch on Friday?'"},
    {"supervisor", "Tell the price of 7 chairs at 12 euros in one sentence.", NULL, 0, "The 7 chairs come to 84 euros.",
     "turns", "3"},
    {"swarm", "I want to return a lamp.", NULL, 0, "{\"say\": \"What is its number?\", \"next\": \"helper\"}", "active",
     "'helper'"},
    {"swarm", "Its number is 7.", NULL, 0, "{\"say\": \"Lamp 7 may come back.\", \"next\": \"helper\"}", "turn",
     "{'say':'Lamp 7 may come back.','next':'helper'}"},
    {"team", "How many metres are 12 fathoms?", NULL, 0, "The team says: 21.9456 metres", "answer", "'21.9456 metres'"},
    {"map-reduce", "{'topics': ['ropes', 'knots', 'sails']}", NULL, 0, "ropes hold / knots hold / sails hold", NULL,
     NULL},
    {"map-reduce", "{'topics': []}", NULL, 0, "", NULL, NULL},
    {"rag", "When was the bridge built?", NULL, 0, "In 1894.", "passages",
     "['The bridge was built in 1894 and widened in 1976.']"},
    {"rag", "Who is the mayor?", NULL, 0, "I do not know.", "passages", "[]"},
};
enum { TURN_COUNT = sizeof turns / sizeof turns[0] };

static struct fl_definition *load(struct rig *rig, const char *name) {
  FL_FREE_AUTO char *path = fl_format("%s/examples/graphs/%s.yaml", getenv("FL_SOURCE_ROOT"), name);
  struct fl_definition *definition = NULL;
  struct fl_error err = {0};
  if (fl_runtime_load(rig->runtime, path, &definition, &err) < 0) fail_msg("%s: %s", name, err.text);
  fl_definition_unref(definition); /* the runtime holds it */
  return definition;
}

static void check_turn(struct rig *rig, const struct turn *turn) {
  struct fl_invoke_options options = {.thread = "t"};
  if (turn->resume != NULL) {
    options.resume = json(turn->resume);
  } else if (turn->input[0] == '{') {
    options.input = json(turn->input);
  } else {
    options.input = fl_object();
    fl_set_string(options.input, "messages", turn->input);
  }
  int status = rig_run(rig, load(rig, turn->graph), options);
  if (status != turn->status) fail_msg("%s: %d %s", turn->graph, status, rig->error.text);
  const struct fl_value *messages = rig_out(rig, "messages");
  const char *last = fl_get_string(fl_at(messages, fl_size(messages) - 1), "content", "");
  if (strcmp(last, turn->last) != 0) fail_msg("%s says: %s", turn->graph, last);
  if (turn->channel != NULL) assert_json(rig_out(rig, turn->channel), turn->value);
}

/* Turns of one graph that follow each other are one conversation when the first of them leaves something open or kept.
 */
static void the_examples_do_what_they_say(void **state) {
  for (size_t i = 0; i < TURN_COUNT;) {
    struct rig rig = {.seed = 3};
    rig_up(&rig);
    bool keeps = strcmp(turns[i].graph, "approval") == 0 || strcmp(turns[i].graph, "swarm") == 0;
    const char *graph = turns[i].graph;
    do check_turn(&rig, &turns[i++]);
    while (keeps && i < TURN_COUNT && strcmp(turns[i].graph, graph) == 0);
    rig_deinit(&rig);
  }
}

static void every_example_is_played(void **state) {
  FL_FREE_AUTO char *folder = fl_format("%s/examples/graphs", getenv("FL_SOURCE_ROOT"));
  DIR *dir = opendir(folder);
  assert_non_null(dir);
  size_t count = 0;
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    const char *dot = strstr(entry->d_name, ".yaml");
    if (dot == NULL || strstr(entry->d_name, "-script") != NULL) continue;
    bool is_played = false;
    for (size_t i = 0; i < TURN_COUNT; i++)
      is_played |= strlen(turns[i].graph) == (size_t)(dot - entry->d_name) &&
                   strncmp(turns[i].graph, entry->d_name, strlen(turns[i].graph)) == 0;
    if (!is_played) fail_msg("no turn is played of %s", entry->d_name);
    count++;
  }
  closedir(dir);
  assert_true(count >= 7);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_examples_do_what_they_say),
                                     cmocka_unit_test(every_example_is_played)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

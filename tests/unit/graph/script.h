/* SPDX-License-Identifier: MIT */
/* Scenarios as text. A row is a graph and lines: "> …" is what is done, "= …" what must be so then. Each row is played
 * twice: as it stands, and with a process that starts anew whenever a run has ended; the same must come out.
 *
 *   > input JSON  > continue  > resume JSON  > answer NODE=TEXT …  > update NODE|- JSON  > cancel  > finish NODE
 *   > back CHECKPOINT_NO (the next thing begins there)  > bulk JSON
 *   > command JSON|- NODE,NODE=ARG|-  > tell ANSWER JSON|- NODES|- (an answer with a command)
 *   > restart  > limit N  > before a,b  > after *  > manual  > automatic
 *   = source WORD  = step N  = done|interrupted|failed|cancelled|leaves|running  = says TEXT (of the error)
 *   = next JSON  = log JSON  = waits JSON (see assert_waits)  = state JSON  = ran NODE TIMES */
#pragma once
#include "tests/unit/graph/shapes.h"

#include "runtime/base/mem.h"

struct scenario {
  const char *name;
  const char *letters; /* the nodes; a capital one is deferred */
  const char *edges;   /* see shapes.h */
  const char *special; /* "b:ask c:fail": what does not just say its name; NULL: none. "fan" sends to w */
  const char *lines[40];
};

struct player {
  const struct scenario *scenario;
  struct test_engine engine;
  bool restarts;
  bool has_ended;
  enum fl_run_status status;
  char said[2048];
  char texts[2][128]; /* of the stops */
  const char *stops[2][9];
};

/* ---- building ---- */

static test_node_fn *behaviour(const char *word, size_t size) {
  static const struct {
    const char *word;
    test_node_fn *run;
  } all[] = {{"ask", ask_name}, {"asktwo", ask_two}, {"fail", fail_once}, {"one", write_one}, {"count", count_one},
             {"fan", fan_out},  {"x", say_x},        {"askx", ask_x},     {"bad", fail_bad}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    if (strlen(all[i].word) == size && strncmp(all[i].word, word, size) == 0) return all[i].run;
  fail_msg("no node does \"%.*s\"", (int)size, word);
  return NULL;
}

static test_node_fn *behaviour_of(const struct scenario *scenario, char letter) {
  const char *place = scenario->special;
  while (place != NULL && place[0] != '\0') {
    size_t size = strcspn(place, " ");
    if (place[0] == letter) return behaviour(place + 2, size - 2);
    place += size + (place[size] == ' ');
  }
  return say_name;
}

/* A capital letter is a deferred node. */
static void add_one(struct fl_graph *graph, const struct scenario *scenario, char letter) {
  struct fl_node_options options = {.size = sizeof options, .defer = letter >= 'A' && letter <= 'Z'};
  test_node_with(graph, (const char[]){letter, '\0'}, behaviour_of(scenario, letter), &options);
}

static struct fl_definition *definition_of(const struct scenario *scenario) {
  struct fl_graph *graph = begin_graph();
  for (const char *letter = scenario->letters; *letter != '\0'; letter++) add_one(graph, scenario, *letter);
  add_edges(graph, scenario->edges);
  return test_compile(graph);
}

/* ---- doing ---- */

static void set_stops(struct player *player, bool after, const char *names) {
  snprintf(player->texts[after], sizeof player->texts[after], "%s", names);
  memset(player->stops[after], 0, sizeof player->stops[after]);
  size_t count = split_names(player->texts[after], ',', player->stops[after], 8);
  stop_at(&player->engine, count > 0 && player->stops[0][0] != NULL ? player->stops[0] : NULL,
          player->stops[1][0] != NULL ? player->stops[1] : NULL);
}

static const char *id_asked_by(const struct fl_value *interrupts, const char *node) {
  for (size_t i = 0; i < fl_size(interrupts); i++)
    if (strcmp(fl_get_string(fl_at(interrupts, i), "node", ""), node) == 0)
      return fl_get_string(fl_at(interrupts, i), "id", "");
  return node; /* an id that nobody has */
}

static void give_answers(struct player *player, char *pairs) {
  FL_VALUE_AUTO described = fl_run_describe(player->engine.run);
  struct fl_value *map = fl_object();
  for (char *pair; (pair = strsep(&pairs, " ")) != NULL;) {
    char *equals = strchr(pair, '=');
    *equals = '\0';
    fl_set_string(map, id_asked_by(fl_get(described, "interrupts"), pair), equals + 1);
  }
  test_resume_map(&player->engine, map);
}

static void give_update(struct player *player, char *text) {
  char *json = strchr(text, ' ');
  *json++ = '\0';
  test_update(&player->engine, json, strcmp(text, "-") == 0 ? NULL : text);
}

/* "JSON|- NODE,NODE|-": update and gotos, alone or beside an answer. */
static void give_command(struct player *player, char *text, const char *answer) {
  char *nodes = strrchr(text, ' ');
  const char *names[9] = {NULL};
  struct fl_goto gotos[9] = {{0}};
  *nodes++ = '\0';
  size_t count = strcmp(nodes, "-") == 0 ? 0 : split_names(nodes, ',', names, 8);
  for (size_t i = 0; i < count; i++) {
    char *equals = strchr(names[i], '='); /* a send: its argument is {"x": TEXT} */
    if (equals != NULL) {
      *equals = '\0';
      gotos[i].arg = fl_object();
      fl_set_string(gotos[i].arg, "x", equals + 1);
    }
    gotos[i].node = (char *)names[i];
  }
  FL_VALUE_AUTO update = strcmp(text, "-") != 0 ? test_json(text) : NULL;
  FL_VALUE_AUTO value = answer != NULL ? test_json(answer) : NULL;
  struct fl_ev ev = {.kind = answer != NULL ? FL_EV_RESUME : FL_EV_COMMAND,
                     .value = value,
                     .update = update,
                     .gotos = gotos,
                     .goto_count = count};
  test_send(&player->engine, &ev);
  for (size_t i = 0; i < count; i++) fl_value_unref(gotos[i].arg);
}

static void give_answer_and_command(struct player *player, char *text) {
  char *answer = strsep(&text, " ");
  give_command(player, text, answer);
}

/* Settings. */
static bool set(struct player *player, const char *word, const char *rest) {
  struct test_engine *engine = &player->engine;
  if (strcmp(word, "restart") == 0) test_engine_restart(engine);
  else if (strcmp(word, "back") == 0) test_engine_go_back(engine, (uint64_t)atoi(rest));
  else if (strcmp(word, "before") == 0 || strcmp(word, "after") == 0) set_stops(player, word[0] == 'a', rest);
  else if (strcmp(word, "manual") == 0 || strcmp(word, "automatic") == 0) engine->manual = word[0] == 'm';
  else if (strcmp(word, "limit") == 0) {
    engine->settings.recursion_limit = (uint32_t)atoi(rest);
    fl_run_configure(engine->run, &engine->settings);
  } else return false;
  return true;
}

static void act_out(struct player *player, char *line) {
  char *rest = line, *word = strsep(&rest, " ");
  struct test_engine *engine = &player->engine;
  if (set(player, word, rest)) return;
  if (strcmp(word, "input") == 0) test_input(engine, rest);
  else if (strcmp(word, "continue") == 0) test_continue(engine);
  else if (strcmp(word, "resume") == 0) test_resume(engine, rest);
  else if (strcmp(word, "answer") == 0) give_answers(player, rest);
  else if (strcmp(word, "update") == 0) give_update(player, rest);
  else if (strcmp(word, "bulk") == 0) test_bulk_update(engine, rest);
  else if (strcmp(word, "cancel") == 0) test_cancel(engine);
  else if (strcmp(word, "command") == 0) give_command(player, rest, NULL);
  else if (strcmp(word, "tell") == 0) give_answer_and_command(player, rest);
  else if (strcmp(word, "finish") == 0) test_finish(engine, rest);
  else fail_msg("%s: nothing is called \"%s\"", player->scenario->name, word);
  player->has_ended = engine->has_ended;
  player->status = engine->status;
  snprintf(player->said, sizeof player->said, "%s", engine->error.text);
  if (player->restarts && player->has_ended) test_engine_restart(engine);
}

/* ---- checking ---- */

static void check_status(const struct player *player, const char *word) {
  static const char *const words[] = {"done", "interrupted", "failed", "cancelled", "leaves"};
  const char *actual = player->has_ended ? words[player->status] : "running";
  if (strcmp(word, actual) != 0)
    fail_msg("%s: the run is %s, not %s: %s", player->scenario->name, actual, word, player->said);
}

static void check_ran(const struct player *player, const char *rest) {
  size_t actual = attempts_of(&player->engine, (const char[]){rest[0], '\0'}), expected = (size_t)atoi(rest + 2);
  if (actual != expected) fail_msg("%s: %c ran %zu times, not %zu", player->scenario->name, rest[0], actual, expected);
}

static void check_described(const struct player *player, const char *word, const char *rest) {
  FL_VALUE_AUTO described = fl_run_describe(player->engine.run);
  FL_FREE_AUTO char *text = fl_dump(fl_get(described, word), NULL);
  bool is_text = fl_is(fl_get(described, word), FL_STRING);
  if (strcmp(is_text ? fl_as_string(fl_get(described, word)) : text, rest) != 0)
    fail_msg("%s: %s is %s, not %s", player->scenario->name, word, text, rest);
}

static void check(const struct player *player, char *line) {
  char *rest = line, *word = strsep(&rest, " ");
  const struct test_engine *engine = &player->engine;
  if (strcmp(word, "next") == 0) assert_next(engine, rest);
  else if (strcmp(word, "log") == 0) assert_log(engine, rest);
  else if (strcmp(word, "waits") == 0) assert_waits(engine, rest);
  else if (strcmp(word, "state") == 0) assert_state(engine, rest);
  else if (strcmp(word, "ran") == 0) check_ran(player, rest);
  else if (strcmp(word, "source") == 0 || strcmp(word, "step") == 0) check_described(player, word, rest);
  else if (strcmp(word, "says") != 0) check_status(player, word);
  else if (strstr(player->said, rest) == NULL)
    fail_msg("%s: \"%s\", not \"%s\"", player->scenario->name, player->said, rest);
}

static void play(const struct scenario *scenario, bool restarts) {
  struct player player = {.scenario = scenario, .restarts = restarts};
  begin(&player.engine, definition_of(scenario));
  for (size_t i = 0; scenario->lines[i] != NULL; i++) {
    char line[512];
    snprintf(line, sizeof line, "%s", scenario->lines[i] + 2);
    if (restarts) fprintf(stderr, "# %s, line %zu, anew: %s\n", scenario->name, i, line);
    else fprintf(stderr, "# %s, line %zu: %s\n", scenario->name, i, line);
    if (scenario->lines[i][0] == '>') act_out(&player, line);
    else check(&player, line);
  }
  end(&player.engine);
}

static void play_all(const struct scenario *scenarios, size_t count) {
  for (size_t i = 0; i < 2 * count; i++) play(&scenarios[i / 2], i % 2 == 1);
}

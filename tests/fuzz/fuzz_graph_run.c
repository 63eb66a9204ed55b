/* SPDX-License-Identifier: MIT */
/* A run driven by bytes: events in any order that an engine could bring them in, values that do not fit, commits that
 * fail, and then a life on a checkpoint whose text is damaged. The run must keep its promises to the engine: every
 * start is reported once, a run ends once, and nothing is touched after it was freed. */
#include "graph/definition.h"
#include "graph/run.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <stdio.h>

struct input {
  const uint8_t *data;
  size_t size;
};

static uint8_t next_byte(struct input *input) {
  if (input->size == 0) return 0;
  input->size--;
  return *input->data++;
}

static int never(struct fl_task *task, void *user) { return 0; }

static int choose(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err) {
  int64_t n = fl_as_int(fl_state_get(state, "n"), 0);
  if (n % 7 == 6) return fl_error_set(err, FL_E_INVALID, "no way");
  fl_targets_add(targets, n % 3 == 0 ? "a" : n % 3 == 1 ? FL_END : "nowhere");
  return 0;
}

static struct fl_definition *make(void) {
  static const char *const channels[] = {"n", "log", "messages", "one"};
  static const enum fl_reducer reducers[] = {FL_SUM, FL_APPEND, FL_MESSAGES, FL_LAST};
  struct fl_graph *graph = fl_graph_create("fuzz");
  for (size_t i = 0; i < 4; i++)
    fl_graph_channel(graph, channels[i],
                     &(struct fl_channel_options){.size = sizeof(struct fl_channel_options), .reducer = reducers[i]});
  for (const char *name = "abcd"; *name != '\0'; name++) fl_graph_node(graph, (char[]){*name, '\0'}, never, NULL, NULL);
  fl_graph_edge(graph, FL_START, "a");
  fl_graph_edge(graph, "a", "b");
  fl_graph_edge(graph, "a", "c");
  fl_graph_join(graph, (const char *const[]){"b", "c"}, 2, "d");
  fl_graph_branch(graph, "d", choose, NULL, NULL, 0);
  struct fl_definition *definition = NULL;
  fl_check(fl_graph_compile(graph, NULL, &definition, NULL) == 0);
  return definition;
}

enum { STARTED_MAX = 64 };

struct engine {
  struct fl_run *run;
  struct fl_effects effects;
  char started[STARTED_MAX][FL_UUID_SIZE];
  size_t started_count;
  char interrupt_id[64];
  uint64_t seq, acked;
  bool is_running;
  struct fl_buf body; /* of the last checkpoint */
  uint64_t checkpoint_no;
};

static void forget(struct engine *engine, size_t place) {
  memmove(engine->started[place], engine->started[place + 1], (--engine->started_count - place) * FL_UUID_SIZE);
}

static void note(struct engine *engine, const struct fl_do *effect) {
  if (effect->kind == FL_DO_COMMIT) {
    fl_check(effect->seq == ++engine->seq);
    for (size_t i = 0; i < effect->records.count; i++) {
      const struct fl_record *record = &effect->records.items[i];
      if (record->kind != FL_RECORD_CHECKPOINT) continue;
      fl_buf_clear(&engine->body);
      fl_buf_add(&engine->body, record->body, record->body_size);
      engine->checkpoint_no = record->checkpoint.no;
    }
  }
  if (effect->kind == FL_DO_START_TASK && engine->started_count < STARTED_MAX)
    memcpy(engine->started[engine->started_count++], effect->start.id, FL_UUID_SIZE);
  if (effect->kind != FL_DO_END) return;
  fl_check(engine->started_count == 0);
  engine->is_running = false;
  const char *id = fl_get_string(fl_at(effect->interrupts, 0), "id", NULL);
  if (id != NULL) snprintf(engine->interrupt_id, sizeof engine->interrupt_id, "%s", id);
}

static void send(struct engine *engine, struct fl_ev *ev) {
  static unsigned long long number;
  snprintf(ev->checkpoint_id, sizeof ev->checkpoint_id, "%llu", ++number);
  fl_run_step(engine->run, ev, &engine->effects);
  for (size_t i = 0; i < engine->effects.count; i++) note(engine, &engine->effects.items[i]);
  fl_effects_clear(&engine->effects);
}

static struct fl_value *draw_value(struct input *input) {
  static const char *const values[] = {"1",
                                       "\"text\"",
                                       "[1,2]",
                                       "{\"n\":2}",
                                       "null",
                                       "{\"messages\":\"hi\"}",
                                       "{\"log\":[1,[2]],\"one\":{}}",
                                       "true",
                                       "0.5",
                                       "{\"role\":\"user\",\"content\":\"x\",\"id\":\"m\"}",
                                       "[{\"role\":\"remove\",\"id\":\"m\"}]",
                                       "{\"nothing\":1}",
                                       "[[\"ai\",\"y\"],{\"role\":\"remove\",\"id\":\"__remove_all__\"},\"z\"]",
                                       "{}",
                                       "{\"n\":\"x\"}",
                                       "9223372036854775807"};
  struct fl_value *value = NULL;
  const char *text = values[next_byte(input) % (sizeof values / sizeof values[0])];
  fl_check(fl_parse(text, strlen(text), &value, NULL) == 0);
  return value;
}

static void begin(struct engine *engine, struct input *input, uint8_t choice) {
  static const char *const nodes[] = {NULL, "a", "b", "d", "START", "END", "nobody"};
  FL_VALUE_AUTO value = draw_value(input);
  FL_VALUE_AUTO map = fl_object();
  fl_set_take(map, engine->interrupt_id, fl_value_ref(value));
  struct fl_ev ev = {.value = value};
  engine->is_running = true;
  if (choice % 5 == 0) ev.kind = FL_EV_INPUT;
  else if (choice % 5 == 1) ev.kind = FL_EV_CONTINUE;
  else if (choice % 5 == 2) ev.kind = FL_EV_RESUME;
  else if (choice % 5 == 3) ev = (struct fl_ev){.kind = FL_EV_RESUME, .is_map = true, .value = map};
  else ev = (struct fl_ev){.kind = FL_EV_UPDATE, .value = value, .node = nodes[next_byte(input) % 7]};
  send(engine, &ev);
}

static void report(struct engine *engine, struct input *input, uint8_t choice) {
  static const char *const channels[] = {"n", "log", "messages", "one", "nothing", "branch:to:a"};
  struct fl_error err = {.code = FL_E_CANCELLED - choice % 2, .text = "failed"};
  char id[FL_UUID_SIZE];
  size_t place = choice % engine->started_count;
  memcpy(id, engine->started[place], sizeof id);
  forget(engine, place);
  FL_VALUE_AUTO first = draw_value(input);
  FL_VALUE_AUTO second = draw_value(input);
  struct fl_write writes[] = {{(char *)channels[next_byte(input) % 6], first},
                              {(char *)channels[next_byte(input) % 4], second}};
  struct fl_ev ev = {
      .task_id = id, .writes = writes, .write_count = next_byte(input) % 3, .value = first, .error = &err};
  ev.kind = choice % 8 < 6 ? FL_EV_TASK_DONE : choice % 8 == 6 ? FL_EV_TASK_INTERRUPTED : FL_EV_TASK_FAILED;
  send(engine, &ev);
  if (choice % 16 == 0) send(engine, &ev); /* a report that comes twice */
}

/* Acknowledges the next commit, or lets it fail; what had not been started then never is. */
static void settle(struct engine *engine, bool fails) {
  if (engine->acked == engine->seq) return;
  struct fl_error err = {.code = FL_E_NO_SPACE, .text = "full"};
  if (fails && engine->started_count > 0)
    return; /* whether they had been started is the engine's to know: not modelled here */
  send(engine,
       &(struct fl_ev){.kind = fails ? FL_EV_COMMIT_FAILED : FL_EV_COMMITTED, .seq = ++engine->acked, .error = &err});
}

static void live(struct fl_definition *definition, const struct fl_loaded *loaded, struct input *input,
                 struct fl_buf *ret_body, uint64_t *ret_no) {
  struct fl_run_settings settings = {.size = sizeof settings, .stream_modes = next_byte(input), .recursion_limit = 5};
  struct engine engine = {.run = fl_run_create(definition, loaded, &settings)};
  while (input->size > 0) {
    uint8_t choice = next_byte(input);
    if (choice >= 250) send(&engine, &(struct fl_ev){.kind = FL_EV_CANCEL});
    else if (choice >= 200) settle(&engine, choice == 249);
    else if (engine.started_count > 0) report(&engine, input, choice);
    else if (!engine.is_running) begin(&engine, input, choice);
    if (choice % 32 == 31) fl_value_unref(fl_run_describe(engine.run));
    if (choice == 199) break;
  }
  fl_run_destroy(engine.run);
  fl_effects_deinit(&engine.effects);
  *ret_body = engine.body;
  *ret_no = engine.checkpoint_no;
}

static void damage(struct fl_buf *body, struct input *input) {
  static const char signs[] = "0123456789\"[]{},:-abctrue ";
  for (int i = next_byte(input) % 4; i > 0 && body->size > 0; i--)
    body->data[(next_byte(input) * 256u + next_byte(input)) % body->size] =
        signs[next_byte(input) % (sizeof signs - 1)];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct input input = {data, size};
  struct fl_definition *definition = make();
  FL_BUF_AUTO body = {0};
  FL_BUF_AUTO second = {0};
  FL_VALUE_AUTO value = NULL;
  struct fl_loaded loaded = {0};
  live(definition, NULL, &input, &body, &loaded.checkpoint_no);
  damage(&body, &input);
  loaded.next_checkpoint_no = loaded.checkpoint_no + 1;
  if (loaded.checkpoint_no > 0 && fl_parse(body.data, body.size, &value, NULL) == 0) {
    uint64_t ignored;
    loaded.body = value;
    live(definition, &loaded, &input, &second, &ignored);
  }
  fl_definition_unref(definition);
  return 0;
}

/* SPDX-License-Identifier: MIT */
#include "tests/unit/graph/fixture.h"

#include "graph/core.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <stdio.h>
#include <stdlib.h>

struct fl_value *test_json(const char *text) {
  struct fl_value *value;
  struct fl_error err;
  if (fl_parse(text, strlen(text), &value, &err) == 0) return value;
  fprintf(stderr, "%s: %s\n", text, err.text);
  abort();
}

/* ---- nodes ---- */

void test_write(struct test_call *call, const char *channel, struct fl_value *taken) {
  assert_true(call->write_count < sizeof call->writes / sizeof call->writes[0]);
  call->writes[call->write_count++] = (struct fl_write){(char *)channel, taken};
}

void test_goto(struct test_call *call, const char *node, struct fl_value *taken) {
  assert_true(call->goto_count < sizeof call->gotos / sizeof call->gotos[0]);
  call->gotos[call->goto_count++] = (struct fl_goto){(char *)node, taken};
}

struct fl_value *test_ask(struct test_call *call, struct fl_value *question) {
  struct fl_value *answer = fl_at(call->start->answers, call->asked++);
  if (answer != NULL) {
    fl_value_unref(question);
    return answer;
  }
  call->outcome = TEST_ASKS;
  call->question = question;
  return NULL;
}

void test_fail(struct test_call *call, int code, const char *text) {
  call->outcome = TEST_FAILS;
  fl_error_set(&call->error, code, "%s", text);
}

int64_t test_int(const struct test_call *call, const char *channel) {
  return fl_as_int(fl_state_get(call->start->state, channel), 0);
}

void test_channel(struct fl_graph *graph, const char *name, enum fl_reducer reducer, const char *default_json) {
  FL_VALUE_AUTO value = default_json != NULL ? test_json(default_json) : NULL;
  fl_graph_channel(graph, name,
                   &(struct fl_channel_options){
                       .size = sizeof(struct fl_channel_options), .reducer = reducer, .default_value = value});
}

/* The functions of test nodes are called by this engine, with its own kind of task; the definition carries them as
 * `user`. */
static int never(struct fl_task *task, void *user) { abort(); }

void test_node(struct fl_graph *graph, const char *name, test_node_fn *run) {
  fl_graph_node(graph, name, never, (void *)run, NULL);
}

void test_node_with(struct fl_graph *graph, const char *name, test_node_fn *run,
                    const struct fl_node_options *options) {
  fl_graph_node(graph, name, never, (void *)run, options);
}

void test_join2(struct fl_graph *graph, const char *a, const char *b, const char *to) {
  fl_graph_join(graph, (const char *const[]){a, b}, 2, to);
}

struct fl_definition *test_compile(struct fl_graph *graph) {
  struct fl_definition *definition = NULL;
  struct fl_error err;
  if (fl_graph_compile(graph, NULL, &definition, &err) < 0) {
    fprintf(stderr, "%s\n", err.text);
    abort();
  }
  return definition;
}

/* ---- the store ---- */

void test_store_deinit(struct test_store *store) {
  for (size_t i = 0; i < store->commit_count; i++) fl_records_deinit(&store->commits[i]);
  fl_free(store->commits);
  *store = (struct test_store){0};
}

struct cursor {
  size_t commit, index;
};
static const struct fl_record *next_record(const struct test_store *store, struct cursor *cursor) {
  for (; cursor->commit < store->commit_count; cursor->commit++, cursor->index = 0)
    if (cursor->index < store->commits[cursor->commit].count)
      return &store->commits[cursor->commit].items[cursor->index++];
  return NULL;
}
#define each_record(store, record)        \
  struct cursor cursor_of_##record = {0}; \
  for (const struct fl_record *record; (record = next_record(store, &cursor_of_##record)) != NULL;)

uint64_t test_store_head(const struct test_store *store) {
  uint64_t head = 0;
  each_record(store, record) if (record->kind == FL_RECORD_CHECKPOINT) head = record->checkpoint.no;
  return head;
}

static const struct fl_record *find_value(const struct test_store *store, uint64_t no) {
  each_record(store, record) if (record->kind == FL_RECORD_VALUE && record->value.no == no) return record;
  return NULL;
}

bool test_store_has_done(const struct test_store *store, const char *task_id) {
  each_record(store, record) if (record->kind == FL_RECORD_WRITE && record->write.index == FL_WRITE_DONE &&
                                 strcmp(record->write.task_id, task_id) == 0) return true;
  return false;
}

static bool has_value(const struct test_store *store, const struct fl_records *commit, size_t before, uint64_t no) {
  for (size_t i = 0; i < before; i++)
    if (commit->items[i].kind == FL_RECORD_VALUE && commit->items[i].value.no == no) return true;
  return find_value(store, no) != NULL;
}

static void check_record(struct test_store *store, const struct fl_records *commit, size_t index) {
  const struct fl_record *record = &commit->items[index];
  if (record->kind == FL_RECORD_VALUE) {
    store->value_bytes += record->body_size;
    if (has_value(store, commit, index, record->value.no))
      snprintf(store->fault, sizeof store->fault, "value number used twice");
    if (record->value.parent_no != 0 && !has_value(store, commit, index, record->value.parent_no))
      snprintf(store->fault, sizeof store->fault, "a value builds on one that is not stored");
  }
  if (record->kind == FL_RECORD_WRITE && record->write.checkpoint_no != test_store_head(store))
    snprintf(store->fault, sizeof store->fault, "a write beside a checkpoint that is not the head");
}

void test_store_apply(struct test_store *store, struct fl_do *commit) {
  if (commit->expected_head != test_store_head(store))
    snprintf(store->fault, sizeof store->fault, "a commit on another head");
  for (size_t i = 0; i < commit->records.count; i++) check_record(store, &commit->records, i);
  store->commits = fl_realloc(store->commits, (store->commit_count + 1) * sizeof *store->commits);
  store->commits[store->commit_count++] = commit->records;
  commit->records = (struct fl_records){0};
}

static struct fl_list *replace_take(struct fl_list *old, struct fl_list *new_list) {
  fl_list_unref(old);
  return new_list;
}

static struct fl_list *apply_edit(struct fl_list *list, const struct fl_value *edit) {
  const char *kind = fl_as_string(fl_at(edit, 0));
  if (strcmp(kind, "append") == 0) return replace_take(list, fl_list_append_take(list, fl_value_ref(fl_at(edit, 1))));
  size_t index = (size_t)fl_as_int(fl_at(edit, 1), -1);
  if (strcmp(kind, "cut") == 0) return replace_take(list, fl_list_remove(list, index));
  return replace_take(list, fl_list_replace_take(list, index, fl_value_ref(fl_at(edit, 2))));
}

static struct fl_var load_var(const struct test_store *store, uint64_t no) {
  const struct fl_record *record = find_value(store, no);
  FL_VALUE_AUTO body = test_json(record->body);
  if (record->value.kind == FL_BODY_VALUE) return (struct fl_var){.value = fl_value_ref(body)};
  if (record->value.kind == FL_BODY_LIST) return (struct fl_var){.list = fl_list_from_array(body)};
  struct fl_list *list = load_var(store, record->value.parent_no).list;
  for (size_t i = 0; i < fl_size(body); i++) {
    if (record->value.kind == FL_BODY_EDIT) list = apply_edit(list, fl_at(body, i));
    else list = replace_take(list, fl_list_append_take(list, fl_value_ref(fl_at(body, i))));
  }
  assert_int_equal(fl_list_size(list), record->value.count);
  return (struct fl_var){.list = list};
}

static void load_channels(const struct test_store *store, struct fl_loaded *loaded) {
  struct fl_value *channels = fl_get(loaded->body, "channels");
  loaded->channels = fl_new_array(struct fl_loaded_channel, fl_size(channels));
  struct fl_member member = {0};
  while (fl_next_member(channels, &member)) {
    uint64_t no = (uint64_t)fl_as_int(fl_at(member.value, 1), 0);
    loaded->channels[loaded->channel_count++] =
        (struct fl_loaded_channel){.name = fl_strdup(member.key),
                                   .version = (uint64_t)fl_as_int(fl_at(member.value, 0), 0),
                                   .value_no = no,
                                   .labels = find_value(store, no)->value.labels,
                                   .var = load_var(store, no)};
  }
}

/* Ordinary writes are kept if already there, those with negative places are replaced. */
static void load_write(struct fl_loaded *loaded, const struct fl_record *record) {
  struct fl_loaded_write *found = NULL;
  for (size_t i = 0; i < loaded->write_count && found == NULL; i++)
    if (loaded->writes[i].index == record->write.index && strcmp(loaded->writes[i].task_id, record->write.task_id) == 0)
      found = &loaded->writes[i];
  if (found != NULL && record->write.index >= 0) return;
  if (found == NULL) {
    loaded->writes = fl_realloc(loaded->writes, (loaded->write_count + 1) * sizeof *loaded->writes);
    found = &loaded->writes[loaded->write_count++];
    *found = (struct fl_loaded_write){.index = record->write.index, .channel = fl_strdup(record->write.channel)};
    memcpy(found->task_id, record->write.task_id, FL_UUID_SIZE);
  }
  fl_value_unref(found->value);
  found->labels = record->write.labels;
  found->value = test_json(record->body);
}

static int by_task(const void *a, const void *b) {
  const struct fl_loaded_write *x = a, *y = b;
  int order = strcmp(x->task_id, y->task_id);
  return order != 0 ? order : x->index - y->index;
}

void test_store_load_at(const struct test_store *store, uint64_t no, struct fl_loaded *ret_loaded) {
  uint64_t head = test_store_head(store);
  struct fl_loaded loaded = {.checkpoint_no = no, .head_no = head, .next_checkpoint_no = head + 1, .next_value_no = 1};
  each_record(store, record) {
    if (record->kind == FL_RECORD_VALUE && record->value.no >= loaded.next_value_no)
      loaded.next_value_no = record->value.no + 1;
    if (record->kind != FL_RECORD_CHECKPOINT || record->checkpoint.no != loaded.checkpoint_no) continue;
    loaded.parent_no = record->checkpoint.parent_no;
    memcpy(loaded.checkpoint_id, record->checkpoint.id, FL_UUID_SIZE);
    loaded.step = record->checkpoint.step;
    loaded.wall_ms = record->checkpoint.wall_ms;
    loaded.source = fl_strdup(record->checkpoint.source);
    loaded.body = test_json(record->body);
  }
  if (loaded.checkpoint_no > 0) {
    load_channels(store, &loaded);
    each_record(store, write) if (write->kind == FL_RECORD_WRITE && write->write.checkpoint_no == loaded.checkpoint_no)
        load_write(&loaded, write);
    if (loaded.write_count > 1) qsort(loaded.writes, loaded.write_count, sizeof *loaded.writes, by_task);
  }
  *ret_loaded = loaded;
}

void test_store_load(const struct test_store *store, struct fl_loaded *ret_loaded) {
  test_store_load_at(store, test_store_head(store), ret_loaded);
}

/* ---- the engine: its life ---- */

static void tracef(struct test_engine *engine, const char *format, ...) __attribute__((format(printf, 2, 3)));

void test_engine_init(struct test_engine *engine, struct fl_definition *definition) {
  *engine = (struct test_engine){.definition = definition};
  engine->settings.size = sizeof engine->settings;
  test_engine_restart(engine);
}

static void start_deinit(struct fl_start_task *start) {
  fl_state_unref(start->state);
  fl_value_unref(start->answers);
  fl_value_unref(start->arg);
  fl_value_unref(start->resume);
  fl_value_unref(start->children);
  fl_value_unref(start->error);
}

static void drop_effects(struct fl_do *items, size_t count) {
  struct fl_effects all = {items, count, count};
  fl_effects_clear(&all);
}

static void forget_end(struct test_engine *engine) {
  engine->has_ended = false;
  fl_value_unref(engine->interrupts);
  engine->interrupts = NULL;
  engine->error.text[0] = '\0';
  fl_parent_command_deinit(&engine->to_parent);
}

static void stop(struct test_engine *engine) {
  drop_effects(engine->held, engine->held_count);
  drop_effects(engine->unacked, engine->unacked_count);
  for (size_t i = 0; i < engine->running_count; i++) start_deinit(&engine->running[i]);
  engine->held_count = engine->unacked_count = engine->running_count = 0;
  fl_run_destroy(engine->run);
  engine->run = NULL;
}

void test_engine_deinit(struct test_engine *engine) {
  stop(engine);
  forget_end(engine);
  fl_free(engine->held);
  fl_free(engine->unacked);
  fl_free(engine->running);
  fl_map_deinit(&engine->attempts);
  fl_buf_deinit(&engine->trace);
  test_store_deinit(&engine->store);
}

static void tracef(struct test_engine *engine, const char *format, ...) {
  if (!engine->traces) return;
  va_list args;
  va_start(args, format);
  fl_buf_vaddf(&engine->trace, format, args);
  va_end(args);
}

static uint64_t draw(struct test_engine *engine, uint64_t below) {
  if (engine->random == 0 || below == 0) return 0;
  engine->random ^= engine->random << 13;
  engine->random ^= engine->random >> 7;
  engine->random ^= engine->random << 17;
  return engine->random % below;
}

void test_engine_crash(struct test_engine *engine) {
  size_t stored = draw(engine, engine->unacked_count + 1);
  for (size_t i = 0; i < stored; i++) test_store_apply(&engine->store, &engine->unacked[i]);
  stop(engine);
  engine->is_dead = true;
}

void test_engine_restart(struct test_engine *engine) { test_engine_go_back(engine, test_store_head(&engine->store)); }

void test_engine_go_back(struct test_engine *engine, uint64_t checkpoint_no) {
  struct fl_loaded loaded;
  stop(engine);
  test_store_load_at(&engine->store, checkpoint_no, &loaded);
  if (engine->store.commit_count > 0) tracef(engine, "> the process starts anew\n");
  engine->run = fl_run_create(engine->definition, &loaded, &engine->settings);
  fl_loaded_deinit(&loaded);
  engine->is_dead = false;
  engine->acked = 0;
  forget_end(engine);
}

/* ---- the trace ---- */

static const char *compact(struct fl_value *value) {
  static char text[4][4096];
  static size_t next;
  char *dump = fl_dump(value, NULL), *slot = text[next++ % 4];
  snprintf(slot, sizeof text[0], "%s", value != NULL ? dump : "-");
  fl_text_free(dump);
  return slot;
}

static const char *node_of(const struct test_engine *engine, const char *task_id) {
  for (size_t i = 0; i < engine->running_count; i++)
    if (strcmp(engine->running[i].id, task_id) == 0) return engine->running[i].node;
  return "?";
}

static void trace_record(struct test_engine *engine, const struct fl_record *record) {
  static const char *const bodies[] = {"=", "=", "+=", "~="};
  if (record->kind == FL_RECORD_VALUE)
    tracef(engine, "           %s %s %s\n", record->value.channel, bodies[record->value.kind], record->body);
  else if (record->kind == FL_RECORD_WRITE)
    tracef(engine, "           beside: %s %s %s\n",
           record->write.index == FL_WRITE_DONE           ? "done"
           : record->write.index == FL_WRITE_ERROR        ? "error"
           : record->write.index == FL_WRITE_ERROR_SOURCE ? "handler"
           : record->write.index == FL_WRITE_INTERRUPT    ? "asks"
           : record->write.index == FL_WRITE_RESUME       ? "answers"
                                                          : "write",
           record->write.channel, record->body);
  else {
    FL_VALUE_AUTO body = test_json(record->body);
    struct fl_value *stops = fl_get(body, "stops");
    tracef(engine, "           checkpoint: step %lld, %s, next %s%s%s\n", (long long)record->checkpoint.step,
           record->checkpoint.source, compact(fl_get(body, "next")), stops != NULL ? ", stops " : "",
           stops != NULL ? compact(stops) : "");
  }
}

static void trace_start(struct test_engine *engine, const struct fl_start_task *start) {
  FL_VALUE_AUTO state = fl_state_to_value(start->state);
  tracef(engine, "  start  %s, step %lld, on %s%s%s\n", start->node, (long long)start->step, compact(state),
         start->answers != NULL ? ", answers " : "", start->answers != NULL ? compact(start->answers) : "");
}

static void trace_effect(struct test_engine *engine, struct fl_do *effect) {
  static const char *const statuses[] = {"done", "interrupted", "failed", "cancelled", "to parent"};
  if (!engine->traces) return;
  switch (effect->kind) {
  case FL_DO_COMMIT:
    tracef(engine, "  commit %llu\n", (unsigned long long)effect->seq);
    for (size_t i = 0; i < effect->records.count; i++) trace_record(engine, &effect->records.items[i]);
    break;
  case FL_DO_START_TASK: trace_start(engine, &effect->start); break;
  case FL_DO_CANCEL_TASK: tracef(engine, "  cancel %s\n", node_of(engine, effect->task_id)); break;
  case FL_DO_EMIT: tracef(engine, "  %-6s %s\n", fl_stream_mode_name(effect->mode), compact(effect->payload)); break;
  case FL_DO_END:
    tracef(engine, "  end    %s%s%s%s%s\n", statuses[effect->status], effect->interrupts != NULL ? " " : "",
           effect->interrupts != NULL ? compact(effect->interrupts) : "", effect->status == FL_RUN_FAILED ? ": " : "",
           effect->status == FL_RUN_FAILED ? effect->error->text : "");
  }
}

/* ---- performing ---- */

static void break_invariant(struct test_engine *engine, const char *what) {
  if (engine->fault[0] == '\0') snprintf(engine->fault, sizeof engine->fault, "%s", what);
}

static void *push(void *items, size_t *count, const void *item, size_t size) {
  items = fl_realloc(items, (*count + 1) * size);
  memcpy((char *)items + (*count)++ * size, item, size);
  return items;
}

static void take_start(struct test_engine *engine, struct fl_do *effect) {
  struct fl_start_task *task = &effect->start;
  if (!engine->settings.ephemeral && test_store_head(&engine->store) != task->checkpoint_no)
    break_invariant(engine, "a task started before its checkpoint was stored");
  if (test_store_has_done(&engine->store, task->id)) break_invariant(engine, "a finished task was started again");
  uintptr_t attempts = (uintptr_t)fl_map_get(&engine->attempts, task->node) + 1;
  fl_map_set(&engine->attempts, task->node, (void *)attempts);
  engine->starts++;
  engine->running = push(engine->running, &engine->running_count, task, sizeof *task);
  task->state = NULL;
  task->answers = task->resume = task->children = task->arg = task->error = NULL;
}

static void feed(struct test_engine *engine, struct fl_ev *ev);

static void report_cancelled(struct test_engine *engine, const char *task_id) {
  for (size_t i = 0; i < engine->running_count; i++) {
    if (strcmp(engine->running[i].id, task_id) != 0) continue;
    struct fl_start_task task = engine->running[i];
    memmove(&engine->running[i], &engine->running[i + 1], (--engine->running_count - i) * sizeof *engine->running);
    struct fl_error err = {.code = FL_E_CANCELLED, .text = "cancelled"};
    tracef(engine, "> cancelled %s\n", task.node);
    feed(engine, &(struct fl_ev){.kind = FL_EV_TASK_FAILED, .task_id = task.id, .error = &err});
    start_deinit(&task);
    return;
  }
}

static void perform(struct test_engine *engine, struct fl_do *effect) {
  trace_effect(engine, effect);
  switch (effect->kind) {
  case FL_DO_COMMIT:
    engine->unacked = push(engine->unacked, &engine->unacked_count, effect, sizeof *effect);
    effect->records = (struct fl_records){0};
    break;
  case FL_DO_START_TASK: take_start(engine, effect); break;
  case FL_DO_CANCEL_TASK: report_cancelled(engine, effect->task_id); break;
  case FL_DO_EMIT:
    /* Going on shows the values that were loaded; they are stored already. */
    if (effect->after == 0 && effect->mode != FL_STREAM_VALUES && !engine->settings.ephemeral)
      break_invariant(engine, "something was emitted that waits for no commit");
    break;
  case FL_DO_END:
    if (engine->has_ended) break_invariant(engine, "a run ended twice");
    if (engine->running_count > 0) break_invariant(engine, "a run ended while a task was running");
    engine->has_ended = true;
    engine->status = effect->status;
    engine->interrupts = effect->interrupts;
    engine->error = effect->error != NULL ? *effect->error : (struct fl_error){0};
    engine->to_parent = effect->to_parent;
    effect->interrupts = NULL;
    effect->to_parent = (struct fl_parent_command){0};
  }
  struct fl_effects one = {effect, 1, 1};
  fl_effects_clear(&one);
}

static void feed(struct test_engine *engine, struct fl_ev *ev) {
  struct fl_effects effects = {0};
  /* The same number, the same id: so that lives that end in a crash derive what lives without one do. */
  snprintf(ev->checkpoint_id, sizeof ev->checkpoint_id, "checkpoint-%llu",
           (unsigned long long)engine->run->numbers->next_checkpoint_no);
  ev->wall_ms = 1000;
  fl_run_step(engine->run, ev, &effects);
  for (size_t i = 0; i < effects.count; i++)
    engine->held = push(engine->held, &engine->held_count, &effects.items[i], sizeof *engine->held);
  fl_free(effects.items);
}

static bool may_act(struct test_engine *engine) {
  if (engine->is_dead) return false;
  if (engine->budget == 0 || --engine->budget > 0) return true;
  test_engine_crash(engine);
  return false;
}

static bool can_perform(const struct test_engine *engine) {
  return engine->held_count > 0 && engine->held[0].after <= engine->acked;
}

static void perform_first(struct test_engine *engine) {
  struct fl_do effect = engine->held[0];
  memmove(engine->held, engine->held + 1, --engine->held_count * sizeof *engine->held);
  perform(engine, &effect);
}

/* As an engine must: what waits for a commit that failed is dropped. */
static void refuse(struct test_engine *engine, struct fl_do *commit) {
  struct fl_error err = {.code = FL_E_NO_SPACE, .text = "the disk is full"};
  size_t kept = 0;
  tracef(engine, "> commit %llu failed\n", (unsigned long long)commit->seq);
  for (size_t i = 0; i < engine->held_count; i++) {
    if (engine->held[i].after >= commit->seq) drop_effects(&engine->held[i], 1);
    else engine->held[kept++] = engine->held[i];
  }
  engine->held_count = kept;
  feed(engine, &(struct fl_ev){.kind = FL_EV_COMMIT_FAILED, .seq = commit->seq, .error = &err});
  drop_effects(commit, 1);
}

static void acknowledge(struct test_engine *engine) {
  struct fl_do commit = engine->unacked[0];
  memmove(engine->unacked, engine->unacked + 1, --engine->unacked_count * sizeof *engine->unacked);
  if (commit.seq == engine->refuse_seq) {
    refuse(engine, &commit);
    return;
  }
  test_store_apply(&engine->store, &commit);
  engine->acked = commit.seq;
  if (engine->store.fault[0] != '\0') break_invariant(engine, engine->store.fault);
  feed(engine, &(struct fl_ev){.kind = FL_EV_COMMITTED, .seq = commit.seq});
}

static void trace_call(struct test_engine *engine, const struct test_call *call) {
  if (call->outcome == TEST_FAILS) tracef(engine, "> failed %s: %s\n", call->start->node, call->error.text);
  if (call->outcome == TEST_ASKS) tracef(engine, "> asks %s: %s\n", call->start->node, compact(call->question));
  if (call->outcome != TEST_DONE) return;
  tracef(engine, "> done %s:", call->start->node);
  for (size_t i = 0; i < call->write_count; i++)
    tracef(engine, " %s %s", call->writes[i].channel, compact(call->writes[i].value));
  for (size_t i = 0; i < call->goto_count; i++)
    tracef(engine, " -> %s%s%s", call->gotos[i].node, call->gotos[i].arg != NULL ? " " : "",
           call->gotos[i].arg != NULL ? compact(call->gotos[i].arg) : "");
  tracef(engine, "\n");
}

static void finish(struct test_engine *engine, size_t place) {
  struct fl_start_task task = engine->running[place];
  memmove(&engine->running[place], &engine->running[place + 1],
          (--engine->running_count - place) * sizeof *engine->running);
  struct test_call call = {.start = &task, .user = engine->user};
  ((test_node_fn *)engine->definition->nodes[task.node_index].user)(&call);
  trace_call(engine, &call);
  struct fl_parent_command command = {call.writes, call.write_count, call.gotos, call.goto_count};
  struct fl_ev ev = {.task_id = task.id,
                     .writes = call.writes,
                     .write_count = call.write_count,
                     .gotos = call.gotos,
                     .goto_count = call.goto_count,
                     .to_parent = call.is_for_parent ? &command : NULL,
                     .value = call.question,
                     .children = call.children,
                     .heads = call.heads,
                     .labels = call.labels,
                     .error = &call.error};
  ev.kind = call.outcome == TEST_DONE    ? FL_EV_TASK_DONE
            : call.outcome == TEST_FAILS ? FL_EV_TASK_FAILED
                                         : FL_EV_TASK_INTERRUPTED;
  feed(engine, &ev);
  for (size_t i = 0; i < call.write_count; i++) fl_value_unref(call.writes[i].value);
  for (size_t i = 0; i < call.goto_count; i++) fl_value_unref(call.gotos[i].arg);
  fl_value_unref(call.question);
  fl_value_unref(call.children);
  fl_value_unref(call.heads);
  start_deinit(&task);
}

/* One of: perform an effect, acknowledge a commit, let a task end. Without a seed in this order, otherwise at random.
 */
static bool act(struct test_engine *engine, bool finishes) {
  bool options[3] = {can_perform(engine), engine->unacked_count > 0, finishes && engine->running_count > 0};
  size_t first = draw(engine, 3);
  for (size_t i = 0; i < 3; i++) {
    size_t choice = (first + i) % 3;
    if (!options[choice]) continue;
    if (!may_act(engine)) return false;
    if (choice == 0) perform_first(engine);
    if (choice == 1) acknowledge(engine);
    if (choice == 2) finish(engine, draw(engine, engine->running_count));
    return true;
  }
  return false;
}

void test_settle(struct test_engine *engine) {
  while (act(engine, false)) {}
}

void test_send(struct test_engine *engine, struct fl_ev *ev) {
  forget_end(engine);
  feed(engine, ev);
  while (act(engine, !engine->manual)) {}
  if (!engine->is_dead && !engine->manual && !engine->has_ended)
    break_invariant(engine, "a run stands still without an end");
}

void test_finish(struct test_engine *engine, const char *node) {
  for (size_t i = 0; i < engine->running_count; i++) {
    if (strcmp(engine->running[i].node, node) != 0) continue;
    finish(engine, i);
    test_settle(engine);
    return;
  }
  fail_msg("%s is not running", node);
}

/* ---- events ---- */

static void send_value(struct test_engine *engine, enum fl_ev_kind kind, const char *json, const char *node) {
  FL_VALUE_AUTO value = json != NULL ? test_json(json) : NULL;
  test_send(engine, &(struct fl_ev){.kind = kind, .value = value, .node = node});
}

void test_input(struct test_engine *engine, const char *json) {
  tracef(engine, "> input %s\n", json);
  send_value(engine, FL_EV_INPUT, json, NULL);
}

void test_continue(struct test_engine *engine) {
  tracef(engine, "> continue\n");
  send_value(engine, FL_EV_CONTINUE, NULL, NULL);
}

void test_resume(struct test_engine *engine, const char *json) {
  tracef(engine, "> resume %s\n", json);
  send_value(engine, FL_EV_RESUME, json, NULL);
}

void test_resume_map(struct test_engine *engine, struct fl_value *taken) {
  FL_VALUE_AUTO value = taken;
  tracef(engine, "> resume by id %s\n", compact(value));
  test_send(engine, &(struct fl_ev){.kind = FL_EV_RESUME, .value = value, .is_map = true});
}

void test_update(struct test_engine *engine, const char *json, const char *node) {
  tracef(engine, "> update%s%s %s\n", node != NULL ? " as " : "", node != NULL ? node : "", json != NULL ? json : "-");
  send_value(engine, FL_EV_UPDATE, json, node);
}

void test_bulk_update(struct test_engine *engine, const char *json) {
  char ids[16][FL_UUID_SIZE];
  FL_VALUE_AUTO value = test_json(json);
  size_t count = fl_size(value) > 1 && fl_size(value) <= 17 ? fl_size(value) - 1 : 0;
  for (size_t i = 0; i < count; i++)
    snprintf(ids[i], sizeof ids[i], "checkpoint-%llu",
             (unsigned long long)engine->run->numbers->next_checkpoint_no + i + 1);
  tracef(engine, "> bulk update %s\n", json);
  test_send(engine,
            &(struct fl_ev){.kind = FL_EV_BULK_UPDATE, .value = value, .more_ids = ids, .more_id_count = count});
}

void test_cancel(struct test_engine *engine) {
  tracef(engine, "> cancel\n");
  send_value(engine, FL_EV_CANCEL, NULL, NULL);
}

/* ---- looking ---- */

char *test_state(const struct test_engine *engine) {
  FL_VALUE_AUTO value = fl_state_to_value(fl_run_state(engine->run));
  return fl_dump(value, NULL);
}

void assert_state(const struct test_engine *engine, const char *json) {
  FL_VALUE_AUTO expected = test_json(json);
  FL_VALUE_AUTO actual = fl_state_to_value(fl_run_state(engine->run));
  if (!fl_equal(expected, actual)) fail_msg("the state is %s, not %s", compact(actual), json);
}

void assert_golden(const struct test_engine *engine, const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/tests/golden/graph/%s.txt", getenv("FL_SOURCE_ROOT"), name);
  if (getenv("FL_GOLDEN_WRITE") != NULL) {
    FILE *file = fopen(path, "w");
    fputs(engine->trace.data, file);
    fclose(file);
  }
  char *expected = test_read_file(path, NULL);
  if (expected == NULL || strcmp(expected, engine->trace.data) != 0)
    fail_msg("%s differs; it is now:\n%s", path, engine->trace.data);
  free(expected);
  if (engine->fault[0] != '\0') fail_msg("%s", engine->fault);
}

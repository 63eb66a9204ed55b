/* SPDX-License-Identifier: MIT */
/* Both kinds of store are given the same random transactions, sensible ones and others, and must answer the same: the
 * status of each, and everything that can be read afterwards. A failure prints the seed and the place. */
#include "tests/unit/store/fixture.h"

enum { SEEDS = 12, ROUNDS = 140, THREADS = 4 };

static uint64_t random_state;
static uint64_t draw(uint64_t below) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state % below;
}
static bool one_in(uint64_t count) { return draw(count) == 0; }

static const char *const thread_ids[THREADS] = {"alpha", "beta_1", "beta-2", "copy"};
static const char *const namespaces[] = {"", "", "", "child:1", "child:2"};
static const char *const sources[] = {"input", "loop", "loop", "update", "fork"};

/* What the drawing knows of a thread; it need not be right. */
struct sketch {
  uint64_t fence, head, next_checkpoint, next_value, list_no, list_count;
};
static struct sketch sketches[THREADS];
static int64_t wall_ms;

/* ---- drawing ---- */

static uint64_t about(uint64_t number) {
  if (!one_in(12)) return number;
  return number > 1 && one_in(2) ? number - 1 : number + draw(3);
}

static void draw_id(char id[FL_UUID_SIZE]) {
  uint8_t random[10] = {(uint8_t)draw(4)};
  if (one_in(3)) snprintf(id, FL_UUID_SIZE, "task-%d", (int)draw(4));
  else fl_uuid7(1000, random, id);
}

static void draw_list(struct fl_records *records, struct sketch *sketch) {
  static const char *const texts[] = {"[{\"id\":\"m\",\"n\":1}]", "[\"a,b\",[2]]", "[]"};
  size_t which = draw(3), added = which == 0 ? 1 : which == 1 ? 2 : 0;
  struct fl_record *record;
  if (sketch->list_no == 0 || one_in(9)) {
    sketch->list_count = added;
    record = add_delta(records, FL_BODY_LIST, sketch->next_value, 0, added, texts[which]);
  } else if (sketch->list_count > 0 && one_in(4)) {
    record = add_delta(records, FL_BODY_EDIT, sketch->next_value, sketch->list_no, sketch->list_count,
                       "[[\"cut\",0],[\"append\",7],[\"set\",0,{\"e\":1}]]");
  } else {
    sketch->list_count += added;
    record = add_delta(records, FL_BODY_APPEND, sketch->next_value, sketch->list_no, sketch->list_count, texts[which]);
  }
  record->value.labels = draw(3);
  sketch->list_no = sketch->next_value++;
}

static void draw_checkpoint(struct fl_records *records, struct sketch *sketch) {
  uint64_t no = about(sketch->next_checkpoint), value_no = sketch->next_value;
  char body[160];
  add_value(records, "x", sketch->next_value++, one_in(9) ? "{\"deep\":[1,{}]}" : "42");
  snprintf(body, sizeof body, "{\"channels\":{\"x\":[1,%d],\"messages\":[2,%d],\"none\":[0,%d]}}", (int)value_no,
           (int)sketch->list_no, one_in(20) ? 77777 : 0);
  struct fl_record *record = add_checkpoint(records, no, no > sketch->head ? sketch->head : 0, sources[draw(5)], body);
  fl_free(record->ns);
  record->ns = fl_strdup(namespaces[draw(5)]);
  if (record->ns[0] == 0) sketch->head = no;
  sketch->next_checkpoint = no + 1;
}

static void draw_beside(struct fl_records *records, const struct sketch *sketch) {
  static const int indices[] = {0, 0, 1, 2, FL_WRITE_ERROR, FL_WRITE_INTERRUPT, FL_WRITE_DONE};
  static const char *const bodies[] = {"1", "{\"w\":[1,2]}", "\"text\"", NULL};
  uint64_t checkpoint_no = about(sketch->head + 1) - 1;
  char task[FL_UUID_SIZE], call[FL_UUID_SIZE];
  draw_id(task);
  draw_id(call);
  switch (draw(4)) {
  case 0: add_write(records, checkpoint_no, task, indices[draw(7)], bodies[draw(4)]); break;
  case 1: add_intent(records, checkpoint_no, task, (int)draw(3), call); break;
  case 2:
    add_intent(records, checkpoint_no, task, (int)draw(3), call);
    add_result(records, checkpoint_no, task, call, bodies[draw(4)])->result.is_error = one_in(3);
    break;
  default:
    if (one_in(4)) add_result(records, checkpoint_no, task, call, "3");
    break;
  }
}

static void draw_records(struct fl_records *records, struct sketch *sketch) {
  static const char *const metadata[] = {NULL, "{\"a\":1}", "{\"a\":null,\"b\":{\"c\":2}}", "{\"b\":{\"c\":null}}"};
  for (uint64_t i = 0, count = 1 + draw(4); i < count; i++) {
    switch (draw(6)) {
    case 0: draw_list(records, sketch); break;
    case 1:
    case 2: draw_checkpoint(records, sketch); break;
    case 3: draw_beside(records, sketch); break;
    case 4: add_thread(records, one_in(2) ? "busy" : NULL, wall_ms, metadata[draw(4)]); break;
    default: set_body(fl_records_add(records, FL_RECORD_EVENT, ""), "{\"event\":1}"); break;
    }
  }
}

/* Pruning, going back, copying: by the holder, or by nobody in particular. */
static void draw_upkeep(struct fl_txn *txn, const struct sketch *sketch) {
  static struct fl_prune prune;
  static struct fl_rollback rollback;
  static struct fl_copy copy;
  if (one_in(2)) txn->fence = 0;
  switch (draw(4)) {
  case 0:
    rollback = (struct fl_rollback){.to_no = about(sketch->head), .status = one_in(2) ? "idle" : NULL};
    txn->kind = FL_TXN_ROLLBACK;
    txn->rollback = &rollback;
    break;
  case 1:
    copy = (struct fl_copy){.to = thread_ids[draw(THREADS)], .until_no = one_in(3) ? sketch->head / 2 : 0};
    txn->kind = FL_TXN_COPY;
    txn->copy = &copy;
    break;
  default:
    prune = (struct fl_prune){.keep_last = draw(4),
                              .since_ms = one_in(3) ? 1000 + (int64_t)draw(30) : 0,
                              .keep_events = draw(5),
                              .slack = draw(3)};
    txn->kind = FL_TXN_PRUNE;
    txn->prune = &prune;
    break;
  }
}

/* One transaction for both stores. */
static void draw_txn(struct fl_txn *txn, struct fl_records *records) {
  size_t which = draw(THREADS);
  struct sketch *sketch = &sketches[which];
  *txn = (struct fl_txn){.thread = thread_ids[which], .fence = about(sketch->fence), .wall_ms = wall_ms};
  switch (draw(14)) {
  case 12:
  case 13: draw_upkeep(txn, sketch); break;
  case 0: txn->kind = FL_TXN_LEASE_RELEASE; break;
  case 1: txn->kind = FL_TXN_LEASE_RENEW; break;
  case 2: txn->kind = one_in(4) ? FL_TXN_DELETE_THREAD : FL_TXN_LEASE_RENEW; break;
  case 3:
  case 4:
    txn->kind = FL_TXN_LEASE_ACQUIRE;
    txn->creates = !one_in(4);
    break;
  default:
    txn->kind = FL_TXN_WRITE;
    txn->expected_head = about(sketch->head + 1) - 1;
    draw_records(records, sketch);
    txn->records = records;
    break;
  }
}

/* ---- answers as text ---- */

static void add_json(struct fl_buf *text, const struct fl_value *value) {
  if (value == NULL) fl_buf_add_text(text, "-");
  else fl_json_write(text, value, FL_JSON_COMPACT);
  fl_buf_add_text(text, " ");
}

static void add_loaded(struct fl_buf *text, const struct fl_loaded *loaded) {
  fl_buf_addf(text, "no %d<%d next %d %d id %s step %d at %d %s ", (int)loaded->checkpoint_no, (int)loaded->parent_no,
              (int)loaded->next_checkpoint_no, (int)loaded->next_value_no, loaded->checkpoint_id, (int)loaded->step,
              (int)loaded->wall_ms, loaded->source != NULL ? loaded->source : "-");
  add_json(text, loaded->body);
  for (size_t i = 0; i < loaded->channel_count; i++) {
    const struct fl_loaded_channel *channel = &loaded->channels[i];
    FL_VALUE_AUTO list = channel->var.list != NULL ? fl_list_to_array(channel->var.list) : NULL;
    fl_buf_addf(text, "\n  %s %d %d ", channel->name, (int)channel->version, (int)channel->value_no);
    add_json(text, list != NULL ? list : channel->var.value);
  }
  for (size_t i = 0; i < loaded->write_count; i++) {
    fl_buf_addf(text, "\n  write %s %d %s ", loaded->writes[i].task_id, loaded->writes[i].index,
                loaded->writes[i].channel);
    add_json(text, loaded->writes[i].value);
  }
  for (size_t i = 0; i < loaded->call_count; i++) {
    const struct fl_loaded_call *call = &loaded->calls[i];
    fl_buf_addf(text, "\n  call %s %s %d %d %d %s %d %d ", call->task_id, call->call_id, call->index, call->kind,
                call->effect, call->name, call->has_result, call->is_error);
    add_json(text, call->args);
    add_json(text, call->result);
  }
}

static bool add_info(const struct fl_thread_info *info, void *user) {
  fl_buf_addf(user, "thread %s %s %s %s %lld %lld head %d step %d pid %d ", info->id,
              info->graph_name != NULL ? info->graph_name : "-", info->graph_file != NULL ? info->graph_file : "-",
              info->status, (long long)info->created_ms, (long long)info->updated_ms, (int)info->head_no,
              (int)info->step, (int)info->lease_pid);
  add_json(user, info->metadata);
  fl_buf_add_text(user, "\n");
  return true;
}

static bool add_info_of_checkpoint(const struct fl_checkpoint_info *info, void *user) {
  fl_buf_addf(user, "checkpoint %d<%d %s %d %s %d ", (int)info->no, (int)info->parent_no, info->id, (int)info->step,
              info->source, (int)info->wall_ms);
  add_json(user, info->body);
  fl_buf_add_text(user, "\n");
  return true;
}

static bool add_event(const struct fl_event_info *info, void *user) {
  fl_buf_addf(user, "event %s %.*s\n", info->run_id, (int)info->body.size, info->body.data);
  return true;
}

static void add_load(struct fl_buf *text, struct fl_store *store, const char *thread, const char *ns, uint64_t no) {
  struct fl_loaded loaded = {0};
  struct fl_error err = {0};
  int status = fl_store_load(store, thread, ns, no, &loaded, &err);
  fl_buf_addf(text, "load %s %s %d: %d ", thread, ns, (int)no, status);
  if (status == 0) add_loaded(text, &loaded);
  fl_buf_addf(text, "\n  %s\n", status == FL_E_CORRUPT ? err.text : "");
  fl_loaded_deinit(&loaded);
}

static int add_record(const struct fl_record *record, void *user, struct fl_error *err) {
  fl_buf_addf(user, "record %d %s %.*s\n", record->kind, record->ns, (int)record->body_size,
              record->body != NULL ? record->body : "");
  return 0;
}

/* Everything that a store says. */
static void add_all(struct fl_buf *text, struct fl_store *store) {
  fl_store_list_threads(store, NULL, add_info, text, NULL);
  fl_store_list_threads(store, &(struct fl_threads_query){.prefix = "beta_", .limit = 2}, add_info, text, NULL);
  fl_store_list_threads(store, &(struct fl_threads_query){.status = "busy"}, add_info, text, NULL);
  for (size_t i = 0; i < THREADS; i++) {
    const char *thread = thread_ids[i];
    for (size_t j = 2; j < 5; j++) {
      add_load(text, store, thread, namespaces[j], 0);
      add_load(text, store, thread, namespaces[j], sketches[i].head / 2);
      fl_store_list_checkpoints(store, thread, namespaces[j], 0, 0, add_info_of_checkpoint, text, NULL);
      fl_store_list_checkpoints(store, thread, namespaces[j], 5, 2, add_info_of_checkpoint, text, NULL);
    }
    uint64_t no = 0;
    int status = fl_store_find_checkpoint(store, thread, "", "1f0a000", &no, NULL);
    fl_buf_addf(text, "find %d %d\n", status, (int)no);
    fl_store_list_events(store, thread, NULL, 0, add_event, text, NULL);
    fl_store_read_all(store, thread, add_record, text, NULL);
  }
}

static void compare(struct fixture *memory, struct fixture *sqlite, uint64_t seed, int round) {
  FL_BUF_AUTO one = {0};
  FL_BUF_AUTO two = {0};
  add_all(&one, memory->store);
  add_all(&two, sqlite->store);
  if (one.size == two.size && memcmp(one.data, two.data, one.size) == 0) return;
  size_t at = 0;
  while (at < one.size && at < two.size && one.data[at] == two.data[at]) at++;
  size_t from = at > 200 ? at - 200 : 0;
  print_error("in memory: … %.600s\n", one.data + from);
  print_error("on disk: … %.600s\n", two.data + from);
  fail_msg("seed %d, round %d: the stores say different things", (int)seed, round);
}

/* ---- the runs ---- */

static int submit_copy(struct fixture *f, const struct fl_txn *txn, uint64_t *ret_fence) {
  struct waiting waiting = {.txn = *txn};
  int status = submit_and_wait(f, &waiting);
  *ret_fence = waiting.txn.fence;
  return status;
}

/* After a transaction that failed, the sketch asks the store where it stands. */
static void look_again(struct fixture *f, const struct fl_txn *txn, uint64_t fence, int status) {
  for (size_t i = 0; i < THREADS; i++) {
    struct sketch *sketch = &sketches[i];
    bool is_copy = txn->kind == FL_TXN_COPY && strcmp(txn->copy->to, thread_ids[i]) == 0;
    if (strcmp(txn->thread, thread_ids[i]) != 0 && !is_copy) continue;
    if (txn->kind == FL_TXN_LEASE_ACQUIRE && status == 0) sketch->fence = fence;
    bool moves = txn->kind == FL_TXN_DELETE_THREAD || txn->kind == FL_TXN_ROLLBACK || txn->kind == FL_TXN_COPY;
    if (!moves && (status == 0 || txn->kind != FL_TXN_WRITE)) continue;
    struct fl_loaded loaded = {0};
    if (fl_store_load(f->store, thread_ids[i], "", 0, &loaded, NULL) != 0) loaded = (struct fl_loaded){0};
    sketch->head = loaded.checkpoint_no;
    sketch->next_checkpoint = loaded.next_checkpoint_no + (loaded.next_checkpoint_no == 0);
    sketch->next_value = loaded.next_value_no + (loaded.next_value_no == 0);
    sketch->list_no = sketch->list_count = 0;
    fl_loaded_deinit(&loaded);
  }
}

static void run_seed(uint64_t seed, size_t *succeeded) {
  struct fixture memory = {0}, sqlite = {0};
  fixture_open(&memory, true);
  fixture_open(&sqlite, false);
  random_state = seed * 0x9e3779b97f4a7c15;
  wall_ms = fl_world_wall_ms(sqlite.world);
  for (size_t i = 0; i < THREADS; i++) sketches[i] = (struct sketch){.next_checkpoint = 1, .next_value = 1};
  for (int round = 0; round < ROUNDS; round++) {
    struct fl_txn txn;
    struct fl_records records = {0};
    uint64_t fences[2];
    wall_ms += (int64_t)draw(100);
    if (one_in(40)) wall_ms += FL_LEASE_MS; /* leases run out */
    draw_txn(&txn, &records);
    int one = submit_copy(&memory, &txn, &fences[0]), two = submit_copy(&sqlite, &txn, &fences[1]);
    if (one != two || fences[0] != fences[1])
      fail_msg("seed %d, round %d, kind %d: %s (%s) in memory, %s (%s) on disk", (int)seed, round, txn.kind,
               fl_error_word(one), memory.err.text, fl_error_word(two), sqlite.err.text);
    *succeeded += one == 0;
    look_again(&memory, &txn, fences[0], one);
    fl_records_deinit(&records);
    if (round % 8 == 0) compare(&memory, &sqlite, seed, round);
  }
  compare(&memory, &sqlite, seed, ROUNDS);
  fixture_close(&memory);
  fixture_close(&sqlite);
}

static void both_kinds_answer_the_same(void **state) {
  size_t succeeded = 0;
  for (uint64_t seed = 1; seed <= SEEDS; seed++) run_seed(seed, &succeeded);
  assert_in_range(succeeded, SEEDS * ROUNDS / 4, SEEDS * ROUNDS * 9 / 10); /* both sorts were drawn */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(both_kinds_answer_the_same)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

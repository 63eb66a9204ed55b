/* SPDX-License-Identifier: MIT */
/* Random threads (lists that grow and are edited, forks, subgraphs) are pruned by random rules, in every kind of store:
 * what the rule keeps is there and says what it said, what nothing needs is gone, and the thread goes on. */
#include "tests/unit/store/fixture.h"

enum { SEEDS = 60, STEPS_MAX = 40 };

static uint64_t random_state;
static uint64_t draw(uint64_t below) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state % below;
}

/* A checkpoint as it was written, and what it said. */
struct moment {
  uint64_t no, list_no, list_count;
  int64_t wall_ms;
  bool is_sub, is_lasting;
  uint64_t owner; /* index of the root's moment before a subgraph's */
  char *said;
};

struct story {
  char thread[16];
  uint64_t fence, head, next_value;
  struct moment moments[STEPS_MAX];
  size_t count;
  bool is_pruned; /* what was before the head may be gone */
};

/* ---- writing ---- */

static void add_list(struct fl_records *records, struct story *story, const struct moment *from, struct moment *to) {
  char body[80];
  uint64_t no = story->next_value++;
  to->list_no = no;
  if (from == NULL || from->list_count == 0 || draw(10) == 0) {
    add_delta(records, FL_BODY_LIST, no, 0, 1, "[\"whole\"]");
    to->list_count = 1;
  } else if (draw(3) == 0) {
    snprintf(body, sizeof body, "[[\"set\",%d,\"edited %d\"],[\"append\",%d]]", (int)draw(from->list_count), (int)no,
             (int)no);
    add_delta(records, FL_BODY_EDIT, no, from->list_no, from->list_count + 1, body);
    to->list_count = from->list_count + 1;
  } else {
    snprintf(body, sizeof body, "[\"element %d\"]", (int)no);
    add_delta(records, FL_BODY_APPEND, no, from->list_no, from->list_count + 1, body);
    to->list_count = from->list_count + 1;
  }
}

static const struct moment *last_root(const struct story *story) {
  for (size_t i = story->count; i > 0; i--)
    if (!story->moments[i - 1].is_sub) return &story->moments[i - 1];
  return NULL;
}

/* The next checkpoint: of the root (from the head, or from any before: a fork), or of a subgraph of its superstep. */
static void add_moment(struct fixture *f, struct story *story) {
  struct fl_records records = {0};
  struct moment *moment = &story->moments[story->count];
  const struct moment *head = last_root(story), *from = head;
  *moment = (struct moment){.no = story->count + 1, .wall_ms = 1000 + (int64_t)story->count};
  moment->is_sub = head != NULL && draw(4) == 0;
  moment->is_lasting = moment->is_sub && draw(2) == 0;
  if (head != NULL) moment->owner = (uint64_t)(head - story->moments);
  bool may_fork = !moment->is_sub && story->count > 0 && !story->is_pruned;
  if (may_fork && draw(5) == 0) from = &story->moments[draw(story->count)];
  add_list(&records, story, from, moment);
  char body[120];
  snprintf(body, sizeof body, "{\"channels\":{\"messages\":[%d,%d]}}", (int)moment->no, (int)moment->list_no);
  uint64_t parent_no = moment->is_sub || from == NULL || from->is_sub ? 0 : from->no;
  struct fl_record *record = add_checkpoint(&records, moment->no, parent_no, from == head ? "loop" : "fork", body);
  record->checkpoint.wall_ms = moment->wall_ms;
  if (moment->is_sub) {
    fl_free(record->ns);
    record->ns = fl_strdup(moment->is_lasting ? "own" : "each:task");
  }
  commit_ok(f, story->thread, story->fence, story->head, &records);
  if (!moment->is_sub) story->head = moment->no;
  story->count++;
}

/* ---- what is said ---- */

static const char *ns_of(const struct moment *moment) {
  if (!moment->is_sub) return "";
  return moment->is_lasting ? "own" : "each:task";
}

/* NULL when the checkpoint is not there; the caller frees. */
static char *say(struct fixture *f, const struct story *story, const struct moment *moment) {
  struct fl_loaded loaded;
  int status = fl_store_load(f->store, story->thread, ns_of(moment), moment->no, &loaded, &f->err);
  if (status == FL_E_NOT_FOUND) return NULL;
  if (status != 0) fail_msg("checkpoint %d: %s", (int)moment->no, f->err.text);
  char *said = fl_strdup(channel_text(&loaded, "messages"));
  fl_loaded_deinit(&loaded);
  return said;
}

/* By the rule as upkeep.h has it. */
static bool must_stay(const struct story *story, size_t index, const struct fl_prune *prune) {
  const struct moment *moment = &story->moments[index];
  if (moment->is_sub) {
    bool is_newest = moment->is_lasting;
    for (size_t i = index + 1; i < story->count; i++) is_newest &= !story->moments[i].is_lasting;
    return is_newest || must_stay(story, moment->owner, prune);
  }
  size_t later = 0;
  for (size_t i = index + 1; i < story->count; i++) later += !story->moments[i].is_sub;
  return later == 0 || later < prune->keep_last || (prune->since_ms != 0 && moment->wall_ms >= prune->since_ms);
}

/* ---- what is left ---- */

struct rows {
  uint64_t parents[256]; /* by number of the value; UINT64_MAX: not there */
  bool is_needed[256];
};

static int take_row(const struct fl_record *record, void *user, struct fl_error *err) {
  struct rows *rows = user;
  if (record->kind == FL_RECORD_VALUE) rows->parents[record->value.no] = record->value.parent_no;
  if (record->kind != FL_RECORD_CHECKPOINT) return 0;
  int version, no;
  assert_int_equal(sscanf(record->body, "{\"channels\":{\"messages\":[%d,%d]}}", &version, &no), 2);
  for (uint64_t at = (uint64_t)no; at != 0; at = rows->parents[at]) {
    assert_true(rows->parents[at] != UINT64_MAX);
    rows->is_needed[at] = true;
  }
  return 0;
}

static void nothing_is_left_over(struct fixture *f, const struct story *story) {
  struct rows rows;
  memset(&rows, 0, sizeof rows);
  for (size_t i = 0; i < 256; i++) rows.parents[i] = UINT64_MAX;
  assert_int_equal(fl_store_read_all(f->store, story->thread, take_row, &rows, NULL), 0);
  for (size_t i = 0; i < 256; i++)
    if (rows.parents[i] != UINT64_MAX && !rows.is_needed[i]) fail_msg("value %d is needed by nothing", (int)i);
}

static uint64_t prune_by(struct fixture *f, const struct story *story, const struct fl_prune *prune) {
  struct waiting waiting = {
      .txn = {.kind = FL_TXN_PRUNE, .thread = story->thread, .fence = story->fence, .prune = prune}};
  if (submit_and_wait(f, &waiting) != 0) fail_msg("prune: %s", f->err.text);
  return waiting.txn.count;
}

static void compare(struct fixture *f, const struct story *story, const struct fl_prune *prune, uint64_t dropped) {
  size_t gone = 0;
  for (size_t i = 0; i < story->count; i++) {
    const struct moment *moment = &story->moments[i];
    FL_FREE_AUTO char *said = say(f, story, moment);
    bool stays = must_stay(story, i, prune);
    if ((said != NULL) != stays)
      fail_msg("%s: checkpoint %d %s", story->thread, (int)moment->no, stays ? "went" : "is still there");
    if (said != NULL) assert_string_equal(said, moment->said);
    gone += said == NULL;
  }
  assert_int_equal(gone, dropped);
  if (dropped > 0) nothing_is_left_over(f, story);
}

static void run_seed(struct fixture *f, uint64_t seed) {
  struct story story = {.next_value = 1};
  random_state = seed * 0x9e3779b97f4a7c15;
  snprintf(story.thread, sizeof story.thread, "seed-%d", (int)seed);
  story.fence = acquire(f, story.thread);
  for (size_t steps = 5 + draw(STEPS_MAX - 10); story.count < steps;) add_moment(f, &story);
  for (size_t i = 0; i < story.count; i++) story.moments[i].said = say(f, &story, &story.moments[i]);
  struct fl_prune prune = {.keep_last = draw(6), .since_ms = draw(2) == 0 ? 1000 + (int64_t)draw(story.count) : 0};
  if (prune.keep_last == 0 && prune.since_ms == 0) prune.keep_last = 1;
  compare(f, &story, &prune, prune_by(f, &story, &prune));
  assert_int_equal(prune_by(f, &story, &prune), 0);
  story.is_pruned = true;
  for (int i = 0; i < 3; i++) add_moment(f, &story); /* it goes on */
  FL_FREE_AUTO char *said = say(f, &story, &story.moments[story.count - 1]);
  assert_non_null(said);
  for (size_t i = 0; i < story.count; i++) fl_free(story.moments[i].said);
}

static void random_threads_are_pruned_by_the_rule(void **state) {
  for (uint64_t seed = 1; seed <= SEEDS; seed++) run_seed(*state, seed);
}

int main(void) {
  const struct CMUnitTest tests[] = {EACH(random_threads_are_pruned_by_the_rule)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* The record of runs, in every kind of store: written with a commit or not at all, found again by what it is about,
 * dropped by age, user, run and thread, content before the rest. */
#include "runtime/store/trace.h"

#include "tests/unit/store/fixture.h"

static const char *const runs[] = {"0192f000-0000-7000-8000-00000000000a", "0192f000-0001-7000-8000-00000000000b",
                                   "0192f111-0000-7000-8000-00000000000c"};

static struct fl_record *add_piece(struct fl_records *records, const char *run, enum fl_trace_part part, uint32_t no,
                                   const char *body) {
  struct fl_record *record = fl_records_add(records, FL_RECORD_TRACE, "");
  snprintf(record->trace.run_id, sizeof record->trace.run_id, "%s", run);
  record->trace.part = part;
  record->trace.no = no;
  set_body(record, body);
  return record;
}

static void begin_run(struct fixture *f, const char *thread, const char *run, int64_t wall_ms, const char *user) {
  struct fl_records records = {0};
  struct fl_record *record = add_piece(&records, run, FL_TRACE_BEGIN, 0, "{\"way\":\"input\"}");
  record->trace.wall_ms = wall_ms;
  record->trace.graph = fl_strdup("chat");
  record->trace.user = fl_strdup(user);
  add_piece(&records, run, FL_TRACE_SPANS, 1, "[1]");
  add_piece(&records, run, FL_TRACE_CONTENT, 1, "\"said\"");
  uint64_t fence = acquire(f, thread);
  commit_ok(f, thread, fence, 0, &records);
  assert_int_equal(lease(f, FL_TXN_LEASE_RELEASE, thread, fence), 0);
}

static void begin_three(struct fixture *f) {
  begin_run(f, "t", runs[0], 1000, "u1");
  begin_run(f, "u", runs[1], 2000, NULL);
  begin_run(f, "v", runs[2], 3000, "u1");
}

/* ---- what is there ---- */

static bool add_run(const struct fl_trace_run *run, void *user) {
  fl_buf_addf(user, "%s %s %s %s %lld %s %.*s %.*s\n", run->run_id, run->thread, run->graph,
              run->user != NULL ? run->user : "-", (long long)run->began_ms, run->has_content ? "content" : "bare",
              (int)run->begin.size, run->begin.data, (int)run->end.size, run->end.data != NULL ? run->end.data : "");
  return true;
}

static const char *listed(struct fixture *f, struct fl_trace_query query) {
  static struct fl_buf text;
  fl_buf_deinit(&text);
  query.visit = add_run;
  query.user_data = &text;
  if (fl_store_list_runs(f->store, &query, &f->err) != 0) fail_msg("list: %s", f->err.text);
  return text.size > 0 ? text.data : "";
}

static size_t count_of(struct fixture *f, struct fl_trace_query query) {
  size_t count = 0;
  for (const char *c = listed(f, query); *c != '\0'; c++) count += *c == '\n';
  return count;
}

static bool count_newest(const struct fl_trace_run *run, void *user) {
  *(uint64_t *)user = run->no;
  return true;
}

static uint64_t number_of(struct fixture *f, const char *run) {
  uint64_t no = 0;
  struct fl_trace_query query = {.run_id = run, .visit = count_newest, .user_data = &no};
  assert_int_equal(fl_store_list_runs(f->store, &query, &f->err), 0);
  return no;
}

static bool add_text(uint32_t no, fl_slice text, void *user) {
  fl_buf_addf(user, "%u %.*s;", no, (int)text.size, text.data);
  return true;
}

static const char *rows_of_run(struct fixture *f, const char *run, enum fl_trace_part part, uint32_t after) {
  static struct fl_buf text;
  fl_buf_deinit(&text);
  struct fl_trace_rows rows = {
      .run_no = number_of(f, run), .part = part, .after = after, .visit = add_text, .user_data = &text};
  if (fl_store_read_trace(f->store, &rows, &f->err) != 0) fail_msg("rows: %s", f->err.text);
  return text.size > 0 ? text.data : "";
}

static uint64_t drop(struct fixture *f, struct fl_trace_drop what) {
  struct waiting waiting = {.txn = {.kind = FL_TXN_TRACE_DROP, .trace_drop = &what}};
  if (submit_and_wait(f, &waiting) != 0) fail_msg("drop: %s", f->err.text);
  return waiting.txn.count;
}

/* ---- the tests ---- */

static void runs_are_found_by_what_they_are_about(void **state) {
  struct fixture *f = *state;
  assert_string_equal(listed(f, (struct fl_trace_query){0}), "");
  begin_three(f);
  assert_string_equal(listed(f, (struct fl_trace_query){.limit = 1}),
                      "0192f111-0000-7000-8000-00000000000c v chat u1 3000 content {\"way\":\"input\"} \n");
  assert_int_equal(count_of(f, (struct fl_trace_query){0}), 3);
  assert_int_equal(count_of(f, (struct fl_trace_query){.run_id = "0192f0"}), 2);
  assert_int_equal(count_of(f, (struct fl_trace_query){.run_id = "0192f000-0001"}), 1);
  assert_int_equal(count_of(f, (struct fl_trace_query){.run_id = "0192f2"}), 0);
  assert_int_equal(count_of(f, (struct fl_trace_query){.run_id = "no id"}), 0);
  assert_int_equal(count_of(f, (struct fl_trace_query){.thread = "u"}), 1);
  assert_int_equal(count_of(f, (struct fl_trace_query){.user = "u1"}), 2);
  assert_int_equal(count_of(f, (struct fl_trace_query){.graph = "other"}), 0);
  assert_int_equal(count_of(f, (struct fl_trace_query){.since_ms = 2000}), 2);
  assert_int_equal(count_of(f, (struct fl_trace_query){.until_ms = 2000}), 1);
  assert_int_equal(count_of(f, (struct fl_trace_query){.before_no = number_of(f, runs[1])}), 1);
}

static void pieces_are_read_in_their_order(void **state) {
  struct fixture *f = *state;
  struct fl_records records = {0};
  begin_three(f);
  fixture_reopen(f);
  add_piece(&records, runs[0], FL_TRACE_SPANS, 2, "[2]");
  add_piece(&records, runs[0], FL_TRACE_SPANS, 3, "[3]");
  add_piece(&records, runs[0], FL_TRACE_END, 0, "{\"status\":\"done\"}");
  commit_ok(f, "t", acquire(f, "t"), 0, &records);
  assert_string_equal(rows_of_run(f, runs[0], FL_TRACE_SPANS, 0), "1 [1];2 [2];3 [3];");
  assert_string_equal(rows_of_run(f, runs[0], FL_TRACE_SPANS, 2), "3 [3];");
  assert_string_equal(rows_of_run(f, runs[0], FL_TRACE_CONTENT, 0), "1 \"said\";");
  assert_string_equal(rows_of_run(f, runs[1], FL_TRACE_SPANS, 0), "1 [1];");
  assert_non_null(strstr(listed(f, (struct fl_trace_query){.run_id = runs[0]}), "{\"status\":\"done\"}"));
}

static void a_commit_that_fails_leaves_nothing(void **state) {
  struct fixture *f = *state;
  struct fl_records records = {0};
  uint64_t fence = acquire(f, "t");
  add_piece(&records, runs[0], FL_TRACE_BEGIN, 0, "{}");
  add_checkpoint(&records, 5, 1, "loop", "{\"channels\":{}}");
  assert_int_equal(commit(f, "t", fence, 99, &records), FL_E_CONFLICT);
  assert_int_equal(count_of(f, (struct fl_trace_query){0}), 0);
  /* and the next run of the store does not get rows that the first was to have */
  begin_run(f, "u", runs[1], 1, NULL);
  add_piece(&records, runs[0], FL_TRACE_SPANS, 7, "[7]");
  commit_ok(f, "t", fence, 0, &records);
  assert_string_equal(rows_of_run(f, runs[1], FL_TRACE_SPANS, 0), "1 [1];");
}

static void content_goes_before_the_rest(void **state) {
  struct fixture *f = *state;
  begin_three(f);
  assert_int_equal(drop(f, (struct fl_trace_drop){.content_before_ms = 2500, .graph = "other"}), 0);
  assert_int_equal(drop(f, (struct fl_trace_drop){.content_before_ms = 2500, .graph = "chat"}), 2);
  assert_string_equal(rows_of_run(f, runs[0], FL_TRACE_CONTENT, 0), "");
  assert_string_equal(rows_of_run(f, runs[0], FL_TRACE_SPANS, 0), "1 [1];");
  assert_string_equal(rows_of_run(f, runs[2], FL_TRACE_CONTENT, 0), "1 \"said\";");
  assert_int_equal(drop(f, (struct fl_trace_drop){.content_before_ms = 2500}), 0);
  assert_int_equal(drop(f, (struct fl_trace_drop){.before_ms = 2500}), 2);
  assert_int_equal(count_of(f, (struct fl_trace_query){0}), 1);
}

static void one_user_one_run_one_thread_are_dropped(void **state) {
  struct fixture *f = *state;
  begin_three(f);
  assert_int_equal(drop(f, (struct fl_trace_drop){.before_ms = INT64_MAX, .user = "u1"}), 2);
  assert_int_equal(count_of(f, (struct fl_trace_query){0}), 1);
  assert_int_equal(drop(f, (struct fl_trace_drop){.before_ms = INT64_MAX, .run_id = runs[0]}), 0);
  assert_int_equal(drop(f, (struct fl_trace_drop){.before_ms = INT64_MAX, .thread = "u", .graph = "none"}), 0);
  assert_int_equal(drop(f, (struct fl_trace_drop){.before_ms = INT64_MAX, .thread = "u"}), 1);
  assert_int_equal(count_of(f, (struct fl_trace_query){0}), 0);
}

static void a_deleted_thread_takes_its_traces_along(void **state) {
  struct fixture *f = *state;
  begin_three(f);
  assert_int_equal(lease(f, FL_TXN_DELETE_THREAD, "t", 0), 0);
  assert_int_equal(count_of(f, (struct fl_trace_query){0}), 2);
}

static void what_is_taken_back_leaves_its_end(void **state) {
  struct fixture *f = *state;
  struct fl_records records = {0};
  begin_three(f);
  add_piece(&records, runs[0], FL_TRACE_END, 0, "{\"status\":\"taken_back\"}");
  struct fl_rollback rollback = {.to_no = 0, .status = "idle", .trace = records.items};
  struct waiting waiting = {
      .txn = {.kind = FL_TXN_ROLLBACK, .thread = "t", .fence = acquire(f, "t"), .rollback = &rollback}};
  assert_int_equal(submit_and_wait(f, &waiting), 0);
  fl_records_deinit(&records);
  assert_string_equal(listed(f, (struct fl_trace_query){.thread = "t"}),
                      "0192f000-0000-7000-8000-00000000000a t chat u1 1000 bare {\"way\":\"input\"} "
                      "{\"status\":\"taken_back\"}\n");
  assert_string_equal(rows_of_run(f, runs[0], FL_TRACE_SPANS, 0), "");
}

/* ---- spans that came with checkpoints ---- */

/* Checkpoints 1 and 2 by the first run, 3 (of a subgraph) and 4 by the second; each with spans, and one piece without.
 */
static uint64_t write_checkpoints(struct fixture *f) {
  static const char *const spans[] = {"[1]", "[2]", "[3]", "[4]"};
  uint64_t fence = acquire(f, "t");
  for (uint64_t no = 1; no <= 4; no++) {
    struct fl_records records = {0};
    const char *run = runs[(no - 1) / 2];
    bool is_first = no % 2 == 1, is_sub = no == 3;
    struct fl_record *checkpoint = add_checkpoint(&records, no, no - 1, "loop", "{\"channels\":{}}");
    fl_free(is_sub ? checkpoint->ns : NULL);
    if (is_sub) checkpoint->ns = fl_strdup("inner");
    if (is_first) add_piece(&records, run, FL_TRACE_BEGIN, 0, "{}");
    add_piece(&records, run, FL_TRACE_SPANS, (uint32_t)no, spans[no - 1]);
    if (!is_first) add_piece(&records, run, FL_TRACE_END, 0, "{\"status\":\"done\"}");
    commit_ok(f, "t", fence, no == 4 ? 2 : no - 1, &records);
  }
  struct fl_records records = {0};
  add_piece(&records, runs[0], FL_TRACE_SPANS, 9, "[9]");
  commit_ok(f, "t", fence, 4, &records);
  return fence;
}

static void spans_beside_checkpoints_are_read_with_the_others(void **state) {
  struct fixture *f = *state;
  write_checkpoints(f);
  for (int i = 0; i < 2; i++) {
    assert_string_equal(rows_of_run(f, runs[0], FL_TRACE_SPANS, 0), "1 [1];2 [2];9 [9];");
    assert_string_equal(rows_of_run(f, runs[0], FL_TRACE_SPANS, 1), "2 [2];9 [9];");
    assert_string_equal(rows_of_run(f, runs[1], FL_TRACE_SPANS, 0), "3 [3];4 [4];");
    fixture_reopen(f);
  }
}

static void spans_outlive_their_checkpoints(void **state) {
  struct fixture *f = *state;
  uint64_t fence = write_checkpoints(f);
  struct fl_prune prune = {.keep_last = 1};
  struct waiting waiting = {.txn = {.kind = FL_TXN_PRUNE, .thread = "t", .fence = fence, .prune = &prune}};
  assert_int_equal(submit_and_wait(f, &waiting), 0);
  assert_true(waiting.txn.count >= 2);
  assert_string_equal(rows_of_run(f, runs[0], FL_TRACE_SPANS, 0), "1 [1];2 [2];9 [9];");
  assert_string_equal(rows_of_run(f, runs[1], FL_TRACE_SPANS, 0), "3 [3];4 [4];");
  assert_int_equal(drop(f, (struct fl_trace_drop){.before_ms = INT64_MAX, .run_id = runs[0]}), 1);
  assert_string_equal(rows_of_run(f, runs[1], FL_TRACE_SPANS, 0), "3 [3];4 [4];");
}

static void checkpoints_outlive_their_spans(void **state) {
  struct fixture *f = *state;
  struct fl_loaded loaded;
  write_checkpoints(f);
  uint64_t no = number_of(f, runs[1]);
  assert_int_equal(drop(f, (struct fl_trace_drop){.before_ms = INT64_MAX, .run_id = runs[1]}), 1);
  assert_string_equal(rows_of_run(f, runs[0], FL_TRACE_SPANS, 0), "1 [1];2 [2];9 [9];");
  struct fl_buf text = {0};
  struct fl_trace_rows rows = {.run_no = no, .part = FL_TRACE_SPANS, .visit = add_text, .user_data = &text};
  assert_int_equal(fl_store_read_trace(f->store, &rows, &f->err), 0);
  assert_int_equal(text.size, 0);
  load(f, "t", 4, &loaded);
  assert_int_equal(loaded.checkpoint_no, 4);
  fl_loaded_deinit(&loaded);
}

static void what_is_taken_back_takes_spans_beside_checkpoints_along(void **state) {
  struct fixture *f = *state;
  struct fl_records records = {0};
  uint64_t fence = write_checkpoints(f);
  add_piece(&records, runs[1], FL_TRACE_END, 0, "{\"status\":\"taken_back\"}");
  struct fl_rollback rollback = {.to_no = 2, .status = "idle", .trace = records.items};
  struct waiting waiting = {.txn = {.kind = FL_TXN_ROLLBACK, .thread = "t", .fence = fence, .rollback = &rollback}};
  assert_int_equal(submit_and_wait(f, &waiting), 0);
  fl_records_deinit(&records);
  assert_string_equal(rows_of_run(f, runs[1], FL_TRACE_SPANS, 0), "");
  assert_string_equal(rows_of_run(f, runs[0], FL_TRACE_SPANS, 0), "1 [1];2 [2];9 [9];");
}

static void a_copy_of_a_thread_has_no_spans(void **state) {
  struct fixture *f = *state;
  uint64_t fence = write_checkpoints(f);
  assert_int_equal(lease(f, FL_TXN_LEASE_RELEASE, "t", fence), 0);
  struct fl_copy copy = {.to = "u"};
  struct waiting waiting = {.txn = {.kind = FL_TXN_COPY, .thread = "t", .copy = &copy}};
  assert_int_equal(submit_and_wait(f, &waiting), 0);
  assert_int_equal(lease(f, FL_TXN_DELETE_THREAD, "t", 0), 0);
  assert_int_equal(count_of(f, (struct fl_trace_query){0}), 0);
  begin_run(f, "u", runs[2], 1, NULL);
  assert_string_equal(rows_of_run(f, runs[2], FL_TRACE_SPANS, 0), "1 [1];");
}

static void pieces_without_a_run_are_refused(void **state) {
  struct fixture *f = *state;
  struct fl_records records = {0};
  uint64_t fence = acquire(f, "t");
  add_piece(&records, "", FL_TRACE_SPANS, 1, "[]");
  assert_int_equal(commit(f, "t", fence, 0, &records), FL_E_INVALID);
  add_piece(&records, runs[0], FL_TRACE_SPANS, 1 << 24, "[]");
  assert_int_equal(commit(f, "t", fence, 0, &records), FL_E_INVALID);
  add_piece(&records, runs[0], FL_TRACE_BEGIN, 0, NULL);
  assert_int_equal(commit(f, "t", fence, 0, &records), FL_E_INVALID);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      EACH(runs_are_found_by_what_they_are_about),
      EACH(pieces_are_read_in_their_order),
      EACH(a_commit_that_fails_leaves_nothing),
      EACH(content_goes_before_the_rest),
      EACH(one_user_one_run_one_thread_are_dropped),
      EACH(a_deleted_thread_takes_its_traces_along),
      EACH(what_is_taken_back_leaves_its_end),
      EACH(pieces_without_a_run_are_refused),
      EACH(spans_beside_checkpoints_are_read_with_the_others),
      EACH(spans_outlive_their_checkpoints),
      EACH(checkpoints_outlive_their_spans),
      EACH(what_is_taken_back_takes_spans_beside_checkpoints_along),
      EACH(a_copy_of_a_thread_has_no_spans),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Runs read again as trees: whatever order the spans were written in, and whatever a crash left out. */
#include "runtime/trace/tree.h"

#include "tests/unit/store/fixture.h"

static const char run_a[] = "0192f000-0000-7000-8000-00000000000a", run_b[] = "0192f000-0001-7000-8000-00000000000b";

static void add_piece(struct fl_records *records, const char *run, enum fl_trace_part part, uint32_t no,
                      const char *body) {
  struct fl_record *record = fl_records_add(records, FL_RECORD_TRACE, "");
  snprintf(record->trace.run_id, sizeof record->trace.run_id, "%s", run);
  record->trace.part = part;
  record->trace.no = no;
  record->trace.wall_ms = 5000;
  set_body(record, body);
}

/* A run of up to two rows of spans. */
static void put_run(struct fixture *f, const char *run, const char *first, const char *second, const char *end) {
  struct fl_records records = {0};
  add_piece(&records, run, FL_TRACE_BEGIN, 0, "{\"way\":\"input\"}");
  add_piece(&records, run, FL_TRACE_SPANS, 1, first);
  if (second != NULL) add_piece(&records, run, FL_TRACE_SPANS, 2, second);
  if (end != NULL) add_piece(&records, run, FL_TRACE_END, 0, end);
  uint64_t fence = acquire(f, "t");
  commit_ok(f, "t", fence, 0, &records);
  assert_int_equal(lease(f, FL_TXN_LEASE_RELEASE, "t", fence), 0);
}

/* "step0 node1 model2!": each with its depth, the last of its siblings marked. */
static const char *shape_of(const struct fl_trace *trace) {
  static char text[512];
  text[0] = '\0';
  for (size_t i = 0; i < trace->count; i++) {
    const struct fl_trace_node *node = &trace->nodes[i];
    size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, "%s%s%zu%s", i > 0 ? " " : "", node->span.name, node->depth,
             node->is_last ? "!" : "");
  }
  return text;
}

static void load_ok(struct fixture *f, const char *run, struct fl_trace *ret_trace) {
  if (fl_trace_load(f->store, run, ret_trace, &f->err) != 0) fail_msg("%s", f->err.text);
}

static void children_stand_below_their_parents(void **state) {
  struct fixture *f = *state;
  struct fl_trace trace = {0};
  put_run(f, run_a, "[[3,4,3,11,2,\"m\"],[2,3,2,10,5,\"a\"],[2,5,2,10,9,\"b\"],[1,2,1,10,9,\"s\"]]",
          "[[1,6,1,30,1,\"z\"],[1,7,1,25,1,\"y\"]]", "{\"status\":\"done\",\"us\":77}");
  load_ok(f, "0192f000", &trace);
  assert_string_equal(shape_of(&trace), "s0 a1 m2! b1! y0 z0!");
  assert_int_equal(fl_trace_duration_us(&trace), 77);
  assert_string_equal(trace.thread, "t");
  assert_int_equal(trace.began_ms, 5000);
  fl_trace_deinit(&trace);
}

static void what_lost_its_parent_stands_below_the_run(void **state) {
  struct fixture *f = *state;
  struct fl_trace trace = {0};
  put_run(f, run_a, "[[3,4,3,11,2,\"m\"],[2,9,8,3,4,\"a\"],[2,5,9,1,1,\"loop\"],[2,6,6,2,1,\"self\"]]", NULL, NULL);
  load_ok(f, run_a, &trace);
  assert_string_equal(shape_of(&trace), "loop0 self0 a0 m0!");
  assert_null(trace.end);
  assert_int_equal(fl_trace_duration_us(&trace), 13);
  fl_trace_deinit(&trace);
}

static void a_front_names_one_run(void **state) {
  struct fixture *f = *state;
  struct fl_trace trace = {0};
  put_run(f, run_a, "[]", NULL, NULL);
  put_run(f, run_b, "[]", NULL, NULL);
  assert_int_equal(fl_trace_load(f->store, "0192f000", &trace, &f->err), FL_E_INVALID);
  assert_non_null(strstr(f->err.text, "give more of the id"));
  assert_int_equal(fl_trace_load(f->store, "ffff", &trace, &f->err), FL_E_NOT_FOUND);
  load_ok(f, "0192f000-0001", &trace);
  assert_string_equal(trace.run_id, run_b);
  fl_trace_deinit(&trace);
}

static void what_is_damaged_is_said(void **state) {
  static const char *const rows[] = {"[[1]]", "no json", "[[1,2,1,0,0,\"\"],7]"};
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char run[FL_UUID_SIZE];
    struct fl_trace trace = {0};
    snprintf(run, sizeof run, "0192f00%zu-0000-7000-8000-00000000000a", i);
    put_run(f, run, rows[i], NULL, NULL);
    assert_int_equal(fl_trace_load(f->store, run, &trace, &f->err), FL_E_CORRUPT);
    assert_int_equal(trace.count, 0);
  }
  struct fl_trace trace = {0};
  put_run(f, run_b, "[]", NULL, "[\"no object\"]");
  assert_int_equal(fl_trace_load(f->store, run_b, &trace, &f->err), FL_E_CORRUPT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      EACH(children_stand_below_their_parents),
      EACH(what_lost_its_parent_stands_below_the_run),
      EACH(a_front_names_one_run),
      EACH(what_is_damaged_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* What stands beside the threads, in every kind of store: cached results and requests to whoever runs a thread. */
#include "tests/unit/store/fixture.h"

/* ---- cached results ---- */

static struct fl_cache_entry entry_of(const char *graph, const char *node, uint8_t key, const char *body) {
  struct fl_cache_entry entry = {
      .graph = graph, .node = node, .body = fl_slice_n(body, body != NULL ? strlen(body) : 0)};
  memset(entry.key, key, sizeof entry.key);
  return entry;
}

static int put_at(struct fixture *f, const struct fl_cache_entry *entry, int64_t wall_ms) {
  struct waiting waiting = {.txn = {.kind = FL_TXN_CACHE_PUT, .cache = entry, .wall_ms = wall_ms}};
  return submit_and_wait(f, &waiting);
}

/* The cached text at a time, "absent" when there is none; static buffer. */
static const char *cached(struct fixture *f, const char *graph, const char *node, uint8_t key, int64_t wall_ms) {
  static char text[64];
  struct fl_cache_entry entry = entry_of(graph, node, key, NULL);
  char *body = NULL;
  int status = fl_store_read_cache(f->store, &entry, wall_ms, &body, &f->err);
  if (status == FL_E_NOT_FOUND) return "absent";
  if (status != 0) fail_msg("read: %s", f->err.text);
  snprintf(text, sizeof text, "%s", body);
  fl_free(body);
  return text;
}

static uint64_t clear(struct fixture *f, const char *graph, const char *node) {
  struct fl_cache_entry entry = {.graph = graph, .node = node};
  struct waiting waiting = {.txn = {.kind = FL_TXN_CACHE_CLEAR, .cache = &entry}};
  assert_int_equal(submit_and_wait(f, &waiting), 0);
  return waiting.txn.count;
}

static void put_ok(struct fixture *f, const char *graph, const char *node, uint8_t key, const char *body) {
  struct fl_cache_entry entry = entry_of(graph, node, key, body);
  if (put_at(f, &entry, 1000) != 0) fail_msg("put: %s", f->err.text);
}

static void results_are_found_by_graph_node_and_key(void **state) {
  struct fixture *f = *state;
  assert_string_equal(cached(f, "g", "n", 1, 1000), "absent"); /* also before anything was put */
  put_ok(f, "g", "n", 1, "[1]");
  put_ok(f, "g", "n", 2, "[2]");
  put_ok(f, "g", "other", 1, "[3]");
  put_ok(f, "h", "n", 1, "[4]");
  assert_string_equal(cached(f, "g", "n", 1, 1000), "[1]");
  assert_string_equal(cached(f, "g", "n", 2, 1000), "[2]");
  assert_string_equal(cached(f, "g", "other", 1, 1000), "[3]");
  assert_string_equal(cached(f, "h", "n", 1, 1000), "[4]");
  assert_string_equal(cached(f, "h", "n", 2, 1000), "absent");
}

static void later_result_replaces(void **state) {
  struct fixture *f = *state;
  put_ok(f, "g", "n", 1, "\"old\"");
  put_ok(f, "g", "n", 1, "\"new\"");
  assert_string_equal(cached(f, "g", "n", 1, 1000), "\"new\"");
  assert_int_equal(clear(f, NULL, NULL), 1);
}

static void results_expire(void **state) {
  struct fixture *f = *state;
  struct fl_cache_entry entry = entry_of("g", "n", 1, "1");
  entry.expires_ms = 5000;
  assert_int_equal(put_at(f, &entry, 1000), 0);
  assert_string_equal(cached(f, "g", "n", 1, 4999), "1");
  assert_string_equal(cached(f, "g", "n", 1, 5000), "absent");
  entry = entry_of("g", "n", 2, "2");
  assert_int_equal(put_at(f, &entry, 6000), 0); /* and takes the expired one away */
  assert_int_equal(clear(f, NULL, NULL), 1);
}

static void clearing_is_for_all_a_graph_or_a_node(void **state) {
  struct fixture *f = *state;
  for (uint8_t i = 0; i < 12; i++) put_ok(f, i % 2 == 0 ? "g" : "h", i % 3 == 0 ? "a" : "b", i, "1");
  assert_int_equal(clear(f, "g", "a"), 2);
  assert_int_equal(clear(f, "g", "a"), 0);
  assert_string_equal(cached(f, "h", "a", 3, 1), "1");
  assert_int_equal(clear(f, NULL, "a"), 2);
  assert_int_equal(clear(f, "h", NULL), 4);
  assert_int_equal(clear(f, NULL, NULL), 4);
}

static void results_outlast_a_restart(void **state) {
  struct fixture *f = *state;
  put_ok(f, "g", "n", 1, "{\"kept\":true}");
  fixture_reopen(f);
  assert_string_equal(cached(f, "g", "n", 1, 1000), "{\"kept\":true}");
}

static void oversized_and_nameless_results_are_refused(void **state) {
  struct fixture *f = *state;
  char *large = calloc(1, FL_CACHE_BODY_MAX + 2);
  memset(large, '1', FL_CACHE_BODY_MAX + 1);
  struct fl_cache_entry entry = entry_of("g", "n", 1, large);
  assert_int_equal(put_at(f, &entry, 1), FL_E_LIMIT);
  assert_non_null(strstr(f->err.text, "4 MiB"));
  free(large);
  entry = entry_of("g", NULL, 1, "1");
  assert_int_equal(put_at(f, &entry, 1), FL_E_INVALID);
  assert_int_equal(clear(f, NULL, NULL), 0);
}

static void oldest_results_make_room(void **state) {
  struct fixture *f = *state;
  size_t size = FL_CACHE_BODY_MAX;
  char *large = calloc(1, size + 1);
  memset(large, '7', size);
  int count = FL_CACHE_SIZE_MAX / FL_CACHE_BODY_MAX + 1;
  for (int i = 0; i < count; i++) {
    struct fl_cache_entry entry = entry_of("g", "n", (uint8_t)i, large);
    assert_int_equal(put_at(f, &entry, 1), 0);
  }
  free(large);
  struct fl_cache_entry first = entry_of("g", "n", 0, NULL), last = entry_of("g", "n", (uint8_t)(count - 1), NULL);
  char *body = NULL;
  assert_int_equal(fl_store_read_cache(f->store, &first, 1, &body, NULL), FL_E_NOT_FOUND);
  assert_int_equal(fl_store_read_cache(f->store, &last, 1, &body, NULL), 0);
  fl_free(body);
}

/* ---- requests ---- */

static int ask_of(struct fixture *f, const char *thread, enum fl_request_kind kind, const char *asker) {
  struct fl_request request = {.kind = kind, .asker = asker};
  struct waiting waiting = {.txn = {.kind = FL_TXN_REQUEST, .thread = thread, .request = &request}};
  return submit_and_wait(f, &waiting);
}

static bool add_request(const struct fl_request *request, void *user) {
  static const char *const words[] = {"yield", "interrupt", "rollback"};
  fl_buf_addf(user, "%s by %s; ", words[request->kind], request->asker);
  return true;
}

static void assert_requests(struct fixture *f, const char *thread, uint64_t fence, const char *expected) {
  FL_BUF_AUTO text = {0};
  fl_buf_add_text(&text, "");
  const struct fl_requests_query query = {thread, fence, add_request, &text};
  if (fl_store_list_requests(f->store, &query, &f->err) != 0) fail_msg("%s", f->err.text);
  assert_string_equal(text.data != NULL ? text.data : "", expected);
}

static void requests_reach_the_holder_in_order(void **state) {
  struct fixture *f = *state;
  uint64_t fence = acquire(f, "t"), other = acquire(f, "u");
  assert_requests(f, "t", fence, "");
  assert_int_equal(ask_of(f, "t", FL_REQUEST_YIELD, "pid 7"), 0);
  assert_int_equal(ask_of(f, "t", FL_REQUEST_INTERRUPT, "pid 8"), 0);
  assert_int_equal(ask_of(f, "t", FL_REQUEST_YIELD, "pid 7"), 0); /* again: the same row */
  assert_int_equal(ask_of(f, "u", FL_REQUEST_ROLLBACK, "pid 9"), 0);
  assert_requests(f, "t", fence, "yield by pid 7; interrupt by pid 8; ");
  assert_requests(f, "u", other, "rollback by pid 9; ");
}

static void request_needs_a_holder(void **state) {
  struct fixture *f = *state;
  assert_int_equal(ask_of(f, "t", FL_REQUEST_YIELD, "me"), FL_E_NOT_FOUND);
  uint64_t fence = acquire(f, "t");
  assert_int_equal(lease(f, FL_TXN_LEASE_RELEASE, "t", fence), 0);
  assert_int_equal(ask_of(f, "t", FL_REQUEST_YIELD, "me"), FL_E_STATE);
  assert_int_equal(ask_of(f, "t", FL_REQUEST_YIELD, ""), FL_E_INVALID);
  assert_int_equal(ask_of(f, "bad id", FL_REQUEST_YIELD, "me"), FL_E_INVALID);
}

static void requests_end_with_the_lease(void **state) {
  struct fixture *f = *state;
  uint64_t fence = acquire(f, "t");
  assert_int_equal(ask_of(f, "t", FL_REQUEST_INTERRUPT, "me"), 0);
  assert_int_equal(lease(f, FL_TXN_LEASE_RENEW, "t", fence), 0);
  assert_requests(f, "t", fence, "interrupt by me; ");
  assert_int_equal(lease(f, FL_TXN_LEASE_RELEASE, "t", fence), 0);
  assert_requests(f, "t", fence, "");
  uint64_t next = acquire(f, "t");
  assert_requests(f, "t", next, "");
}

static void requests_are_not_for_the_next_holder(void **state) {
  struct fixture *f = *state;
  uint64_t fence, later;
  assert_int_equal(acquire_at(f, "t", fl_world_wall_ms(f->world), &fence), 0);
  assert_int_equal(ask_of(f, "t", FL_REQUEST_ROLLBACK, "me"), 0);
  assert_int_equal(acquire_at(f, "t", fl_world_wall_ms(f->world) + FL_LEASE_MS + 1000, &later), 0);
  assert_requests(f, "t", fence, "");
  assert_requests(f, "t", later, "");
}

static void requests_go_with_the_thread(void **state) {
  struct fixture *f = *state;
  uint64_t fence = acquire(f, "t");
  assert_int_equal(ask_of(f, "t", FL_REQUEST_YIELD, "me"), 0);
  assert_int_equal(lease(f, FL_TXN_LEASE_RELEASE, "t", fence), 0);
  struct waiting waiting = {.txn = {.kind = FL_TXN_DELETE_THREAD, .thread = "t"}};
  assert_int_equal(submit_and_wait(f, &waiting), 0);
  assert_requests(f, "t", fence, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      EACH(results_are_found_by_graph_node_and_key),
      EACH(later_result_replaces),
      EACH(results_expire),
      EACH(clearing_is_for_all_a_graph_or_a_node),
      EACH(results_outlast_a_restart),
      EACH(oversized_and_nameless_results_are_refused),
      cmocka_unit_test_setup_teardown(oldest_results_make_room, open_memory,
                                      close_fixture), /* 256 MiB: the quick one */
      EACH(requests_reach_the_holder_in_order),
      EACH(request_needs_a_holder),
      EACH(requests_end_with_the_lease),
      EACH(requests_are_not_for_the_next_holder),
      EACH(requests_go_with_the_thread),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

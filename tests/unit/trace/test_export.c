/* SPDX-License-Identifier: MIT */
/* Sending to a collector in the simulated world: tried again as OTLP says, and a queue that drops and counts. */
#include "runtime/trace/export.h"

#include "runtime/io/world_sim.h"
#include "runtime/store/store.h"
#include "tests/unit/trace/traces.h"

#include <stdio.h>
#include <stdlib.h>

struct collector {
  struct fl_world *world;
  const int *statuses; /* of its answers, the last for all that follow */
  size_t status_count, asked;
  const char *retry_after;
  char content_type[64], key[64];
  size_t body_size;
};

static void on_request(struct fl_sim_exchange *exchange) {
  struct collector *collector = fl_sim_exchange_user(exchange);
  const char *type = fl_sim_request_header(exchange, "Content-Type"), *key = fl_sim_request_header(exchange, "x-key");
  size_t place = collector->asked < collector->status_count ? collector->asked : collector->status_count - 1;
  char after[64];
  const char *const headers[] = {after, NULL};
  snprintf(after, sizeof after, "Retry-After: %s", collector->retry_after != NULL ? collector->retry_after : "");
  snprintf(collector->content_type, sizeof collector->content_type, "%s", type != NULL ? type : "");
  snprintf(collector->key, sizeof collector->key, "%s", key != NULL ? key : "");
  collector->body_size = fl_sim_request_body(exchange).size;
  collector->asked++;
  fl_sim_respond(exchange, 5, collector->statuses[place], collector->retry_after != NULL ? headers : NULL);
  fl_sim_finish(exchange, 1);
}

static void open_collector(struct collector *collector, const int *statuses, size_t count) {
  *collector = (struct collector){.world = fl_world_sim_create(1), .statuses = statuses, .status_count = count};
  fl_world_sim_server(
      collector->world,
      &(struct fl_sim_server){.url_prefix = "http://collector.test/", .on_request = on_request, .user = collector});
}

struct sent {
  int status, count;
  char text[FL_ERROR_TEXT_MAX];
};

static void on_sent(struct fl_otlp_send *send, int status, const struct fl_error *err) {
  struct sent *sent = send->user;
  sent->status = status;
  sent->count++;
  snprintf(sent->text, sizeof sent->text, "%s", err != NULL ? err->text : "");
}

/* Sends one request and turns the world until nothing is left; returns the simulated milliseconds. */
static int64_t send_one(struct collector *collector, const struct fl_otlp_target *target, struct sent *sent) {
  static const char *const headers[] = {"x-key: 7", NULL};
  struct fl_otlp_target whole = *target;
  struct fl_otlp_options options = {0};
  FL_VALUE_AUTO request = fl_otlp_request(&options);
  struct fl_otlp_send send = {.on_sent = on_sent, .user = sent};
  if (whole.url == NULL) whole.url = "http://collector.test/v1/traces";
  whole.headers = headers;
  *sent = (struct sent){0};
  fl_otlp_send_start(collector->world, &send, &whole, request);
  assert_int_equal(sent->count, 0); /* never from inside */
  fl_world_sim_run(collector->world);
  assert_int_equal(sent->count, 1);
  return fl_world_now_ms(collector->world);
}

static void a_request_is_sent_in_both_forms(void **state) {
  static const int ok[] = {200};
  struct collector collector;
  struct sent sent;
  open_collector(&collector, ok, 1);
  send_one(&collector, &(struct fl_otlp_target){0}, &sent);
  assert_int_equal(sent.status, 0);
  assert_string_equal(collector.content_type, "application/x-protobuf");
  assert_string_equal(collector.key, "7");
  assert_true(collector.body_size > 20);
  send_one(&collector, &(struct fl_otlp_target){.as_json = true}, &sent);
  assert_string_equal(collector.content_type, "application/json");
  assert_int_equal(collector.asked, 2);
  fl_world_destroy(collector.world);
}

static void what_may_pass_is_tried_again(void **state) {
  static const int busy[] = {503, 429, 200}, gone[] = {502}, wrong[] = {400};
  struct collector collector;
  struct sent sent;
  open_collector(&collector, busy, 3);
  int64_t took = send_one(&collector, &(struct fl_otlp_target){0}, &sent);
  assert_int_equal(sent.status, 0);
  assert_int_equal(collector.asked, 3);
  assert_true(took >= 1500 && took < 1700); /* half a second, then one */
  fl_world_destroy(collector.world);
  open_collector(&collector, gone, 1);
  send_one(&collector, &(struct fl_otlp_target){.tries = 3}, &sent);
  assert_int_equal(collector.asked, 3);
  assert_int_equal(sent.status, FL_E_REMOTE);
  assert_non_null(strstr(sent.text, "HTTP status 502"));
  fl_world_destroy(collector.world);
  open_collector(&collector, wrong, 1);
  send_one(&collector, &(struct fl_otlp_target){0}, &sent);
  assert_int_equal(collector.asked, 1);
  assert_int_equal(sent.status, FL_E_REMOTE);
  fl_world_destroy(collector.world);
}

static void the_collector_says_how_long_to_wait(void **state) {
  static const int busy[] = {429, 200};
  struct collector collector;
  struct sent sent;
  open_collector(&collector, busy, 2);
  collector.retry_after = "7";
  assert_true(send_one(&collector, &(struct fl_otlp_target){0}, &sent) >= 7000);
  assert_int_equal(sent.status, 0);
  fl_world_destroy(collector.world);
}

static void a_collector_that_is_not_there_is_said(void **state) {
  static const int ok[] = {200};
  struct collector collector;
  struct sent sent;
  open_collector(&collector, ok, 1);
  send_one(&collector, &(struct fl_otlp_target){.url = "http://nobody.test/v1/traces", .tries = 2}, &sent);
  assert_int_equal(sent.status, FL_E_NETWORK);
  fl_world_destroy(collector.world);
}

/* ---- the queue ---- */

static void done(struct fl_txn *txn, int status, const struct fl_error *err) { assert_int_equal(status, 0); }

static void put_run(struct collector *collector, struct fl_store *store, const char *run) {
  struct fl_txn acquire = {.kind = FL_TXN_LEASE_ACQUIRE, .thread = "t", .creates = true, .on_done = done};
  struct fl_records records = {0};
  struct fl_record *record = fl_records_add(&records, FL_RECORD_TRACE, "");
  snprintf(record->trace.run_id, sizeof record->trace.run_id, "%s", run);
  record->trace.part = FL_TRACE_BEGIN;
  record->body = fl_strdup("{}");
  record->body_size = 2;
  fl_store_submit(store, &acquire);
  fl_world_sim_run(collector->world);
  struct fl_txn write = {
      .kind = FL_TXN_WRITE, .thread = "t", .fence = acquire.fence, .records = &records, .on_done = done};
  fl_store_submit(store, &write);
  fl_world_sim_run(collector->world);
  fl_records_deinit(&records);
}

static void note_busy(void *user, bool is_busy) { *(int *)user += is_busy ? 1 : -1; }

static void the_queue_drops_and_counts(void **state) {
  static const char run[] = "0192f3c1-5a4d-7645-a680-810e05f019d6";
  static const int ok[] = {200};
  struct collector collector;
  struct fl_exporter *exporter = NULL;
  int busy = 0;
  open_collector(&collector, ok, 1);
  struct fl_store *store = fl_store_memory_create(collector.world);
  put_run(&collector, store, run);
  struct fl_exporter_options options = {
      .url = "http://collector.test/v1/traces", .headers = "x-key=9", .on_busy = note_busy, .user = &busy};
  assert_int_equal(fl_exporter_create(collector.world, store, &options, &exporter, NULL), 0);
  for (int i = 0; i < FL_EXPORT_QUEUE_MAX + 10; i++) fl_exporter_add(exporter, run);
  fl_exporter_add(exporter, "0192f3c1-ffff-7645-a680-810e05f019d6"); /* does not fit either */
  assert_true(busy > 0);
  fl_world_sim_run(collector.world);
  struct fl_exporter_counts counts = fl_exporter_counts(exporter);
  assert_int_equal(counts.sent, FL_EXPORT_QUEUE_MAX + 1); /* one was on its way */
  assert_int_equal(counts.dropped, 10);
  assert_int_equal(busy, 0);
  fl_exporter_add(exporter, "0192f3c1-ffff-7645-a680-810e05f019d6"); /* is not in the store */
  fl_world_sim_run(collector.world);
  assert_int_equal(fl_exporter_counts(exporter).failed, 1);
  assert_string_equal(collector.key, "9");
  assert_int_equal(busy, 0);
  fl_exporter_destroy(exporter);
  fl_store_close(store);
  fl_world_destroy(collector.world);
}

static void an_exporter_that_closes_tries_once(void **state) {
  static const char run[] = "0192f3c1-5a4d-7645-a680-810e05f019d6";
  static const int gone[] = {503};
  struct collector collector;
  struct fl_exporter *exporter = NULL;
  open_collector(&collector, gone, 1);
  struct fl_store *store = fl_store_memory_create(collector.world);
  put_run(&collector, store, run);
  struct fl_exporter_options options = {.url = "http://collector.test/v1/traces"};
  assert_int_equal(fl_exporter_create(collector.world, store, &options, &exporter, NULL), 0);
  fl_exporter_add(exporter, run);
  fl_exporter_add(exporter, run);
  fl_exporter_close(exporter);
  fl_world_sim_run(collector.world);
  assert_int_equal(collector.asked, 2);
  assert_int_equal(fl_exporter_counts(exporter).failed, 2);
  fl_exporter_destroy(exporter);
  fl_store_close(store);
  fl_world_destroy(collector.world);
}

static void what_is_no_collector_is_refused(void **state) {
  struct fl_exporter *exporter = NULL;
  struct fl_error err = {0};
  static const struct fl_exporter_options rows[] = {
      {.url = "collector"}, {.url = "ftp://collector/"}, {.url = "http://c/", .headers = "novalue"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    assert_true(fl_exporter_create(NULL, NULL, &rows[i], &exporter, &err) < 0);
  char **headers = NULL;
  assert_int_equal(fl_export_headers("a=1,b=x=y,", &headers, &err), 0);
  assert_string_equal(headers[0], "a: 1");
  assert_string_equal(headers[1], "b: x=y");
  assert_null(headers[2]);
  fl_export_headers_free(headers);
  assert_int_equal(fl_export_headers("a=1\r\nb: 2", &headers, &err), FL_E_INVALID);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_request_is_sent_in_both_forms),     cmocka_unit_test(what_may_pass_is_tried_again),
      cmocka_unit_test(the_collector_says_how_long_to_wait), cmocka_unit_test(a_collector_that_is_not_there_is_said),
      cmocka_unit_test(the_queue_drops_and_counts),          cmocka_unit_test(an_exporter_that_closes_tries_once),
      cmocka_unit_test(what_is_no_collector_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

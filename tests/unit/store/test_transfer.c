/* SPDX-License-Identifier: MIT */
/* Copies of threads, and threads as files, for every kind of store: a file that was changed imports nothing. */
#include "tests/unit/store/threads.h"

/* ---- copies ---- */

static int copy_to(struct fixture *f, const char *thread, const char *to, uint64_t until_no) {
  const struct fl_copy copy = {to, until_no};
  struct waiting waiting = {.txn = {.kind = FL_TXN_COPY, .thread = thread, .copy = &copy}};
  return submit_and_wait(f, &waiting);
}

static void copy_is_a_thread_of_its_own(void **state) {
  struct fixture *f = *state;
  uint64_t fence = make_chat(f, "t", 3);
  add_beside_head(f, fence);
  assert_int_equal(copy_to(f, "t", "u", 0), 0); /* also while somebody holds it */
  struct fl_thread_info info;
  assert_int_equal(fl_store_read_thread(f->store, "u", &info, NULL), 0);
  assert_string_equal(info.graph_name, "chat");
  assert_string_equal(info.status, "interrupted");
  assert_string_equal(fl_get_string(info.metadata, "user", ""), "ann");
  assert_int_equal(info.lease_pid, 0);
  fl_thread_info_deinit(&info);
  struct fl_loaded loaded;
  load(f, "u", 0, &loaded);
  assert_int_equal(loaded.write_count, 1);
  assert_int_equal(loaded.call_count, 2);
  fl_loaded_deinit(&loaded);
  uint64_t other = acquire(f, "u");
  struct fl_records records = {0};
  add_checkpoint(&records, 4, 3, "loop", "{\"channels\":{}}");
  commit_ok(f, "u", other, 3, &records);
  assert_checkpoints(f, "t", "", "3 2 1 ");
  assert_checkpoints(f, "u", "", "4 3 2 1 ");
  assert_int_equal(rows_of(f, "u", FL_RECORD_EVENT), 0);
}

static void copy_can_end_at_a_checkpoint(void **state) {
  struct fixture *f = *state;
  make_chat(f, "t", 5);
  assert_int_equal(copy_to(f, "t", "u", 2), 0);
  assert_checkpoints(f, "u", "", "2 1 ");
  assert_channel(f, "u", 0, "messages", "[\"m1\",\"m2\"]");
  assert_checkpoints(f, "t", "", "5 4 3 2 1 ");
}

static void copy_needs_a_free_id(void **state) {
  struct fixture *f = *state;
  make_chat(f, "t", 1);
  acquire(f, "u");
  assert_int_equal(copy_to(f, "t", "u", 0), FL_E_EXISTS);
  assert_int_equal(copy_to(f, "t", "t", 0), FL_E_EXISTS);
  assert_int_equal(copy_to(f, "none", "v", 0), FL_E_NOT_FOUND);
  assert_int_equal(copy_to(f, "t", "not an id", 0), FL_E_INVALID);
  struct fl_thread_info info;
  assert_int_equal(fl_store_read_thread(f->store, "v", &info, NULL), FL_E_NOT_FOUND);
}

/* ---- files ---- */

static int import_as(struct fixture *f, const char *id, fl_slice text) {
  struct fl_thread_file file;
  int status = fl_thread_file_read(text, &file, &f->err);
  if (status != 0) return status;
  const struct fl_import import = {.records = &file.records, .created_ms = file.created_ms};
  struct waiting waiting = {.txn = {.kind = FL_TXN_IMPORT, .thread = id != NULL ? id : file.id, .import = &import}};
  status = submit_and_wait(f, &waiting);
  fl_thread_file_deinit(&file);
  return status;
}

static void export_ok(struct fixture *f, const char *thread, struct fl_buf *text) {
  if (fl_thread_export(f->store, thread, text, &f->err) != 0) fail_msg("export: %s", f->err.text);
}

static void thread_travels_as_a_file(void **state) {
  struct fixture *f = *state;
  FL_BUF_AUTO one = {0};
  FL_BUF_AUTO two = {0};
  make_full(f);
  export_ok(f, "t", &one);
  assert_int_equal(import_as(f, "u", fl_buf_slice(&one)), 0);
  struct fl_loaded loaded;
  load(f, "u", 0, &loaded);
  assert_string_equal(channel_text(&loaded, "messages"), "[\"m1\",\"m2\",\"m3\"]");
  assert_int_equal(loaded.call_count, 2);
  assert_int_equal(loaded.calls[0].argument_hash[5], 7);
  fl_loaded_deinit(&loaded);
  export_ok(f, "u", &two); /* nothing was lost on the way: it exports the same, but for the id */
  char *front_one = strchr(one.data, '\n'), *front_two = strchr(two.data, '\n');
  char *end_one = strstr(one.data, "\"end\""), *end_two = strstr(two.data, "\"end\"");
  assert_int_equal(end_one - front_one, end_two - front_two);
  assert_memory_equal(front_one, front_two, (size_t)(end_one - front_one) - 30);
  uint64_t fence = acquire(f, "u");
  struct fl_records records = {0};
  add_checkpoint(&records, 10, 3, "loop", "{\"channels\":{}}");
  commit_ok(f, "u", fence, 3, &records);
}

/* A file may say anything: a member that stands twice is imported as what a reader makes of it. */
static void members_that_stand_twice_are_imported_once(void **state) {
  struct fixture *f = *state;
  FL_BUF_AUTO text = {0};
  FL_BUF_AUTO scratch = {0};
  struct fl_records records = {0};
  struct fl_loaded loaded;
  uint64_t fence = acquire(f, "t");
  add_delta(&records, FL_BODY_LIST, 1, 0, 1, "[{\"id\":\"a\", \"id\":\"b\"}]");
  add_delta(&records, FL_BODY_APPEND, 2, 1, 2, "[\n{\"id\":\"c\",\"id\":\"d\"}]"); /* travels as a string */
  add_checkpoint(&records, 1, 0, "input", "{\"channels\":{\"messages\":[1,2]}}");
  commit_ok(f, "t", fence, 0, &records);
  export_ok(f, "t", &text);
  assert_non_null(strstr(text.data, "\"id\":\"a\""));
  assert_int_equal(import_as(f, "u", fl_buf_slice(&text)), 0);
  load(f, "u", 0, &loaded);
  const struct fl_list *list = loaded.channels[0].var.list;
  assert_true(fl_slice_equal(fl_list_text_at(list, 0, &scratch), FL_SLICE("{\"id\":\"b\"}")));
  assert_int_equal(fl_list_find_id(list, "a"), -1);
  assert_int_equal(fl_list_find_id(list, "b"), 0);
  assert_int_equal(fl_list_find_id(list, "d"), 1);
  fl_loaded_deinit(&loaded);
}

static void file_goes_from_one_kind_of_store_to_the_other(void **state) {
  struct fixture *f = *state, other = {0};
  FL_BUF_AUTO one = {0};
  FL_BUF_AUTO two = {0};
  fixture_open(&other, !f->is_memory);
  make_full(f);
  export_ok(f, "t", &one);
  assert_int_equal(import_as(&other, NULL, fl_buf_slice(&one)), 0);
  export_ok(&other, "t", &two);
  assert_string_equal(one.data, two.data); /* byte for byte */
  fixture_close(&other);
}

static void import_needs_a_free_id(void **state) {
  struct fixture *f = *state;
  FL_BUF_AUTO text = {0};
  make_full(f);
  export_ok(f, "t", &text);
  assert_int_equal(import_as(f, NULL, fl_buf_slice(&text)), FL_E_EXISTS);
  assert_int_equal(import_as(f, "not an id", fl_buf_slice(&text)), FL_E_INVALID);
}

static void file_that_was_cut_off_imports_nothing(void **state) {
  struct fixture *f = *state;
  FL_BUF_AUTO text = {0};
  make_full(f);
  export_ok(f, "t", &text);
  for (size_t size = 0; size < text.size; size += size < 150 ? 1 : 97) {
    int status = import_as(f, "u", fl_slice_n(text.data, size));
    if (status != FL_E_TRUNCATED && status != FL_E_SYNTAX) fail_msg("cut at %zu: %d %s", size, status, f->err.text);
  }
  assert_int_equal(import_as(f, "u", fl_slice_n(text.data, text.size - 1)), FL_E_TRUNCATED);
  struct fl_thread_info info;
  assert_int_equal(fl_store_read_thread(f->store, "u", &info, NULL), FL_E_NOT_FOUND);
}

static void file_that_was_changed_imports_nothing(void **state) {
  struct fixture *f = *state;
  FL_BUF_AUTO text = {0};
  make_full(f);
  export_ok(f, "t", &text);
  for (size_t at = 0; at < text.size; at += 29) {
    char before = text.data[at];
    text.data[at] = before == 'z' ? 'y' : 'z';
    int status = import_as(f, "u", fl_buf_slice(&text));
    if (status != FL_E_CORRUPT && status != FL_E_SYNTAX && status != FL_E_TRUNCATED)
      fail_msg("byte %zu changed from %c: status %d", at, before, status);
    text.data[at] = before;
  }
  assert_int_equal(import_as(f, "u", fl_buf_slice(&text)), 0); /* as it was, it goes in */
}

static void file_that_lacks_or_repeats_a_line_imports_nothing(void **state) {
  struct fixture *f = *state;
  FL_BUF_AUTO text = {0};
  make_full(f);
  export_ok(f, "t", &text);
  size_t from = (size_t)(strchr(text.data, '\n') - text.data) + 1;
  size_t size = (size_t)(strchr(text.data + from, '\n') - text.data) + 1 - from;
  FL_BUF_AUTO without = {0};
  fl_buf_add(&without, text.data, from);
  fl_buf_add(&without, text.data + from + size, text.size - from - size);
  assert_int_equal(import_as(f, "u", fl_buf_slice(&without)), FL_E_CORRUPT);
  assert_non_null(strstr(f->err.text, "missing, doubled"));
  FL_BUF_AUTO twice = {0};
  fl_buf_add(&twice, text.data, from + size);
  fl_buf_add(&twice, text.data + from, text.size - from);
  assert_int_equal(import_as(f, "u", fl_buf_slice(&twice)), FL_E_CORRUPT);
  fl_buf_add(&text, text.data, from);
  assert_int_equal(import_as(f, "u", fl_buf_slice(&text)), FL_E_CORRUPT);
  assert_non_null(strstr(f->err.text, "follows the end"));
}

static void other_files_are_told_apart(void **state) {
  struct fixture *f = *state;
  assert_int_equal(import_as(f, "u", FL_SLICE("")), FL_E_SYNTAX);
  assert_int_equal(import_as(f, "u", FL_SLICE("{\"a\":1}\n")), FL_E_SYNTAX);
  assert_int_equal(import_as(f, "u", FL_SLICE("a letter, not a thread, and quite a long one at that\n")), FL_E_SYNTAX);
  const char *rest = "\"fairlead\":\"thread\",\"format\":2,\"id\":\"t\",\"created_ms\":1}";
  uint8_t hash[FL_HASH_SIZE];
  char sum[2 * FL_HASH_SIZE + 1], line[200];
  fl_hash_bytes(fl_slice_of(rest), hash);
  fl_hex(hash, FL_HASH_SIZE, sum);
  snprintf(line, sizeof line, "{\"sum\":\"%.16s\",%s\n", sum, rest);
  assert_int_equal(import_as(f, "u", fl_slice_of(line)), FL_E_VERSION);
  assert_non_null(strstr(f->err.text, "update fairlead"));
}

static void import_checks_that_rows_fit(void **state) {
  struct fixture *f = *state;
  struct fl_records records = {0};
  add_thread(&records, "idle", 1, NULL);
  add_delta(&records, FL_BODY_APPEND, 2, 1, 2, "[1]");
  const struct fl_import import = {.records = &records};
  struct waiting waiting = {.txn = {.kind = FL_TXN_IMPORT, .thread = "t", .import = &import}};
  assert_int_equal(submit_and_wait(f, &waiting), FL_E_CORRUPT);
  assert_non_null(strstr(f->err.text, "value 1, which value 2 needs, is missing"));
  fl_records_deinit(&records);
  add_checkpoint(&records, 1, 0, "input", "{\"channels\":{\"x\":[1,5]}}");
  waiting = (struct waiting){.txn = {.kind = FL_TXN_IMPORT, .thread = "t", .import = &import}};
  assert_int_equal(submit_and_wait(f, &waiting), FL_E_CORRUPT);
  assert_non_null(strstr(f->err.text, "value 5, which checkpoint 1 needs"));
  fl_records_deinit(&records);
  struct fl_thread_info info;
  assert_int_equal(fl_store_read_thread(f->store, "t", &info, NULL), FL_E_NOT_FOUND);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      EACH(copy_is_a_thread_of_its_own),
      EACH(copy_can_end_at_a_checkpoint),
      EACH(copy_needs_a_free_id),
      EACH(thread_travels_as_a_file),
      EACH(members_that_stand_twice_are_imported_once),
      EACH(file_goes_from_one_kind_of_store_to_the_other),
      EACH(import_needs_a_free_id),
      EACH(file_that_was_cut_off_imports_nothing),
      EACH(file_that_was_changed_imports_nothing),
      EACH(file_that_lacks_or_repeats_a_line_imports_nothing),
      EACH(other_files_are_told_apart),
      EACH(import_checks_that_rows_fit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

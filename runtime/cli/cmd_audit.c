/* SPDX-License-Identifier: MIT */
/* fairlead audit list, verify: the log of decisions and administrative acts, and whether it holds. */
#include "runtime/base/mem.h"
#include "runtime/cli/threads.h"
#include "runtime/io/key_file.h"
#include "runtime/json/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- list ---- */

struct listing {
  const struct fl_args *args;
  size_t count;
};

static void print_line(const struct fl_audit_record *record, const char *body) {
  char when[32];
  FL_FREE_AUTO char *thread = fl_visible(record->thread[0] != '\0' ? record->thread : "-", FL_ID_MAX);
  FL_FREE_AUTO char *what = fl_visible(record->what, 64), *shown = fl_visible(body, 2000);
  fl_format_time(record->wall_ms, when);
  printf("%6" PRIu64 "  %s  %-15s  %s  %s\n", record->no, when, what, thread, shown);
}

static bool print_record(const struct fl_audit_record *record, void *user) {
  struct listing *listing = user;
  FL_FREE_AUTO char *body = fl_strndup(record->body.data, record->body.size);
  listing->count++;
  if (!listing->args->json) {
    print_line(record, body);
    return true;
  }
  FL_VALUE_AUTO line = fl_object();
  FL_VALUE_AUTO details = NULL;
  fl_set_int(line, "no", (int64_t)record->no);
  fl_set_int(line, "wall_ms", record->wall_ms);
  fl_set_string(line, "what", record->what);
  if (record->thread[0] != '\0') fl_set_string(line, "thread", record->thread);
  if (fl_json_read(record->body, FL_JSON_FULL, &details, NULL) == 0) fl_set_take(line, "body", fl_value_ref(details));
  else fl_set_string(line, "damaged", body);
  fl_print_json(line);
  return true;
}

int fl_cmd_audit_list(struct fl_args *args) {
  if (args->count != 0) return fl_usage(args, "it takes no arguments");
  long after = fl_args_number(args, "after", INT32_MAX), limit = fl_args_number(args, "limit", FL_ROWS_MAX);
  if (after < 0 || limit < 0) return FL_EXIT_USAGE;
  struct fl_opened opened;
  int code = fl_opened_open(&opened, args, true);
  if (code != 0) return code;
  struct listing listing = {.args = args};
  const struct fl_audit_query query = {.thread = fl_args_get(args, "thread"),
                                       .what = fl_args_get(args, "what"),
                                       .after_no = (uint64_t)after,
                                       .limit = limit > 0 ? (size_t)limit : FL_ROWS_DEFAULT,
                                       .visit = print_record,
                                       .user = &listing};
  struct fl_error err = {0};
  if (fl_store_list_audit(opened.store, &query, &err) < 0) code = fl_fail_error(args, &err);
  else if (listing.count == 0 && !args->json) printf("no records\n");
  fl_opened_close(&opened);
  return code;
}

/* ---- verify ---- */

/* 0, or an exit code after a message. */
static int read_head(const struct fl_args *args, const char *path, struct fl_audit_head *head) {
  char text[4096];
  bool is_stdin = strcmp(path, "-") == 0;
  FILE *file = is_stdin ? stdin : fopen(path, "re");
  if (file == NULL) return fl_fail(args, FL_EXIT_FAILED, "%s: %s", path, strerror(errno));
  size_t size = fread(text, 1, sizeof text, file);
  bool failed = ferror(file) != 0;
  if (!is_stdin) fclose(file);
  if (failed) return fl_fail(args, FL_EXIT_FAILED, "%s: it cannot be read", path);
  struct fl_error err = {0};
  if (fl_audit_head_read(fl_slice_n(text, size), head, &err) == 0) return 0;
  return fl_fail(args, FL_EXIT_FAILED, "%s: %s", path, err.text);
}

static int print_report(const struct fl_args *args, const struct fl_audit_report *report) {
  bool holds = report->fault[0] == '\0';
  if (args->json) {
    FL_VALUE_AUTO line = fl_object();
    fl_set_bool(line, "holds", holds);
    fl_set_int(line, "records", (int64_t)report->count);
    if (report->bad_no != 0) fl_set_int(line, "first_bad", (int64_t)report->bad_no);
    if (!holds) fl_set_string(line, "fault", report->fault);
    if (report->head.no != 0) fl_set_take(line, "head", fl_audit_head_value(&report->head));
    fl_print_json(line);
    return holds ? FL_EXIT_OK : FL_EXIT_FAILED;
  }
  if (!holds) return fl_fail(args, FL_EXIT_FAILED, "the audit log does not hold: %s", report->fault);
  char hash[2 * FL_HASH_SIZE + 1], key[2 * FL_SIGN_KEY_SIZE + 1];
  fl_hex(report->head.hash, FL_HASH_SIZE, hash);
  fl_hex(report->head.key, FL_SIGN_KEY_SIZE, key);
  printf("the audit log holds: %" PRIu64 " records\n", report->count);
  if (report->head.no != 0) printf("head  %s\nkey   %s\n", hash, key);
  return FL_EXIT_OK;
}

int fl_cmd_audit_verify(struct fl_args *args) {
  uint8_t key[FL_SIGN_KEY_SIZE];
  struct fl_audit_head kept;
  const char *hex = fl_args_get(args, "key"), *path = fl_args_get(args, "head");
  if (args->count != 0) return fl_usage(args, "it takes no arguments");
  if (hex != NULL && !fl_key_unhex(fl_slice_of(hex), key, sizeof key))
    return fl_usage(args, "--key takes 64 hex digits");
  int code = path != NULL ? read_head(args, path, &kept) : 0;
  struct fl_opened opened;
  if (code == 0) code = fl_opened_open(&opened, args, true);
  if (code != 0) return code;
  const struct fl_audit_check check = {.key = hex != NULL ? key : NULL, .kept = path != NULL ? &kept : NULL};
  struct fl_audit_report report;
  struct fl_error err = {0};
  int status = fl_store_verify_audit(opened.store, &check, &report, &err);
  code = status == 0 ? print_report(args, &report) : fl_fail_error(args, &err);
  fl_opened_close(&opened);
  return code;
}

/* SPDX-License-Identifier: MIT */
#include "runtime/cli/act.h"

#include "runtime/base/mem.h"
#include "runtime/cli/threads.h"
#include "runtime/cli/session.h"

#include <unistd.h>

void fl_act_add(struct fl_records *records, const char *what, struct fl_value *body, int64_t wall_ms) {
  struct fl_record *record = fl_records_add(records, FL_RECORD_AUDIT, "");
  fl_set_int(body, "uid", (int64_t)getuid());
  record->audit.what = fl_strdup(what);
  record->audit.wall_ms = wall_ms;
  record->body = fl_dump(body, &record->body_size);
  fl_value_unref(body);
}

/* ---- about what is not in the store ---- */

struct leaving {
  struct fl_opened opened;
  struct fl_error error;
  int status;
  bool is_done;
};

static void on_left(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct leaving *leaving = txn->user;
  leaving->status = status;
  if (err != NULL) leaving->error = *err;
  leaving->is_done = true;
  fl_world_stop(leaving->opened.world);
}

static int leave(const struct fl_args *args, const char *what, struct fl_value *body) {
  struct leaving leaving = {0};
  struct fl_records records = {0};
  int code = fl_opened_open(&leaving.opened, args, false);
  if (code != 0) {
    fl_value_unref(body);
    return code;
  }
  int64_t wall_ms = fl_world_wall_ms(leaving.opened.world);
  fl_act_add(&records, what, body, wall_ms);
  struct fl_txn txn = {
      .kind = FL_TXN_AUDIT, .audit = &records, .wall_ms = wall_ms, .on_done = on_left, .user = &leaving};
  fl_store_submit(leaving.opened.store, &txn);
  while (!leaving.is_done) fl_world_run(leaving.opened.world);
  fl_records_deinit(&records);
  fl_opened_close(&leaving.opened);
  return leaving.status < 0 ? fl_fail_error(args, &leaving.error) : 0;
}

int fl_act_leave(const struct fl_args *args, const char *what, struct fl_value *body) {
  FL_FREE_AUTO char *path = fl_default_store();
  if (fl_args_has(args, "store") || access(path, F_OK) == 0) return leave(args, what, body);
  fl_value_unref(body);
  return 0;
}

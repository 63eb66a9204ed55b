/* SPDX-License-Identifier: MIT */
/* Who was given which secret, in the audit log. Happy path: a process is started, its secrets are recorded. Failure
 * mode: the store refuses the record; then it refuses whatever the run would commit behind it, too. */
#include "runtime/engine/audit.h"

#include "runtime/base/mem.h"
#include "runtime/io/vault.h"
#include "runtime/json/json.h"

struct note {
  struct fl_txn txn;
  struct fl_records records;
  struct fl_runtime *runtime;
};

static void on_noted(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct note *note = txn->user;
  struct fl_runtime *runtime = note->runtime;
  fl_records_deinit(&note->records);
  fl_free(note);
  fl_runtime_end_txn(runtime);
}

static void on_use(const char *name, const char *receiver, void *user) {
  struct fl_runtime *runtime = user;
  struct note *note = fl_new(struct note);
  FL_VALUE_AUTO body = fl_object();
  fl_set_string(body, "secret", name);
  fl_set_string(body, "receiver", receiver != NULL ? receiver : "");
  struct fl_record *record = fl_records_add(&note->records, FL_RECORD_AUDIT, "");
  record->audit.what = fl_strdup("secret.used");
  record->audit.wall_ms = fl_world_wall_ms(runtime->world);
  record->body = fl_dump(body, &record->body_size);
  note->runtime = runtime;
  note->txn = (struct fl_txn){.kind = FL_TXN_AUDIT,
                              .audit = &note->records,
                              .wall_ms = record->audit.wall_ms,
                              .on_done = on_noted,
                              .user = note};
  fl_runtime_begin_txn(runtime);
  fl_store_submit(runtime->store, &note->txn);
}

void fl_audit_watch_secrets(struct fl_runtime *runtime) { fl_vault_watch(runtime->world, on_use, runtime); }

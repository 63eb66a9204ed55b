/* SPDX-License-Identifier: MIT */
/* fairlead store seal, rotate-key, verify: a store whose texts are sealed under a key. */
#include "runtime/base/mem.h"
#include "runtime/cli/threads.h"
#include "runtime/io/key_file.h"

#include <inttypes.h>
#include <stdio.h>

struct waiting {
  struct fl_txn txn;
  struct fl_world *world;
  int status;
  struct fl_error error;
  bool is_done;
};

static void on_done(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct waiting *waiting = txn->user;
  waiting->status = status;
  if (err != NULL) waiting->error = *err;
  waiting->is_done = true;
  fl_world_stop(waiting->world);
}

/* 0, or an exit code after a message. */
static int submit(const struct fl_args *args, struct fl_opened *opened, struct waiting *waiting) {
  waiting->world = opened->world;
  waiting->is_done = false;
  waiting->txn.wall_ms = fl_world_wall_ms(opened->world);
  waiting->txn.on_done = on_done;
  waiting->txn.user = waiting;
  fl_store_submit(opened->store, &waiting->txn);
  while (!waiting->is_done) fl_world_run(opened->world);
  return waiting->status < 0 ? fl_fail_error(args, &waiting->error) : 0;
}

static void print_step(const struct fl_args *args, const struct fl_seal_step *step) {
  const char *what = step->is_last ? "the memory and its index" : step->thread;
  if (!args->json) {
    printf("%s %s\n", step->did_seal ? "sealed" : "is sealed:", what);
    return;
  }
  FL_VALUE_AUTO line = fl_object();
  if (!step->is_last) fl_set_string(line, "thread", step->thread);
  fl_set_bool(line, "sealed_now", step->did_seal);
  fl_print_json(line);
}

static int seal(const struct fl_args *args, struct fl_opened *opened) {
  struct fl_seal_step step = {0};
  struct fl_error err = {0};
  int code = 0;
  while (code == 0 && !step.is_last) {
    struct waiting waiting = {.txn = {.kind = FL_TXN_SEAL, .seal = &step}};
    step.after = step.next;
    code = submit(args, opened, &waiting);
    if (code == 0) print_step(args, &step);
  }
  /* Free pages hold what stood there before. */
  return code == 0 && fl_store_compact(opened->store, &err) < 0 ? fl_fail_error(args, &err) : code;
}

int fl_cmd_store_seal(struct fl_args *args) {
  if (args->count != 0) return fl_usage(args, "it takes no arguments; the key is named in FAIRLEAD_STORE_KEY_FILE");
  struct fl_opened opened;
  int code = fl_opened_open(&opened, args, false);
  if (code != 0) return code;
  code = seal(args, &opened);
  fl_opened_close(&opened);
  return code;
}

int fl_cmd_store_rotate_key(struct fl_args *args) {
  const char *path = fl_args_get(args, "new-key");
  if (args->count != 0 || path == NULL) return fl_usage(args, "name the file of the new key: --new-key FILE");
  FL_SECRET_AUTO next = {0};
  struct fl_error err = {0};
  if (fl_key_file_read(path, &next, &err) < 0) return fl_fail_error(args, &err);
  struct fl_opened opened;
  int code = fl_opened_open(&opened, args, false);
  if (code != 0) return code;
  struct waiting waiting = {.txn = {.kind = FL_TXN_ROTATE, .new_key = &next}};
  code = submit(args, &opened, &waiting);
  FL_VALUE_AUTO line = fl_object();
  fl_set_int(line, "keys", (int64_t)waiting.txn.count);
  if (code == 0 && args->json) fl_print_json(line);
  else if (code == 0) printf("%" PRIu64 " keys are wrapped with the new key\n", waiting.txn.count);
  fl_opened_close(&opened);
  return code;
}

/* ---- verify ---- */

struct verifying {
  const struct fl_args *args;
  size_t fault_count;
};

static void print_finding(const struct fl_store_finding *finding, void *user) {
  struct verifying *verifying = user;
  const char *thread = finding->thread != NULL ? finding->thread : "";
  verifying->fault_count += finding->fault != NULL;
  if (!verifying->args->json) {
    const char *gap = thread[0] != '\0' ? " " : "";
    if (finding->fault != NULL) printf("%s%s%s: %s\n", finding->what, gap, thread, finding->fault);
    else printf("%s%s%s: whole\n", finding->what, gap, thread);
    return;
  }
  FL_VALUE_AUTO line = fl_object();
  fl_set_string(line, "what", finding->what);
  if (thread[0] != '\0') fl_set_string(line, "thread", thread);
  fl_set_int(line, "sealed_texts", (int64_t)finding->count);
  fl_set_bool(line, "whole", finding->fault == NULL);
  if (finding->fault != NULL) fl_set_string(line, "fault", finding->fault);
  fl_print_json(line);
}

int fl_cmd_store_verify(struct fl_args *args) {
  if (args->count != 0) return fl_usage(args, "it takes no arguments");
  struct fl_opened opened;
  int code = fl_opened_open(&opened, args, true);
  if (code != 0) return code;
  struct verifying verifying = {.args = args};
  struct fl_error err = {0};
  int status = fl_store_verify(opened.store, print_finding, &verifying, &err);
  fl_opened_close(&opened);
  if (status != 0) return fl_fail_error(args, &err);
  return verifying.fault_count == 0 ? FL_EXIT_OK : FL_EXIT_FAILED;
}

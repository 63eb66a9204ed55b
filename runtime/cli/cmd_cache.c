/* SPDX-License-Identifier: MIT */
/* fairlead cache: results of nodes that stand for later runs. */
#include "runtime/cli/threads.h"

struct clearing {
  struct fl_txn txn;
  struct fl_world *world;
  bool is_done;
  int status;
  uint64_t count;
  struct fl_error error;
};

static void on_cleared(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct clearing *clearing = txn->user;
  clearing->status = status;
  clearing->count = txn->count;
  if (err != NULL) clearing->error = *err;
  clearing->is_done = true;
  fl_world_stop(clearing->world);
}

static int clear(const struct fl_args *args, struct fl_opened *opened) {
  struct fl_cache_entry entry = {.node = fl_args_get(args, "node")};
  struct clearing clearing = {.world = opened->world};
  clearing.txn = (struct fl_txn){.kind = FL_TXN_CACHE_CLEAR,
                                 .cache = &entry,
                                 .wall_ms = fl_world_wall_ms(opened->world),
                                 .on_done = on_cleared,
                                 .user = &clearing};
  fl_store_submit(opened->store, &clearing.txn);
  while (!clearing.is_done) fl_world_run(opened->world);
  if (clearing.status < 0) return fl_fail_error(args, &clearing.error);
  FL_VALUE_AUTO line = fl_object();
  fl_set_int(line, "cleared", (int64_t)clearing.count);
  if (args->json) fl_print_json(line);
  else printf("cleared %llu cached result%s\n", (unsigned long long)clearing.count, clearing.count == 1 ? "" : "s");
  return FL_EXIT_OK;
}

int fl_cmd_cache_clear(struct fl_args *args) {
  struct fl_opened opened;
  if (args->count > 0) return fl_usage(args, "too many arguments; name a node with --node NAME");
  int code = fl_opened_open(&opened, args, false);
  if (code != 0) return code;
  code = clear(args, &opened);
  fl_opened_close(&opened);
  return code;
}

/* SPDX-License-Identifier: MIT */
/* fairlead complete: what a shell may complete, a word a line. For the completion scripts; says nothing on a mistake.
 */
#include "runtime/base/mem.h"
#include "runtime/cli/threads.h"

#include <string.h>
#include <unistd.h>

enum { FL_WORDS_MAX = 200 };

static bool print_thread(const struct fl_value *entry, void *user) {
  printf("%s\n", fl_get_string(entry, "thread_id", ""));
  return true;
}

static bool print_checkpoint(const struct fl_value *entry, void *user) {
  printf("%s\n", fl_get_string(entry, "checkpoint_id", ""));
  return true;
}

static void complete(const struct fl_args *args, struct fl_store *store) {
  struct fl_runtime reader = {.store = store};
  const char *kind = args->items[0], *second = args->count > 1 ? args->items[1] : NULL;
  struct fl_thread_query threads = {.size = sizeof threads, .limit = FL_WORDS_MAX, .prefix = second};
  struct fl_history_query history = {.size = sizeof history, .thread = second, .limit = FL_WORDS_MAX};
  if (strcmp(kind, "threads") == 0) fl_thread_list(&reader, &threads, print_thread, NULL, NULL);
  else if (second != NULL) fl_thread_history(&reader, &history, print_checkpoint, NULL, NULL);
}

int fl_cmd_complete(struct fl_args *args) {
  bool is_known =
      args->count > 0 && (strcmp(args->items[0], "threads") == 0 || strcmp(args->items[0], "checkpoints") == 0);
  if (!is_known) return fl_usage(args, "say what: threads [FRONT], or checkpoints THREAD");
  FL_FREE_AUTO char *path = fl_args_has(args, "store") ? fl_strdup(fl_args_get(args, "store")) : fl_default_store();
  if (access(path, F_OK) != 0) return FL_EXIT_OK;
  struct fl_world *world = fl_world_uv_create(NULL);
  struct fl_store_options options = {.size = sizeof options, .read_only = true};
  struct fl_store *store = NULL;
  if (fl_store_open(world, path, &options, &store, NULL) == 0) {
    complete(args, store);
    fl_store_close(store);
  }
  fl_world_destroy(world);
  return FL_EXIT_OK;
}

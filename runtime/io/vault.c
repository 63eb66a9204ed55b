/* SPDX-License-Identifier: MIT */
#include "runtime/io/vault.h"

#include "runtime/base/mem.h"

#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

struct kept {
  char *key; /* which source */
  struct fl_secret value;
};

struct list {
  struct list *next;
  size_t count;
  struct fl_process_secret items[];
};

struct fl_vault {
  struct fl_known *known;
  struct kept **all;
  size_t count;
  struct list *lists;
  fl_vault_use_fn *on_use; /* NULL: nobody watches */
  void *use_user;
};

/* The checker of leaks looks into its own process, which it could not any more. */
#if !defined(__SANITIZE_ADDRESS__)
enum { HIDES_PROCESS = 1 };
#else
enum { HIDES_PROCESS = 0 };
#endif

/* 1 byte: 0 would not keep the kernel from piping one to a collector, see tools/sandbox/launch.h. */
static void leave_no_cores(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_CORE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max > 0 ? 1 : 0;
    setrlimit(RLIMIT_CORE, &limit);
  }
  if (HIDES_PROCESS) prctl(PR_SET_DUMPABLE, 0);
}

static struct fl_vault *vault_of(struct fl_world *world) {
  if (world->vault != NULL) return world->vault;
  world->vault = fl_new(struct fl_vault);
  world->vault->known = fl_known_create();
  return world->vault;
}

static char *key_of(const struct fl_secret_source *source) {
  FL_BUF_AUTO key = {0};
  bool is_placed = source->kind == FL_SECRET_FILE || source->kind == FL_SECRET_COMMAND;
  fl_buf_addf(&key, "%d\n%s", (int)source->kind, is_placed && source->folder != NULL ? source->folder : "");
  if (source->text != NULL) fl_buf_addf(&key, "\n%s", source->text);
  for (size_t i = 0; source->argv != NULL && source->argv[i] != NULL; i++) fl_buf_addf(&key, "\n%s", source->argv[i]);
  return fl_buf_take(&key, NULL);
}

static const struct kept *find(const struct fl_vault *vault, const char *key) {
  for (size_t i = 0; i < vault->count; i++)
    if (strcmp(vault->all[i]->key, key) == 0) return vault->all[i];
  return NULL;
}

static const struct kept *keep(struct fl_vault *vault, const char *key, struct fl_secret *value) {
  struct kept *kept = fl_new(struct kept);
  kept->key = fl_strdup(key);
  fl_secret_move(&kept->value, value);
  vault->all = fl_realloc(vault->all, (vault->count + 1) * sizeof(struct kept *));
  vault->all[vault->count++] = kept;
  return kept;
}

int fl_vault_read(struct fl_world *world, const char *name, const struct fl_secret_source *source,
                  const struct fl_secret **ret_value, struct fl_error *err) {
  struct fl_vault *vault = vault_of(world);
  FL_FREE_AUTO char *key = key_of(source);
  FL_SECRET_AUTO value = {0};
  const struct kept *kept = find(vault, key);
  if (kept == NULL) {
    leave_no_cores();
    int status = fl_secret_source_read(source, &value, err);
    if (status == 0) status = fl_known_add(vault->known, name, fl_secret_slice(&value), err);
    if (status < 0) return status;
    kept = keep(vault, key, &value);
  }
  *ret_value = &kept->value;
  return 0;
}

int fl_vault_know(struct fl_world *world, const char *name, fl_slice value, struct fl_error *err) {
  if (value.size < FL_KNOWN_SIZE_MIN) return 0; /* and nothing is looked through for its sake */
  int status = fl_known_add(vault_of(world)->known, name, value, err);
  return status == FL_E_INVALID ? 0 : status;
}

const struct fl_process_secret *fl_vault_list(struct fl_world *world, const struct fl_process_secret *items,
                                              size_t count) {
  if (count == 0) return NULL;
  struct fl_vault *vault = vault_of(world);
  struct list *list = fl_alloc(sizeof *list + count * sizeof *items);
  *list = (struct list){.next = vault->lists, .count = count};
  for (size_t i = 0; i < count; i++)
    list->items[i] = (struct fl_process_secret){fl_strdup(items[i].name), items[i].value};
  vault->lists = list;
  return list->items;
}

void fl_vault_watch(struct fl_world *world, fl_vault_use_fn *on_use, void *user) {
  if (world->vault == NULL && on_use == NULL) return;
  struct fl_vault *vault = vault_of(world);
  vault->on_use = on_use;
  vault->use_user = user;
}

void fl_vault_used(struct fl_world *world, const char *receiver, const struct fl_process_secret *list, size_t count) {
  const struct fl_vault *vault = world->vault;
  for (size_t i = 0; vault != NULL && vault->on_use != NULL && i < count; i++)
    vault->on_use(list[i].name, receiver, vault->use_user);
}

const struct fl_known *fl_vault_known(const struct fl_world *world) {
  return world->vault != NULL ? world->vault->known : NULL;
}

void fl_vault_destroy(struct fl_vault *vault) {
  if (vault == NULL) return;
  for (size_t i = 0; i < vault->count; i++) {
    fl_free(vault->all[i]->key);
    fl_secret_deinit(&vault->all[i]->value);
    fl_free(vault->all[i]);
  }
  fl_free(vault->all);
  for (struct list *list = vault->lists, *next; list != NULL; list = next) {
    next = list->next;
    for (size_t i = 0; i < list->count; i++) fl_free((char *)(uintptr_t)list->items[i].name);
    fl_free(list);
  }
  fl_known_destroy(vault->known);
  fl_free(vault);
}

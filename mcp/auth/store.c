/* SPDX-License-Identifier: MIT */
#include "mcp/auth/store.h"
#include "mcp/auth/store_file.h"
#include "runtime/base/id.h"
#include "runtime/base/map.h"
#include "runtime/base/mem.h"
#include "runtime/io/key_file.h"
#include "runtime/json/json.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { RECORD_MAX = 1024 * 1024, NAME_SIZE = 48 };
#define MAGIC "FLA1"
#define SUFFIX ".sealed"

struct fl_auth_store {
  struct fl_world *world;
  char *folder; /* NULL: in memory */
  struct fl_secret key;
  bool is_absent;        /* the folder is not there: nothing is kept yet, and it is made when something is */
  struct fl_map records; /* in memory: name to struct fl_secret */
};

/* ---- names ---- */

static void name_of(const char *kind, const char *text, const char *suffix, char ret_name[NAME_SIZE]) {
  uint8_t hash[FL_HASH_SIZE];
  char hex[33];
  fl_hash_parts((fl_slice[]){fl_slice_of(kind), fl_slice_of(text)}, 2, hash);
  fl_hex(hash, 16, hex);
  snprintf(ret_name, NAME_SIZE, "%s%s", hex, suffix);
}

static char *path_of(const struct fl_auth_store *store, const char *name) {
  return fl_format("%s/%s", store->folder, name);
}

/* ---- open ---- */

static int load_key(struct fl_auth_store *store, struct fl_error *err) {
  uint8_t fresh[FL_SEAL_KEY_SIZE];
  fl_world_random(store->world, fresh, sizeof fresh);
  int failure = fl_store_load_key(store->folder, fresh, &store->key, err);
  fl_wipe(fresh, sizeof fresh);
  return failure;
}

int fl_auth_store_open(struct fl_world *world, const char *folder, struct fl_auth_store **ret_store,
                       struct fl_error *err) {
  struct fl_auth_store *store = fl_new(struct fl_auth_store);
  store->world = world;
  store->folder = fl_strdup(folder);
  store->is_absent = folder != NULL && access(folder, F_OK) != 0 && errno == ENOENT;
  fl_map_init(&store->records);
  int failure = folder != NULL && !store->is_absent ? load_key(store, err) : 0;
  if (failure == 0) *ret_store = store;
  else fl_auth_store_close(store);
  return failure;
}

/* Another process may have made the folder since. */
static int look_again(struct fl_auth_store *store, struct fl_error *err) {
  if (!store->is_absent || access(store->folder, F_OK) != 0) return 0;
  int failure = load_key(store, err);
  if (failure == 0) store->is_absent = false;
  return failure;
}

static int make_present(struct fl_auth_store *store, struct fl_error *err) {
  if (!store->is_absent) return 0;
  int failure = fl_store_make_folder(store->folder, err);
  if (failure == 0) failure = load_key(store, err);
  if (failure == 0) store->is_absent = false;
  return failure;
}

void fl_auth_store_close(struct fl_auth_store *store) {
  if (store == NULL) return;
  struct fl_map_entry *entry;
  for (size_t cursor = 0; (entry = fl_map_next(&store->records, &cursor)) != NULL;) {
    fl_secret_deinit(entry->value);
    fl_free(entry->value);
  }
  fl_map_deinit(&store->records);
  fl_secret_deinit(&store->key);
  fl_free(store->folder);
  fl_free(store);
}

/* ---- one record as text ---- */

static int load(struct fl_auth_store *store, const char *name, struct fl_secret *ret_text, struct fl_error *err) {
  int failure = look_again(store, err);
  if (failure != 0 || store->is_absent) return failure;
  if (store->folder == NULL) {
    const struct fl_secret *kept = fl_map_get(&store->records, name);
    fl_secret_set(ret_text, kept != NULL ? fl_secret_slice(kept) : (fl_slice){0});
    return 0;
  }
  FL_FREE_AUTO char *path = path_of(store, name);
  FL_BUF_AUTO file = {.limit = RECORD_MAX};
  failure = fl_store_read_file(path, &file, err);
  if (failure == FL_E_NOT_FOUND) return 0;
  if (failure != 0) return failure;
  size_t magic = strlen(MAGIC);
  if (file.size > magic && memcmp(file.data, MAGIC, magic) == 0)
    failure = fl_unseal(ret_text, (const uint8_t *)store->key.data, fl_slice_of(name),
                        fl_slice_n(file.data + magic, file.size - magic));
  else failure = FL_E_CORRUPT;
  if (failure == 0) return 0;
  return fl_error_set(err, FL_E_CORRUPT, "%s cannot be opened: it is damaged, or sealed with another key", path);
}

static int save(struct fl_auth_store *store, const char *name, fl_slice text, struct fl_error *err) {
  if (store->folder == NULL) {
    struct fl_secret *kept = fl_map_get(&store->records, name);
    if (kept == NULL) fl_map_set(&store->records, name, kept = fl_new(struct fl_secret));
    fl_secret_set(kept, text);
    return 0;
  }
  uint8_t nonce[FL_SEAL_NONCE_SIZE];
  fl_world_random(store->world, nonce, sizeof nonce);
  FL_BUF_AUTO file = {.limit = 2 * RECORD_MAX};
  fl_buf_add_text(&file, MAGIC);
  int failure = fl_seal(&file, (const uint8_t *)store->key.data, nonce, fl_slice_of(name), text);
  if (failure != 0) return fl_error_set(err, failure, "the record is too large to be kept");
  FL_FREE_AUTO char *path = path_of(store, name);
  return fl_key_file_replace(path, fl_buf_slice(&file), true, err);
}

static int parse(const struct fl_secret *text, struct fl_value **ret_record, struct fl_error *err) {
  if (text->size == 0) {
    *ret_record = fl_object();
    return 0;
  }
  int failure = fl_json_read(fl_secret_slice(text), FL_JSON_STRICT, ret_record, NULL);
  return failure != 0 ? fl_error_set(err, FL_E_CORRUPT, "a record of authorization is not JSON") : 0;
}

static int read_name(struct fl_auth_store *store, const char *name, struct fl_value **ret_record,
                     struct fl_error *err) {
  FL_SECRET_AUTO text = {0};
  int failure = load(store, name, &text, err);
  return failure != 0 ? failure : parse(&text, ret_record, err);
}

int fl_auth_store_read(struct fl_auth_store *store, const char *issuer, struct fl_value **ret_record,
                       struct fl_error *err) {
  char name[NAME_SIZE];
  name_of("issuer", issuer, SUFFIX, name);
  return read_name(store, name, ret_record, err);
}

/* ---- changing ---- */

static int write_record(struct fl_auth_store *store, const char *name, const struct fl_value *record,
                        struct fl_error *err) {
  struct fl_buf text = {.limit = RECORD_MAX};
  fl_buf_reserve(&text, 2 * fl_json_weight(record) < RECORD_MAX ? 2 * fl_json_weight(record) : RECORD_MAX);
  int failure = fl_json_write(&text, record, FL_JSON_COMPACT);
  if (failure == 0) failure = save(store, name, fl_buf_slice(&text), err);
  else fl_error_set(err, failure, "the record is too large to be kept");
  fl_buf_wipe(&text);
  return failure;
}

int fl_auth_store_change(struct fl_auth_store *store, const char *issuer,
                         bool (*change)(struct fl_value *record, void *user), void *user, struct fl_error *err) {
  char name[NAME_SIZE];
  int lock = -1;
  struct fl_value *record = NULL;
  name_of("issuer", issuer, SUFFIX, name);
  int failure = make_present(store, err);
  if (failure == 0 && store->folder != NULL) failure = fl_store_lock_folder(store->folder, &lock, err);
  if (failure == 0) failure = read_name(store, name, &record, err);
  if (failure == FL_E_CORRUPT) {
    record = fl_object(); /* what nobody can open any more is replaced, not a wall for ever */
    failure = 0;
  }
  if (failure == 0) {
    fl_set_string(record, "issuer", issuer);
    if (change(record, user)) failure = write_record(store, name, record, err);
  }
  fl_auth_wipe_value(record);
  fl_auth_store_unlock(lock);
  return failure;
}

/* ---- all of them ---- */

static bool is_record(const char *name) {
  size_t size = strlen(name), suffix = strlen(SUFFIX);
  return size == 32 + suffix && strcmp(name + size - suffix, SUFFIX) == 0;
}

static void visit_name(struct fl_auth_store *store, const char *name,
                       void (*visit)(const struct fl_value *record, void *user), void *user, size_t *failed) {
  struct fl_value *record = NULL;
  if (read_name(store, name, &record, NULL) < 0) {
    (*failed)++;
    return;
  }
  visit(record, user);
  fl_auth_wipe_value(record);
}

int fl_auth_store_visit(struct fl_auth_store *store, void (*visit)(const struct fl_value *record, void *user),
                        void *user, size_t *ret_failed, struct fl_error *err) {
  size_t failed = 0;
  struct fl_map_entry *entry;
  int failure = look_again(store, err);
  if (failure != 0) return failure;
  for (size_t cursor = 0; (entry = fl_map_next(&store->records, &cursor)) != NULL;)
    visit_name(store, entry->key, visit, user, &failed);
  bool has_folder = store->folder != NULL && !store->is_absent;
  DIR *folder = has_folder ? opendir(store->folder) : NULL;
  if (has_folder && folder == NULL)
    return fl_error_set(err, FL_E_IO, "cannot read the folder %s: %s", store->folder, strerror(errno));
  for (const struct dirent *item; folder != NULL && (item = readdir(folder)) != NULL;)
    if (is_record(item->d_name)) visit_name(store, item->d_name, visit, user, &failed);
  if (folder != NULL) closedir(folder);
  if (ret_failed != NULL) *ret_failed = failed;
  return 0;
}

int fl_auth_store_lock_refresh(struct fl_auth_store *store, const char *server, int *ret_lock) {
  char name[NAME_SIZE];
  *ret_lock = -1;
  if (store->folder == NULL || store->is_absent) return 0;
  name_of("refresh", server, ".lock", name);
  FL_FREE_AUTO char *path = path_of(store, name);
  return fl_store_try_lock(path, ret_lock);
}

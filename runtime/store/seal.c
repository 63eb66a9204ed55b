/* SPDX-License-Identifier: MIT */
/* Keys, and texts under them. A connection knows the keys it used last; the one that writes forgets them when another
 * process wrote, or its own batch was rolled back. */
#include "runtime/store/seal.h"

#include "runtime/base/check.h"
#include "runtime/base/id.h"
#include "runtime/base/mem.h"

#include <endian.h>
#include <string.h>

enum { KNOWN_COUNT = 64, MASTER_ID_SIZE = 8, WRAPPED_SIZE = FL_SEAL_NONCE_SIZE + FL_SEAL_KEY_SIZE + FL_SEAL_TAG_SIZE };

/* In locked memory. */
struct keys {
  uint8_t master[FL_SEAL_KEY_SIZE];
  struct fl_random_stream random;
  struct {
    int64_t owner;
    bool is_known;
    uint8_t key[FL_SEAL_KEY_SIZE];
  } known[KNOWN_COUNT];
};

struct fl_sealer {
  struct keys *keys;
  uint8_t master_id[MASTER_ID_SIZE];
  bool allows_plain;
  struct fl_buf text;    /* what was sealed or unsealed last */
  struct fl_buf context; /* what is authenticated with it */
};

/* ---- life ---- */

static void take_master(struct fl_sealer *sealer, const struct fl_secret *master) {
  uint8_t hash[FL_HASH_SIZE];
  fl_check(master->size == FL_SEAL_KEY_SIZE);
  memcpy(sealer->keys->master, master->data, FL_SEAL_KEY_SIZE);
  fl_hash_keyed(sealer->keys->master, FL_SLICE("fairlead master key id"), hash);
  memcpy(sealer->master_id, hash, sizeof sealer->master_id);
}

struct fl_sealer *fl_sealer_create(const struct fl_secret *master, const uint8_t seed[32]) {
  struct fl_sealer *sealer = fl_new(struct fl_sealer);
  sealer->keys = fl_locked_new(sizeof *sealer->keys);
  memcpy(sealer->keys->random.seed, seed, sizeof sealer->keys->random.seed);
  take_master(sealer, master);
  return sealer;
}

void fl_sealer_destroy(struct fl_sealer *sealer) {
  if (sealer == NULL) return;
  fl_locked_free(sealer->keys);
  fl_buf_wipe(&sealer->text);
  fl_buf_deinit(&sealer->context);
  fl_free(sealer);
}

void fl_sealer_forget(struct fl_sealer *sealer) {
  if (sealer != NULL) fl_wipe(sealer->keys->known, sizeof sealer->keys->known);
}

void fl_sealer_allow_plain(struct fl_sealer *sealer, bool allows) { sealer->allows_plain = allows; }

/* ---- keys ---- */

static int deny(struct fl_db *db, struct fl_error *err) {
  return fl_error_set(err, FL_E_DENIED,
                      "%s: it is sealed with another key than the one that is configured; name the right one in"
                      " FAIRLEAD_STORE_KEY_FILE",
                      db->path);
}

static void key_context(struct fl_sealer *sealer, const char *thread) {
  fl_buf_clear(&sealer->context);
  fl_buf_add_text(&sealer->context, "fairlead key 1");
  fl_buf_add(&sealer->context, "", 1);
  fl_buf_add_text(&sealer->context, thread);
}

static void wrap(struct fl_sealer *sealer, const char *thread, const uint8_t *key, uint8_t ret_wrapped[WRAPPED_SIZE]) {
  key_context(sealer, thread);
  fl_random_take(&sealer->keys->random, ret_wrapped, FL_SEAL_NONCE_SIZE);
  fl_seal_into(ret_wrapped + FL_SEAL_NONCE_SIZE, sealer->keys->master, ret_wrapped, fl_buf_slice(&sealer->context),
               fl_slice_n((const char *)key, FL_SEAL_KEY_SIZE));
}

/* FL_E_NOT_FOUND: the owner has none. */
static int read_key(struct fl_db *db, int64_t owner, const char *thread, uint8_t ret_key[FL_SEAL_KEY_SIZE],
                    struct fl_error *err) {
  struct fl_sealer *sealer = db->sealer;
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_SEAL_KEY_READ, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, owner);
  int status = fl_db_row(db, statement, err);
  if (status != 0) return status;
  const uint8_t *id = sqlite3_column_blob(statement, 0), *wrapped = sqlite3_column_blob(statement, 1);
  bool is_whole = id != NULL && wrapped != NULL && sqlite3_column_bytes(statement, 0) == MASTER_ID_SIZE &&
                  sqlite3_column_bytes(statement, 1) == WRAPPED_SIZE;
  key_context(sealer, thread);
  if (is_whole && memcmp(id, sealer->master_id, MASTER_ID_SIZE) != 0) status = deny(db, err);
  else if (!is_whole ||
           !fl_unseal_into(ret_key, sealer->keys->master, wrapped, fl_buf_slice(&sealer->context),
                           fl_slice_n((const char *)wrapped + FL_SEAL_NONCE_SIZE, WRAPPED_SIZE - FL_SEAL_NONCE_SIZE)))
    status = fl_error_set(err, FL_E_CORRUPT, "thread %s: its sealed key is damaged", thread[0] != '\0' ? thread : "-");
  sqlite3_reset(statement);
  return status;
}

static int put_key(struct fl_db *db, enum fl_sql sql, int64_t owner, const uint8_t wrapped[WRAPPED_SIZE],
                   struct fl_error *err) {
  sqlite3_stmt *statement = fl_db_use(db, sql, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, owner);
  sqlite3_bind_blob(statement, 2, db->sealer->master_id, MASTER_ID_SIZE, SQLITE_STATIC);
  sqlite3_bind_blob(statement, 3, wrapped, WRAPPED_SIZE, SQLITE_STATIC);
  return fl_db_run(db, statement, err);
}

static int make_key(struct fl_db *db, int64_t owner, const char *thread, uint8_t ret_key[FL_SEAL_KEY_SIZE],
                    struct fl_error *err) {
  uint8_t wrapped[WRAPPED_SIZE];
  fl_random_take(&db->sealer->keys->random, ret_key, FL_SEAL_KEY_SIZE);
  wrap(db->sealer, thread, ret_key, wrapped);
  return put_key(db, FL_SQL_SEAL_KEY_ADD, owner, wrapped, err);
}

static size_t place_of(int64_t owner) { return (uint64_t)owner % KNOWN_COUNT; }

static int find_key(struct fl_db *db, const struct fl_seal_row *row, bool makes, const uint8_t **ret_key,
                    struct fl_error *err) {
  struct keys *keys = db->sealer->keys;
  size_t place = place_of(row->owner);
  *ret_key = keys->known[place].key;
  if (keys->known[place].is_known && keys->known[place].owner == row->owner) return 0;
  keys->known[place].is_known = false;
  int status = read_key(db, row->owner, row->thread, keys->known[place].key, err);
  if (status == FL_E_NOT_FOUND && makes) status = make_key(db, row->owner, row->thread, keys->known[place].key, err);
  if (status != 0) return status;
  keys->known[place].owner = row->owner;
  keys->known[place].is_known = true;
  return 0;
}

/* ---- texts ---- */

static void row_context(struct fl_sealer *sealer, const struct fl_seal_row *row) {
  struct fl_buf *context = &sealer->context;
  fl_buf_clear(context);
  fl_buf_add(context, "fairlead row 1", 15);
  fl_buf_add(context, row->table, strlen(row->table) + 1);
  fl_buf_add(context, row->thread, strlen(row->thread) + 1);
  for (size_t i = 0; i < row->number_count; i++) {
    uint64_t number = htole64((uint64_t)row->numbers[i]);
    fl_buf_add(context, &number, sizeof number);
  }
  for (size_t i = 0; i < row->text_count; i++) {
    uint64_t size = htole64(row->texts[i].size);
    fl_buf_add(context, &size, sizeof size);
    fl_buf_add(context, row->texts[i].data, row->texts[i].size);
  }
}

int fl_seal_text(struct fl_db *db, const struct fl_seal_row *row, fl_slice plain, fl_slice *ret_text,
                 struct fl_error *err) {
  struct fl_sealer *sealer = db->sealer;
  const uint8_t *key;
  *ret_text = plain;
  if (sealer == NULL || plain.data == NULL) return 0;
  int status = find_key(db, row, true, &key, err);
  if (status != 0) return status;
  row_context(sealer, row);
  fl_buf_clear(&sealer->text);
  status = fl_buf_reserve(&sealer->text, plain.size + FL_SEALED_OVERHEAD);
  if (status != 0) return fl_error_set(err, status, "a text of %zu bytes cannot be sealed", plain.size);
  uint8_t *place = (uint8_t *)sealer->text.data;
  place[0] = FL_SEAL_MARK;
  place[1] = FL_SEAL_FORMAT;
  fl_random_take(&sealer->keys->random, place + 2, FL_SEAL_NONCE_SIZE);
  fl_seal_into(place + 2 + FL_SEAL_NONCE_SIZE, key, place + 2, fl_buf_slice(&sealer->context), plain);
  sealer->text.size = plain.size + FL_SEALED_OVERHEAD;
  *ret_text = fl_buf_slice(&sealer->text);
  return 0;
}

static const char *owner_name(const struct fl_seal_row *row) { return row->thread[0] != '\0' ? row->thread : "-"; }

static int refuse(const struct fl_seal_row *row, fl_slice stored, bool has_key, struct fl_error *err) {
  if (!has_key)
    return fl_error_set(err, FL_E_DENIED,
                        "thread %s: %s is sealed, and no key is configured; name it in FAIRLEAD_STORE_KEY_FILE",
                        owner_name(row), row->what);
  if (!fl_is_sealed(stored))
    return fl_error_set(err, FL_E_DENIED,
                        "thread %s: %s is not sealed, and a key is configured; 'fairlead store seal' seals what was"
                        " written without one, if you know that it is yours",
                        owner_name(row), row->what);
  return fl_error_set(err, FL_E_CORRUPT, "thread %s: %s is damaged: it was changed, or moved from another place",
                      owner_name(row), row->what);
}

static bool open_text(struct fl_sealer *sealer, const uint8_t *key, fl_slice stored) {
  const uint8_t *nonce = (const uint8_t *)stored.data + 2;
  size_t front = 2 + FL_SEAL_NONCE_SIZE;
  if (stored.size < FL_SEALED_OVERHEAD || (uint8_t)stored.data[1] != FL_SEAL_FORMAT) return false;
  if (!fl_unseal_into((uint8_t *)sealer->text.data, key, nonce, fl_buf_slice(&sealer->context),
                      fl_slice_n(stored.data + front, stored.size - front)))
    return false;
  sealer->text.size = stored.size - FL_SEALED_OVERHEAD;
  sealer->text.data[sealer->text.size] = '\0';
  return true;
}

int fl_unseal_text(struct fl_db *db, const struct fl_seal_row *row, fl_slice stored, fl_slice *ret_text,
                   struct fl_error *err) {
  struct fl_sealer *sealer = db->sealer;
  const uint8_t *key;
  *ret_text = stored;
  if (stored.data == NULL) return 0;
  if (sealer == NULL) return fl_is_sealed(stored) ? refuse(row, stored, false, err) : 0;
  if (!fl_is_sealed(stored)) return sealer->allows_plain ? 0 : refuse(row, stored, true, err);
  fl_buf_clear(&sealer->text);
  int status = fl_buf_reserve(&sealer->text, stored.size + 1);
  for (bool is_fresh = false; status == 0;) {
    status = find_key(db, row, false, &key, err);
    if (status == FL_E_NOT_FOUND) return refuse(row, stored, true, err);
    row_context(sealer, row);
    if (status == 0 && open_text(sealer, key, stored)) break;
    if (status == 0 && is_fresh) status = refuse(row, stored, true, err);
    sealer->keys->known[place_of(row->owner)].is_known = false; /* the thread may be another since it was read */
    is_fresh = true;
  }
  if (status == 0) *ret_text = fl_buf_slice(&sealer->text);
  return status;
}

/* ---- the store as a whole ---- */

int fl_seal_erase(struct fl_db *db, int64_t owner, struct fl_error *err) {
  static const enum fl_sql both[] = {FL_SQL_SEAL_KEY_WIPE, FL_SQL_SEAL_KEY_DROP};
  int status = 0;
  for (size_t i = 0; status == 0 && i < 2; i++) {
    sqlite3_stmt *statement = fl_db_use(db, both[i], err);
    if (statement == NULL) return err->code;
    sqlite3_bind_int64(statement, 1, owner);
    status = fl_db_run(db, statement, err);
    db->has_erased |= sqlite3_changes(db->handle) > 0;
  }
  if (db->sealer != NULL) fl_sealer_forget(db->sealer);
  return status;
}

int fl_seal_check_open(struct fl_db *db, bool read_only, struct fl_error *err) {
  if (db->version < FL_FORMAT_SEAL) return 0;
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_SEAL_KEY_ANY, err);
  if (statement == NULL) return err->code;
  int status = fl_db_row(db, statement, err);
  if (status == FL_E_NOT_FOUND) return 0;
  if (status != 0) return status;
  const void *id = sqlite3_column_blob(statement, 0);
  bool is_ours = db->sealer != NULL && id != NULL && sqlite3_column_bytes(statement, 0) == MASTER_ID_SIZE &&
                 memcmp(id, db->sealer->master_id, MASTER_ID_SIZE) == 0;
  sqlite3_reset(statement);
  if (is_ours || (db->sealer == NULL && read_only)) return 0;
  if (db->sealer != NULL) return deny(db, err);
  return fl_error_set(err, FL_E_DENIED, "%s: it is sealed; name the file of its key in FAIRLEAD_STORE_KEY_FILE",
                      db->path);
}

/* Each owner with its key, from the highest down, so that what is written does not disturb what is read. */
static int rotate_one(struct fl_db *db, struct fl_sealer *with, int64_t below, int64_t *ret_owner,
                      struct fl_error *err) {
  uint8_t key[FL_SEAL_KEY_SIZE], wrapped[WRAPPED_SIZE];
  sqlite3_stmt *statement = fl_db_use(db, FL_SQL_SEAL_KEY_BELOW, err);
  if (statement == NULL) return err->code;
  sqlite3_bind_int64(statement, 1, below);
  int status = fl_db_row(db, statement, err);
  if (status != 0) return status;
  *ret_owner = sqlite3_column_int64(statement, 0);
  FL_FREE_AUTO char *thread = fl_db_copy(statement, 1);
  sqlite3_reset(statement);
  if (thread == NULL) thread = fl_strdup("");
  status = read_key(db, *ret_owner, thread, key, err);
  if (status != 0) return status;
  wrap(with, thread, key, wrapped);
  fl_wipe(key, sizeof key);
  struct fl_sealer *before = db->sealer;
  db->sealer = with;
  status = put_key(db, FL_SQL_SEAL_KEY_PUT, *ret_owner, wrapped, err);
  db->sealer = before;
  return status;
}

int fl_seal_rotate(struct fl_db *db, const struct fl_secret *new_master, uint64_t *ret_count, struct fl_error *err) {
  uint8_t seed[32];
  int64_t owner = INT64_MAX;
  int status = 0;
  if (db->sealer == NULL)
    return fl_error_set(err, FL_E_STATE, "%s: it has no key to be exchanged; 'fairlead store seal' seals a store",
                        db->path);
  fl_random_take(&db->sealer->keys->random, seed, sizeof seed);
  struct fl_sealer *with = fl_sealer_create(new_master, seed);
  for (*ret_count = 0; status == 0; *ret_count += status == 0) status = rotate_one(db, with, owner, &owner, err);
  fl_sealer_destroy(with);
  db->has_erased |= status == FL_E_NOT_FOUND; /* the old wrapping is not to stay in the log */
  return status == FL_E_NOT_FOUND ? 0 : status;
}

int fl_seal_hash(struct fl_db *db, fl_slice bytes, uint8_t ret_hash[32], struct fl_error *err) {
  static const struct fl_seal_row beside = {.thread = ""};
  const uint8_t *key;
  int status = find_key(db, &beside, sqlite3_db_readonly(db->handle, "main") == 0, &key, err);
  if (status == 0) fl_hash_keyed(key, bytes, ret_hash);
  return status;
}

int fl_seal_word(struct fl_db *db, fl_slice word, char ret_word[FL_SEALED_WORD_SIZE], struct fl_error *err) {
  uint8_t hash[32];
  int status = fl_seal_hash(db, word, hash, err);
  if (status != 0) return status;
  fl_hex(hash, (FL_SEALED_WORD_SIZE - 1) / 2, ret_word);
  return 0;
}

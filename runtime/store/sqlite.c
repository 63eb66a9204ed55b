/* SPDX-License-Identifier: MIT */
/* The store on SQLite: opening, closing, handing transactions to the writer thread and taking them back.
 *
 * Happy path: submit queues a job and wakes the writer; the writer posts; on_mail calls back in order, on the loop.
 * Failure modes: what the writer could not do comes back with its error; closing waits for the writer and calls back
 * for the rest from inside. */
#include "runtime/store/sqlite.h"
#include "runtime/store/seal.h"
#include "runtime/store/seal_head.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/io/key_source.h"
#include "runtime/io/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* ---- acknowledgements ---- */

static struct fl_sqlite_jobs take_done(struct fl_sqlite_store *store) {
  struct fl_sqlite_jobs done;
  pthread_mutex_lock(&store->mutex);
  done = store->done;
  fl_sqlite_jobs_init(&store->done);
  pthread_mutex_unlock(&store->mutex);
  return done;
}

static void call_back(struct fl_sqlite_store *store) {
  struct fl_sqlite_jobs done = take_done(store);
  for (struct fl_sqlite_job *job = done.first, *next; job != NULL; job = next) {
    next = job->next;
    fl_world_release(store->base.world);
    if (job->status == 0 && job->txn->kind == FL_TXN_LEASE_ACQUIRE) job->txn->fence = job->answer.fence;
    if (job->status == 0) job->txn->count = job->answer.count, job->txn->bytes = job->answer.bytes;
    job->txn->on_done(job->txn, job->status, job->err);
    fl_free(job->err);
    fl_free(job);
  }
}

static void on_mail(void *user) {
  struct fl_sqlite_store *store = user;
  pthread_mutex_lock(&store->mutex);
  store->mailbox->is_posted = false;
  pthread_mutex_unlock(&store->mutex);
  call_back(store);
}

static void refuse(struct fl_sqlite_store *store, struct fl_sqlite_job *job) {
  job->err = fl_new(struct fl_error);
  job->status = fl_error_set(job->err, FL_E_STATE, "%s: the store was opened for reading only", store->path);
  fl_sqlite_jobs_push(&store->done, job);
  fl_mailbox_post(store->mailbox, store->base.world);
}

static void sqlite_submit(struct fl_store *base, struct fl_txn *txn) {
  struct fl_sqlite_store *store = (struct fl_sqlite_store *)base;
  struct fl_sqlite_job *job = fl_new(struct fl_sqlite_job);
  job->txn = txn;
  fl_world_hold(base->world);
  pthread_mutex_lock(&store->mutex);
  if (store->read_only) {
    refuse(store, job);
  } else {
    fl_sqlite_jobs_push(&store->waiting, job);
    pthread_cond_signal(&store->has_work);
  }
  pthread_mutex_unlock(&store->mutex);
}

/* ---- closing ---- */

static void stop_writer(struct fl_sqlite_store *store) {
  pthread_mutex_lock(&store->mutex);
  store->is_closing = true;
  pthread_cond_signal(&store->has_work);
  pthread_mutex_unlock(&store->mutex);
  fl_check(pthread_join(store->thread, NULL) == 0);
}

static void give_back_leases(struct fl_sqlite_store *store) {
  struct fl_error ignored = {0};
  sqlite3_stmt *statement = store->has_acquired ? fl_db_use(&store->writer, FL_SQL_LEASES_RELEASE, &ignored) : NULL;
  if (statement == NULL) return;
  sqlite3_bind_int64(statement, 1, (int64_t)store->self.token);
  fl_db_run(&store->writer, statement, &ignored); /* a dead process holds nothing either */
}

/* Without the lock nothing is written: the log stays for the next to open. */
static void close_connections(struct fl_sqlite_store *store) {
  struct fl_error ignored = {0};
  bool has_lock = store->writer.handle != NULL && fl_lock_take(&store->lock, &ignored) == 0;
  fl_db_close(&store->reader);
  if (has_lock) {
    give_back_leases(store);
    sqlite3_busy_timeout(store->writer.handle, 0);
    sqlite3_wal_checkpoint_v2(store->writer.handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
  }
  fl_db_close(&store->writer);
  if (has_lock) fl_lock_drop(&store->lock);
  fl_lock_close(&store->lock);
}

static void store_free(struct fl_sqlite_store *store) {
  close_connections(store);
  fl_secret_deinit(&store->audit_key);
  fl_wipe(store->fresh_seed, sizeof store->fresh_seed);
  pthread_mutex_destroy(&store->batch_mutex);
  pthread_mutex_destroy(&store->mutex);
  pthread_cond_destroy(&store->has_work);
  fl_free(store->path);
  fl_free(store);
}

static void sqlite_close(struct fl_store *base) {
  struct fl_sqlite_store *store = (struct fl_sqlite_store *)base;
  if (!store->read_only) stop_writer(store);
  call_back(store);
  fl_mailbox_close(store->mailbox);
  store_free(store);
}

static void sqlite_pause(struct fl_store *base, bool pauses) {
  struct fl_sqlite_store *store = (struct fl_sqlite_store *)base;
  if (pauses) pthread_mutex_lock(&store->batch_mutex);
  else pthread_mutex_unlock(&store->batch_mutex);
}

/* A file that is only read may still have its first format, which had nothing there. */
static struct fl_db *sqlite_side(struct fl_store *base) {
  struct fl_sqlite_store *store = (struct fl_sqlite_store *)base;
  return store->reader.version > 1 ? &store->reader : NULL;
}

/* Between two batches the writer's connection is free. */
static int sqlite_compact(struct fl_store *base, struct fl_error *err) {
  struct fl_sqlite_store *store = (struct fl_sqlite_store *)base;
  if (store->read_only) return fl_error_set(err, FL_E_STATE, "%s: the store was opened for reading only", store->path);
  pthread_mutex_lock(&store->batch_mutex);
  int status = fl_lock_take(&store->lock, err);
  if (status == 0) {
    status = fl_db_compact(&store->writer, err);
    fl_lock_drop(&store->lock);
  }
  pthread_mutex_unlock(&store->batch_mutex);
  return status;
}

static const struct fl_store_ops sqlite_ops = {
    .submit = sqlite_submit,
    .pause = sqlite_pause,
    .compact = sqlite_compact,
    .close = sqlite_close,
    .read_thread = fl_sqlite_read_thread,
    .list_threads = fl_sqlite_list_threads,
    .load = fl_sqlite_load,
    .list_checkpoints = fl_sqlite_list_checkpoints,
    .find_checkpoint = fl_sqlite_find_checkpoint,
    .list_events = fl_sqlite_list_events,
    .read_all = fl_sqlite_read_all,
    .side = sqlite_side,
};

/* ---- opening: the file ---- */

static int io_error(const char *path, struct fl_error *err) {
  int code = errno == ENOSPC || errno == EDQUOT ? FL_E_NO_SPACE : FL_E_IO;
  return fl_error_set(err, code, "%s: %s", path, strerror(errno));
}

/* Makes every folder above `path` that is missing. */
static int make_folders(const char *path, struct fl_error *err) {
  FL_FREE_AUTO char *folder = fl_strdup(path);
  for (char *slash = strchr(folder + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) return io_error(folder, err);
    *slash = '/';
  }
  return 0;
}

static char *folder_of(const char *path) {
  const char *slash = strrchr(path, '/');
  if (slash == NULL) return fl_strdup(".");
  return slash == path ? fl_strdup("/") : fl_strndup(path, (size_t)(slash - path));
}

static void sync_folder(const char *folder) {
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd); /* not every file system can; the file itself is synced by SQLite */
  close(fd);
}

static int make_file(const char *path, struct fl_error *err) {
  FL_FREE_AUTO char *folder = folder_of(path);
  int status = make_folders(path, err);
  if (status != 0) return status;
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return errno == EEXIST ? 0 : io_error(path, err);
  close(fd);
  sync_folder(folder);
  return 0;
}

/* File systems on which processes of two machines would share the file, but not its memory map and locks. */
static int check_file_system(const char *path, struct fl_error *err) {
  static const struct {
    uint32_t type;
    const char *name;
  } remote[] = {{0x6969, "NFS"},      {0xff534d42, "CIFS"}, {0xfe534d42, "SMB"},
                {0x517b, "SMB"},      {0x00c36400, "Ceph"}, {0x5346414f, "AFS"},
                {0x73757245, "Coda"}, {0x564c, "NCP"},      {0x0bd00bd0, "Lustre"}};
  FL_FREE_AUTO char *folder = folder_of(path);
  struct statfs status;
  if (statfs(folder, &status) != 0) return errno == ENOENT ? 0 : io_error(folder, err);
  for (size_t i = 0; i < sizeof remote / sizeof remote[0]; i++)
    if ((uint32_t)status.f_type == remote[i].type)
      return fl_error_set(err, FL_E_UNSUPPORTED,
                          "%s: a store cannot be kept on %s, where its locks do not hold; choose a path on "
                          "a local disk",
                          path, remote[i].name);
  return 0;
}

/* ---- opening: the store ---- */

static void give_key(struct fl_sqlite_store *store, struct fl_db *db, const struct fl_secret *key) {
  uint8_t seed[32];
  if (key == NULL || key->data == NULL) return;
  fl_world_random(store->base.world, seed, sizeof seed);
  db->sealer = fl_sealer_create(key, seed);
  fl_wipe(seed, sizeof seed);
}

static int open_for_writing(struct fl_sqlite_store *store, const struct fl_store_options *options,
                            struct fl_error *err) {
  int status = make_file(store->path, err);
  if (status == 0) status = check_file_system(store->path, err);
  if (status == 0) status = fl_lock_open(&store->lock, store->path, err);
  if (status == 0) status = fl_lock_take(&store->lock, err);
  if (status != 0) return status;
  status = fl_db_open_writer(&store->writer, store->path, options->synchronous_normal, err);
  if (status == 0) status = fl_db_open_reader(&store->reader, store->path, err);
  if (status == 0) {
    give_key(store, &store->writer, options->key);
    give_key(store, &store->reader, options->key);
    status = fl_seal_check_open(&store->writer, false, err);
  }
  if (status == 0) status = fl_seal_heads_watch(&store->writer, err);
  fl_lock_drop(&store->lock);
  return status;
}

static int open_for_reading(struct fl_sqlite_store *store, const struct fl_store_options *options,
                            struct fl_error *err) {
  if (access(store->path, F_OK) != 0) return fl_error_set(err, FL_E_NOT_FOUND, "%s: there is no store", store->path);
  int status = check_file_system(store->path, err);
  if (status == 0) status = fl_db_open_reader(&store->reader, store->path, err);
  if (status != 0) return status;
  give_key(store, &store->reader, options->key);
  return fl_seal_check_open(&store->reader, true, err);
}

/* All signals go to the loop's thread. */
static int start_writer(struct fl_sqlite_store *store, struct fl_error *err) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int code = pthread_create(&store->thread, NULL, fl_sqlite_write, store);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return code == 0 ? 0 : fl_error_set(err, FL_E_IO, "%s: no thread can be started: %s", store->path, strerror(code));
}

static struct fl_sqlite_store *store_create(struct fl_world *world, const char *path, bool read_only) {
  uint64_t token;
  struct fl_sqlite_store *store = fl_new(struct fl_sqlite_store);
  store->base = (struct fl_store){.ops = &sqlite_ops, .world = world};
  store->path = fl_strdup(path);
  store->read_only = read_only;
  pthread_mutex_init(&store->batch_mutex, NULL);
  pthread_mutex_init(&store->mutex, NULL);
  pthread_cond_init(&store->has_work, NULL);
  fl_sqlite_jobs_init(&store->waiting);
  fl_sqlite_jobs_init(&store->done);
  fl_world_random(world, &token, sizeof token);
  fl_world_random(world, store->fresh_seed, sizeof store->fresh_seed);
  fl_holder_self(token, &store->self);
  return store;
}

int fl_store_open(struct fl_world *world, const char *path, const struct fl_store_options *options,
                  struct fl_store **ret_store, struct fl_error *err) {
  struct fl_error own_error = {0};
  if (err == NULL) err = &own_error;
  if (*path == '\0') return fl_error_set(err, FL_E_INVALID, "the path of the store is empty; name a file");
  static const struct fl_store_options defaults = {0};
  if (options == NULL) options = &defaults;
  FL_SECRET_AUTO found = {0};
  struct fl_store_options keyed = *options;
  if (options->finds_key && (options->key == NULL || options->key->data == NULL)) {
    if (fl_key_source_store(&found, err) != 0) return err->code;
    if (fl_vault_know(world, "STORE_KEY", fl_secret_slice(&found), err) != 0) return err->code;
    keyed.key = &found;
  }
  options = &keyed;
  bool read_only = options->read_only;
  struct fl_sqlite_store *store = store_create(world, path, read_only);
  int status = read_only ? open_for_reading(store, options, err) : open_for_writing(store, options, err);
  if (status == 0) store->mailbox = fl_mailbox_create(on_mail, store);
  if (status == 0 && !read_only) status = start_writer(store, err);
  if (status != 0) {
    fl_free(store->mailbox);
    store_free(store);
    return status;
  }
  *ret_store = &store->base;
  return 0;
}

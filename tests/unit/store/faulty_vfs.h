/* SPDX-License-Identifier: MIT */
/* A file system for SQLite that goes wrong on purpose: it passes everything on to the real one, and at a chosen write,
 * sync or truncation it fails (once, or until it is mended), or it takes a picture of what a loss of power would leave:
 * what was synced, and of what was not a random part, in pieces of 512 bytes. Counts over the database and its log. */
#pragma once
#include "runtime/base/buf.h"
#include "tests/unit/store/fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>

enum { DISK_FILES = 2, SECTOR = 512 }; /* the database, the log */

struct disk_change {
  sqlite3_int64 at;
  size_t size; /* 0: a truncation to `at` */
  char *bytes;
};

struct disk_file {
  char *bytes; /* as of the last sync */
  size_t size;
  struct disk_change *changes; /* since */
  size_t change_count;
};

static struct {
  pthread_mutex_t mutex;
  bool is_on;
  long op_count;
  long fail_at; /* 0: never */
  int fail_code;
  bool is_broken, fails_on; /* fails_on: everything after fail_at fails until mended */
  void (*on_op)(void);      /* before each operation, under the mutex */
  struct disk_file files[DISK_FILES];
} disk = {.mutex = PTHREAD_MUTEX_INITIALIZER};

struct disk_handle {
  sqlite3_file base;
  struct disk_file *file; /* NULL: not watched */
  sqlite3_file *real;
};

static sqlite3_file *real_of(sqlite3_file *file) { return ((struct disk_handle *)file)->real; }

/* ---- what is on the disk ---- */

static void file_apply(struct disk_file *file, const struct disk_change *change, size_t size) {
  size_t end = (size_t)change->at + size;
  if (change->size == 0) {
    if (end < file->size) file->size = end;
    return;
  }
  if (end > file->size) {
    file->bytes = realloc(file->bytes, end);
    memset(file->bytes + file->size, 0, end - file->size);
    file->size = end;
  }
  memcpy(file->bytes + change->at, change->bytes, size);
}

static void file_forget(struct disk_file *file) {
  for (size_t i = 0; i < file->change_count; i++) free(file->changes[i].bytes);
  free(file->changes);
  file->changes = NULL;
  file->change_count = 0;
}

static void file_sync(struct disk_file *file) {
  for (size_t i = 0; i < file->change_count; i++) file_apply(file, &file->changes[i], file->changes[i].size);
  file_forget(file);
}

static void file_change(struct disk_file *file, sqlite3_int64 at, const void *bytes, size_t size) {
  file->changes = realloc(file->changes, (file->change_count + 1) * sizeof *file->changes);
  struct disk_change *change = &file->changes[file->change_count++];
  *change = (struct disk_change){.at = at, .size = size, .bytes = malloc(size + 1)};
  if (size > 0) memcpy(change->bytes, bytes, size);
}

__attribute__((unused)) static void disk_reset(void) {
  for (size_t i = 0; i < DISK_FILES; i++) {
    file_forget(&disk.files[i]);
    free(disk.files[i].bytes);
    disk.files[i] = (struct disk_file){0};
  }
  disk.op_count = disk.fail_at = 0;
  disk.is_broken = false;
}

/* What a loss of power would leave of a file: a random part of what was not synced, in any order of the writes kept. */
__attribute__((unused)) static struct disk_file disk_picture(const struct disk_file *file, uint64_t (*random)(void)) {
  struct disk_file picture = {.bytes = malloc(file->size + 1), .size = file->size};
  if (file->size > 0) memcpy(picture.bytes, file->bytes, file->size);
  uint64_t lot = random() % 4; /* 0: nothing arrived; 1: everything; 2, 3: some */
  for (size_t i = 0; i < file->change_count; i++) {
    const struct disk_change *change = &file->changes[i];
    if (lot == 0 || (lot > 1 && random() % 2 == 0)) continue;
    size_t torn = lot == 1 || random() % 2 == 0 ? change->size : random() % (change->size / SECTOR + 1) * SECTOR;
    if (change->size == 0 || torn > 0) file_apply(&picture, change, torn);
  }
  return picture;
}

/* ---- the watched operations ---- */

/* Counts; SQLITE_OK, or what goes wrong now. */
static int disk_op(void) {
  disk.op_count++;
  if (disk.on_op != NULL) disk.on_op();
  if (disk.op_count == disk.fail_at) disk.is_broken = true;
  bool fails = disk.is_broken && (disk.fails_on || disk.op_count == disk.fail_at);
  return fails ? disk.fail_code : SQLITE_OK;
}

static int disk_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at) {
  struct disk_file *watched = ((struct disk_handle *)file)->file;
  if (watched == NULL || !disk.is_on) return real_of(file)->pMethods->xWrite(real_of(file), bytes, size, at);
  pthread_mutex_lock(&disk.mutex);
  int code = disk_op();
  if (code == SQLITE_OK) {
    file_change(watched, at, bytes, (size_t)size);
    code = real_of(file)->pMethods->xWrite(real_of(file), bytes, size, at);
  } else if (size > SECTOR) { /* what fails has done half of it */
    file_change(watched, at, bytes, SECTOR);
    real_of(file)->pMethods->xWrite(real_of(file), bytes, SECTOR, at);
  }
  pthread_mutex_unlock(&disk.mutex);
  return code;
}

static int disk_truncate(sqlite3_file *file, sqlite3_int64 size) {
  struct disk_file *watched = ((struct disk_handle *)file)->file;
  if (watched == NULL || !disk.is_on) return real_of(file)->pMethods->xTruncate(real_of(file), size);
  pthread_mutex_lock(&disk.mutex);
  int code = disk_op();
  if (code == SQLITE_OK) {
    file_change(watched, size, NULL, 0);
    code = real_of(file)->pMethods->xTruncate(real_of(file), size);
  }
  pthread_mutex_unlock(&disk.mutex);
  return code;
}

static int disk_sync(sqlite3_file *file, int flags) {
  struct disk_file *watched = ((struct disk_handle *)file)->file;
  if (watched == NULL || !disk.is_on) return SQLITE_OK; /* a test need not wait for the real disk */
  pthread_mutex_lock(&disk.mutex);
  int code = disk_op();
  if (code == SQLITE_OK) file_sync(watched);
  pthread_mutex_unlock(&disk.mutex);
  return code;
}

/* ---- what is passed on ---- */

static int disk_close(sqlite3_file *file) { return real_of(file)->pMethods->xClose(real_of(file)); }
static int disk_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 at) {
  return real_of(file)->pMethods->xRead(real_of(file), bytes, size, at);
}
static int disk_file_size(sqlite3_file *file, sqlite3_int64 *size) {
  return real_of(file)->pMethods->xFileSize(real_of(file), size);
}
static int disk_lock(sqlite3_file *file, int level) { return real_of(file)->pMethods->xLock(real_of(file), level); }
static int disk_unlock(sqlite3_file *file, int level) { return real_of(file)->pMethods->xUnlock(real_of(file), level); }
static int disk_check_lock(sqlite3_file *file, int *result) {
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}
static int disk_control(sqlite3_file *file, int op, void *arg) {
  return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}
static int disk_sector_size(sqlite3_file *file) { return SECTOR; }
static int disk_characteristics(sqlite3_file *file) { return 0; } /* no promise of any kind */
static int disk_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **memory) {
  return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, memory);
}
static int disk_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
  return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}
static void disk_shm_barrier(sqlite3_file *file) { real_of(file)->pMethods->xShmBarrier(real_of(file)); }
static int disk_shm_unmap(sqlite3_file *file, int deletes) {
  return real_of(file)->pMethods->xShmUnmap(real_of(file), deletes);
}

static const sqlite3_io_methods disk_methods = {.iVersion = 2,
                                                .xClose = disk_close,
                                                .xRead = disk_read,
                                                .xWrite = disk_write,
                                                .xTruncate = disk_truncate,
                                                .xSync = disk_sync,
                                                .xFileSize = disk_file_size,
                                                .xLock = disk_lock,
                                                .xUnlock = disk_unlock,
                                                .xCheckReservedLock = disk_check_lock,
                                                .xFileControl = disk_control,
                                                .xSectorSize = disk_sector_size,
                                                .xDeviceCharacteristics = disk_characteristics,
                                                .xShmMap = disk_shm_map,
                                                .xShmLock = disk_shm_lock,
                                                .xShmBarrier = disk_shm_barrier,
                                                .xShmUnmap = disk_shm_unmap};

static sqlite3_vfs *disk_real_vfs;

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags) {
  struct disk_handle *handle = (struct disk_handle *)file;
  *handle = (struct disk_handle){.real = (sqlite3_file *)(handle + 1)};
  if (flags & SQLITE_OPEN_MAIN_DB) handle->file = &disk.files[0];
  if (flags & SQLITE_OPEN_WAL) handle->file = &disk.files[1];
  int code = disk_real_vfs->xOpen(disk_real_vfs, name, handle->real, flags, ret_flags);
  handle->base.pMethods = handle->real->pMethods != NULL ? &disk_methods : NULL;
  return code;
}

/* From now on every connection goes through it. */
__attribute__((unused)) static void disk_install(void) {
  static sqlite3_vfs vfs;
  disk_real_vfs = sqlite3_vfs_find(NULL);
  vfs = *disk_real_vfs;
  vfs.zName = "faulty";
  vfs.szOsFile = (int)sizeof(struct disk_handle) + disk_real_vfs->szOsFile;
  vfs.pNext = NULL;
  vfs.xOpen = disk_open;
  assert_int_equal(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}

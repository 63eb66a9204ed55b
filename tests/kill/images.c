/* SPDX-License-Identifier: MIT */
/* Loss of power: a run is recorded, write by write, and from the record come pictures of what a disk may hold when the
 * power fails at some moment: all that was synced before, and of the rest nothing, everything, or some writes in any
 * order, torn at 512 bytes. Each picture is put in the place of the store, with what the world outside had seen until
 * that moment (what the run told, which tools had begun), and the trial goes on from there as after a kill. */
#include "tests/kill/record.h"
#include "tests/kill/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECTOR = 512, MOMENTS_MAX = 100000 };

static uint64_t random_state;
static uint64_t next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  return random_state ^= random_state << 17;
}

/* ---- the record ---- */

struct moment {
  struct record_entry entry;
  const char *bytes;
};

struct history {
  char *text;
  struct moment *moments;
  size_t count;
};

static char *read_all(const char *path, size_t *ret_size) {
  FILE *file = fopen(path, "re");
  char *text = NULL;
  *ret_size = 0;
  for (size_t got = 1; file != NULL && got > 0; *ret_size += got) {
    text = realloc(text, *ret_size + 65536 + 1);
    got = fread(text + *ret_size, 1, 65536, file);
  }
  if (file != NULL) fclose(file);
  if (text != NULL) text[*ret_size] = '\0';
  return text;
}

static bool history_read(struct history *history, const char *path) {
  size_t size;
  *history = (struct history){.text = read_all(path, &size)};
  if (history->text == NULL) return false;
  history->moments = calloc(MOMENTS_MAX, sizeof *history->moments);
  for (size_t at = 0; at < size && history->count < MOMENTS_MAX;) {
    struct moment *moment = &history->moments[history->count++];
    memcpy(&moment->entry, history->text + at, sizeof moment->entry);
    at += sizeof moment->entry;
    moment->bytes = history->text + at;
    if (moment->entry.op == RECORD_WRITE) at += moment->entry.size;
  }
  return history->count > 0;
}

static void history_free(struct history *history) {
  free(history->moments);
  free(history->text);
}

/* ---- a picture ---- */

struct picture {
  char *bytes;
  size_t size;
};

static void picture_apply(struct picture *picture, const struct moment *moment, size_t size) {
  const struct record_entry *entry = &moment->entry;
  if (entry->op == RECORD_UNLINK) picture->size = 0;
  size_t end = (size_t)entry->at + (entry->op == RECORD_WRITE ? size : 0);
  bool grows = end > picture->size && entry->op != RECORD_UNLINK;
  if (entry->op == RECORD_TRUNCATE && end < picture->size) picture->size = end;
  if (grows) {
    picture->bytes = realloc(picture->bytes, end + 1);
    memset(picture->bytes + picture->size, 0, end - picture->size);
    picture->size = end;
  }
  if (entry->op == RECORD_WRITE) memcpy(picture->bytes + entry->at, moment->bytes, size);
}

/* What arrived of a change that was not synced. A removed file is gone at once: SQLite has made the database whole
 * before it removes a log, and a name that came back would hold nothing that is not in the database. */
static void apply_unsynced(struct picture *picture, const struct moment *moment, uint64_t lot) {
  if (moment->entry.op == RECORD_UNLINK) {
    picture_apply(picture, moment, 0);
    return;
  }
  if (lot == 0 || (lot > 1 && next_random() % 2 == 0)) return;
  size_t size = moment->entry.op == RECORD_WRITE ? moment->entry.size : 0;
  if (lot > 1 && next_random() % 2 == 0) size = next_random() % (size / SECTOR + 1) * SECTOR;
  if (moment->entry.op != RECORD_WRITE || size > 0) picture_apply(picture, moment, size);
}

/* One file as the disk may hold it just before moment `end`. */
static struct picture take_picture(const struct history *history, uint32_t file, size_t end, struct picture before) {
  struct picture picture = {malloc(before.size + 1), before.size};
  if (before.size > 0) memcpy(picture.bytes, before.bytes, before.size);
  size_t synced = 0;
  for (size_t i = 0; i < end; i++)
    if (history->moments[i].entry.file == file && history->moments[i].entry.op == RECORD_SYNC) synced = i;
  uint64_t lot = next_random() % 4; /* nothing, everything, some */
  for (size_t i = 0; i < end; i++) {
    const struct moment *moment = &history->moments[i];
    if (moment->entry.file != file || moment->entry.op == RECORD_SYNC) continue;
    if (i < synced) picture_apply(&picture, moment, moment->entry.size);
    else apply_unsynced(&picture, moment, lot);
  }
  return picture;
}

static void put(const char *folder, const char *name, const char *bytes, size_t size) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "we");
  if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) abort();
}

/* ---- what the world outside had seen ---- */

/* The lines of the counting tools until a moment; each ends with "@" and its time. */
static void put_counts(const struct trial *trial, const char *counts, int64_t until_ns) {
  char *seen = calloc(1, strlen(counts) + 1);
  for (const char *at = counts, *stop; (stop = strchr(at, '\n')) != NULL; at = stop + 1) {
    const char *time = memchr(at, '@', (size_t)(stop - at));
    if (time != NULL && strtoll(time + 1, NULL, 10) < until_ns) strncat(seen, at, (size_t)(stop + 1 - at));
  }
  put(trial->folder, trial->count, seen, strlen(seen));
  free(seen);
}

struct recording {
  struct history history;
  struct run run;
  char *counts;
  struct picture before; /* the database that the run began with */
};

static bool record(const struct scene *scene, const char *folder, struct recording *recording) {
  char path[512];
  struct trial trial;
  trial_begin(&trial, scene, folder);
  snprintf(trial.fault, sizeof trial.fault, "recording");
  snprintf(path, sizeof path, "%s/s.db", folder);
  *recording = (struct recording){.run = {.kill_after_us = -1}};
  recording->before.bytes = read_all(path, &recording->before.size);
  snprintf(path, sizeof path, "%s/record", folder);
  unlink(path);
  recording->run.record = path;
  trial_run(&trial, &recording->run);
  bool is_whole = trial_run_is_over(&trial, &recording->run) && history_read(&recording->history, path);
  size_t size;
  snprintf(path, sizeof path, "%s/%s", folder, trial.count);
  recording->counts = read_all(path, &size);
  if (!is_whole) trial_wrong(&trial, "the recorded run ended with %#x", recording->run.status);
  trial_end(&trial);
  return is_whole;
}

static bool try_image(const struct scene *scene, const char *folder, const struct recording *recording, int *asked) {
  struct trial trial;
  size_t end = 1 + next_random() % recording->history.count;
  int64_t now_ns = end < recording->history.count ? recording->history.moments[end].entry.at_ns : INT64_MAX;
  trial_begin(&trial, scene, folder);
  snprintf(trial.fault, sizeof trial.fault, "power lost before write %zu of %zu", end, recording->history.count);
  struct picture db = take_picture(&recording->history, RECORD_DB, end, recording->before);
  struct picture log = take_picture(&recording->history, RECORD_LOG, end, (struct picture){0});
  put(folder, "s.db", db.bytes, db.size);
  if (log.size > 0) put(folder, "s.db-wal", log.bytes, log.size);
  free(db.bytes);
  free(log.bytes);
  put_counts(&trial, recording->counts != NULL ? recording->counts : "", now_ns);
  trial_hear(&trial, recording->run.output, run_size_at(&recording->run, now_ns));
  bool holds = trial_finish(&trial);
  *asked += trial.asked;
  trial_end(&trial);
  return holds;
}

long sweep_images(const struct scene *scene, const char *folder, struct image_order *order) {
  struct recording recording;
  long wrong = 0;
  random_state = order->seed;
  if (!record(scene, folder, &recording)) return 1;
  for (long i = 0; i < order->count && wrong <= 10; i++) wrong += !try_image(scene, folder, &recording, &order->asked);
  history_free(&recording.history);
  free(recording.counts);
  free(recording.before.bytes);
  run_deinit(&recording.run);
  return wrong;
}

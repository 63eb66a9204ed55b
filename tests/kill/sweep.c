/* SPDX-License-Identifier: MIT */
/* kill-sweep [--all] [--jobs N] [--only TEXT]: lets every scene go wrong at every n-th writing call, until a run has
 * none left; kills it at random times; and tries what a loss of power leaves. Prints TAP, a row for each scene, thing
 * that goes wrong and thread. The short form takes every n-th point. The environment names the programs (run.sh). */
#include "tests/kill/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOBS_MAX = 8, ROWS_MAX = 128, POINTS_MAX = 1000000 };

/* How many points a row has at most in the short form, and in the whole one (0: all). */
static const struct way {
  const char *name;
  const char *thread;
  long points_short, points_all;
} ways[] = {
    {"kill", "main", 40, 0},     {"kill", "other", 40, 0},    {"ENOSPC", "main", 3, 0},  {"ENOSPC", "other", 8, 0},
    {"ENOSPC+", "main", 3, 0},   {"ENOSPC+", "other", 8, 0},  {"EIO", "main", 3, 0},     {"EIO", "other", 8, 0},
    {"EIO+", "main", 3, 0},      {"EIO+", "other", 8, 0},     {"EINTR", "main", 4, 0},   {"EINTR", "other", 4, 0},
    {"short", "main", 4, 0},     {"short", "other", 4, 0},    {"nomem", "main", 8, 0},   {"nomem", "other", 4, 0},
    {"random", "kill", 20, 700}, {"power", "loss", 60, 1700},
};
enum { WAY_COUNT = sizeof ways / sizeof *ways };

struct row {
  long points, wrong, asked;
};

static struct {
  bool is_all;
  int job_count, job;
  const char *only;
  char folder[200];
  struct row *rows; /* shared by the jobs: [job][row] */
} sweep = {.job_count = 2};

static bool is_way(const struct way *way, const char *name) { return strcmp(way->name, name) == 0; }

static bool file_says(const char *folder, const char *name, const char *text) {
  char path[512], bytes[8192];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "re");
  size_t size = file != NULL ? fread(bytes, 1, sizeof bytes - 1, file) : 0;
  if (file != NULL) fclose(file);
  bytes[size] = '\0';
  return strstr(bytes, text) != NULL;
}

/* A killed run is killed; one without memory stops and says so; any other ends by itself, and names what went wrong. */
static void check_first(struct trial *trial, const struct way *way, const struct run *run) {
  if (is_way(way, "kill")) {
    if (!WIFSIGNALED(run->status) || WTERMSIG(run->status) != SIGKILL) trial_wrong(trial, "it was not killed");
    return;
  }
  if (is_way(way, "nomem") && WIFSIGNALED(run->status)) {
    bool is_told = WTERMSIG(run->status) == SIGABRT && file_says(trial->folder, "err", "out of memory");
    if (!is_told) trial_wrong(trial, "it ended with signal %d and did not say why", WTERMSIG(run->status));
    return;
  }
  if (!WIFEXITED(run->status)) trial_wrong(trial, "it ended with signal %d", WTERMSIG(run->status));
  else if (WEXITSTATUS(run->status) == 1 && strstr(run->output, "\"code\":\"") == NULL)
    trial_wrong(trial, "it failed without a word: %s", run->output);
}

/* The n-th point; false when a run has none left. */
static bool try_point(const struct scene *scene, const struct way *way, long at, struct row *row) {
  struct trial trial;
  struct run run = {.kill_after_us = -1};
  trial_begin(&trial, scene, sweep.folder);
  snprintf(trial.fault, sizeof trial.fault, "%s %s %ld", way->name, way->thread, at);
  run.fault = trial.fault;
  trial_run(&trial, &run);
  bool was_hit = trial_was_hit(&trial);
  if (was_hit) {
    check_first(&trial, way, &run);
    trial_finish(&trial);
    row->points++;
    row->asked += trial.asked;
  } else if (!trial_run_is_over(&trial, &run)) {
    trial_wrong(&trial, "without the fault it ended with %#x", run.status);
  }
  row->wrong += trial.is_wrong;
  run_deinit(&run);
  trial_end(&trial);
  return was_hit;
}

/* How many points a run has: doubled until there is none, then halved. */
static long count_points(const struct scene *scene, const struct way *way) {
  struct row ignored = {0};
  long low = 0, high = 1;
  while (high < POINTS_MAX && try_point(scene, way, high, &ignored)) low = high, high *= 2;
  while (low + 1 < high) {
    long middle = (low + high) / 2;
    if (try_point(scene, way, middle, &ignored)) low = middle;
    else high = middle;
  }
  return low;
}

static void sweep_points(const struct scene *scene, const struct way *way, struct row *row) {
  long limit = sweep.is_all ? way->points_all : way->points_short, stride = 1;
  if (limit > 0) stride = count_points(scene, way) / limit + 1;
  for (long at = 1 + sweep.job * stride; try_point(scene, way, at, row); at += sweep.job_count * stride)
    if (row->wrong > 10) return;
}

/* ---- at random times ---- */

static uint64_t random_state = 0x9e3779b97f4a7c15;
static uint64_t next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  return random_state ^= random_state << 17;
}

static int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t time_a_run(const struct scene *scene) {
  struct trial trial;
  struct run run = {.kill_after_us = -1};
  trial_begin(&trial, scene, sweep.folder);
  int64_t begin = now_us();
  trial_run(&trial, &run);
  run_deinit(&run);
  trial_end(&trial);
  return now_us() - begin;
}

static void sweep_random(const struct scene *scene, const struct way *way, struct row *row) {
  int64_t whole_us = time_a_run(scene);
  long kills = (sweep.is_all ? way->points_all : way->points_short) / sweep.job_count;
  for (long i = 0; i < kills && row->wrong <= 10; i++) {
    struct trial trial;
    struct run run = {.kill_after_us = (int64_t)(next_random() % (uint64_t)whole_us)};
    trial_begin(&trial, scene, sweep.folder);
    snprintf(trial.fault, sizeof trial.fault, "killed after %lld us", (long long)run.kill_after_us);
    trial_run(&trial, &run);
    run_deinit(&run);
    trial_finish(&trial);
    row->points++;
    row->asked += trial.asked;
    row->wrong += trial.is_wrong;
    trial_end(&trial);
  }
}

static void sweep_power(const struct scene *scene, const struct way *way, struct row *row) {
  struct image_order order = {.count = (sweep.is_all ? way->points_all : way->points_short) / sweep.job_count};
  order.seed = next_random();
  row->wrong += sweep_images(scene, sweep.folder, &order);
  row->points += order.count;
  row->asked += order.asked;
}

/* ---- jobs ---- */

static bool is_wanted(const struct scene *scene, const struct way *way) {
  char name[128];
  snprintf(name, sizeof name, "%s %s %s", scene->name, way->name, way->thread);
  return sweep.only == NULL || strstr(name, sweep.only) != NULL;
}

static void work(void) {
  size_t own = strlen(sweep.folder);
  snprintf(sweep.folder + own, sizeof sweep.folder - own, "/%d", sweep.job);
  mkdir(sweep.folder, 0700);
  random_state += (uint64_t)sweep.job * 0xbf58476d1ce4e5b9;
  for (size_t i = 0; i < scene_count * WAY_COUNT; i++) {
    const struct scene *scene = &scenes[i / WAY_COUNT];
    const struct way *way = &ways[i % WAY_COUNT];
    struct row *row = &sweep.rows[(size_t)sweep.job * ROWS_MAX + i];
    if (!is_wanted(scene, way)) continue;
    if (is_way(way, "random")) sweep_random(scene, way, row);
    else if (is_way(way, "power")) sweep_power(scene, way, row);
    else sweep_points(scene, way, row);
  }
}

static int print_rows(void) {
  size_t number = 0;
  struct row all = {0};
  for (size_t i = 0; i < scene_count * WAY_COUNT; i++) {
    const struct scene *scene = &scenes[i / WAY_COUNT];
    const struct way *way = &ways[i % WAY_COUNT];
    struct row row = {0};
    if (!is_wanted(scene, way)) continue;
    for (int job = 0; job < sweep.job_count; job++) {
      const struct row *part = &sweep.rows[(size_t)job * ROWS_MAX + i];
      row.points += part->points, row.wrong += part->wrong, row.asked += part->asked;
    }
    all.points += row.points, all.wrong += row.wrong, all.asked += row.asked;
    printf("%s %zu - %s: %s %s, %ld points, %ld wrong\n", row.wrong > 0 ? "not ok" : "ok", ++number, scene->name,
           way->name, way->thread, row.points, row.wrong);
  }
  printf("# %ld points, %ld wrong; %ld times the outcome of a call was unknown and a person was asked\n", all.points,
         all.wrong, all.asked);
  printf("1..%zu\n", number);
  return all.wrong > 0 || all.points == 0;
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--all") == 0) sweep.is_all = true;
    else if (strcmp(argv[i], "--jobs") == 0 && i + 1 < argc) sweep.job_count = (int)strtol(argv[++i], NULL, 10);
    else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) sweep.only = argv[++i];
    else return 2;
  }
  if (sweep.job_count < 1 || sweep.job_count > JOBS_MAX || getenv("FL_KILL_FOLDER") == NULL) return 2;
  snprintf(sweep.folder, sizeof sweep.folder, "%s", getenv("FL_KILL_FOLDER"));
  size_t size = sizeof(struct row) * ROWS_MAX * (size_t)sweep.job_count;
  sweep.rows = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (sweep.rows == MAP_FAILED) abort();
  int failed = 0;
  for (sweep.job = 0; sweep.job < sweep.job_count; sweep.job++)
    if (fork() == 0) {
      work();
      exit(0);
    }
  for (int status; wait(&status) > 0;) failed |= status != 0;
  return print_rows() | failed;
}

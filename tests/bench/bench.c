/* SPDX-License-Identifier: MIT */
#include "tests/bench/bench.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int bad_count;

double bench_cpu_us(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

double bench_wall_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

long bench_rss_kb(void) {
  FILE *file = fopen("/proc/self/statm", "re");
  long pages = 0;
  if (file != NULL && fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
  if (file != NULL) fclose(file);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

long bench_file_bytes(const char *path) {
  char wal[4096];
  snprintf(wal, sizeof wal, "%s-wal", path);
  struct stat info;
  long bytes = stat(path, &info) == 0 ? (long)info.st_size : 0;
  return bytes + (stat(wal, &info) == 0 ? (long)info.st_size : 0);
}

void bench_ratio(const char *name, double value, double floor) {
  bool ok = value >= floor;
  printf("ratio %s %.2f floor %.2f %s\n", name, value, floor, ok ? "ok" : "LOW");
  fflush(stdout);
  bad_count += !ok;
}

void bench_limit(const char *name, double value, const char *unit, double limit) {
  bool ok = value <= limit;
  printf("limit %s %.2f %s at most %.2f %s\n", name, value, unit, limit, ok ? "ok" : "HIGH");
  fflush(stdout);
  bad_count += !ok;
}

void bench_figure(const char *name, double value, const char *unit) {
  printf("figure %s %.2f %s\n", name, value, unit);
  fflush(stdout);
}

static int compare(const void *a, const void *b) {
  return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

double bench_middle(double *values, int count) {
  qsort(values, (size_t)count, sizeof *values, compare);
  return values[count / 2];
}

int bench_done(void) { return bad_count > 0; }

static char folder[4096];

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *walk) { return remove(path); }

static void remove_folder(void) { nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS); }

const char *bench_folder(void) {
  if (folder[0] != '\0') return folder;
  const char *build = getenv("FL_BUILD_ROOT");
  snprintf(folder, sizeof folder, "%s/bench-XXXXXX", build != NULL ? build : ".");
  if (mkdtemp(folder) == NULL) abort();
  atexit(remove_folder);
  return folder;
}

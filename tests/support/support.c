/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *test_read_file(const char *path, size_t *ret_size) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  char *text = malloc((size_t)size + 1);
  size_t got = fread(text, 1, (size_t)size, file);
  fclose(file);
  text[got] = '\0';
  if (ret_size != NULL) *ret_size = got;
  return text;
}

const char *test_shared_data(void) {
  static char path[4096];
  const char *shared = getenv("FL_SHARED");
  const char *root = getenv("FL_SOURCE_ROOT");
  if (shared != NULL) snprintf(path, sizeof path, "%s/data", shared);
  else snprintf(path, sizeof path, "%s/../shared/data", root != NULL ? root : ".");
  struct stat info;
  return stat(path, &info) == 0 ? path : NULL;
}

static bool ends_with(const char *text, const char *suffix) {
  size_t size = strlen(text), suffix_size = strlen(suffix);
  return size >= suffix_size && strcmp(text + size - suffix_size, suffix) == 0;
}

int test_each_file(const char *folder, const char *suffix,
                   void (*visit)(const char *path, const char *name, void *user), void *user) {
  struct dirent **entries;
  int count = scandir(folder, &entries, NULL, alphasort);
  if (count < 0) return -1;
  for (int i = 0; i < count; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
    struct stat info;
    if (ends_with(entries[i]->d_name, suffix) && stat(path, &info) == 0 && S_ISREG(info.st_mode))
      visit(path, entries[i]->d_name, user);
    free(entries[i]);
  }
  free(entries);
  return 0;
}

enum { FOLDERS_MAX = 256 };
static char folders[FOLDERS_MAX][256];
static int folder_count;

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *walk) { return remove(path); }

static void remove_folders(void) {
  for (int i = 0; i < folder_count; i++) nftw(folders[i], remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *test_folder(void) {
  if (folder_count == 0) atexit(remove_folders);
  if (folder_count == FOLDERS_MAX) abort();
  const char *base = getenv("TMPDIR");
  char *folder = folders[folder_count++];
  snprintf(folder, sizeof folders[0], "%s/fairlead-test-XXXXXX", base != NULL ? base : "/tmp");
  if (mkdtemp(folder) == NULL) abort();
  return folder;
}

static int tap_count, tap_failed;

void tap_ok(bool ok, const char *format, ...) {
  va_list args;
  va_start(args, format);
  printf("%sok %d - ", ok ? "" : "not ", ++tap_count);
  vprintf(format, args);
  printf("\n");
  va_end(args);
  if (!ok) tap_failed++;
}

void tap_skip(const char *name, const char *why) { printf("ok %d - %s # SKIP %s\n", ++tap_count, name, why); }

int tap_done(void) {
  printf("1..%d\n", tap_count);
  fflush(stdout);
  return tap_failed > 0;
}

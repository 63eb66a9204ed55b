/* SPDX-License-Identifier: MIT */
/* Runs a fuzz target on the files of a folder, whole, and on every prefix of the small ones; then on mutations of them
 * (flipped, dropped and doubled bytes, drawn from a fixed seed). One TAP row per file; a crash or a sanitizer's report
 * ends the program. */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PREFIX_MAX = 2048, MUTATIONS = 200 };

static uint64_t draw(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return *state >> 33;
}

static void run_copy(const uint8_t *data, size_t size) {
  uint8_t *copy = malloc(size > 0 ? size : 1); /* exactly as large, so that a read past the end is seen */
  if (size > 0) memcpy(copy, data, size);
  LLVMFuzzerTestOneInput(copy, size);
  free(copy);
}

static void mutate(const uint8_t *data, size_t size, uint64_t *state) {
  uint8_t *copy = malloc(size * 2 + 1);
  memcpy(copy, data, size);
  size_t length = size;
  for (uint64_t edits = 1 + draw(state) % 4; edits > 0 && length > 0; edits--) {
    size_t at = draw(state) % length;
    switch (draw(state) % 4) {
    case 0: copy[at] ^= (uint8_t)(1u << (draw(state) % 8)); break;
    case 1: copy[at] = (uint8_t)draw(state); break;
    case 2: memmove(copy + at, copy + at + 1, --length - at); break;
    default:
      if (length < size * 2) {
        memmove(copy + at + 1, copy + at, length++ - at);
      }
    }
  }
  run_copy(copy, length);
  free(copy);
}

static void run_file(const char *path, const char *name, void *user) {
  size_t size = 0;
  uint8_t *data = (uint8_t *)test_read_file(path, &size);
  if (data == NULL) return;
  uint64_t state = 42 + size;
  run_copy(data, size);
  for (size_t i = 0; i < size && i < PREFIX_MAX; i++) run_copy(data, i);
  for (int i = 0; size > 0 && size < 64 * 1024 && i < MUTATIONS; i++) mutate(data, size, &state);
  free(data);
  tap_ok(true, "%s", name);
}

int main(int argc, char **argv) {
  if (argc != 2 || test_each_file(argv[1], "", run_file, NULL) < 0)
    tap_ok(false, "there is no corpus at %s", argc == 2 ? argv[1] : "?");
  return tap_done();
}

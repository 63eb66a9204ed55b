/* SPDX-License-Identifier: MIT */
#include "runtime/io/key_source.h"

#include "runtime/base/mem.h"
#include "runtime/io/command_output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORDS_MAX = 32, OUTPUT_MAX = 256, WAIT_MS = 30000 };

static size_t split(char *command, const char *ret_words[WORDS_MAX + 1]) {
  size_t count = 0;
  char *rest = NULL;
  for (char *word = strtok_r(command, " \t", &rest); word != NULL && count < WORDS_MAX;
       word = strtok_r(NULL, " \t", &rest))
    ret_words[count++] = word;
  ret_words[count] = NULL;
  return count;
}

static int read_command(const char *text, struct fl_secret *ret_key, struct fl_error *err) {
  const char *words[WORDS_MAX + 1];
  FL_FREE_AUTO char *copy = fl_strdup(text);
  FL_SECRET_AUTO output = {0};
  if (split(copy, words) == 0) return fl_error_set(err, FL_E_INVALID, "FAIRLEAD_STORE_KEY_COMMAND names no command");
  const struct fl_command command = {.argv = words, .gives = "key", .output_max = OUTPUT_MAX, .wait_ms = WAIT_MS};
  int status = fl_command_output(&command, &output, err);
  return status == 0 ? fl_key_read(fl_secret_slice(&output), "what the command printed", ret_key, err) : status;
}

int fl_key_source_store(struct fl_secret *ret_key, struct fl_error *err) {
  const char *file = secure_getenv("FAIRLEAD_STORE_KEY_FILE");
  const char *command = secure_getenv("FAIRLEAD_STORE_KEY_COMMAND");
  const char *credentials = secure_getenv("CREDENTIALS_DIRECTORY");
  if (file != NULL && file[0] != '\0') return fl_key_file_read(file, ret_key, err);
  if (command != NULL && command[0] != '\0') return read_command(command, ret_key, err);
  if (credentials == NULL || credentials[0] == '\0') return 0;
  FL_FREE_AUTO char *path = fl_format("%s/fairlead-store-key", credentials);
  return access(path, F_OK) == 0 ? fl_key_file_read(path, ret_key, err) : 0;
}

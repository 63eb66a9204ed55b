/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WORDS_MAX = 32 };

static struct {
  int saved[3];
  FILE *files[3];
} streams;

static void redirect(int fd, FILE *file) {
  streams.saved[fd] = dup(fd);
  streams.files[fd] = file;
  assert_true(dup2(fileno(file), fd) >= 0);
}

static void restore(int fd) {
  dup2(streams.saved[fd], fd);
  close(streams.saved[fd]);
}

static void catch_with(const char *input) {
  fflush(stdout);
  fflush(stderr);
  FILE *in = tmpfile();
  fputs(input, in);
  rewind(in);
  redirect(0, in);
  redirect(1, tmpfile());
  redirect(2, tmpfile());
}

void rig_catch(void) { catch_with(""); }

static char *contents(FILE *file) {
  FL_BUF_AUTO text = {0};
  char chunk[4096];
  rewind(file);
  for (size_t got; (got = fread(chunk, 1, sizeof chunk, file)) > 0;) fl_buf_add(&text, chunk, got);
  fclose(file);
  return fl_strndup(text.data != NULL ? text.data : "", text.size);
}

void rig_release(struct caught *ret_caught) {
  fflush(stdout);
  fflush(stderr);
  for (int fd = 0; fd < 3; fd++) restore(fd);
  clearerr(stdin);
  fseek(stdin, 0, SEEK_END); /* what was read ahead was of the file */
  fclose(streams.files[0]);
  ret_caught->out = contents(streams.files[1]);
  ret_caught->err = contents(streams.files[2]);
}

void caught_deinit(struct caught *caught) {
  fl_free(caught->out);
  fl_free(caught->err);
  *caught = (struct caught){0};
}

/* ---- commands ---- */

const char *rig_folder(void) {
  static char folder[256];
  if (folder[0] == '\0') {
    snprintf(folder, sizeof folder, "%s", test_folder());
    FL_FREE_AUTO char *store = fl_format("%s/store.db", folder);
    setenv("FAIRLEAD_STORE", store, 1);
    setenv("NO_COLOR", "1", 1);
  }
  return folder;
}

void rig_write(const char *name, const char *text) {
  FL_FREE_AUTO char *path = fl_format("%s/%s", rig_folder(), name);
  FILE *file = fopen(path, "we");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static char *next_word(const char **text) {
  const char *c = *text + strspn(*text, " ");
  if (*c == '\0') return NULL;
  FL_BUF_AUTO word = {0};
  if (strncmp(c, "$F", 2) == 0) {
    fl_buf_add_text(&word, rig_folder());
    c += 2;
  }
  bool is_quoted = false;
  for (; *c != '\0' && (is_quoted || *c != ' '); c++)
    if (*c == '\'') is_quoted = !is_quoted;
    else fl_buf_add_char(&word, *c);
  *text = c;
  return fl_strndup(word.data != NULL ? word.data : "", word.size);
}

static void command(struct caught *ret_caught, const char *input, const char *line) {
  char *words[WORDS_MAX + 1] = {fl_strdup("fairlead")}, *given[WORDS_MAX + 1];
  int count = 1;
  rig_folder();
  while (count < WORDS_MAX && (words[count] = next_word(&line)) != NULL) count++;
  memcpy(given, words, sizeof words); /* parsing reorders them */
  catch_with(input);
  int code = fl_command_line(count, given);
  rig_release(ret_caught);
  ret_caught->code = code;
  for (int i = 0; i < count; i++) fl_free(words[i]);
}

void rig_command(struct caught *ret_caught, const char *format, ...) {
  va_list list;
  va_start(list, format);
  FL_BUF_AUTO line = {0};
  fl_buf_vaddf(&line, format, list);
  va_end(list);
  command(ret_caught, "", line.data != NULL ? line.data : "");
}

void rig_command_with(struct caught *ret_caught, const char *input, const char *line) {
  command(ret_caught, input, line);
}

/* ---- what was printed ---- */

void assert_code(const struct caught *caught, int code) {
  if (caught->code != code)
    fail_msg("exit %d, not %d\n--- out\n%s--- err\n%s", caught->code, code, caught->out, caught->err);
}

void assert_says(const char *text, const char *part) {
  if (strstr(text, part) == NULL) fail_msg("no \"%s\" in:\n%s", part, text);
}

void assert_lacks(const char *text, const char *part) {
  if (strstr(text, part) != NULL) fail_msg("there is \"%s\" in:\n%s", part, text);
}

size_t rig_count(const char *text, const char *part) {
  size_t count = 0;
  for (; (text = strstr(text, part)) != NULL; text += strlen(part)) count++;
  return count;
}

/* The size of what stands at the front and is another in every run, and what to write for it. */
static size_t unsteady(const char *text, const char **ret_word) {
  static const char id[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", moment[] = "dddd-dd-dd dd:dd:dd";
  size_t size = strlen(rig_folder());
  *ret_word = "FOLDER";
  if (strncmp(text, rig_folder(), size) == 0) return size;
  *ret_word = "ID";
  for (size = 0; id[size] != '\0'; size++)
    if (id[size] == '-' ? text[size] != '-' : !isxdigit((unsigned char)text[size])) break;
  if (id[size] == '\0') return size;
  *ret_word = "TIME";
  for (size = 0; moment[size] != '\0'; size++)
    if (moment[size] == 'd' ? !isdigit((unsigned char)text[size]) : text[size] != moment[size]) break;
  if (moment[size] == '\0') return size;
  *ret_word = "\"ms\":N";
  if (strncmp(text, "\"ms\":", 5) == 0) return 5 + strspn(text + 5, "0123456789.e+-");
  *ret_word = "N";
  size = strspn(text, "0123456789.");
  if (size > 0 && strncmp(text + size, " ms", 3) == 0) return size;
  return strspn(text, "0123456789") == 13 ? 13 : 0; /* milliseconds since 1970 */
}

char *rig_steady(const char *text) {
  FL_BUF_AUTO steady = {0};
  for (const char *c = text; *c != '\0';) {
    const char *word = NULL;
    size_t size = unsteady(c, &word);
    if (size > 0) fl_buf_add_text(&steady, word);
    else fl_buf_add_char(&steady, *c);
    c += size > 0 ? size : 1;
  }
  return fl_strndup(steady.data != NULL ? steady.data : "", steady.size);
}

void assert_golden_text(const char *name, const char *text) {
  FL_FREE_AUTO char *path = fl_format("%s/tests/golden/cli/%s.txt", getenv("FL_SOURCE_ROOT"), name);
  if (getenv("FL_GOLDEN_WRITE") != NULL) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return;
  }
  char *wanted = test_read_file(path, NULL);
  if (wanted == NULL) fail_msg("%s cannot be read", path);
  if (strcmp(wanted, text) != 0) fail_msg("%s wants\n%s\nand there is\n%s", path, wanted, text);
  free(wanted);
}

void rig_expect(const char *golden, int code, const char *line) {
  struct caught caught;
  rig_command(&caught, "%s", line);
  assert_code(&caught, code);
  FL_FREE_AUTO char *both =
      fl_format("%s%s%s", caught.out, caught.err[0] != '\0' ? "-- standard error\n" : "", caught.err);
  FL_FREE_AUTO char *steady = rig_steady(both);
  assert_golden_text(golden, steady);
  caught_deinit(&caught);
}

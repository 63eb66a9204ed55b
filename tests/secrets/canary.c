/* SPDX-License-Identifier: MIT */
#include "tests/secrets/canary.h"

#include "runtime/base/mem.h"
#include "tests/support/spelling.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

struct canary canaries[CANARY_COUNT];

/* ---- making them ---- */

/* Letters, with what is written otherwise in one encoding or another in the middle of each. */
static void make_value(struct canary *canary, size_t index) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  static const char *const middles[] = {"", "/+", "\"q\"", "\\b\\", " two ", "&=%", "\xc3\xa9\xe2\x82\xac", "~-_."};
  uint8_t random[36];
  char *at = canary->value;
  if (getrandom(random, sizeof random, 0) != sizeof random) abort();
  for (size_t i = 0; i < 14 + index % 5; i++) *at++ = letters[random[i] % 62];
  at = stpcpy(at, middles[index % (sizeof middles / sizeof *middles)]);
  for (size_t i = 20; i < 34; i++) *at++ = letters[random[i] % 62];
  *at = '\0';
}

static void write_file(const char *path, const char *format, const char *text, mode_t mode) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0 || dprintf(fd, "%s%s\n", format, text) < 0 || close(fd) != 0) abort();
}

static void place(const struct canary *canary, const char *folder) {
  static const char *const folders[] = {NULL, "secrets", "credentials", "commands"};
  if (canary->source == CANARY_ENV) {
    setenv(canary->name, canary->value, 1);
    return;
  }
  FL_FREE_AUTO char *path = fl_format("%s/%s/%s", folder, folders[canary->source], canary->name);
  write_file(path, "", canary->value, 0600);
}

static void add_rule(const struct canary *canary, const char *folder, bool is_first, struct fl_buf *rules) {
  fl_buf_addf(rules, "%s{\"name\": \"%s\", \"as\": \"%s\"", is_first ? "" : ", ", canary->name,
              canary->as_file ? "file" : "env");
  if (canary->source == CANARY_FILE) fl_buf_addf(rules, ", \"from\": {\"file\": \"secrets/%s\"}", canary->name);
  if (canary->source == CANARY_CREDENTIAL) fl_buf_addf(rules, ", \"from\": {\"credential\": \"%s\"}", canary->name);
  if (canary->source == CANARY_COMMAND)
    fl_buf_addf(rules, ", \"from\": {\"command\": [\"cat\", \"commands/%s\"]}", canary->name);
  fl_buf_add_text(rules, "}");
}

void canaries_make(const char *folder, struct fl_buf *ret_secrets) {
  static const char *const folders[] = {"secrets", "credentials", "commands"};
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
    FL_FREE_AUTO char *path = fl_format("%s/%s", folder, folders[i]);
    mkdir(path, 0700);
  }
  fl_buf_add_text(ret_secrets, "[");
  for (size_t i = 0; i < CANARY_COUNT; i++) {
    struct canary *canary = &canaries[i];
    snprintf(canary->name, sizeof canary->name, "CANARY_%zu", i);
    canary->source = (enum canary_source)(i / 6);
    canary->as_file = i % 2 == 1;
    make_value(canary, i);
    place(canary, folder);
    add_rule(canary, folder, i == 0, ret_secrets);
  }
  fl_buf_add_text(ret_secrets, "]");
}

/* ---- looking for them ---- */

static bool is_base64(int kind) { return (kind >= 3 && kind <= 8) || kind == 16 || kind == 17; }

/* What is looked for: base64's outermost characters hold other bits as well. */
static fl_slice core_of(const struct fl_buf *spelled, int kind) {
  size_t cut = is_base64(kind) ? 4 : kind == 18 ? 12 : 0;
  return fl_slice_n(spelled->data + cut, spelled->size - 2 * cut);
}

static void note(struct canary_findings *findings, const char *where, size_t index, int kind) {
  findings->has[index][kind] = true;
  if (findings->count++ == 0)
    snprintf(findings->first, sizeof findings->first, "%s (%s) in %s", canaries[index].name, spelling_name(kind),
             where);
}

/* All that is looked for, by its first four bytes, so that a file is passed once. */
struct needle {
  fl_slice text;
  size_t index;
  int kind;
  struct needle *next;
};
enum { NEEDLES_MAX = CANARY_COUNT * (SPELLING_COUNT * 4 + 2) };
static struct needle needles[NEEDLES_MAX], *by_front[1 << 16];
static size_t needle_count;

static uint16_t front_of(const char *text) {
  uint32_t front;
  memcpy(&front, text, sizeof front);
  return (uint16_t)(front * 2654435761u >> 16);
}

static void add_needle(size_t index, int kind, fl_slice text) {
  struct needle *needle = &needles[needle_count++];
  struct needle **list = &by_front[front_of(text.data)];
  for (const struct needle *other = *list; other != NULL; other = other->next)
    if (other->index == index && other->kind == kind && other->text.size == text.size &&
        memcmp(other->text.data, text.data, text.size) == 0)
      return;
  *needle = (struct needle){fl_slice_n(fl_strndup(text.data, text.size), text.size), index, kind, *list};
  *list = needle;
}

/* In a store and in JSON output a text has JSON's escapes, and those of a text that is JSON once more. */
static void add_spelling(size_t index, int kind) {
  FL_BUF_AUTO spelled = {0}, once = {0}, twice = {0}, plain = {0};
  if (!spell(&spelled, fl_slice_of(canaries[index].value), kind)) return;
  fl_slice core = core_of(&spelled, kind);
  spell_json(&once, core);
  spell_json(&twice, fl_buf_slice(&once));
  for (size_t i = 0; i < core.size; i++) { /* as ours writes it: a slash as it is */
    char c = core.data[i];
    if (strchr("\"\\\n\r", c) != NULL) fl_buf_add_char(&plain, '\\');
    fl_buf_add_char(&plain, c == '\n' ? 'n' : c == '\r' ? 'r' : c);
  }
  add_needle(index, kind, core);
  add_needle(index, kind, fl_buf_slice(&once));
  add_needle(index, kind, fl_buf_slice(&twice));
  add_needle(index, kind, fl_buf_slice(&plain));
}

/* A half of a value is too much as well. */
static void make_needles(void) {
  enum { HALF = 13 };
  for (size_t i = 0; i < CANARY_COUNT; i++) {
    fl_slice value = fl_slice_of(canaries[i].value);
    for (int kind = 0; kind < SPELLING_COUNT; kind++) add_spelling(i, kind);
    add_needle(i, 0, fl_slice_n(value.data, HALF));
    add_needle(i, 0, fl_slice_n(value.data + value.size - HALF, HALF));
  }
}

void canaries_search(struct canary_findings *findings, const char *where, fl_slice text) {
  if (needle_count == 0) make_needles();
  for (size_t at = 0; at + 4 <= text.size; at++)
    for (const struct needle *needle = by_front[front_of(text.data + at)]; needle != NULL; needle = needle->next)
      if (needle->text.size <= text.size - at && memcmp(needle->text.data, text.data + at, needle->text.size) == 0)
        note(findings, where, needle->index, needle->kind);
}

static bool search_file(struct canary_findings *findings, const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat info;
  bool is_read = fd >= 0 && fstat(fd, &info) == 0;
  FL_FREE_AUTO char *text = fl_alloc(is_read ? (size_t)info.st_size + 1 : 1);
  size_t size = 0;
  for (ssize_t got; is_read && (got = read(fd, text + size, (size_t)info.st_size - size)) > 0;) size += (size_t)got;
  if (fd >= 0) close(fd);
  canaries_search(findings, path, fl_slice_n(text, size));
  return is_read;
}

bool canaries_search_files(struct canary_findings *findings, const char *path) {
  struct stat info;
  if (lstat(path, &info) != 0) return false;
  if (S_ISREG(info.st_mode)) return search_file(findings, path);
  DIR *folder = S_ISDIR(info.st_mode) ? opendir(path) : NULL;
  bool is_read = true;
  for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    FL_FREE_AUTO char *inner = fl_format("%s/%s", path, entry->d_name);
    is_read &= canaries_search_files(findings, inner);
  }
  if (folder != NULL) closedir(folder);
  return is_read;
}

/* SPDX-License-Identifier: MIT */
#include "runtime/base/mem.h"
#include "runtime/cli/cli.h"
#include "runtime/cli/table.h"
#include "runtime/json/json.h"
#include "runtime/json/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

void fl_print_json(const struct fl_value *value) {
  FL_FREE_AUTO char *text = fl_dump(value, NULL);
  printf("%s\n", text);
  fflush(stdout);
}

void fl_print_pretty(const struct fl_value *value) {
  FL_BUF_AUTO text = {0};
  fl_json_write(&text, value, FL_JSON_PRETTY);
  fl_print_text(stdout, text.data);
  printf("\n");
}

static void print_failure(const struct fl_args *args, const char *word, const char *text) {
  if (args != NULL && args->json) {
    FL_VALUE_AUTO line = fl_object();
    struct fl_value *error = fl_object();
    fl_set_string(error, "code", word);
    fl_set_string(error, "message", text);
    fl_set_string(line, "type", "error");
    fl_set_take(line, "error", error);
    fl_print_json(line);
    return;
  }
  fflush(stdout);
  bool color = args != NULL && args->color;
  fprintf(stderr, "%sfairlead: %s", color ? "\033[31m" : "", color ? "\033[0m" : "");
  fl_print_text(stderr, text);
  fputc('\n', stderr);
}

int fl_fail(const struct fl_args *args, int code, const char *format, ...) {
  va_list list;
  va_start(list, format);
  FL_BUF_AUTO text = {0};
  fl_buf_vaddf(&text, format, list);
  va_end(list);
  print_failure(args, code == FL_EXIT_USAGE ? "usage" : "failed", text.data);
  return code;
}

int fl_usage(const struct fl_args *args, const char *format, ...) {
  va_list list;
  va_start(list, format);
  FL_BUF_AUTO text = {0};
  fl_buf_vaddf(&text, format, list);
  va_end(list);
  print_failure(args, "usage", text.data);
  if (!args->json) fprintf(stderr, "See 'fairlead help %s'.\n", args->command->name);
  return FL_EXIT_USAGE;
}

int fl_fail_store(const struct fl_args *args, const char *path, const struct fl_error *err) {
  struct fl_error whole = {0};
  fl_error_set(&whole, err->code, "cannot open the store %s: %s (--store or FAIRLEAD_STORE names another)", path,
               err->text);
  fl_fail_error(args, &whole);
  return FL_EXIT_FAILED;
}

int fl_fail_error(const struct fl_args *args, const struct fl_error *err) {
  print_failure(args, fl_error_word(err->code), err->text[0] != '\0' ? err->text : fl_error_sentence(err->code));
  return err->code == FL_E_INVALID || err->code == FL_E_GRAPH ? FL_EXIT_USAGE : FL_EXIT_FAILED;
}

void fl_print_diags(const struct fl_args *args, const struct fl_diags *diags) {
  for (size_t i = 0; i < diags->count; i++) {
    const struct fl_diag *diag = &diags->items[i];
    FL_FREE_AUTO char *line = fl_diag_format(diag);
    bool is_error = diag->severity == FL_SEVERITY_ERROR;
    fputs(!args->color ? "" : is_error ? "\033[31m" : "\033[33m", stderr);
    fl_print_text(stderr, line);
    fprintf(stderr, "%s\n", args->color ? "\033[0m" : "");
  }
  if (diags->dropped_count > 0) fprintf(stderr, "… and %zu more\n", diags->dropped_count);
}

struct fl_value *fl_diag_value(const struct fl_diag *diag) {
  struct fl_value *entry = fl_object();
  fl_set_string(entry, "severity", diag->severity == FL_SEVERITY_ERROR ? "error" : "warning");
  if (diag->file != NULL) fl_set_string(entry, "file", diag->file);
  fl_set_int(entry, "line", diag->line);
  fl_set_int(entry, "column", diag->column);
  fl_set_string(entry, "pointer", diag->pointer != NULL ? diag->pointer : "");
  fl_set_string(entry, "message", diag->message != NULL ? diag->message : "");
  if (diag->suggestion != NULL) fl_set_string(entry, "suggestion", diag->suggestion);
  return entry;
}

int fl_fail_diags(const struct fl_args *args, const struct fl_diags *diags) {
  if (!args->json) {
    fl_print_diags(args, diags);
    return FL_EXIT_USAGE;
  }
  FL_BUF_AUTO text = {0};
  for (size_t i = 0; i < diags->count; i++) {
    FL_FREE_AUTO char *line = fl_diag_format(&diags->items[i]);
    fl_buf_addf(&text, "%s%s", i > 0 ? "\n" : "", line);
  }
  return fl_fail(args, FL_EXIT_USAGE, "%s", text.data != NULL ? text.data : "the graph file is not valid");
}

int fl_terminal_width(void) {
  struct winsize size;
  const char *columns = getenv("COLUMNS");
  long width = columns != NULL ? strtol(columns, NULL, 10) : 0;
  if (width > 0 && width < FL_TABLE_WIDE) return (int)width;
  if (ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return isatty(1) ? 80 : FL_TABLE_WIDE;
}

/* ---- what others wrote ---- */

static bool turns_writing(uint32_t rune) {
  return rune == 0x61c || rune == 0x200e || rune == 0x200f || (rune >= 0x2028 && rune <= 0x202e) ||
         (rune >= 0x2066 && rune <= 0x2069);
}

/* One character; returns its size. */
static size_t add_visible_rune(struct fl_buf *buf, fl_slice text) {
  size_t size = fl_utf8_sequence(text.data, text.size);
  uint32_t rune = size > 0 ? fl_utf8_decode(text.data, size) : 0;
  if (size == 0) fl_buf_addf(buf, "\\x%02x", (unsigned char)text.data[0]);
  else if (rune < 0x20 || (rune >= 0x7f && rune < 0xa0)) fl_buf_addf(buf, "\\x%02x", (unsigned)rune);
  else if (turns_writing(rune)) fl_buf_addf(buf, "\\u%04x", (unsigned)rune);
  else fl_buf_add(buf, text.data, size);
  return size > 0 ? size : 1;
}

void fl_add_visible(struct fl_buf *buf, const char *text, size_t size_max) {
  size_t start = buf->size, size = strlen(text), used = 0;
  while (used < size && buf->size - start < size_max) {
    bool is_space = text[used] == '\n' || text[used] == '\t';
    if (is_space) fl_buf_add_char(buf, ' ');
    used += is_space ? 1 : add_visible_rune(buf, fl_slice_n(text + used, size - used));
  }
  if (used < size) fl_buf_add_text(buf, "…");
}

char *fl_visible(const char *text, size_t size_max) {
  FL_BUF_AUTO buf = {0};
  fl_add_visible(&buf, text, size_max);
  return fl_strndup(buf.data != NULL ? buf.data : "", buf.size);
}

void fl_print_text(FILE *out, const char *text) {
  if (out == stdout && !isatty(1)) {
    fputs(text, out);
    return;
  }
  FL_BUF_AUTO buf = {0};
  for (size_t size = strlen(text), used = 0; used < size;) {
    bool is_space = text[used] == '\n' || text[used] == '\t';
    if (is_space) fl_buf_add_char(&buf, text[used]);
    used += is_space ? 1 : add_visible_rune(&buf, fl_slice_n(text + used, size - used));
  }
  fwrite(buf.data != NULL ? buf.data : "", 1, buf.size, out);
}

void fl_format_time(int64_t wall_ms, char ret_text[32]) {
  time_t seconds = (time_t)(wall_ms / 1000);
  struct tm local;
  localtime_r(&seconds, &local);
  strftime(ret_text, 32, "%Y-%m-%d %H:%M:%S", &local);
}

char *fl_default_store(void) {
  const char *store = getenv("FAIRLEAD_STORE");
  if (store != NULL && *store != '\0') return fl_strdup(store);
  const char *data = getenv("XDG_DATA_HOME");
  if (data != NULL && *data == '/') return fl_format("%s/fairlead/fairlead.db", data);
  const char *home = getenv("HOME");
  return fl_format("%s/.local/share/fairlead/fairlead.db", home != NULL && *home != '\0' ? home : ".");
}

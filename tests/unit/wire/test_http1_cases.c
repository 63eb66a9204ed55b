/* SPDX-License-Identifier: MIT */
/* The cases of llhttp, request side: whatever its strict mode refuses, ours refuses; a case is its text, as it stands
 * and with a Host field put into each request (most have none, which ours refuses for that alone). Never more whole
 * requests may be seen than llhttp sees. With Host, what llhttp takes ours takes too, except for what stands in
 * `refused_by_design`. One row per case and form. */
#include "runtime/base/mem.h"
#include "tests/support/http1_trace.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct tally {
  int cases, refused_too, taken_too;
};

/* llhttp takes these, and ours does not, each for a reason that http1.h names. */
static const struct {
  const char *title, *why;
} refused_by_design[] = {
    {"REPORT request", "the method is of no server of ours"},
    {"CONNECT request", "the method is of no server of ours"},
    {"CONNECT request with CAPS", "the method is of no server of ours"},
    {"CONNECT with body", "the method is of no server of ours"},
    {"M-SEARCH request", "the method is of no server of ours"},
    {"PURGE request", "the method is of no server of ours"},
    {"SEARCH request", "the method is of no server of ours"},
    {"LINK request", "the method is of no server of ours"},
    {"SOURCE request", "the method is of no server of ours"},
    {"QUERY request", "the method is of no server of ours"},
    {"SOURCE request with ICE", "not HTTP"},
    {"OPTIONS request with RTSP", "not HTTP"},
    {"ANNOUNCE request with RTSP", "not HTTP"},
    {"No HTTP version", "HTTP/0.9"},
    {"POST with `chunked` as last transfer-encoding", "no coding but chunked"},
    {"POST with `chunked` as last transfer-encoding (multiple headers)", "no coding but chunked"},
    {"Chunk extensions quoting", "a quoted value"},
    {"Quotes in URI", "characters that no URL has"},
    {"Host terminated by a query string", "the target is not a path"},
    {"`host:port` terminated by a query string", "the target is not a path"},
    {"`host:port` terminated by a space", "the target is not a path"},
    {"`host:port` and basic auth", "the target is not a path"},
    {"Underscore in hostname", "the target is not a path"},
    {"Fragment in URI", "a fragment is not sent"},
};

static const char *reason_of(const char *title) {
  for (size_t i = 0; i < sizeof refused_by_design / sizeof *refused_by_design; i++)
    if (strcmp(refused_by_design[i].title, title) == 0) return refused_by_design[i].why;
  return NULL;
}

static int hex_digit(char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; }

/* As llhttp's own runner reads a case: an escaped newline is none, a newline is CRLF, \r \n \t \f \xHH are what they
 * say. */
static void unescape(const char *text, size_t size, struct fl_buf *out) {
  for (size_t i = 0; i < size; i++) {
    char next = i + 1 < size ? text[i + 1] : '\0';
    if (text[i] == '\n') fl_buf_add_text(out, "\r\n");
    else if (text[i] != '\\' || next == '\0') fl_buf_add_char(out, text[i]);
    else if (next == 'x' && i + 3 < size) {
      fl_buf_add_char(out, (char)(hex_digit(text[i + 2]) * 16 + hex_digit(text[i + 3])));
      i += 3;
    } else {
      const char *at = strchr("r\rn\nt\tf\f", next);
      if (next == '\n') i++;
      else if (at != NULL) {
        fl_buf_add_char(out, at[1]);
        i++;
      } else fl_buf_add_char(out, '\\');
    }
  }
}

/* Puts a Host field behind each request line that has none following. */
static void add_hosts(fl_slice input, struct fl_buf *out) {
  fl_slice rest = input;
  while (rest.data != NULL && rest.size > 0) {
    const char *newline = memmem(rest.data, rest.size, "\r\n", 2);
    size_t size = newline != NULL ? (size_t)(newline - rest.data) + 2 : rest.size;
    fl_buf_add(out, rest.data, size);
    bool is_request = memmem(rest.data, size, " HTTP/1.", 8) != NULL && newline != NULL;
    rest = fl_slice_n(rest.data + size, rest.size - size);
    const char *end = memmem(rest.data, rest.size, "\r\n\r\n", 4);
    FL_FREE_AUTO char *head = fl_strndup(rest.data, end != NULL ? (size_t)(end - rest.data) : rest.size);
    bool has_host = strncasecmp(head, "host:", 5) == 0 || strcasestr(head, "\r\nhost:") != NULL;
    if (is_request && !has_host) fl_buf_add_text(out, "Host: a\r\n");
  }
}

static size_t count_text(const char *text, size_t size, const char *word) {
  size_t count = 0, word_size = strlen(word);
  for (const char *at = text; (at = memmem(at, size - (size_t)(at - text), word, word_size)) != NULL; at += word_size)
    count++;
  return count;
}

struct outcome {
  size_t accepted;
  bool is_refused;
};

static struct outcome run(fl_slice input, size_t step) {
  struct http1_trace trace = {0};
  for (size_t i = 0; i < input.size; i += step)
    http1_trace_feed(&trace, fl_slice_n(input.data + i, input.size - i < step ? input.size - i : step));
  struct outcome outcome = {trace.accepted, trace.is_refused};
  http1_trace_deinit(&trace);
  return outcome;
}

static void check_case(const char *name, const char *title, fl_slice input, fl_slice log, struct tally *tally) {
  size_t complete = count_text(log.data, log.size, "message complete");
  bool has_error = count_text(log.data, log.size, " error code=") > 0;
  bool upgrades = count_text(log.data, log.size, "reason=\"Pause on CONNECT/Upgrade\"") > 0;
  FL_BUF_AUTO hosted = {0};
  add_hosts(input, &hosted);
  for (int form = 0; form < 2; form++) {
    fl_slice text = form == 0 ? input : fl_buf_slice(&hosted);
    if (text.size == 0) continue;
    struct outcome whole = run(text, text.size), bytes = run(text, 1);
    bool is_strict = upgrades || whole.accepted <= complete;
    bool is_same = whole.accepted == bytes.accepted && whole.is_refused == bytes.is_refused;
    bool is_taken = form == 0 || whole.accepted >= complete || reason_of(title) != NULL;
    tap_ok(is_strict && is_same && is_taken, "%s: %s%s: llhttp %zu%s, ours %zu%s", name, title,
           form == 0 ? "" : ", with Host", complete, has_error ? " and an error" : "", whole.accepted,
           whole.is_refused ? " and a refusal" : "");
    tally->refused_too += has_error && whole.is_refused;
    tally->taken_too += form == 1 && !has_error && whole.accepted == complete && complete > 0;
  }
  tally->cases++;
}

/* The text between a line "```kind" and the next "```", from *at on. */
static bool next_block(const char **at, const char *kind, fl_slice *ret_block) {
  char fence[32];
  snprintf(fence, sizeof fence, "```%s\n", kind);
  const char *start = strstr(*at, fence);
  const char *end = start != NULL ? strstr(start + strlen(fence), "\n```") : NULL;
  if (end == NULL) return false;
  start += strlen(fence);
  *ret_block = fl_slice_n(start, end > start ? (size_t)(end - start) : 0);
  *at = end;
  return true;
}

static void title_before(const char *text, const char *at, char *ret_title, size_t size) {
  const char *found = text;
  for (const char *line = text; line != NULL && line < at; line = strchr(line, '\n')) {
    line += *line == '\n';
    if (*line == '#') found = line;
  }
  found += strspn(found, "# ");
  snprintf(ret_title, size, "%.*s", (int)strcspn(found, "\n"), found);
}

static void visit(const char *path, const char *name, void *user) {
  size_t size = 0;
  char *text = test_read_file(path, &size);
  const char *at = text;
  for (const char *meta; (meta = strstr(at, "<!-- meta=")) != NULL;) {
    fl_slice options = fl_slice_n(meta, strcspn(meta, "\n")), source, log;
    at = meta;
    bool is_strict = memmem(options.data, options.size, "lenient", 7) == NULL &&
                     memmem(options.data, options.size, "skipBody", 8) == NULL;
    if (!next_block(&at, "http", &source) || !next_block(&at, "log", &log)) break;
    char title[128];
    title_before(text, meta, title, sizeof title);
    FL_BUF_AUTO input = {0};
    unescape(source.data, source.size, &input);
    if (is_strict) check_case(name, title, fl_buf_slice(&input), log, user);
  }
  free(text);
}

int main(void) {
  const char *shared = test_shared_data();
  char folder[4096];
  snprintf(folder, sizeof folder, "%s/llhttp-cases/test/request", shared != NULL ? shared : "");
  struct tally tally = {0};
  bool is_here = shared != NULL && test_each_file(folder, ".md", visit, &tally) == 0;
  if (!is_here) tap_skip("cases of llhttp", "not on this machine");
  else
    tap_ok(tally.cases >= 100, "%d cases; ours refuses %d of the erroneous and takes %d of the sound", tally.cases,
           tally.refused_too, tally.taken_too);
  return tap_done();
}

/* SPDX-License-Identifier: MIT */
#include "tests/hostile/says.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MANY_TOOLS = 100000, DEPTH = 100000, MANY_BYTES = 60 * 1000 * 1000, LONG_MESSAGE = 100 * 1000 * 1000 };

long says_id_of(const char *message) {
  const char *id = strstr(message, "\"id\":");
  return id != NULL ? strtol(id + 5, NULL, 10) : -1;
}

static void begin(FILE *out, long id) { fprintf(out, "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":", id); }

void says_result(FILE *out, long id, const char *result) {
  begin(out, id);
  fprintf(out, "%s}", result);
}

void says_repeated(FILE *out, const char *text, long count) {
  for (long i = 0; i < count && !ferror(out); i++) fputs(text, out);
}

void says_done(FILE *out, long id) { says_result(out, id, SAYS_CONTENT); }
void says_tools(FILE *out, long id) { says_result(out, id, "{\"tools\":[" SAYS_TOOL "]}"); }

void says_welcome(FILE *out, long id) {
  says_result(out, id,
              "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{\"listChanged\":true}},"
              "\"serverInfo\":{\"name\":\"rude\",\"version\":\"1\"}}");
}

void says_no_method(FILE *out, long id) {
  fprintf(out, "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"error\":{\"code\":-32601,\"message\":\"no such method\"}}", id);
}

void says_progress(FILE *out, long id) {
  fprintf(out,
          "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":%ld,"
          "\"progress\":1}}",
          id);
}

/* ---- calls ---- */

void says_long(FILE *out, long id) {
  begin(out, id);
  fputs("{\"content\":[{\"type\":\"text\",\"text\":\"", out);
  says_repeated(out, "xxxxxxxxxx", LONG_MESSAGE / 10);
}

/* The answer comes, but not while anybody can be expected to wait. */
void says_drip(FILE *out, long id) {
  begin(out, id);
  fputs("{\"content\":[],\"_meta\":\"", out);
  while (fflush(out) == 0) {
    fputc('x', out);
    usleep(5000);
  }
}

void says_nesting(FILE *out, long id) {
  begin(out, id);
  fputs("{\"content\":", out);
  says_repeated(out, "[", DEPTH);
  says_repeated(out, "]", DEPTH);
  fputs("}}", out);
}

/* 60 MB of them. */
static void fill_with(FILE *out, long id, const char *first, const char *value) {
  begin(out, id);
  fprintf(out, "{\"content\":[%s", first);
  says_repeated(out, value, MANY_BYTES / (long)strlen(value));
  fputs("]}}", out);
}

void says_numbers(FILE *out, long id) { fill_with(out, id, "0", ",0"); }
void says_objects(FILE *out, long id) { fill_with(out, id, "{}", ",{}"); }

void says_members(FILE *out, long id) {
  begin(out, id);
  fputs("{\"content\":{\"\":0", out);
  for (long i = 0; i < MANY_BYTES / 12; i++) fprintf(out, ",\"%07lx\":0", (unsigned long)i);
  fputs("}}}", out);
}

void says_invalid_utf8(FILE *out, long id) {
  says_result(out, id,
              "{\"content\":[{\"type\":\"text\",\"text\":\"\xff\xfe \xc0\xaf \xed\xa0\x80 \xf5\x80\x80\x80\"}]}");
}

bool says_wrong_id(FILE *out, long id, int index) {
  static const char *const WRONG[] = {"{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":" SAYS_CONTENT "}",
                                      "{\"jsonrpc\":\"2.0\",\"id\":1e99,\"result\":{}}",
                                      "{\"jsonrpc\":\"2.0\",\"result\":{}}"};
  enum { COUNT = sizeof WRONG / sizeof WRONG[0] };
  if (index < COUNT) fputs(WRONG[index], out);
  else if (index == COUNT) fprintf(out, "{\"jsonrpc\":\"2.0\",\"id\":\"%ld\",\"result\":" SAYS_CONTENT "}", id);
  else if (index == COUNT + 1) says_result(out, id + 1000, "{}");
  return index <= COUNT + 1;
}

/* ---- lists ---- */

static _Atomic long list_count;

void says_many_tools(FILE *out, long id) {
  begin(out, id);
  fputs("{\"tools\":[" SAYS_TOOL, out);
  for (int i = 1; i < MANY_TOOLS; i++)
    fprintf(out, ",{\"name\":\"tool_%d\",\"description\":\"One of many.\",\"inputSchema\":{\"type\":\"object\"}}", i);
  fputs("]}}", out);
}

void says_page(FILE *out, long id) {
  long page = ++list_count;
  begin(out, id);
  if (page == 1) fputs("{\"tools\":[" SAYS_TOOL, out);
  else fprintf(out, "{\"tools\":[{\"name\":\"tool_%ld\",\"inputSchema\":{\"type\":\"object\"}}", page);
  fprintf(out, "],\"nextCursor\":\"%ld\"}}", page);
}

void says_other_tools(FILE *out, long id) {
  begin(out, id);
  fprintf(out, "{\"tools\":[" SAYS_TOOL ",{\"name\":\"tool_%ld\",\"inputSchema\":{\"type\":\"object\"}}]}}",
          ++list_count);
}

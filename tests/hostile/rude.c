/* SPDX-License-Identifier: MIT */
/* hostile-rude WAY: an MCP server over standard input and output that does what people complain about. It knows nothing
 * of fairlead, connects as any legacy server does, and then, in the named way (the table at the end), is hostile when
 * its tools are listed or its tool is called. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  LINE_SIZE = 1024 * 1024,
  MANY_TOOLS = 100000,
  DEPTH = 100000,
  MANY_BYTES = 60 * 1000 * 1000,
  LONG_LINE = 100 * 1000 * 1000
};

static long amount = 1; /* the second argument: GB, … of what the way is about */
static long list_count;

static long id_of(const char *line) {
  const char *id = strstr(line, "\"id\":");
  return id != NULL ? strtol(id + 5, NULL, 10) : -1;
}

static void answer(long id, const char *result) {
  printf("{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":%s}\n", id, result);
  fflush(stdout);
}

#define CONTENT "{\"content\":[{\"type\":\"text\",\"text\":\"done\"}]}"
#define TOOL "{\"name\":\"echo\",\"inputSchema\":{\"type\":\"object\"}}"

static void call_politely(long id) { answer(id, CONTENT); }
static void list_politely(long id) { answer(id, "{\"tools\":[" TOOL "]}"); }

static void repeat(FILE *stream, const char *text, long count) {
  for (long i = 0; i < count; i++) fputs(text, stream);
}

/* ---- calls ---- */

/* Three quarters of it in lines, the rest is one line. */
static void call_with_stderr(long id) {
  static char lines[65536];
  for (size_t i = 0; i < sizeof lines; i++) lines[i] = i % 128 == 127 ? '\n' : 'e';
  long blocks = amount * 1000000 / (long)sizeof lines;
  for (long i = 0; i < blocks; i++) {
    if (i == blocks * 3 / 4) memset(lines, 'e', sizeof lines);
    if (write(STDERR_FILENO, lines, sizeof lines) < 0) _exit(1);
  }
  call_politely(id);
}

static void call_with_long_line(long id) {
  printf("{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"", id);
  for (long i = 0; i < LONG_LINE; i++) putchar('x');
  fflush(stdout); /* and no end */
}

static void call_with_nesting(long id) {
  printf("{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"content\":", id);
  repeat(stdout, "[", DEPTH);
  repeat(stdout, "]", DEPTH);
  printf("}}\n");
  fflush(stdout);
}

/* 60 MB of them. */
static void fill_with(long id, const char *before, const char *value, const char *after) {
  printf("{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"content\":%s", id, before);
  repeat(stdout, value, MANY_BYTES / (long)strlen(value));
  printf("%s}}\n", after);
  fflush(stdout);
}

static void call_with_numbers(long id) { fill_with(id, "[0", ",0", "]"); }
static void call_with_objects(long id) { fill_with(id, "[{}", ",{}", "]"); }

static void call_with_members(long id) {
  printf("{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"content\":{\"\":0", id);
  for (long i = 0; i < MANY_BYTES / 12; i++) printf(",\"%07lx\":0", (unsigned long)i);
  printf("}}}\n");
  fflush(stdout);
}

/* The answer comes, but not while anybody can be expected to wait. */
static void call_with_drip(long id) {
  printf("{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"content\":[],\"_meta\":\"", id);
  while (fflush(stdout) == 0) {
    putchar('x');
    usleep(5000);
  }
}

static void call_with_invalid_utf8(long id) {
  answer(id, "{\"content\":[{\"type\":\"text\",\"text\":\"\xff\xfe \xc0\xaf \xed\xa0\x80 \xf5\x80\x80\x80\"}]}");
}

static void call_with_storm(long id) {
  for (;;) {
    printf("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":%ld,"
           "\"progress\":1}}\n"
           "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
           "message\",\"params\":{\"level\":\"error\",\"data\":\"storm\"}}\n"
           "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n"
           "{\"jsonrpc\":\"2.0\",\"id\":\"ask\",\"method\":\"sampling/createMessage\",\"params\":{}}\n",
           id);
    if (ferror(stdout)) _exit(1);
  }
}

static void call_with_wrong_ids(long id) {
  printf("{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":" CONTENT "}\n"
         "{\"jsonrpc\":\"2.0\",\"id\":\"%ld\",\"result\":" CONTENT "}\n"
         "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{}}\n"
         "{\"jsonrpc\":\"2.0\",\"id\":1e99,\"result\":{}}\n"
         "{\"jsonrpc\":\"2.0\",\"result\":{}}\n",
         id, id + 1000);
  call_politely(id);
  answer(id, "{\"content\":[{\"type\":\"text\",\"text\":\"duplicate\"}]}");
}

static void call_with_logs_on_stdout(long id) {
  printf("Listening on stdin\n\n[info] called\n{\"level\":\"info\"}\n{broken\n\x1b[31mred\x1b[0m\n");
  call_politely(id);
  printf("[info] answered\n");
  fflush(stdout);
}

static void call_without_answer(long id) { (void)id; }

/* ---- lists ---- */

static void list_many(long id) {
  printf("{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"tools\":[" TOOL, id);
  for (int i = 1; i < MANY_TOOLS; i++)
    printf(",{\"name\":\"tool_%d\",\"description\":\"One of many.\",\"inputSchema\":{\"type\":\"object\"}}", i);
  printf("]}}\n");
  fflush(stdout);
}

static void list_without_end(long id) {
  char result[200];
  snprintf(result, sizeof result,
           "{\"tools\":[{\"name\":\"tool_%ld\",\"inputSchema\":{\"type\":\"object\"}}],\"nextCursor\":\"%ld\"}",
           list_count, list_count);
  answer(id, list_count == 1 ? "{\"tools\":[" TOOL "],\"nextCursor\":\"1\"}" : result);
}

static void list_changed(long id) {
  char result[200];
  snprintf(result, sizeof result,
           "{\"tools\":[" TOOL ",{\"name\":\"tool_%ld\",\"inputSchema\":{\"type\":\"object\"}}]}", list_count);
  answer(id, result);
  printf("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n");
  fflush(stdout);
}

static void call_with_change(long id) {
  printf("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n");
  call_politely(id);
}

static void list_and_go_deaf(long id) {
  list_politely(id);
  for (;;) pause();
}

static const struct way {
  const char *name;
  void (*list)(long id), (*call)(long id);
  bool answers_cancel; /* a call is answered when it was cancelled, and not before */
} WAYS[] = {
    {"polite", list_politely, call_politely},           {"stderr", list_politely, call_with_stderr},
    {"line", list_politely, call_with_long_line},       {"nesting", list_politely, call_with_nesting},
    {"numbers", list_politely, call_with_numbers},      {"objects", list_politely, call_with_objects},
    {"members", list_politely, call_with_members},      {"drip", list_politely, call_with_drip},
    {"utf8", list_politely, call_with_invalid_utf8},    {"tools", list_many, call_politely},
    {"changes", list_changed, call_with_change},        {"storm", list_politely, call_with_storm},
    {"deaf", list_and_go_deaf, call_politely},          {"ids", list_politely, call_with_wrong_ids},
    {"late", list_politely, call_without_answer, true}, {"logs", list_politely, call_with_logs_on_stdout},
    {"cursors", list_without_end, call_politely},
};

static void take(const struct way *way, const char *line) {
  static long called = -1;
  long id = id_of(line);
  if (strstr(line, "\"initialize\"") != NULL) {
    answer(id, "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{\"listChanged\":true}},"
               "\"serverInfo\":{\"name\":\"rude\",\"version\":\"1\"}}");
  } else if (strstr(line, "\"tools/list\"") != NULL) {
    list_count++;
    way->list(id);
  } else if (strstr(line, "\"tools/call\"") != NULL) {
    called = id;
    way->call(id);
  } else if (strstr(line, "\"notifications/cancelled\"") != NULL && way->answers_cancel) {
    call_politely(called);
  } else if (id >= 0 && strstr(line, "\"method\"") != NULL) {
    printf("{\"jsonrpc\":\"2.0\",\"id\":%ld,\"error\":{\"code\":-32601,\"message\":\"no such method\"}}\n", id);
    fflush(stdout);
  }
}

int main(int argc, char **argv) {
  static char line[LINE_SIZE];
  const struct way *way = NULL;
  for (size_t i = 0; argc > 1 && i < sizeof WAYS / sizeof *WAYS; i++)
    if (strcmp(WAYS[i].name, argv[1]) == 0) way = &WAYS[i];
  if (way == NULL) return 2;
  if (argc > 2) amount = strtol(argv[2], NULL, 10);
  while (fgets(line, sizeof line, stdin) != NULL) take(way, line);
  return 0;
}

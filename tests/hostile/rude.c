/* SPDX-License-Identifier: MIT */
/* hostile-rude WAY: an MCP server over standard input and output that does what people complain about. It knows nothing
 * of fairlead, connects as any legacy server does, and then, in the named way (the table at the end), is hostile when
 * its tools are listed or its tool is called. */
#include "tests/hostile/says.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = 1024 * 1024 };

static long amount = 1; /* the second argument: MB, … of what the way is about */

static void say(says_fn *says, long id) {
  says(stdout, id);
  putchar('\n');
  fflush(stdout);
}

static void call_politely(long id) { say(says_done, id); }
static void list_politely(long id) { say(says_tools, id); }

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
  says_long(stdout, id);
  fflush(stdout); /* and no end */
}

static void call_with_nesting(long id) { say(says_nesting, id); }
static void call_with_numbers(long id) { say(says_numbers, id); }
static void call_with_objects(long id) { say(says_objects, id); }
static void call_with_members(long id) { say(says_members, id); }
static void call_with_drip(long id) { says_drip(stdout, id); }
static void call_with_invalid_utf8(long id) { say(says_invalid_utf8, id); }

static void call_with_storm(long id) {
  for (;;) {
    says_progress(stdout, id);
    fputs("\n" SAYS_LOG "\n" SAYS_CHANGED "\n" SAYS_QUESTION "\n", stdout);
    if (ferror(stdout)) _exit(1);
  }
}

static void call_with_wrong_ids(long id) {
  for (int i = 0; says_wrong_id(stdout, id, i); i++) putchar('\n');
  call_politely(id);
  says_result(stdout, id, "{\"content\":[{\"type\":\"text\",\"text\":\"duplicate\"}]}");
  putchar('\n');
  fflush(stdout);
}

static void call_with_logs_on_stdout(long id) {
  printf("Listening on stdin\n\n[info] called\n{\"level\":\"info\"}\n{broken\n\x1b[31mred\x1b[0m\n");
  call_politely(id);
  printf("[info] answered\n");
  fflush(stdout);
}

static void call_without_answer(long id) { (void)id; }

static void call_with_change(long id) {
  printf(SAYS_CHANGED "\n");
  call_politely(id);
}

/* ---- lists ---- */

static void list_many(long id) { say(says_many_tools, id); }
static void list_without_end(long id) { say(says_page, id); }

static void list_changed(long id) {
  say(says_other_tools, id);
  printf(SAYS_CHANGED "\n");
  fflush(stdout);
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
  long id = says_id_of(line);
  if (strstr(line, "\"initialize\"") != NULL) say(says_welcome, id);
  else if (strstr(line, "\"tools/list\"") != NULL) way->list(id);
  else if (strstr(line, "\"tools/call\"") != NULL) {
    called = id;
    way->call(id);
  } else if (strstr(line, "\"notifications/cancelled\"") != NULL && way->answers_cancel) call_politely(called);
  else if (id >= 0 && strstr(line, "\"method\"") != NULL) say(says_no_method, id);
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

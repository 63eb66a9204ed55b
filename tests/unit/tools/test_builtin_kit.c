/* SPDX-License-Identifier: MIT */
/* The built-in tools that reach out: files below their roots and nowhere else, databases, pages, hosts. */
#include "tests/support/support.h"
#include "runtime/api/builtin_host.h"
#include "runtime/io/world_sim.h"
#include "tools/builtin/files.h"
#include "tools/builtin/kit.h"
#include "tools/source.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[200];
static struct fl_world *world;
static struct fl_tool_source *source;
static struct fl_builtin_kit *kit;
static char answer[400000];

/* ---- a kit with roots, a database, and a host that is not the network ---- */

static const char *pages[][3]; /* URL, what it answers (">URL": a redirect), type */

static bool fake_fetch(struct fl_fetch *fetch) {
  for (size_t i = 0; pages[i][0] != NULL; i++) {
    if (strcmp(pages[i][0], fetch->url) != 0) continue;
    const char *text = pages[i][1];
    fetch->http_status = text[0] == '>' ? 302 : strcmp(text, "gone") == 0 ? 410 : 200;
    if (text[0] == '>') fetch->location = strdup(text + 1);
    fetch->type = strdup(pages[i][2]);
    fetch->body = strdup(text);
    fetch->body_size = strlen(text);
    return true;
  }
  snprintf(fetch->error, sizeof fetch->error, "no such page: %s", fetch->url);
  return false;
}

static const char *pages[][3] = {
    {"http://a.example/", "hello", "text/plain"},
    {"http://a.example/bin", "\xff\xfe", "image/x"},
    {"http://a.example/gone", "gone", "text/html"},
    {"http://a.example/dir/go", ">next?x=1", "text/html"},
    {"http://a.example/dir/next?x=1", "moved here", "text/html"},
    {"http://a.example/out", ">https://evil.test/", "text/html"},
    {"http://a.example/user", ">http://a.example@evil.test/", "text/html"},
    {"http://a.example/loop", ">/loop", "text/html"},
    {NULL, NULL, NULL},
};

static struct fl_builtin_host fake_host;

static void on_done(struct fl_tool_request *request, int status, struct fl_value *result, bool sent,
                    const struct fl_error *err) {
  assert_int_equal(status, 0);
  size_t size = 0;
  answer[0] = '\0';
  if (fl_get_bool(result, "isError", false)) size = (size_t)snprintf(answer, sizeof answer, "ERROR ");
  const struct fl_value *content = fl_get(result, "content");
  for (size_t i = 0; i < fl_size(content); i++)
    size += (size_t)snprintf(answer + size, sizeof answer - size, "%s%s", i > 0 ? "|" : "",
                             fl_get_string(fl_at(content, i), "text", "?"));
}

static const char *ask(const char *tool, const char *args_text) {
  FL_VALUE_AUTO args = NULL;
  assert_int_equal(fl_parse(args_text, strlen(args_text), &args, NULL), 0);
  struct fl_tool_request request = {.tool = tool, .args = args, .on_done = on_done};
  answer[0] = '\0';
  source->ops->call(source, &request);
  fl_world_sim_run(world);
  return answer;
}

static void expect(const char *tool, const char *args, const char *part) {
  if (strstr(ask(tool, args), part) == NULL) fail_msg("%s %s: %s", tool, args, answer);
}

static void write_text(const char *name, const char *text) {
  char path[400];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static const char *read_text(const char *name) {
  static char text[1000];
  char path[400];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "r");
  if (file == NULL) return "(absent)";
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  return text;
}

static void make_folder(const char *name) {
  char path[400];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  assert_int_equal(mkdir(path, 0700), 0);
}

static void make_link(const char *target, const char *name) {
  char path[400];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  assert_int_equal(symlink(target, path), 0);
}

static void make_database(const char *name) {
  char path[400];
  sqlite3 *db = NULL;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db,
                                "CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, price REAL, picture BLOB);"
                                "INSERT INTO item VALUES (1,'rope',2.5,x'00ff'),(2,'ring',null,null);",
                                NULL, NULL, NULL),
                   SQLITE_OK);
  sqlite3_close(db);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk) { return remove(path); }
static void on_closed(struct fl_tool_source *from) {}

static void open_kit(const char *settings_text) {
  FL_VALUE_AUTO settings = NULL;
  struct fl_error err = {0};
  assert_int_equal(fl_parse(settings_text, strlen(settings_text), &settings, NULL), 0);
  fake_host = fl_builtin_real_host;
  fake_host.fetch = fake_fetch;
  struct fl_builtin_kit_options options = {.settings = settings, .folder = folder, .host = &fake_host};
  if (fl_builtin_kit_create(&options, &kit, &err) < 0) fail_msg("%s", err.text);
  struct fl_local_tools tools = {.server = "builtin"};
  tools.tools = fl_builtin_kit_tools(kit, &tools.count);
  if (fl_tool_source_local(world, &tools, &source, &err) < 0) fail_msg("%s", err.text);
  source->on_closed = on_closed;
}

static void close_kit(void) {
  source->ops->close(source);
  fl_world_sim_run(world);
  source->ops->destroy(source);
  fl_builtin_kit_destroy(kit);
}

static int setup(void **state) {
  snprintf(folder, sizeof folder, "%s", "/tmp/fairlead-kit-XXXXXX");
  assert_non_null(mkdtemp(folder));
  world = fl_world_sim_create(1);
  make_folder("docs");
  make_folder("docs/deep");
  make_folder("out");
  write_text("secret", "s3cret");
  write_text("docs/a.md", "first line\nsecond rope line\n");
  write_text("docs/deep/b.txt", "a rope\n");
  write_text("docs/umlaut", "\xc3\xa4\xc3\xb6\xc3\xbc");
  write_text("docs/binary", "ab\xff\xfe");
  make_link("../secret", "docs/link");
  make_link("..", "docs/up");
  make_link("deep", "docs/inner");
  make_database("shop.db");
  open_kit(
      "{\"files\":{\"roots\":{\"docs\":\"docs\",\"out\":{\"path\":\"out\",\"write\":true}},\"read_max\":64,"
      "\"write_max\":100},\"sqlite\":{\"databases\":{\"shop\":\"shop.db\"},\"rows_max\":50},"
      "\"fetch\":{\"hosts\":[\"*.example\"]},\"ping\":{\"hosts\":[\"127.0.0.1\",\"localhost\"],\"private\":true}}");
  return 0;
}

static int teardown(void **state) {
  close_kit();
  fl_world_destroy(world);
  return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- files ---- */

static void files_are_listed_and_read(void **state) {
  expect("list_files", "{\"root\":\"docs\"}", "\"path\":\"a.md\",\"type\":\"file\",\"size\":28");
  assert_non_null(strstr(answer, "\"path\":\"link\",\"type\":\"link\""));
  assert_null(strstr(answer, "b.txt"));
  expect("list_files", "{\"root\":\"docs\",\"depth\":2}", "\"path\":\"deep/b.txt\"");
  assert_null(strstr(answer, "up/")); /* links are told, not followed */
  assert_string_equal(ask("read_file", "{\"root\":\"docs\",\"path\":\"a.md\"}"), "first line\nsecond rope line\n");
  assert_string_equal(ask("read_file", "{\"root\":\"docs\",\"path\":\"a.md\",\"offset\":6,\"limit\":4}"),
                      "line|[bytes 6 to 10 of 28; go on with offset 10]");
  assert_string_equal(ask("read_file", "{\"root\":\"docs\",\"path\":\"umlaut\",\"offset\":1,\"limit\":4}"),
                      "\xc3\xb6|[bytes 2 to 4 of 6; go on with offset 4]");
  expect("read_file", "{\"root\":\"docs\",\"path\":\"binary\"}", "ERROR \"binary\" is not text (byte 2)");
  expect("read_file", "{\"root\":\"docs\",\"path\":\"a.md\",\"offset\":29}", "there is nothing from 29 on");
  expect("read_file", "{\"root\":\"docs\",\"path\":\"deep\"}", "it is a folder");
  expect("read_file", "{\"path\":\"a.md\"}", "root"); /* which of two */
}

static void nothing_beyond_a_root_is_reached(void **state) {
  static const char *const paths[] = {"../secret",   "deep/../../secret", "link",        "up/secret",
                                      "./../secret", "up/docs/a.md",      "inner/b.txt", "deep/../../docs/../secret"};
  static const char *const tools[] = {"read_file", "list_files"};
  char args[300];
  for (size_t t = 0; t < 2; t++)
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
      snprintf(args, sizeof args, "{\"root\":\"docs\",\"path\":\"%s\"}", paths[i]);
      if (strncmp(ask(tools[t], args), "ERROR", 5) != 0) fail_msg("%s %s: %s", tools[t], paths[i], answer);
      assert_null(strstr(answer, "s3cret"));
    }
  snprintf(args, sizeof args, "{\"root\":\"docs\",\"path\":\"%s/secret\"}", folder);
  expect("read_file", args, "ERROR A path begins below its root");
  expect("find_files", "{\"root\":\"docs\",\"text\":\"s3cret\"}", "\"entries\":[]");
}

static void a_pipe_is_not_waited_for(void **state) {
  char path[400];
  snprintf(path, sizeof path, "%s/docs/pipe", folder);
  assert_int_equal(mkfifo(path, 0600), 0);
  expect("read_file", "{\"root\":\"docs\",\"path\":\"pipe\"}", "it is not a regular file");
  expect("find_files", "{\"root\":\"docs\",\"text\":\"rope\"}", "\"path\":\"a.md\",\"line\":2");
}

static void files_are_found_by_name_and_text(void **state) {
  expect("find_files", "{\"root\":\"docs\",\"name\":\"*.txt\"}", "\"path\":\"deep/b.txt\"");
  assert_null(strstr(answer, "a.md"));
  expect("find_files", "{\"root\":\"docs\",\"text\":\"rope\"}",
         "\"path\":\"a.md\",\"line\":2,\"text\":\"second rope line\"");
  assert_non_null(strstr(answer, "\"path\":\"deep/b.txt\",\"line\":1"));
  expect("find_files", "{\"root\":\"docs\",\"text\":\"rope\",\"name\":\"*.md\"}", "a.md");
  assert_null(strstr(answer, "b.txt"));
  expect("find_files", "{\"root\":\"docs\"}", "Say what to find");
}

static void files_are_written_whole(void **state) {
  expect("write_file", "{\"root\":\"out\",\"path\":\"x/y/z.txt\",\"text\":\"one two\"}", "Wrote 7 bytes");
  assert_string_equal(read_text("out/x/y/z.txt"), "one two");
  expect("write_file", "{\"root\":\"out\",\"path\":\"x/y/z.txt\",\"text\":\"new\"}", "is there already");
  assert_string_equal(read_text("out/x/y/z.txt"), "one two");
  expect("write_file", "{\"root\":\"out\",\"path\":\"x/y/z.txt\",\"text\":\" three\",\"mode\":\"append\"}", "Wrote 6");
  assert_string_equal(read_text("out/x/y/z.txt"), "one two three");
  expect("edit_file", "{\"root\":\"out\",\"path\":\"x/y/z.txt\",\"old\":\"two\",\"new\":\"2\"}", "in 1 place of");
  assert_string_equal(read_text("out/x/y/z.txt"), "one 2 three");
  expect("edit_file", "{\"root\":\"out\",\"path\":\"x/y/z.txt\",\"old\":\"e\",\"new\":\"\"}", "3 times");
  expect("edit_file", "{\"root\":\"out\",\"path\":\"x/y/z.txt\",\"old\":\"e\",\"new\":\"E\",\"all\":true}", "3 places");
  assert_string_equal(read_text("out/x/y/z.txt"), "onE 2 thrEE");
  expect("edit_file", "{\"root\":\"out\",\"path\":\"x/y/z.txt\",\"old\":\"four\",\"new\":\"\"}", "does not have that");
  expect("write_file", "{\"root\":\"out\",\"path\":\"x/y/z.txt\",\"text\":\"new\",\"mode\":\"replace\"}", "Wrote 3");
  assert_string_equal(read_text("out/x/y/z.txt"), "new");
  expect("delete_file", "{\"root\":\"out\",\"path\":\"x/y/z.txt\"}", "Deleted");
  assert_string_equal(read_text("out/x/y/z.txt"), "(absent)");
  expect("delete_file", "{\"root\":\"out\",\"path\":\"x/y\"}", "it is a folder");
  expect("list_files", "{\"root\":\"out\",\"path\":\"x/y\"}", "\"entries\":[]"); /* no part is left behind */
}

static void nothing_is_written_where_it_may_not_be(void **state) {
  make_link("../secret", "out/link");
  make_link("..", "out/up");
  char args[300];
  static const char *const paths[] = {"../secret", "up/secret", "link", "a/../../secret", "..", "."};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    static const char *const modes[] = {"create", "replace", "append"};
    for (size_t m = 0; m < 3; m++) {
      snprintf(args, sizeof args, "{\"root\":\"out\",\"path\":\"%s\",\"text\":\"x\",\"mode\":\"%s\"}", paths[i],
               modes[m]);
      if (strncmp(ask("write_file", args), "ERROR", 5) != 0) fail_msg("%s: %s", args, answer);
    }
    snprintf(args, sizeof args, "{\"root\":\"out\",\"path\":\"%s\"}", paths[i]);
    if (strncmp(ask("delete_file", args), "ERROR", 5) != 0) fail_msg("%s: %s", args, answer);
    assert_string_equal(read_text("secret"), "s3cret");
  }
  expect("write_file", "{\"root\":\"docs\",\"path\":\"n\",\"text\":\"x\"}", "root"); /* it is not even offered */
  char large[200], text[120];
  memset(text, 'x', sizeof text);
  snprintf(large, sizeof large, "{\"root\":\"out\",\"path\":\"n\",\"text\":\"%.101s\"}", text);
  expect("write_file", large, "at most 100 bytes");
}

static void patterns_do_not_blow_up(void **state) {
  assert_true(fl_files_name_fits("abc", "a*c"));
  assert_true(fl_files_name_fits("abc", "***"));
  assert_true(fl_files_name_fits("", "*"));
  assert_false(fl_files_name_fits("", "?"));
  assert_true(fl_files_name_fits("a.b.md", "*.md"));
  assert_false(fl_files_name_fits("a.md.b", "*.md"));
  char name[256], pattern[256];
  memset(name, 'a', 255), name[255] = '\0';
  for (size_t i = 0; i < 250; i++) pattern[i] = i % 2 == 0 ? '*' : 'a';
  pattern[249] = 'b', pattern[250] = '\0';
  assert_false(fl_files_name_fits(name, pattern));
}

static void text_is_told_from_what_is_not(void **state) {
  static const struct {
    const char *bytes;
    size_t size, front;
    bool is_text;
  } rows[] = {{"abc", 3, 3, true},
              {"a\xc3", 2, 1, true},
              {"a\xc3x", 3, 1, false},
              {"\xc0\x80", 2, 0, false},
              {"\xed\xa0\x80", 3, 0, false},
              {"\xf4\x90\x80\x80", 4, 0, false},
              {"\xf0\x9f\x98\x80", 4, 4, true},
              {"\xf0\x9f\x98", 3, 0, true},
              {"a\0b", 3, 1, false},
              {"\xe0\x80\x80", 3, 0, false},
              {"\xff", 1, 0, false}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    bool is_text;
    size_t front = fl_files_text_front(rows[i].bytes, rows[i].size, &is_text);
    if (front != rows[i].front || is_text != rows[i].is_text) fail_msg("row %zu: %zu %d", i, front, is_text);
  }
}

/* ---- databases ---- */

static void databases_are_queried(void **state) {
  expect("describe_database", "{}", "CREATE TABLE item");
  assert_string_equal(ask("query_database", "{\"sql\":\"SELECT * FROM item ORDER BY id\"}"),
                      "{\"columns\":[\"id\",\"name\",\"price\",\"picture\"],\"rows\":[[1,\"rope\",2.5,{\"blob_size\":2,"
                      "\"hex\":\"00ff\"}],"
                      "[2,\"ring\",null,null]],\"truncated\":false}");
  expect("query_database", "{\"sql\":\"SELECT id FROM item WHERE name = ?\",\"params\":[\"ring\"]}", "\"rows\":[[2]]");
  expect("query_database", "{\"sql\":\"SELECT id FROM item WHERE name = :n;\",\"params\":{\"n\":\"x' OR 1\"}}",
         "\"rows\":[]");
  expect("query_database", "{\"sql\":\"SELECT ?1, ?2\",\"params\":[1]}", "has 2 parameters, and params has 1");
  expect("query_database", "{\"sql\":\"SELECT :a\",\"params\":{}}", "The parameter :a has no value");
  expect("query_database", "{\"sql\":\"SELECT id FROM item\",\"max_rows\":1}", "\"rows\":[[1]],\"truncated\":true");
  expect("query_database", "{\"sql\":\"SELEC 1\"}", "ERROR near \"SELEC\"");
}

static void a_database_is_not_left_or_changed(void **state) {
  static const char *const rows[][2] = {
      {"DELETE FROM item", "may only be read"},
      {"DROP TABLE item", "may only be read"},
      {"ATTACH '/tmp/x.db' AS x", "refused"},
      {"PRAGMA journal_mode = DELETE", "refused"},
      {"PRAGMA query_only = 0", "refused"},
      {"PRAGMA writable_schema = 1", "refused"},
      {"VACUUM INTO '/tmp/fairlead-out.db'", "ERROR"},
      {"SELECT load_extension('x')", "ERROR"},
      {"SELECT 1; DELETE FROM item", "one statement"},
      {"  ;", "no statement"},
      {"", "no statement"},
  };
  char args[300];
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    snprintf(args, sizeof args, "{\"sql\":\"%s\"}", rows[i][0]);
    if (strstr(ask("query_database", args), rows[i][1]) == NULL || strncmp(answer, "ERROR", 5) != 0)
      fail_msg("%s: %s", rows[i][0], answer);
  }
  expect("query_database", "{\"sql\":\"SELECT count(*) FROM item\"}", "\"rows\":[[2]]");
  expect("query_database", "{\"sql\":\"PRAGMA table_info(item)\"}", "\"name\"");
}

static void a_large_result_is_cut(void **state) {
  expect("query_database",
         "{\"sql\":\"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT i FROM n\"}",
         "[50]],"
         "\"truncated\":true");
  expect("query_database", "{\"sql\":\"SELECT hex(zeroblob(300000)) AS x\"}", "\"rows\":[],\"truncated\":true");
  expect("query_database", "{\"sql\":\"SELECT zeroblob(2000000)\"}", "ERROR string or blob too big");
}

static void a_database_may_be_written_when_it_is_said(void **state) {
  close_kit();
  open_kit("{\"sqlite\":{\"databases\":{\"shop\":{\"path\":\"shop.db\",\"write\":true}}}}");
  expect("query_database", "{\"sql\":\"UPDATE item SET name = 'bell' WHERE id = 2\"}", "\"changes\":1");
  expect("query_database", "{\"sql\":\"SELECT name FROM item WHERE id = 2\"}", "bell");
  expect("query_database", "{\"sql\":\"ATTACH '/tmp/x.db' AS x\"}", "refused");
}

/* ---- the network ---- */

static void pages_are_fetched_where_they_may_be(void **state) {
  assert_string_equal(ask("fetch", "{\"url\":\"http://A.EXAMPLE\"}"),
                      "[HTTP 200, text/plain, http://a.example/]|hello");
  expect("fetch", "{\"url\":\"http://a.example/dir/go\"}", "|moved here");
  expect("fetch", "{\"url\":\"http://a.example/out\"}", "ERROR The host \"evil.test\" is not allowed");
  expect("fetch", "{\"url\":\"http://a.example/user\"}", "cannot be asked");
  expect("fetch", "{\"url\":\"http://a.example/loop\"}", "More than 5 redirects");
  expect("fetch", "{\"url\":\"http://a.example/gone\"}", "ERROR HTTP 410: gone");
  expect("fetch", "{\"url\":\"http://a.example/bin\"}", "2 bytes of image/x, which are not text");
  expect("fetch", "{\"url\":\"http://a.example/none\"}", "ERROR no such page");
  static const char *const wrong[] = {"ftp://a.example/",
                                      "file:///etc/passwd",
                                      "http://evil.test/",
                                      "http://example/",
                                      "http://a.example.evil.test/",
                                      "http://a.example@evil.test/",
                                      "http://[::1/",
                                      "a.example",
                                      "http://evil.test#.example",
                                      "http://evil.test\\\\.example/"};
  char args[300];
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    snprintf(args, sizeof args, "{\"url\":\"%s\"}", wrong[i]);
    if (strncmp(ask("fetch", args), "ERROR", 5) != 0) fail_msg("%s: %s", wrong[i], answer);
  }
}

static void a_host_is_pinged(void **state) {
  expect("ping", "{\"host\":\"127.0.0.1\",\"count\":2,\"port\":1}", "\"address\":\"127.0.0.1\"");
  assert_non_null(strstr(answer, "\"answers\":2"));
  expect("ping", "{\"host\":\"evil.test\"}", "ERROR The host \"evil.test\" is not allowed");
  close_kit();
  open_kit("{\"ping\":{\"hosts\":[\"*\"]}}");
  expect("ping", "{\"host\":\"127.0.0.1\"}", "belongs to this machine or to a private network");
  expect("ping", "{\"host\":\"nowhere.invalid\",\"timeout_ms\":500}", "ERROR nowhere.invalid: ");
}

/* ---- processes ---- */

static void only_named_commands_run(void **state) {
  close_kit();
  open_kit("{\"process\":{\"commands\":{"
           "\"say\":{\"command\":[\"echo\",\"a b\"],\"args\":{\"maxItems\":2,\"items\":{\"pattern\":\"^[^-]\"}}},"
           "\"fail\":{\"command\":[\"sh\",\"-c\",\"echo why >&2; exit 3\"]},"
           "\"kill\":{\"command\":[\"sh\",\"-c\",\"kill -9 $$\"]},"
           "\"env\":{\"command\":[\"env\"]},"
           "\"cat\":{\"command\":[\"cat\"]},"
           "\"absent\":{\"command\":[\"fairlead-no-such-program\"]}}}}");
  setenv("KIT_TEST_API_KEY", "s3cret", 1);
  assert_string_equal(ask("process", "{\"command\":\"say\"}"),
                      "{\"exit_status\":0,\"stdout\":\"a b\\n\",\"stderr\":\"\"}");
  expect("process", "{\"command\":\"say\",\"args\":[\"$(id) ; x\"]}", "\"stdout\":\"a b $(id) ; x\\n\"");
  expect("process", "{\"command\":\"say\",\"args\":[\"-e\"]}", "ERROR");
  expect("process", "{\"command\":\"say\",\"args\":[1]}", "ERROR");
  expect("process", "{\"command\":\"fail\",\"args\":[\"x\"]}", "ERROR"); /* it takes none */
  expect("process", "{\"command\":\"sh\"}", "ERROR");
  expect("process", "{\"command\":\"fail\"}", "{\"exit_status\":3,\"stdout\":\"\",\"stderr\":\"why\\n\"}");
  expect("process", "{\"command\":\"kill\"}", "{\"signal\":9,");
  expect("process", "{\"command\":\"cat\"}", "\"exit_status\":0"); /* its input has ended */
  expect("process", "{\"command\":\"absent\"}", "ERROR absent: cannot start");
  expect("process", "{\"command\":\"env\"}", "PATH=");
  assert_null(strstr(answer, "s3cret"));
}

/* The processes whose ids a command wrote down are gone. */
static void expect_gone(const char *name) {
  char text[100];
  snprintf(text, sizeof text, "%.99s", read_text(name));
  int count = 0;
  for (char *at = text, *end; strtol(at, &end, 10) > 0 && end != at; at = end, count++) {
    pid_t pid = (pid_t)strtol(at, NULL, 10);
    if (kill(pid, 0) == 0 || errno != ESRCH) fail_msg("process %d lives", (int)pid);
  }
  assert_int_equal(count, 2);
}

static void a_command_has_limits(void **state) {
  char settings[1500];
  close_kit();
  snprintf(settings, sizeof settings,
           "{\"process\":{\"commands\":{"
           "\"much\":{\"command\":[\"sh\",\"-c\",\"yes | head -c 300000\"],\"output_max\":6},"
           "\"umlauts\":{\"command\":[\"printf\",\"\u00e4\u00e4\"],\"output_max\":3},"
           "\"bytes\":{\"command\":[\"printf\",\"a\\\\377b\"]},"
           "\"slow\":{\"command\":[\"sh\",\"-c\",\"echo begun; setsid sleep 77 & echo $! >%s/out/pids; sleep 77 & "
           "echo $! >>%s/out/pids; wait\"],\"timeout_ms\":300}}}}",
           folder, folder);
  open_kit(settings);
  expect("process", "{\"command\":\"much\"}", "\"stdout\":\"y\\ny\\ny\\n\",\"stderr\":\"\",\"is_cut\":true}");
  expect("process", "{\"command\":\"umlauts\"}", "\"stdout\":\"\xc3\xa4\",");
  expect("process", "{\"command\":\"bytes\"}",
         "\"stdout\":\"a\xef\xbf\xbd"
         "b\"");
  expect("process", "{\"command\":\"slow\"}",
         "ERROR slow was not done in 300 ms and was ended. Its output until then:\nbegun");
  expect_gone("out/pids");
}

/* ---- settings ---- */

static void wrong_settings_are_explained(void **state) {
  static const char *const rows[][2] = {
      {"{\"file\":{}}", "builtin has no key \"file\""},
      {"{\"process\":{}}", "process needs commands"},
      {"{\"process\":{\"commands\":{\"a\":{}}}}", "\"a\" needs a command"},
      {"{\"process\":{\"commands\":{\"a\":{\"command\":\"ls -l\"}}}}", "\"a\" needs a command: a list"},
      {"{\"process\":{\"commands\":{\"a\":{\"command\":[\"\"]}}}}", "are texts"},
      {"{\"process\":{\"commands\":{\"a\":{\"command\":[\"ls\"],\"arg\":{}}}}}", "\"a\" has no key \"arg\""},
      {"{\"process\":{\"commands\":{\"a\":{\"command\":[\"ls\"],\"args\":[]}}}}", "args is a JSON Schema"},
      {"{\"process\":{\"commands\":{\"a\":{\"command\":[\"ls\"],\"timeout_ms\":0}}}}", "timeout_ms must be a number"},
      {"{\"files\":{}}", "files needs roots"},
      {"{\"files\":{\"roots\":{\"a\":\"absent\"}}}", "cannot open the folder"},
      {"{\"files\":{\"roots\":{\"a\":{\"path\":\"docs\",\"wirte\":true}}}}", "a has no key \"wirte\""},
      {"{\"files\":{\"roots\":{\"a\":{}}}}", "\"a\" needs a path"},
      {"{\"files\":{\"roots\":{\"a\":\"docs\"},\"read_max\":0}}", "read_max must be a number"},
      {"{\"sqlite\":{\"databases\":{\"a\":\"absent.db\"}}}", "cannot read"},
      {"{\"fetch\":{}}", "fetch needs a list of hosts"},
      {"{\"fetch\":{\"hosts\":[\"http://x\"]}}", "a host is a name"},
      {"{\"ping\":{\"hosts\":[]}}", "ping needs a list of hosts"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    FL_VALUE_AUTO settings = NULL;
    struct fl_builtin_kit *made = NULL;
    struct fl_error err = {0};
    assert_int_equal(fl_parse(rows[i][0], strlen(rows[i][0]), &settings, NULL), 0);
    struct fl_builtin_kit_options options = {.settings = settings, .folder = folder, .host = &fake_host};
    if (fl_builtin_kit_create(&options, &made, &err) == 0 || strstr(err.text, rows[i][1]) == NULL)
      fail_msg("%s: %s", rows[i][0], err.text);
  }
}

static void what_is_not_switched_on_is_not_there(void **state) {
  size_t count = 0;
  struct fl_builtin_kit *plain = NULL;
  struct fl_builtin_kit_options options = {.host = &fake_host};
  assert_int_equal(fl_builtin_kit_create(&options, &plain, NULL), 0);
  const struct fl_tool *tools = fl_builtin_kit_tools(plain, &count);
  assert_int_equal(count, 2);
  assert_string_equal(tools[0].name, "calculator");
  fl_builtin_kit_destroy(plain);
  fl_builtin_kit_tools(kit, &count);
  assert_int_equal(count, 2 + 6 + 2 + 2);
}

int main(void) {
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
  const struct CMUnitTest tests[] = {
      ROW(files_are_listed_and_read),
      ROW(nothing_beyond_a_root_is_reached),
      ROW(a_pipe_is_not_waited_for),
      ROW(files_are_found_by_name_and_text),
      ROW(files_are_written_whole),
      ROW(nothing_is_written_where_it_may_not_be),
      cmocka_unit_test(patterns_do_not_blow_up),
      cmocka_unit_test(text_is_told_from_what_is_not),
      ROW(databases_are_queried),
      ROW(a_database_is_not_left_or_changed),
      ROW(a_large_result_is_cut),
      ROW(a_database_may_be_written_when_it_is_said),
      ROW(pages_are_fetched_where_they_may_be),
      ROW(a_host_is_pinged),
      ROW(only_named_commands_run),
      ROW(a_command_has_limits),
      ROW(wrong_settings_are_explained),
      ROW(what_is_not_switched_on_is_not_there),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* A rule that finds nothing is either kept or broken: here each is broken once, in a tree of its own, and must be
 * found; and what only looks like a violation must not. */
#include "tests/house/house.h"

#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LICENSE "/* SPDX-License-Identifier: MIT */\n"

/* Makes the folders on the way. */
static void plant(const char *root, const char *path, const char *text) {
  char whole[4096];
  snprintf(whole, sizeof whole, "%s/%s", root, path);
  for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    mkdir(whole, 0700);
    *slash = '/';
  }
  FILE *file = fopen(whole, "w");
  fputs(text, file);
  fclose(file);
}

static void expect(const char *root, const char *what, enum house_measure measure, size_t count) {
  struct house house = {0};
  char path[4096];
  snprintf(path, sizeof path, "%s/exceptions.txt", root);
  house_read_exceptions(&house, path);
  house_measure_tree(&house, root);
  bool is_found = house.counts[measure] == count;
  tap_ok(is_found, "%s: %zu of %s", what, count, house_measure_name(measure));
  for (size_t i = 0; !is_found && i < house.finding_count; i++) printf("# %s\n", house.findings[i].text);
  house_deinit(&house);
}

/* One planted file in a fresh tree. */
static void expect_file(const char *path, const char *text, enum house_measure measure, size_t count) {
  const char *root = test_folder();
  plant(root, path, text);
  expect(root, path, measure, count);
}

static void check_floors(void) {
  static const struct {
    const char *path, *text;
    size_t count;
  } rows[] = {
      {"runtime/base/a.c", LICENSE "#include \"runtime/json/json.h\"\n", 1},
      {"runtime/json/b.c", LICENSE "#include \"runtime/wire/url.h\"\n", 1},
      {"runtime/json/c.c",
       LICENSE "#include \"runtime/base/buf.h\"\n#include \"runtime/json/x.h\"\n#include <fairlead/value.h>\n", 0},
      {"graph/d.c", LICENSE "#include \"runtime/io/world.h\"\n", 1},
      {"graph/e.c", LICENSE "#include \"tools/policy/policy.h\"\n", 1},
      {"graph/f.c", LICENSE "#  include \"runtime/wire/url.h\"\n#include \"graph/x.h\"\n", 0},
      {"runtime/store/g.c", LICENSE "#include \"graph/record.h\"\n#include \"runtime/io/world.h\"\n", 0},
      {"runtime/store/h.c", LICENSE "#include \"runtime/engine/x.h\"\n", 1},
      {"tools/i.c", LICENSE "#include \"tools/policy/policy.h\"\n#include \"runtime/store/store.h\"\n", 0},
      {"tools/j.c", LICENSE "#include \"runtime/model/model.h\"\n", 1},
      {"tools/builtin/k.c", LICENSE "#include \"runtime/base/buf.h\"\n", 1},
      {"tools/builtin/l.c", LICENSE "#include <fairlead/tools.h>\n", 0},
      {"examples/m.c", LICENSE "#include \"graph/graph.h\"\n", 1},
      {"mcp/proto/n.c", LICENSE "#include \"mcp/client.h\"\n", 1},
      {"mcp/o.c", LICENSE "#include \"mcp/proto/session.h\"\n#include \"tools/registry.h\"\n", 0},
      {"runtime/cli/p.c", LICENSE "#include \"runtime/engine/x.h\"\n", 0},
      {"runtime/other/q.c", LICENSE "#include \"runtime/base/buf.h\"\n", 1},
      {"runtime/value.h", LICENSE "#pragma once\n#include \"runtime/base/buf.h\"\n", 1},
      {"tests/unit/r.c", LICENSE "#include \"runtime/cli/x.h\"\n#include \"tests/support/support.h\"\n", 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    expect_file(rows[i].path, rows[i].text, HOUSE_FLOOR, rows[i].count);
}

static void check_libraries(void) {
  expect_file("graph/a.c",
              LICENSE "#include <jansson.h>\n#include <uv.h>\n#include <sodium/core.h>\n#include <pthread.h>\n",
              HOUSE_LIBRARY, 4);
  expect_file("runtime/json/b.c", LICENSE "#include <jansson.h>\n#include <pcre2.h>\n#include <yaml.h>\n",
              HOUSE_LIBRARY, 0);
  expect_file("runtime/io/c.c", LICENSE "#include <curl/curl.h>\n#include <sodium.h>\n#include <sqlite3.h>\n",
              HOUSE_LIBRARY, 1);
  expect_file("tests/unit/d.c", LICENSE "#include <sqlite3.h>\n", HOUSE_LIBRARY, 1);
  expect_file("tests/unit/store/e.c", LICENSE "#include <sqlite3.h>\n", HOUSE_LIBRARY, 0);
  expect_file("tests/unit/model/e.c", LICENSE "#include <sqlite3.h>\n", HOUSE_LIBRARY, 1);
  const char *root = test_folder();
  plant(root, "tests/unit/d.c", LICENSE "#include <sqlite3.h>\n");
  plant(root, "exceptions.txt", "library tests/unit/d.c:sqlite3.h damages the file on purpose\n");
  expect(root, "excused", HOUSE_LIBRARY, 0);
  plant(root, "exceptions.txt", "library tests/unit/*:sqlite3.h damages files on purpose\n");
  expect(root, "excused by folder", HOUSE_LIBRARY, 0);
  plant(root, "exceptions.txt", "library tests/unit/d.c:sqlite3.h\n");
  expect(root, "excused without a reason", HOUSE_LIBRARY, 1);
}

/* `line` repeated between a head and a tail. Static. */
static const char *repeat(const char *head, const char *line, size_t count, const char *tail) {
  static char text[65536];
  size_t size = (size_t)snprintf(text, sizeof text, "%s", head);
  for (size_t i = 0; i < count && size < sizeof text; i++)
    size += (size_t)snprintf(text + size, sizeof text - size, "%s", line);
  snprintf(text + size, sizeof text - size, "%s", tail);
  return text;
}

static void check_functions(void) {
  static const char head[] = LICENSE "struct x { int a; };\nstatic int f(int a,\n             int b) {\n";
  expect_file("graph/a.c", repeat(head, "  a++;\n", 67, "}\n"), HOUSE_FUNCTION_LONG, 0);
  expect_file("graph/a.c", repeat(head, "  a++;\n", 68, "}\n"), HOUSE_FUNCTION_LONG, 1);
  expect_file("graph/a.c", repeat(head, "  a++;\n", 38, "}\n"), HOUSE_FUNCTION_AIM, 1);
  expect_file("graph/a.h",
              repeat(LICENSE "#pragma once\n#ifdef __cplusplus\nextern \"C\" {\n#endif\nstatic inline void g(void) {\n",
                     "  ;\n", 70, "}\n#ifdef __cplusplus\n}\n#endif\n"),
              HOUSE_FUNCTION_LONG, 1);
  expect_file("graph/a.c",
              repeat(LICENSE "static const int table[] = {\n", "  1,\n", 80, "};\nint f(void) { return '{'; }\n"),
              HOUSE_FUNCTION_LONG, 0);
  expect_file("graph/b.c", LICENSE "int f(int a, int b, int c, int (*d)(int, int), const char *e) {\n}\n",
              HOUSE_PARAMETERS, 0);
  expect_file("graph/b.c", LICENSE "int f(int a, int b, int c, int d, int e, int g) {\n}\nint g(void) {\n}\n",
              HOUSE_PARAMETERS, 1);
  expect_file("graph/b.c", LICENSE "int f(int a, int b, int c, int d, const char *e, ...) {\n}\n", HOUSE_PARAMETERS, 0);
  const char *root = test_folder();
  plant(root, "graph/a.c", repeat(head, "  a++;\n", 100, "}\n"));
  plant(root, "exceptions.txt", "# comment\nfunction f a flat table\n");
  expect(root, "excused", HOUSE_FUNCTION_LONG, 0);
}

static void check_lines(void) {
  char wide[200];
  snprintf(wide, sizeof wide, LICENSE "/* %0114d */\n", 1);
  expect_file("graph/a.c", wide, HOUSE_WIDE, 0);
  snprintf(wide, sizeof wide, LICENSE "/* %0115d */\n", 1);
  expect_file("graph/a.c", wide, HOUSE_WIDE, 1);
  expect_file("graph/a.c", repeat(LICENSE "/* ", "\xc3\xa9", 114, " */\n"), HOUSE_WIDE, 0);
  expect_file("graph/a.c", LICENSE "int\ta;\n", HOUSE_TAB, 1);
  expect_file("graph/a.c", "int a;\n", HOUSE_SPDX, 1);
  expect_file("graph/a.h", LICENSE "int a;\n", HOUSE_PRAGMA, 1);
  expect_file("graph/a.h", LICENSE "#pragma once\nint a;\n", HOUSE_PRAGMA, 0);
  expect_file("graph/a.c", repeat(LICENSE, "int a;\n", 999, ""), HOUSE_FILE_LONG, 0);
  expect_file("graph/a.c", repeat(LICENSE, "int a;\n", 1000, ""), HOUSE_FILE_LONG, 1);
  expect_file("graph/a.c", repeat(LICENSE, "int a;\n", 600, ""), HOUSE_FILE_AIM, 1);
}

static void check_words(void) {
  expect_file("graph/a.c", LICENSE "int f(void) {\n  return atoi(\"1\") + system (\"x\");\n}\n", HOUSE_BANNED, 2);
  expect_file(
      "graph/a.c",
      LICENSE
      "/* atoi(x) */\nint f(struct x *x) {\n  return x->system(\"rand()\") + x.rand() + my_rand() + rand_r(1);\n}\n",
      HOUSE_BANNED, 0);
  char text[200];
  snprintf(text, sizeof text, "See %s%s/x and %s%s.\n", "/tmp", "/wt", "py", "pi.org");
  expect_file("docs/a.md", text, HOUSE_PLACE, 2);
  expect_file("build/a.md", text, HOUSE_PLACE, 0);
}

void house_check_itself(void) {
  check_floors();
  check_libraries();
  check_functions();
  check_lines();
  check_words();
  const char *root = test_folder();
  plant(root, "graph/a.c", repeat(LICENSE, "int a;\n", 99, ""));
  plant(root, "tests/a.c", repeat(LICENSE, "int a;\n", 79, ""));
  expect(root, "80 lines of tests for 100 of code", HOUSE_TEST_SHARE, 800);
}

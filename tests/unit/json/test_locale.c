/* SPDX-License-Identifier: MIT */
/* An embedding program may speak German: under a locale whose decimal point is a comma, numbers are read and written as
 * ever. The locale is made for the test when the system has none. */
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/json/expr.h"
#include "runtime/json/json.h"
#include "runtime/json/number.h"
#include "runtime/json/schema.h"
#include "runtime/json/yaml.h"
#include "tests/support/support.h"

#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool has_comma(void) { return strcmp(localeconv()->decimal_point, ",") == 0; }

static bool set_known(void) {
  static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "fr_FR.utf8", "de_DE"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (setlocale(LC_ALL, names[i]) != NULL && has_comma()) return true;
  return false;
}

static bool set_made(void) {
  const char *folder = test_folder();
  FL_FREE_AUTO char *target = fl_format("%s/de_DE.UTF-8", folder);
  pid_t child = fork();
  if (child == 0) {
    int null_fd = open("/dev/null", O_WRONLY);
    dup2(null_fd, 1);
    dup2(null_fd, 2);
    execlp("localedef", "localedef", "-i", "de_DE", "-f", "UTF-8", target, (char *)NULL);
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) return false;
  setenv("LOCPATH", folder, 1);
  return setlocale(LC_ALL, "de_DE.UTF-8") != NULL && has_comma();
}

/* Texts that reach every way of reading a number: the fast ones, and the library for the rare rest. */
static bool json_stays(const char *text) {
  struct fl_value *value = NULL;
  if (fl_parse(text, strlen(text), &value, NULL) != 0) return false;
  char *dumped = fl_dump(value, NULL);
  bool ok = strcmp(dumped, text) == 0;
  if (!ok) printf("# %s became %s\n", text, dumped);
  fl_text_free(dumped);
  fl_value_unref(value);
  return ok;
}

static void check_json(void) {
  static const char *const texts[] = {"[1.5,-0.25,1e-7,123456.789]", "[5e-324,1.7976931348623157e+308]",
                                      "[0.1,2.0,-0.0]"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) tap_ok(json_stays(texts[i]), "%s", texts[i]);
  FL_VALUE_AUTO value = NULL;
  static const char hard[] = "1.00000000000000011102230246251565404236316680908203124";
  tap_ok(fl_parse(hard, strlen(hard), &value, NULL) == 0 && fl_as_double(value, 0) == 1.0, "the middle of two doubles");
}

static void check_texts(void) {
  static const struct {
    const char *text;
    double number;
  } rows[] = {{"1.5", 1.5}, {".5", 0.5}, {"1.", 1}, {"+1.25e2", 125}, {"-0.75", -0.75}};
  static const char *const bad[] = {"1,5", "",     ".",     "1.5 ", " 1.5", "inf",
                                    "nan", "0x10", "1e999", "1e",   "--1",  "1.5.2"};
  double number = 7;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    tap_ok(fl_number_from_text(rows[i].text, &number) && number == rows[i].number, "the text %s", rows[i].text);
  number = 7;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    tap_ok(!fl_number_from_text(bad[i], &number) && number == 7, "no number: '%s'", bad[i]);
}

static void check_yaml(void) {
  struct fl_diags diags = {0};
  struct fl_document document = {0};
  int rc = fl_document_parse("a.yaml", FL_SLICE("a: 1.5\nb: [.25, 1e-3]\nc: 1,5\n"), &document, &diags);
  char *text = rc == 0 ? fl_dump(document.root, NULL) : NULL;
  tap_ok(text != NULL && strcmp(text, "{\"a\":1.5,\"b\":[0.25,0.001],\"c\":\"1,5\"}") == 0, "a graph file: %s", text);
  fl_text_free(text);
  fl_document_deinit(&document);
  fl_diags_deinit(&diags);
}

static void check_expression(const char *expression, const char *expected) {
  struct fl_expr *expr = NULL;
  struct fl_value *value = NULL;
  char *text = NULL;
  if (fl_expr_create(fl_slice_of(expression), &expr, NULL) == 0 && fl_expr_eval(expr, NULL, &value, NULL) == 0)
    text = fl_dump(value, NULL);
  tap_ok(text != NULL && strcmp(text, expected) == 0, "%s is %s", expression, text != NULL ? text : "an error");
  fl_text_free(text);
  fl_value_unref(value);
  fl_expr_destroy(expr);
}

static void check_messages(void) {
  FL_VALUE_AUTO schema_value = NULL;
  fl_parse("{\"maximum\":2.5}", 15, &schema_value, NULL);
  struct fl_schema *schema = NULL;
  struct fl_schema_result result;
  FL_BUF_AUTO text = {0};
  FL_VALUE_AUTO instance = fl_double(3.25);
  fl_schema_create(schema_value, NULL, &schema, NULL);
  fl_schema_validate(schema, instance, &result);
  fl_schema_result_text(&result, &text);
  tap_ok(strcmp(text.data, "(root): is 3.25, but must be at most 2.5") == 0, "a message: %s", text.data);
  fl_schema_result_deinit(&result);
  fl_schema_destroy(schema);
}

int main(void) {
  if (!set_known() && !set_made()) {
    tap_skip("numbers under a locale with a decimal comma", "there is no such locale and none can be made");
    return tap_done();
  }
  tap_ok(strtod("1,5", NULL) == 1.5, "the locale has a decimal comma");
  check_json();
  check_texts();
  check_yaml();
  check_expression("1.5 + 2.25", "3.75");
  check_expression("double('1.5') * 2", "3.0");
  check_expression("string(0.1)", "\"0.1\"");
  check_expression("[1.5, 1e3].map(x, x / 2)", "[0.75,500.0]");
  check_messages();
  return tap_done();
}

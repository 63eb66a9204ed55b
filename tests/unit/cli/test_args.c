/* SPDX-License-Identifier: MIT */
/* What the user types, taken apart: options, their values, what stands behind "--", and what is said of mistakes. */
#include "rig.h"

static const struct fl_command plain = {
    .name = "plain",
    .usage = "FILE",
    .options = {{"thread", 't', "ID", ""},
                {"store", 0, "PATH", ""},
                {"stream", 0, "MODES", ""},
                {"limit", 'n', "N", ""},
                {"quiet", 'q', NULL, ""},
                {"yes", 'y', NULL, ""},
                {"json", 0, NULL, ""}},
};
static const struct fl_command with_rest = {
    .name = "mcp list", .usage = "[-- COMMAND ARGS…]", .options = {{"json", 0, NULL, ""}}};

/* Parses words that end with NULL. */
static bool parse(const struct fl_command *command, struct fl_args *args, const char **words, int *ret_code) {
  int count = 0;
  while (words[count] != NULL) count++;
  *args = (struct fl_args){.command = command};
  return fl_args_parse(args, count, (char **)words, ret_code);
}
#define PARSE(command, ...) parse(command, &args, (const char *[]){"x", __VA_ARGS__, NULL}, &code)

static void options_may_stand_anywhere(void **state) {
  struct fl_args args;
  int code = -1;
  assert_true(PARSE(&plain, "a.yaml", "--thread", "t1", "hello", "-q", "--store=s.db"));
  assert_int_equal(args.count, 2);
  assert_string_equal(args.items[0], "a.yaml");
  assert_string_equal(args.items[1], "hello");
  assert_string_equal(fl_args_get(&args, "thread"), "t1");
  assert_string_equal(fl_args_get(&args, "store"), "s.db");
  assert_true(fl_args_has(&args, "quiet"));
  assert_false(fl_args_has(&args, "yes"));
  assert_null(fl_args_get(&args, "limit"));
  assert_false(args.json);
  assert_int_equal(code, -1);
}

static void letters_can_be_joined(void **state) {
  struct fl_args args;
  int code = -1;
  assert_true(PARSE(&plain, "-qyt", "t1", "-n5", "f"));
  assert_true(fl_args_has(&args, "quiet") && fl_args_has(&args, "yes"));
  assert_string_equal(fl_args_get(&args, "thread"), "t1");
  assert_string_equal(fl_args_get(&args, "limit"), "5");
  assert_int_equal(args.count, 1);
}

static void the_last_value_counts_and_all_can_be_read(void **state) {
  struct fl_args args;
  int code = -1;
  assert_true(PARSE(&plain, "-t", "a", "--thread", "b", "--thread=", "--js"));
  assert_string_equal(fl_args_get(&args, "thread"), "");
  assert_string_equal(fl_args_nth(&args, "thread", 0), "a");
  assert_string_equal(fl_args_nth(&args, "thread", 1), "b");
  assert_string_equal(fl_args_nth(&args, "thread", 2), "");
  assert_null(fl_args_nth(&args, "thread", 3));
  assert_null(fl_args_nth(&args, "store", 0));
  assert_true(args.json); /* an unambiguous beginning of an option's name is enough */
}

static void words_behind_two_dashes_are_no_options(void **state) {
  struct fl_args args;
  int code = -1;
  assert_true(PARSE(&plain, "-q", "f", "--", "-5 + 3?", "--thread", "--"));
  assert_int_equal(args.count, 4);
  assert_string_equal(args.items[0], "f");
  assert_string_equal(args.items[1], "-5 + 3?");
  assert_string_equal(args.items[2], "--thread");
  assert_string_equal(args.items[3], "--");
  assert_int_equal(args.rest_count, 0);
  assert_false(fl_args_has(&args, "thread"));
  assert_true(PARSE(&plain, "--", "-x"));
  assert_int_equal(args.count, 1);
  assert_string_equal(args.items[0], "-x");
  assert_true(PARSE(&plain, "f", "--"));
  assert_int_equal(args.count, 1);
}

static void a_servers_command_is_kept_apart(void **state) {
  struct fl_args args;
  int code = -1;
  assert_true(PARSE(&with_rest, "tool", "--json", "--", "prog", "--json", "-v"));
  assert_int_equal(args.count, 1);
  assert_int_equal(args.rest_count, 3);
  assert_string_equal(args.rest[0], "prog");
  assert_string_equal(args.rest[2], "-v");
  assert_null(args.rest[3]);
  assert_true(PARSE(&with_rest, "prog"));
  assert_int_equal(args.rest_count, 0);
}

static void mistakes_are_told(void **state) {
  static const struct {
    const char *words[4], *says;
  } rows[] = {
      {{"--therad", "x"}, "there is no option --therad; did you mean --thread?"},
      {{"--frobnicate"}, "there is no option --frobnicate\n"},
      {{"--st", "x"}, "--st may be --store or --stream; say which"},
      {{"f", "--thread"}, "--thread needs a value"},
      {{"f", "-t"}, "-t needs a value"},
      {{"f", "-qt"}, "-t needs a value"},
      {{"-x"}, "there is no option -x"},
      {{"-qx", "f"}, "there is no option -x"},
      {{"--quiet=yes"}, "--quiet takes no value"},
      {{"--help=x"}, "--help takes no value"},
      {{"--thread", "--", "x"}, "--thread needs a value"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fl_args args = {.command = &plain};
    const char *words[6] = {"plain"};
    int count = 1, code = -1;
    for (; count < 5 && rows[i].words[count - 1] != NULL; count++) words[count] = rows[i].words[count - 1];
    rig_catch();
    bool is_right = fl_args_parse(&args, count, (char **)words, &code);
    struct caught caught;
    rig_release(&caught);
    assert_false(is_right);
    assert_int_equal(code, FL_EXIT_USAGE);
    assert_string_equal(caught.out, "");
    assert_says(caught.err, rows[i].says);
    assert_says(caught.err, "See 'fairlead help plain'.");
    caught_deinit(&caught);
  }
}

static void mistakes_are_json_when_json_is_asked_for(void **state) {
  struct fl_args args;
  int code = -1;
  struct caught caught;
  rig_catch();
  bool is_right = PARSE(&plain, "--therad", "x", "--json");
  rig_release(&caught);
  assert_false(is_right);
  assert_string_equal(caught.err, "");
  assert_string_equal(caught.out, "{\"type\":\"error\",\"error\":{\"code\":\"usage\",\"message\":"
                                  "\"there is no option --therad; did you mean --thread?\"}}\n");
  caught_deinit(&caught);
}

static void help_is_an_answer(void **state) {
  static const char *const words[] = {"--help", "-h", "-qh", "--hel"};
  for (size_t i = 0; i < 4; i++) {
    struct fl_args args;
    int code = -1;
    struct caught caught;
    rig_catch();
    bool is_right = PARSE(&plain, "f", words[i]);
    rig_release(&caught);
    assert_false(is_right);
    assert_int_equal(code, FL_EXIT_OK);
    assert_string_equal(caught.err, "");
    assert_says(caught.out, "Usage: fairlead plain [OPTIONS] FILE");
    caught_deinit(&caught);
  }
}

static void options_have_a_limit(void **state) {
  const char *words[FL_OPTION_VALUES_MAX + 3] = {"x"};
  for (int i = 1; i <= FL_OPTION_VALUES_MAX + 1; i++) words[i] = "-q";
  struct fl_args args = {.command = &plain};
  int code = -1;
  assert_true(fl_args_parse(&args, FL_OPTION_VALUES_MAX + 1, (char **)words, &code));
  assert_int_equal(args.value_count, FL_OPTION_VALUES_MAX);
  struct caught caught;
  args = (struct fl_args){.command = &plain};
  rig_catch();
  bool is_right = fl_args_parse(&args, FL_OPTION_VALUES_MAX + 2, (char **)words, &code);
  rig_release(&caught);
  assert_false(is_right);
  assert_says(caught.err, "too many options");
  caught_deinit(&caught);
}

static void numbers_are_whole_and_in_range(void **state) {
  static const struct {
    const char *text;
    long number;
  } rows[] = {{"1", 1},
              {"100", 100},
              {"0", -1},
              {"101", -1},
              {"-1", -1},
              {"", -1},
              {"x", -1},
              {"5x", -1},
              {"1e2", -1},
              {"1.0", -1},
              {"99999999999999999999", -1}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fl_args args;
    int code = -1;
    assert_true(PARSE(&plain, "-n", rows[i].text));
    struct caught caught;
    rig_catch();
    long number = fl_args_number(&args, "limit", 100);
    rig_release(&caught);
    assert_int_equal(number, rows[i].number);
    if (number < 0) assert_says(caught.err, "--limit takes a whole number from 1 to 100, not \"");
    else assert_string_equal(caught.err, "");
    caught_deinit(&caught);
  }
  struct fl_args none = {.command = &plain};
  assert_int_equal(fl_args_number(&none, "limit", 100), 0);
}

/* ---- which command ---- */

static const struct {
  const char *line;
  int code;
  const char *out, *err;
} lines[] = {
    {"", 2, NULL, "Usage: fairlead COMMAND"},
    {"--help", 0, "Usage: fairlead COMMAND", NULL},
    {"-h", 0, "Usage: fairlead COMMAND", NULL},
    {"--version", 0, "fairlead 0.", NULL},
    {"version", 0, "fairlead 0.", NULL},
    {"rum", 2, NULL, "there is no command \"rum\"; did you mean \"run\"?"},
    {"frobnicate", 2, NULL, "there is no command \"frobnicate\"\n"},
    {"''", 2, NULL, "there is no command \"\""},
    {"threads", 2, NULL, "Usage: fairlead threads COMMAND"},
    {"threads --help", 0, "Usage: fairlead threads COMMAND", NULL},
    {"threads lst", 2, NULL, "there is no command \"threads lst\"; did you mean \"threads list\"?"},
    {"thread", 2, NULL, "there is no command \"thread\""},
    {"help threads", 0, "threads history", NULL},
    {"help threads show", 0, "fairlead threads show: ", NULL},
    {"help nothing", 2, NULL, "there is no command \"nothing\""},
    {"help ''", 2, NULL, "there is no command \"\""},
    {"completion", 2, NULL, "name the shell"},
    {"completion tcsh", 2, NULL, "name the shell"},
    {"run", 2, NULL, "name the graph file"},
    {"run a b c", 2, NULL, "put the question in quotes"},
    {"threads show", 2, NULL, "name one thread"},
    {"threads history a b", 2, NULL, "name one thread"},
    {"threads delete", 2, NULL, "name the threads"},
    {"threads list x", 2, NULL, "takes no arguments"},
    {"graph check", 2, NULL, "name the graph file"},
    {"graph draw", 2, NULL, "name one graph file"},
    {"graph schema x", 2, NULL, "takes no arguments"},
    {"policy check", 2, NULL, "name one manifest"},
    {"policy check a b", 2, NULL, "name one manifest"},
    {"policy explain", 2, NULL, "name the manifest or graph, a tool"},
    {"policy explain no-such-file", 2, NULL, "no-such-file"},
    {"policy pin", 2, NULL, "name one manifest"},
    {"policy pin a --write --check", 2, NULL, "say one"},
    {"policy explain a b {", 2, NULL, "the arguments are not JSON"},
    {"policy check a --at noon", 2, NULL, "--at takes a date"},
    {"policy check no-such-file", 2, NULL, "no-such-file"},
    {"policy schema x", 2, NULL, "takes no arguments"},
    {"redteam", 2, NULL, "name a suite"},
    {"redteam a --schema", 2, NULL, "--schema stands alone"},
    {"mcp list x", 2, NULL, "put the server's command behind --"},
    {"mcp list", 2, NULL, "name the servers: --graph FILE"},
    {"mcp call", 2, NULL, "name the tool"},
    {"mcp serve x", 2, NULL, "takes no arguments"},
};

static void commands_are_found_or_suggested(void **state) {
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    struct caught caught;
    rig_command(&caught, "%s", lines[i].line);
    assert_code(&caught, lines[i].code);
    if (lines[i].out != NULL) assert_says(caught.out, lines[i].out);
    else assert_string_equal(caught.out, "");
    if (lines[i].err != NULL) assert_says(caught.err, lines[i].err);
    else assert_string_equal(caught.err, "");
    caught_deinit(&caught);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(options_may_stand_anywhere),
      cmocka_unit_test(letters_can_be_joined),
      cmocka_unit_test(the_last_value_counts_and_all_can_be_read),
      cmocka_unit_test(words_behind_two_dashes_are_no_options),
      cmocka_unit_test(a_servers_command_is_kept_apart),
      cmocka_unit_test(mistakes_are_told),
      cmocka_unit_test(mistakes_are_json_when_json_is_asked_for),
      cmocka_unit_test(help_is_an_answer),
      cmocka_unit_test(options_have_a_limit),
      cmocka_unit_test(numbers_are_whole_and_in_range),
      cmocka_unit_test(commands_are_found_or_suggested),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

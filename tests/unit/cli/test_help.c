/* SPDX-License-Identifier: MIT */
/* Help and completions come from the table of commands; what they say stands in tests/golden/cli, to be read. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static char *golden_name(const char *prefix, const char *command) {
  char *name = fl_format("%s%s", prefix, command);
  for (char *c = name; *c != '\0'; c++)
    if (*c == ' ') *c = '-';
  return name;
}

static void the_help_of_every_command(void **state) {
  for (size_t i = 0; i < fl_command_count; i++) {
    struct caught caught, asked;
    rig_command(&caught, "help %s", fl_commands[i].name);
    assert_code(&caught, FL_EXIT_OK);
    assert_string_equal(caught.err, "");
    FL_FREE_AUTO char *name = golden_name("help-", fl_commands[i].name);
    assert_golden_text(name, caught.out);
    rig_command(&asked, "%s --help", fl_commands[i].name);
    assert_code(&asked, FL_EXIT_OK);
    assert_string_equal(asked.out, caught.out);
    caught_deinit(&caught);
    caught_deinit(&asked);
  }
}

static void overview_and_groups(void **state) {
  static const char *const lines[] = {"help", "help threads", "help graph", "help policy", "help mcp"};
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    struct caught caught;
    rig_command(&caught, "%s", lines[i]);
    assert_code(&caught, FL_EXIT_OK);
    FL_FREE_AUTO char *name = golden_name("", lines[i]);
    assert_golden_text(name, caught.out);
    caught_deinit(&caught);
  }
}

static void completions(void **state) {
  static const char *const shells[] = {"bash", "zsh", "fish"};
  for (size_t i = 0; i < 3; i++) {
    struct caught caught;
    rig_command(&caught, "completion %s", shells[i]);
    assert_code(&caught, FL_EXIT_OK);
    FL_FREE_AUTO char *name = golden_name("completion-", shells[i]);
    assert_golden_text(name, caught.out);
    for (size_t j = 0; j < fl_command_count; j++) {
      const struct fl_option *option = fl_commands[j].options;
      for (; option->name != NULL; option++) assert_says(caught.out, option->name);
    }
    caught_deinit(&caught);
  }
}

/* Runs the bash completion for a line that ends at the cursor; free() it. */
static char *complete(const char *const *words, int count) {
  struct caught caught;
  rig_command(&caught, "completion bash");
  FL_BUF_AUTO script = {0};
  fl_buf_addf(&script, "%s\nCOMP_WORDS=(", caught.out);
  for (int i = 0; i < count; i++) fl_buf_addf(&script, "'%s' ", words[i]);
  fl_buf_addf(&script, ")\nCOMP_CWORD=%d\n_fairlead_words\necho \" ${COMPREPLY[*]} \"\n", count - 1);
  caught_deinit(&caught);
  rig_write("complete.bash", script.data);
  FL_FREE_AUTO char *line = fl_format("bash %s/complete.bash >%s/completed 2>&1", rig_folder(), rig_folder());
  FL_FREE_AUTO char *path = fl_format("%s/completed", rig_folder());
  int status = system(line);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return test_read_file(path, NULL);
}

static void bash_completes(void **state) {
  static const struct {
    const char *words[6];
    int count;
    const char *says, *lacks;
  } rows[] = {
      {{"fairlead", ""},
       2,
       " run threads memory trace cache graph policy store audit redteam mcp doctor completion complete version help ",
       "list"},
      {{"fairlead", "th"}, 2, " threads ", "run"},
      {{"fairlead", "threads", ""},
       3,
       " list show state history events diff fork edit resume copy delete export import prune storage recover ",
       "graph"},
      {{"fairlead", "graph", "dr"}, 3, " draw ", "check"},
      {{"fairlead", "run", "--re"}, 3, " --resume --recursion-limit ", "--store"},
      {{"fairlead", "mcp", "call", "--"}, 4, " --graph --server --url --header --timeout --json --help ", "--plugin"},
      {{"fairlead", "completion", "z"}, 3, " zsh ", "fish"},
      {{"fairlead", "threads", "diff", "--w"}, 4, " --with ", "--store"},
      {{"fairlead", "run", "x.yaml", "--ch"}, 4, " --checkpoint ", "--thread"},
      {{"fairlead", "policy", ""}, 3, " check ", "--calls"},
      {{"fairlead", "policy", "check", "--c"}, 4, " --calls ", "--at"},
      {{"fairlead", "graph", "draw", "--format", ""}, 5, " text svg mermaid dot ", "--depth"},
      {{"fairlead", "graph", "draw", "-f", "m"}, 5, " mermaid ", "dot"},
      {{"fairlead", "run", "--stream", "values,up"}, 4, " values,updates ", "tasks"},
      {{"fairlead", "run", "--durability", "=", "a"}, 5, " async ", "exit"},
      {{"fairlead", "run", "--on-busy", "="}, 4, " reject enqueue interrupt rollback ", "--"},
      {{"fairlead", "run", "--input", ""}, 4, "  ", "--"},
      {{"fairlead", "nothing", "x"}, 3, "  ", "run"},
  };
  if (system("bash --version >/dev/null 2>&1") != 0) skip();
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char *said = complete(rows[i].words, rows[i].count);
    assert_non_null(said);
    assert_says(said, rows[i].says);
    assert_lacks(said, rows[i].lacks);
    free(said);
  }
}

static void help_as_json(void **state) {
  struct caught caught;
  rig_command(&caught, "help --json");
  assert_code(&caught, FL_EXIT_OK);
  size_t count = 0;
  char *rest = NULL;
  for (char *line = strtok_r(caught.out, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest), count++) {
    FL_VALUE_AUTO entry = NULL;
    assert_int_equal(fl_parse(line, strlen(line), &entry, NULL), 0);
    const struct fl_command *command = &fl_commands[count];
    assert_string_equal(fl_get_string(entry, "name", ""), command->name);
    assert_string_equal(fl_get_string(entry, "usage", "?"), command->usage);
    size_t option_count = 0;
    for (; command->options[option_count].name != NULL; option_count++)
      assert_string_equal(fl_get_string(fl_at(fl_get(entry, "options"), option_count), "name", ""),
                          command->options[option_count].name);
    assert_int_equal(fl_size(fl_get(entry, "options")), option_count);
  }
  assert_int_equal(count, fl_command_count);
  caught_deinit(&caught);
}

/* ---- the table itself ---- */

static void check_options(const struct fl_command *command) {
  const struct fl_option *option = command->options;
  for (; option->name != NULL; option++) {
    assert_true(option - command->options < FL_OPTIONS_MAX - 1);
    assert_true(option->letter != 'h' && strcmp(option->name, "help") != 0);
    assert_true(option->help != NULL && option->help[0] != '\0');
    for (const struct fl_option *other = command->options; other < option; other++) {
      assert_string_not_equal(other->name, option->name);
      if (option->letter != 0) assert_int_not_equal(other->letter, option->letter);
    }
  }
}

static void the_table_is_sound(void **state) {
  for (size_t i = 0; i < fl_command_count; i++) {
    const struct fl_command *command = &fl_commands[i];
    assert_non_null(command->run);
    assert_true(command->summary[0] != '\0' && strchr(command->summary, '\n') == NULL);
    assert_null(strchr(command->summary, '\'')); /* fish gets it in single quotes */
    check_options(command);
    for (size_t j = 0; j < i; j++) assert_string_not_equal(fl_commands[j].name, command->name);
  }
}

static void the_manual_knows_every_command_and_option(void **state) {
  FL_FREE_AUTO char *path = fl_format("%s/docs/man/fairlead.1", getenv("FL_SOURCE_ROOT"));
  char *manual = test_read_file(path, NULL);
  assert_non_null(manual);
  for (size_t i = 0; i < fl_command_count; i++) {
    const char *space = strchr(fl_commands[i].name, ' ');
    assert_says(manual, space != NULL ? space + 1 : fl_commands[i].name);
    for (const struct fl_option *option = fl_commands[i].options; option->name != NULL; option++) {
      FL_FREE_AUTO char *name = fl_format("Fl -%s", option->name);
      FL_FREE_AUTO char *letter = fl_format("Fl %c", option->letter != 0 ? option->letter : '\n');
      if (strstr(manual, letter) == NULL) assert_says(manual, name);
    }
  }
  free(manual);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_help_of_every_command),
      cmocka_unit_test(overview_and_groups),
      cmocka_unit_test(completions),
      cmocka_unit_test(bash_completes),
      cmocka_unit_test(help_as_json),
      cmocka_unit_test(the_table_is_sound),
      cmocka_unit_test(the_manual_knows_every_command_and_option),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

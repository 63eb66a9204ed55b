/* SPDX-License-Identifier: MIT */
/* Help, from the table of commands. */
#include "runtime/base/mem.h"
#include "runtime/cli/cli.h"

#include <string.h>

static void print_option(FILE *out, const struct fl_option *option) {
  char left[64];
  char letter[8] = "    ";
  if (option->letter != 0) snprintf(letter, sizeof letter, "-%c, ", option->letter);
  snprintf(left, sizeof left, "%s--%s%s%s", letter, option->name, option->value != NULL ? " " : "",
           option->value != NULL ? option->value : "");
  fprintf(out, "  %-28s %s\n", left, option->help);
}

static void print_overview(FILE *out) {
  fprintf(
      out,
      "fairlead runs LLM agents from graph definition files.\n\nUsage: fairlead COMMAND [ARGUMENTS]\n\nCommands:\n");
  for (size_t i = 0; i < fl_command_count; i++)
    fprintf(out, "  %-18s %s\n", fl_commands[i].name, fl_commands[i].summary);
  fprintf(out, "\n'fairlead help COMMAND' tells more; 'man fairlead' tells all.\n"
               "To begin: fairlead run examples/math/agent.yaml \"what's (3 + 5) x 12?\"\n");
}

void fl_help_print(FILE *out, const struct fl_command *command) {
  if (command == NULL) {
    print_overview(out);
    return;
  }
  fprintf(out, "fairlead %s: %s\n\nUsage: fairlead %s [OPTIONS] %s\n", command->name, command->summary, command->name,
          command->usage);
  if (command->details != NULL) fprintf(out, "\n%s\n", command->details);
  fprintf(out, "\nOptions:\n");
  for (const struct fl_option *option = command->options; option->name != NULL; option++) print_option(out, option);
  print_option(out, &(struct fl_option){"help", 'h', NULL, "this text"});
}

void fl_help_group(FILE *out, const char *group) {
  size_t size = strlen(group);
  fprintf(out, "Usage: fairlead %s COMMAND\n\nCommands:\n", group);
  for (size_t i = 0; i < fl_command_count; i++)
    if (strncmp(fl_commands[i].name, group, size) == 0 && fl_commands[i].name[size] == ' ')
      fprintf(out, "  %-18s %s\n", fl_commands[i].name, fl_commands[i].summary);
}

static struct fl_value *describe_command(const struct fl_command *command) {
  struct fl_value *entry = fl_object();
  fl_set_string(entry, "name", command->name);
  fl_set_string(entry, "usage", command->usage);
  fl_set_string(entry, "summary", command->summary);
  struct fl_value *options = fl_array();
  for (const struct fl_option *option = command->options; option->name != NULL; option++) {
    struct fl_value *item = fl_object();
    fl_set_string(item, "name", option->name);
    if (option->value != NULL) fl_set_string(item, "value", option->value);
    fl_set_string(item, "help", option->help);
    fl_append_take(options, item);
  }
  fl_set_take(entry, "options", options);
  return entry;
}

int fl_cmd_help(struct fl_args *args) {
  if (args->json) {
    for (size_t i = 0; i < fl_command_count; i++) {
      FL_VALUE_AUTO entry = describe_command(&fl_commands[i]);
      fl_print_json(entry);
    }
    return FL_EXIT_OK;
  }
  FL_BUF_AUTO name = {0};
  for (int i = 0; i < args->count; i++) fl_buf_addf(&name, "%s%s", i > 0 ? " " : "", args->items[i]);
  if (args->count == 0) {
    print_overview(stdout);
    return FL_EXIT_OK;
  }
  bool is_group = false;
  for (size_t i = 0; i < fl_command_count; i++) {
    if (strcmp(fl_commands[i].name, name.data) == 0) {
      fl_help_print(stdout, &fl_commands[i]);
      return FL_EXIT_OK;
    }
    is_group |= strncmp(fl_commands[i].name, name.data, name.size) == 0 && fl_commands[i].name[name.size] == ' ';
  }
  if (!is_group) return fl_usage(args, "there is no command \"%s\"", name.data);
  fl_help_group(stdout, name.data);
  return FL_EXIT_OK;
}

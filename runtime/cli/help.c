/* SPDX-License-Identifier: MIT */
/* Help and shell completions, both from the table of commands. */
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

/* ---- completions ---- */

static void print_words(const char *separator) {
  for (size_t i = 0; i < fl_command_count; i++) {
    const char *name = fl_commands[i].name;
    size_t size = strcspn(name, " ");
    bool is_new = i == 0 || strncmp(fl_commands[i - 1].name, name, size) != 0 || fl_commands[i - 1].name[size] != ' ';
    if (is_new) printf("%.*s%s", (int)size, name, separator);
  }
}

static void print_second_words(const char *group, size_t size) {
  for (size_t i = 0; i < fl_command_count; i++)
    if (strncmp(fl_commands[i].name, group, size) == 0 && fl_commands[i].name[size] == ' ')
      printf("%s ", fl_commands[i].name + size + 1);
}

static void print_option_words(const struct fl_command *command) {
  for (const struct fl_option *option = command->options; option->name != NULL; option++) printf("--%s ", option->name);
  printf("--help");
}

static void print_bash_cases(void) {
  for (size_t i = 0; i < fl_command_count; i++) {
    printf("    '%s') words='", fl_commands[i].name);
    print_option_words(&fl_commands[i]);
    if (fl_commands[i].choices != NULL && strcmp(fl_commands[i].choices, "FILE") != 0)
      printf(" %s", fl_commands[i].choices);
    printf("' ;;\n");
  }
  for (size_t i = 0; i < fl_command_count; i++) {
    size_t size = strcspn(fl_commands[i].name, " ");
    bool is_first = fl_commands[i].name[size] == ' ' &&
                    (i == 0 || strncmp(fl_commands[i - 1].name, fl_commands[i].name, size + 1) != 0);
    if (!is_first) continue;
    printf("    '%.*s') words='", (int)size, fl_commands[i].name);
    print_second_words(fl_commands[i].name, size);
    printf("' ;;\n");
  }
}

static void print_words_function(void) {
  printf("_fairlead_words() {\n  local cur=${COMP_WORDS[COMP_CWORD]} words='' "
         "key=\"${COMP_WORDS[1]}\"\n"
         "  case \"$key\" in threads|memory|cache|graph|mcp)\n"
         "    [ $COMP_CWORD -gt 2 ] && key=\"$key ${COMP_WORDS[2]}\" ;; esac\n"
         "  if [ $COMP_CWORD -eq 1 ]; then words='");
  print_words(" ");
  printf("'; else\n  case \"$key\" in\n");
  print_bash_cases();
  printf("  esac\n  fi\n"
         "  local prev=\"${COMP_WORDS[COMP_CWORD-1]}\" thread='' i\n"
         "  for ((i = 2; i < COMP_CWORD; i++)); do\n"
         "    case \"${COMP_WORDS[i-1]}\" in --thread|-t) thread=\"${COMP_WORDS[i]}\" ;; esac\n  done\n"
         "  [ \"${COMP_WORDS[1]}\" = threads ] && [ $COMP_CWORD -gt 3 ] && thread=\"${COMP_WORDS[3]}\"\n"
         "  case \"$prev\" in\n"
         "    --thread|-t|--with) words=$(fairlead complete threads \"$cur\" 2>/dev/null) ;;\n"
         "    --checkpoint|-c|--before) words=$(fairlead complete checkpoints \"$thread\" 2>/dev/null) ;;\n"
         "    *)\n"
         "      if [ \"${COMP_WORDS[1]}\" = threads ] && [ $COMP_CWORD -gt 2 ] && [ \"${cur#-}\" = \"$cur\" ] && "
         "[ \"${COMP_WORDS[2]}\" != list ]; then\n"
         "        case \"$COMP_CWORD ${COMP_WORDS[2]}\" in\n"
         "          '4 diff'|'5 diff'|'4 fork') words=$(fairlead complete checkpoints \"$thread\" 2>/dev/null) ;;\n"
         "          *) words=$(fairlead complete threads \"$cur\" 2>/dev/null) ;;\n"
         "        esac\n      fi ;;\n  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n");
}

static void print_bash(void) {
  printf("# bash completion for fairlead\n");
  print_words_function();
  printf("complete -o default -F _fairlead_words fairlead\n");
}

/* As a file of fpath it is run when something is to be completed, and answers at once; sourced, it only declares. */
static void print_zsh(void) {
  printf("#compdef fairlead\n# zsh completion for fairlead, by way of the bash one\nautoload -U +X bashcompinit && "
         "bashcompinit\n");
  print_words_function();
  printf("if [ \"${funcstack[1]}\" = _fairlead ]; then _bash_complete -o default -F _fairlead_words\n"
         "else complete -o default -F _fairlead_words fairlead; fi\n");
}

static void print_fish_choices(const struct fl_command *command, const char *word) {
  if (command->choices != NULL && strcmp(command->choices, "FILE") != 0)
    printf("complete -c fairlead -n '__fish_seen_subcommand_from %s' -f -a '%s'\n", word, command->choices);
  if (strncmp(command->name, "threads ", 8) == 0 && command->usage[0] != '\0')
    printf("complete -c fairlead -n '__fish_seen_subcommand_from %s' -f -a \"(fairlead complete threads (commandline "
           "-ct) 2>/dev/null)\"\n",
           word);
  if (strstr(command->usage, "CHECKPOINT") != NULL)
    printf("complete -c fairlead -n '__fish_seen_subcommand_from %s' -f -a \"(fairlead complete checkpoints "
           "(commandline -opc)[4] 2>/dev/null)\"\n",
           word);
}

static void print_fish_option(const char *word, const struct fl_option *option) {
  printf("complete -c fairlead -n '__fish_seen_subcommand_from %s' -l %s%s", word, option->name,
         option->value != NULL ? " -r" : "");
  bool takes_thread = strcmp(option->name, "thread") == 0 || strcmp(option->name, "with") == 0;
  bool takes_checkpoint = strcmp(option->name, "checkpoint") == 0 || strcmp(option->name, "before") == 0;
  if (takes_thread) printf(" -f -a \"(fairlead complete threads (commandline -ct) 2>/dev/null)\"");
  if (takes_checkpoint) printf(" -f -a \"(fairlead complete checkpoints (commandline -opc)[4] 2>/dev/null)\"");
  printf("\n");
}

static void print_fish(void) {
  printf("# fish completion for fairlead\ncomplete -c fairlead -n __fish_use_subcommand -f\n");
  for (size_t i = 0; i < fl_command_count; i++) {
    const struct fl_command *command = &fl_commands[i];
    size_t size = strcspn(command->name, " ");
    const char *second = command->name[size] == ' ' ? command->name + size + 1 : NULL;
    if (second == NULL)
      printf("complete -c fairlead -n __fish_use_subcommand -a %s -d '%s'\n", command->name, command->summary);
    else
      printf("complete -c fairlead -n __fish_use_subcommand -a %.*s\ncomplete -c fairlead -n "
             "'__fish_seen_subcommand_from %.*s' -f -a %s -d '%s'\n",
             (int)size, command->name, (int)size, command->name, second, command->summary);
    const char *word = second != NULL ? second : command->name;
    print_fish_choices(command, word);
    for (const struct fl_option *option = command->options; option->name != NULL; option++)
      print_fish_option(word, option);
  }
}

int fl_cmd_completion(struct fl_args *args) {
  const char *shell = args->count == 1 ? args->items[0] : "";
  if (strcmp(shell, "bash") == 0) print_bash();
  else if (strcmp(shell, "zsh") == 0) print_zsh();
  else if (strcmp(shell, "fish") == 0) print_fish();
  else return fl_usage(args, "name the shell: bash, zsh or fish");
  return FL_EXIT_OK;
}

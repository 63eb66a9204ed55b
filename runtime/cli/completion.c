/* SPDX-License-Identifier: MIT */
/* Shell completions, from the table of commands. */
#include "runtime/cli/cli.h"

#include <string.h>

/* ---- what the table says ---- */

/* Whether the command is the first of its group, or stands alone. */
static bool begins_word(size_t index) {
  const char *name = fl_commands[index].name;
  size_t size = strcspn(name, " ");
  return index == 0 || strncmp(fl_commands[index - 1].name, name, size) != 0 ||
         fl_commands[index - 1].name[size] != ' ';
}

static bool is_of_group(const struct fl_command *command) { return strchr(command->name, ' ') != NULL; }

static void print_words(bool groups_only, const char *separator) {
  const char *before = "";
  for (size_t i = 0; i < fl_command_count; i++) {
    if (!begins_word(i) || (groups_only && !is_of_group(&fl_commands[i]))) continue;
    printf("%s%.*s", before, (int)strcspn(fl_commands[i].name, " "), fl_commands[i].name);
    before = separator;
  }
}

/* The words that may stand as its first argument, or NULL. */
static const char *words_of(const struct fl_command *command) {
  return command->choices != NULL && strcmp(command->choices, "FILE") != 0 ? command->choices : NULL;
}

static bool takes_thread(const struct fl_option *option) {
  return strcmp(option->name, "thread") == 0 || strcmp(option->name, "with") == 0;
}

static bool takes_checkpoint(const struct fl_option *option) {
  return strcmp(option->name, "checkpoint") == 0 || strcmp(option->name, "before") == 0;
}

/* ---- bash, and zsh by way of it ---- */

static void print_bash_words(const struct fl_command *command) {
  printf("    '%s') words='", command->name);
  for (const struct fl_option *option = command->options; option->name != NULL; option++) printf("--%s ", option->name);
  printf("--help%s%s' ;;\n", words_of(command) != NULL ? " " : "", words_of(command) != NULL ? words_of(command) : "");
}

static void print_bash_group(size_t first) {
  const char *group = fl_commands[first].name;
  size_t size = strcspn(group, " ");
  printf("    '%.*s') words='", (int)size, group);
  for (size_t i = first; i < fl_command_count && strncmp(fl_commands[i].name, group, size + 1) == 0; i++)
    printf("%s%s", i > first ? " " : "", fl_commands[i].name + size + 1);
  printf("' ;;\n");
}

static void print_bash_value(const struct fl_command *command, const struct fl_option *option) {
  printf("    '%s --%s'", command->name, option->name);
  if (option->letter != 0) printf("|'%s -%c'", command->name, option->letter);
  if (takes_thread(option)) printf(") words=$(_fairlead_ask threads \"$cur\") ;;\n");
  else if (takes_checkpoint(option)) printf(") words=$(_fairlead_ask checkpoints \"$thread\") ;;\n");
  else if (option->choices != NULL) printf(") values='%s' words='' ;;\n", option->choices);
  else printf(") words='' ;;\n");
}

/* A value is completed from its choices; where none are known, by the shell itself, as a file. */
static void print_bash_values(void) {
  printf("  case \"$key $prev\" in\n");
  for (size_t i = 0; i < fl_command_count; i++)
    for (const struct fl_option *option = fl_commands[i].options; option->name != NULL; option++)
      if (option->value != NULL) print_bash_value(&fl_commands[i], option);
  printf("    'threads diff '*|'threads fork '*)\n"
         "      if [ \"${cur#-}\" = \"$cur\" ]; then\n"
         "        if [ $n -eq 4 ]; then words=$(_fairlead_ask threads \"$cur\")\n"
         "        else words=$(_fairlead_ask checkpoints \"$thread\"); fi\n      fi ;;\n"
         "    'threads list '*) ;;\n"
         "    'threads '*) [ $n -gt 3 ] && [ \"${cur#-}\" = \"$cur\" ] && words=$(_fairlead_ask threads \"$cur\") ;;\n"
         "  esac\n"
         "  for piece in $values; do words=\"$words ${cur%%\"${cur##*,}\"}$piece\"; done\n");
}

static void print_bash_commands(void) {
  printf("  case \"$key\" in ");
  print_words(true, "|");
  printf(") [ $n -gt 3 ] && key=\"$key ${line[2]}\" ;; esac\n"
         "  if [ $n -eq 2 ]; then words='");
  print_words(false, " ");
  printf("'; else\n  case \"$key\" in\n");
  for (size_t i = 0; i < fl_command_count; i++) {
    print_bash_words(&fl_commands[i]);
    if (begins_word(i) && is_of_group(&fl_commands[i])) print_bash_group(i);
  }
  printf("  esac\n  fi\n");
}

static void print_bash_functions(void) {
  printf("_fairlead_ask() {\n"
         "  case \"$store\" in '~/'*) store=\"$HOME/${store#??}\" ;; esac\n"
         "  if [ -n \"$store\" ]; then fairlead complete --store \"$store\" \"$@\" 2>/dev/null\n"
         "  else fairlead complete \"$@\" 2>/dev/null; fi\n}\n"
         "_fairlead_words() {\n"
         "  local cur prev key words='' values='' thread='' store='' piece before='' i n=0\n"
         "  local line; line=()\n"
         "  # bash takes ids apart at colons and options at =; here they are whole\n"
         "  for ((i = 0; i <= COMP_CWORD; i++)); do\n"
         "    piece=\"${COMP_WORDS[i]}\"\n"
         "    case \"$i $before\" in\n"
         "      *' :'*) line[n-1]=\"${line[n-1]}$piece\" ;;\n"
         "      *) case \"$piece\" in\n"
         "        :*) line[n-1]=\"${line[n-1]}$piece\" ;;\n"
         "        =) [ $i -lt $COMP_CWORD ] || { line[n]='' && n=$((n+1)); } ;;\n"
         "        *) line[n]=\"$piece\" && n=$((n+1)) ;;\n"
         "      esac ;;\n"
         "    esac\n"
         "    before=\"$piece\"\n"
         "  done\n"
         "  cur=\"${line[n-1]}\" prev=\"${line[n-2]}\" key=\"${line[1]}\"\n"
         "  for ((i = 2; i < n - 1; i++)); do\n"
         "    case \"${line[i-1]}\" in --thread|-t) thread=\"${line[i]}\" ;; --store) store=\"${line[i]}\" ;; esac\n"
         "  done\n"
         "  [ \"$key\" = threads ] && [ $n -gt 4 ] && thread=\"${line[3]}\"\n");
  print_bash_commands();
  print_bash_values();
  printf("  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "  case \"${COMP_WORDBREAKS:-}\" in *:*)\n"
         "    piece=\"${cur%%\"${cur##*:}\"}\"\n"
         "    for ((i = 0; i < ${#COMPREPLY[@]}; i++)); do COMPREPLY[i]=\"${COMPREPLY[i]#\"$piece\"}\"; done ;;\n"
         "  esac\n}\n");
}

static void print_bash(void) {
  printf("# bash completion for fairlead\n");
  print_bash_functions();
  printf("complete -o default -F _fairlead_words fairlead\n");
}

/* As a file of fpath it is run when something is to be completed, and answers at once; sourced, it only declares. */
static void print_zsh(void) {
  printf("#compdef fairlead\n# zsh completion for fairlead, by way of the bash one\nautoload -U +X bashcompinit && "
         "bashcompinit\n");
  print_bash_functions();
  printf("if [ \"${funcstack[1]}\" = _fairlead ]; then _bash_complete -o default -F _fairlead_words\n"
         "else complete -o default -F _fairlead_words fairlead; fi\n");
}

/* ---- fish ---- */

static const char fish_functions[] =
    "# fish completion for fairlead\n"
    "function __fairlead_is\n"
    "  set -l words (commandline -opc)\n"
    "  set -l last (math 1 + (count $argv))\n"
    "  test (count $words) -ge $last\n"
    "  and test \"$words[2..$last]\" = \"$argv\"\n"
    "end\n"
    "function __fairlead_value\n"
    "  set -l words (commandline -opc)\n"
    "  for name in $argv\n"
    "    set -l at (contains -i -- $name $words); and test $at -lt (count $words); and echo $words[(math 1 + $at)]; "
    "and return\n"
    "  end\n"
    "end\n"
    "function __fairlead_ask\n"
    "  set -l store (__fairlead_value --store)\n"
    "  set -q store[1]; and set store --store $store\n"
    "  fairlead complete $store $argv 2>/dev/null\n"
    "end\n"
    "function __fairlead_checkpoints\n"
    "  set -l thread (__fairlead_value --thread -t)\n"
    "  set -q thread[1]; or set thread (commandline -opc)[4]\n"
    "  __fairlead_ask checkpoints $thread\n"
    "end\n"
    "complete -c fairlead -n __fish_use_subcommand -f\n";

#define FISH_THREADS "-f -a '(__fairlead_ask threads (commandline -ct))'"
#define FISH_CHECKPOINTS "-f -a '(__fairlead_checkpoints)'"

static void print_fish_option(const struct fl_command *command, const struct fl_option *option) {
  printf("complete -c fairlead -n '__fairlead_is %s' -l %s", command->name, option->name);
  if (option->letter != 0) printf(" -s %c", option->letter);
  if (option->value != NULL) printf(" -r");
  if (takes_thread(option)) printf(" " FISH_THREADS);
  if (takes_checkpoint(option)) printf(" " FISH_CHECKPOINTS);
  if (option->choices != NULL) printf(" -f -a '%s'", option->choices);
  printf("\n");
}

static void print_fish_arguments(const struct fl_command *command) {
  if (words_of(command) != NULL)
    printf("complete -c fairlead -n '__fairlead_is %s' -f -a '%s'\n", command->name, words_of(command));
  if (strncmp(command->name, "threads ", 8) == 0 && command->usage[0] != '\0')
    printf("complete -c fairlead -n '__fairlead_is %s' " FISH_THREADS "\n", command->name);
  if (strstr(command->usage, "CHECKPOINT") != NULL)
    printf("complete -c fairlead -n '__fairlead_is %s' " FISH_CHECKPOINTS "\n", command->name);
}

static void print_fish_command(size_t index) {
  const struct fl_command *command = &fl_commands[index];
  size_t size = strcspn(command->name, " ");
  if (!is_of_group(command))
    printf("complete -c fairlead -n __fish_use_subcommand -a %s -d '%s'\n", command->name, command->summary);
  else if (begins_word(index))
    printf("complete -c fairlead -n __fish_use_subcommand -a %.*s\n", (int)size, command->name);
  if (is_of_group(command))
    printf("complete -c fairlead -n '__fairlead_is %.*s; and test (count (commandline -opc)) -eq 2' -f -a %s -d '%s'\n",
           (int)size, command->name, command->name + size + 1, command->summary);
}

static void print_fish(void) {
  printf("%s", fish_functions);
  for (size_t i = 0; i < fl_command_count; i++) {
    print_fish_command(i);
    print_fish_arguments(&fl_commands[i]);
    for (const struct fl_option *option = fl_commands[i].options; option->name != NULL; option++)
      print_fish_option(&fl_commands[i], option);
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

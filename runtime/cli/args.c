/* SPDX-License-Identifier: MIT */
/* What the user typed: finds the command, takes its arguments apart by the table of commands, runs it. Mistakes are
 * told with what was probably meant. */
#include "runtime/base/mem.h"
#include "runtime/cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- arguments ---- */

const char *fl_args_nth(const struct fl_args *args, const char *option, int index) {
  for (int i = 0; i < args->value_count; i++)
    if (strcmp(args->values[i].option->name, option) == 0 && index-- == 0) return args->values[i].value;
  return NULL;
}

const char *fl_args_get(const struct fl_args *args, const char *option) {
  for (int i = args->value_count - 1; i >= 0; i--)
    if (strcmp(args->values[i].option->name, option) == 0) return args->values[i].value;
  return NULL;
}

bool fl_args_has(const struct fl_args *args, const char *option) { return fl_args_get(args, option) != NULL; }

long fl_args_number(const struct fl_args *args, const char *option, long max) {
  const char *text = fl_args_get(args, option);
  if (text == NULL) return 0;
  char *end = NULL;
  long number = strtol(text, &end, 10);
  if (*text != '\0' && *end == '\0' && number >= 1 && number <= max) return number;
  fl_usage(args, "--%s takes a whole number from 1 to %ld, not \"%s\"", option, max, text);
  return -1;
}

int fl_args_json(const struct fl_args *args, const char *option, struct fl_value **ret_value) {
  const char *text = fl_args_get(args, option);
  if (text == NULL) return 0;
  struct fl_error err = {0};
  if (fl_parse(text, strlen(text), ret_value, &err) == 0) return 0;
  return fl_usage(args, "--%s does not hold JSON: %s (a text needs its quotes: '\"yes\"')", option, err.text);
}

static bool is_for_a_person(void) {
  const char *term = getenv("TERM");
  return isatty(2) && getenv("NO_COLOR") == NULL && term != NULL && strcmp(term, "dumb") != 0;
}

/* Moves what stands behind "--" out of the way of getopt. */
static int split_rest(struct fl_args *args, int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--") != 0) continue;
    args->rest_count = argc - i - 1;
    args->rest = argv + i + 1;
    return i;
  }
  return argc;
}

/* "--" before words that are no options: where a command knows no rest, they are arguments like the others. The
 * arguments stand right before the "--", so they move over it. */
static void join_rest(struct fl_args *args) {
  if (args->rest == NULL || strstr(args->command->usage, "-- ") != NULL) return;
  char **to = args->rest - 1;
  for (int i = 0; i < args->rest_count; i++) to[i] = args->rest[i];
  args->count += args->rest_count;
  args->rest_count = 0;
  args->rest = NULL;
}

static int unknown_option(const struct fl_args *args, const char *word) {
  const char *names[FL_OPTIONS_MAX], *begun[2] = {NULL, NULL};
  size_t count = 0, begun_count = 0;
  for (const struct fl_option *option = args->command->options; option->name != NULL; option++) {
    names[count++] = option->name;
    if (begun_count < 2 && strncmp(option->name, word + 2, strcspn(word + 2, "=")) == 0)
      begun[begun_count++] = option->name;
  }
  if (begun_count == 2) return fl_usage(args, "%s may be --%s or --%s; say which", word, begun[0], begun[1]);
  const char *nearest = fl_nearest(word + 2, names, count);
  if (nearest != NULL) return fl_usage(args, "there is no option %s; did you mean --%s?", word, nearest);
  return fl_usage(args, "there is no option %s", word);
}

/* What getopt found wrong: `found` is its answer, `word` the one it looked at when that is a long option. */
static int mistake(const struct fl_args *args, int found, const char *word) {
  if (found == ':' && optopt < 256) return fl_usage(args, "-%c needs a value", optopt);
  if (found == ':') return fl_usage(args, "--%s needs a value", args->command->options[optopt - 256].name);
  if (optopt == 0) return unknown_option(args, word);
  if (optopt >= 256) return fl_usage(args, "--%s takes no value", args->command->options[optopt - 256].name);
  if (strncmp(word, "--help=", 7) == 0) return fl_usage(args, "--help takes no value");
  return fl_usage(args, "there is no option -%c", optopt);
}

/* The options of the command as getopt wants them; the n-th answers 256 + n. */
static void describe_options(const struct fl_command *command, struct option *ret_options, char *ret_letters) {
  int count = 0;
  char *letter = stpcpy(ret_letters, ":h");
  for (const struct fl_option *option = command->options; option->name != NULL; option++, count++) {
    int has_value = option->value != NULL ? required_argument : no_argument;
    ret_options[count] = (struct option){option->name, has_value, NULL, 256 + count};
    if (option->letter == 0) continue;
    *letter++ = option->letter;
    if (option->value != NULL) *letter++ = ':';
  }
  *letter = '\0';
  ret_options[count] = (struct option){"help", no_argument, NULL, 'h'};
  ret_options[count + 1] = (struct option){0};
}

static const struct fl_option *option_of(const struct fl_command *command, int found) {
  if (found >= 256) return &command->options[found - 256];
  const struct fl_option *option = command->options;
  while (option->letter != found) option++;
  return option;
}

/* Also for what cannot be taken apart. */
static bool wants_json(int argc, char **argv) {
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strcmp(argv[i], "--json") == 0) return true;
  return false;
}

bool fl_args_parse(struct fl_args *args, int argc, char **argv, int *ret_code) {
  struct option options[FL_OPTIONS_MAX + 2];
  char letters[2 * FL_OPTIONS_MAX + 4];
  describe_options(args->command, options, letters);
  argc = split_rest(args, argc, argv);
  args->json = wants_json(argc, argv);
  opterr = 0;
  optind = 0;
  for (int found; (found = getopt_long(argc, argv, letters, options, NULL)) != -1;) {
    if (found == 'h') fl_help_print(stdout, args->command);
    if (found == 'h') *ret_code = FL_EXIT_OK;
    else if (found == '?' || found == ':') *ret_code = mistake(args, found, argv[optind - 1]);
    else if (args->value_count == FL_OPTION_VALUES_MAX) *ret_code = fl_usage(args, "too many options");
    else {
      args->values[args->value_count].option = option_of(args->command, found);
      args->values[args->value_count++].value = optarg != NULL ? optarg : "";
      continue;
    }
    return false;
  }
  args->count = argc - optind;
  args->items = argv + optind;
  args->json = fl_args_has(args, "json");
  join_rest(args);
  return true;
}

/* ---- finding the command ---- */

static const struct fl_command *find(const char *name) {
  for (size_t i = 0; i < fl_command_count; i++)
    if (strcmp(fl_commands[i].name, name) == 0) return &fl_commands[i];
  return NULL;
}

static bool is_group(const char *word) {
  size_t size = strlen(word);
  for (size_t i = 0; i < fl_command_count; i++)
    if (strncmp(fl_commands[i].name, word, size) == 0 && fl_commands[i].name[size] == ' ') return true;
  return false;
}

static int unknown_command(const char *word, bool json) {
  const char *names[64];
  size_t count = 0;
  for (; count < fl_command_count && count < 64; count++) names[count] = fl_commands[count].name;
  const char *nearest = fl_nearest(word, names, count);
  FL_FREE_AUTO char *advice = nearest != NULL ? fl_format("; did you mean \"%s\"?", nearest) : fl_strdup("");
  fl_fail(&(struct fl_args){.json = json}, FL_EXIT_USAGE, "there is no command \"%s\"%s", word, advice);
  if (!json) fprintf(stderr, "See 'fairlead help'.\n");
  return FL_EXIT_USAGE;
}

static bool is_help(const char *word) { return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0; }

/* A reader that has left (`| head`) has read what it wanted. */
static bool has_reader(void) {
  struct pollfd output = {.fd = 1};
  return poll(&output, 1, 0) < 1 || (output.revents & POLLERR) == 0;
}

/* What could not be written is not answered. */
static int finish(int code) {
  errno = 0;
  bool has_failed = fflush(stdout) != 0 || ferror(stdout) != 0;
  if (!has_failed || errno == EPIPE || !has_reader()) return code;
  fprintf(stderr, "fairlead: standard output could not be written%s%s\n", errno != 0 ? ": " : "",
          errno != 0 ? strerror(errno) : "");
  return code == FL_EXIT_OK ? FL_EXIT_FAILED : code;
}

static int run_command(const struct fl_command *command, int argc, char **argv) {
  struct fl_args args = {.command = command, .color = is_for_a_person()};
  int code = FL_EXIT_OK;
  return finish(fl_args_parse(&args, argc, argv, &code) ? command->run(&args) : code);
}

static int run_group(const char *group, int argc, char **argv) {
  if (argc < 2 || is_help(argv[1])) {
    fl_help_group(argc < 2 ? stderr : stdout, group);
    return argc < 2 ? FL_EXIT_USAGE : FL_EXIT_OK;
  }
  FL_FREE_AUTO char *name = fl_format("%s %s", group, argv[1]);
  const struct fl_command *command = find(name);
  return command != NULL ? run_command(command, argc - 1, argv + 1) : unknown_command(name, wants_json(argc, argv));
}

int fl_command_line(int argc, char **argv) {
  if (argc < 2 || is_help(argv[1])) {
    fl_help_print(argc < 2 ? stderr : stdout, NULL);
    return argc < 2 ? FL_EXIT_USAGE : FL_EXIT_OK;
  }
  const char *word = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
  if (is_group(word)) return run_group(word, argc - 1, argv + 1);
  const struct fl_command *command = find(word);
  return command != NULL ? run_command(command, argc - 1, argv + 1) : unknown_command(word, wants_json(argc, argv));
}

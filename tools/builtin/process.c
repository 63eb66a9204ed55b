/* SPDX-License-Identifier: MIT */
#include "tools/builtin/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  DEFAULT_TIMEOUT_MS = 30000,
  TIMEOUT_MS_MAX = 3600 * 1000,
  DEFAULT_OUTPUT_MAX = 64 * 1024,
  OUTPUT_MAX = 4 * 1024 * 1024,
};

/* ---- settings ---- */

struct limit {
  int64_t fallback, most;
};

static int read_number(const struct fl_value *entry, const char *key, struct limit limit, int64_t *ret,
                       struct fl_error *err) {
  const struct fl_value *value = fl_get(entry, key);
  *ret = value != NULL ? fl_as_int(value, -1) : limit.fallback;
  if (*ret >= 1 && *ret <= limit.most) return 0;
  return fl_error_set(err, FL_E_INVALID, "%s must be a number from 1 to %lld", key, (long long)limit.most);
}

static int read_words(const struct fl_value *list, struct fl_command_line *command, struct fl_error *err) {
  size_t count = fl_size(list);
  if (!fl_is(list, FL_ARRAY) || count == 0 || count > FL_COMMAND_WORDS_MAX)
    return fl_error_set(err, FL_E_INVALID, "\"%s\" needs a command: a list of 1 to %d words", command->name,
                        FL_COMMAND_WORDS_MAX);
  for (size_t i = 0; i < count; i++) {
    const char *word = fl_as_string(fl_at(list, i));
    if (word == NULL || (i == 0 && word[0] == '\0'))
      return fl_error_set(err, FL_E_INVALID, "\"%s\": the words of a command are texts", command->name);
    command->words[command->word_count++] = strdup(word);
  }
  return 0;
}

static int check_entry(const struct fl_member *member, struct fl_error *err) {
  static const char *const keys[] = {"command", "args", "description", "timeout_ms", "output_max", NULL};
  if (!fl_is(member->value, FL_OBJECT))
    return fl_error_set(err, FL_E_INVALID, "\"%s\" must be an object with a command", member->key);
  for (struct fl_member m = {0}; fl_next_member(member->value, &m);) {
    size_t i = 0;
    while (keys[i] != NULL && strcmp(keys[i], m.key) != 0) i++;
    if (keys[i] == NULL) return fl_error_set(err, FL_E_INVALID, "\"%s\" has no key \"%s\"", member->key, m.key);
  }
  const struct fl_value *args = fl_get(member->value, "args");
  if (args == NULL || fl_is(args, FL_OBJECT)) return 0;
  return fl_error_set(err, FL_E_INVALID, "\"%s\": args is a JSON Schema of the list of words that may follow",
                      member->key);
}

static int read_command(const struct fl_member *member, struct fl_commands *commands, struct fl_error *err) {
  if (commands->count == FL_COMMANDS_MAX)
    return fl_error_set(err, FL_E_LIMIT, "more than %d commands", FL_COMMANDS_MAX);
  int rc = check_entry(member, err);
  if (rc < 0) return rc;
  struct fl_command_line *command = &commands->items[commands->count++];
  command->name = strdup(member->key);
  rc = read_words(fl_get(member->value, "command"), command, err);
  const struct limit time = {DEFAULT_TIMEOUT_MS, TIMEOUT_MS_MAX}, output = {DEFAULT_OUTPUT_MAX, OUTPUT_MAX};
  int64_t timeout_ms = 0, output_max = 0;
  if (rc == 0) rc = read_number(member->value, "timeout_ms", time, &timeout_ms, err);
  if (rc == 0) rc = read_number(member->value, "output_max", output, &output_max, err);
  command->timeout_ms = (uint32_t)timeout_ms;
  command->output_max = (size_t)output_max;
  return rc;
}

/* ---- the schema ---- */

/* Words behind a command that has a schema for them: that schema, and that they are texts. */
static struct fl_value *words_schema(struct fl_value *own) {
  struct fl_value *schema = fl_object(), *word = fl_object(), *both = fl_array();
  fl_set_string(word, "type", "string");
  fl_set_string(schema, "type", "array");
  if (own == NULL) fl_set_int(schema, "maxItems", 0);
  else fl_set_int(schema, "maxItems", FL_COMMAND_WORDS_MAX);
  fl_set_take(schema, "items", word);
  if (own != NULL) fl_append_take(both, fl_value_ref(own));
  if (own != NULL) fl_set_take(schema, "allOf", both);
  else fl_value_unref(both);
  return schema;
}

/* {"if": {"properties": {"command": {"const": NAME}}}, "then": {"properties": {"args": …}}} */
static struct fl_value *rule_of(const char *name, struct fl_value *words) {
  struct fl_value *rule = fl_object(), *is = fl_object(), *command = fl_object(), *named = fl_object();
  struct fl_value *then = fl_object(), *args = fl_object();
  fl_set_string(named, "const", name);
  fl_set_take(command, "command", named);
  fl_set_take(is, "properties", command);
  fl_set_take(args, "args", words);
  fl_set_take(then, "properties", args);
  fl_set_take(rule, "if", is);
  fl_set_take(rule, "then", then);
  return rule;
}

static char *description_of(const struct fl_value *entries) {
  char *text = strdup("which command");
  for (struct fl_member m = {0}; fl_next_member(entries, &m);) {
    const char *about = fl_get_string(m.value, "description", NULL);
    if (about == NULL || text == NULL) continue;
    size_t size = strlen(text) + strlen(m.key) + strlen(about) + 5;
    char *more = malloc(size);
    if (more != NULL) snprintf(more, size, "%s; %s: %s", text, m.key, about);
    free(text);
    text = more;
  }
  return text;
}

static struct fl_value *properties_of(const struct fl_value *entries) {
  struct fl_value *properties = fl_object(), *command = fl_object(), *names = fl_array(), *args = fl_object();
  struct fl_value *word = fl_object();
  for (struct fl_member m = {0}; fl_next_member(entries, &m);) fl_append_take(names, fl_string(m.key));
  char *about = description_of(entries);
  fl_set_string(command, "type", "string");
  fl_set_take(command, "enum", names);
  fl_set_string(command, "description", about != NULL ? about : "");
  free(about);
  fl_set_string(word, "type", "string");
  fl_set_string(args, "type", "array");
  fl_set_take(args, "items", word);
  fl_set_string(args, "description", "words behind the command, where it takes some");
  fl_set_take(properties, "command", command);
  fl_set_take(properties, "args", args);
  return properties;
}

static char *make_schema(const struct fl_value *entries) {
  struct fl_value *schema = fl_object(), *rules = fl_array(), *required = fl_array();
  for (struct fl_member m = {0}; fl_next_member(entries, &m);)
    fl_append_take(rules, rule_of(m.key, words_schema(fl_get(m.value, "args"))));
  fl_append_take(required, fl_string("command"));
  fl_set_string(schema, "type", "object");
  fl_set_take(schema, "properties", properties_of(entries));
  fl_set_take(schema, "required", required);
  fl_set_take(schema, "allOf", rules);
  fl_set_bool(schema, "additionalProperties", false);
  char *dumped = fl_dump(schema, NULL), *text = dumped != NULL ? strdup(dumped) : NULL;
  fl_text_free(dumped);
  fl_value_unref(schema);
  return text;
}

int fl_commands_read(const struct fl_value *section, struct fl_commands *commands, char **ret_schema,
                     struct fl_error *err) {
  const struct fl_value *entries = fl_get(section, "commands");
  if (!fl_is(entries, FL_OBJECT) || fl_size(entries) == 0)
    return fl_error_set(err, FL_E_INVALID, "process needs commands: {\"NAME\": {\"command\": [\"PROGRAM\"]}}");
  int rc = 0;
  for (struct fl_member m = {0}; rc == 0 && fl_next_member(entries, &m);) rc = read_command(&m, commands, err);
  if (rc == 0) *ret_schema = make_schema(entries);
  return rc;
}

void fl_commands_deinit(struct fl_commands *commands) {
  free(commands->policy);
  for (size_t i = 0; commands->env != NULL && commands->env[i] != NULL; i++) free(commands->env[i]);
  free(commands->env);
  for (size_t i = 0; i < commands->count; i++) {
    free(commands->items[i].name);
    for (size_t j = 0; j < commands->items[i].word_count; j++) free(commands->items[i].words[j]);
  }
}

/* ---- the tool ---- */

static const struct fl_command_line *find(const struct fl_commands *commands, const char *name) {
  for (size_t i = 0; i < commands->count; i++)
    if (strcmp(commands->items[i].name, name) == 0) return &commands->items[i];
  return NULL;
}

static void set_output(struct fl_value *result, const char *key, const struct fl_process_output *output) {
  fl_set_take(result, key, fl_string_n(output->text != NULL ? output->text : "", output->size));
}

static int answer(struct fl_call *call, const struct fl_process_run *run) {
  struct fl_value *result = fl_object();
  if (run->term_signal != 0) fl_set_int(result, "signal", run->term_signal);
  else fl_set_int(result, "exit_status", run->exit_status);
  set_output(result, "stdout", &run->out);
  set_output(result, "stderr", &run->err);
  if (run->out.is_cut || run->err.is_cut) fl_set_bool(result, "is_cut", true);
  return fl_call_return_take(call, result);
}

static int tell_late(struct fl_call *call, const struct fl_command_line *command, const struct fl_process_run *run) {
  return fl_call_return_error(call, "%s was not done in %u ms and was ended. Its output until then:\n%.*s%.*s",
                              command->name, command->timeout_ms, (int)run->out.size,
                              run->out.text != NULL ? run->out.text : "", (int)run->err.size,
                              run->err.text != NULL ? run->err.text : "");
}

static int tell_limit(struct fl_call *call, const struct fl_command_line *command, const struct fl_process_run *run) {
  return fl_call_return_error(call,
                              "%s went over the limit \"%s\" of its sandbox and was ended. Its output until "
                              "then:\n%.*s%.*s",
                              command->name, run->limit, (int)run->out.size, run->out.text != NULL ? run->out.text : "",
                              (int)run->err.size, run->err.text != NULL ? run->err.text : "");
}

int fl_process_tool(struct fl_call *call, const struct fl_value *args, void *user) {
  const struct fl_commands *commands = user;
  const struct fl_command_line *command = find(commands, fl_get_string(args, "command", ""));
  const struct fl_value *more = fl_get(args, "args");
  if (command == NULL || fl_size(more) > FL_COMMAND_WORDS_MAX) return fl_call_return_error(call, "No such command");
  const char *argv[2 * FL_COMMAND_WORDS_MAX + 1] = {0};
  size_t count = 0;
  for (; count < command->word_count; count++) argv[count] = command->words[count];
  for (size_t i = 0; i < fl_size(more); i++) argv[count++] = fl_as_string(fl_at(more, i));
  struct fl_process_run run = {
      .argv = argv, .timeout_ms = command->timeout_ms, .output_max = command->output_max, .call = call};
  run.policy = commands->policy;
  run.env = (const char *const *)commands->env;
  run.secrets = commands->secrets;
  run.secret_count = commands->secret_count;
  if (!commands->host->run(&run)) fl_call_return_error(call, "%s: %s", command->name, run.error);
  else if (run.limit[0] != '\0') tell_limit(call, command, &run);
  else if (run.is_late) tell_late(call, command, &run);
  else answer(call, &run);
  free(run.out.text);
  free(run.err.text);
  return 0;
}

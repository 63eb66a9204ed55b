/* SPDX-License-Identifier: MIT */
/* The section `builtin`: which of the tools that ship are switched on, and what they may reach. Their folders and files
 * are opened later, by whoever runs the graph; here the keys and types are checked. */
#include "graph/file_loader.h"

static const char *const builtin_keys[] = {"files", "sqlite", "fetch", "ping", "process", NULL};
static const char *const files_keys[] = {"roots", "read_max", "write_max", NULL};
static const char *const sqlite_keys[] = {"databases", "rows_max", "bytes_max", NULL};
static const char *const fetch_keys[] = {"hosts", "private", "body_max", NULL};
static const char *const ping_keys[] = {"hosts", "private", NULL};
static const char *const process_keys[] = {"commands", NULL};
static const char *const command_keys[] = {"command", "args", "description", "timeout_ms", "output_max", NULL};
static const char *const place_keys[] = {"path", "write", NULL};

const struct fl_file_shape fl_shape_builtin = {"builtin", "the section builtin", builtin_keys, NULL};
const struct fl_file_shape fl_shape_builtin_files = {"builtin_files", "the built-in tools for files", files_keys, NULL};
const struct fl_file_shape fl_shape_builtin_sqlite = {"builtin_sqlite", "the built-in tools for SQLite", sqlite_keys,
                                                      NULL};
const struct fl_file_shape fl_shape_builtin_fetch = {"builtin_fetch", "the built-in tool fetch", fetch_keys, NULL};
const struct fl_file_shape fl_shape_builtin_ping = {"builtin_ping", "the built-in tool ping", ping_keys, NULL};
const struct fl_file_shape fl_shape_builtin_process = {"builtin_process", "the built-in tool process", process_keys,
                                                       NULL};
const struct fl_file_shape fl_shape_builtin_command = {"builtin_command", "a command", command_keys, NULL};
const struct fl_file_shape fl_shape_builtin_place = {"builtin_place", "a root or database", place_keys, NULL};

static void check_type(const struct fl_spot *spot, const char *key, enum fl_type type) {
  struct fl_spot member = fl_spot_member(spot, key);
  if (member.value != NULL) fl_spot_is(&member, type);
}

/* {"NAME": "PATH" or {"path", "write"}}, at least one */
static void check_places(const struct fl_spot *spot, const char *key) {
  struct fl_spot places = fl_spot_member(spot, key);
  if (places.value == NULL || (fl_spot_is(&places, FL_OBJECT) && fl_size(places.value) == 0))
    fl_spot_key_error(spot, NULL, "\"%s\" is missing: {\"NAME\": \"PATH\"}", key);
  for (struct fl_member m = {0}; fl_next_member(places.value, &m);) {
    struct fl_spot place = fl_spot_member(&places, m.key);
    if (fl_is(place.value, FL_STRING)) continue;
    if (!fl_spot_is(&place, FL_OBJECT)) continue;
    fl_spot_check_keys(&place, &fl_shape_builtin_place);
    fl_spot_text(&place, "path", true);
    check_type(&place, "write", FL_BOOL);
  }
}

static void check_hosts(const struct fl_spot *spot) {
  struct fl_spot hosts = fl_spot_member(spot, "hosts");
  if (hosts.value == NULL) fl_spot_key_error(spot, NULL, "\"hosts\" is missing; [\"*\"] allows any");
  else if (fl_spot_is(&hosts, FL_ARRAY))
    for (size_t i = 0; i < fl_size(hosts.value); i++) {
      struct fl_spot host = fl_spot_element(&hosts, i);
      if (fl_spot_is(&host, FL_STRING) && strpbrk(fl_as_string(host.value), "/:@ ") != NULL)
        fl_spot_error(&host, NULL, "a host is a name, *.name, or an address");
    }
  check_type(spot, "private", FL_BOOL);
}

/* {"NAME": {"command": [WORD…], …}}, at least one */
static void check_commands(const struct fl_spot *spot) {
  struct fl_spot commands = fl_spot_member(spot, "commands");
  if (commands.value == NULL || (fl_spot_is(&commands, FL_OBJECT) && fl_size(commands.value) == 0))
    fl_spot_key_error(spot, NULL, "\"commands\" is missing: {\"NAME\": {\"command\": [\"PROGRAM\"]}}");
  for (struct fl_member m = {0}; fl_next_member(commands.value, &m);) {
    struct fl_spot entry = fl_spot_member(&commands, m.key);
    if (!fl_spot_is(&entry, FL_OBJECT)) continue;
    fl_spot_check_keys(&entry, &fl_shape_builtin_command);
    struct fl_spot command = fl_spot_member(&entry, "command");
    if (command.value == NULL || (fl_spot_is(&command, FL_ARRAY) && fl_size(command.value) == 0))
      fl_spot_key_error(&entry, NULL, "\"command\" is missing: a list of words, the program first");
    for (size_t i = 0; i < fl_size(command.value); i++) {
      struct fl_spot word = fl_spot_element(&command, i);
      fl_spot_is(&word, FL_STRING);
    }
    check_type(&entry, "args", FL_OBJECT);
    check_type(&entry, "timeout_ms", FL_INT);
    check_type(&entry, "output_max", FL_INT);
  }
}

static void check_tool(const struct fl_spot *section, const char *name) {
  static const struct {
    const char *name;
    const struct fl_file_shape *shape;
    const char *places; /* NULL: it has hosts or commands */
  } tools[] = {{"files", &fl_shape_builtin_files, "roots"},
               {"sqlite", &fl_shape_builtin_sqlite, "databases"},
               {"fetch", &fl_shape_builtin_fetch, NULL},
               {"ping", &fl_shape_builtin_ping, NULL},
               {"process", &fl_shape_builtin_process, NULL}};
  struct fl_spot spot = fl_spot_member(section, name);
  if (spot.value == NULL || !fl_spot_is(&spot, FL_OBJECT)) return;
  for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
    if (strcmp(tools[i].name, name) != 0) continue;
    fl_spot_check_keys(&spot, tools[i].shape);
    if (tools[i].places != NULL) check_places(&spot, tools[i].places);
    else if (strcmp(name, "process") == 0) check_commands(&spot);
    else check_hosts(&spot);
  }
  static const char *const sizes[] = {"read_max", "write_max", "rows_max", "bytes_max", "body_max"};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) check_type(&spot, sizes[i], FL_INT);
}

struct fl_value *fl_file_load_builtin(struct fl_loader *loader) {
  struct fl_spot section = fl_spot_member(fl_loader_root(loader), "builtin");
  if (section.value == NULL || !fl_spot_is(&section, FL_OBJECT)) return NULL;
  fl_spot_check_keys(&section, &fl_shape_builtin);
  for (size_t i = 0; builtin_keys[i] != NULL; i++) check_tool(&section, builtin_keys[i]);
  return fl_value_ref(section.value);
}

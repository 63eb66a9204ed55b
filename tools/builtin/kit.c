/* SPDX-License-Identifier: MIT */
#include "tools/builtin/kit.h"

#include "tools/builtin/builtin.h"
#include "tools/builtin/database.h"
#include "tools/builtin/files.h"
#include "tools/builtin/process.h"
#include "tools/builtin/reach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TOOLS_MAX = 16, SCHEMA_MAX = 4096 };

struct fl_builtin_kit {
  struct fl_files files;
  struct fl_databases databases;
  struct fl_reach fetch, ping;
  struct fl_commands commands;
  struct fl_tool tools[TOOLS_MAX];
  char *schemas[TOOLS_MAX]; /* those that were made for this kit */
  size_t tool_count;
  const char *folder;
};

/* ---- settings ---- */

static int check_keys(const struct fl_value *object, const char *where, const char *const *keys, struct fl_error *err) {
  if (!fl_is(object, FL_OBJECT)) return fl_error_set(err, FL_E_INVALID, "%s must be an object", where);
  for (struct fl_member m = {0}; fl_next_member(object, &m);) {
    size_t i = 0;
    while (keys[i] != NULL && strcmp(keys[i], m.key) != 0) i++;
    if (keys[i] == NULL) return fl_error_set(err, FL_E_INVALID, "%s has no key \"%s\"", where, m.key);
  }
  return 0;
}

/* 0: it is not one, and `err` says so. */
static size_t read_size(const struct fl_value *object, const char *key, int64_t fallback, int64_t most,
                        struct fl_error *err) {
  int64_t size = fl_get(object, key) != NULL ? fl_as_int(fl_get(object, key), -1) : fallback;
  if (size >= 1 && size <= most) return (size_t)size;
  fl_error_set(err, FL_E_INVALID, "%s must be a number from 1 to %lld", key, (long long)most);
  return 0;
}

static char *path_of(const struct fl_builtin_kit *kit, const char *path) {
  char *whole = NULL;
  if (path[0] == '/' || kit->folder == NULL) return strdup(path);
  return asprintf(&whole, "%s/%s", kit->folder, path) >= 0 ? whole : NULL;
}

/* "path" or {"path", "write"} */
static int read_place(const struct fl_builtin_kit *kit, const struct fl_member *member, char **ret_path,
                      bool *ret_may_write, struct fl_error *err) {
  static const char *const keys[] = {"path", "write", NULL};
  const char *path = fl_as_string(member->value);
  *ret_may_write = false;
  if (path == NULL) {
    if (check_keys(member->value, member->key, keys, err) < 0) return FL_E_INVALID;
    path = fl_get_string(member->value, "path", NULL);
    *ret_may_write = fl_get_bool(member->value, "write", false);
  }
  if (path == NULL || path[0] == '\0') return fl_error_set(err, FL_E_INVALID, "\"%s\" needs a path", member->key);
  *ret_path = path_of(kit, path);
  return *ret_path != NULL ? 0 : fl_error_set(err, FL_E_INVALID, "there is no memory for a path");
}

static int add_root(struct fl_builtin_kit *kit, const struct fl_member *member, struct fl_error *err) {
  struct fl_files_root *root = &kit->files.roots[kit->files.count];
  if (kit->files.count == FL_FILES_ROOTS_MAX)
    return fl_error_set(err, FL_E_LIMIT, "more than %d roots", FL_FILES_ROOTS_MAX);
  char *path = NULL;
  int rc = read_place(kit, member, &path, &root->may_write, err);
  if (rc < 0) return rc;
  root->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root->fd < 0)
    rc = fl_error_set(err, errno == ENOENT ? FL_E_NOT_FOUND : FL_E_IO, "the root \"%s\": cannot open the folder %s: %s",
                      member->key, path, strerror(errno));
  free(path);
  if (rc < 0) return rc;
  root->name = strdup(member->key);
  kit->files.count++;
  return 0;
}

static int add_database(struct fl_builtin_kit *kit, const struct fl_member *member, struct fl_error *err) {
  struct fl_database *database = &kit->databases.items[kit->databases.count];
  if (kit->databases.count == FL_DATABASES_MAX)
    return fl_error_set(err, FL_E_LIMIT, "more than %d databases", FL_DATABASES_MAX);
  int rc = read_place(kit, member, &database->path, &database->may_write, err);
  if (rc < 0) return rc;
  database->name = strdup(member->key);
  kit->databases.count++;
  if (access(database->path, R_OK) == 0) return 0;
  return fl_error_set(err, errno == ENOENT ? FL_E_NOT_FOUND : FL_E_IO, "the database \"%s\": cannot read %s: %s",
                      member->key, database->path, strerror(errno));
}

static int read_hosts(const struct fl_value *section, const char *what, struct fl_reach *reach, struct fl_error *err) {
  const struct fl_value *hosts = fl_get(section, "hosts");
  reach->may_be_private = fl_get_bool(section, "private", false);
  if (!fl_is(hosts, FL_ARRAY) || fl_size(hosts) == 0)
    return fl_error_set(err, FL_E_INVALID, "%s needs a list of hosts; [\"*\"] allows any", what);
  for (size_t i = 0; i < fl_size(hosts); i++) {
    const char *host = fl_as_string(fl_at(hosts, i));
    if (i == FL_REACH_HOSTS_MAX) return fl_error_set(err, FL_E_LIMIT, "more than %d hosts", FL_REACH_HOSTS_MAX);
    if (host == NULL || host[0] == '\0' || strpbrk(host, "/:@ ") != NULL)
      return fl_error_set(err, FL_E_INVALID, "%s: a host is a name, *.name, or an address", what);
    reach->hosts[reach->count++] = strdup(host);
  }
  return 0;
}

/* ---- tools ---- */

static void add_tool(struct fl_builtin_kit *kit, const struct fl_tool *tool, void *user) {
  kit->tools[kit->tool_count] = *tool;
  kit->tools[kit->tool_count].size = sizeof *tool;
  if (user != NULL) kit->tools[kit->tool_count].user = user;
  kit->tool_count++;
}

/* An object schema with, in front, the name of a root or database: one of those there are. */
struct schema {
  const char *key, *about; /* "root" */
  const char *names[FL_FILES_ROOTS_MAX];
  size_t count;
  bool is_needed; /* it cannot be left out */
};

static struct fl_value *names_property(const struct schema *schema) {
  struct fl_value *property = fl_object(), *names = fl_array();
  for (size_t i = 0; i < schema->count; i++) fl_append_take(names, fl_string(schema->names[i]));
  fl_set_string(property, "type", "string");
  fl_set_take(property, "enum", names);
  fl_set_string(property, "description", schema->about);
  return property;
}

/* `required` and `properties` are JSON texts of ours. */
static char *make_schema(const struct schema *schema, const char *required, const char *properties) {
  struct fl_value *object = fl_object(), *all = fl_object(), *more = NULL, *needed = NULL;
  fl_set_take(all, schema->key, names_property(schema));
  if (fl_parse(properties, strlen(properties), &more, NULL) == 0)
    for (struct fl_member m = {0}; fl_next_member(more, &m);) fl_set_take(all, m.key, fl_value_ref(m.value));
  fl_set_string(object, "type", "object");
  fl_set_take(object, "properties", all);
  if (fl_parse(required, strlen(required), &needed, NULL) == 0) {
    struct fl_value *list = fl_copy_shallow(needed);
    if (schema->is_needed) fl_append_take(list, fl_string(schema->key));
    fl_set_take(object, "required", list);
  }
  fl_set_bool(object, "additionalProperties", false);
  char *dumped = fl_dump(object, NULL), *text = dumped != NULL ? strdup(dumped) : NULL;
  fl_text_free(dumped);
  fl_value_unref(object);
  fl_value_unref(more);
  fl_value_unref(needed);
  return text;
}

struct offer {
  struct fl_tool tool;
  const char *required, *properties;
};

static void add_offers(struct fl_builtin_kit *kit, const struct schema *schema, const struct offer *offers,
                       size_t count, void *user) {
  for (size_t i = 0; i < count; i++) {
    struct fl_tool tool = offers[i].tool;
    char *text = make_schema(schema, offers[i].required, offers[i].properties);
    kit->schemas[kit->tool_count] = text;
    tool.input_schema = text;
    add_tool(kit, &tool, user);
  }
}

#define PATH(DESCRIPTION) "\"path\":{\"type\":\"string\",\"maxLength\":4000,\"description\":\"" DESCRIPTION "\"}"
#define READS (FL_TOOL_PARALLEL | FL_TOOL_READ_ONLY)

static const struct offer file_readers[] = {
    {{.name = "list_files",
      .description = "Lists what stands in a folder: paths, types, sizes, times of change (Unix).",
      .flags = READS,
      .run = fl_files_list_tool},
     "[]",
     "{" PATH(
         "the folder below its root; the root itself when left out") ",\"depth\":{\"type\":\"integer\","
                                                                     "\"minimum\":1,\"maximum\":32,\"description\":"
                                                                     "\"how many levels deep; 1 when left out\"}}"},
    {{.name = "read_file",
      .description = "Reads a text file, or a part of a long one: then it says from which offset to go on.",
      .flags = READS,
      .run = fl_files_read_tool},
     "[\"path\"]",
     "{" PATH("the file below its root") ",\"offset\":{\"type\":\"integer\",\"minimum\":0,\"description\":\"the first "
                                         "byte\"},\"limit\":{\"type\":\"integer\",\"minimum\":1,\"description\":\"at "
                                         "most so many bytes\"}}"},
    {{.name = "find_files",
      .description = "Finds files by name (* and ? as wildcards), lines of text files by a text in them, or both.",
      .flags = READS,
      .run = fl_files_find_tool},
     "[]",
     "{" PATH("the folder to begin in; the root itself when left out") ",\"name\":{\"type\":\"string\",\"maxLength\":"
                                                                       "255,\"description\":\"such as "
                                                                       "*.md\"},\"text\":{\"type\":\"string\","
                                                                       "\"maxLength\":1000,\"description\":\"an "
                                                                       "exact text in a line\"}}"},
};

static const struct offer file_writers[] = {
    {{.name = "write_file",
      .description = "Writes a text file, whole or not at all; folders that are missing are made.",
      .flags = FL_TOOL_DESTRUCTIVE,
      .run = fl_files_write_tool},
     "[\"path\",\"text\"]",
     "{" PATH(
         "the file below its root") ",\"text\":{\"type\":\"string\"},\"mode\":{\"enum\":[\"create\",\"replace\","
                                    "\"append\"],\"description\":\"create: it must not be there (the default)\"}}"},
    {{.name = "edit_file",
      .description = "Replaces an exact text in a text file; it must stand there once, unless all is true.",
      .flags = FL_TOOL_DESTRUCTIVE,
      .run = fl_files_edit_tool},
     "[\"path\",\"old\",\"new\"]",
     "{" PATH("the file below its root") ",\"old\":{\"type\":\"string\",\"minLength\":1},\"new\":{\"type\":\"string\"},"
                                         "\"all\":{\"type\":\"boolean\"}}"},
    {{.name = "delete_file",
      .description = "Deletes a file.",
      .flags = FL_TOOL_DESTRUCTIVE,
      .run = fl_files_delete_tool},
     "[\"path\"]",
     "{" PATH("the file below its root") "}"},
};

static int add_files(struct fl_builtin_kit *kit, const struct fl_value *section, struct fl_error *err) {
  static const char *const keys[] = {"roots", "read_max", "write_max", NULL};
  enum { DEFAULT_MAX = 256 * 1024, MOST = 16 * 1024 * 1024 };
  int rc = check_keys(section, "files", keys, err);
  if (rc < 0) return rc;
  kit->files.read_max = read_size(section, "read_max", DEFAULT_MAX, MOST, err);
  if (kit->files.read_max > 0) kit->files.write_max = read_size(section, "write_max", DEFAULT_MAX * 4, MOST, err);
  if (kit->files.read_max == 0 || kit->files.write_max == 0) return FL_E_INVALID;
  for (struct fl_member m = {0}; rc == 0 && fl_next_member(fl_get(section, "roots"), &m);) rc = add_root(kit, &m, err);
  if (rc < 0) return rc;
  if (kit->files.count == 0) return fl_error_set(err, FL_E_INVALID, "files needs roots: {\"NAME\": \"FOLDER\"}");
  struct schema all = {.key = "root", .about = "the root that the path is below", .is_needed = kit->files.count > 1};
  struct schema writable = all;
  for (size_t i = 0; i < kit->files.count; i++) {
    all.names[all.count++] = kit->files.roots[i].name;
    if (kit->files.roots[i].may_write) writable.names[writable.count++] = kit->files.roots[i].name;
  }
  add_offers(kit, &all, file_readers, sizeof file_readers / sizeof *file_readers, &kit->files);
  if (writable.count == 0) return 0;
  add_offers(kit, &writable, file_writers, sizeof file_writers / sizeof *file_writers, &kit->files);
  return 0;
}

static const struct offer database_tools[] = {
    {{.name = "describe_database",
      .description = "Lists the tables, views and indexes of an SQLite database, with the statements that made them.",
      .flags = READS,
      .run = fl_database_describe_tool},
     "[]",
     "{}"},
    {{.name = "query_database",
      .description = "Runs one SQL statement on an SQLite database. Values go into params, not into the text.",
      .flags = FL_TOOL_PARALLEL,
      .run = fl_database_query_tool},
     "[\"sql\"]",
     "{\"sql\":{\"type\":\"string\",\"maxLength\":65536},\"params\":{\"type\":[\"array\",\"object\"],\"description\":"
     "\"values for ? in order, or for :name\"},\"max_rows\":{\"type\":\"integer\",\"minimum\":1}}"},
};

static int add_databases(struct fl_builtin_kit *kit, const struct fl_value *section, struct fl_error *err) {
  static const char *const keys[] = {"databases", "rows_max", "bytes_max", NULL};
  int rc = check_keys(section, "sqlite", keys, err);
  if (rc < 0) return rc;
  size_t rows_max = read_size(section, "rows_max", 1000, 100000, err);
  if (rows_max > 0) kit->databases.bytes_max = read_size(section, "bytes_max", 256 * 1024, 16 * 1024 * 1024, err);
  if (rows_max == 0 || kit->databases.bytes_max == 0) return FL_E_INVALID;
  const struct fl_value *databases = fl_get(section, "databases");
  for (struct fl_member m = {0}; rc == 0 && fl_next_member(databases, &m);) rc = add_database(kit, &m, err);
  if (rc < 0) return rc;
  if (kit->databases.count == 0) return fl_error_set(err, FL_E_INVALID, "sqlite needs databases: {\"NAME\": \"FILE\"}");
  kit->databases.rows_max = (int64_t)rows_max;
  struct schema schema = {.key = "database", .about = "its name", .is_needed = kit->databases.count > 1};
  struct offer offers[2] = {database_tools[0], database_tools[1]};
  bool may_write = false;
  for (size_t i = 0; i < kit->databases.count; i++) {
    schema.names[schema.count++] = kit->databases.items[i].name;
    may_write = may_write || kit->databases.items[i].may_write;
  }
  offers[1].tool.flags |= may_write ? FL_TOOL_DESTRUCTIVE : FL_TOOL_READ_ONLY;
  add_offers(kit, &schema, offers, 2, &kit->databases);
  return 0;
}

static const struct fl_tool fetch_tool = {
    .name = "fetch",
    .description = "Gets a page or document by its URL, as text.",
    .input_schema = "{\"type\":\"object\",\"properties\":{\"url\":{\"type\":\"string\",\"maxLength\":8192},"
                    "\"timeout_ms\":{\"type\":\"integer\",\"minimum\":100,\"maximum\":300000}},\"required\":[\"url\"],"
                    "\"additionalProperties\":false}",
    .flags = READS | FL_TOOL_OPEN_WORLD,
    .run = fl_reach_fetch_tool};

static const struct fl_tool ping_tool = {
    .name = "ping",
    .description = "Tells how long a host takes to answer, in milliseconds.",
    .input_schema = "{\"type\":\"object\",\"properties\":{\"host\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":"
                    "255},\"count\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10},\"timeout_ms\":{\"type\":"
                    "\"integer\",\"minimum\":1,\"maximum\":30000},\"port\":{\"type\":\"integer\",\"minimum\":1,"
                    "\"maximum\":65535,\"description\":\"to connect to where no echo request may be sent; 443 when "
                    "left out\"}},\"required\":[\"host\"],\"additionalProperties\":false}",
    .flags = READS | FL_TOOL_OPEN_WORLD,
    .run = fl_reach_ping_tool};

static int add_fetch(struct fl_builtin_kit *kit, const struct fl_value *section, struct fl_error *err) {
  static const char *const keys[] = {"hosts", "private", "body_max", NULL};
  int rc = check_keys(section, "fetch", keys, err);
  if (rc < 0) return rc;
  kit->fetch.body_max = read_size(section, "body_max", 1024 * 1024, 16 * 1024 * 1024, err);
  if (kit->fetch.body_max == 0) return FL_E_INVALID;
  if (rc == 0) rc = read_hosts(section, "fetch", &kit->fetch, err);
  if (rc == 0) add_tool(kit, &fetch_tool, &kit->fetch);
  return rc;
}

static int add_ping(struct fl_builtin_kit *kit, const struct fl_value *section, struct fl_error *err) {
  static const char *const keys[] = {"hosts", "private", NULL};
  int rc = check_keys(section, "ping", keys, err);
  if (rc == 0) rc = read_hosts(section, "ping", &kit->ping, err);
  if (rc == 0) add_tool(kit, &ping_tool, &kit->ping);
  return rc;
}

static const struct fl_tool process_tool = {
    .name = "process",
    .description = "Runs one of this machine's commands that are allowed, and tells its exit status and output.",
    .flags = FL_TOOL_PARALLEL | FL_TOOL_DESTRUCTIVE | FL_TOOL_OPEN_WORLD,
    .run = fl_process_tool};

static int add_process(struct fl_builtin_kit *kit, const struct fl_value *section, struct fl_error *err) {
  static const char *const keys[] = {"commands", NULL};
  char *schema = NULL;
  int rc = check_keys(section, "process", keys, err);
  if (rc == 0) rc = fl_commands_read(section, &kit->commands, &schema, err);
  if (rc < 0) return rc;
  struct fl_tool tool = process_tool;
  tool.input_schema = kit->schemas[kit->tool_count] = schema;
  add_tool(kit, &tool, &kit->commands);
  return 0;
}

/* ---- the kit ---- */

static int read_settings(struct fl_builtin_kit *kit, const struct fl_builtin_kit_options *options,
                         struct fl_error *err) {
  static const char *const keys[] = {"files", "sqlite", "fetch", "ping", "process", NULL};
  static int (*const readers[])(struct fl_builtin_kit *, const struct fl_value *, struct fl_error *) = {
      add_files, add_databases, add_fetch, add_ping, add_process};
  if (options->settings == NULL) return 0;
  int rc = check_keys(options->settings, "builtin", keys, err);
  for (size_t i = 0; rc == 0 && keys[i] != NULL; i++) {
    const struct fl_value *section = fl_get(options->settings, keys[i]);
    if (section == NULL) continue;
    bool needs_host = readers[i] != add_files && readers[i] != add_databases;
    if (needs_host && options->host == NULL)
      return fl_error_set(err, FL_E_UNSUPPORTED, "this program lends its tools neither network nor processes");
    rc = readers[i](kit, section, err);
  }
  return rc;
}

static void confine_commands(struct fl_commands *commands, const struct fl_builtin_kit_options *options) {
  size_t count = 0;
  if (options->policy == NULL) return;
  commands->policy = strdup(options->policy);
  commands->secrets = options->secrets;
  commands->secret_count = options->secret_count;
  while (options->env != NULL && options->env[count] != NULL) count++;
  commands->env = calloc(count + 1, sizeof *commands->env);
  for (size_t i = 0; commands->env != NULL && i < count; i++) commands->env[i] = strdup(options->env[i]);
}

int fl_builtin_kit_create(const struct fl_builtin_kit_options *options, struct fl_builtin_kit **ret_kit,
                          struct fl_error *err) {
  struct fl_builtin_kit *kit = calloc(1, sizeof *kit);
  if (kit == NULL) return fl_error_set(err, FL_E_LIMIT, "there is no memory for the built-in tools");
  kit->folder = options->folder;
  kit->fetch.host = kit->ping.host = kit->commands.host = options->host;
  confine_commands(&kit->commands, options);
  for (size_t i = 0; i < fl_builtin_tool_count; i++) add_tool(kit, &fl_builtin_tools[i], NULL);
  int rc = read_settings(kit, options, err);
  kit->folder = NULL;
  if (rc < 0) fl_builtin_kit_destroy(kit);
  else *ret_kit = kit;
  return rc;
}

void fl_builtin_kit_destroy(struct fl_builtin_kit *kit) {
  if (kit == NULL) return;
  for (size_t i = 0; i < kit->files.count; i++) {
    close(kit->files.roots[i].fd);
    free(kit->files.roots[i].name);
  }
  for (size_t i = 0; i < FL_DATABASES_MAX; i++) {
    free(kit->databases.items[i].name);
    free(kit->databases.items[i].path);
  }
  for (size_t i = 0; i < kit->fetch.count; i++) free(kit->fetch.hosts[i]);
  for (size_t i = 0; i < kit->ping.count; i++) free(kit->ping.hosts[i]);
  fl_commands_deinit(&kit->commands);
  for (size_t i = 0; i < TOOLS_MAX; i++) free(kit->schemas[i]);
  free(kit);
}

const struct fl_tool *fl_builtin_kit_tools(const struct fl_builtin_kit *kit, size_t *ret_count) {
  *ret_count = kit->tool_count;
  return kit->tools;
}

/* SPDX-License-Identifier: MIT */
#include "runtime/api/pin.h"

#include "mcp/client_source.h"
#include "runtime/api/grant.h"
#include "runtime/base/id.h"
#include "runtime/base/mem.h"
#include "runtime/base/sha256.h"
#include "runtime/engine/pins.h"
#include "runtime/io/locate.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- how it is started or reached ---- */

/* As an entry of a graph file; NULL: nobody says. A new reference. */
static struct fl_value *entry_of(const struct fl_manifest *manifest, const struct fl_graph_file *graph,
                                 const char *server) {
  const struct fl_value *own = fl_manifest_server(manifest, server), *words = fl_get(own, "exec");
  const struct fl_value *declared = graph != NULL ? fl_get(graph->servers, server) : NULL;
  if (declared != NULL) return fl_value_ref((struct fl_value *)(uintptr_t)declared);
  if (words == NULL && fl_get(own, "url") == NULL) return NULL;
  struct fl_value *entry = fl_object();
  if (words == NULL) {
    fl_set_string(entry, "url", fl_get_string(own, "url", ""));
    return entry;
  }
  struct fl_value *args = fl_array();
  for (size_t i = 1; i < fl_size(words); i++) fl_append_take(args, fl_value_ref(fl_at(words, i)));
  fl_set_string(entry, "command", fl_as_string(fl_at(words, 0)));
  fl_set_take(entry, "args", args);
  return entry;
}

bool fl_pin_is_reachable(const struct fl_manifest *manifest, const struct fl_graph_file *graph, const char *server) {
  FL_VALUE_AUTO entry = entry_of(manifest, graph, server);
  return entry != NULL;
}

/* Of the file that the entry stands in; the caller frees it. */
static char *folder_of(const struct fl_manifest *manifest, const struct fl_graph_file *graph) {
  const char *file = fl_manifest_file(manifest), *slash = strrchr(file, '/');
  if (graph != NULL) return fl_strdup(graph->folder);
  return slash != NULL ? fl_strndup(file, (size_t)(slash - file)) : fl_strdup("");
}

/* ---- which program it is ---- */

/* "": a script, which its interpreter opens by itself, so that no hash of it holds: the interpreter can be pinned, with
 * the script behind it in `exec`. */
static int hash_file(const char *path, char ret_hex[65], struct fl_error *err) {
  uint8_t hash[FL_SHA256_SIZE];
  struct stat info;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fl_error_set(err, FL_E_IO, "cannot read %s: %s", path, strerror(errno));
  void *bytes = fstat(fd, &info) == 0 && info.st_size > 0
                    ? mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
                    : MAP_FAILED;
  close(fd);
  if (bytes == MAP_FAILED) return fl_error_set(err, FL_E_IO, "cannot read %s: %s", path, strerror(errno));
  bool is_script = info.st_size > 1 && memcmp(bytes, "#!", 2) == 0;
  if (!is_script) fl_sha256(fl_slice_n(bytes, (size_t)info.st_size), hash);
  munmap(bytes, (size_t)info.st_size);
  if (!is_script) fl_hex(hash, sizeof hash, ret_hex);
  return 0;
}

/* The sandbox starts that program or nothing. */
static int pin_program(const struct fl_mcp_client_entry *entry, struct fl_grant *grant, char ret_hex[65],
                       struct fl_error *err) {
  FL_FREE_AUTO char *path = NULL;
  struct fl_mcp_client_options options;
  int rc = fl_mcp_client_read_entry(entry, &options, err);
  if (rc == 0) rc = fl_locate_path(options.argv[0], options.cwd, &path, err);
  fl_mcp_client_entry_deinit(&options);
  if (rc == 0) rc = hash_file(path, ret_hex, err);
  if (rc < 0 || ret_hex[0] == '\0') return rc;
  FL_BUF_AUTO policy = {0};
  for (const char *line = grant->policy, *end; *line != '\0'; line = end) {
    end = strchrnul(line, '\n');
    end += *end == '\n';
    if (strncmp(line, "sha256 ", 7) != 0) fl_buf_add(&policy, line, (size_t)(end - line));
  }
  fl_buf_addf(&policy, "sha256 %s\n", ret_hex);
  fl_free(grant->policy);
  grant->policy = fl_buf_take(&policy, NULL);
  return 0;
}

/* ---- what it says ---- */

struct looking {
  struct fl_registry_open open;
  struct fl_world *world;
  const char *server;
  struct fl_value *listing;
  bool is_over;
  int status;
  struct fl_error error;
};

static bool add_tool(const struct fl_registry_tool *tool, void *user) {
  struct looking *looking = user;
  if (strcmp(tool->server, looking->server) == 0) fl_append_take(looking->listing, fl_pins_definition(tool->info));
  return true;
}

static void on_ready(struct fl_registry_open *open, int status, const struct fl_error *err) {
  struct looking *looking = open->user;
  looking->is_over = true;
  looking->status = status;
  if (err != NULL) looking->error = *err;
  fl_world_stop(looking->world);
}

static int list_tools(struct fl_runtime *runtime, const char *server, struct fl_value *listing, struct fl_error *err) {
  const char *names[] = {server, NULL};
  struct looking looking = {.open = {.on_ready = on_ready, .names = names},
                            .world = fl_runtime_world(runtime),
                            .server = server,
                            .listing = listing};
  looking.open.user = &looking;
  fl_registry_open(fl_runtime_registry(runtime), &looking.open);
  while (!looking.is_over) fl_world_run(looking.world);
  if (looking.status < 0) return fl_error_set(err, looking.status, "%s", looking.error.text);
  fl_registry_visit(fl_runtime_registry(runtime), add_tool, &looking);
  return 0;
}

static int look(struct fl_runtime *runtime, const struct fl_mcp_client_entry *entry, struct fl_value *listing,
                struct fl_error *err) {
  struct fl_tool_source *source = NULL;
  int rc = fl_mcp_client_from_config(fl_runtime_world(runtime), entry, &source, err);
  if (rc == 0) rc = fl_registry_add_take(fl_runtime_registry(runtime), source, err);
  return rc == 0 ? list_tools(runtime, entry->name, listing, err) : rc;
}

/* What the manifest grants to it is what it gets, its secrets, too. */
static int look_granted(const struct fl_pin_place *place, struct fl_mcp_client_entry *entry, struct fl_pin_found *found,
                        struct fl_error *err) {
  const struct fl_loaded_graph loaded = {.manifest = place->manifest};
  struct fl_world *world = fl_runtime_world(place->runtime);
  __attribute__((cleanup(fl_grant_deinit))) struct fl_grant grant = {0};
  fl_grant_take_variables(world, &loaded);
  int rc = fl_grant_read(&loaded, entry->name, entry->value, &grant, err);
  if (rc == 0) rc = fl_grant_read_secrets(world, &loaded, entry->name, &grant, err);
  if (rc == 0 && grant.policy != NULL) rc = pin_program(entry, &grant, found->program, err);
  entry->policy = grant.policy;
  entry->allowed_env = (const char *const *)grant.env;
  entry->secrets = grant.secrets;
  entry->secret_count = grant.secret_count;
  entry->limits = grant.limits;
  if (rc == 0) rc = look(place->runtime, entry, found->listing, err);
  return rc == 0 ? fl_pin_hash(found->listing, found->pin, err) : rc;
}

int fl_pin_look(const struct fl_pin_place *place, const char *server, struct fl_pin_found *ret_found,
                struct fl_error *err) {
  FL_VALUE_AUTO value = entry_of(place->manifest, place->graph, server);
  FL_FREE_AUTO char *folder = folder_of(place->manifest, place->graph);
  struct fl_mcp_client_entry entry = {.name = server, .value = value, .folder = folder};
  struct fl_pin_found found = {.listing = fl_array()};
  int rc = 0;
  if (value == NULL)
    rc = fl_error_set(err, FL_E_NOT_FOUND,
                      "%s says neither \"exec\" nor \"url\" of the server %s: --graph FILE names the graph that does",
                      fl_manifest_file(place->manifest), server);
  if (rc == 0) rc = look_granted(place, &entry, &found, err);
  if (rc == 0) *ret_found = found;
  else fl_pin_found_deinit(&found);
  return rc;
}

void fl_pin_found_deinit(struct fl_pin_found *found) {
  fl_value_unref(found->listing);
  *found = (struct fl_pin_found){0};
}

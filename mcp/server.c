/* SPDX-License-Identifier: MIT */
#include "mcp/server.h"

#include "mcp/transport/stdio.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

struct fl_server *fl_server_create(const struct fl_server_options *options) {
  struct fl_server *server = fl_new(struct fl_server);
  server->identity.name = fl_strdup(options->name != NULL ? options->name : "fairlead");
  server->identity.version = fl_strdup(options->version != NULL ? options->version : "0");
  server->identity.title = fl_strdup(options->title);
  server->identity.instructions = fl_strdup(options->instructions);
  if (options->size >= sizeof *options) {
    server->identity.lists_change = options->lists_change;
    server->has_key = options->key != NULL;
    if (server->has_key) memcpy(server->key, options->key, sizeof server->key);
  }
  fl_tool_set_init(&server->tools);
  fl_server_offers_init(server);
  return server;
}

void fl_server_destroy(struct fl_server *server) {
  if (server == NULL) return;
  fl_free((void *)(uintptr_t)server->identity.name);
  fl_free((void *)(uintptr_t)server->identity.version);
  fl_free((void *)(uintptr_t)server->identity.title);
  fl_free((void *)(uintptr_t)server->identity.instructions);
  fl_tool_set_deinit(&server->tools);
  fl_server_offers_deinit(server);
  for (size_t i = 0; i < server->skill_count; i++) {
    fl_free(server->skills[i].uri);
    fl_value_unref(server->skills[i].entry);
    fl_value_unref(server->skills[i].directories);
  }
  fl_free(server->skills);
  fl_value_unref(server->restored);
  explicit_bzero(server->key, sizeof server->key);
  fl_free(server);
}

void fl_server_set_task_store(struct fl_server *server, const struct fl_task_store *store) { server->store = *store; }

void fl_server_restore_task(struct fl_server *server, const struct fl_value *record) {
  if (server->restored == NULL) server->restored = fl_array();
  fl_append_take(server->restored, fl_copy_shallow(record));
}

void fl_server_set_world(struct fl_server *server, struct fl_world *world) { server->world = world; }

int fl_server_run_stdio(struct fl_server *server) {
  struct fl_stdio stdio;
  struct fl_error err = {0};
  bool has_work = false;
  int status = fl_stdio_take(&stdio, &err);
  if (status == 0) {
    fl_mem_keep_freed();
    signal(SIGPIPE, SIG_IGN); /* a client that is gone is the end of the connection, not of the program */
    struct fl_world *world = server->world != NULL ? server->world : fl_world_uv_create(NULL);
    status = fl_server_serve(server, world, (int[]){stdio.in, stdio.out}, &has_work, &err);
    /* A handler that does not end cannot be waited for, and an ordinary exit would wait for its thread. */
    if (has_work) _exit(status == 0 ? 0 : 1);
    if (server->world == NULL) fl_world_destroy(world);
  }
  if (status < 0) fprintf(stderr, "%s: %s\n", server->identity.name, err.text);
  return status == 0 ? 0 : 1;
}

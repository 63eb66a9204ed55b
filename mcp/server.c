/* SPDX-License-Identifier: MIT */
#include "mcp/server.h"

#include "mcp/transport/stdio.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

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

/* ---- a whole program ---- */

struct program {
  const char *name, *version;
  const struct fl_tool *tools;
  size_t tool_count;
};

static void print_help(const struct program *program) {
  const char *name = program->name;
  printf("%s %s: tools for MCP clients, over standard input and output\n\n"
         "It is started by an MCP client, not by hand. In the client's configuration:\n"
         "  {\"mcpServers\": {\"%s\": {\"command\": \"/path/to/this/program\"}}}\n\nTools:\n",
         name, program->version, name);
  for (size_t i = 0; i < program->tool_count; i++) {
    size_t offset = i * program->tools[0].size;
    const struct fl_tool *tool = (const struct fl_tool *)(const void *)((const char *)program->tools + offset);
    printf("  %-20s %s\n", tool->name, tool->description != NULL ? tool->description : "");
  }
  printf("\nOptions:\n  --help     this text\n  --version  the version\n");
}

/* The exit code; negative: there was nothing to say, serve. */
static int take_options(int argc, char **argv, const struct program *program) {
  if (argc < 2) return -1;
  if (argc == 2 && strcmp(argv[1], "--help") == 0) {
    print_help(program);
    return 0;
  }
  if (argc == 2 && strcmp(argv[1], "--version") == 0) {
    printf("%s %s\n", program->name, program->version);
    return 0;
  }
  fprintf(stderr, "%s: unknown option \"%s\"; --help shows what there is\n", program->name, argv[1]);
  return EXIT_USAGE;
}

int fl_tools_main(int argc, char **argv, const char *name, const char *version, const struct fl_tool *tools,
                  size_t tool_count) {
  int code = take_options(argc, argv, &(struct program){name, version, tools, tool_count});
  if (code >= 0) return code;
  struct fl_error err;
  struct fl_server *server = fl_server_create(
      &(struct fl_server_options){.size = sizeof(struct fl_server_options), .name = name, .version = version});
  if (fl_tool_set_add_all(&server->tools, tools, tool_count, &err) < 0) {
    fprintf(stderr, "%s: %s\n", name, err.text);
    code = 1;
  } else code = fl_server_run_stdio(server);
  fl_server_destroy(server);
  return code;
}

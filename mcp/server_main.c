/* SPDX-License-Identifier: MIT */
/* A whole program around C functions: fl_tools_main. Its options are those of "fairlead mcp serve" of the same names.
 */
#include "mcp/serve.h"
#include "mcp/server.h"
#include "runtime/base/mem.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_USAGE = 2, REPEATED_MAX = 16 };
enum option { HTTP, PATH, PUBLIC, ALLOW_HOST, ALLOW_ORIGIN, TLS_CERT, TLS_KEY, HELP, VERSION, OPTION_COUNT };

static const struct {
  const char *name, *argument /* NULL: takes none */, *text;
} OPTIONS[OPTION_COUNT] = {
    [HTTP] = {"--http", "WHERE", "serve over HTTP instead, until SIGTERM: PORT, HOST:PORT, unix:PATH"},
    [PATH] = {"--path", "PATH", "the endpoint's path (default: /mcp)"},
    [PUBLIC] = {"--public", NULL, "other machines may reach it"},
    [ALLOW_HOST] = {"--allow-host", "NAME", "it also goes by this Host (may be repeated)"},
    [ALLOW_ORIGIN] = {"--allow-origin", "ORIGIN", "web pages of this origin may use it (may be repeated)"},
    [TLS_CERT] = {"--tls-cert", "FILE", "TLS with this chain of certificates (PEM; read again at SIGHUP)"},
    [TLS_KEY] = {"--tls-key", "FILE", "and its key"},
    [HELP] = {"--help", NULL, "this text"},
    [VERSION] = {"--version", NULL, "the version"},
};

struct given {
  const char *values[OPTION_COUNT][REPEATED_MAX + 1]; /* NULL-terminated; of one without an argument: "" */
  int counts[OPTION_COUNT];
};

struct program {
  const char *name, *version;
  const struct fl_tool *tools;
  size_t tool_count;
};

static void print_help(const struct program *program) {
  const char *name = program->name;
  printf("%s %s: tools for MCP clients, over standard input and output or HTTP\n\n"
         "Without options it is started by an MCP client, not by hand. In the client's configuration:\n"
         "  {\"mcpServers\": {\"%s\": {\"command\": \"/path/to/this/program\"}}}\n\nTools:\n",
         name, program->version, name);
  for (size_t i = 0; i < program->tool_count; i++) {
    size_t offset = i * program->tools[0].size;
    const struct fl_tool *tool = (const struct fl_tool *)(const void *)((const char *)program->tools + offset);
    printf("  %-20s %s\n", tool->name, tool->description != NULL ? tool->description : "");
  }
  printf("\nOptions:\n");
  for (int i = 0; i < OPTION_COUNT; i++) {
    FL_FREE_AUTO char *both =
        fl_format("%s %s", OPTIONS[i].name, OPTIONS[i].argument != NULL ? OPTIONS[i].argument : "");
    printf("  %-22s %s\n", both, OPTIONS[i].text);
  }
}

/* ---- options ---- */

static int usage(const struct program *program, const char *what, const char *which) {
  fprintf(stderr, "%s: %s \"%s\"; --help shows what there is\n", program->name, what, which);
  return EXIT_USAGE;
}

/* Which option it is, OPTION_COUNT for none; `--name=value` has its value in it. */
static enum option find(const char *word, const char **ret_value) {
  size_t size = strcspn(word, "=");
  *ret_value = word[size] == '=' ? word + size + 1 : NULL;
  for (int i = 0; i < OPTION_COUNT; i++)
    if (strlen(OPTIONS[i].name) == size && strncmp(OPTIONS[i].name, word, size) == 0) return (enum option)i;
  return OPTION_COUNT;
}

static int take_options(int argc, char **argv, const struct program *program, struct given *ret_given) {
  for (int i = 1; i < argc; i++) {
    const char *word = argv[i], *value;
    enum option option = find(word, &value);
    if (option == OPTION_COUNT) return usage(program, "unknown option", word);
    bool takes = OPTIONS[option].argument != NULL;
    if (takes && value == NULL) value = ++i < argc ? argv[i] : NULL;
    else if (!takes && value != NULL) return usage(program, "there is no value for", OPTIONS[option].name);
    if (takes && value == NULL) return usage(program, "a value is missing behind", word);
    bool repeats = option == ALLOW_HOST || option == ALLOW_ORIGIN;
    if (ret_given->counts[option] >= (repeats ? REPEATED_MAX : 1)) return usage(program, "too often:", word);
    ret_given->values[option][ret_given->counts[option]++] = takes ? value : "";
  }
  for (int i = PATH; i <= TLS_KEY && ret_given->counts[HTTP] == 0; i++)
    if (ret_given->counts[i] > 0) return usage(program, "only with --http:", OPTIONS[i].name);
  return 0;
}

/* ---- serving ---- */

static void on_ready(const char *url, void *user) { fprintf(stderr, "listening on %s\n", url); }

static int serve_http(const struct program *program, struct fl_server *server, const struct given *given) {
  const struct fl_http_serve options = {.size = sizeof options,
                                        .listen = given->values[HTTP][0],
                                        .path = given->values[PATH][0],
                                        .hosts = given->values[ALLOW_HOST],
                                        .origins = given->values[ALLOW_ORIGIN],
                                        .is_public = given->counts[PUBLIC] > 0,
                                        .certificate = given->values[TLS_CERT][0],
                                        .key = given->values[TLS_KEY][0],
                                        .on_ready = on_ready};
  struct fl_error err = {0};
  if (fl_server_run_http(server, &options, &err) == 0) return 0;
  fprintf(stderr, "%s: %s\n", program->name, err.text);
  return 1;
}

static int serve(const struct program *program, const struct given *given) {
  struct fl_error err;
  struct fl_server *server = fl_server_create(&(struct fl_server_options){
      .size = sizeof(struct fl_server_options), .name = program->name, .version = program->version});
  int code = 1;
  if (fl_tool_set_add_all(&server->tools, program->tools, program->tool_count, &err) < 0)
    fprintf(stderr, "%s: %s\n", program->name, err.text);
  else code = given->counts[HTTP] > 0 ? serve_http(program, server, given) : fl_server_run_stdio(server);
  fl_server_destroy(server);
  return code;
}

int fl_tools_main(int argc, char **argv, const char *name, const char *version, const struct fl_tool *tools,
                  size_t tool_count) {
  const struct program program = {name, version, tools, tool_count};
  struct given given = {0};
  int code = take_options(argc, argv, &program, &given);
  if (code != 0) return code;
  if (given.counts[HELP] > 0) print_help(&program);
  else if (given.counts[VERSION] > 0) printf("%s %s\n", name, version);
  else return serve(&program, &given);
  return 0;
}

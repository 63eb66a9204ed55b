/* SPDX-License-Identifier: MIT */
/* conformance-server --skills FOLDER [--port N]: over HTTP with a port, otherwise over standard input and output. */
#include "server.h"

#include <fairlead/serve.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *option(int argc, char **argv, const char *name) {
  for (int i = 1; i + 1 < argc; i++)
    if (strcmp(argv[i], name) == 0) return argv[i + 1];
  return NULL;
}

static int fill(struct fl_server *server, const char *skills, struct fl_error *err) {
  int status = fixture_add_contents(server, err);
  if (status == 0) status = fixture_add_asking(server, err);
  if (status == 0) status = fixture_add_tasks(server, err);
  if (status == 0) status = fixture_add_offers(server, err);
  return status == 0 && skills != NULL ? fl_server_add_skills(server, skills, err) : status;
}

static void say_ready(const char *url, void *user) { fprintf(stderr, "listening on %s\n", url); }

static int run_http(struct fl_server *server, const char *port, struct fl_error *err) {
  struct fl_http_serve options = {.size = sizeof options, .listen = port, .on_ready = say_ready};
  return fl_server_run_http(server, &options, err);
}

int main(int argc, char **argv) {
  struct fl_server_options options = {.size = sizeof options,
                                      .name = "fairlead-conformance",
                                      .version = "1.0",
                                      .title = "Conformance",
                                      .instructions = "Call what the scenario says.",
                                      .lists_change = true};
  struct fl_server *server = fl_server_create(&options);
  struct fl_error err = {0};
  int status = fill(server, option(argc, argv, "--skills"), &err);
  const char *port = option(argc, argv, "--port");
  int code = 0;
  if (status == 0 && port != NULL) status = run_http(server, port, &err);
  else if (status == 0) code = fl_server_run_stdio(server);
  if (status < 0) fprintf(stderr, "conformance-server: %s\n", err.text);
  if (status < 0) code = 1;
  fl_server_destroy(server);
  return code;
}

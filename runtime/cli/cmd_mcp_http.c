/* SPDX-License-Identifier: MIT */
/* fairlead mcp serve --http: the same tools, at a URL. */
#include "runtime/base/mem.h"
#include "runtime/cli/cli.h"

#include <fairlead/serve.h>
#include <stdio.h>

enum { REPEATED_MAX = 32 };

struct repeated {
  const char *items[REPEATED_MAX + 1]; /* NULL-terminated */
};

static const char *const *collect(const struct fl_args *args, const char *option, struct repeated *ret_all) {
  *ret_all = (struct repeated){0};
  const char *value;
  for (int i = 0; i < REPEATED_MAX && (value = fl_args_nth(args, option, i)) != NULL; i++) ret_all->items[i] = value;
  return ret_all->items[0] != NULL ? ret_all->items : NULL;
}

static void on_ready(const char *url, void *user) {
  const struct fl_args *args = user;
  if (!args->json) {
    fprintf(stderr, "listening on %s\n", url);
    return;
  }
  FL_VALUE_AUTO line = fl_object();
  fl_set_string(line, "url", url);
  fl_print_json(line);
  fflush(stdout);
}

static int check_options(const struct fl_args *args) {
  if (fl_args_has(args, "tls-cert") != fl_args_has(args, "tls-key"))
    return fl_usage(args, "--tls-cert and --tls-key belong together");
  if (fl_args_has(args, "auth-issuer") != fl_args_has(args, "auth-resource"))
    return fl_usage(args, "--auth-issuer and --auth-resource belong together");
  return 0;
}

int fl_serve_http(const struct fl_args *args, struct fl_server *server) {
  int code = check_options(args);
  if (code != 0) return code;
  struct repeated hosts, origins, scopes;
  const struct fl_http_auth auth = {.size = sizeof auth,
                                    .resource = fl_args_get(args, "auth-resource"),
                                    .issuer = fl_args_get(args, "auth-issuer"),
                                    .scopes = collect(args, "auth-scope", &scopes),
                                    .requires_dpop = fl_args_has(args, "auth-dpop")};
  const struct fl_http_serve options = {.size = sizeof options,
                                        .listen = fl_args_get(args, "http"),
                                        .path = fl_args_get(args, "path"),
                                        .hosts = collect(args, "allow-host", &hosts),
                                        .origins = collect(args, "allow-origin", &origins),
                                        .is_public = fl_args_has(args, "public"),
                                        .certificate = fl_args_get(args, "tls-cert"),
                                        .key = fl_args_get(args, "tls-key"),
                                        .auth = auth.issuer != NULL ? &auth : NULL,
                                        .log_path = fl_args_get(args, "session-log"),
                                        .on_ready = on_ready,
                                        .user = (void *)(uintptr_t)args};
  struct fl_error err = {0};
  return fl_server_run_http(server, &options, &err) < 0 ? fl_fail_error(args, &err) : FL_EXIT_OK;
}

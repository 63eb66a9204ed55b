/* SPDX-License-Identifier: MIT */
/* fairlead mcp login, logout, status: the tokens for MCP servers. Runs use what login has kept, and never ask anybody.
 */
#include "mcp/auth/auth.h"
#include "mcp/client_source.h"
#include "runtime/api/load.h"
#include "runtime/base/mem.h"
#include "runtime/cli/cli.h"

#include <string.h>
#include <time.h>

/* ---- login ---- */

struct login {
  const struct fl_args *args;
  struct fl_world *world;
  struct fl_mcp_auth *auth;
  struct fl_mcp_auth_request request;
  struct fl_http http; /* that finds out what the server says to those without a token */
  char *challenge;
  struct fl_error err;
  bool is_done, is_closed;
};

/* The entry of a graph file: its URL and its "auth"; both are the caller's. */
static int read_entry(const struct fl_args *args, const char *path, char **ret_url, struct fl_value **ret_config) {
  struct fl_diags diags = {0};
  struct fl_graph_file file = {0};
  const char *name = fl_args_get(args, "server"), *url = NULL;
  int code = fl_load_graph_file(path, &file, &diags) < 0 ? FL_EXIT_USAGE : 0;
  if (code != 0) fl_print_diags(args, &diags);
  else if (name == NULL) code = fl_usage(args, "say which server of %s: --server NAME", path);
  else if ((url = fl_get_string(fl_get(file.servers, name), "url", NULL)) == NULL)
    code = fl_usage(args, "%s has no server \"%s\" with a \"url\" in mcpServers", path, name);
  if (code == 0) {
    *ret_url = fl_strdup(url);
    *ret_config = fl_value_ref(fl_get(fl_get(file.servers, name), "auth"));
  }
  fl_graph_file_deinit(&file);
  fl_diags_deinit(&diags);
  return code;
}

static void visit(struct fl_mcp_auth *auth, const char *url, void *user) {
  struct login *login = user;
  struct fl_error err = {0};
  fprintf(stderr, "Open this page to agree:\n\n  %s\n\n", url);
  if (fl_args_has(login->args, "no-browser")) return;
  if (fl_mcp_auth_open_browser(url, &err) < 0) fprintf(stderr, "(no browser was opened: %s)\n", err.text);
}

static void on_verdict(struct fl_mcp_auth_request *request, enum fl_mcp_auth_verdict verdict,
                       const struct fl_error *err) {
  struct login *login = request->user;
  if (err != NULL) login->err = *err;
  login->is_done = true;
  fl_world_stop(login->world);
}

static void on_closed(void *user) {
  struct login *login = user;
  login->is_closed = true;
  fl_world_stop(login->world);
}

static void wait_for(struct login *login, const bool *flag) {
  while (!*flag) fl_world_run(login->world);
}

/* ---- first: what the server says to those without a token ---- */

static void on_knock_head(struct fl_http *http, int status) {
  struct login *login = http->user;
  if (status == 401) login->challenge = fl_strdup(fl_http_header(http, "WWW-Authenticate"));
}

static void on_knock_end(struct fl_http *http, int status, const struct fl_error *err) {
  struct login *login = http->user;
  if (status != 0) {
    login->err = *err;
    login->is_done = true;
    fl_world_stop(login->world);
  } else {
    fl_mcp_auth_login(login->auth, &login->request, login->challenge);
  }
}

static int knock(struct login *login, const char *url, struct fl_error *err) {
  static const char message[] =
      "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
      "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"fairlead\","
      "\"version\":\"" FL_VERSION "\"}}}";
  struct fl_http_options options = {
      .size = sizeof options,
      .trust = FL_TRUST_TOOL,
      .method = "POST",
      .url = url,
      .headers =
          (const char *const[]){"Content-Type: application/json", "Accept: application/json, text/event-stream", NULL},
      .body = FL_SLICE(message)};
  login->http = (struct fl_http){.on_headers = on_knock_head, .on_end = on_knock_end, .user = login};
  return fl_http_start(login->world, &login->http, &options, err);
}

static int run_login(struct login *login, const struct fl_mcp_auth_options *options) {
  struct fl_error err = {0};
  if (fl_mcp_auth_create(login->world, options, &login->auth, &err) < 0) return fl_fail_error(login->args, &err);
  login->request = (struct fl_mcp_auth_request){.method = "POST", .url = options->url, .on_verdict = on_verdict};
  login->request.user = login;
  login->is_done = knock(login, options->url, &login->err) < 0;
  wait_for(login, &login->is_done);
  fl_mcp_auth_close(login->auth, on_closed, login);
  wait_for(login, &login->is_closed);
  return login->err.code != 0 ? fl_fail_error(login->args, &login->err) : 0;
}

/* --scope and --client-id lie over the configuration. */
static struct fl_value *lay_over(const struct fl_args *args, struct fl_value *config) {
  static const char *const pairs[][2] = {{"scope", "scope"}, {"client-id", "client_id"}};
  struct fl_value *over = fl_is(config, FL_OBJECT) ? fl_copy_shallow(config) : fl_object();
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    const char *text = fl_args_get(args, pairs[i][0]);
    if (text != NULL) fl_set_string(over, pairs[i][1], text);
  }
  return over;
}

int fl_cmd_mcp_login(struct fl_args *args) {
  const char *graph = fl_args_get(args, "graph");
  if ((graph != NULL) == (args->count == 1) || args->count > 1)
    return fl_usage(args, "name the server: its URL, or --graph FILE --server NAME");
  FL_FREE_AUTO char *url = args->count == 1 ? fl_strdup(args->items[0]) : NULL;
  FL_VALUE_AUTO config = NULL;
  int code = graph != NULL ? read_entry(args, graph, &url, &config) : 0;
  if (code != 0) return code;
  FL_VALUE_AUTO whole = lay_over(args, config);
  FL_FREE_AUTO char *folder = fl_mcp_auth_default_folder();
  struct login login = {.args = args, .world = fl_world_uv_create(NULL)};
  struct fl_mcp_auth_options options = {.size = sizeof options,
                                        .url = url,
                                        .store_folder = folder,
                                        .config = whole,
                                        .is_interactive = true,
                                        .visit = visit,
                                        .user = &login};
  code = run_login(&login, &options);
  fl_world_destroy(login.world);
  fl_free(login.challenge);
  if (code == 0 && !args->json) printf("logged in to %s\n", url);
  return code;
}

/* ---- logout ---- */

int fl_cmd_mcp_logout(struct fl_args *args) {
  bool all = fl_args_has(args, "all");
  if (all == (args->count == 1) || args->count > 1) return fl_usage(args, "name the server's URL, or --all");
  FL_FREE_AUTO char *folder = fl_mcp_auth_default_folder();
  struct fl_mcp_auth_forget what = {
      .store_folder = folder, .url = all ? NULL : args->items[0], .clients = fl_args_has(args, "clients")};
  struct fl_world *world = fl_world_uv_create(NULL);
  struct fl_error err = {0};
  size_t count = 0;
  int code = fl_mcp_auth_forget(world, &what, &count, &err) < 0 ? fl_fail_error(args, &err) : 0;
  fl_world_destroy(world);
  if (code != 0) return code;
  FL_VALUE_AUTO result = fl_object();
  fl_set_int(result, "forgotten", (int64_t)count);
  if (args->json) fl_print_json(result);
  else if (count == 0) printf("there were no tokens to forget\n");
  else printf("forgotten: the tokens for %zu server%s\n", count, count == 1 ? "" : "s");
  return 0;
}

/* ---- status ---- */

static void show_row(const struct fl_value *row) {
  int64_t end_s = fl_get_int(row, "expires_at", 0), left_s = end_s - (int64_t)time(NULL);
  FL_FREE_AUTO char *server = fl_visible(fl_get_string(row, "server", ""), 300);
  FL_FREE_AUTO char *issuer = fl_visible(fl_get_string(row, "issuer", ""), 300);
  FL_FREE_AUTO char *scope = fl_visible(fl_get_string(row, "scope", ""), 300);
  bool lasts = fl_get_bool(row, "has_refresh_token", false);
  printf("%s\n    issuer: %s\n", server, issuer);
  if (scope[0] != '\0') printf("    scope: %s\n", scope);
  if (end_s == 0) printf("    token: valid, without an end that was told\n");
  else if (left_s > 0)
    printf("    token: valid for %lld min%s\n", (long long)(left_s / 60), lasts ? ", then renewed" : "");
  else printf("    token: %s\n", lasts ? "has ended, and is renewed on use" : "has ended: log in again");
}

int fl_cmd_mcp_status(struct fl_args *args) {
  if (args->count != 0) return fl_usage(args, "it takes no arguments");
  FL_FREE_AUTO char *folder = fl_mcp_auth_default_folder();
  struct fl_world *world = fl_world_uv_create(NULL);
  FL_VALUE_AUTO list = NULL;
  struct fl_error err = {0};
  int code = fl_mcp_auth_list(world, folder, &list, &err) < 0 ? fl_fail_error(args, &err) : 0;
  fl_world_destroy(world);
  for (size_t i = 0; code == 0 && i < fl_size(list); i++) {
    if (args->json) fl_print_json(fl_at(list, i));
    else show_row(fl_at(list, i));
  }
  if (code == 0 && fl_size(list) == 0 && !args->json) printf("logged in nowhere\n");
  return code;
}

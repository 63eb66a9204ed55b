/* SPDX-License-Identifier: MIT */
/* The client that the conformance suite drives: an ordinary program on <fairlead/client.h>. The suite starts a server
 * for each scenario and names the scenario in the environment; what the server sees is what is judged.
 *   MCP_CONFORMANCE_SCENARIO  MCP_CONFORMANCE_PROTOCOL_VERSION  MCP_CONFORMANCE_CONTEXT (JSON)   client URL */
#include <arpa/inet.h>
#include <fairlead/client.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SKILLS "io.modelcontextprotocol/skills"

struct run {
  struct fl_client *client;
  struct fl_value *context;
  struct fl_error err;
};

static int fail(const struct run *run, const char *what) {
  fprintf(stderr, "%s: %s\n", what, run->err.text);
  return 1;
}

static int call(struct run *run, const char *tool, const struct fl_value *args) {
  FL_VALUE_AUTO result = NULL;
  if (fl_client_call_tool(run->client, tool, args, &result, &run->err) < 0) return fail(run, tool);
  char *text = fl_dump(result, NULL);
  printf("%s: %s\n", tool, text);
  fl_text_free(text);
  return 0;
}

/* ---- what the server asks ---- */

/* A person who accepts whatever stands in the form; a box without a default is ticked. */
static struct fl_value *fill(const struct fl_value *schema) {
  struct fl_value *content = fl_client_form_defaults(schema);
  struct fl_member member = {0};
  const struct fl_value *properties = fl_get(schema, "properties");
  while (fl_is(properties, FL_OBJECT) && fl_next_member(properties, &member))
    if (fl_get(content, member.key) == NULL && strcmp(fl_get_string(member.value, "type", ""), "boolean") == 0)
      fl_set_bool(content, member.key, true);
  return content;
}

static void on_elicit(struct fl_client *client, struct fl_client_ask *ask, void *user) {
  struct fl_value *result = fl_object();
  fl_set_string(result, "action", "accept");
  fl_set_take(result, "content", fill(fl_get(fl_client_ask_params(ask), "requestedSchema")));
  fl_client_answer_take(ask, result);
}

static void on_sample(struct fl_client *client, struct fl_client_ask *ask, void *user) {
  struct fl_value *result = fl_object(), *content = fl_object();
  fl_set_string(content, "type", "text");
  fl_set_string(content, "text", "This is what the model says.");
  fl_set_string(result, "role", "assistant");
  fl_set_string(result, "model", "conformance");
  fl_set_take(result, "content", content);
  fl_client_answer_take(ask, result);
}

static void on_roots(struct fl_client *client, struct fl_client_ask *ask, void *user) {
  struct fl_value *result = fl_object(), *roots = fl_array(), *root = fl_object();
  fl_set_string(root, "uri", "file:///work");
  fl_set_string(root, "name", "work");
  fl_append_take(roots, root);
  fl_set_take(result, "roots", roots);
  fl_client_answer_take(ask, result);
}

static void on_log(struct fl_client *client, const char *level, const char *text, void *user) {
  fprintf(stderr, "[%s] %s\n", level, text);
}

static void on_wire(struct fl_client *client, bool is_ours, const char *text, size_t size, void *user) {
  if (getenv("FL_CONFORMANCE_WIRE") != NULL) fprintf(stderr, "%s %.*s\n", is_ours ? ">" : "<", (int)size, text);
}

/* ---- authorization: the context as a configuration, and a browser that follows one redirect ---- */

static struct fl_value *make_auth(const struct fl_value *context, const char *scenario) {
  static const char *const names[][2] = {{"client_id", "client_id"},
                                         {"client_secret", "client_secret"},
                                         {"private_key_pem", "private_key_pem"},
                                         {"issuer", "issuer"},
                                         {"idp_issuer", "idp_issuer"},
                                         {"idp_token_endpoint", "idp_token_endpoint"},
                                         {"idp_client_id", "idp_client_id"},
                                         {"idp_id_token", "idp_id_token"},
                                         {"valid_jwt", "assertion"}};
  static const char *const grants[][2] = {
      {"client-credentials", "client_credentials"}, {"enterprise-managed", "enterprise"}, {"wif-", "workload"}};
  struct fl_value *auth = fl_object();
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    const char *value = fl_get_string(context, names[i][0], NULL);
    if (value != NULL) fl_set_string(auth, names[i][1], value);
  }
  fl_set_string(auth, "redirect_uri", "http://localhost:3000/callback");
  fl_set_string(auth, "client_metadata_url", "https://conformance-test.local/client-metadata.json");
  for (size_t i = 0; i < 3; i++)
    if (strstr(scenario, grants[i][0]) != NULL) fl_set_string(auth, "grant", grants[i][1]);
  return auth;
}

/* http://HOST:PORT/…: a connection to the port, on this machine. */
static int connect_to(const char *url) {
  const char *host = strstr(url, "://"), *port = host != NULL ? strchr(host + 3, ':') : NULL;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (port == NULL) return -1;
  address.sin_port = htons((uint16_t)strtoul(port + 1, NULL, 10));
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

static void on_visit(struct fl_client *client, const char *url, void *user) {
  static char answer[65536];
  const char *host = strstr(url, "://"), *path = host != NULL ? strchr(host + 3, '/') : NULL;
  int fd = path != NULL ? connect_to(url) : -1;
  size_t size = 0;
  ssize_t got = 0;
  if (fd >= 0) {
    dprintf(fd, "GET %s HTTP/1.1\r\nHost: %.*s\r\nConnection: close\r\n\r\n", path, (int)(path - host - 3), host + 3);
    while (size < sizeof answer - 1 && (got = read(fd, answer + size, sizeof answer - 1 - size)) > 0)
      size += (size_t)got;
    close(fd);
  }
  answer[size] = '\0';
  char *location = strcasestr(answer, "\r\nlocation: ");
  if (location != NULL) location[12 + strcspn(location + 12, "\r")] = '\0';
  fl_client_redirected(client, location != NULL ? location + 12 : NULL);
}

/* ---- scenarios ---- */

static int add_numbers(struct run *run) {
  FL_VALUE_AUTO args = fl_object();
  fl_set_int(args, "a", 5);
  fl_set_int(args, "b", 3);
  return call(run, "add_numbers", args);
}

/* Every tool that the client lists, with empty values for what is required; and the list once more, as the server sends
 * it. */
static int call_all(struct run *run) {
  FL_VALUE_AUTO tools = fl_value_ref((struct fl_value *)(uintptr_t)fl_client_tools(run->client));
  FL_VALUE_AUTO again = NULL;
  FL_VALUE_AUTO about = fl_client_about(run->client);
  bool has_tools = fl_get(fl_get(about, "capabilities"), "tools") != NULL;
  if (has_tools && fl_client_list(run->client, "tools", &again, &run->err) < 0) return fail(run, "tools/list");
  int code = 0;
  for (size_t i = 0; i < fl_size(tools); i++) {
    FL_VALUE_AUTO args = fl_object();
    const struct fl_value *required = fl_get(fl_get(fl_at(tools, i), "inputSchema"), "required");
    for (size_t j = 0; j < fl_size(required); j++) fl_set_string(args, fl_as_string(fl_at(required, j)), "x");
    code |= call(run, fl_get_string(fl_at(tools, i), "name", ""), args);
  }
  return code;
}

static int mixed_rounds(struct run *run) {
  static const char *const tools[] = {"test_mrtr_echo_state", "test_mrtr_unrelated", "test_mrtr_no_state",
                                      "test_mrtr_no_result_type"};
  int code = 0;
  for (size_t i = 0; i < 4; i++) code |= call(run, tools[i], NULL);
  return code;
}

/* Each item of a list is asked for by one of its members. */
static int ask_each(struct run *run, const char *what, const char *method, const char *key) {
  FL_VALUE_AUTO items = NULL;
  if (fl_client_list(run->client, what, &items, &run->err) < 0) return fail(run, what);
  for (size_t i = 0; i < fl_size(items); i++) {
    FL_VALUE_AUTO params = fl_object();
    FL_VALUE_AUTO result = NULL;
    fl_set_string(params, key, fl_get_string(fl_at(items, i), key, ""));
    if (fl_client_request(run->client, method, params, &result, &run->err) < 0) return fail(run, method);
  }
  return 0;
}

static int standard_headers(struct run *run) {
  int code = call_all(run);
  code |= ask_each(run, "resources", "resources/read", "uri");
  code |= ask_each(run, "prompts", "prompts/get", "name");
  return code;
}

static int calls_of_context(struct run *run) {
  const struct fl_value *calls = fl_get(run->context, "toolCalls");
  int code = fl_size(calls) > 0 ? 0 : 1;
  for (size_t i = 0; i < fl_size(calls); i++) {
    const struct fl_value *one = fl_at(calls, i);
    code |= call(run, fl_get_string(one, "name", ""), fl_get(one, "arguments"));
  }
  return code;
}

static int echo_schema(struct run *run) {
  FL_VALUE_AUTO tools = fl_value_ref((struct fl_value *)(uintptr_t)fl_client_tools(run->client));
  FL_VALUE_AUTO args = fl_object();
  for (size_t i = 0; i < fl_size(tools); i++)
    if (strcmp(fl_get_string(fl_at(tools, i), "name", ""), "json_schema_2020_12_tool") == 0)
      fl_set_take(args, "schema", fl_value_ref(fl_get(fl_at(tools, i), "inputSchema")));
  return call(run, "json_schema_echo", args);
}

static int list_tools(struct run *run) { return fl_size(fl_client_tools(run->client)) > 0 ? 0 : 1; }

static int list_skills(struct run *run) {
  FL_VALUE_AUTO skills = NULL;
  if (fl_client_list(run->client, "skills", &skills, &run->err) < 0) return fail(run, "skills");
  return 0;
}

static int load_skills(struct run *run) {
  FL_VALUE_AUTO skills = NULL;
  if (fl_client_list(run->client, "skills", &skills, &run->err) < 0) return fail(run, "skills");
  for (size_t i = 0; i < fl_size(skills); i++) {
    FL_VALUE_AUTO files = NULL;
    if (fl_client_load_skill(run->client, fl_at(skills, i), &files, &run->err) < 0) return fail(run, "skill");
  }
  return 0;
}

static const struct {
  const char *prefix;
  int (*play)(struct run *run);
} SCENARIOS[] = {
    {"tools_call", add_numbers},
    {"http-standard-headers", standard_headers},
    {"http-custom-headers", calls_of_context},
    {"http-invalid-tool-headers", call_all},
    {"sep-2322-client-request-state", mixed_rounds},
    {"json-schema-ref-no-deref", list_tools},
    {"json-schema-2020-12-preservation", echo_schema},
    {"sep-2640-client-no-prefetch", list_skills},
    {"sep-2640-client-verify-", load_skills},
    {"", call_all},
};

static int play(struct run *run, const char *scenario) {
  size_t i = 0;
  while (strncmp(scenario, SCENARIOS[i].prefix, strlen(SCENARIOS[i].prefix)) != 0) i++;
  return SCENARIOS[i].play(run);
}

int main(int argc, char **argv) {
  const char *scenario = getenv("MCP_CONFORMANCE_SCENARIO"), *context = getenv("MCP_CONFORMANCE_CONTEXT");
  struct run run = {0};
  if (argc < 2) {
    fprintf(stderr, "usage: client URL (started by the conformance suite)\n");
    return 2;
  }
  if (context != NULL && fl_parse(context, strlen(context), &run.context, &run.err) < 0)
    return fail(&run, "MCP_CONFORMANCE_CONTEXT");
  FL_VALUE_AUTO auth = make_auth(run.context, scenario != NULL ? scenario : "");
  struct fl_client_options options = {.size = sizeof options,
                                      .name = "conformance",
                                      .url = argv[argc - 1],
                                      .revision = getenv("MCP_CONFORMANCE_PROTOCOL_VERSION"),
                                      .client_name = "fairlead-conformance",
                                      .extensions = (const char *const[]){SKILLS, NULL},
                                      .on_elicit = on_elicit,
                                      .on_sample = on_sample,
                                      .on_roots = on_roots,
                                      .on_log = on_log,
                                      .on_wire = on_wire,
                                      .auth = auth,
                                      .auth_folder = "",
                                      .is_interactive = true,
                                      .on_visit = on_visit};
  int code = 1;
  if (fl_client_connect(&options, &run.client, &run.err) == 0) code = play(&run, scenario != NULL ? scenario : "");
  else fail(&run, "connect");
  fl_client_close(run.client);
  fl_value_unref(run.context);
  return code;
}

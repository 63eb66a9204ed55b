/* SPDX-License-Identifier: MIT */
#include "wire.h"

#include "mcp/proto/rpc.h"
#include "mcp/proto/version.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/json/schema.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the official schemas ---- */

struct compiled {
  char *name; /* "REVISION DEFINITION" */
  struct fl_schema *schema;
  struct compiled *next;
};
static struct compiled *all;

static struct fl_value *load(const char *revision) {
  char path[4200];
  if (test_shared_data() == NULL) return NULL;
  snprintf(path, sizeof path, "%s/mcp-schema/%s/schema.json", test_shared_data(), revision);
  size_t size;
  char *text = test_read_file(path, &size);
  if (text == NULL) return NULL;
  struct fl_value *root = NULL;
  fl_parse(text, size, &root, NULL);
  free(text);
  return root;
}

bool wire_is_available(void) {
  FL_VALUE_AUTO root = load(FL_MCP_REVISION_MODERN);
  return root != NULL;
}

static void free_compiled(void) {
  while (all != NULL) {
    struct compiled *one = all;
    all = one->next;
    fl_schema_destroy(one->schema);
    free(one->name);
    free(one);
  }
}

/* NULL when the revision has no such definition. */
static struct fl_schema *schema_of(const char *revision, const char *definition) {
  char name[200];
  snprintf(name, sizeof name, "%s %s", revision, definition);
  for (struct compiled *one = all; one != NULL; one = one->next)
    if (strcmp(one->name, name) == 0) return one->schema;
  if (all == NULL) atexit(free_compiled);
  struct compiled *one = calloc(1, sizeof *one);
  *one = (struct compiled){.name = strdup(name), .next = all};
  all = one;
  FL_VALUE_AUTO root = load(revision);
  const char *key = fl_get(root, "$defs") != NULL ? "$defs" : "definitions";
  if (fl_get(fl_get(root, key), definition) == NULL) return NULL;
  FL_VALUE_AUTO entry = fl_copy_shallow(root);
  fl_set_take(entry, "$ref", fl_stringf("#/%s/%s", key, definition));
  struct fl_error err;
  if (fl_schema_create(entry, NULL, &one->schema, &err) < 0) {
    printf("# %s: %s\n", name, err.text);
    abort();
  }
  return one->schema;
}

/* ---- which definition a message must meet ---- */

static const struct {
  const char *method, *call, *result;
} DEFINITIONS[] = {
    {"server/discover", "DiscoverRequest", "DiscoverResult"},
    {"initialize", "InitializeRequest", "InitializeResult"},
    {"ping", "PingRequest", "EmptyResult"},
    {"logging/setLevel", "SetLevelRequest", "EmptyResult"},
    {"tools/list", "ListToolsRequest", "ListToolsResult"},
    {"tools/call", "CallToolRequest", "CallToolResult"},
    {"prompts/list", "ListPromptsRequest", "ListPromptsResult"},
    {"prompts/get", "GetPromptRequest", "GetPromptResult"},
    {"resources/list", "ListResourcesRequest", "ListResourcesResult"},
    {"resources/templates/list", "ListResourceTemplatesRequest", "ListResourceTemplatesResult"},
    {"resources/read", "ReadResourceRequest", "ReadResourceResult"},
    {"resources/subscribe", "SubscribeRequest", "EmptyResult"},
    {"resources/unsubscribe", "UnsubscribeRequest", "EmptyResult"},
    {"completion/complete", "CompleteRequest", "CompleteResult"},
    {"elicitation/create", "ElicitRequest", "ElicitResult"},
    {"sampling/createMessage", "CreateMessageRequest", "CreateMessageResult"},
    {"roots/list", "ListRootsRequest", "ListRootsResult"},
    {"notifications/roots/list_changed", "RootsListChangedNotification", NULL},
    {"notifications/prompts/list_changed", "PromptListChangedNotification", NULL},
    {"notifications/resources/list_changed", "ResourceListChangedNotification", NULL},
    {"notifications/resources/updated", "ResourceUpdatedNotification", NULL},
    {"subscriptions/listen", "SubscriptionsListenRequest", "SubscriptionsListenResult"},
    {"notifications/initialized", "InitializedNotification", NULL},
    {"notifications/cancelled", "CancelledNotification", NULL},
    {"notifications/progress", "ProgressNotification", NULL},
    {"notifications/message", "LoggingMessageNotification", NULL},
    {"notifications/tools/list_changed", "ToolListChangedNotification", NULL},
    {"notifications/prompts/list_changed", "PromptListChangedNotification", NULL},
    {"notifications/resources/list_changed", "ResourceListChangedNotification", NULL},
    {"notifications/resources/updated", "ResourceUpdatedNotification", NULL},
    {"notifications/subscriptions/acknowledged", "SubscriptionsAcknowledgedNotification", NULL},
    {"prompts/list", "ListPromptsRequest", "ListPromptsResult"},
    {"prompts/get", "GetPromptRequest", "GetPromptResult"},
    {"resources/list", "ListResourcesRequest", "ListResourcesResult"},
    {"resources/templates/list", "ListResourceTemplatesRequest", "ListResourceTemplatesResult"},
    {"resources/read", "ReadResourceRequest", "ReadResourceResult"},
    {"resources/subscribe", "SubscribeRequest", "EmptyResult"},
    {"resources/unsubscribe", "UnsubscribeRequest", "EmptyResult"},
    {"completion/complete", "CompleteRequest", "CompleteResult"},
    {"elicitation/create", "ElicitRequest", "ElicitResult"},
    {"sampling/createMessage", "CreateMessageRequest", "CreateMessageResult"},
    {"roots/list", "ListRootsRequest", "ListRootsResult"},
    /* extensions: their schemas are not among the official ones; the base of every result is checked */
    {"tasks/get", NULL, "Result"},
    {"tasks/update", NULL, "Result"},
    {"tasks/cancel", NULL, "Result"},
    {"skills/list", NULL, "CacheableResult"},
    {"skills/get", NULL, "CacheableResult"},
    {"resources/directory/read", NULL, "CacheableResult"},
};

static const char *definition_of(const char *method, bool of_result) {
  for (size_t i = 0; i < sizeof DEFINITIONS / sizeof DEFINITIONS[0]; i++)
    if (strcmp(DEFINITIONS[i].method, method) == 0) return of_result ? DEFINITIONS[i].result : DEFINITIONS[i].call;
  return NULL;
}

__attribute__((format(printf, 3, 4))) static void problem(struct wire *wire, fl_slice line, const char *format, ...) {
  if (wire->problem[0] != '\0') return;
  char text[2000];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  snprintf(wire->problem, sizeof wire->problem, "%s: %.*s", text, (int)(line.size < 1500 ? line.size : 1500),
           line.data);
}

/* Whether there was such a definition; otherwise nothing was checked. */
static bool check(struct wire *wire, const char *revision, const char *definition, const struct fl_value *value,
                  fl_slice line) {
  struct fl_schema *schema = schema_of(revision, definition);
  if (schema == NULL) return false;
  struct fl_schema_result violations = {0};
  if (fl_schema_validate(schema, value, &violations) != 0) {
    FL_BUF_AUTO text = {0};
    fl_schema_result_text(&violations, &text);
    problem(wire, line, "%s %s: %s", revision, definition, text.data);
  }
  fl_schema_result_deinit(&violations);
  wire->checked_count++;
  return true;
}

/* ---- messages ---- */

static const char *revision_of_call(const struct wire *wire, const struct fl_rpc_message *message) {
  if (fl_get(fl_get(message->params, "_meta"), FL_MCP_META_VERSION) != NULL) return FL_MCP_REVISION_MODERN;
  if (strcmp(message->method, "server/discover") == 0) return FL_MCP_REVISION_MODERN;
  if (wire->session[0] != '\0') return wire->session;
  return message->kind == FL_RPC_REQUEST ? FL_MCP_REVISION_LEGACY : FL_MCP_REVISION_MODERN;
}

static void note_request(struct wire *wire, bool from_server, const struct fl_rpc_message *message,
                         const char *revision) {
  FL_BUF_AUTO key = {0};
  fl_rpc_id_key(message->id, &key);
  fl_free(fl_map_set_n(&wire->methods[from_server], fl_buf_slice(&key), fl_format("%s %s", revision, message->method)));
}

/* Methods of extensions have no official schema here; their envelopes do. */
static bool is_of_extension(const char *method) {
  return strncmp(method, "tasks/", 6) == 0 || strncmp(method, "skills/", 7) == 0 || strcmp(method, "some/thing") == 0;
}

static void check_call(struct wire *wire, const struct fl_rpc_message *message, const char *revision, fl_slice line) {
  if (is_of_extension(message->method)) {
    check(wire, revision, "JSONRPCRequest", message->root, line);
    return;
  }
  const char *definition = definition_of(message->method, false);
  if (definition == NULL || !check(wire, revision, definition, message->root, line))
    problem(wire, line, "%s has no %s", revision, message->method);
}

static void check_result(struct wire *wire, bool from_server, const struct fl_rpc_message *message, bool is_ours,
                         fl_slice line) {
  FL_BUF_AUTO key = {0};
  fl_rpc_id_key(message->id, &key);
  FL_FREE_AUTO char *request = fl_map_remove_n(&wire->methods[!from_server], fl_buf_slice(&key));
  if (request == NULL) {
    if (is_ours) problem(wire, line, "a result for nothing");
    return;
  }
  char *method = strchr(request, ' ');
  *method++ = '\0';
  if (strcmp(method, "initialize") == 0)
    snprintf(wire->session, sizeof wire->session, "%s", fl_get_string(message->result, "protocolVersion", ""));
  if (!is_ours) return;
  const char *revision = strcmp(method, "initialize") == 0 ? wire->session : request;
  const char *definition = definition_of(method, true);
  const char *type = fl_get_string(message->result, "resultType", "complete");
  if (strcmp(type, "input_required") == 0) definition = "InputRequiredResult";
  if (strcmp(type, "task") == 0) definition = "Result";
  if (!check(wire, revision, "JSONRPCResultResponse", message->root, line))
    check(wire, revision, "JSONRPCResponse", message->root, line);
  if (definition == NULL || !check(wire, revision, definition, message->result, line))
    problem(wire, line, "%s has no result of %s", revision, method);
}

static void check_error(struct wire *wire, const struct fl_rpc_message *message, fl_slice line) {
  const char *revision = wire->session[0] != '\0' ? wire->session : FL_MCP_REVISION_MODERN;
  const struct fl_mcp_revision *known = fl_mcp_revision_find(revision);
  /* Before 2025-11-25 the schema has no way to answer what cannot be read; JSON-RPC's null is sent there. */
  if (message->id == NULL && known != NULL && known->error_has_null_id) return;
  if (!check(wire, revision, "JSONRPCErrorResponse", message->root, line))
    check(wire, revision, "JSONRPCError", message->root, line);
  int64_t code = fl_get_int(message->error, "code", 0);
  if (code == FL_RPC_UNSUPPORTED_VERSION)
    check(wire, FL_MCP_REVISION_MODERN, "UnsupportedProtocolVersionError", message->root, line);
  if (code == FL_RPC_MISSING_CAPABILITY)
    check(wire, FL_MCP_REVISION_MODERN, "MissingRequiredClientCapabilityError", message->root, line);
  if (code == FL_RPC_HEADER_MISMATCH) check(wire, FL_MCP_REVISION_MODERN, "HeaderMismatchError", message->root, line);
}

static void take(struct wire *wire, bool from_server, bool is_ours, const struct fl_rpc_message *message,
                 fl_slice line) {
  const char *revision = message->method != NULL ? revision_of_call(wire, message) : NULL;
  switch (message->kind) {
  case FL_RPC_REQUEST: note_request(wire, from_server, message, revision); /* fall through */
  case FL_RPC_NOTIFICATION:
    if (is_ours) check_call(wire, message, revision, line);
    return;
  case FL_RPC_RESULT: check_result(wire, from_server, message, is_ours, line); return;
  case FL_RPC_ERROR:
    if (is_ours) check_error(wire, message, line);
    return;
  default:
    if (is_ours) problem(wire, line, "not a message (%s)", message->fault != NULL ? message->fault : "a batch");
  }
}

void wire_init(struct wire *wire) {
  *wire = (struct wire){0};
  fl_map_init(&wire->methods[0]);
  fl_map_init(&wire->methods[1]);
}

void wire_deinit(struct wire *wire) {
  for (int sender = 0; sender < 2; sender++) {
    size_t cursor = 0;
    for (struct fl_map_entry *entry; (entry = fl_map_next(&wire->methods[sender], &cursor)) != NULL;)
      fl_free(entry->value);
    fl_map_deinit(&wire->methods[sender]);
  }
}

void wire_message(struct wire *wire, bool from_server, bool is_ours, fl_slice line) {
  FL_RPC_MESSAGE_AUTO message;
  FL_VALUE_AUTO root = NULL; /* whole, for the schemas */
  if (fl_json_read(line, FL_JSON_STRICT, &root, NULL) == 0) fl_rpc_classify(root, &message);
  else fl_rpc_read(line, &message);
  if (message.kind != FL_RPC_BATCH || is_ours) {
    take(wire, from_server, is_ours, &message, line);
    return;
  }
  for (size_t i = 0; i < fl_size(message.root); i++) {
    FL_RPC_MESSAGE_AUTO member;
    fl_rpc_classify(fl_at(message.root, i), &member);
    take(wire, from_server, is_ours, &member, line);
  }
}

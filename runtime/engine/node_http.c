/* SPDX-License-Identifier: MIT */
/* http: one request with a computed URL, headers and body, to an origin that the graph file allows. It is a journalled
 * call like any other: what reads may be repeated after a crash, what does not is asked about. */
#include "runtime/base/mem.h"
#include "runtime/engine/node_kinds.h"
#include "runtime/json/json.h"
#include "runtime/wire/url.h"
#include "tools/http.h"

/* ---- the request ---- */

static bool is_private_host(const struct fl_url *url) {
  return fl_url_is_loopback(url) || url->is_ipv6 || strspn(url->host, "0123456789.") == strlen(url->host);
}

/* An origin that names a private address itself means it; a name that turns out to lead to one does not. */
static int check_origin(struct fl_task *task, const char *text, struct fl_value *args) {
  struct fl_url url = {0};
  struct fl_error err = {0};
  int rc = fl_url_parse(fl_slice_of(text), FL_URL_HTTP, &url, &err);
  if (rc < 0) return fl_task_fail(task, rc, "/url: %s", err.text);
  FL_FREE_AUTO char *origin = fl_url_origin(&url), *normal = fl_url_format(&url);
  const struct fl_value *allow = fl_get(fl_task_def(task)->config, "allow");
  bool is_allowed = false;
  for (size_t i = 0; i < fl_size(allow); i++) is_allowed |= strcmp(fl_as_string(fl_at(allow, i)), origin) == 0;
  fl_set_string(args, "url", normal);
  if (is_private_host(&url)) fl_set_bool(args, "private", true);
  fl_url_deinit(&url);
  if (is_allowed) return 0;
  return fl_task_fail(task, FL_E_DENIED, "/url: %s is not among the origins that the graph file allows (http: allow)",
                      origin);
}

static int eval_text(struct fl_task *task, const char *pointer, struct fl_value **ret_text) {
  FL_VALUE_AUTO value = NULL;
  int rc = fl_task_eval(task, pointer, &value);
  if (rc < 0) return rc;
  if (!fl_is(value, FL_STRING))
    return fl_task_fail(task, FL_E_INVALID, "%s: must be a text, not of type %s", pointer,
                        fl_type_name(fl_type_of(value)));
  *ret_text = fl_value_ref(value);
  return 0;
}

static int add_headers(struct fl_task *task, struct fl_value *args) {
  struct fl_value *headers = fl_object();
  struct fl_member member = {0};
  fl_set_take(args, "headers", headers);
  while (fl_next_member(fl_get(fl_task_def(task)->config, "headers"), &member)) {
    FL_BUF_AUTO pointer = {0};
    struct fl_value *text = NULL;
    fl_json_pointer_add(&pointer, FL_SLICE("headers"));
    fl_json_pointer_add(&pointer, fl_slice_of(member.key));
    int rc = eval_text(task, pointer.data, &text);
    if (rc < 0) return rc;
    fl_set_take(headers, member.key, text);
  }
  return 0;
}

/* A text as it is; anything else as JSON. */
static int add_body(struct fl_task *task, struct fl_value *args) {
  FL_VALUE_AUTO body = NULL;
  if (fl_get(fl_task_def(task)->config, "body") == NULL) return 0;
  int rc = fl_task_eval(task, "/body", &body);
  if (rc < 0) return rc;
  bool is_text = fl_is(body, FL_STRING);
  char *json = is_text ? NULL : fl_dump(body, NULL);
  fl_set_take(args, "body", is_text ? fl_value_ref(body) : fl_string(json));
  fl_text_free(json);
  struct fl_value *headers = fl_get(args, "headers");
  if (fl_get(headers, "Content-Type") == NULL && fl_get(headers, "content-type") == NULL)
    fl_set_string(headers, "Content-Type", is_text ? "text/plain; charset=utf-8" : "application/json");
  return 0;
}

static void add_limits(const struct fl_value *config, struct fl_value *args) {
  static const char *const keys[] = {"timeout_ms", "max_bytes"};
  fl_set_string(args, "method", fl_get_string(config, "method", "GET"));
  for (size_t i = 0; i < 2; i++)
    if (fl_get(config, keys[i]) != NULL) fl_set_take(args, keys[i], fl_value_ref(fl_get(config, keys[i])));
}

/* ---- the answer ---- */

static bool is_accepted(const struct fl_value *config, int64_t status) {
  const struct fl_value *accept = fl_get(config, "accept");
  if (accept == NULL) return status >= 200 && status < 300;
  for (size_t i = 0; i < fl_size(accept); i++)
    if (fl_as_int(fl_at(accept, i), 0) == status) return true;
  return false;
}

/* What may pass is told apart from what will be the same next time: retries go by the code. */
static int refuse_status(struct fl_task *task, const struct fl_value *answer) {
  int64_t status = fl_get_int(answer, "status", 0);
  const char *location = fl_get_string(fl_get(answer, "headers"), "location", NULL);
  if (location != NULL)
    return fl_task_fail(task, FL_E_INVALID, "the answer is %d and points to %s; redirects are not followed",
                        (int)status, location);
  int code = status == 429                    ? FL_E_RATE
             : status >= 500                  ? FL_E_REMOTE
             : status == 401 || status == 403 ? FL_E_AUTH
             : status == 404 || status == 410 ? FL_E_NOT_FOUND
                                              : FL_E_INVALID;
  char *body = fl_dump(fl_get(answer, "body"), NULL);
  int rc = fl_task_fail(task, code, "the answer is %d, which the node does not accept: %.200s", (int)status, body);
  fl_text_free(body);
  return rc;
}

static void on_answer(struct fl_task *task, struct fl_value *result, const struct fl_error *err, void *user) {
  const struct fl_value *config = fl_task_def(task)->config;
  struct fl_value *answer = fl_get(result, "structuredContent");
  const char *channel = fl_get_string(config, "write", NULL);
  int rc = 0;
  if (result == NULL) rc = fl_task_fail(task, err->code, "%s", err->text);
  else if (answer == NULL) /* a person said what came of the call */
    rc = fl_task_fail(task, FL_E_REMOTE, "nobody knows what the request was answered");
  else if (!is_accepted(config, fl_get_int(answer, "status", 0))) rc = refuse_status(task, answer);
  else if (channel != NULL) rc = fl_task_write_take(task, channel, fl_value_ref(answer));
  fl_task_complete(task, rc < 0 ? rc : FL_DONE);
}

int fl_node_http(struct fl_task *task, void *user) {
  const struct fl_value *config = fl_task_def(task)->config;
  FL_VALUE_AUTO args = fl_object();
  FL_VALUE_AUTO url = NULL;
  add_limits(config, args);
  int rc = eval_text(task, "/url", &url);
  if (rc == 0) rc = check_origin(task, fl_as_string(url), args);
  if (rc == 0) rc = add_headers(task, args);
  if (rc == 0) rc = add_body(task, args);
  if (rc == 0) rc = fl_task_call_tool(task, fl_get_string(config, "tool", ""), args, on_answer, NULL);
  return rc < 0 ? rc : FL_PENDING;
}

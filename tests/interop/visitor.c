/* SPDX-License-Identifier: MIT */
/* A client that visits servers which others wrote (matrix_visits.mjs): an ordinary program on <fairlead/client.h>. It
 * takes the steps of a plan and says what came of each, as one JSON object. Whatever a server asks is answered by the
 * plan, too.
 *   visitor PLAN URL, or visitor PLAN -- COMMAND ARGS…
 * PLAN: {"steps": {"NAME": {"tool" or "method", "params"}, or {"waits": true} for a line from standard input},
 * "form": {member: value}, "says": TEXT, "roots": […], "revision": TEXT or absent}.
 * Out: {"about", "steps": {"NAME": the result, or {"failed": TEXT}}, "progress": […], "log": […]}. */
#include <fairlead/client.h>
#include <stdio.h>
#include <string.h>

struct visit {
  struct fl_client *client;
  struct fl_value *plan, *progress, *log;
  struct fl_value *result; /* of the step */
  struct fl_error err;
  bool is_done;
};

/* ---- what the server asks ---- */

static struct fl_value *planned(const struct visit *visit, const char *what, const char *member) {
  const struct fl_value *value = fl_get(visit->plan, what);
  if (member != NULL) value = fl_get(value, member);
  return fl_value_ref((struct fl_value *)(uintptr_t)value);
}

static void on_elicit(struct fl_client *client, struct fl_client_ask *ask, void *user) {
  const struct visit *visit = user;
  const struct fl_value *schema = fl_get(fl_client_ask_params(ask), "requestedSchema");
  struct fl_value *result = fl_object(), *content = fl_client_form_defaults(schema);
  struct fl_member member = {0};
  while (fl_next_member(fl_get(schema, "properties"), &member)) {
    struct fl_value *value = planned(visit, "form", member.key);
    if (value != NULL) fl_set_take(content, member.key, value);
  }
  fl_set_string(result, "action", "accept");
  fl_set_take(result, "content", content);
  fl_client_answer_take(ask, result);
}

static void on_sample(struct fl_client *client, struct fl_client_ask *ask, void *user) {
  const struct visit *visit = user;
  struct fl_value *result = fl_object(), *content = fl_object();
  fl_set_string(content, "type", "text");
  fl_set_string(content, "text", fl_get_string(visit->plan, "says", ""));
  fl_set_string(result, "role", "assistant");
  fl_set_string(result, "model", "none");
  fl_set_take(result, "content", content);
  fl_client_answer_take(ask, result);
}

static void on_roots(struct fl_client *client, struct fl_client_ask *ask, void *user) {
  const struct visit *visit = user;
  struct fl_value *result = fl_object();
  fl_set_take(result, "roots", planned(visit, "roots", NULL));
  fl_client_answer_take(ask, result);
}

static void on_log(struct fl_client *client, const char *level, const char *text, void *user) {
  struct visit *visit = user;
  fl_append_take(visit->log, fl_string(text));
  fprintf(stderr, "[%s] %s\n", level, text);
}

static void on_wire(struct fl_client *client, bool is_ours, const char *text, size_t size, void *user) {
  fprintf(stderr, "%s %.*s\n", is_ours ? ">" : "<", (int)(size < 2000 ? size : 2000), text);
}

/* ---- steps ---- */

static void on_progress(struct fl_client_request *request, double done, double total, const char *message) {
  struct visit *visit = request->user;
  fl_append_take(visit->progress, fl_stringf("%g/%g", done, total));
}

static void on_done(struct fl_client_request *request, int status, const struct fl_value *result,
                    const struct fl_value *error, const struct fl_error *err) {
  struct visit *visit = request->user;
  if (status == 0) {
    visit->result = fl_value_ref((struct fl_value *)(uintptr_t)result);
  } else {
    visit->result = fl_object();
    fl_set_string(visit->result, "failed", err->text);
  }
  visit->is_done = true;
}

/* Meanwhile the server may be started again, say. */
static struct fl_value *wait_for_line(void) {
  fprintf(stderr, "waiting\n");
  for (int c = 0; c != EOF && c != '\n';) c = getchar();
  return fl_object();
}

static struct fl_value *take_step(struct visit *visit, const struct fl_value *step) {
  if (fl_get(step, "waits") != NULL) return wait_for_line();
  struct fl_client_request request = {.tool = fl_get_string(step, "tool", NULL),
                                      .method = fl_get_string(step, "method", NULL),
                                      .params = fl_get(step, "params"),
                                      .on_progress = on_progress,
                                      .on_done = on_done,
                                      .user = visit};
  visit->is_done = false;
  fl_client_request_start(visit->client, &request);
  fl_client_wait(visit->client, &visit->is_done);
  return visit->result;
}

static void go(struct visit *visit) {
  struct fl_value *all = fl_object(), *steps = fl_object();
  struct fl_member member = {0};
  while (fl_next_member(fl_get(visit->plan, "steps"), &member))
    fl_set_take(steps, member.key, take_step(visit, member.value));
  fl_set_take(all, "about", fl_client_about(visit->client));
  fl_set_take(all, "steps", steps);
  fl_set_take(all, "progress", fl_value_ref(visit->progress));
  fl_set_take(all, "log", fl_value_ref(visit->log));
  char *text = fl_dump(all, NULL);
  puts(text);
  fl_text_free(text);
  fl_value_unref(all);
}

int main(int argc, char **argv) {
  struct visit visit = {0};
  if (argc < 3 || fl_parse(argv[1], strlen(argv[1]), &visit.plan, &visit.err) < 0) {
    fprintf(stderr, "usage: visitor PLAN URL, or visitor PLAN -- COMMAND ARGS…\n%s\n", visit.err.text);
    return 2;
  }
  visit.progress = fl_array();
  visit.log = fl_array();
  bool has_command = strcmp(argv[2], "--") == 0;
  struct fl_client_options options = {.size = sizeof options,
                                      .command = has_command ? (const char *const *)&argv[3] : NULL,
                                      .url = has_command ? NULL : argv[2],
                                      .revision = fl_get_string(visit.plan, "revision", NULL),
                                      .log_level = "info",
                                      .on_elicit = on_elicit,
                                      .on_sample = on_sample,
                                      .on_roots = on_roots,
                                      .on_log = on_log,
                                      .on_wire = on_wire,
                                      .user = &visit};
  int status = fl_client_connect(&options, &visit.client, &visit.err);
  if (status == 0) go(&visit);
  else fprintf(stderr, "connect: %s\n", visit.err.text);
  fl_client_close(visit.client);
  fl_value_unref(visit.progress);
  fl_value_unref(visit.log);
  fl_value_unref(visit.plan);
  return status == 0 ? 0 : 1;
}

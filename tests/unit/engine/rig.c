/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include "runtime/json/json.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_COUNT = 16 };
static char *texts[TEXT_COUNT];
static unsigned next_text;

static const char *keep_text(char *text) {
  char **place = &texts[next_text++ % TEXT_COUNT];
  fl_free(*place);
  return *place = text;
}

static void forget_texts(void) {
  for (int i = 0; i < TEXT_COUNT; i++) {
    fl_free(texts[i]);
    texts[i] = NULL;
  }
}

struct fl_value *json(const char *text) {
  char *copy = fl_strdup(text);
  for (char *c = copy; *c != '\0'; c++)
    if (*c == '\'') *c = '"';
  struct fl_value *value = NULL;
  struct fl_error err = {0};
  if (fl_parse(copy, strlen(copy), &value, &err) < 0) fail_msg("%s: %s", copy, err.text);
  fl_free(copy);
  return value;
}

const char *text_of(const struct fl_value *value) {
  char *dumped = fl_dump(value, NULL);
  const char *text = keep_text(fl_strdup(dumped));
  fl_text_free(dumped);
  return text;
}

const char *text_of_json(const char *text) {
  FL_VALUE_AUTO value = json(text);
  return text_of(value);
}

/* ---- the C tools ---- */

static struct rig *the_rig; /* for tool functions; one rig at a time */

static void note_call(const char *name, struct fl_call *call) {
  fl_buf_addf(&the_rig->calls, "%s ", name);
  char *ids = fl_format("%s%s:%s ", the_rig->call_ids != NULL ? the_rig->call_ids : "", name, fl_call_id(call));
  fl_free(the_rig->call_ids);
  the_rig->call_ids = ids;
}

static int run_echo(struct fl_call *call, const struct fl_value *args, void *user) {
  note_call("echo", call);
  return fl_call_return_text(call, "%s", fl_get_string(args, "text", ""));
}

static void complete(void *user) { fl_call_complete(user); }

static int run_late(struct fl_call *call, const struct fl_value *args, void *user) {
  note_call("late", call);
  fl_call_return_text(call, "%s", fl_get_string(args, "text", ""));
  fl_world_sim_after(the_rig->world, (uint32_t)fl_get_int(args, "ms", 0), complete, call);
  return FL_CALL_PENDING;
}

static int run_error(struct fl_call *call, const struct fl_value *args, void *user) {
  note_call("error", call);
  return fl_call_return_error(call, "%s", fl_get_string(args, "text", ""));
}

static int run_big(struct fl_call *call, const struct fl_value *args, void *user) {
  note_call("big", call);
  size_t size = (size_t)fl_get_int(args, "size", 0);
  char *text = fl_alloc(size + 1);
  memset(text, 'x', size);
  text[size] = '\0';
  int rc = fl_call_return_text(call, "%s", text);
  fl_free(text);
  return rc;
}

static int run_media(struct fl_call *call, const struct fl_value *args, void *user) {
  note_call("media", call);
  return fl_call_return_content_take(call, fl_value_ref(fl_get(args, "content")));
}

static int run_slow(struct fl_call *call, const struct fl_value *args, void *user) {
  note_call("slow", call);
  fl_call_return_text(call, "at last");
  fl_world_sim_after(the_rig->world, 3600 * 1000, complete, call);
  return FL_CALL_PENDING;
}

static int run_crash(struct fl_call *call, const struct fl_value *args, void *user) {
  note_call("crash", call);
  if (the_rig->crashes_left > 0) {
    the_rig->crashes_left--;
    fl_world_sim_crash(the_rig->world);
  }
  return fl_call_return_text(call, "%s", fl_get_string(args, "text", "done"));
}

#define ANY_OBJECT "{\"type\":\"object\"}"
#define WITH_TEXT "{\"type\":\"object\",\"required\":[\"text\"],\"properties\":{\"text\":{\"type\":\"string\"}}}"
#define TOOL(NAME, SCHEMA, RUN, TIMEOUT)                                                       \
  {                                                                                            \
    .size = sizeof(struct fl_tool), .name = NAME, .description = NAME, .input_schema = SCHEMA, \
    .flags = FL_TOOL_PARALLEL, .timeout_ms = TIMEOUT, .run = RUN                               \
  }
static const struct fl_tool tools[] = {
    TOOL("echo", WITH_TEXT, run_echo, 0),     TOOL("late", WITH_TEXT, run_late, 0),
    TOOL("error", ANY_OBJECT, run_error, 0),  TOOL("big", ANY_OBJECT, run_big, 0),
    TOOL("slow", ANY_OBJECT, run_slow, 1000), TOOL("crash", ANY_OBJECT, run_crash, 0),
    TOOL("media", ANY_OBJECT, run_media, 0),
};

/* ---- the wild server ---- */

struct wild {
  struct fl_tool_source source;
  struct fl_world *world;
  struct fl_timer timer;
  struct fl_post closed_post;
};

struct wild_end {
  struct fl_post post;
  struct fl_tool_request *request;
  size_t sound_size; /* of the answer; 0: it is a text */
  struct fl_error err;
};

static struct fl_value *sound_of(size_t size) {
  struct fl_value *result = json("{'content':[{'type':'audio','mimeType':'audio/wav'}]}");
  FL_FREE_AUTO char *data = fl_alloc(size + 1);
  memset(data, 'A', size);
  data[size] = '\0';
  fl_set_string(fl_at(fl_get(result, "content"), 0), "data", data);
  return result;
}

static void tell_end(struct fl_post *post) {
  struct wild_end *end = post->user;
  FL_VALUE_AUTO result = end->err.code != 0    ? NULL
                         : end->sound_size > 0 ? sound_of(end->sound_size)
                                               : json("{'content':[{'type':'text','text':'it is done'}]}");
  end->request->on_done(end->request, end->err.code, result, true, result == NULL ? &end->err : NULL);
  fl_free(end);
}

static void wild_end(struct wild *wild, struct fl_tool_request *request, int code, const char *text) {
  struct wild_end *end = fl_new(struct wild_end);
  end->request = request;
  end->sound_size = (size_t)fl_get_int(request->args, "size", 0);
  if (code != 0) fl_error_set(&end->err, code, "%s", text);
  end->post = (struct fl_post){.on_post = tell_end, .user = end};
  fl_world_post(wild->world, &end->post);
}

static void wild_ready(struct fl_timer *timer) {
  struct wild *wild = timer->user;
  struct fl_error err = {0};
  if (the_rig->wild_open_status != 0) fl_error_set(&err, the_rig->wild_open_status, "it does not start");
  wild->source.on_ready(&wild->source, err.code, err.code != 0 ? &err : NULL);
}

static void wild_open(struct fl_tool_source *source) {
  struct wild *wild = (struct wild *)(void *)source;
  wild->timer = (struct fl_timer){.on_fire = wild_ready, .user = wild};
  fl_timer_start(wild->world, &wild->timer, the_rig->wild_open_ms);
}

static void wild_call(struct fl_tool_source *source, struct fl_tool_request *request) {
  struct wild *wild = (struct wild *)(void *)source;
  fl_buf_addf(&the_rig->calls, "%s ", request->tool);
  if (strcmp(request->tool, "end") == 0)
    wild_end(wild, request, (int)fl_get_int(request->args, "code", FL_E_REMOTE),
             fl_get_string(request->args, "text", "it ended"));
  else if (request->on_progress != NULL) request->on_progress(request, 1, 2, "half");
}

static void wild_cancel(struct fl_tool_source *source, struct fl_tool_request *request) {
  the_rig->cancelled_count++;
  int code = strcmp(request->tool, "firm") == 0 ? 0 : FL_E_CANCELLED;
  wild_end((struct wild *)(void *)source, request, code, "it was cancelled");
}

static void tell_closed(struct fl_post *post) {
  struct wild *wild = post->user;
  wild->source.on_closed(&wild->source);
}

static void wild_close(struct fl_tool_source *source) {
  struct wild *wild = (struct wild *)(void *)source;
  fl_timer_stop(wild->world, &wild->timer);
  wild->closed_post = (struct fl_post){.on_post = tell_closed, .user = wild};
  fl_world_post(wild->world, &wild->closed_post);
}

static void wild_destroy(struct fl_tool_source *source) {
  for (size_t i = 0; i < source->tool_count; i++) fl_value_unref(source->tools[i].input_schema);
  fl_free(source->tools);
  fl_free(source->name);
  fl_free(source);
}

static const struct fl_tool_source_ops wild_ops = {wild_open, wild_call, wild_cancel, wild_close, wild_destroy};

static void add_wild(struct rig *rig) {
  struct wild *wild = fl_new(struct wild);
  wild->source.ops = &wild_ops;
  wild->source.name = fl_strdup("wild");
  wild->world = rig->world;
  wild->source.tool_count = 3;
  wild->source.tools = fl_new_array(struct fl_tool_info, 3);
  static const char *const names[] = {"end", "hang", "firm"};
  for (int i = 0; i < 3; i++)
    wild->source.tools[i] = (struct fl_tool_info){.name = names[i], .input_schema = json("{'type':'object'}")};
  assert_int_equal(fl_registry_add_take(fl_runtime_registry(rig->runtime), &wild->source, NULL), 0);
  fl_runtime_grant(rig->runtime, "wild");
}

/* ---- lives ---- */

void rig_up(struct rig *rig) {
  the_rig = rig;
  rig->world = fl_world_sim_create(rig->seed++);
  if (rig->store == NULL) rig->store = fl_store_memory_create(rig->world);
  else fl_store_memory_restart(rig->store, rig->world);
  rig->runtime = fl_runtime_create_in(rig->world, rig->store);
  struct fl_error err = {0};
  int rc = fl_runtime_add_tools(rig->runtime, "t", tools, sizeof tools / sizeof tools[0], &err);
  if (rc < 0) fail_msg("%s", err.text);
  add_wild(rig);
}

void rig_down(struct rig *rig) {
  if (fl_world_sim_is_crashed(rig->world)) {
    fl_store_memory_set_error(rig->store, FL_E_CANCELLED); /* nothing reaches it any more */
    fl_world_sim_bury(rig->world);
  }
  fl_runtime_shutdown(rig->runtime);
  fl_world_sim_run(rig->world);
  fl_runtime_destroy(rig->runtime);
  fl_world_destroy(rig->world);
  fl_store_memory_set_error(rig->store, 0);
  rig->runtime = NULL;
  rig->world = NULL;
}

static void forget_result(struct rig *rig) {
  fl_value_unref(rig->output);
  fl_value_unref(rig->interrupts);
  rig->output = rig->interrupts = NULL;
  rig->error = (struct fl_error){0};
  rig->is_over = false;
}

void rig_deinit(struct rig *rig) {
  if (rig->world != NULL) {
    rig_down(rig);
  }
  fl_store_close(rig->store);
  forget_result(rig);
  fl_buf_deinit(&rig->told);
  fl_buf_deinit(&rig->calls);
  fl_free(rig->call_ids);
  forget_texts();
}

/* ---- graphs ---- */

static void write_file(const char *folder, const char *name, const char *text) {
  FL_FREE_AUTO char *path = fl_format("%s/%s", folder, name);
  FILE *file = fopen(path, "we");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static int load(struct rig *rig, const char *text, const char *script, struct fl_definition **ret_definition,
                struct fl_error *err) {
  static const char *folder;
  if (folder == NULL) folder = test_folder();
  if (script != NULL) write_file(folder, "script.yaml", script);
  write_file(folder, "graph.yaml", text);
  FL_FREE_AUTO char *path = fl_format("%s/graph.yaml", folder);
  return fl_runtime_load(rig->runtime, path, ret_definition, err);
}

struct fl_definition *rig_load(struct rig *rig, const char *text, const char *script) {
  struct fl_definition *definition = NULL;
  struct fl_error err = {0};
  if (load(rig, text, script, &definition, &err) < 0) fail_msg("%s", err.text);
  fl_definition_unref(definition); /* the runtime holds it */
  return definition;
}

char *rig_load_fails(struct rig *rig, const char *text, const char *script) {
  struct fl_definition *definition = NULL;
  struct fl_error err = {0};
  assert_true(load(rig, text, script, &definition, &err) < 0);
  return fl_strdup(err.text);
}

/* ---- runs ---- */

static void on_event(const struct fl_run_event *event, void *user) {
  struct rig *rig = user;
  char *data = fl_dump(event->data, NULL);
  fl_buf_addf(&rig->told, "%s %s %s\n", event->mode, event->node != NULL ? event->node : "-", data);
  fl_text_free(data);
}

static void on_end(struct fl_invoke_result *result, const struct fl_error *err, void *user) {
  struct rig *rig = user;
  rig->is_over = true;
  rig->end_count++;
  rig->status = result->status;
  memcpy(rig->checkpoint, result->checkpoint, sizeof rig->checkpoint);
  if (err != NULL) rig->error = *err;
  rig->output = fl_value_ref(result->output);
  rig->interrupts = fl_value_ref(result->interrupts);
  memcpy(rig->thread, result->thread, sizeof rig->thread);
  fl_invoke_result_deinit(result);
}

struct fl_invocation *rig_start(struct rig *rig, struct fl_definition *definition, struct fl_invoke_options options) {
  forget_result(rig);
  fl_buf_clear(&rig->told);
  options.size = sizeof options;
  if (options.follow != 0 && options.on_event == NULL) {
    options.on_event = on_event;
    options.user = rig;
  }
  struct fl_invocation *invocation = NULL;
  struct fl_error err = {0};
  int rc = fl_runtime_start(rig->runtime, definition, &options, on_end, rig, &invocation, &err);
  fl_value_unref(options.input);
  fl_value_unref(options.resume);
  if (rc < 0) fail_msg("the run cannot be started: %s", err.text);
  return invocation;
}

enum fl_sim_verdict rig_turn(struct rig *rig) {
  enum fl_sim_verdict verdict = fl_world_sim_run(rig->world);
  if (verdict != FL_SIM_IDLE && verdict != FL_SIM_CRASHED) fail_msg("the world ended with verdict %d", verdict);
  return verdict;
}

int rig_run(struct rig *rig, struct fl_definition *definition, struct fl_invoke_options options) {
  rig_start(rig, definition, options);
  if (rig_turn(rig) == FL_SIM_CRASHED) fail_msg("the world crashed");
  if (!rig->is_over) fail_msg("nothing is left to happen, and the run has not ended");
  return rig->status;
}

/* ---- looking ---- */

struct fl_value *rig_out(const struct rig *rig, const char *channel) {
  return fl_get(rig->output, channel);
}

const char *rig_messages(const struct rig *rig, size_t from) {
  const struct fl_value *messages = rig_out(rig, "messages");
  struct fl_buf text = {0};
  fl_buf_add_text(&text, "");
  for (size_t i = from; i < fl_size(messages); i++) {
    const struct fl_value *message = fl_at(messages, i), *content = fl_get(message, "content");
    const char *plain = fl_as_string(content);
    fl_buf_addf(&text, "%s: %s\n", fl_get_string(message, "role", "?"), plain != NULL ? plain : text_of(content));
  }
  return keep_text(text.size > 0 ? fl_buf_take(&text, NULL) : fl_strdup(""));
}

const char *rig_stored_status(struct rig *rig, const char *thread) {
  struct fl_thread_info info = {0};
  if (fl_store_read_thread(rig->store, thread, &info, NULL) < 0) return "(no thread)";
  const char *status = keep_text(fl_strdup(info.status != NULL ? info.status : "(none)"));
  fl_thread_info_deinit(&info);
  return status;
}

const char *rig_told(const struct rig *rig, const char *prefix) {
  struct fl_buf text = {0};
  const char *at = rig->told.size > 0 ? rig->told.data : "";
  for (const char *end; (end = strchr(at, '\n')) != NULL; at = end + 1)
    if (strncmp(at, prefix, strlen(prefix)) == 0) fl_buf_add(&text, at, (size_t)(end + 1 - at));
  return keep_text(text.size > 0 ? fl_buf_take(&text, NULL) : fl_strdup(""));
}

/* SPDX-License-Identifier: MIT */
#include "runtime/redteam/stage.h"

#include "runtime/base/mem.h"

#include <fairlead/tools.h>
#include <stdlib.h>
#include <string.h>

struct prop {
  struct fl_stage *stage;
  const struct fl_suite_tool *tool;
  char *description, *schema;
};

struct fl_stage {
  struct fl_play *play;
  struct prop *props;
  struct fl_tool *tools; /* those of a server stand side by side */
  size_t count;
};

static int run_prop(struct fl_call *call, const struct fl_value *args, void *user) {
  struct prop *prop = user;
  struct fl_play *play = prop->stage->play;
  fl_play_made(play, prop->tool);
  struct fl_value *answer = fl_suite_answer(prop->tool, args, play->attack);
  if (!fl_is(answer, FL_STRING)) return fl_call_return_take(call, answer);
  int rc = fl_call_return_text(call, "%s", fl_as_string(answer));
  fl_value_unref(answer);
  return rc;
}

static size_t server_size(const char *name) { return strcspn(name, "/"); }

static bool is_of(const char *tool, const char *server) {
  return strlen(server) == server_size(tool) && strncmp(tool, server, strlen(server)) == 0;
}

char **fl_stage_servers(const struct fl_suite *suite) {
  char **servers = fl_new_array(char *, suite->tool_count + 1);
  size_t count = 0;
  for (size_t i = 0; i < suite->tool_count; i++) {
    bool is_known = false;
    for (size_t j = 0; j < count && !is_known; j++) is_known = is_of(suite->tools[i].name, servers[j]);
    if (!is_known) servers[count++] = fl_strndup(suite->tools[i].name, server_size(suite->tools[i].name));
  }
  return servers;
}

void fl_stage_servers_free(char **servers) {
  for (size_t i = 0; servers[i] != NULL; i++) fl_free(servers[i]);
  fl_free(servers);
}

static char *describe(const struct fl_suite_tool *tool, const struct fl_suite_attack *attack) {
  bool is_poisoned = attack != NULL && attack->plant == tool && strcmp(attack->at, "description") == 0;
  return fl_format("%s%s%s", tool->description, is_poisoned ? "\n" : "", is_poisoned ? attack->text : "");
}

static void add_prop(struct fl_stage *stage, const struct fl_suite_tool *tool) {
  struct prop *prop = &stage->props[stage->count];
  *prop = (struct prop){.stage = stage, .tool = tool, .description = describe(tool, stage->play->attack)};
  char *schema = tool->input != NULL ? fl_dump(tool->input, NULL) : NULL;
  prop->schema = fl_strdup(schema != NULL ? schema : "{\"type\":\"object\"}");
  fl_text_free(schema);
  stage->tools[stage->count++] = (struct fl_tool){.size = sizeof(struct fl_tool),
                                                  .name = tool->name + server_size(tool->name) + 1,
                                                  .description = prop->description,
                                                  .input_schema = prop->schema,
                                                  .flags = FL_TOOL_QUICK | FL_TOOL_PARALLEL,
                                                  .run = run_prop,
                                                  .user = prop};
}

static int add_server(struct fl_stage *stage, const struct fl_suite *suite, const char *server,
                      struct fl_runtime *runtime, struct fl_error *err) {
  size_t first = stage->count;
  for (size_t i = 0; i < suite->tool_count; i++)
    if (is_of(suite->tools[i].name, server)) add_prop(stage, &suite->tools[i]);
  struct fl_local_tools local = {.server = server, .tools = stage->tools + first, .count = stage->count - first};
  struct fl_tool_source *source = NULL;
  int rc = fl_tool_source_local(fl_runtime_world(runtime), &local, &source, err);
  return rc < 0 ? rc : fl_registry_add_take(fl_runtime_registry(runtime), source, err);
}

int fl_stage_build(const struct fl_suite *suite, struct fl_play *play, struct fl_runtime *runtime,
                   struct fl_stage **ret_stage, struct fl_error *err) {
  struct fl_stage *stage = fl_new(struct fl_stage);
  char **servers = fl_stage_servers(suite);
  int rc = 0;
  stage->play = play;
  stage->props = fl_new_array(struct prop, suite->tool_count + 1);
  stage->tools = fl_new_array(struct fl_tool, suite->tool_count + 1);
  for (size_t i = 0; servers[i] != NULL && rc == 0; i++) rc = add_server(stage, suite, servers[i], runtime, err);
  fl_stage_servers_free(servers);
  *ret_stage = stage; /* also after a failure: sources that were added use it */
  return rc;
}

void fl_stage_destroy(struct fl_stage *stage) {
  if (stage == NULL) return;
  for (size_t i = 0; i < stage->count; i++) {
    fl_free(stage->props[i].description);
    fl_free(stage->props[i].schema);
  }
  fl_free(stage->props);
  fl_free(stage->tools);
  fl_free(stage);
}

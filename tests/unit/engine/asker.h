/* SPDX-License-Identifier: MIT */
/* A server "q" for a rig, whose tools ask a person. What it is asked for is noted in `asker.log`, a word each: "form",
 * "form(ANSWERS)" when it goes on with answers, "form[known]" when it has been given some before it asks.
 *   form {}        asks one question, keeps a state
 *   two {}         two questions at once
 *   again {}       one, and another one after the answer
 *   page {}        a page to visit
 *   task {}        is a task at once, asks in it, and ends
 *   held {}        asks while it is held, for as long as the life of its source
 *   late {"ms"}    as form, after so many milliseconds
 *   stale {}       as form, but its state is of one life: in another it does not know it
 *   liar {}        never knows its state
 *   plain {}       asks nothing
 * Each answers "TOOL: ANSWERS" in the end. Header-only, for one test each. */
#pragma once
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

struct asker {
  struct fl_tool_source source;
  struct fl_world *world;
  int life;
  struct fl_post ready_post, closed_post;
};
static struct fl_buf asker_log;
static int asker_lives;
static bool asker_drops_holds, asker_dies_on_answers;

#define FORM "{'type':'object','properties':{'name':{'type':'string'},'age':{'type':'integer'}},'required':['name']}"
#define ASKS(MESSAGE) "{'message':'" MESSAGE "','requestedSchema':" FORM "}"

struct asker_end {
  struct fl_post post;
  struct fl_tool_request *request;
  struct fl_value *pause, *result;
  int code; /* without either */
};

static void asker_tell(struct fl_post *post) {
  struct asker_end *end = post->user;
  if (end->pause != NULL) end->request->on_pause(end->request, end->pause);
  else if (end->result != NULL) end->request->on_done(end->request, 0, end->result, true, NULL);
  else end->request->on_done(end->request, end->code, NULL, true, &(struct fl_error){.code = end->code});
  fl_value_unref(end->pause);
  fl_value_unref(end->result);
  free(end);
}

static void asker_tell_now(void *user) {
  struct asker_end *end = user;
  asker_tell(&end->post);
}

static struct asker_end *asker_end(struct asker *asker, struct fl_tool_request *request, struct fl_value *pause) {
  struct asker_end *end = calloc(1, sizeof *end);
  end->request = request;
  end->pause = pause;
  end->code = FL_E_CANCELLED;
  end->post = (struct fl_post){.on_post = asker_tell, .user = end};
  uint32_t ms = (uint32_t)fl_get_int(request->args, "ms", 0);
  if (ms > 0 && request->pause == NULL) fl_world_sim_after(asker->world, ms, asker_tell_now, end);
  else fl_world_post(asker->world, &end->post);
  return end;
}

static void asker_done(struct asker *asker, struct fl_tool_request *request) {
  const char *answers = request->answers != NULL ? text_of(request->answers) : text_of(request->known);
  struct fl_value *text = fl_stringf("%s: %s", request->tool, answers), *block = fl_object(), *content = fl_array();
  struct fl_value *result = fl_object();
  fl_set_string(block, "type", "text");
  fl_set_take(block, "text", text);
  fl_append_take(content, block);
  fl_set_take(result, "content", content);
  asker_end(asker, request, NULL)->result = result;
}

static struct fl_value *asker_hold(const struct asker *asker) {
  FL_FREE_AUTO char *text = fl_format("{'kind':'held','hold':'%d','questions':{'ask':" ASKS("Held?") "}}", asker->life);
  return json(text);
}

/* The pause that follows; NULL: it is done. */
static struct fl_value *asker_next(const struct asker *asker, const struct fl_tool_request *request) {
  const char *tool = request->tool, *kind = fl_get_string(request->pause, "kind", ""),
             *said = request->pause != NULL ? fl_get_string(request->pause, "state", "") : "-";
  if (strcmp(tool, "held") == 0) return request->pause == NULL && request->known == NULL ? asker_hold(asker) : NULL;
  if (strcmp(tool, "task") == 0 && request->pause == NULL) return json("{'kind':'task','task':'t','questions':{}}");
  if (strcmp(tool, "task") == 0 && fl_size(request->answers) == 0)
    return json("{'kind':'task','task':'t','questions':{'k':" ASKS("Go on?") "}}");
  if (strcmp(tool, "again") == 0 && strcmp(said, "1") == 0)
    return json("{'kind':'input_required','state':'2','questions':{'b':" ASKS("And?") "}}");
  if (kind[0] != '\0' || strcmp(tool, "plain") == 0) return NULL;
  if (strcmp(tool, "two") == 0)
    return json("{'kind':'input_required','state':'1','questions':{'a':" ASKS("First?") ",'b':" ASKS("Second?") "}}");
  if (strcmp(tool, "page") == 0)
    return json(
        "{'kind':'input_required','questions':{'a':{'mode':'url','message':'Sign in','url':'https://x.test/'}}}");
  return json("{'kind':'input_required','state':'1','questions':{'a':" ASKS("Who?") "}}");
}

static void asker_call(struct fl_tool_source *source, struct fl_tool_request *request) {
  struct asker *asker = (struct asker *)(void *)source;
  const char *answers = fl_size(request->answers) > 0 ? text_of(request->answers) : NULL;
  fl_buf_addf(&asker_log, "%s", request->tool);
  if (answers != NULL) fl_buf_addf(&asker_log, "(%s)", answers);
  if (fl_size(request->known) > 0) fl_buf_addf(&asker_log, "[%s]", text_of(fl_get(fl_at(request->known, 0), "answer")));
  fl_buf_add_text(&asker_log, " ");
  if (answers != NULL && asker_dies_on_answers) {
    asker_dies_on_answers = false;
    asker_end(asker, request, NULL);
    fl_world_sim_crash(asker->world);
    return;
  }
  bool is_liar = strcmp(request->tool, "liar") == 0, is_stale = strcmp(request->tool, "stale") == 0;
  bool is_other =
      is_stale && request->pause != NULL && strtol(fl_get_string(request->pause, "state", ""), NULL, 10) != asker->life;
  if (request->pause != NULL && (is_other || is_liar)) {
    asker_end(asker, request, NULL)->code = FL_E_CONFLICT;
    return;
  }
  struct fl_value *pause = asker_next(asker, request);
  if (pause != NULL && is_stale) fl_set_take(pause, "state", fl_stringf("%d", asker->life));
  if (pause != NULL) asker_end(asker, request, pause);
  else asker_done(asker, request);
}

static void asker_cancel(struct fl_tool_source *source, struct fl_tool_request *request) {} /* its end is on its way */

static bool asker_holds(const struct fl_tool_source *source, const struct fl_value *pause) {
  const struct asker *asker = (const struct asker *)(const void *)source;
  return !asker_drops_holds && strtol(fl_get_string(pause, "hold", "0"), NULL, 10) == asker->life;
}

static void asker_ready(struct fl_post *post) {
  struct asker *asker = post->user;
  asker->source.on_ready(&asker->source, 0, NULL);
}

static void asker_open(struct fl_tool_source *source) {
  struct asker *asker = (struct asker *)(void *)source;
  asker->ready_post = (struct fl_post){.on_post = asker_ready, .user = asker};
  fl_world_post(asker->world, &asker->ready_post);
}

static void asker_closed(struct fl_post *post) {
  struct asker *asker = post->user;
  asker->source.on_closed(&asker->source);
}

static void asker_close(struct fl_tool_source *source) {
  struct asker *asker = (struct asker *)(void *)source;
  asker->closed_post = (struct fl_post){.on_post = asker_closed, .user = asker};
  fl_world_post(asker->world, &asker->closed_post);
}

static void asker_destroy(struct fl_tool_source *source) {
  for (size_t i = 0; i < source->tool_count; i++) fl_value_unref(source->tools[i].input_schema);
  fl_free(source->tools);
  fl_free(source->name);
  fl_free(source);
}

static const struct fl_tool_source_ops asker_ops = {.open = asker_open,
                                                    .call = asker_call,
                                                    .cancel = asker_cancel,
                                                    .close = asker_close,
                                                    .destroy = asker_destroy,
                                                    .holds = asker_holds};

static void asker_add(struct rig *rig) {
  static const char *const names[] = {"form", "two", "again", "page", "task", "held", "late", "stale", "liar", "plain"};
  enum { COUNT = sizeof names / sizeof names[0] };
  struct asker *asker = fl_new(struct asker);
  asker->source.ops = &asker_ops;
  asker->source.name = fl_strdup("q");
  asker->source.tools = fl_new_array(struct fl_tool_info, COUNT);
  asker->source.tool_count = COUNT;
  for (size_t i = 0; i < COUNT; i++)
    asker->source.tools[i] = (struct fl_tool_info){.name = names[i], .input_schema = json("{'type':'object'}")};
  asker->world = rig->world;
  asker->life = ++asker_lives;
  struct fl_error err = {0};
  if (fl_registry_add_take(rig->runtime->registry, &asker->source, &err) != 0) fail_msg("%s", err.text);
  fl_runtime_grant(rig->runtime, "q");
}

/* SPDX-License-Identifier: MIT */
/* The registry in the simulated world: sources that open, fail, change and are called by their full names. */
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/io/world_sim.h"
#include "tests/support/support.h"
#include "tools/registry.h"

#include <stdio.h>

/* ---- a source whose answers the test decides ---- */

struct fake {
  struct fl_tool_source source;
  struct fl_world *world;
  struct fl_tool_info tools[4];
  struct fl_value *schema;
  struct fl_timer ready_timer, closed_timer;
  int fail_opens; /* so many opens fail first */
  int open_count, call_count, cancel_count;
  char called[64];
  bool is_destroyed;
};

static struct fl_world *world;
static struct fl_registry *registry;
static struct fake fakes[3];

static struct fake *of(struct fl_tool_source *source) { return (struct fake *)(void *)source; }

static void fire_ready(struct fl_timer *timer) {
  struct fake *fake = timer->user;
  struct fl_error err;
  if (fake->fail_opens-- > 0) {
    fl_error_set(&err, FL_E_CLOSED, "%s does not start", fake->source.name);
    fake->source.on_ready(&fake->source, err.code, &err);
  } else fake->source.on_ready(&fake->source, 0, NULL);
}
static void fake_open(struct fl_tool_source *source) {
  struct fake *fake = of(source);
  fake->open_count++;
  fake->ready_timer = (struct fl_timer){.on_fire = fire_ready, .user = fake};
  fl_timer_start(world, &fake->ready_timer, 10);
}
static void fake_call(struct fl_tool_source *source, struct fl_tool_request *request) {
  struct fake *fake = of(source);
  fake->call_count++;
  snprintf(fake->called, sizeof fake->called, "%s", request->tool);
  FL_VALUE_AUTO result = fl_object();
  request->on_done(request, 0, result, true, NULL);
}
static void fake_cancel(struct fl_tool_source *source, struct fl_tool_request *request) { of(source)->cancel_count++; }
static void fire_closed(struct fl_timer *timer) {
  struct fake *fake = timer->user;
  fake->source.on_closed(&fake->source);
}
static void fake_close(struct fl_tool_source *source) {
  struct fake *fake = of(source);
  fl_timer_stop(world, &fake->ready_timer);
  fake->closed_timer = (struct fl_timer){.on_fire = fire_closed, .user = fake};
  fl_timer_start(world, &fake->closed_timer, 10);
}
static void fake_destroy(struct fl_tool_source *source) {
  of(source)->is_destroyed = true;
  fl_value_unref(of(source)->schema);
}
static const struct fl_tool_source_ops FAKE_OPS = {fake_open, fake_call, fake_cancel, fake_close, fake_destroy};

static struct fake *make(int index, const char *name, const char *schema) {
  struct fake *fake = &fakes[index];
  *fake = (struct fake){.source = {.ops = &FAKE_OPS, .name = (char *)(uintptr_t)name}};
  assert_int_equal(fl_parse(schema, strlen(schema), &fake->schema, NULL), 0);
  fake->tools[0] = (struct fl_tool_info){.name = "b", .input_schema = fake->schema};
  fake->tools[1] = (struct fl_tool_info){.name = "a", .input_schema = fake->schema};
  fake->source.tools = fake->tools;
  fake->source.tool_count = 2;
  return fake;
}

/* ---- helpers ---- */

static int ready_count, ready_status, done_count, done_status, closed_count;
static bool done_sent;
static char text[FL_ERROR_TEXT_MAX];

static void on_ready(struct fl_registry_open *open, int status, const struct fl_error *err) {
  ready_count++;
  ready_status = status;
  snprintf(text, sizeof text, "%s", err != NULL ? err->text : "");
}
static void on_done(struct fl_tool_request *request, int status, struct fl_value *result, bool sent,
                    const struct fl_error *err) {
  done_count++;
  done_status = status;
  done_sent = sent;
  snprintf(text, sizeof text, "%s", err != NULL ? err->text : "");
}
static void on_closed(void *user) { closed_count++; }

static int setup(void **state) {
  world = fl_world_sim_create(1);
  registry = fl_registry_create(world);
  ready_count = done_count = closed_count = 0;
  assert_int_equal(
      fl_registry_add_take(registry, &make(0, "one", "{\"type\":\"object\",\"required\":[\"x\"]}")->source, NULL), 0);
  assert_int_equal(fl_registry_add_take(registry, &make(1, "two", "{\"type\":\"object\"}")->source, NULL), 0);
  return 0;
}

static int teardown(void **state) {
  if (closed_count == 0) fl_registry_close(registry, on_closed, NULL);
  fl_world_sim_run(world);
  assert_int_equal(closed_count, 1);
  fl_registry_destroy(registry);
  assert_true(fakes[0].is_destroyed && fakes[1].is_destroyed);
  fl_world_destroy(world);
  return 0;
}

static void open_all(void) {
  static struct fl_registry_open open;
  open = (struct fl_registry_open){.on_ready = on_ready};
  fl_registry_open(registry, &open);
  fl_world_sim_run(world);
  assert_int_equal(ready_status, 0);
}

/* ---- tests ---- */

static bool collect(const struct fl_registry_tool *tool, void *user) {
  fl_buf_addf(user, "%s ", tool->full_name);
  return true;
}

static bool collect_one(const struct fl_registry_tool *tool, void *user) {
  collect(tool, user);
  return false;
}

static void tools_are_found_by_both_names_and_visited_in_order(void **state) {
  FL_BUF_AUTO names = {0};
  assert_null(fl_registry_find(registry, "one/a"));
  open_all();
  assert_string_equal(fl_registry_find(registry, "one/a")->model_name, "one__a");
  assert_string_equal(fl_registry_find_model_name(registry, "two__b")->full_name, "two/b");
  assert_null(fl_registry_find_model_name(registry, "two/b"));
  fl_registry_visit(registry, collect, &names);
  assert_string_equal(names.data, "one/a one/b two/a two/b ");
  fl_buf_clear(&names);
  fl_registry_visit(registry, collect_one, &names);
  assert_string_equal(names.data, "one/a ");
}

static void only_the_named_servers_are_opened_and_only_once(void **state) {
  struct fl_registry_open first = {.on_ready = on_ready, .names = (const char *const[]){"two", NULL}}, second = first,
                          third = first;
  fl_registry_open(registry, &first);
  fl_registry_open(registry, &second);
  assert_int_equal(ready_count, 0);
  fl_world_sim_run(world);
  assert_int_equal(ready_count, 2);
  fl_registry_open(registry, &third);
  fl_world_sim_run(world);
  assert_int_equal(ready_count, 3);
  assert_int_equal(fakes[0].open_count, 0);
  assert_int_equal(fakes[1].open_count, 1);
}

static void a_server_that_does_not_open_is_named_and_tried_again(void **state) {
  struct fl_registry_open open = {.on_ready = on_ready}, again = open;
  fakes[1].fail_opens = 1;
  fl_registry_open(registry, &open);
  fl_world_sim_run(world);
  assert_int_equal(ready_status, FL_E_CLOSED);
  assert_string_equal(text, "two does not start");
  assert_non_null(fl_registry_find(registry, "one/a"));
  fl_registry_open(registry, &again);
  fl_world_sim_run(world);
  assert_int_equal(ready_status, 0);
  assert_int_equal(fakes[0].open_count, 1);
  assert_int_equal(fakes[1].open_count, 2);
}

static void an_unknown_server_cannot_be_opened(void **state) {
  struct fl_registry_open open = {.on_ready = on_ready, .names = (const char *const[]){"three", NULL}};
  fl_registry_open(registry, &open);
  assert_int_equal(ready_count, 0);
  fl_world_sim_run(world);
  assert_int_equal(ready_status, FL_E_NOT_FOUND);
  assert_string_equal(text, "there is no tool server \"three\"");
}

static void a_call_opens_its_server_and_reaches_it_by_its_own_name(void **state) {
  struct fl_tool_request request = {.tool = "two/a", .on_done = on_done};
  fl_registry_call(registry, &request);
  assert_int_equal(fakes[1].call_count, 0);
  fl_world_sim_run(world);
  assert_int_equal(done_count, 1);
  assert_string_equal(fakes[1].called, "a");
  assert_int_equal(fakes[0].open_count, 0);
}

static void calls_that_go_nowhere_are_answered_later(void **state) {
  struct fl_tool_request nowhere = {.tool = "three/a", .on_done = on_done},
                         nameless = {.tool = "a", .on_done = on_done};
  fl_registry_call(registry, &nowhere);
  fl_registry_call(registry, &nameless);
  fl_registry_cancel(registry, &nowhere); /* nothing to cancel */
  assert_int_equal(done_count, 0);
  fl_world_sim_run(world);
  assert_int_equal(done_count, 2);
  assert_int_equal(done_status, FL_E_NOT_FOUND);
  assert_false(done_sent);
}

static void a_call_fails_with_the_server_that_it_waits_for(void **state) {
  struct fl_tool_request request = {.tool = "two/a", .on_done = on_done};
  fakes[1].fail_opens = 1;
  fl_registry_call(registry, &request);
  fl_world_sim_run(world);
  assert_int_equal(done_status, FL_E_CLOSED);
  assert_false(done_sent);
  assert_string_equal(text, "two does not start");
}

static void a_call_that_waits_can_be_cancelled(void **state) {
  struct fl_tool_request first = {.tool = "two/a", .on_done = on_done}, second = first;
  fl_registry_call(registry, &first);
  fl_registry_call(registry, &second);
  fl_registry_cancel(registry, &second);
  fl_world_sim_run(world);
  assert_int_equal(done_count, 2);
  assert_int_equal(fakes[1].call_count, 1);
  assert_int_equal(fakes[1].cancel_count, 0);
}

static void a_changed_list_is_indexed_anew(void **state) {
  open_all();
  fakes[0].tools[0].name = "c";
  fakes[0].source.tool_count = 1;
  fakes[0].source.on_tools_changed(&fakes[0].source);
  assert_non_null(fl_registry_find(registry, "one/c"));
  assert_null(fl_registry_find(registry, "one/a"));
  assert_non_null(fl_registry_find(registry, "two/a"));
  fakes[0].tools[1].name = "c"; /* twice the same name: the first counts */
  fakes[0].source.tool_count = 2;
  fakes[0].source.on_tools_changed(&fakes[0].source);
  FL_BUF_AUTO names = {0};
  fl_registry_visit(registry, collect, &names);
  assert_string_equal(names.data, "one/c two/a two/b ");
}

static void arguments_are_checked_against_the_schema(void **state) {
  FL_BUF_AUTO problem = {0};
  FL_VALUE_AUTO args = fl_object();
  open_all();
  assert_int_equal(fl_registry_check_args(fl_registry_find(registry, "two/a"), args, &problem), 0);
  assert_int_equal(fl_registry_check_args(fl_registry_find(registry, "one/a"), args, &problem), 1);
  assert_non_null(strstr(problem.data, "Invalid arguments for tool one/a: "));
  assert_non_null(strstr(problem.data, "\"x\""));
}

static void a_schema_that_is_of_no_use_is_noted(void **state) {
  FL_BUF_AUTO problem = {0};
  FL_VALUE_AUTO args = fl_object();
  fl_registry_add_take(registry, &make(2, "three", "{\"type\":\"object\",\"properties\":7}")->source, NULL);
  open_all();
  const struct fl_registry_tool *tool = fl_registry_find(registry, "three/a");
  assert_null(tool->input);
  assert_non_null(tool->schema_error);
  assert_int_equal(fl_registry_check_args(tool, args, &problem), 0);
}

static void server_names_are_unique_and_plain(void **state) {
  struct fl_error err;
  assert_int_equal(fl_registry_add_take(registry, &make(2, "one", "{}")->source, &err), FL_E_EXISTS);
  assert_true(fakes[2].is_destroyed);
  const char *const wrong[] = {"", "a/b", "a*", "a b",
                               "0123456789012345678901234567890123456789012345678901234567890123456789"};
  for (size_t i = 0; i < 5; i++)
    assert_int_equal(fl_registry_add_take(registry, &make(2, wrong[i], "{}")->source, &err), FL_E_INVALID);
}

static void closing_ends_what_waits(void **state) {
  struct fl_registry_open open = {.on_ready = on_ready};
  struct fl_tool_request request = {.tool = "two/a", .on_done = on_done}, late = {.tool = "one/a", .on_done = on_done};
  fl_registry_open(registry, &open);
  fl_registry_call(registry, &request);
  fl_registry_close(registry, on_closed, NULL);
  fl_registry_call(registry, &late);
  fl_world_sim_run(world);
  assert_int_equal(ready_count, 1);
  assert_int_equal(ready_status, FL_E_CLOSED);
  assert_int_equal(done_count, 2);
  assert_int_equal(done_status, FL_E_CLOSED);
  assert_int_equal(closed_count, 1);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(tools_are_found_by_both_names_and_visited_in_order),
      TEST(only_the_named_servers_are_opened_and_only_once),
      TEST(a_server_that_does_not_open_is_named_and_tried_again),
      TEST(an_unknown_server_cannot_be_opened),
      TEST(a_call_opens_its_server_and_reaches_it_by_its_own_name),
      TEST(calls_that_go_nowhere_are_answered_later),
      TEST(a_call_fails_with_the_server_that_it_waits_for),
      TEST(a_call_that_waits_can_be_cancelled),
      TEST(a_changed_list_is_indexed_anew),
      TEST(arguments_are_checked_against_the_schema),
      TEST(a_schema_that_is_of_no_use_is_noted),
      TEST(server_names_are_unique_and_plain),
      TEST(closing_ends_what_waits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

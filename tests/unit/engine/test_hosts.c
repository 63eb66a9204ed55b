/* SPDX-License-Identifier: MIT */
/* Hosts in the arguments of calls: what they resolve to is looked up before the policy decides, for each call anew, and
 * an address of this machine, of a private network or of the metadata service is refused. */
#include "rig.h"

#include <stdio.h>

static const char *folder;
static int lookup_count;
static const char *const *answers; /* of lookups, in order; the last one stays */

/* "1.2.3.4,::1": the addresses; "": the name does not resolve. */
static int look(const char *host, struct fl_value *addresses, struct fl_error *err) {
  const char *answer = answers[lookup_count];
  lookup_count++;
  if (answers[lookup_count] == NULL) lookup_count--;
  if (answer[0] == '\0') return fl_error_set(err, FL_E_NETWORK, "no such host");
  for (const char *end; answer != NULL; answer = *end == ',' ? end + 1 : NULL) {
    end = strchrnul(answer, ',');
    fl_append_take(addresses, fl_string_n(answer, (size_t)(end - answer)));
  }
  return 0;
}

#define GRAPH                                                                                   \
  "fairlead: 1\nname: hosts\nmanifest: %s/m.yaml\nstate: { messages: { reducer: messages } }\n" \
  "nodes: { tools: { type: tools, tools: [t/*] } }\nedges: [ START -> tools, tools -> END ]\n"
#define RULE(MORE)                                                                                                   \
  "tools: [ { match: t/echo, effect: read, args: { properties: { text: { type: string, format: uri } } }" MORE " } " \
                                                                                                               "]\n"

static struct fl_definition *load(struct rig *rig, const char *rules) {
  FL_FREE_AUTO char *path = fl_format("%s/m.yaml", folder), *text = fl_format(GRAPH, folder);
  FILE *file = fopen(path, "we");
  assert_non_null(file);
  fprintf(file, "manifest: 1\nid: hosts\n%s", rules);
  fclose(file);
  rig->runtime->lookup = look;
  return rig_load(rig, text, NULL);
}

static struct fl_value *asks(const char *url) {
  FL_FREE_AUTO char *text = fl_format("{'messages':[{'role':'assistant','content':'','tool_calls':["
                                      "{'id':'1','name':'t__echo','args':{'text':'%s'}}]}]}",
                                      url);
  return json(text);
}

static void resolves_to(const char *const *list) {
  answers = list;
  lookup_count = 0;
}

static const char *answer(const struct rig *rig) {
  return fl_get_string(fl_at(rig_out(rig, "messages"), 1), "content", "");
}

static const char *call(struct rig *rig, struct fl_definition *definition, const char *url) {
  assert_int_equal(rig_run(rig, definition, (struct fl_invoke_options){.input = asks(url)}), 0);
  return answer(rig);
}

static const struct {
  const char *addresses, *says; /* NULL: the call is made */
} resolutions[] = {
    {"93.184.216.34", NULL},
    {"2606:2800:220:1::1,93.184.216.34", NULL},
    {"127.0.0.1", "leads to 127.0.0.1"},
    {"0.0.0.0", "leads to 0.0.0.0"},
    {"10.1.2.3", "leads to 10.1.2.3"},
    {"172.16.0.1", "leads to 172.16.0.1"},
    {"192.168.1.1", "leads to 192.168.1.1"},
    {"100.64.0.1", "leads to 100.64.0.1"},
    {"169.254.169.254", "leads to 169.254.169.254"},
    {"fd00::1", "leads to fd00::1"},
    {"fd00:ec2::254", "leads to fd00:ec2::254"},
    {"fe80::1", "leads to fe80::1"},
    {"::1", "leads to ::1"},
    {"::ffff:10.0.0.1", "leads to ::ffff:10.0.0.1"},
    {"::ffff:169.254.169.254", "leads to ::ffff:169.254.169.254"},
    {"64:ff9b::7f00:1", "leads to 64:ff9b::7f00:1"},
    {"2002:7f00:1::", "leads to 2002:7f00:1::"},
    {"93.184.216.34,127.0.0.1", "leads to 127.0.0.1"}, /* one of several is enough */
    {"", "has a host that resolves to nothing"},
};

static void an_address_decides_about_a_name(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = load(&rig, RULE(""));
  for (size_t i = 0; i < sizeof resolutions / sizeof *resolutions; i++) {
    resolves_to((const char *const[]){resolutions[i].addresses, NULL});
    rig.calls.size = 0;
    const char *said = call(&rig, definition, "https://rebind.example/x");
    const char *wanted = resolutions[i].says != NULL ? resolutions[i].says : "https://rebind.example/x";
    if (strstr(said, wanted) == NULL) fail_msg("row %zu: %s", i, said);
    assert_int_equal(rig.calls.size > 0, resolutions[i].says == NULL);
  }
  rig_deinit(&rig);
}

/* What was good for one call says nothing about the next. */
static void each_call_is_looked_up_anew(void **state) {
  static const char *const list[] = {"93.184.216.34", "169.254.169.254", NULL};
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = load(&rig, RULE(""));
  resolves_to(list);
  assert_string_equal(call(&rig, definition, "https://rebind.example/"), "https://rebind.example/");
  assert_non_null(strstr(call(&rig, definition, "https://rebind.example/"), "leads to 169.254.169.254"));
  rig_deinit(&rig);
}

/* An address needs no lookup, a rule that allows private ones none, and what is refused anyway none. */
static void nothing_is_looked_up_that_does_not_count(void **state) {
  static const char *const list[] = {"127.0.0.1", NULL}, *const none[] = {"", "", NULL};
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = load(&rig, RULE(""));
  resolves_to(none);
  assert_string_equal(call(&rig, definition, "https://93.184.216.34/"), "https://93.184.216.34/");
  assert_non_null(strstr(call(&rig, definition, "https://[fd00::1]/"), "leads to this machine"));
  assert_non_null(strstr(call(&rig, definition, "ftp://files.example/"), "/tools/0/args"));
  assert_int_equal(lookup_count, 0);
  definition = load(&rig, RULE(", private_addresses: true"));
  resolves_to(list);
  assert_string_equal(call(&rig, definition, "https://inside.example/"), "https://inside.example/");
  assert_int_equal(lookup_count, 0);
  rig_deinit(&rig);
}

/* The call that a person puts in the place of another is looked up like any other. */
static void an_edited_call_is_looked_up_again(void **state) {
  static const char *const list[] = {"93.184.216.34", "93.184.216.34", "10.0.0.1", NULL};
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = load(&rig, RULE(", approval: {}"));
  resolves_to(list);
  struct fl_invoke_options options = {.thread = "a", .input = asks("https://good.example/")};
  assert_int_equal(rig_run(&rig, definition, options), 1);
  const struct fl_value *question = fl_get(fl_at(rig.interrupts, 0), "value");
  FL_FREE_AUTO char *edit = fl_format("{'action':'edit','code':'%s','args':{'text':'https://inside.example/'}}",
                                      fl_get_string(question, "code", "?"));
  options = (struct fl_invoke_options){.thread = "a", .resume = json(edit)};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_non_null(strstr(answer(&rig), "leads to 10.0.0.1"));
  assert_int_equal(rig.calls.size, 0);
  rig_deinit(&rig);
}

/* An approved call is looked up before it is made, not only before it is asked about. */
static void an_approval_is_for_no_other_address(void **state) {
  static const char *const list[] = {"93.184.216.34", "127.0.0.1", NULL};
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = load(&rig, RULE(", approval: {}"));
  resolves_to(list);
  struct fl_invoke_options options = {.thread = "a", .input = asks("https://rebind.example/")};
  assert_int_equal(rig_run(&rig, definition, options), 1);
  const struct fl_value *question = fl_get(fl_at(rig.interrupts, 0), "value");
  FL_FREE_AUTO char *yes = fl_format("{'action':'approve','code':'%s'}", fl_get_string(question, "code", "?"));
  options = (struct fl_invoke_options){.thread = "a", .resume = json(yes)};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_non_null(strstr(answer(&rig), "leads to 127.0.0.1"));
  assert_int_equal(rig.calls.size, 0);
  rig_deinit(&rig);
}

static void cancel(void *user) { fl_invocation_cancel(user); }
static struct fl_invocation *the_run;
static struct rig *the_rig;

/* The run is cancelled while the pool looks. */
static int look_and_cancel(const char *host, struct fl_value *addresses, struct fl_error *err) {
  fl_world_sim_after(the_rig->world, 0, cancel, the_run);
  fl_append_take(addresses, fl_string("93.184.216.34"));
  return 0;
}

static void a_lookup_that_nobody_waits_for_ends_by_itself(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = load(&rig, RULE(""));
  rig.runtime->lookup = look_and_cancel;
  the_rig = &rig;
  the_run = rig_start(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = asks("https://a.example/")});
  rig_turn(&rig);
  assert_true(rig.is_over);
  assert_int_equal(rig.status, FL_E_CANCELLED);
  assert_int_equal(rig.runtime->release_count, 0);
  rig.runtime->lookup = look;
  resolves_to((const char *const[]){"93.184.216.34", NULL});
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a"}), 0);
  assert_string_equal(answer(&rig), "https://a.example/");
  rig_deinit(&rig);
}

static int make_folder(void **state) {
  folder = test_folder();
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_address_decides_about_a_name),
      cmocka_unit_test(each_call_is_looked_up_anew),
      cmocka_unit_test(nothing_is_looked_up_that_does_not_count),
      cmocka_unit_test(an_edited_call_is_looked_up_again),
      cmocka_unit_test(an_approval_is_for_no_other_address),
      cmocka_unit_test(a_lookup_that_nobody_waits_for_ends_by_itself),
  };
  return cmocka_run_group_tests(tests, make_folder, NULL);
}

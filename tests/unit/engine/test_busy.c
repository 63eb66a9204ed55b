/* SPDX-License-Identifier: MIT */
/* A thread that is being run already: reject, enqueue, interrupt, rollback, among the runs of a process and between
 * processes (two runtimes on one store). The node naps for three seconds and adds one; an input names its run. */
#include "tests/unit/engine/rig.h"

#include <stdio.h>

enum { NAP_MS = 3000, CLIENTS_MAX = 1100 };

static const char naps[] =
    "fairlead: 1\nname: naps\n"
    "state: { n: { type: integer, reducer: sum, default: 0 }, by: { reducer: append } }\n"
    "nodes: { nap: { type: c, function: nap }, done: { type: set, write: { by: \"['done']\" } } }\n"
    "edges: [ START -> nap, nap -> done, done -> END ]\n";

static void wake_up(void *user) { fl_task_complete(user, FL_DONE); }

static int nap(struct fl_task *task, void *user) {
  fl_task_write_take(task, "n", fl_int(1));
  fl_world_sim_after(user, NAP_MS, wake_up, task);
  return FL_PENDING;
}

/* A client: one run, and what came of it. */
struct client {
  struct fl_runtime *runtime;
  struct fl_definition *definition;
  struct fl_invocation *invocation;
  int status, place; /* 99: not ended; the how manyeth of all ends */
  int64_t ended_ms;
  char text[200];
  char output[16384];
};

static int end_count;

static void on_end(struct fl_invoke_result *result, const struct fl_error *err, void *user) {
  struct client *client = user;
  client->status = result->status;
  client->place = ++end_count;
  client->ended_ms = fl_world_now_ms(client->runtime->world);
  client->invocation = NULL;
  if (err != NULL) snprintf(client->text, sizeof client->text, "%.199s", err->text);
  snprintf(client->output, sizeof client->output, "%s", result->output != NULL ? text_of(result->output) : "");
  fl_invoke_result_deinit(result);
}

static struct fl_definition *load(struct rig *rig, struct fl_runtime *runtime) {
  struct fl_runtime *mine = rig->runtime;
  rig->runtime = runtime;
  assert_int_equal(fl_runtime_add_function(runtime, "nap", nap, rig->world, NULL), 0);
  struct fl_definition *definition = rig_load(rig, naps, NULL);
  rig->runtime = mine;
  return definition;
}

static struct fl_definition *definition;

static void ask(struct client *client, struct fl_runtime *runtime, const char *name, enum fl_on_busy on_busy) {
  struct fl_value *by = fl_array(), *input = fl_object();
  fl_append_take(by, fl_string(name));
  fl_set_take(input, "by", by);
  *client = (struct client){.runtime = runtime, .definition = definition, .status = 99};
  struct fl_invoke_options options = {
      .size = sizeof options, .thread = "a", .input = input, .on_busy = on_busy, .user = client};
  assert_int_equal(fl_runtime_start(runtime, definition, &options, on_end, client, &client->invocation, NULL), 0);
  fl_value_unref(input);
}

static void up(struct rig *rig) {
  end_count = 0;
  rig_up(rig);
  definition = load(rig, rig->runtime);
}

static void run_until(struct rig *rig, int64_t ms) { fl_world_sim_run_until(rig->world, ms); }

/* ---- in one process ---- */

static void who_waits_comes_in_order(void **state) {
  struct rig rig = {0};
  struct client clients[5];
  static const char *const names[] = {"0", "1", "2", "3", "4"};
  up(&rig);
  for (int i = 0; i < 5; i++) ask(&clients[i], rig.runtime, names[i], FL_ON_BUSY_ENQUEUE);
  rig_turn(&rig);
  for (int i = 0; i < 5; i++) {
    assert_int_equal(clients[i].status, 0);
    assert_int_equal(clients[i].place, i + 1);
    assert_true(clients[i].ended_ms >= (i + 1) * NAP_MS);
  }
  assert_string_equal(clients[4].output, text_of_json("{'n':5,'by':['0','done','1','done','2','done','3','done','4',"
                                                      "'done']}"));
  rig_deinit(&rig);
}

static void an_interrupt_keeps_what_was_written_and_drops_the_rest(void **state) {
  struct rig rig = {0};
  struct client first, second;
  up(&rig);
  ask(&first, rig.runtime, "first", FL_ON_BUSY_REJECT);
  run_until(&rig, 10);
  ask(&second, rig.runtime, "second", FL_ON_BUSY_INTERRUPT);
  rig_turn(&rig);
  assert_int_equal(first.status, FL_E_CANCELLED);
  assert_non_null(strstr(first.text, "to make place for another run of this process; the thread is kept"));
  assert_int_equal(second.status, 0);
  assert_string_equal(second.output, "{\"n\":1,\"by\":[\"first\",\"second\",\"done\"]}");
  rig_deinit(&rig);
}

static void a_rollback_takes_back_what_was_written(void **state) {
  struct rig rig = {0};
  struct client before, first, second;
  up(&rig);
  ask(&before, rig.runtime, "before", FL_ON_BUSY_REJECT);
  rig_turn(&rig);
  ask(&first, rig.runtime, "first", FL_ON_BUSY_REJECT);
  run_until(&rig, NAP_MS + 10);
  assert_int_equal(first.status, 99);
  ask(&second, rig.runtime, "second", FL_ON_BUSY_ROLLBACK);
  rig_turn(&rig);
  assert_int_equal(first.status, FL_E_CANCELLED);
  assert_non_null(strstr(first.text, "what it wrote was taken back"));
  assert_int_equal(second.status, 0);
  assert_string_equal(second.output, "{\"n\":2,\"by\":[\"before\",\"done\",\"second\",\"done\"]}");
  rig_deinit(&rig);
}

static void a_rollback_of_the_first_run_leaves_an_empty_thread(void **state) {
  struct rig rig = {0};
  struct client first, second;
  up(&rig);
  ask(&first, rig.runtime, "first", FL_ON_BUSY_REJECT);
  run_until(&rig, 10);
  ask(&second, rig.runtime, "second", FL_ON_BUSY_ROLLBACK);
  rig_turn(&rig);
  assert_int_equal(first.status, FL_E_CANCELLED);
  assert_string_equal(second.output, "{\"n\":1,\"by\":[\"second\",\"done\"]}");
  rig_deinit(&rig);
}

/* Who interrupts goes before those who wait, and the last of several interrupts wins. */
static void an_interrupt_goes_before_those_who_wait(void **state) {
  struct rig rig = {0};
  struct client runs, waits, interrupts, again;
  up(&rig);
  ask(&runs, rig.runtime, "runs", FL_ON_BUSY_REJECT);
  run_until(&rig, 10);
  ask(&waits, rig.runtime, "waits", FL_ON_BUSY_ENQUEUE);
  run_until(&rig, 20);
  ask(&interrupts, rig.runtime, "interrupts", FL_ON_BUSY_INTERRUPT);
  run_until(&rig, 30);
  ask(&again, rig.runtime, "again", FL_ON_BUSY_REJECT);
  rig_turn(&rig);
  assert_int_equal(runs.status, FL_E_CANCELLED);
  assert_int_equal(interrupts.status, 0);
  assert_int_equal(waits.status, 0);
  assert_true(interrupts.place < waits.place);
  assert_int_equal(again.status, FL_E_BUSY);
  assert_string_equal(waits.output, "{\"n\":2,\"by\":[\"runs\",\"interrupts\",\"done\",\"waits\",\"done\"]}");
  rig_deinit(&rig);
}

static void who_waits_may_give_up(void **state) {
  struct rig rig = {0};
  struct client runs, gives_up, waits;
  up(&rig);
  ask(&runs, rig.runtime, "runs", FL_ON_BUSY_REJECT);
  run_until(&rig, 10);
  ask(&gives_up, rig.runtime, "gives up", FL_ON_BUSY_ENQUEUE);
  ask(&waits, rig.runtime, "waits", FL_ON_BUSY_ENQUEUE);
  run_until(&rig, 20);
  fl_invocation_cancel(gives_up.invocation);
  run_until(&rig, 30);
  assert_int_equal(gives_up.status, FL_E_CANCELLED);
  assert_non_null(strstr(gives_up.text, "while it waited for thread a"));
  rig_turn(&rig);
  assert_int_equal(runs.status, 0);
  assert_string_equal(waits.output, "{\"n\":2,\"by\":[\"runs\",\"done\",\"waits\",\"done\"]}");
  rig_deinit(&rig);
}

static void who_gives_up_before_it_began_does_not_wait(void **state) {
  struct rig rig = {0};
  struct client runs, gives_up;
  up(&rig);
  ask(&runs, rig.runtime, "runs", FL_ON_BUSY_REJECT);
  run_until(&rig, 10);
  ask(&gives_up, rig.runtime, "gives up", FL_ON_BUSY_INTERRUPT);
  fl_invocation_cancel(gives_up.invocation);
  rig_turn(&rig);
  assert_int_equal(gives_up.status, FL_E_CANCELLED);
  assert_int_equal(runs.status, 0);
  rig_deinit(&rig);
}

static void a_thousand_may_wait(void **state) {
  struct rig rig = {0};
  static struct client clients[CLIENTS_MAX];
  up(&rig);
  for (int i = 0; i < CLIENTS_MAX; i++) ask(&clients[i], rig.runtime, "x", FL_ON_BUSY_ENQUEUE);
  run_until(&rig, 10);
  int refused = 0, waiting = 0;
  for (int i = 0; i < CLIENTS_MAX; i++) refused += clients[i].status == FL_E_LIMIT, waiting += clients[i].status == 99;
  assert_int_equal(refused, CLIENTS_MAX - 1001);
  assert_int_equal(waiting, 1001);
  for (int i = 0; i < CLIENTS_MAX; i++)
    if (clients[i].invocation != NULL) fl_invocation_cancel(clients[i].invocation);
  rig_turn(&rig);
  for (int i = 0; i < CLIENTS_MAX; i++) assert_int_not_equal(clients[i].status, 99);
  rig_deinit(&rig);
}

/* ---- between processes ---- */

static struct fl_runtime *second_process(struct rig *rig, struct fl_definition **ret_definition) {
  struct fl_runtime *other = fl_runtime_create_in(rig->world, rig->store);
  *ret_definition = load(rig, other);
  return other;
}

static void end_process(struct rig *rig, struct fl_runtime *runtime) {
  fl_runtime_shutdown(runtime);
  rig_turn(rig);
  fl_runtime_destroy(runtime);
}

/* The first process runs; the second comes 10 ms later with a strategy; everything ends. */
static void two_processes(struct rig *rig, enum fl_on_busy on_busy, struct client *first, struct client *second) {
  struct fl_definition *mine, *theirs;
  up(rig);
  mine = definition;
  struct fl_runtime *other = second_process(rig, &theirs);
  ask(first, rig->runtime, "first", FL_ON_BUSY_REJECT);
  run_until(rig, 10);
  definition = theirs;
  ask(second, other, "second", on_busy);
  rig_turn(rig);
  definition = mine;
  end_process(rig, other);
  rig_deinit(rig);
}

static void a_process_waits_for_another(void **state) {
  struct rig rig = {0};
  struct client first, second;
  two_processes(&rig, FL_ON_BUSY_ENQUEUE, &first, &second);
  assert_int_equal(first.status, 0);
  assert_int_equal(second.status, 0);
  assert_string_equal(second.output, "{\"n\":2,\"by\":[\"first\",\"done\",\"second\",\"done\"]}");
  assert_true(second.ended_ms < 2 * NAP_MS + 1500);
}

static void a_process_interrupts_another(void **state) {
  struct rig rig = {0};
  struct client first, second;
  two_processes(&rig, FL_ON_BUSY_INTERRUPT, &first, &second);
  assert_string_equal(second.output, "{\"n\":1,\"by\":[\"first\",\"second\",\"done\"]}");
  assert_int_equal(first.status, FL_E_CANCELLED);
  assert_non_null(strstr(first.text, "to make place for pid "));
}

static void a_process_rolls_another_back(void **state) {
  struct rig rig = {0};
  struct client first, second;
  two_processes(&rig, FL_ON_BUSY_ROLLBACK, &first, &second);
  assert_string_equal(second.output, "{\"n\":1,\"by\":[\"second\",\"done\"]}");
  assert_int_equal(first.status, FL_E_CANCELLED);
}

static void a_process_is_rejected_while_another_runs(void **state) {
  struct rig rig = {0};
  struct client first, second;
  two_processes(&rig, FL_ON_BUSY_REJECT, &first, &second);
  assert_int_equal(first.status, 0);
  assert_int_equal(second.status, FL_E_BUSY);
  assert_true(second.ended_ms < 100);
}

static void who_holds_a_thread_and_runs_nothing_gives_it_back(void **state) {
  struct rig rig = {0};
  struct client first, second;
  struct fl_definition *theirs;
  up(&rig);
  struct fl_runtime *other = second_process(&rig, &theirs);
  ask(&first, rig.runtime, "first", FL_ON_BUSY_REJECT);
  rig_turn(&rig);
  assert_non_null(rig.runtime->threads);
  definition = theirs;
  int64_t begin_ms = fl_world_now_ms(rig.world);
  ask(&second, other, "second", FL_ON_BUSY_REJECT);
  rig_turn(&rig);
  assert_int_equal(second.status, 0);
  assert_true(second.ended_ms - begin_ms < NAP_MS + 1500);
  assert_null(rig.runtime->threads);
  end_process(&rig, other);
  rig_deinit(&rig);
}

static void who_waits_for_another_process_may_give_up(void **state) {
  struct rig rig = {0};
  struct client first, second;
  struct fl_definition *theirs;
  up(&rig);
  struct fl_runtime *other = second_process(&rig, &theirs);
  ask(&first, rig.runtime, "first", FL_ON_BUSY_REJECT);
  run_until(&rig, 10);
  definition = theirs;
  ask(&second, other, "second", FL_ON_BUSY_ENQUEUE);
  run_until(&rig, 250);
  assert_int_equal(second.status, 99);
  fl_invocation_cancel(second.invocation);
  run_until(&rig, 260);
  assert_int_equal(second.status, FL_E_CANCELLED);
  rig_turn(&rig);
  assert_int_equal(first.status, 0);
  end_process(&rig, other);
  rig_deinit(&rig);
}

/* Where one process has many that wait, another gets its turn all the same. */
static void a_process_steps_aside_for_another(void **state) {
  struct rig rig = {0};
  struct client mine[6], theirs;
  struct fl_definition *their_definition;
  up(&rig);
  struct fl_runtime *other = second_process(&rig, &their_definition);
  for (int i = 0; i < 6; i++) ask(&mine[i], rig.runtime, "mine", FL_ON_BUSY_ENQUEUE);
  run_until(&rig, 10);
  definition = their_definition;
  ask(&theirs, other, "theirs", FL_ON_BUSY_ENQUEUE);
  rig_turn(&rig);
  assert_int_equal(theirs.status, 0);
  for (int i = 0; i < 6; i++) assert_int_equal(mine[i].status, 0);
  assert_true(theirs.place <= 3);
  end_process(&rig, other);
  rig_deinit(&rig);
}

/* ---- many ---- */

static uint64_t random_state;
static uint64_t next_random(uint64_t below) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state % below;
}

/* What the clients were told, by the order in which they were. */
struct history {
  struct {
    int status;
    int64_t done; /* how many runs are done in the thread that it left */
  } ends[512];
  long done, cancelled, busy;
};

static void take_in(struct history *history, struct client *client) {
  assert_int_not_equal(client->status, 99);
  if (client->place == 0) return; /* it has not run yet */
  FL_VALUE_AUTO output = NULL;
  if (client->status == 0) assert_int_equal(fl_parse(client->output, strlen(client->output), &output, NULL), 0);
  history->ends[client->place].status = client->status;
  const struct fl_value *by = fl_get(output, "by");
  for (size_t i = 0; i < fl_size(by); i++)
    history->ends[client->place].done += strcmp(fl_as_string(fl_at(by, i)), "done") == 0;
}

static void check(struct history *history) {
  for (int place = 1; place <= end_count; place++) {
    int status = history->ends[place].status;
    history->done += status == 0;
    history->cancelled += status == FL_E_CANCELLED;
    history->busy += status == FL_E_BUSY;
    if (status == 0) assert_int_equal(history->ends[place].done, history->done);
  }
  assert_int_equal(history->done + history->cancelled + history->busy, end_count);
  assert_true(history->done > 20 && history->cancelled > 20 && history->busy > 20);
}

/* Eight clients in two processes with any strategy. The history is serial when each run that is done has found what
 * the one before left, and more: nobody who was told "done" is lost, and nobody else is done. */
static void eight_clients_are_serial(void **state) {
  enum { CLIENTS = 8, RUNS = 400 };
  struct rig rig = {.seed = 7};
  static struct client clients[CLIENTS];
  struct fl_definition *definitions[2];
  up(&rig);
  random_state = 0x2545f4914f6cdd1d;
  definitions[0] = definition;
  struct fl_runtime *runtimes[2] = {rig.runtime, second_process(&rig, &definitions[1])};
  struct history history = {0};
  for (int run = 0; run < RUNS; run_until(&rig, fl_world_now_ms(rig.world) + (int64_t)next_random(1800))) {
    size_t index = next_random(CLIENTS);
    if (clients[index].status == 99) continue;
    take_in(&history, &clients[index]);
    definition = definitions[index % 2];
    ask(&clients[index], runtimes[index % 2], "x", (enum fl_on_busy)next_random(4));
    run++;
  }
  rig_turn(&rig);
  for (int i = 0; i < CLIENTS; i++) take_in(&history, &clients[i]);
  check(&history);
  end_process(&rig, runtimes[1]);
  rig_deinit(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(who_waits_comes_in_order),
      cmocka_unit_test(an_interrupt_keeps_what_was_written_and_drops_the_rest),
      cmocka_unit_test(a_rollback_takes_back_what_was_written),
      cmocka_unit_test(a_rollback_of_the_first_run_leaves_an_empty_thread),
      cmocka_unit_test(an_interrupt_goes_before_those_who_wait),
      cmocka_unit_test(who_waits_may_give_up),
      cmocka_unit_test(who_gives_up_before_it_began_does_not_wait),
      cmocka_unit_test(a_thousand_may_wait),
      cmocka_unit_test(a_process_waits_for_another),
      cmocka_unit_test(a_process_interrupts_another),
      cmocka_unit_test(a_process_rolls_another_back),
      cmocka_unit_test(a_process_is_rejected_while_another_runs),
      cmocka_unit_test(who_holds_a_thread_and_runs_nothing_gives_it_back),
      cmocka_unit_test(who_waits_for_another_process_may_give_up),
      cmocka_unit_test(a_process_steps_aside_for_another),
      cmocka_unit_test(eight_clients_are_serial),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Two resumes of one interrupt, round after round, each on a thread of its own. The rounds of a batch run at the same
 * time: first their questions are asked (each role asks half of them), then, behind a barrier, both roles answer all
 * of them at once. */
#include "tests/contend/worker.h"

#include <stdio.h>
#include <string.h>

enum { BATCH = 40 };

static int ask(struct fl_task *task, void *user) {
  struct fl_value *answer = NULL;
  int rc = fl_task_interrupt(task, fl_string("who?"), &answer);
  return rc == 0 ? fl_task_write_take(task, "answers", fl_value_ref(answer)) : rc;
}

static struct fl_definition *make_graph(struct worker *worker) {
  struct fl_error err = {0};
  struct fl_graph *graph = fl_graph_create("asks");
  struct fl_channel_options list = {.size = sizeof list, .reducer = FL_APPEND};
  fl_graph_channel(graph, "answers", &list);
  fl_graph_node(graph, "ask", ask, worker, NULL);
  fl_graph_edge(graph, FL_START, "ask");
  fl_graph_edge(graph, "ask", FL_END);
  struct fl_definition *definition = NULL;
  if (fl_graph_compile(graph, NULL, &definition, &err) == 0) return definition;
  fprintf(stderr, "contend-worker: %s\n", err.text);
  exit(1);
}

struct resume {
  struct worker *worker;
  char thread[32];
  int role;
};

static void on_end(struct fl_invoke_result *result, const struct fl_error *err, void *user) {
  struct resume *resume = user;
  worker_note(resume->worker, "resume %s %d %d %.200s", resume->thread, resume->role, result->status,
              err != NULL ? err->text : "");
  resume->worker->active--;
  fl_invoke_result_deinit(result);
}

static void answer(struct resume *resume, int on_busy) {
  struct fl_error err = {0};
  FL_VALUE_AUTO value = fl_stringf("role%d", resume->role);
  struct fl_invoke_options options = {
      .size = sizeof options, .thread = resume->thread, .resume = value, .on_busy = (enum fl_on_busy)on_busy};
  struct worker *worker = resume->worker;
  worker->active++;
  if (fl_runtime_start(worker->runtime, worker->definition, &options, on_end, resume, NULL, &err) == 0) return;
  fprintf(stderr, "contend-worker: %s\n", err.text);
  exit(1);
}

/* Lets the run of a thread come to its question. */
static void ask_on(struct worker *worker, const char *thread) {
  struct fl_error err = {0};
  FL_VALUE_AUTO input = fl_object();
  fl_set_take(input, "answers", fl_array());
  struct fl_invoke_options options = {.size = sizeof options, .thread = thread, .input = input};
  struct fl_invoke_result result = {0};
  int status = fl_runtime_invoke(worker->runtime, worker->definition, &options, &result, &err);
  fl_invoke_result_deinit(&result);
  if (status == 1) return;
  fprintf(stderr, "contend-worker: thread %s did not ask: %d %s\n", thread, status, err.text);
  exit(1);
}

/* Both roles wait here for each other; a role that is both waits for nobody. */
static void meet(struct worker *worker, int role, int *turn) {
  if (role == 2) return;
  atomic_fetch_add(&worker->board->arrived, 1);
  for (*turn += 2; atomic_load(&worker->board->arrived) < *turn;) usleep(200);
}

static void tell_state(struct worker *worker, const char *thread) {
  struct fl_error err = {0};
  struct fl_value *state = NULL;
  char text[TEXT_SIZE] = "";
  struct fl_thread_place place = {.size = sizeof place, .thread = thread, .definition = worker->definition};
  if (fl_thread_state(worker->runtime, &place, &state, &err) < 0) {
    fprintf(stderr, "contend-worker: %s\n", err.text);
    exit(1);
  }
  const struct fl_value *answers = fl_get(fl_get(state, "values"), "answers");
  for (size_t i = 0; i < fl_size(answers); i++)
    snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i > 0 ? "," : "",
             fl_as_string(fl_at(answers, i)));
  worker_note(worker, "state %s %s", thread, text);
  fl_value_unref(state);
}

void resumes_work(struct worker *worker, const struct resumes_order *order) {
  struct resume resumes[2 * BATCH];
  bool is_both = order->role == 2;
  int turn = 0;
  worker->definition = make_graph(worker);
  for (long first = 0; first < order->rounds; first += BATCH) {
    int count = 0, rounds = order->rounds - first < BATCH ? (int)(order->rounds - first) : BATCH;
    for (int i = 0; i < rounds; i++)
      for (int role = is_both ? 0 : order->role; role <= (is_both ? 1 : order->role); role++) {
        struct resume *resume = &resumes[count++];
        *resume = (struct resume){.worker = worker, .role = is_both ? (i + role) % 2 : role};
        snprintf(resume->thread, sizeof resume->thread, "r%ld", first + i);
        if (role == (first + i) % 2) ask_on(worker, resume->thread);
      }
    meet(worker, order->role, &turn);
    for (int i = 0; i < count; i++) answer(&resumes[i], order->on_busy);
    while (worker->active > 0) uv_run(&worker->loop, UV_RUN_ONCE);
    meet(worker, order->role, &turn);
    for (int i = 0; i < count && order->role != 1; i += is_both ? 2 : 1) tell_state(worker, resumes[i].thread);
  }
}

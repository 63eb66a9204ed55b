/* SPDX-License-Identifier: MIT */
/* Clients of one thread. A run of token T logs "in T" (its input), "did T N PID" (node work: N is the count that it
 * found, which it makes one larger) and "done T" (node close), so whoever reads the log sees which runs there were, in
 * what order, and what each of them had seen. Some nodes take a few milliseconds, so that runs meet each other in the
 * middle. Each run's checkpoints carry its token and its process. */
#include "tests/contend/worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A holder looks once a second what other processes ask of it: only a long run can be interrupted by them. */
enum { WORK_MS_MAX = 6, LONG_WORK_MS = 1200, LONG_ONE_IN = 40, THINK_MS_MAX = 8, REFUSED_MS_MAX = 40 };
enum { REOPEN_ONE_IN = 3 };
static const char *const strategy_names[] = {"reject", "enqueue", "interrupt", "rollback"};

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- the graph ---- */

struct nap {
  uv_timer_t timer;
  struct fl_task *task;
};

static void on_nap_closed(uv_handle_t *handle) { free(handle->data); }

static void on_nap_over(uv_timer_t *timer) {
  struct nap *nap = timer->data;
  fl_task_complete(nap->task, FL_DONE);
  uv_close((uv_handle_t *)timer, on_nap_closed);
}

static int work(struct fl_task *task, void *user) {
  struct worker *worker = user;
  const struct fl_state *state = fl_task_state(task);
  const char *token = fl_as_string(fl_state_get(state, "token"));
  atomic_store(&worker->board->runner, getpid());
  fl_task_write_take(task, "log",
                     fl_stringf("did %s %" PRId64 " %d", token, fl_as_int(fl_state_get(state, "n"), -1), getpid()));
  fl_task_write_take(task, "n", fl_int(1));
  uint64_t nap_ms = worker_random(worker, WORK_MS_MAX);
  if (worker->works_long && worker_random(worker, LONG_ONE_IN) == 0) nap_ms = LONG_WORK_MS;
  if (nap_ms == 0) return FL_DONE;
  struct nap *nap = calloc(1, sizeof *nap);
  if (nap == NULL) abort();
  nap->task = task;
  nap->timer.data = nap;
  uv_timer_init(&worker->loop, &nap->timer);
  uv_timer_start(&nap->timer, on_nap_over, nap_ms, 0);
  return FL_PENDING;
}

static int close_run(struct fl_task *task, void *user) {
  const char *token = fl_as_string(fl_state_get(fl_task_state(task), "token"));
  return fl_task_write_take(task, "log", fl_stringf("done %s", token));
}

static struct fl_definition *make_graph(struct worker *worker) {
  struct fl_error err = {0};
  struct fl_graph *graph = fl_graph_create("contend");
  struct fl_channel_options log = {.size = sizeof log, .reducer = FL_APPEND}, sum = {.size = sizeof sum},
                            last = {.size = sizeof last};
  FL_VALUE_AUTO zero = fl_int(0);
  sum.reducer = FL_SUM;
  sum.default_value = zero;
  fl_graph_channel(graph, "log", &log);
  fl_graph_channel(graph, "n", &sum);
  fl_graph_channel(graph, "token", &last);
  fl_graph_node(graph, "work", work, worker, NULL);
  fl_graph_node(graph, "close", close_run, worker, NULL);
  fl_graph_edge(graph, FL_START, "work");
  fl_graph_edge(graph, "work", "close");
  fl_graph_edge(graph, "close", FL_END);
  struct fl_definition *definition = NULL;
  if (fl_graph_compile(graph, NULL, &definition, &err) == 0) return definition;
  fprintf(stderr, "contend-worker: %s\n", err.text);
  exit(1);
}

/* ---- a client ---- */

struct client {
  struct worker *worker;
  const struct clients_order *order;
  int number;
  long run; /* the present one, from 1 */
  char token[TOKEN_SIZE];
  uv_timer_t timer;
  bool is_over, *wants_reopen;
};

static void start_run(struct client *client);

/* While the runtime is closed the loop turns, and so do the clients' timers. */
static void on_timer(uv_timer_t *timer) {
  struct client *client = timer->data;
  if (client->worker->is_closing) uv_timer_start(timer, on_timer, 1, 0);
  else start_run(client);
}

static void go_on(struct client *client, int status) {
  struct worker *worker = client->worker;
  worker->active--;
  client->is_over = client->run == client->order->runs;
  if (worker_random(worker, REOPEN_ONE_IN) == 0) *client->wants_reopen = true;
  uint64_t think_ms = worker_random(worker, status == FL_E_BUSY ? REFUSED_MS_MAX : THINK_MS_MAX);
  if (!client->is_over) uv_timer_start(&client->timer, on_timer, think_ms, 0);
}

static void tell(struct client *client, int status, const char *checkpoint, const char *text) {
  struct board *board = client->worker->board;
  worker_note(client->worker, "end %s %" PRId64 " %d %s %.200s", client->token, now_ns(), status,
              checkpoint[0] != '\0' ? checkpoint : "-", text);
  atomic_fetch_add(&board->ended[client->number], 1);
  if (status != 0) return;
  atomic_fetch_add(&board->done_by[client->number], 1);
  atomic_fetch_add(&board->done, 1);
}

static void on_end(struct fl_invoke_result *result, const struct fl_error *err, void *user) {
  struct client *client = user;
  tell(client, result->status, result->checkpoint, err != NULL ? err->text : "");
  go_on(client, result->status);
  fl_invoke_result_deinit(result);
}

static struct fl_value *input_of(const struct client *client) {
  struct fl_value *input = fl_object(), *log = fl_array();
  fl_append_take(log, fl_stringf("in %s", client->token));
  fl_set_take(input, "log", log);
  fl_set_string(input, "token", client->token);
  return input;
}

static void start_run(struct client *client) {
  struct worker *worker = client->worker;
  struct fl_error err = {0};
  int on_busy = client->order->on_busy;
  if (on_busy < 0) on_busy = (int)worker_random(worker, 4);
  client->run++;
  worker->active++;
  snprintf(client->token, sizeof client->token, "%d.%d.%ld", client->number, client->order->incarnation, client->run);
  FL_VALUE_AUTO input = input_of(client);
  FL_VALUE_AUTO metadata = fl_object();
  fl_set_string(metadata, "token", client->token);
  fl_set_int(metadata, "pid", getpid());
  struct fl_invoke_options options = {.size = sizeof options,
                                      .thread = "t",
                                      .input = input,
                                      .metadata = metadata,
                                      .no_output = true,
                                      .on_busy = (enum fl_on_busy)on_busy};
  worker_note(worker, "start %s %" PRId64 " %s %d", client->token, now_ns(), strategy_names[on_busy], getpid());
  int rc = fl_runtime_start(worker->runtime, worker->definition, &options, on_end, client, NULL, &err);
  if (rc == 0) return;
  tell(client, rc, "", err.text);
  go_on(client, rc);
}

static bool are_over(const struct client *clients, int count) {
  bool all = true;
  for (int i = 0; i < count; i++) all &= clients[i].is_over;
  return all;
}

void clients_work(struct worker *worker, const struct clients_order *order) {
  struct client clients[CLIENTS] = {0};
  bool wants_reopen = false;
  worker->definition = make_graph(worker);
  worker->works_long = order->count == 1 && order->on_busy != FL_ON_BUSY_ENQUEUE && order->on_busy != FL_ON_BUSY_REJECT;
  for (int i = 0; i < order->count; i++) {
    clients[i] =
        (struct client){.worker = worker, .order = order, .number = order->first + i, .wants_reopen = &wants_reopen};
    uv_timer_init(&worker->loop, &clients[i].timer);
    clients[i].timer.data = &clients[i];
    clients[i].is_over = order->runs < 1;
    if (!clients[i].is_over) uv_timer_start(&clients[i].timer, on_timer, worker_random(worker, THINK_MS_MAX), 0);
  }
  while (!are_over(clients, order->count)) {
    uv_run(&worker->loop, UV_RUN_ONCE);
    if (!wants_reopen || worker->active > 0) continue; /* as a program does that ends and is started again */
    wants_reopen = false;
    worker_close(worker);
    worker_open(worker);
  }
  for (int i = 0; i < order->count; i++) uv_close((uv_handle_t *)&clients[i].timer, NULL);
  worker_close(worker);
}

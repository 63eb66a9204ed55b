/* SPDX-License-Identifier: MIT */
/* contend-worker STORE RECORD BOARD SEED clients FIRST COUNT INCARNATION RUNS STRATEGY
 * contend-worker STORE RECORD BOARD SEED resumes ROLE ROUNDS STRATEGY
 * STRATEGY: reject, enqueue, interrupt, rollback, mixed. Started by contend (contend.c). */
#include "tests/contend/worker.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

uint64_t worker_random(struct worker *worker, uint64_t below) {
  worker->random ^= worker->random << 13;
  worker->random ^= worker->random >> 7;
  worker->random ^= worker->random << 17;
  return worker->random % below;
}

void worker_open(struct worker *worker) {
  struct fl_error err = {0};
  struct fl_runtime_options options = {
      .size = sizeof options, .store_path = worker->store, .loop = &worker->loop, .lease_ms = LEASE_MS};
  if (fl_runtime_create(&options, &worker->runtime, &err) == 0) return;
  fprintf(stderr, "contend-worker: %s\n", err.text);
  exit(1);
}

void worker_close(struct worker *worker) {
  worker->is_closing = true;
  fl_runtime_destroy(worker->runtime);
  worker->is_closing = false;
  worker->runtime = NULL;
}

void worker_note(struct worker *worker, const char *format, ...) {
  char line[512];
  va_list args;
  va_start(args, format);
  int size = vsnprintf(line, sizeof line - 1, format, args);
  va_end(args);
  if (size < 0) abort();
  if ((size_t)size > sizeof line - 2) size = sizeof line - 2;
  for (int i = 0; i < size; i++)
    if (line[i] == '\n') line[i] = ' ';
  line[size++] = '\n';
  if (write(worker->record_fd, line, (size_t)size) != size) abort();
}

int worker_strategy(const char *name) {
  static const char *const names[] = {"reject", "enqueue", "interrupt", "rollback"};
  for (int i = 0; i < 4; i++)
    if (strcmp(name, names[i]) == 0) return i;
  return -1;
}

static int number(const char *text) { return (int)strtol(text, NULL, 10); }

int main(int argc, char **argv) {
  if (argc < 9) return 2;
  struct worker worker = {.store = argv[1], .board = board_open(argv[3])};
  worker.record_fd = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  worker.random = strtoull(argv[4], NULL, 10) * 0x9e3779b97f4a7c15 + 1;
  if (worker.record_fd < 0 || uv_loop_init(&worker.loop) != 0) return 2;
  worker_open(&worker);
  if (strcmp(argv[5], "clients") == 0 && argc == 11) {
    struct clients_order order = {number(argv[6]), number(argv[7]), number(argv[8]), number(argv[9]),
                                  worker_strategy(argv[10])};
    clients_work(&worker, &order);
  } else if (strcmp(argv[5], "resumes") == 0 && argc == 9) {
    struct resumes_order order = {number(argv[6]), number(argv[7]), worker_strategy(argv[8])};
    resumes_work(&worker, &order);
  } else {
    return 2;
  }
  if (worker.runtime != NULL) worker_close(&worker);
  fl_definition_unref(worker.definition);
  uv_run(&worker.loop, UV_RUN_DEFAULT);
  return uv_loop_close(&worker.loop) == 0 ? 0 : 1;
}

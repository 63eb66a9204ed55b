/* SPDX-License-Identifier: MIT */
#include "tests/hostile/load.h"

#include <fairlead/client.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

enum { TIMES_MAX = 200000, PAUSE_MS = 1, TIMER_US = 1500 /* what a timer is late by itself */ };

struct load {
  const char *rude, *url;
  bool has_thread;
  pthread_t thread;
  uv_loop_t loop;
  uv_timer_t timer;
  struct fl_client *client;
  struct fl_client_request request;
  int64_t began_us, due_us;
  bool must_end, has_enough, is_over; /* the loop's own */
  pthread_mutex_t lock;               /* of what follows */
  pthread_cond_t changed;
  long count, failed, wanted;
  bool is_started, is_ending;
  int64_t times_us[TIMES_MAX];
};

int64_t load_now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

long load_memory_kb(const char *name) {
  char line[200];
  long kb = -1;
  FILE *file = fopen("/proc/self/status", "re");
  while (file != NULL && kb < 0 && fgets(line, sizeof line, file) != NULL)
    if (strncmp(line, name, strlen(name)) == 0) kb = strtol(line + strlen(name), NULL, 10);
  if (file != NULL) fclose(file);
  return kb;
}

void load_forget_peak(void) {
  FILE *file = fopen("/proc/self/clear_refs", "we");
  if (file == NULL) return;
  fputs("5", file);
  fclose(file);
}

/* ---- on the loop ---- */

static void note_call(struct load *load, int64_t took_us, bool is_ok) {
  pthread_mutex_lock(&load->lock);
  if (load->count < TIMES_MAX) load->times_us[load->count] = took_us;
  load->count++;
  load->failed += !is_ok;
  load->has_enough = load->wanted > 0 && load->count >= load->wanted;
  load->must_end = load->is_ending;
  pthread_cond_broadcast(&load->changed);
  pthread_mutex_unlock(&load->lock);
}

/* A call that a busy loop makes late has waited since it was due. */
static void on_pause_over(uv_timer_t *timer) {
  struct load *load = timer->data;
  int64_t now_us = load_now_us();
  load->began_us = now_us > load->due_us + TIMER_US ? load->due_us : now_us;
  fl_client_request_start(load->client, &load->request);
}

static void on_done(struct fl_client_request *request, int status, const struct fl_value *result,
                    const struct fl_value *error, const struct fl_error *err) {
  struct load *load = request->user;
  note_call(load, load_now_us() - load->began_us, status == 0);
  load->is_over = load->must_end;
  load->due_us = load_now_us() + PAUSE_MS * 1000;
  if (!load->must_end) uv_timer_start(&load->timer, on_pause_over, PAUSE_MS, 0);
}

static void begin(struct load *load) {
  const char *command[] = {load->rude, "polite", NULL};
  struct fl_client_options options = {.size = sizeof options,
                                      .command = load->url == NULL ? command : NULL,
                                      .url = load->url,
                                      .name = "good",
                                      .loop = &load->loop};
  struct fl_error err = {0};
  uv_loop_init(&load->loop);
  uv_timer_init(&load->loop, &load->timer);
  load->timer.data = load;
  if (fl_client_connect(&options, &load->client, &err) != 0) {
    printf("# the good server: %s\n", err.text);
    _exit(3);
  }
  load->request = (struct fl_client_request){.tool = "echo", .on_done = on_done, .user = load};
  load->due_us = load_now_us();
  on_pause_over(&load->timer);
}

static void finish(struct load *load) {
  fl_client_wait(load->client, &load->is_over);
  fl_client_close(load->client);
  uv_close((uv_handle_t *)&load->timer, NULL);
  uv_run(&load->loop, UV_RUN_DEFAULT);
  uv_loop_close(&load->loop);
}

static void *run_thread(void *user) {
  struct load *load = user;
  begin(load);
  finish(load);
  return NULL;
}

/* ---- from outside ---- */

struct load *load_start(const char *rude, const char *url, bool has_thread) {
  struct load *load = calloc(1, sizeof *load);
  memset(load->times_us, 1, sizeof load->times_us); /* it is not the hostile server that brings these pages */
  load->rude = rude;
  load->url = url;
  load->has_thread = has_thread;
  pthread_mutex_init(&load->lock, NULL);
  pthread_cond_init(&load->changed, NULL);
  if (!has_thread) begin(load);
  else if (pthread_create(&load->thread, NULL, run_thread, load) != 0) _exit(3);
  return load;
}

void load_end(struct load *load) {
  pthread_mutex_lock(&load->lock);
  load->is_ending = true;
  pthread_mutex_unlock(&load->lock);
  if (load->has_thread) pthread_join(load->thread, NULL);
  else finish(load);
  pthread_mutex_destroy(&load->lock);
  pthread_cond_destroy(&load->changed);
  free(load);
}

void *load_loop(struct load *load) { return &load->loop; }

void load_turn(struct load *load, long count) {
  pthread_mutex_lock(&load->lock);
  load->wanted = count;
  load->has_enough = load->count >= count;
  while (load->has_thread && load->count < count) pthread_cond_wait(&load->changed, &load->lock);
  pthread_mutex_unlock(&load->lock);
  if (!load->has_thread && !load->has_enough) fl_client_wait(load->client, &load->has_enough);
}

static int compare(const void *a, const void *b) {
  return (*(const int64_t *)a > *(const int64_t *)b) - (*(const int64_t *)a < *(const int64_t *)b);
}

struct load_result load_take_result(struct load *load) {
  pthread_mutex_lock(&load->lock);
  long kept = load->count < TIMES_MAX ? load->count : TIMES_MAX;
  struct load_result result = {.count = load->count, .failed = load->failed};
  qsort(load->times_us, (size_t)kept, sizeof load->times_us[0], compare);
  if (kept > 0) {
    result.p99_us = load->times_us[(kept - 1) * 99 / 100];
    result.longest_us = load->times_us[kept - 1];
  }
  load->count = load->failed = load->wanted = 0;
  pthread_mutex_unlock(&load->lock);
  return result;
}

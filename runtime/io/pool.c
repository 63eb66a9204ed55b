/* SPDX-License-Identifier: MIT */
#include "runtime/io/pool.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"

#include <pthread.h>
#include <signal.h>

/* One piece of work on its way; work->impl points here. */
struct job {
  struct fl_post post;
  struct fl_pool *pool;
  struct fl_work *work;
  struct job *next;
};

struct fl_pool {
  struct fl_world *world;
  pthread_mutex_t lock;
  pthread_cond_t is_wanted;
  struct job *first, *last; /* waiting */
  size_t idle_count;
  size_t waiting_count;
  bool is_ending;
  size_t open_count; /* loop thread only */
  size_t thread_count;
  pthread_t threads[FL_POOL_THREADS_MAX];
};

static void on_job_done(struct fl_post *post) {
  struct job *job = post->user;
  struct fl_work *work = job->work;
  job->pool->open_count--;
  fl_world_release(job->pool->world);
  fl_free(job);
  work->impl = NULL;
  work->on_done(work);
}

static struct job *next_job(struct fl_pool *pool) {
  pthread_mutex_lock(&pool->lock);
  pool->idle_count++;
  while (pool->first == NULL && !pool->is_ending) pthread_cond_wait(&pool->is_wanted, &pool->lock);
  pool->idle_count--;
  struct job *job = pool->first;
  if (job != NULL) {
    pool->first = job->next;
    pool->waiting_count--;
  }
  pthread_mutex_unlock(&pool->lock);
  return job;
}

static void *run_thread(void *user) {
  struct fl_pool *pool = user;
  for (struct job *job; (job = next_job(pool)) != NULL;) {
    job->work->run(job->work);
    fl_world_post(pool->world, &job->post);
  }
  return NULL;
}

/* Signals belong to the loop's thread; a pool thread takes none. */
static void add_thread(struct fl_pool *pool) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failure = pthread_create(&pool->threads[pool->thread_count], NULL, run_thread, pool);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failure == 0) pool->thread_count++;
  fl_check(pool->thread_count > 0); /* without a single thread nothing would ever end */
}

struct fl_pool *fl_pool_create(struct fl_world *world) {
  struct fl_pool *pool = fl_new(struct fl_pool);
  pool->world = world;
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->is_wanted, NULL);
  return pool;
}

void fl_pool_destroy(struct fl_pool *pool) {
  if (pool == NULL) return;
  fl_check(pool->open_count == 0);
  pthread_mutex_lock(&pool->lock);
  pool->is_ending = true;
  pthread_cond_broadcast(&pool->is_wanted);
  pthread_mutex_unlock(&pool->lock);
  for (size_t i = 0; i < pool->thread_count; i++) pthread_join(pool->threads[i], NULL);
  pthread_cond_destroy(&pool->is_wanted);
  pthread_mutex_destroy(&pool->lock);
  fl_free(pool);
}

void fl_pool_start(struct fl_pool *pool, struct fl_work *work) {
  struct job *job = fl_new(struct job);
  *job = (struct job){.post = {.on_post = on_job_done, .user = job}, .pool = pool, .work = work};
  work->impl = job;
  pool->open_count++;
  fl_world_hold(pool->world);
  pthread_mutex_lock(&pool->lock);
  if (pool->first == NULL) pool->first = job;
  else pool->last->next = job;
  pool->last = job;
  bool needs_thread = ++pool->waiting_count > pool->idle_count && pool->thread_count < FL_POOL_THREADS_MAX;
  pthread_cond_signal(&pool->is_wanted);
  pthread_mutex_unlock(&pool->lock);
  if (needs_thread) add_thread(pool);
}

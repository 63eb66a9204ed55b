/* SPDX-License-Identifier: MIT */
/* Threads for blocking or heavy work. Not libuv's pool: that one is shared with name lookups and files of the embedding
 * program, and a tool handler may take minutes. Threads are started as they are needed and kept. */
#pragma once
#include "runtime/io/world.h"

enum { FL_POOL_THREADS_MAX = 16 };

struct fl_pool;

struct fl_pool *fl_pool_create(struct fl_world *world);
void fl_pool_destroy(struct fl_pool *pool);                     /* NULL allowed; no work may be under way */
void fl_pool_start(struct fl_pool *pool, struct fl_work *work); /* on_done comes by fl_world_post */

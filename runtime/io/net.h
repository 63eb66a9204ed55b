/* SPDX-License-Identifier: MIT */
/* The border between the library and the network module (fairlead-net.so), which holds the HTTP client and with it
 * libcurl and TLS: a process that makes no request pays nothing for them. The module exports one table under the name
 * FL_NET_MODULE_SYMBOL; both sides check version and size, so that a module of another release is refused, not crashed
 * into. */
#pragma once
#include "runtime/io/world_ops.h"

enum { FL_NET_VERSION = 1 };
#define FL_NET_MODULE_NAME "fairlead-net.so"
#define FL_NET_MODULE_SYMBOL "fl_net_module_v1"

struct fl_net;

/* What the module tells the world that it serves. */
struct fl_net_host {
  struct fl_world *world;
  void *loop;                                /* uv_loop_t */
  bool uses_our_allocator;                   /* the program owns the whole process: libcurl allocates as we do */
  void (*on_opened)(struct fl_world *world); /* one more handle on the loop */
  void (*on_closed)(struct fl_world *world); /* a handle is gone; the world may be freed in this call */
  /* The last callback of a request; its impl is freed after it. */
  void (*end_request)(struct fl_http *http, int status, const struct fl_error *err);
};

struct fl_net_module {
  uint32_t version; /* FL_NET_VERSION */
  uint32_t size;    /* of this struct */
  int (*create)(const struct fl_net_host *host, struct fl_net **ret_net, struct fl_error *err);
  /* No request may be under way; the handles close later, the memory goes with them. */
  void (*close)(struct fl_net *net);
  int (*start)(struct fl_net *net, struct fl_http *http, const struct fl_http_options *options, struct fl_error *err);
  const char *(*header)(const void *impl, const char *name);
  void (*cancel)(struct fl_http *http);
};

/* SPDX-License-Identifier: MIT */
/* The real world's HTTP: loads the network module on the first request and hands everything to it. The module stays
 * loaded for the life of the process, since libraries below it have threads of their own. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/io/locate.h"
#include "runtime/io/hooks.h"
#include "runtime/io/net.h"
#include "runtime/io/world_uv.h"

#include <dlfcn.h>

static void on_opened(struct fl_world *world) { uv_world_handle_opened(uv_world_of(world)); }
static void on_closed(struct fl_world *world) { uv_world_handle_closed(uv_world_of(world)); }

static void end_request(struct fl_http *http, int status, const struct fl_error *err) {
  uv_world_of(((struct fl_impl *)http->impl)->world)->open_count--;
  fl_http_deliver_end(http, status, err);
}

static int load(const struct fl_net_module **ret_module, struct fl_error *err) {
  FL_FREE_AUTO char *path = NULL;
  int failure = fl_locate_companion("FAIRLEAD_NET_MODULE", FL_MODULEDIR, FL_NET_MODULE_NAME, &path, err);
  if (failure != 0) return failure;
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return fl_error_set(err, FL_E_UNSUPPORTED, "cannot load the network module: %s", dlerror());
  const struct fl_net_module *module = dlsym(library, FL_NET_MODULE_SYMBOL);
  if (module == NULL || module->version != FL_NET_VERSION || module->size != sizeof *module)
    return fl_error_set(err, FL_E_VERSION, "%s is not the network module of this release (%s)", path, FL_VERSION);
  *ret_module = module;
  return 0;
}

static int ensure_net(struct uv_world *world, struct fl_error *err) {
  if (world->net != NULL) return 0;
  int failure = world->net_module == NULL ? load(&world->net_module, err) : 0;
  if (failure != 0) return failure;
  struct fl_net_host host = {.world = &world->base,
                             .loop = world->loop,
                             .uses_our_allocator = fl_io_hooks_are_installed(),
                             .on_opened = on_opened,
                             .on_closed = on_closed,
                             .end_request = end_request};
  return world->net_module->create(&host, &world->net, err);
}

int uv_world_http_start(struct fl_world *base, struct fl_http *http, const struct fl_http_options *options,
                        struct fl_error *err) {
  struct uv_world *world = uv_world_of(base);
  int failure = ensure_net(world, err);
  if (failure == 0) failure = world->net_module->start(world->net, http, options, err);
  if (failure == 0) world->open_count++;
  return failure;
}

const char *uv_world_http_header(const void *impl, const char *name) {
  return uv_world_of(((const struct fl_impl *)impl)->world)->net_module->header(impl, name);
}

void uv_world_http_cancel(struct fl_http *http) {
  struct uv_world *world = uv_world_of(((struct fl_impl *)http->impl)->world);
  world->net_module->cancel(http);
}

void uv_world_http_close(struct uv_world *world) {
  if (world->net != NULL) world->net_module->close(world->net);
  world->net = NULL;
}

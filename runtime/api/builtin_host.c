/* SPDX-License-Identifier: MIT */
/* A request waits on the worker thread of its call, in a world of its own: handlers of tools may block, and nothing of
 * the loop that serves the call is needed. */
#include "runtime/api/builtin_host.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/io/world.h"
#include "runtime/wire/url.h"
#include "tools/http.h"

#include <stdio.h>
#include <stdlib.h>

enum { LOOK_MS = 20 };

static char *read_url(const char *base, const char *reference, char host[FL_REACH_HOST_MAX], char error[512]) {
  struct fl_url from = {0}, url = {0};
  struct fl_error err = {0};
  int rc = base != NULL ? fl_url_parse(fl_slice_of(base), FL_URL_HTTP, &from, &err) : 0;
  if (rc == 0)
    rc = base != NULL ? fl_url_resolve(&from, fl_slice_of(reference), FL_URL_HTTP, &url, &err)
                      : fl_url_parse(fl_slice_of(reference), FL_URL_HTTP, &url, &err);
  char *text = NULL;
  if (rc < 0) {
    snprintf(error, 512, "%.500s", err.text);
  } else {
    FL_FREE_AUTO char *whole = fl_url_format(&url);
    snprintf(host, FL_REACH_HOST_MAX, "%s", url.host);
    text = strdup(whole);
  }
  fl_url_deinit(&from);
  fl_url_deinit(&url);
  return text;
}

struct waiting {
  struct fl_http http;
  struct fl_timer look, late;
  struct fl_world *world;
  struct fl_fetch *fetch;
  struct fl_buf body;
  bool is_done, is_late, was_refused;
};

static bool allow_address(const char *address, uint16_t port, void *user) {
  struct waiting *waiting = user;
  waiting->was_refused = !waiting->fetch->may_be_private && fl_http_is_private_address(address);
  return !waiting->was_refused;
}

static void on_headers(struct fl_http *http, int status) {
  struct waiting *waiting = http->user;
  waiting->fetch->http_status = status;
}

static void on_body(struct fl_http *http, fl_slice data) {
  struct waiting *waiting = http->user;
  fl_buf_add(&waiting->body, data.data, data.size);
}

static char *copy_header(const struct fl_http *http, const char *name) {
  const char *value = fl_http_header(http, name);
  return value != NULL ? strdup(value) : NULL;
}

static void tell_error(const struct waiting *waiting, const struct fl_error *err) {
  const char *text = err->text;
  if (waiting->is_late) text = "the answer was not there in time";
  if (waiting->was_refused) text = "the address belongs to this machine or to a private network, and is not allowed";
  snprintf(waiting->fetch->error, sizeof waiting->fetch->error, "%.500s", text);
}

static void on_end(struct fl_http *http, int status, const struct fl_error *err) {
  struct waiting *waiting = http->user;
  struct fl_fetch *fetch = waiting->fetch;
  waiting->is_done = true;
  fl_timer_stop(waiting->world, &waiting->look);
  fl_timer_stop(waiting->world, &waiting->late);
  if (status < 0) {
    tell_error(waiting, err);
    return;
  }
  fetch->type = copy_header(http, "Content-Type");
  fetch->location = copy_header(http, "Location");
  fetch->body_size = waiting->body.size;
  fetch->body = malloc(waiting->body.size + 1);
  if (fetch->body == NULL) fl_out_of_memory();
  if (waiting->body.size > 0) memcpy(fetch->body, waiting->body.data, waiting->body.size);
}

static void on_look(struct fl_timer *timer) {
  struct waiting *waiting = timer->user;
  if (fl_call_is_cancelled(waiting->fetch->call)) fl_http_cancel(&waiting->http);
  else fl_timer_start(waiting->world, timer, LOOK_MS);
}

static void on_late(struct fl_timer *timer) {
  struct waiting *waiting = timer->user;
  waiting->is_late = true;
  fl_http_cancel(&waiting->http);
}

static bool fetch(struct fl_fetch *fetch) {
  struct waiting waiting = {.world = fl_world_uv_create(NULL), .fetch = fetch};
  struct fl_error err = {0};
  struct fl_http_options options = {.size = sizeof options,
                                    .trust = FL_TRUST_TOOL,
                                    .method = "GET",
                                    .url = fetch->url,
                                    .headers = fetch->headers,
                                    .first_byte_timeout_ms = fetch->timeout_ms,
                                    .idle_timeout_ms = fetch->timeout_ms,
                                    .body_max = fetch->body_max,
                                    .allow_address = allow_address};
  waiting.http = (struct fl_http){.on_headers = on_headers, .on_body = on_body, .on_end = on_end, .user = &waiting};
  waiting.look = (struct fl_timer){.on_fire = on_look, .user = &waiting};
  waiting.late = (struct fl_timer){.on_fire = on_late, .user = &waiting};
  if (fl_http_start(waiting.world, &waiting.http, &options, &err) < 0) {
    tell_error(&waiting, &err);
  } else {
    fl_timer_start(waiting.world, &waiting.look, LOOK_MS);
    fl_timer_start(waiting.world, &waiting.late, fetch->timeout_ms);
    while (!waiting.is_done) fl_world_run(waiting.world);
  }
  fl_buf_deinit(&waiting.body);
  fl_world_destroy(waiting.world);
  return fetch->body != NULL;
}

const struct fl_builtin_host fl_builtin_real_host = {.is_private_address = fl_http_is_private_address,
                                                     .read_url = read_url,
                                                     .fetch = fetch,
                                                     .run = fl_builtin_run_process};

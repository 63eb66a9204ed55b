/* SPDX-License-Identifier: MIT */
/* The network module: libcurl's multi interface on the world's libuv loop, a multi handle for each trust class, because
 * connections are kept per multi handle and a provider's must not serve a tool.
 *
 * Happy path: start adds a transfer; curl asks for sockets to be watched and a timer; each event goes to curl and
 * whatever has ended is then taken from it; on_end; the transfer's timer is closed and its memory goes.
 * Failure modes: the deadline passes, or a cancel: the transfer leaves curl from its own timer, never from inside a
 * callback, and with it the connection is closed; a peer sends without end: after NET_TURN_MS the transfer is paused
 * until the loop has come around. */
#include "runtime/io/net.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/io/net_transfer.h"

enum {
  TOTAL_CONNECTIONS_MAX = 1024,
  HOST_CONNECTIONS_MAX = 1024,
  TOOL_CONNECTIONS_MAX = 64,
  KEPT_CONNECTIONS_MAX = 64
};

/* ---- handles ---- */

static void handle_opened(struct fl_net *net) {
  net->handle_count++;
  net->host.on_opened(net->host.world);
}

static void handle_closed(struct fl_net *net) {
  struct fl_net_host host = net->host;
  if (--net->handle_count == 0 && net->is_closing) fl_free(net);
  host.on_closed(host.world);
}

/* ---- the end of transfers ---- */

static void on_transfer_closed(uv_handle_t *handle) {
  struct net_transfer *transfer = handle->data;
  struct fl_net *net = transfer->multi->net;
  net_transfer_free(transfer);
  handle_closed(net);
}

static void forget_waiting(struct fl_net *net, struct net_transfer *transfer) {
  struct net_transfer **link = &net->waiting;
  while (*link != NULL && *link != transfer) link = &(*link)->next;
  if (*link != NULL) *link = transfer->next;
}

static void finish(struct net_transfer *transfer, CURLcode code) {
  struct fl_net *net = transfer->multi->net;
  fl_check(net->curl_depth == 0);
  long sent_size = 0; /* no connection was made: none */
  if (transfer->is_added) curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent_size);
  transfer->http->has_left = sent_size > 0;
  net->curl_depth++; /* removing may turn to other transfers */
  if (transfer->is_added) curl_multi_remove_handle(transfer->multi->multi, transfer->easy);
  else forget_waiting(net, transfer);
  curl_easy_cleanup(transfer->easy);
  net->curl_depth--;
  transfer->easy = NULL;
  struct fl_error err = {0};
  int status = net_transfer_result(transfer, code, &err);
  net->host.end_request(transfer->http, status, status != 0 ? &err : NULL);
  uv_close((uv_handle_t *)&transfer->timer, on_transfer_closed);
}

static void finish_done(struct net_multi *multi) {
  int left;
  for (CURLMsg *message; (message = curl_multi_info_read(multi->multi, &left)) != NULL;) {
    if (message->msg != CURLMSG_DONE) continue;
    struct net_transfer *transfer = NULL;
    CURLcode code = message->data.result; /* the message goes with the transfer */
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    finish(transfer, code);
  }
}

static void add_waiting(struct fl_net *net) {
  for (struct net_transfer *transfer; net->curl_depth == 0 && (transfer = net->waiting) != NULL;) {
    net->waiting = transfer->next;
    transfer->is_added = true;
    net->curl_depth++;
    CURLMcode failure = curl_multi_add_handle(transfer->multi->multi, transfer->easy);
    net->curl_depth--;
    fl_check(failure == CURLM_OK);
  }
}

static void enter_curl(struct fl_net *net) {
  if (net->curl_depth++ == 0) net->turn_began_ns = uv_hrtime();
}

static void leave_curl(struct net_multi *multi) {
  multi->net->curl_depth--;
  finish_done(multi);
  add_waiting(multi->net);
}

/* What was held back is handed over, and perhaps the transfer ends with it. */
static void go_on(struct net_transfer *transfer) {
  struct net_multi *multi = transfer->multi;
  transfer->is_paused = false;
  enter_curl(multi->net);
  curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
  leave_curl(multi);
}

void net_on_deadline(uv_timer_t *timer) {
  struct net_transfer *transfer = timer->data;
  int64_t left_ms = transfer->deadline_ms - net_now_ms();
  if (transfer->is_paused && !transfer->is_cancelled) {
    uv_timer_start(timer, net_on_deadline, left_ms > 0 ? (uint64_t)left_ms : 0, 0);
    go_on(transfer);
    return;
  }
  if (!transfer->is_cancelled && left_ms > 0) {
    uv_timer_start(timer, net_on_deadline, (uint64_t)left_ms, 0);
    return;
  }
  snprintf(transfer->curl_text, sizeof transfer->curl_text, "no %s came in time",
           transfer->has_first_byte ? "more data" : "answer");
  finish(transfer, CURLE_OPERATION_TIMEDOUT);
}

/* ---- curl's sockets and timer ---- */

struct net_socket {
  uv_poll_t poll;
  struct net_multi *multi;
  curl_socket_t fd;
};

static void drive(struct net_multi *multi, curl_socket_t fd, int events) {
  int running;
  enter_curl(multi->net);
  curl_multi_socket_action(multi->multi, fd, events, &running);
  leave_curl(multi);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  struct net_socket *watched = poll->data;
  int flags = 0;
  if (status < 0) flags |= CURL_CSELECT_ERR;
  if (events & UV_READABLE) flags |= CURL_CSELECT_IN;
  if (events & UV_WRITABLE) flags |= CURL_CSELECT_OUT;
  drive(watched->multi, watched->fd, flags); /* may close `watched` */
}

static void on_curl_timer(uv_timer_t *timer) { drive(timer->data, CURL_SOCKET_TIMEOUT, 0); }

static void on_socket_closed(uv_handle_t *handle) {
  struct net_socket *watched = handle->data;
  struct fl_net *net = watched->multi->net;
  fl_free(watched);
  handle_closed(net);
}

static struct net_socket *watch_socket(struct net_multi *multi, curl_socket_t fd) {
  struct net_socket *watched = fl_new(struct net_socket);
  *watched = (struct net_socket){.multi = multi, .fd = fd};
  watched->poll.data = watched;
  int failure = uv_poll_init_socket(multi->net->host.loop, &watched->poll, fd);
  fl_check(failure == 0);
  handle_opened(multi->net);
  curl_multi_assign(multi->multi, fd, watched);
  return watched;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *assigned) {
  struct net_multi *multi = user;
  struct net_socket *watched = assigned;
  if (what == CURL_POLL_REMOVE) {
    if (watched != NULL) uv_close((uv_handle_t *)&watched->poll, on_socket_closed);
    curl_multi_assign(multi->multi, fd, NULL);
    return 0;
  }
  if (watched == NULL) watched = watch_socket(multi, fd);
  int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
  uv_poll_start(&watched->poll, events, on_poll);
  return 0;
}

static int on_curl_timeout(CURLM *curl, long timeout_ms, void *user) {
  struct net_multi *multi = user;
  if (timeout_ms < 0) uv_timer_stop(&multi->timer);
  else uv_timer_start(&multi->timer, on_curl_timer, (uint64_t)timeout_ms, 0);
  return 0;
}

/* ---- the table ---- */

static void open_multi(struct fl_net *net, enum fl_trust_class trust) {
  struct net_multi *multi = &net->multis[trust];
  long most = trust == FL_TRUST_PROVIDER ? TOTAL_CONNECTIONS_MAX : TOOL_CONNECTIONS_MAX;
  multi->net = net;
  multi->multi = curl_multi_init();
  fl_check(multi->multi != NULL);
  uv_timer_init(net->host.loop, &multi->timer);
  multi->timer.data = multi;
  handle_opened(net);
  curl_multi_setopt(multi->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
  curl_multi_setopt(multi->multi, CURLMOPT_SOCKETDATA, multi);
  curl_multi_setopt(multi->multi, CURLMOPT_TIMERFUNCTION, on_curl_timeout);
  curl_multi_setopt(multi->multi, CURLMOPT_TIMERDATA, multi);
  curl_multi_setopt(multi->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, most);
  curl_multi_setopt(multi->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                    most < HOST_CONNECTIONS_MAX ? most : HOST_CONNECTIONS_MAX);
  curl_multi_setopt(multi->multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS_MAX);
}

static int net_create(const struct fl_net_host *host, struct fl_net **ret_net, struct fl_error *err) {
  CURLcode failure = host->uses_our_allocator ? curl_global_init_mem(CURL_GLOBAL_ALL, fl_alloc, fl_free, fl_realloc,
                                                                     fl_strdup, fl_alloc_zero)
                                              : curl_global_init(CURL_GLOBAL_ALL);
  if (failure != CURLE_OK)
    return fl_error_set(err, FL_E_UNSUPPORTED, "the network library does not start: %s", curl_easy_strerror(failure));
  struct fl_net *net = fl_new(struct fl_net);
  net->host = *host;
  *ret_net = net;
  return 0;
}

static void on_timer_closed(uv_handle_t *handle) { handle_closed(((struct net_multi *)handle->data)->net); }

static void net_close(struct fl_net *net) {
  fl_check(net->curl_depth == 0 && net->waiting == NULL);
  net->is_closing = true;
  handle_opened(net); /* so that the memory stays until the end of this function */
  for (int i = 0; i < FL_TRUST_CLASS_COUNT; i++) {
    if (net->multis[i].multi == NULL) continue;
    curl_multi_cleanup(net->multis[i].multi);
    uv_close((uv_handle_t *)&net->multis[i].timer, on_timer_closed);
  }
  handle_closed(net);
}

static int net_start(struct fl_net *net, struct fl_http *http, const struct fl_http_options *options,
                     struct fl_error *err) {
  struct net_transfer *transfer = NULL;
  int failure = net_transfer_create(net, http, options, &transfer, err);
  if (failure != 0) return failure;
  transfer->multi = &net->multis[options->trust];
  if (transfer->multi->multi == NULL) open_multi(net, options->trust);
  uv_timer_init(net->host.loop, &transfer->timer);
  transfer->timer.data = transfer;
  handle_opened(net);
  net_transfer_watch(transfer, options->first_byte_timeout_ms > 0 ? options->first_byte_timeout_ms : NET_FIRST_BYTE_MS);
  http->impl = transfer;
  struct net_transfer **link = &net->waiting;
  while (*link != NULL) link = &(*link)->next;
  *link = transfer;
  add_waiting(net);
  return 0;
}

static const char *net_header(const void *impl, const char *name) { return net_transfer_header(impl, name); }

static void net_cancel(struct fl_http *http) {
  struct net_transfer *transfer = http->impl;
  if (transfer->is_cancelled) return;
  transfer->is_cancelled = true;
  uv_timer_start(&transfer->timer, net_on_deadline, 0, 0);
}

extern const struct fl_net_module fl_net_module_v1;
FL_API const struct fl_net_module fl_net_module_v1 = {
    .version = FL_NET_VERSION,
    .size = sizeof(struct fl_net_module),
    .create = net_create,
    .close = net_close,
    .start = net_start,
    .header = net_header,
    .cancel = net_cancel,
};

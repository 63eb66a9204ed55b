/* SPDX-License-Identifier: MIT */
/* One HTTP transfer: its options, what curl calls back while it runs, and how its end is told. */
#include "runtime/io/net_transfer.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the deadline ---- */

int64_t net_now_ms(void) { return (int64_t)(uv_hrtime() / 1000000); }

void net_transfer_watch(struct net_transfer *transfer, int64_t within_ms) {
  transfer->deadline_ms = net_now_ms() + within_ms;
  uv_timer_start(&transfer->timer, net_on_deadline, (uint64_t)within_ms, 0);
}

/* Bytes only move the deadline; the timer finds out when it fires. */
static void note_activity(struct net_transfer *transfer) {
  if (transfer->has_first_byte) {
    transfer->deadline_ms = net_now_ms() + transfer->idle_ms;
    return;
  }
  transfer->has_first_byte = true;
  net_transfer_watch(transfer, transfer->idle_ms);
}

static void __attribute__((format(printf, 3, 4)))
fail(struct net_transfer *transfer, int code, const char *format, ...) {
  if (transfer->failure != 0) return;
  va_list args;
  va_start(args, format);
  vsnprintf(transfer->failure_text, sizeof transfer->failure_text, format, args);
  va_end(args);
  transfer->failure = code;
}

/* ---- the answer ---- */

/* An answer may have several blocks of header lines (1xx before the one that counts); each begins with its status
 * line. */
static void begin_block(struct net_transfer *transfer, const char *line, size_t size) {
  const char *space = memchr(line, ' ', size);
  transfer->status = space != NULL ? (int)strtol(space + 1, NULL, 10) : 0;
  fl_buf_clear(&transfer->headers);
}

static void end_block(struct net_transfer *transfer) {
  if (transfer->status < 200) return;
  transfer->has_headers = true;
  if (transfer->http->on_headers != NULL) transfer->http->on_headers(transfer->http, transfer->status);
}

static size_t on_header_line(char *line, size_t unit, size_t count, void *user) {
  struct net_transfer *transfer = user;
  size_t size = unit * count, text_size = size;
  if (transfer->is_cancelled) return 0;
  note_activity(transfer);
  if (transfer->has_headers) return size; /* a trailer */
  while (text_size > 0 && (line[text_size - 1] == '\n' || line[text_size - 1] == '\r')) text_size--;
  if (text_size >= 5 && memcmp(line, "HTTP/", 5) == 0) begin_block(transfer, line, text_size);
  else if (text_size == 0) end_block(transfer);
  else if (fl_buf_add(&transfer->headers, line, text_size) != 0 || fl_buf_add_char(&transfer->headers, '\0') != 0)
    fail(transfer, FL_E_LIMIT, "the header lines of the answer are larger than %d bytes", NET_HEADERS_MAX);
  return transfer->failure == 0 ? size : 0;
}

/* curl hands over what comes for as long as it comes, and would keep the loop to itself beside a peer that is as quick
 * as we are. */
static bool is_turn_over(struct net_transfer *transfer) {
  uint64_t turn_ns = uv_hrtime() - transfer->multi->net->turn_began_ns;
  if (turn_ns < (uint64_t)NET_TURN_MS * 1000000) return false;
  transfer->is_paused = true;
  uv_timer_start(&transfer->timer, net_on_deadline, 1, 0); /* with 0 it would come before anything else has a turn */
  return true;
}

static size_t on_body(char *data, size_t unit, size_t count, void *user) {
  struct net_transfer *transfer = user;
  size_t size = unit * count;
  if (transfer->is_cancelled) return 0;
  if (is_turn_over(transfer)) return CURL_WRITEFUNC_PAUSE;
  note_activity(transfer);
  if (size > transfer->body_max - transfer->body_size) {
    fail(transfer, FL_E_LIMIT, "the answer is larger than %zu bytes", transfer->body_max);
    return 0;
  }
  transfer->body_size += size;
  if (size > 0 && transfer->http->on_body != NULL) transfer->http->on_body(transfer->http, fl_slice_n(data, size));
  return size;
}

const char *net_transfer_header(const struct net_transfer *transfer, const char *name) {
  if (!transfer->has_headers) return NULL;
  size_t name_size = strlen(name);
  for (size_t at = 0; at < transfer->headers.size; at += strlen(transfer->headers.data + at) + 1) {
    const char *line = transfer->headers.data + at;
    if (strncasecmp(line, name, name_size) != 0 || line[name_size] != ':') continue;
    line += name_size + 1;
    return line + strspn(line, " \t");
  }
  return NULL;
}

/* ---- the peer's address ---- */

/* An IPv4 address in IPv6 clothes is shown as what it is, so that a rule for it cannot be walked around. */
static void show_address(const struct sockaddr *address, char *ret_text, size_t size, uint16_t *ret_port) {
  const struct sockaddr_in *v4 = (const void *)address;
  const struct sockaddr_in6 *v6 = (const void *)address;
  snprintf(ret_text, size, "?");
  *ret_port = 0;
  if (address->sa_family == AF_INET) {
    inet_ntop(AF_INET, &v4->sin_addr, ret_text, (socklen_t)size);
    *ret_port = ntohs(v4->sin_port);
  } else if (address->sa_family == AF_INET6) {
    bool mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
    inet_ntop(mapped ? AF_INET : AF_INET6, mapped ? (const void *)&v6->sin6_addr.s6_addr[12] : &v6->sin6_addr, ret_text,
              (socklen_t)size);
    *ret_port = ntohs(v6->sin6_port);
  }
}

static bool is_allowed(struct net_transfer *transfer, const char *address, uint16_t port) {
  if (transfer->is_cancelled) return false;
  if (transfer->allow_address == NULL || transfer->allow_address(address, port, transfer->http->user)) return true;
  fail(transfer, FL_E_DENIED, "connecting to %s port %d is not allowed", address, port);
  return false;
}

static curl_socket_t on_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address) {
  struct net_transfer *transfer = user;
  char text[INET6_ADDRSTRLEN];
  uint16_t port;
  show_address(&address->addr, text, sizeof text, &port);
  if (!is_allowed(transfer, text, port)) return CURL_SOCKET_BAD;
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Called with the true peer before every request, also on a connection that is used again, for which no socket is
 * opened. That it comes a second time means that curl found a kept connection dead and repeats the request. */
static int on_before_request(void *user, char *peer, char *local, int peer_port, int local_port) {
  struct net_transfer *transfer = user;
  if (transfer->failure == FL_E_DENIED)
    transfer->failure = 0; /* another address of the name was refused, this one is used */
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
  char text[INET6_ADDRSTRLEN];
  uint16_t port;
  if (inet_pton(AF_INET6, peer, &v6.sin6_addr) == 1) {
    show_address((struct sockaddr *)&v6, text, sizeof text, &port);
    peer = text;
  }
  if (!is_allowed(transfer, peer, (uint16_t)peer_port)) return CURL_PREREQFUNC_ABORT;
  if (transfer->sent_count++ == 0 || transfer->is_repeatable) return CURL_PREREQFUNC_OK;
  fail(transfer, FL_E_NETWORK, "the connection was lost after the request had left; it is not sent twice");
  return CURL_PREREQFUNC_ABORT;
}

/* ---- the end ---- */

static int code_of(const struct net_transfer *transfer, CURLcode code) {
  switch (code) {
  case CURLE_OK:
    return transfer->has_headers ? 0 : FL_E_TRUNCATED; /* curl takes an end within the header lines for an end */
  case CURLE_OPERATION_TIMEDOUT: return FL_E_TIMEOUT;
  case CURLE_FILESIZE_EXCEEDED: return FL_E_LIMIT;
  case CURLE_PARTIAL_FILE:
  case CURLE_RECV_ERROR: return transfer->has_headers ? FL_E_TRUNCATED : FL_E_NETWORK;
  default: return FL_E_NETWORK;
  }
}

int net_transfer_result(struct net_transfer *transfer, CURLcode code, struct fl_error *err) {
  const char *text = transfer->curl_text[0] != '\0' ? transfer->curl_text : curl_easy_strerror(code);
  if (code == CURLE_OK) text = "the answer ended within its header lines";
  if (transfer->is_cancelled)
    return fl_error_set(err, FL_E_CANCELLED, "%s %s: it was cancelled", transfer->method, transfer->origin);
  if (transfer->failure != 0 && code != CURLE_OK)
    return fl_error_set(err, transfer->failure, "%s %s: %s", transfer->method, transfer->origin,
                        transfer->failure_text);
  int status = code_of(transfer, code);
  if (status == FL_E_LIMIT) {
    fail(transfer, status, "the answer is larger than %zu bytes", transfer->body_max);
    text = transfer->failure_text;
  }
  return status != 0 ? fl_error_set(err, status, "%s %s: %s", transfer->method, transfer->origin, text) : 0;
}

/* ---- the request ---- */

static bool is_token(const char *text) {
  size_t size = strspn(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
  return size > 0 && text[size] == '\0';
}

static bool is_clean(const char *text) {
  for (; *text != '\0'; text++)
    if ((unsigned char)*text < ' ' && *text != '\t') return false;
  return true;
}

/* scheme://host:port, which is all of a URL that a message may show. */
static int take_origin(struct net_transfer *transfer, const char *url, struct fl_error *err) {
  CURLU *parts = curl_url();
  char *scheme = NULL, *host = NULL, *port = NULL;
  CURLUcode failure = curl_url_set(parts, CURLUPART_URL, url, 0);
  if (failure == CURLUE_OK) failure = curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0);
  if (failure == CURLUE_OK) failure = curl_url_get(parts, CURLUPART_HOST, &host, 0);
  if (failure == CURLUE_OK) failure = curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
  int result = 0;
  if (failure != CURLUE_OK)
    result = fl_error_set(err, FL_E_INVALID, "the URL is not valid: %s", curl_url_strerror(failure));
  else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
    result = fl_error_set(err, FL_E_INVALID, "the URL begins with %s:, only http: and https: are spoken", scheme);
  else transfer->origin = fl_format("%s://%s:%s", scheme, host, port);
  curl_free(scheme);
  curl_free(host);
  curl_free(port);
  curl_url_cleanup(parts);
  return result;
}

static void add_header(struct net_transfer *transfer, const char *line) {
  struct curl_slist *list = curl_slist_append(transfer->request_headers, line);
  fl_check(list != NULL);
  transfer->request_headers = list;
}

/* curl takes "Name:" as "leave Name out" and "Name;" as "send it empty". */
static int take_header(struct net_transfer *transfer, const char *line, struct fl_error *err) {
  size_t name_size = strcspn(line, ":");
  FL_FREE_AUTO char *name = fl_strndup(line, name_size);
  if (line[name_size] != ':' || !is_token(name) || !is_clean(line))
    return fl_error_set(err, FL_E_INVALID, "the request header \"%s\" is not valid", is_clean(name) ? name : "?");
  FL_FREE_AUTO char *empty = fl_format("%s;", name);
  bool is_empty = line[name_size + 1 + strspn(line + name_size + 1, " \t")] == '\0';
  add_header(transfer, is_empty ? empty : line);
  return 0;
}

static int take_headers(struct net_transfer *transfer, const struct fl_http_options *options, struct fl_error *err) {
  bool has_type = false, has_agent = false;
  for (const char *const *line = options->headers; line != NULL && *line != NULL; line++) {
    has_type = has_type || strncasecmp(*line, "Content-Type:", 13) == 0;
    has_agent = has_agent || strncasecmp(*line, "User-Agent:", 11) == 0;
    int failure = take_header(transfer, *line, err);
    if (failure != 0) return failure;
  }
  add_header(transfer, "Expect:"); /* no waiting for a 100 */
  if (!has_type) add_header(transfer, "Content-Type:");
  if (!has_agent) add_header(transfer, "User-Agent: fairlead/" FL_VERSION);
  curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->request_headers);
  return 0;
}

static void set_method(CURL *easy, const struct fl_http_options *options) {
  bool has_body = options->body.size > 0 || strcmp(options->method, "POST") == 0;
  if (strcmp(options->method, "HEAD") == 0) {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return;
  }
  if (has_body) {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)options->body.size);
    curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, options->body.size > 0 ? options->body.data : "");
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, options->method);
}

static void set_connection(CURL *easy, const struct fl_http_options *options) {
  const char *ca_file = secure_getenv("SSL_CERT_FILE");
  curl_easy_setopt(easy, CURLOPT_URL, options->url);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROXY, options->proxy != NULL ? options->proxy : "");
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* a cancelled lookup is not waited for */
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  /* HTTP/2 of curl before 8.1 loses transfers, and one connection for each stream keeps their failures apart. */
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   options->connect_timeout_ms > 0 ? (long)options->connect_timeout_ms : (long)NET_CONNECT_MS);
  if (ca_file != NULL && ca_file[0] != '\0') curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
}

static void set_callbacks(struct net_transfer *transfer) {
  CURL *easy = transfer->easy;
  curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->curl_text);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header_line);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_before_request);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)transfer->body_max);
}

static int fill(struct net_transfer *transfer, const struct fl_http_options *options, struct fl_error *err) {
  if (options->method == NULL || !is_token(options->method))
    return fl_error_set(err, FL_E_INVALID, "the request method is not valid");
  if (options->url == NULL || !is_clean(options->url)) return fl_error_set(err, FL_E_INVALID, "the URL is not valid");
  transfer->easy = curl_easy_init();
  fl_check(transfer->easy != NULL);
  transfer->method = fl_strdup(options->method);
  transfer->allow_address = options->allow_address;
  transfer->idle_ms = options->idle_timeout_ms > 0 ? options->idle_timeout_ms : NET_IDLE_MS;
  transfer->body_max = options->body_max > 0 ? options->body_max : NET_BODY_MAX;
  bool is_safe = strcmp(options->method, "GET") == 0 || strcmp(options->method, "HEAD") == 0;
  transfer->is_repeatable = is_safe || options->trust == FL_TRUST_PROVIDER;
  fl_buf_init(&transfer->headers, NET_HEADERS_MAX);
  int failure = take_origin(transfer, options->url, err);
  if (failure == 0) failure = take_headers(transfer, options, err);
  if (failure != 0) return failure;
  set_connection(transfer->easy, options);
  set_method(transfer->easy, options);
  set_callbacks(transfer);
  return 0;
}

void net_transfer_free(struct net_transfer *transfer) {
  if (transfer->easy != NULL) curl_easy_cleanup(transfer->easy);
  curl_slist_free_all(transfer->request_headers);
  fl_buf_deinit(&transfer->headers);
  fl_free(transfer->method);
  fl_free(transfer->origin);
  fl_free(transfer);
}

int net_transfer_create(struct fl_net *net, struct fl_http *http, const struct fl_http_options *options,
                        struct net_transfer **ret_transfer, struct fl_error *err) {
  struct net_transfer *transfer = fl_new(struct net_transfer);
  transfer->head.world = net->host.world;
  transfer->http = http;
  int failure = fill(transfer, options, err);
  if (failure != 0) net_transfer_free(transfer);
  else *ret_transfer = transfer;
  return failure;
}

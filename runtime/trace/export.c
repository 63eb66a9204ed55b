/* SPDX-License-Identifier: MIT */
/* Happy path: add puts a run at the end of the ring; when nothing is on its way, the first is read and sent; on_sent
 * takes the next. Failure modes: the ring is full (dropped); a run that cannot be read, or that is not taken (failed).
 */
#include "runtime/trace/export.h"

#include "runtime/base/mem.h"
#include "runtime/wire/url.h"

#include <string.h>

struct fl_exporter {
  struct fl_world *world;
  struct fl_store *store;
  char *url, **headers;
  struct fl_exporter_options options;
  char ring[FL_EXPORT_QUEUE_MAX][FL_UUID_SIZE];
  size_t first, count;
  bool is_sending, is_closing;
  struct fl_otlp_send send;
  struct fl_exporter_counts counts;
};

/* ---- headers ---- */

void fl_export_headers_free(char **headers) {
  for (size_t i = 0; headers != NULL && headers[i] != NULL; i++) {
    explicit_bzero(headers[i], strlen(headers[i])); /* it may hold a key */
    fl_free(headers[i]);
  }
  fl_free(headers);
}

static int copy_lines(const char *const *lines, char ***ret_headers, struct fl_error *err) {
  size_t count = 0;
  for (; lines[count] != NULL; count++)
    if (strpbrk(lines[count], "\r\n") != NULL)
      return fl_error_set(err, FL_E_INVALID, "a header for the collector has a line break in it");
  *ret_headers = fl_new_array(char *, count + 1);
  for (size_t i = 0; i < count; i++) (*ret_headers)[i] = fl_strdup(lines[i]);
  return 0;
}

int fl_export_headers(const char *text, char ***ret_headers, struct fl_error *err) {
  size_t count = 0;
  char **headers = fl_new_array(char *, 1);
  for (const char *at = text != NULL ? text : ""; *at != '\0';) {
    size_t size = strcspn(at, ",");
    const char *equals = memchr(at, '=', size);
    if (equals == NULL || equals == at || memchr(at, '\n', size) != NULL || memchr(at, '\r', size) != NULL) {
      fl_export_headers_free(headers);
      return fl_error_set(err, FL_E_INVALID, "a header for the collector is not NAME=VALUE");
    }
    headers = fl_realloc(headers, (count + 2) * sizeof *headers);
    headers[count++] =
        fl_format("%.*s: %.*s", (int)(equals - at), at, (int)(size - (size_t)(equals - at) - 1), equals + 1);
    headers[count] = NULL;
    at += size + (at[size] == ',');
  }
  *ret_headers = headers;
  return 0;
}

/* ---- the queue ---- */

static void note_busy(struct fl_exporter *exporter, bool is_busy) {
  if (exporter->options.on_busy != NULL) exporter->options.on_busy(exporter->options.user, is_busy);
}

static void send_next(struct fl_exporter *exporter);

static void on_sent(struct fl_otlp_send *send, int status, const struct fl_error *err) {
  struct fl_exporter *exporter = send->user;
  if (status == 0) exporter->counts.sent++;
  else exporter->counts.failed++;
  exporter->is_sending = false;
  send_next(exporter);
  note_busy(exporter, false);
}

/* Whether it is on its way now. */
static bool send_run(struct fl_exporter *exporter, const char *run_id) {
  struct fl_trace trace = {0};
  if (fl_trace_load(exporter->store, run_id, &trace, NULL) < 0) return false;
  struct fl_otlp_options options = {.semconv = exporter->options.semconv};
  struct fl_otlp_target target = {.url = exporter->url,
                                  .headers = (const char *const *)exporter->headers,
                                  .as_json = exporter->options.as_json,
                                  .tries = exporter->is_closing ? 1 : exporter->options.tries};
  FL_VALUE_AUTO request = fl_otlp_request(&options);
  fl_otlp_add(request, &trace, &options);
  fl_trace_deinit(&trace);
  exporter->send = (struct fl_otlp_send){.on_sent = on_sent, .user = exporter, .gives_up = exporter->is_closing};
  exporter->is_sending = true;
  fl_otlp_send_start(exporter->world, &exporter->send, &target, request);
  return true;
}

static void send_next(struct fl_exporter *exporter) {
  while (exporter->count > 0 && !exporter->is_sending) {
    const char *run_id = exporter->ring[exporter->first];
    exporter->first = (exporter->first + 1) % FL_EXPORT_QUEUE_MAX;
    exporter->count--;
    if (send_run(exporter, run_id)) break;
    exporter->counts.failed++;
    note_busy(exporter, false);
  }
}

void fl_exporter_add(struct fl_exporter *exporter, const char *run_id) {
  if (exporter->count == FL_EXPORT_QUEUE_MAX) {
    exporter->counts.dropped++;
    return;
  }
  memcpy(exporter->ring[(exporter->first + exporter->count++) % FL_EXPORT_QUEUE_MAX], run_id, FL_UUID_SIZE);
  note_busy(exporter, true);
  send_next(exporter);
}

/* ---- life ---- */

int fl_exporter_create(struct fl_world *world, struct fl_store *store, const struct fl_exporter_options *options,
                       struct fl_exporter **ret_exporter, struct fl_error *err) {
  struct fl_url url = {0};
  char **headers = NULL;
  int rc = fl_url_parse(fl_slice_of(options->url), FL_URL_HTTP, &url, err);
  if (rc < 0) return fl_error_context(err, "the collector's address");
  fl_url_deinit(&url);
  rc = options->lines != NULL ? copy_lines(options->lines, &headers, err)
                              : fl_export_headers(options->headers, &headers, err);
  if (rc < 0) return rc;
  struct fl_exporter *exporter = fl_new(struct fl_exporter);
  exporter->world = world;
  exporter->store = store;
  exporter->url = fl_strdup(options->url);
  exporter->headers = headers;
  exporter->options = *options;
  *ret_exporter = exporter;
  return 0;
}

void fl_exporter_close(struct fl_exporter *exporter) {
  exporter->is_closing = true;
  exporter->send.gives_up = true;
}

void fl_exporter_destroy(struct fl_exporter *exporter) {
  if (exporter == NULL) return;
  fl_export_headers_free(exporter->headers);
  fl_free(exporter->url);
  fl_free(exporter);
}

struct fl_exporter_counts fl_exporter_counts(const struct fl_exporter *exporter) {
  return exporter->counts;
}

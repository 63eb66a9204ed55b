/* SPDX-License-Identifier: MIT */
/* Live export: runs that have ended are read from the store, where their spans stand by then, and sent to a collector,
 * one after the other, from a queue that is bounded. What does not fit in, or cannot be sent, is dropped and counted;
 * no run ever waits for it. */
#pragma once
#include "runtime/trace/send.h"

struct fl_exporter;

enum { FL_EXPORT_QUEUE_MAX = 256 };

struct fl_exporter_options {
  const char *url;          /* copied, as are the headers */
  const char *headers;      /* "name=value,name=value", as OTEL_EXPORTER_OTLP_HEADERS has them; NULL: none */
  const char *const *lines; /* or "Name: value", NULL-terminated; NULL: none */
  bool as_json;
  enum fl_semconv semconv;
  unsigned tries; /* see send.h */
  /* Around each run that is on its way, so that a runtime can wait for it; may be NULL. */
  void (*on_busy)(void *user, bool is_busy);
  void *user;
};

/* FL_E_INVALID: the URL or a header is none. Borrows world and store. */
int fl_exporter_create(struct fl_world *world, struct fl_store *store, const struct fl_exporter_options *options,
                       struct fl_exporter **ret_exporter, struct fl_error *err);
void fl_exporter_add(struct fl_exporter *exporter, const char *run_id);
/* What waits is sent with one try each, and then no more. */
void fl_exporter_close(struct fl_exporter *exporter);
void fl_exporter_destroy(struct fl_exporter *exporter); /* nothing may be on its way; NULL allowed */

struct fl_exporter_counts {
  uint64_t sent, dropped, failed; /* runs: dropped, for the queue was full; failed, the collector did not take them */
};
struct fl_exporter_counts fl_exporter_counts(const struct fl_exporter *exporter);

/* "name=value,name=value" as header lines, NULL-terminated; freed with fl_export_headers_free. FL_E_INVALID. */
int fl_export_headers(const char *text, char ***ret_headers, struct fl_error *err);
void fl_export_headers_free(char **headers);

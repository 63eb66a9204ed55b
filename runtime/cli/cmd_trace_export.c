/* SPDX-License-Identifier: MIT */
/* fairlead trace export: runs as JSON lines or OTLP, to standard output or to a collector. */
#include "runtime/base/mem.h"
#include "runtime/cli/trace.h"
#include "runtime/json/json.h"
#include "runtime/trace/export.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RUNS_PER_REQUEST = 50 };

enum format { JSONL, OTLP_JSON, OTLP_PROTOBUF };

struct exporting {
  const struct fl_args *args;
  struct fl_opened *opened;
  enum format format;
  struct fl_otlp_options options;
  const char *endpoint;
  char **headers;
  struct fl_value *request; /* what is gathered; NULL: nothing */
  size_t gathered, runs, spans;
  struct fl_error err;
  int rc;
};

/* ---- one request ---- */

struct sending {
  struct fl_otlp_send send;
  struct fl_world *world;
  struct fl_error err;
  int status;
  bool is_over;
};

static void on_sent(struct fl_otlp_send *send, int status, const struct fl_error *err) {
  struct sending *sending = send->user;
  sending->status = status;
  if (err != NULL) sending->err = *err;
  sending->is_over = true;
  fl_world_stop(sending->world);
}

static int send_request(struct exporting *exporting) {
  struct fl_otlp_target target = {.url = exporting->endpoint,
                                  .headers = (const char *const *)exporting->headers,
                                  .as_json = exporting->format == OTLP_JSON};
  struct sending sending = {.world = exporting->opened->world};
  sending.send = (struct fl_otlp_send){.on_sent = on_sent, .user = &sending};
  fl_otlp_send_start(sending.world, &sending.send, &target, exporting->request);
  while (!sending.is_over) fl_world_run(sending.world);
  exporting->err = sending.err;
  return sending.status;
}

static int print_request(struct exporting *exporting) {
  FL_BUF_AUTO text = {0};
  if (exporting->format == OTLP_JSON) {
    fl_print_json(exporting->request);
    return 0;
  }
  int rc = fl_otlp_encode(exporting->request, &text);
  if (rc < 0) return fl_error_set(&exporting->err, rc, "the spans are too many for one request; export fewer runs");
  fwrite(text.data != NULL ? text.data : "", 1, text.size, stdout);
  return 0;
}

/* What was gathered goes out. */
static int flush(struct exporting *exporting) {
  if (exporting->request == NULL) return 0;
  exporting->spans += fl_otlp_span_count(exporting->request);
  int rc = exporting->endpoint != NULL ? send_request(exporting) : print_request(exporting);
  fl_value_unref(exporting->request);
  exporting->request = NULL;
  exporting->gathered = 0;
  return rc;
}

/* ---- runs ---- */

static void print_line(struct exporting *exporting, const struct fl_trace *trace) {
  FL_VALUE_AUTO whole = fl_trace_whole_value(exporting->opened->store, trace);
  fl_print_json(whole);
  exporting->spans += trace->count + 1;
}

static bool export_run(const struct fl_trace_run *run, void *user) {
  struct exporting *exporting = user;
  struct fl_trace trace = {0};
  exporting->rc = fl_trace_load_run(exporting->opened->store, run, &trace, &exporting->err);
  if (exporting->rc < 0) return false;
  exporting->runs++;
  if (exporting->format == JSONL) {
    print_line(exporting, &trace);
  } else {
    if (exporting->request == NULL) exporting->request = fl_otlp_request(&exporting->options);
    fl_otlp_add(exporting->request, &trace, &exporting->options);
    exporting->gathered++;
  }
  fl_trace_deinit(&trace);
  bool is_full = exporting->endpoint != NULL && exporting->gathered == RUNS_PER_REQUEST;
  if (is_full) exporting->rc = flush(exporting);
  return exporting->rc == 0;
}

static int read_format(const struct fl_args *args, struct exporting *exporting) {
  static const char *const words[] = {"jsonl", "otlp-json", "otlp-protobuf"};
  const char *format = fl_args_get(args, "format"), *names = fl_args_get(args, "names");
  exporting->endpoint = fl_args_get(args, "endpoint");
  exporting->format = exporting->endpoint != NULL ? OTLP_PROTOBUF : JSONL;
  int found = format == NULL ? (int)exporting->format : 0;
  while (format != NULL && found < 3 && strcmp(format, words[found]) != 0) found++;
  if (found == 3) return fl_usage(args, "--format is jsonl, otlp-json or otlp-protobuf, not \"%s\"", format);
  exporting->format = (enum format)found;
  if (exporting->endpoint != NULL && exporting->format == JSONL)
    return fl_usage(args, "--endpoint takes --format otlp-json or otlp-protobuf");
  if (names != NULL && strcmp(names, "1.41") != 0 && strcmp(names, "latest") != 0)
    return fl_usage(args, "--names is 1.41 or latest, not \"%s\"", names);
  const char *opted = getenv("OTEL_SEMCONV_STABILITY_OPT_IN");
  bool is_latest = names != NULL ? strcmp(names, "latest") == 0
                                 : opted != NULL && strstr(opted, "gen_ai_latest_experimental") != NULL;
  exporting->options = (struct fl_otlp_options){.semconv = is_latest ? FL_SEMCONV_LATEST : FL_SEMCONV_1_41,
                                                .service = getenv("OTEL_SERVICE_NAME")};
  if (exporting->endpoint == NULL && exporting->format == OTLP_PROTOBUF && isatty(1))
    return fl_usage(args, "protobuf is no text: send it to a file or to a collector (--endpoint)");
  return 0;
}

static int read_headers(const struct fl_args *args, struct exporting *exporting) {
  const char *given = fl_args_get(args, "headers");
  if (given == NULL) given = getenv("OTEL_EXPORTER_OTLP_HEADERS");
  if (fl_export_headers(given, &exporting->headers, &exporting->err) == 0) return 0;
  return fl_usage(args, "%s", exporting->err.text);
}

static int run_export(struct exporting *exporting, struct fl_trace_query *query) {
  query->visit = export_run;
  query->user_data = exporting;
  if (exporting->args->count == 1) query->run_id = exporting->args->items[0];
  int rc = fl_store_list_runs(exporting->opened->store, query, &exporting->err);
  if (rc == 0) rc = exporting->rc;
  if (rc == 0) rc = flush(exporting);
  if (rc < 0) return fl_fail_error(exporting->args, &exporting->err);
  if (exporting->runs == 0 && query->run_id != NULL)
    return fl_fail(exporting->args, FL_EXIT_FAILED, "there is no trace of a run \"%s\"", query->run_id);
  if (exporting->endpoint != NULL && exporting->args->json)
    printf("{\"runs\":%zu,\"spans\":%zu}\n", exporting->runs, exporting->spans);
  else if (exporting->endpoint != NULL)
    printf("sent %zu run%s, %zu spans\n", exporting->runs, exporting->runs == 1 ? "" : "s", exporting->spans);
  return FL_EXIT_OK;
}

int fl_cmd_trace_export(struct fl_args *args) {
  struct fl_trace_query query;
  struct fl_opened opened;
  struct exporting exporting = {.args = args, .opened = &opened};
  if (args->count > 1) return fl_usage(args, "name one run, or none for all");
  int code = fl_trace_read_query(args, &query);
  if (code == 0) code = read_format(args, &exporting);
  if (code == 0) code = read_headers(args, &exporting);
  if (code == 0) code = fl_opened_open(&opened, args, true);
  if (code == 0) {
    code = run_export(&exporting, &query);
    fl_value_unref(exporting.request);
    fl_opened_close(&opened);
  }
  fl_export_headers_free(exporting.headers);
  return code;
}

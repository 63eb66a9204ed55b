/* SPDX-License-Identifier: MIT */
/* fairlead trace list, tail: what runs have left of themselves. */
#include "runtime/base/mem.h"
#include "runtime/base/timestamp.h"
#include "runtime/cli/table.h"
#include "runtime/cli/trace.h"
#include "runtime/trace/context.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

enum { TAIL_PAUSE_MS = 250 };

/* ---- words ---- */

void fl_format_span_time(int64_t us, char ret_text[FL_SPAN_TIME_SIZE]) {
  if (us < 1000) snprintf(ret_text, FL_SPAN_TIME_SIZE, "%" PRId64 " µs", us);
  else if (us < 1000000) snprintf(ret_text, FL_SPAN_TIME_SIZE, "%.1f ms", (double)us / 1000);
  else if (us < 120000000) snprintf(ret_text, FL_SPAN_TIME_SIZE, "%.2f s", (double)us / 1000000);
  else snprintf(ret_text, FL_SPAN_TIME_SIZE, "%" PRId64 " min %" PRId64 " s", us / 60000000, us / 1000000 % 60);
}

const char *fl_trace_status(struct fl_store *store, const struct fl_trace *trace) {
  if (trace->end != NULL) return fl_get_string(trace->end, "status", "?");
  struct fl_thread_info info = {0};
  bool is_held = fl_store_read_thread(store, trace->thread, &info, NULL) == 0 && info.lease_pid != 0 &&
                 info.status != NULL && strcmp(info.status, "busy") == 0;
  fl_thread_info_deinit(&info);
  return is_held ? "running" : "unfinished";
}

struct fl_value *fl_trace_run_value(struct fl_store *store, const struct fl_trace *trace) {
  struct fl_value *entry = fl_object();
  fl_set_string(entry, "run_id", trace->run_id);
  fl_set_string(entry, "thread", trace->thread);
  if (trace->user != NULL) fl_set_string(entry, "user_hash", trace->user);
  fl_set_int(entry, "began_ms", trace->began_ms);
  for (struct fl_member m = {0}; fl_next_member(trace->begin, &m);) fl_set_take(entry, m.key, fl_value_ref(m.value));
  for (struct fl_member m = {0}; fl_next_member(trace->end, &m);) fl_set_take(entry, m.key, fl_value_ref(m.value));
  fl_set_string(entry, "status", fl_trace_status(store, trace));
  fl_set_bool(entry, "has_content", trace->has_content);
  return entry;
}

int64_t fl_trace_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int fl_trace_read_query(const struct fl_args *args, struct fl_trace_query *query) {
  const char *since = fl_args_get(args, "since");
  long limit = fl_args_number(args, "limit", FL_ROWS_MAX);
  int64_t age = since != NULL ? fl_age_ms(since) : 0;
  if (limit < 0) return FL_EXIT_USAGE;
  if (age < 0) return fl_usage(args, "--since takes an age like 90s, 45m, 12h or 30d, not \"%s\"", since);
  const char *user = fl_args_get(args, "user");
  *query = (struct fl_trace_query){.thread = fl_args_get(args, "thread"),
                                   .graph = fl_args_get(args, "graph"),
                                   .since_ms = since != NULL ? fl_trace_now_ms() - age : 0,
                                   .limit = (size_t)limit};
  if (user == NULL) return 0;
  static char hash[FL_USER_HASH_SIZE];
  fl_user_hash(user, hash);
  query->user = hash;
  return 0;
}

/* ---- list ---- */

struct listing {
  const struct fl_args *args;
  struct fl_store *store;
  struct fl_table table;
  struct fl_error err;
  int rc;
  size_t count;
};

static const struct fl_column columns[] = {
    {.name = "RUN"},
    {.name = "STATUS"},
    {.name = "TIME", .is_number = true},
    {.name = "TOKENS", .is_number = true, .leaves = 2},
    {.name = "COST", .is_number = true, .leaves = 4},
    {.name = "BEGAN", .leaves = 3},
    {.name = "GRAPH", .leaves = 1},
    {.name = "THREAD", .width_min = 8},
};

static void add_row(struct listing *listing, const struct fl_trace *trace) {
  char time[FL_SPAN_TIME_SIZE], tokens[48] = "", cost[32] = "", began[32];
  int64_t in = fl_get_int(trace->end, "input_tokens", 0), out = fl_get_int(trace->end, "output_tokens", 0);
  fl_format_span_time(fl_trace_duration_us(trace), time);
  if (in + out > 0) snprintf(tokens, sizeof tokens, "%" PRId64 " + %" PRId64, in, out);
  if (fl_get(trace->end, "cost_nusd") != NULL)
    snprintf(cost, sizeof cost, "$%.4f", (double)fl_get_int(trace->end, "cost_nusd", 0) / 1e9);
  fl_format_time(trace->began_ms, began);
  fl_table_add(&listing->table, (const char *const[]){trace->run_id, fl_trace_status(listing->store, trace),
                                                      trace->end != NULL ? time : "", tokens, cost, began,
                                                      trace->graph != NULL ? trace->graph : "", trace->thread});
}

static bool list_run(const struct fl_trace_run *run, void *user) {
  struct listing *listing = user;
  struct fl_trace trace = {0};
  listing->rc = fl_trace_load_head(run, &trace, &listing->err);
  if (listing->rc < 0) return false;
  if (listing->args->json) {
    FL_VALUE_AUTO entry = fl_trace_run_value(listing->store, &trace);
    fl_print_json(entry);
  } else {
    add_row(listing, &trace);
  }
  listing->count++;
  fl_trace_deinit(&trace);
  return true;
}

int fl_cmd_trace_list(struct fl_args *args) {
  struct fl_trace_query query;
  struct fl_opened opened;
  if (args->count > 0) return fl_usage(args, "it takes no argument; --thread ID lists the runs of a thread");
  int code = fl_trace_read_query(args, &query);
  if (code == 0) code = fl_opened_open(&opened, args, true);
  if (code != 0) return code;
  struct listing listing = {.args = args, .store = opened.store};
  fl_table_init(&listing.table, columns, sizeof columns / sizeof columns[0]);
  if (query.limit == 0) query.limit = FL_ROWS_DEFAULT;
  query.visit = list_run;
  query.user_data = &listing;
  int rc = fl_store_list_runs(opened.store, &query, &listing.err);
  if (rc == 0) rc = listing.rc;
  if (rc < 0) code = fl_fail_error(args, &listing.err);
  else fl_table_print(&listing.table, stdout, fl_terminal_width());
  if (rc == 0 && listing.count == 0 && !args->json) printf("no runs\n");
  fl_table_deinit(&listing.table);
  fl_opened_close(&opened);
  return code;
}

/* ---- tail ---- */

/* Spans as they are stored, of the runs that are there and of those that come. */
struct tail {
  const struct fl_args *args;
  struct fl_store *store;
  struct fl_error err;
  int rc;
  char run_id[FL_UUID_SIZE]; /* of what is printed now */
  const char *thread;
  uint64_t after_no; /* runs up to it are over */
  struct tailed {
    uint64_t no;
    uint32_t row;
    bool is_over;
  } * runs;
  size_t count;
};

static void print_span(const struct fl_span *span, void *user) {
  const struct tail *tail = user;
  if (tail->args->json) {
    FL_VALUE_AUTO entry = fl_object();
    fl_set_string(entry, "run_id", tail->run_id);
    fl_set_string(entry, "kind", fl_span_kind_name(span->kind));
    fl_set_string(entry, "name", span->name);
    fl_set_int(entry, "n", span->n);
    fl_set_int(entry, "parent", span->parent);
    fl_set_int(entry, "start_us", span->start_us);
    fl_set_int(entry, "duration_us", span->duration_us);
    if (span->attributes != NULL) fl_set_take(entry, "attributes", fl_value_ref(span->attributes));
    fl_print_json(entry);
    return;
  }
  if (span->kind == FL_SPAN_COMMIT) return;
  char time[FL_SPAN_TIME_SIZE];
  fl_format_span_time(span->duration_us, time);
  FL_FREE_AUTO char *name = fl_visible(span->name, 80);
  FL_FREE_AUTO char *more = span->attributes != NULL ? fl_dump(span->attributes, NULL) : NULL;
  FL_FREE_AUTO char *shown = fl_visible(more != NULL ? more : "", 160);
  printf("%s  %-9s %-20s %10s  %s\n", tail->run_id, fl_span_kind_name(span->kind), name, time, shown);
}

static struct tailed *tailed_of(struct tail *tail, uint64_t no) {
  for (size_t i = 0; i < tail->count; i++)
    if (tail->runs[i].no == no) return &tail->runs[i];
  tail->runs = fl_realloc(tail->runs, (tail->count + 1) * sizeof *tail->runs);
  tail->runs[tail->count] = (struct tailed){.no = no};
  return &tail->runs[tail->count++];
}

struct tail_row {
  struct tail *tail;
  struct tailed *run;
};

static bool tail_row(uint32_t no, fl_slice text, void *user) {
  struct tail_row *row = user;
  row->run->row = no;
  row->tail->rc = fl_spans_read(text, print_span, row->tail, &row->tail->err);
  return row->tail->rc == 0;
}

static bool tail_run(const struct fl_trace_run *run, void *user) {
  struct tail *tail = user;
  if (run->no <= tail->after_no) return false;
  struct tailed *tailed = tailed_of(tail, run->no);
  if (tailed->is_over) return true;
  memcpy(tail->run_id, run->run_id, FL_UUID_SIZE);
  struct tail_row row = {tail, tailed};
  struct fl_trace_rows rows = {
      .run_no = run->no, .part = FL_TRACE_SPANS, .after = tailed->row, .visit = tail_row, .user_data = &row};
  int rc = fl_store_read_trace(tail->store, &rows, &tail->err);
  if (rc < 0) tail->rc = rc;
  tailed->is_over = run->end.size > 0;
  if (tailed->is_over && !tail->args->json)
    printf("%s  %.*s\n", run->run_id, (int)(run->end.size < 300 ? run->end.size : 300), run->end.data);
  return tail->rc == 0;
}

static bool newest(const struct fl_trace_run *run, void *user) {
  *(uint64_t *)user = run->no;
  return false;
}

static void on_pause_over(struct fl_timer *timer) { fl_world_stop(timer->user); }

static void pause_for(struct fl_world *world, uint64_t delay_ms) {
  struct fl_timer timer = {.on_fire = on_pause_over, .user = world};
  fl_timer_start(world, &timer, delay_ms);
  fl_world_run(world);
  fl_timer_stop(world, &timer);
}

static bool goes_on(const struct tail *tail, long limit) {
  size_t over = 0;
  for (size_t i = 0; i < tail->count; i++) over += tail->runs[i].is_over;
  return tail->rc == 0 && (limit == 0 || over < (size_t)limit);
}

int fl_cmd_trace_tail(struct fl_args *args) {
  struct fl_opened opened;
  if (args->count > 0) return fl_usage(args, "it takes no argument; --thread ID follows the runs of a thread");
  long limit = fl_args_number(args, "runs", FL_ROWS_MAX);
  int code = limit < 0 ? FL_EXIT_USAGE : fl_opened_open(&opened, args, true);
  if (code != 0) return code;
  struct tail tail = {.args = args, .store = opened.store, .thread = fl_args_get(args, "thread")};
  struct fl_trace_query query = {.limit = 1, .visit = newest, .user_data = &tail.after_no};
  if (!fl_args_has(args, "all")) tail.rc = fl_store_list_runs(opened.store, &query, &tail.err);
  query = (struct fl_trace_query){.thread = tail.thread, .visit = tail_run, .user_data = &tail};
  while (goes_on(&tail, limit)) {
    int rc = fl_store_list_runs(opened.store, &query, &tail.err);
    if (rc < 0) tail.rc = rc;
    fflush(stdout);
    if (goes_on(&tail, limit)) pause_for(opened.world, TAIL_PAUSE_MS);
  }
  if (tail.rc < 0) code = fl_fail_error(args, &tail.err);
  fl_free(tail.runs);
  fl_opened_close(&opened);
  return code;
}

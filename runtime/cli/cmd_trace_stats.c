/* SPDX-License-Identifier: MIT */
/* fairlead trace stats: what many runs came to. And erase and prune: what is to be forgotten of them. */
#include "runtime/base/mem.h"
#include "runtime/base/timestamp.h"
#include "runtime/cli/act.h"
#include "runtime/cli/table.h"
#include "runtime/cli/trace.h"
#include "runtime/trace/context.h"
#include "runtime/trace/stats.h"

#include <inttypes.h>
#include <string.h>

/* ---- stats ---- */

struct counting {
  struct fl_store *store;
  struct fl_trace_stats *stats;
  struct fl_error err;
  size_t count;
  int rc;
};

static bool count_run(const struct fl_trace_run *run, void *user) {
  struct counting *counting = user;
  struct fl_trace trace = {0};
  counting->rc = fl_trace_load_run(counting->store, run, &trace, &counting->err);
  if (counting->rc < 0) return false;
  fl_trace_stats_add(counting->stats, &trace);
  counting->count++;
  fl_trace_deinit(&trace);
  return true;
}

static void format_rate(const struct fl_value *group, const char *key, char ret_text[16]) {
  const struct fl_value *rate = fl_get(group, key);
  ret_text[0] = '\0';
  if (rate != NULL) snprintf(ret_text, 16, "%.1f %%", fl_as_double(rate, 0) * 100);
}

static void format_us(const struct fl_value *group, const char *key, char ret_text[FL_SPAN_TIME_SIZE]) {
  ret_text[0] = '\0';
  if (fl_get(group, key) != NULL) fl_format_span_time(fl_get_int(group, key, 0), ret_text);
}

static const struct fl_column columns[] = {{.name = "COUNT", .is_number = true},
                                           {.name = "FAILED", .is_number = true},
                                           {.name = "P50", .is_number = true},
                                           {.name = "P99", .is_number = true, .leaves = 2},
                                           {.name = "FIRST", .is_number = true, .leaves = 3},
                                           {.name = "TOKENS", .is_number = true, .leaves = 1},
                                           {.name = "COST", .is_number = true, .leaves = 4},
                                           {.name = "NAME", .width_min = 8}};

static void add_group(struct fl_table *table, const struct fl_value *group) {
  char count[24], rate[16], p50[FL_SPAN_TIME_SIZE], p99[FL_SPAN_TIME_SIZE], first[FL_SPAN_TIME_SIZE];
  char tokens[48] = "", cost[32] = "";
  snprintf(count, sizeof count, "%" PRId64, fl_get_int(group, "count", 0));
  format_rate(group, "error_rate", rate);
  format_us(group, "p50_us", p50);
  format_us(group, "p99_us", p99);
  format_us(group, "first_token_p50_us", first);
  if (fl_get(group, "input_tokens") != NULL)
    snprintf(tokens, sizeof tokens, "%" PRId64 " + %" PRId64, fl_get_int(group, "input_tokens", 0),
             fl_get_int(group, "output_tokens", 0));
  if (fl_get(group, "cost_usd") != NULL) snprintf(cost, sizeof cost, "$%.4f", fl_get_double(group, "cost_usd", 0));
  fl_table_add(table,
               (const char *const[]){count, rate, p50, p99, first, tokens, cost, fl_get_string(group, "name", "")});
}

static void print_groups(const char *title, const struct fl_value *groups) {
  struct fl_table table;
  if (fl_size(groups) == 0) return;
  fl_table_init(&table, columns, sizeof columns / sizeof columns[0]);
  for (size_t i = 0; i < fl_size(groups); i++) add_group(&table, fl_at(groups, i));
  printf("%s\n", title);
  fl_table_print(&table, stdout, fl_terminal_width());
  fl_table_deinit(&table);
}

static void print_stats(const struct fl_value *stats) {
  const struct fl_value *graphs = fl_get(stats, "graphs");
  print_groups("graphs", graphs);
  for (size_t i = 0; i < fl_size(graphs); i++) {
    char rate[16];
    format_rate(fl_at(graphs, i), "success_rate", rate);
    FL_FREE_AUTO char *name = fl_visible(fl_get_string(fl_at(graphs, i), "name", ""), 80);
    if (rate[0] != '\0') printf("%s of the runs of %s that ended are done or wait for an answer\n", rate, name);
  }
  print_groups("nodes", fl_get(stats, "nodes"));
  print_groups("models", fl_get(stats, "models"));
  print_groups("tools", fl_get(stats, "tools"));
}

int fl_cmd_trace_stats(struct fl_args *args) {
  struct fl_trace_query query;
  struct fl_opened opened;
  if (args->count > 0) return fl_usage(args, "it takes no argument");
  int code = fl_trace_read_query(args, &query);
  if (code == 0) code = fl_opened_open(&opened, args, true);
  if (code != 0) return code;
  struct counting counting = {.store = opened.store, .stats = fl_trace_stats_create()};
  query.visit = count_run;
  query.user_data = &counting;
  int rc = fl_store_list_runs(opened.store, &query, &counting.err);
  if (rc == 0) rc = counting.rc;
  FL_VALUE_AUTO stats = fl_trace_stats_value(counting.stats);
  if (rc < 0) code = fl_fail_error(args, &counting.err);
  else if (args->json) fl_print_json(stats);
  else if (counting.count == 0) printf("no runs\n");
  else print_stats(stats);
  fl_trace_stats_destroy(counting.stats);
  fl_opened_close(&opened);
  return code;
}

/* ---- forgetting ---- */

struct dropping {
  struct fl_txn txn;
  struct fl_world *world;
  struct fl_error error;
  int status;
  bool is_done;
};

static void on_dropped(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct dropping *dropping = txn->user;
  dropping->status = status;
  if (err != NULL) dropping->error = *err;
  dropping->is_done = true;
  fl_world_stop(dropping->world);
}

/* Which traces, for the audit log; a user stands there as in the traces, by the hash. */
static struct fl_value *about(const struct fl_trace_drop *what) {
  struct fl_value *body = fl_object();
  if (what->user != NULL) fl_set_string(body, "user", what->user);
  if (what->run_id != NULL) fl_set_string(body, "run", what->run_id);
  if (what->thread != NULL) fl_set_string(body, "thread", what->thread);
  if (what->before_ms > 0 && what->before_ms < INT64_MAX) fl_set_int(body, "before_ms", what->before_ms);
  if (what->content_before_ms > 0) fl_set_int(body, "content_before_ms", what->content_before_ms);
  return body;
}

static int drop(const struct fl_args *args, const struct fl_trace_drop *what, const char *act) {
  struct fl_opened opened;
  int code = fl_opened_open(&opened, args, false);
  if (code != 0) return code;
  struct dropping dropping = {.world = opened.world};
  struct fl_records records = {0};
  fl_act_add(&records, act, about(what), fl_world_wall_ms(opened.world));
  dropping.txn = (struct fl_txn){.kind = FL_TXN_TRACE_DROP,
                                 .trace_drop = what,
                                 .audit = &records,
                                 .wall_ms = fl_world_wall_ms(opened.world),
                                 .on_done = on_dropped,
                                 .user = &dropping};
  fl_store_submit(opened.store, &dropping.txn);
  while (!dropping.is_done) fl_world_run(opened.world);
  fl_records_deinit(&records);
  unsigned long long count = dropping.txn.count;
  if (dropping.status < 0) code = fl_fail_error(args, &dropping.error);
  else if (args->json) printf("{\"runs\":%llu}\n", count);
  else printf("forgot %llu run%s, or what was said in them\n", count, count == 1 ? "" : "s");
  fl_opened_close(&opened);
  return code;
}

int fl_cmd_trace_erase(struct fl_args *args) {
  const char *user = fl_args_get(args, "user"), *run = fl_args_get(args, "run"), *thread = fl_args_get(args, "thread");
  char hash[FL_USER_HASH_SIZE];
  if (args->count > 0 || (user == NULL) + (run == NULL) + (thread == NULL) != 2)
    return fl_usage(args, "name what is erased: --user ID, --thread ID or --run RUN");
  if (user != NULL) fl_user_hash(user, hash);
  if (run != NULL && !fl_is_uuid(run)) return fl_usage(args, "--run takes the whole id of a run");
  struct fl_trace_drop what = {
      .before_ms = INT64_MAX, .run_id = run, .user = user != NULL ? hash : NULL, .thread = thread};
  return drop(args, &what, "trace.erased");
}

/* "30d" ago. 0, or an exit code after a message. */
static int read_before(const struct fl_args *args, const char *option, int64_t *ret_ms) {
  const char *text = fl_args_get(args, option);
  int64_t age = text != NULL ? fl_age_ms(text) : 0;
  if (age < 0) return fl_usage(args, "--%s takes an age like 12h or 30d, not \"%s\"", option, text);
  if (text != NULL) *ret_ms = fl_trace_now_ms() - age;
  return 0;
}

int fl_cmd_trace_prune(struct fl_args *args) {
  struct fl_trace_drop what = {.thread = fl_args_get(args, "thread")};
  int code = read_before(args, "older-than", &what.before_ms);
  if (code == 0) code = read_before(args, "content-older-than", &what.content_before_ms);
  if (code != 0) return code;
  if (args->count > 0 || (what.before_ms == 0 && what.content_before_ms == 0))
    return fl_usage(args, "say how old: --older-than AGE, --content-older-than AGE");
  return drop(args, &what, "trace.pruned");
}

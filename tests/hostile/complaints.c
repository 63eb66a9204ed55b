/* SPDX-License-Identifier: MIT */
#include "tests/hostile/complaints.h"

#include "tests/hostile/load.h"

#include <stdlib.h>
#include <string.h>

enum { BIG_ARGUMENT = 8 * 1024 * 1024, DEAF_CALLS_MAX = 24, CHANGES_MS = 2500 };

/* ---- visiting a server ---- */

static void on_log(struct fl_client *client, const char *level, const char *text, void *user) {
  struct visit *visit = user;
  visit->logs++;
}

static void on_changed(struct fl_client *client, const char *what, void *user) {
  struct visit *visit = user;
  visit->changes++;
}

static void call_with(struct fl_client *client, const struct fl_value *args, struct visit *visit) {
  FL_VALUE_AUTO result = NULL;
  visit->calls++;
  visit->call_status = fl_client_call_tool(client, "echo", args, &result, &visit->err);
}

static void call_once(struct fl_client *client, struct visit *visit) { call_with(client, NULL, visit); }

/* The first has no answer, and the second may not get the first one's. */
static void call_twice(struct fl_client *client, struct visit *visit) {
  call_once(client, visit);
  call_once(client, visit);
}

static void call_until_closed(struct fl_client *client, struct visit *visit) {
  char *text = malloc(BIG_ARGUMENT);
  memset(text, 'x', BIG_ARGUMENT);
  struct fl_value *args = fl_object();
  fl_set_take(args, "message", fl_string_n(text, BIG_ARGUMENT));
  free(text);
  for (int i = 0; i < DEAF_CALLS_MAX && visit->call_status != FL_E_CLOSED; i++) call_with(client, args, visit);
  fl_value_unref(args);
}

static void call_for_a_while(struct fl_client *client, struct visit *visit) {
  int64_t end_us = load_now_us() + CHANGES_MS * 1000;
  while (load_now_us() < end_us && visit->call_status == 0) call_once(client, visit);
}

/* ---- complaints ---- */

static bool is_served(const struct visit *visit) { return visit->connect_status == 0 && visit->call_status == 0; }
static bool is_logged(const struct visit *visit) { return is_served(visit) && visit->logs > 1; }
static bool is_cut(const struct visit *visit) { return is_served(visit) && visit->tools == 10000; }
static bool is_paged(const struct visit *visit) { return is_served(visit) && visit->tools == 100; }

static bool is_listed_rarely(const struct visit *visit) {
  return is_served(visit) && visit->changes >= 1 && visit->changes <= CHANGES_MS / 1000 + 1;
}

static bool is_too_large(const struct visit *visit) {
  return visit->connect_status == 0 && visit->call_status == FL_E_LIMIT &&
         strstr(visit->err.text, "larger than") != NULL;
}

static bool is_unreadable(const struct visit *visit) {
  return visit->connect_status == 0 && visit->call_status == FL_E_PROTOCOL &&
         strstr(visit->err.text, "cannot be read") != NULL;
}

static bool is_late(const struct visit *visit) {
  return visit->connect_status == 0 && visit->call_status == FL_E_TIMEOUT && visit->err.text[0] != '\0';
}

static bool is_killed(const struct visit *visit) {
  return visit->connect_status == 0 && visit->call_status == FL_E_CLOSED &&
         strstr(visit->err.text, "did not read its input") != NULL;
}

static bool is_called_in_vain(const struct visit *visit, int status, const char *text) {
  return visit->connect_status == 0 && visit->call_status == status && strstr(visit->err.text, text) != NULL;
}

static bool is_not_begun(const struct visit *visit) {
  return visit->connect_status == FL_E_REMOTE && strstr(visit->err.text, "404") != NULL;
}

static bool is_refused(const struct visit *visit) { return is_called_in_vain(visit, FL_E_REMOTE, "404"); }
static bool is_redirected(const struct visit *visit) { return is_called_in_vain(visit, FL_E_REMOTE, "HTTP status 30"); }
static bool is_truncated(const struct visit *visit) { return is_called_in_vain(visit, FL_E_TRUNCATED, "ended before"); }
static bool is_too_large_a_head(const struct visit *visit) {
  return is_called_in_vain(visit, FL_E_LIMIT, "the header lines");
}

const struct complaint COMPLAINTS[] = {
    {"1 GB on standard error", "stderr", "1000", "64", is_logged},
    {"a line of 100 MB without end", "line", NULL, NULL, is_too_large},
    {"nesting 100,000 deep", "nesting", NULL, NULL, is_unreadable},
    {"invalid UTF-8", "utf8", NULL, NULL, is_unreadable},
    {"100,000 tools", "tools", NULL, NULL, is_cut},
    {"60 MB of the smallest numbers", "numbers", NULL, NULL, is_unreadable},
    {"60 MB of empty objects", "objects", NULL, NULL, is_unreadable},
    {"60 MB of members", "members", NULL, NULL, is_unreadable},
    {"a slow drip", "drip", NULL, NULL, is_late, NULL, 300, 0},
    {"a list that changes on every call", "changes", NULL, NULL, is_listed_rarely, call_for_a_while},
    {"a storm of notifications", "storm", NULL, NULL, is_late, NULL, 0, 1500},
    {"a server that never reads its input", "deaf", NULL, NULL, is_killed, call_until_closed, 100, 0},
    {"wrong, null and duplicate ids", "ids", NULL, NULL, is_served, call_twice},
    {"answers after a cancel", "late", NULL, NULL, is_late, call_twice, 200, 0},
    {"logs on standard output", "logs", NULL, NULL, is_logged, call_twice},
    {"cursors without end", "cursors", NULL, NULL, is_paged},

    {"HTTP: a session lost after every initialize", "lost", NULL, NULL, is_not_begun, .is_http = true},
    {"HTTP: a session lost at every call", "lost-calls", NULL, NULL, is_refused, .is_http = true},
    {"HTTP: 405 to GET", "405", NULL, NULL, is_served, call_twice, .is_http = true},
    {"HTTP: a stream that ends before the answer", "early", NULL, NULL, is_truncated, .is_http = true, .is_long = true},
    {"HTTP: streams that end each time they are taken up", "early-again", NULL, NULL, is_late, NULL, 1000, 0, true},
    {"HTTP: a redirect to another origin", "elsewhere", NULL, NULL, is_redirected, .is_http = true},
    {"HTTP: redirects without end", "around", NULL, NULL, is_redirected, .is_http = true, .is_long = true},
    {"HTTP: no answer", "silent", NULL, NULL, is_late, call_twice, 200, 0, true, true},
    {"HTTP: a body in a slow drip", "drip", NULL, NULL, is_late, NULL, 300, 0, true, true},
    {"HTTP: a stream in a slow drip", "comments", NULL, NULL, is_late, NULL, 300, 0, true},
    {"HTTP: a head in a slow drip", "slow-head", NULL, NULL, is_late, NULL, 300, 0, true, true},
    {"HTTP: a body of 100 MB without end", "body", NULL, NULL, is_too_large, .is_http = true, .is_long = true},
    {"HTTP: an event of 100 MB without end", "event", NULL, NULL, is_too_large, .is_http = true},
    {"HTTP: a head of 100 MB", "head", NULL, NULL, is_too_large_a_head, .is_http = true, .is_long = true},
    {"HTTP: nesting 100,000 deep", "nesting", NULL, NULL, is_unreadable, .is_http = true, .is_long = true},
    {"HTTP: invalid UTF-8", "utf8", NULL, NULL, is_unreadable, .is_http = true, .is_long = true},
    {"HTTP: 100,000 tools", "tools", NULL, NULL, is_cut, .is_http = true, .is_long = true},
    {"HTTP: 60 MB of the smallest numbers", "numbers", NULL, NULL, is_unreadable, .is_http = true, .is_long = true},
    {"HTTP: the same in an event", "event-numbers", NULL, NULL, is_unreadable, .is_http = true},
    {"HTTP: 60 MB of empty objects", "objects", NULL, NULL, is_unreadable, .is_http = true, .is_long = true},
    {"HTTP: 60 MB of members", "members", NULL, NULL, is_unreadable, .is_http = true, .is_long = true},
    {"HTTP: the same in an event", "event-members", NULL, NULL, is_unreadable, .is_http = true, .is_long = true},
    {"HTTP: wrong, null and duplicate ids", "ids", NULL, NULL, is_served, call_twice, .is_http = true},
    {"HTTP: a storm of notifications", "storm", NULL, NULL, is_late, NULL, 0, 1500, true},
    {"HTTP: a storm where nothing was asked", "get-storm", NULL, NULL, is_served, call_for_a_while, 0, 0, true, true},
    {"HTTP: a list that changes on every call", "changes", NULL, NULL, is_listed_rarely, call_for_a_while, 0, 0, true,
     true},
    {"HTTP: cursors without end", "cursors", NULL, NULL, is_paged, .is_http = true, .is_long = true},
    {NULL},
};

void complaint_visit(const struct complaint *complaint, const struct fl_client_options *options, struct visit *visit) {
  struct fl_client_options whole = *options;
  struct fl_client *client = NULL;
  whole.name = "hostile";
  whole.idle_timeout_ms = complaint->idle_ms;
  whole.total_timeout_ms = complaint->total_ms;
  whole.on_log = on_log;
  whole.on_changed = on_changed;
  whole.user = visit;
  visit->connect_status = fl_client_connect(&whole, &client, &visit->err);
  if (visit->connect_status != 0) return;
  visit->tools = fl_size(fl_client_tools(client));
  (complaint->call != NULL ? complaint->call : call_once)(client, visit);
  fl_client_close(client);
}

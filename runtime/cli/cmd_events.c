/* SPDX-License-Identifier: MIT */
/* fairlead threads events: what runs that keep their events have told, once more, and as it comes. */
#include "runtime/base/mem.h"
#include "runtime/cli/threads.h"

enum { FL_EVENT_SHOWN_MAX = 160, FL_ROOM_MIN = 10, FL_FOLLOW_PAUSE_MS = 250 };

struct listing {
  const struct fl_args *args;
  size_t count;
  char last[FL_EVENT_ID_SIZE]; /* the id of the event that was printed last; "": none */
};

static void print_row(const struct fl_value *entry) {
  FL_FREE_AUTO char *data = fl_dump(fl_get(entry, "data"), NULL);
  FL_FREE_AUTO char *node = fl_visible(fl_get_string(entry, "node", ""), FL_EVENT_SHOWN_MAX);
  int wide = printf("%s  %s%s%s  ", fl_get_string(entry, "id", ""), fl_get_string(entry, "mode", ""),
                    node[0] != '\0' ? " " : "", node);
  int room = fl_terminal_width() - wide - 1;
  if (room > FL_EVENT_SHOWN_MAX) room = FL_EVENT_SHOWN_MAX;
  FL_FREE_AUTO char *shown = fl_visible(data, room > FL_ROOM_MIN ? (size_t)room : FL_ROOM_MIN);
  printf("%s\n", shown);
}

static bool print_entry(const struct fl_value *entry, void *user) {
  struct listing *listing = user;
  if (listing->args->json) fl_print_json(entry);
  else print_row(entry);
  snprintf(listing->last, sizeof listing->last, "%s", fl_get_string(entry, "id", ""));
  listing->count++;
  return true;
}

static void on_pause_over(struct fl_timer *timer) { fl_world_stop(timer->user); }

static void pause_for(struct fl_world *world, uint64_t delay_ms) {
  struct fl_timer timer = {.on_fire = on_pause_over, .user = world};
  fl_timer_start(world, &timer, delay_ms);
  fl_world_run(world);
  fl_timer_stop(world, &timer);
}

/* Whether somebody runs the thread now. */
static bool is_run(struct fl_store *store, const char *thread) {
  struct fl_thread_info info = {0};
  bool is_busy = fl_store_read_thread(store, thread, &info, NULL) == 0 && info.lease_pid != 0 && info.status != NULL &&
                 strcmp(info.status, "busy") == 0;
  fl_thread_info_deinit(&info);
  return is_busy;
}

/* As long as the thread is run, and once more after that: its last events come with its end. */
static int follow(struct fl_opened *opened, struct fl_events_query *query, struct listing *listing,
                  struct fl_error *err) {
  struct fl_runtime reader = {.store = opened->store};
  for (bool goes_on = true; goes_on;) {
    goes_on = fl_args_has(listing->args, "follow") && is_run(opened->store, query->thread);
    if (listing->last[0] != '\0') query->after = listing->last;
    int rc = fl_thread_events(&reader, query, print_entry, listing, err);
    if (rc < 0) return rc;
    fflush(stdout);
    if (goes_on) pause_for(opened->world, FL_FOLLOW_PAUSE_MS);
  }
  return 0;
}

int fl_cmd_threads_events(struct fl_args *args) {
  if (args->count != 1) return fl_usage(args, "name one thread (see 'fairlead threads list')");
  long limit = fl_args_number(args, "limit", FL_ROWS_MAX);
  if (limit < 0) return FL_EXIT_USAGE;
  if (limit > 0 && fl_args_has(args, "follow")) return fl_usage(args, "--limit and --follow do not go together");
  struct fl_opened opened;
  int code = fl_opened_open(&opened, args, true);
  if (code != 0) return code;
  struct fl_events_query query = {.size = sizeof query,
                                  .thread = args->items[0],
                                  .run = fl_args_get(args, "run"),
                                  .after = fl_args_get(args, "after"),
                                  .limit = (size_t)limit};
  struct listing listing = {.args = args};
  struct fl_error err = {0};
  int rc = follow(&opened, &query, &listing, &err);
  if (rc < 0) code = fl_fail_error(args, &err);
  else if (listing.count == 0 && !args->json && query.after == NULL)
    printf("no events; 'fairlead run --keep-events' keeps them\n");
  fl_opened_close(&opened);
  return code;
}

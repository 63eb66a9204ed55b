/* SPDX-License-Identifier: MIT */
/* hostile-rude-http WAY: as rude.c, over HTTP. It prints the port on 127.0.0.1 that it listens at, and ends with its
 * standard input. A connection is a thread; an answer has either its length or the end of its connection, so what has
 * no end is a connection that stays. It begins a session as any legacy server does, has a stream for GET, and is then
 * hostile in the named way (the table at the end). */
#include "tests/hostile/says.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_SIZE = 64 * 1024, EARLY_EVENTS = 3, EAGER_COUNT = 60, BIG_HEAD_FIELDS = 2000000 };

/* One request. */
struct talk {
  FILE *in, *out;
  char method[16], path[200];
  size_t body_size;
  char *body;
  long id;
  bool is_foreign; /* came to the port that is no server's */
  bool is_over;    /* its answer ends with the connection */
};

struct way {
  const char *name;
  void (*list)(struct talk *talk), (*call)(struct talk *talk), (*get)(struct talk *talk);
  bool is_lost;      /* after `initialize` no session is known */
  bool refuses_call; /* the same, for calls only */
};

static const struct way *way;
static int foreign_port;

/* ---- answers ---- */

static void reply(struct talk *talk, const char *status, const char *fields, const char *body) {
  fprintf(talk->out, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status, fields, strlen(body), body);
}

static void reply_with(struct talk *talk, const char *fields, says_fn *says) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  says(out, talk->id);
  fclose(out);
  fprintf(talk->out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n", fields,
          size);
  fwrite(text, 1, size, talk->out);
  free(text);
}

static void begin(struct talk *talk, const char *type) {
  fprintf(talk->out, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: close\r\n\r\n", type);
  talk->is_over = true;
}

static void event(struct talk *talk, says_fn *says) {
  fputs("data: ", talk->out);
  says(talk->out, talk->id);
  fputs("\n\n", talk->out);
}

static void event_of(struct talk *talk, const char *text) { fprintf(talk->out, "data: %s\n\n", text); }

static void wait_for_end(struct talk *talk) {
  talk->is_over = true;
  fflush(talk->out);
  while (getc(talk->in) != EOF) continue;
}

static void whole(struct talk *talk, says_fn *says) { reply_with(talk, "", says); }
static void endless(struct talk *talk, says_fn *says) {
  begin(talk, "application/json");
  says(talk->out, talk->id);
}

/* ---- calls ---- */

static void call_politely(struct talk *talk) { whole(talk, says_done); }
static void list_politely(struct talk *talk) { whole(talk, says_tools); }

static void call_with_long_body(struct talk *talk) {
  endless(talk, says_long);
  wait_for_end(talk);
}

static void call_with_long_event(struct talk *talk) {
  begin(talk, "text/event-stream");
  fputs("data: ", talk->out);
  says_long(talk->out, talk->id);
  wait_for_end(talk);
}

static void call_with_long_head(struct talk *talk) {
  talk->is_over = true;
  fputs("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n", talk->out);
  for (long i = 0; i < BIG_HEAD_FIELDS && !ferror(talk->out); i++)
    fprintf(talk->out, "X-Field-%08ld: and one more, and one more, and one\r\n", i);
  wait_for_end(talk);
}

static void call_with_nesting(struct talk *talk) { whole(talk, says_nesting); }
static void call_with_numbers(struct talk *talk) { endless(talk, says_numbers); }
static void call_with_objects(struct talk *talk) { endless(talk, says_objects); }
static void call_with_members(struct talk *talk) { endless(talk, says_members); }
static void call_with_drip(struct talk *talk) { endless(talk, says_drip); }

static void in_event(struct talk *talk, says_fn *says) {
  begin(talk, "text/event-stream");
  event(talk, says);
}

static void call_with_numbers_in_event(struct talk *talk) { in_event(talk, says_numbers); }
static void call_with_members_in_event(struct talk *talk) { in_event(talk, says_members); }
static void call_with_invalid_utf8(struct talk *talk) { whole(talk, says_invalid_utf8); }

static void drip(struct talk *talk, const char *text) {
  for (talk->is_over = true; fflush(talk->out) == 0; usleep(5000)) fputs(text, talk->out);
}

static void call_with_comments(struct talk *talk) {
  begin(talk, "text/event-stream");
  drip(talk, ": still here\n\n");
}

static void call_with_slow_head(struct talk *talk) {
  fputs("HTTP/1.1 200 OK\r\nX-Slow: ", talk->out);
  drip(talk, "x");
}

static void call_with_storm(struct talk *talk) {
  begin(talk, "text/event-stream");
  while (!ferror(talk->out)) {
    event(talk, says_progress);
    event_of(talk, SAYS_LOG);
    event_of(talk, SAYS_CHANGED);
    event_of(talk, SAYS_QUESTION);
  }
}

static void call_with_wrong_ids(struct talk *talk) {
  begin(talk, "text/event-stream");
  for (int i = 0, is_one = 1; is_one; i++) {
    fputs("data: ", talk->out);
    is_one = says_wrong_id(talk->out, talk->id, i);
    fputs("\n\n", talk->out);
  }
  event(talk, says_done);
  event_of(talk, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
  event(talk, says_tools);
}

static void call_with_change(struct talk *talk) {
  begin(talk, "text/event-stream");
  event_of(talk, SAYS_CHANGED);
  event(talk, says_done);
}

static void call_without_answer(struct talk *talk) { wait_for_end(talk); }

/* A few events, and the end; the answer never comes. */
static void call_with_early_end(struct talk *talk) {
  begin(talk, "text/event-stream");
  for (int i = 0; i < EARLY_EVENTS; i++) event(talk, says_progress);
}

/* The same, but it says that it can be taken up again, at once, and is: in vain, unless it is asked all the time. */
static void call_with_early_ends(struct talk *talk) {
  static _Atomic long called;
  static _Atomic int asked;
  if (strcmp(talk->method, "POST") == 0) called = talk->id;
  talk->id = called;
  begin(talk, "text/event-stream");
  fputs("retry: 1\nid: 1\ndata:\n\n", talk->out);
  if (++asked > EAGER_COUNT) event(talk, says_done);
}

static void redirect(struct talk *talk, int port, const char *path) {
  char fields[200];
  snprintf(fields, sizeof fields, "Location: http://127.0.0.1:%d%s\r\n", port, path);
  reply(talk, "307 Temporary Redirect", fields, "");
}

static void call_elsewhere(struct talk *talk) {
  if (talk->is_foreign) call_politely(talk);
  else redirect(talk, foreign_port, "/mcp");
}

/* Another path each time, at the same server. */
static void call_around(struct talk *talk) {
  char path[32];
  static long number;
  snprintf(path, sizeof path, "/round/%ld", ++number);
  fprintf(talk->out, "HTTP/1.1 308 Permanent Redirect\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", path);
}

/* ---- lists ---- */

static void list_many(struct talk *talk) { endless(talk, says_many_tools); }
static void list_without_end(struct talk *talk) { whole(talk, says_page); }
static void list_changed(struct talk *talk) {
  begin(talk, "text/event-stream");
  event(talk, says_other_tools);
  event_of(talk, SAYS_CHANGED);
}

/* ---- the stream that nobody asked anything on ---- */

static void get_quietly(struct talk *talk) {
  begin(talk, "text/event-stream");
  wait_for_end(talk);
}

static void get_refused(struct talk *talk) { reply(talk, "405 Method Not Allowed", "Allow: POST\r\n", ""); }

static void get_storm(struct talk *talk) { call_with_storm(talk); }

static const struct way WAYS[] = {
    {"polite", list_politely, call_politely, get_quietly},
    {"lost", list_politely, call_politely, get_quietly, .is_lost = true},
    {"lost-calls", list_politely, call_politely, get_quietly, .refuses_call = true},
    {"405", list_politely, call_politely, get_refused},
    {"early", list_politely, call_with_early_end, get_quietly},
    {"early-again", list_politely, call_with_early_ends, call_with_early_ends},
    {"elsewhere", list_politely, call_elsewhere, get_quietly},
    {"around", list_politely, call_around, get_quietly},
    {"drip", list_politely, call_with_drip, get_quietly},
    {"comments", list_politely, call_with_comments, get_quietly},
    {"slow-head", list_politely, call_with_slow_head, get_quietly},
    {"body", list_politely, call_with_long_body, get_quietly},
    {"event", list_politely, call_with_long_event, get_quietly},
    {"head", list_politely, call_with_long_head, get_quietly},
    {"nesting", list_politely, call_with_nesting, get_quietly},
    {"numbers", list_politely, call_with_numbers, get_quietly},
    {"objects", list_politely, call_with_objects, get_quietly},
    {"members", list_politely, call_with_members, get_quietly},
    {"event-numbers", list_politely, call_with_numbers_in_event, get_quietly},
    {"event-members", list_politely, call_with_members_in_event, get_quietly},
    {"utf8", list_politely, call_with_invalid_utf8, get_quietly},
    {"ids", list_politely, call_with_wrong_ids, get_quietly},
    {"storm", list_politely, call_with_storm, get_quietly},
    {"get-storm", list_politely, call_politely, get_storm},
    {"tools", list_many, call_politely, get_quietly},
    {"changes", list_changed, call_with_change, get_quietly},
    {"cursors", list_without_end, call_politely, get_quietly},
    {"silent", list_politely, call_without_answer, get_quietly},
};

/* ---- requests ---- */

static void answer_unknown(struct talk *talk) {
  reply(talk, "404 Not Found", "Content-Type: application/json\r\n",
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32001,\"message\":\"Session not found\"}}");
}

static void answer_post(struct talk *talk) {
  bool is_call = strstr(talk->body, "\"tools/call\"") != NULL;
  if (strstr(talk->body, "\"initialize\"") != NULL) reply_with(talk, "Mcp-Session-Id: rude\r\n", says_welcome);
  else if (strstr(talk->body, "\"server/discover\"") != NULL) whole(talk, says_no_method);
  else if (way->is_lost || (is_call && way->refuses_call)) answer_unknown(talk);
  else if (strstr(talk->body, "\"tools/list\"") != NULL) way->list(talk);
  else if (is_call) way->call(talk);
  else if (talk->id >= 0 && strstr(talk->body, "\"method\"") != NULL) whole(talk, says_no_method);
  else reply(talk, "202 Accepted", "", "");
}

static bool read_head(struct talk *talk) {
  char line[HEAD_SIZE];
  if (fgets(line, sizeof line, talk->in) == NULL) return false;
  if (sscanf(line, "%15s %199s", talk->method, talk->path) != 2) return false;
  while (fgets(line, sizeof line, talk->in) != NULL && strcmp(line, "\r\n") != 0)
    if (strncasecmp(line, "content-length:", 15) == 0) talk->body_size = strtoul(line + 15, NULL, 10);
  return true;
}

static bool read_request(struct talk *talk) {
  if (!read_head(talk)) return false;
  talk->body = calloc(1, talk->body_size + 1);
  if (fread(talk->body, 1, talk->body_size, talk->in) != talk->body_size) return false;
  talk->id = says_id_of(talk->body);
  return true;
}

static void answer(struct talk *talk) {
  bool is_get = strcmp(talk->method, "GET") == 0;
  if (is_get && way->is_lost) answer_unknown(talk);
  else if (is_get) way->get(talk);
  else if (strcmp(talk->method, "POST") == 0) answer_post(talk);
  else reply(talk, "200 OK", "", "");
  fflush(talk->out);
}

struct connection {
  int fd;
  bool is_foreign;
};

static void *run_connection(void *user) {
  struct connection connection = *(struct connection *)user;
  free(user);
  FILE *in = fdopen(connection.fd, "r"), *out = fdopen(dup(connection.fd), "w");
  for (bool goes_on = true; goes_on;) {
    struct talk talk = {.in = in, .out = out, .is_foreign = connection.is_foreign};
    goes_on = read_request(&talk);
    if (goes_on) answer(&talk);
    goes_on = goes_on && !talk.is_over && !ferror(out);
    free(talk.body);
  }
  fclose(in);
  fclose(out);
  return NULL;
}

/* ---- listening ---- */

struct listener {
  int fd;
  bool is_foreign;
};

static void *run_listener(void *user) {
  const struct listener *listener = user;
  for (int fd; (fd = accept(listener->fd, NULL, NULL)) >= 0;) {
    struct connection *connection = malloc(sizeof *connection);
    pthread_t thread;
    *connection = (struct connection){.fd = fd, .is_foreign = listener->is_foreign};
    if (pthread_create(&thread, NULL, run_connection, connection) != 0) _exit(1);
    pthread_detach(thread);
  }
  return NULL;
}

static int listen_at(struct listener *listener) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  pthread_t thread;
  listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener->fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener->fd, 64) != 0) _exit(1);
  if (getsockname(listener->fd, (struct sockaddr *)&address, &size) != 0) _exit(1);
  if (pthread_create(&thread, NULL, run_listener, listener) != 0) _exit(1);
  return ntohs(address.sin_port);
}

int main(int argc, char **argv) {
  static struct listener own, foreign = {.is_foreign = true};
  for (size_t i = 0; argc > 1 && i < sizeof WAYS / sizeof *WAYS; i++)
    if (strcmp(WAYS[i].name, argv[1]) == 0) way = &WAYS[i];
  if (way == NULL) return 2;
  signal(SIGPIPE, SIG_IGN);
  foreign_port = listen_at(&foreign);
  printf("%d\n", listen_at(&own));
  fflush(stdout);
  while (getchar() != EOF) continue;
  _exit(0);
}

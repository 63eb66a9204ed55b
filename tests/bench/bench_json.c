/* SPDX-License-Identifier: MIT */
/* Reading and writing JSON beside jansson's own codec, on the same values: CPU time, best of several rounds that take
 * turns, so that a busy machine disturbs both alike. Reading includes releasing the value. Prints one line per row and
 * direction, "ratio json-parse-chat100 3.41 floor 3.0 ok", and exits with 1 when a ratio is under its floor or a value
 * of ours takes more memory than jansson's. Links the static library and jansson (the peer); no test support, no shared
 * material. */
#include "runtime/json/json.h"

#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 9, ROUND_BYTES = 4 * 1024 * 1024 };

static bool all_ok = true;

static double cpu_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t next_random(void) {
  static uint64_t state = 88172645463325252u;
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

/* Prose with the escapes that model answers have: line ends, quotes, now and then a letter beyond ASCII. */
static struct fl_value *prose(size_t size) {
  static const char *const words[] = {"the ",       "state ",     "of ",    "a ",          "graph ",  "is ",
                                      "written ",   "when ",      "every ", "node ",       "has ",    "finished ",
                                      "its ",       "step, ",     "so ",    "\"resume\" ", "finds ",  "it.\n",
                                      "caf\u00e9 ", "therefore ", "tool ",  "calls ",      "return ", "results "};
  FL_BUF_AUTO text = {0};
  while (text.size < size) fl_buf_add_text(&text, words[next_random() % (sizeof words / sizeof words[0])]);
  return fl_string_n(text.data, text.size);
}

static struct fl_value *message(size_t index) {
  static const char *const roles[] = {"user", "assistant", "tool"};
  struct fl_value *value = fl_object();
  fl_set_take(value, "id", fl_stringf("%08x-msg-%04zu", (unsigned)next_random(), index));
  fl_set_string(value, "role", roles[index % 3]);
  fl_set_take(value, "content", prose(170 + next_random() % 200));
  if (index % 3 == 1) {
    struct fl_value *call = fl_object(), *args = fl_object(), *calls = fl_array();
    fl_set_int(args, "limit", (int64_t)(next_random() % 100));
    fl_set_string(args, "query", "weather in Lisbon");
    fl_set_take(call, "id", fl_stringf("call_%zu", index));
    fl_set_string(call, "name", "search__web");
    fl_set_take(call, "args", args);
    fl_append_take(calls, call);
    fl_set_take(value, "tool_calls", calls);
  }
  struct fl_value *usage = fl_object();
  fl_set_int(usage, "input_tokens", (int64_t)(next_random() % 4000));
  fl_set_int(usage, "output_tokens", (int64_t)(next_random() % 900));
  fl_set_take(value, "usage", usage);
  return value;
}

static struct fl_value *chat(size_t count) {
  struct fl_value *state = fl_object(), *messages = fl_array();
  for (size_t i = 0; i < count; i++) fl_append_take(messages, message(i));
  fl_set_take(state, "messages", messages);
  fl_set_int(state, "step", 12);
  fl_set_take(state, "next", NULL);
  return state;
}

static struct fl_value *floats(size_t rows, size_t columns) {
  struct fl_value *matrix = fl_array();
  for (size_t i = 0; i < rows; i++) {
    struct fl_value *row = fl_array();
    for (size_t j = 0; j < columns; j++) fl_append_take(row, fl_double((double)(next_random() >> 11) * 0x1p-53 - 0.5));
    fl_append_take(matrix, row);
  }
  return matrix;
}

static struct fl_value *request(void) {
  static const char text[] =
      "{\"jsonrpc\":\"2.0\",\"id\":17,\"method\":\"tools/call\",\"params\":{\"name\":\"search\",\"arguments\":"
      "{\"query\":"
      "\"durable checkpoints in SQLite\",\"limit\":10,\"include\":[\"title\",\"url\"],\"fresh\":true},\"_meta\":"
      "{\"progressToken\":\"p-17\",\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"}}}";
  struct fl_value *value = NULL;
  if (fl_parse(text, sizeof text - 1, &value, NULL) < 0) abort();
  return value;
}

struct row {
  const char *name;
  char *text;
  size_t size;
  struct fl_value *value;
  json_t *peer;
  char *peer_text;
  size_t times;
};

static double parse_ours(const struct row *row) {
  double start = cpu_seconds();
  for (size_t i = 0; i < row->times; i++) {
    struct fl_value *value = NULL;
    if (fl_json_read(fl_slice_n(row->text, row->size), FL_JSON_STRICT, &value, NULL) < 0) abort();
    fl_value_unref(value);
  }
  return cpu_seconds() - start;
}

static double parse_peer(const struct row *row) {
  double start = cpu_seconds();
  for (size_t i = 0; i < row->times; i++) json_decref(json_loadb(row->text, row->size, 0, NULL));
  return cpu_seconds() - start;
}

static double dump_ours(const struct row *row) {
  FL_BUF_AUTO buf = {0};
  fl_buf_reserve(&buf, row->size);
  double start = cpu_seconds();
  for (size_t i = 0; i < row->times; i++) {
    fl_buf_clear(&buf);
    if (fl_json_write(&buf, row->value, FL_JSON_COMPACT) < 0) abort();
  }
  return cpu_seconds() - start;
}

static double dump_peer(const struct row *row) {
  double start = cpu_seconds();
  for (size_t i = 0; i < row->times; i++)
    if (json_dumpb(row->peer, row->peer_text, 4 * row->size, JSON_COMPACT) == 0) abort();
  return cpu_seconds() - start;
}

static void compare(const struct row *row, const char *what, double (*ours)(const struct row *),
                    double (*peer)(const struct row *), double floor) {
  double best = 1e9, best_peer = 1e9;
  for (int round = 0; round < ROUNDS; round++) {
    double time = ours(row), time_peer = peer(row);
    if (time < best) best = time;
    if (time_peer < best_peer) best_peer = time_peer;
  }
  double megabytes = (double)row->size * (double)row->times / 1e6, ratio = best_peer / best;
  bool ok = ratio >= floor;
  all_ok = all_ok && ok;
  printf("json-%s-%s: %.0f MB/s, jansson %.0f MB/s, %zu bytes\n", what, row->name, megabytes / best,
         megabytes / best_peer, row->size);
  printf("ratio json-%s-%s %.2f floor %.1f %s\n", what, row->name, ratio, floor, ok ? "ok" : "LOW");
}

static void compare_memory(const struct row *row) {
  struct fl_value *value = NULL;
  size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  if (fl_parse(row->text, row->size, &value, NULL) < 0) abort();
  size_t ours = mallinfo2().uordblks + mallinfo2().hblkhd - before;
  before = mallinfo2().uordblks + mallinfo2().hblkhd;
  json_t *peer = json_loadb(row->text, row->size, 0, NULL);
  size_t theirs = mallinfo2().uordblks + mallinfo2().hblkhd - before;
  bool ok = ours <= theirs + theirs / 50;
  all_ok = all_ok && ok;
  printf("json-memory-%s: %zu bytes, jansson %zu, estimated %zu %s\n", row->name, ours, theirs, fl_json_weight(value),
         ok ? "ok" : "HIGH");
  fl_value_unref(value);
  json_decref(peer);
}

static void run(const char *name, struct fl_value *value_taken) {
  struct row row = {.name = name, .value = value_taken};
  row.text = fl_dump(row.value, &row.size);
  row.peer = json_loadb(row.text, row.size, 0, NULL);
  row.peer_text = malloc(4 * row.size);
  row.times = ROUND_BYTES / row.size + 1;
  if (row.peer == NULL || row.peer_text == NULL) abort();
  compare_memory(&row);
  compare(&row, "parse", parse_ours, parse_peer, 3.0);
  compare(&row, "dump", dump_ours, dump_peer, 2.0);
  free(row.peer_text);
  json_decref(row.peer);
  fl_text_free(row.text);
  fl_value_unref(row.value);
}

int main(void) {
  run("chat100", chat(100));
  run("chat3000", chat(3000));
  run("floats", floats(30, 1536));
  run("request", request());
  return all_ok ? 0 : 1;
}

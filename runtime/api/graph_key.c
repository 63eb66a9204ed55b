/* SPDX-License-Identifier: MIT */
/* The key that seals what clients carry for the server between two turns of a call. It is kept in the store, beside
 * what it protects, so that a call which waits for an answer goes on in another process, as a task does. */
#include "runtime/api/graph_tool.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <stdio.h>
#include <string.h>

static const char NAMESPACE[] = "fairlead.mcp-key", NAME[] = "state";
enum { KEY_SIZE = 32 };

struct key {
  struct fl_world *world;
  uint8_t bytes[KEY_SIZE];
  bool is_there, is_written;
  int status;
  struct fl_error *err;
};

static int digit(char c) { return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= '0' && c <= '9' ? c - '0' : -1; }

static bool take_key(const struct fl_memory_item *item, void *user) {
  struct key *key = user;
  FL_VALUE_AUTO value = NULL;
  if (fl_json_read(item->body, FL_JSON_FULL, &value, NULL) != 0) return false;
  const char *text = fl_get_string(value, "key", "");
  key->is_there = strlen(text) == 2 * KEY_SIZE;
  for (size_t i = 0; key->is_there && i < KEY_SIZE; i++) {
    int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    key->is_there = high >= 0 && low >= 0;
    key->bytes[i] = (uint8_t)(high << 4 | low);
  }
  return false;
}

static int read_key(struct fl_store *store, struct key *key, struct fl_error *err) {
  const struct fl_item_name name = {NAMESPACE, NAME, fl_world_wall_ms(key->world)};
  int status = fl_store_read_item(store, &name, take_key, key, err);
  return status == FL_E_NOT_FOUND ? 0 : status;
}

static void on_written(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct key *key = txn->user;
  key->is_written = true;
  key->status = status;
  if (status < 0) *key->err = *err;
  fl_world_stop(key->world);
}

static int write_key(struct fl_store *store, struct key *key, struct fl_error *err) {
  char hex[2 * KEY_SIZE + 1], body[sizeof hex + 16];
  fl_world_random(key->world, key->bytes, KEY_SIZE);
  fl_hex(key->bytes, KEY_SIZE, hex);
  snprintf(body, sizeof body, "{\"key\":\"%s\"}", hex);
  const struct fl_item_op op = {.kind = FL_ITEM_PUT, .ns = NAMESPACE, .key = NAME, .body = fl_slice_of(body)};
  const struct fl_item_ops ops = {&op, 1};
  struct fl_txn txn = {
      .kind = FL_TXN_ITEMS, .items = &ops, .wall_ms = fl_world_wall_ms(key->world), .on_done = on_written, .user = key};
  key->err = err;
  fl_store_submit(store, &txn);
  while (!key->is_written) fl_world_run(key->world);
  explicit_bzero(hex, sizeof hex);
  explicit_bzero(body, sizeof body);
  return key->status;
}

int fl_graph_key_set(struct fl_graph_host *host, struct fl_error *err) {
  struct fl_store *store = fl_runtime_store(host->runtime);
  struct key key = {.world = fl_runtime_world(host->runtime)};
  if (host->server->has_key) return 0;
  int status = read_key(store, &key, err);
  if (status == 0 && !key.is_there) status = write_key(store, &key, err);
  if (status == 0) memcpy(host->server->key, key.bytes, KEY_SIZE);
  host->server->has_key = status == 0;
  explicit_bzero(&key, sizeof key);
  return status;
}

/* SPDX-License-Identifier: MIT */
/* fairlead mcp pins: the definitions of tools that are trusted, those that have changed since, and accepting them. */
#include "runtime/base/mem.h"
#include "runtime/cli/act.h"
#include "runtime/cli/cli.h"
#include "runtime/cli/threads.h"
#include "runtime/engine/engine.h"
#include "runtime/engine/pins.h"

#include <fairlead/memory.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PAGE_SIZE = 1000 };

struct pins_desk {
  struct fl_args *args;
  struct fl_runtime *runtime;
  struct fl_memory *memory;
  bool is_done;
  struct fl_value *result;
  struct fl_error error;
};

static void on_done(struct fl_value *result, const struct fl_error *err, void *user) {
  struct pins_desk *desk = user;
  fl_value_unref(desk->result);
  desk->result = fl_value_ref(result);
  desk->error = err != NULL ? *err : (struct fl_error){0};
  desk->is_done = true;
  fl_world_stop(fl_runtime_world(desk->runtime));
}

static int wait_for(struct pins_desk *desk) {
  while (!desk->is_done) fl_world_run(fl_runtime_world(desk->runtime));
  desk->is_done = false;
  return desk->error.code != 0 && desk->result == NULL ? fl_fail_error(desk->args, &desk->error) : 0;
}

static bool is_meant(const struct fl_value *pin, const char *name) {
  FL_FREE_AUTO char *full = fl_format("%s/%s", fl_get_string(pin, "server", ""), fl_get_string(pin, "tool", ""));
  return name == NULL || fl_registry_matches(name, full);
}

static void print_diff(const struct fl_value *pin) {
  const struct fl_value *changed = fl_get(pin, "changed");
  if (changed == NULL) return;
  FL_FREE_AUTO char *diff = fl_pins_diff(fl_get(pin, "definition"), changed);
  for (char *line = diff, *end; *line != '\0'; line = end + 1) {
    end = strchr(line, '\n');
    FL_FREE_AUTO char *text = fl_strndup(line, (size_t)(end - line));
    FL_FREE_AUTO char *shown = fl_visible(text, 1000);
    printf("  %s\n", shown);
  }
}

static void print_pin(const struct fl_args *args, const struct fl_value *pin) {
  if (args->json) {
    struct fl_value *line = fl_copy_shallow(pin);
    fl_set_string(line, "state", fl_get(pin, "changed") != NULL ? "suspended" : "pinned");
    fl_print_json(line);
    fl_value_unref(line);
    return;
  }
  FL_FREE_AUTO char *server = fl_visible(fl_get_string(pin, "server", ""), 80);
  FL_FREE_AUTO char *tool = fl_visible(fl_get_string(pin, "tool", ""), 128);
  FL_FREE_AUTO char *identity = fl_visible(fl_get_string(pin, "identity", ""), 100);
  printf("%s  %s/%s  (%s)\n", fl_get(pin, "changed") != NULL ? "suspended" : "pinned   ", server, tool, identity);
  print_diff(pin);
}

static void on_put(struct fl_txn *txn, int status, const struct fl_error *err) { on_done(NULL, err, txn->user); }

/* What was accepted, by whom. */
static void add_audit(struct pins_desk *desk, const struct fl_value *pin, struct fl_records *records) {
  struct fl_value *body = fl_object();
  char *definition = fl_dump(fl_get(pin, "definition"), NULL);
  uint8_t hash[FL_HASH_SIZE];
  char hex[2 * FL_HASH_SIZE + 1];
  fl_hash_bytes(fl_slice_of(definition), hash);
  fl_hex(hash, sizeof hash, hex);
  fl_text_free(definition);
  fl_set_take(body, "tool", fl_stringf("%s/%s", fl_get_string(pin, "server", ""), fl_get_string(pin, "tool", "")));
  fl_set_string(body, "identity", fl_get_string(pin, "identity", ""));
  fl_set_string(body, "definition", hex);
  fl_act_add(records, "pin.accepted", body, fl_world_wall_ms(fl_runtime_world(desk->runtime)));
}

/* Puts the item with its value changed; the namespace and key stay. What is said of it stands in the audit log when it
 * does. */
static int put(struct pins_desk *desk, const struct fl_value *item, const struct fl_value *value) {
  FL_FREE_AUTO char *ns = NULL;
  struct fl_error err = {0};
  if (fl_item_namespace(fl_get(item, "namespace"), false, &ns, &err) < 0) return fl_fail_error(desk->args, &err);
  size_t size = 0;
  char *body = fl_dump(value, &size);
  struct fl_records records = {0};
  add_audit(desk, value, &records);
  const struct fl_item_op op = {
      .kind = FL_ITEM_PUT, .ns = ns, .key = fl_get_string(item, "key", ""), .body = fl_slice_n(body, size)};
  const struct fl_item_ops ops = {&op, 1};
  struct fl_txn txn = {.kind = FL_TXN_ITEMS,
                       .items = &ops,
                       .audit = &records,
                       .wall_ms = fl_world_wall_ms(fl_runtime_world(desk->runtime)),
                       .on_done = on_put,
                       .user = desk};
  fl_store_submit(fl_runtime_store(desk->runtime), &txn);
  int code = wait_for(desk);
  fl_records_deinit(&records);
  fl_text_free(body);
  return code;
}

static int accept(struct pins_desk *desk, const struct fl_value *item) {
  const struct fl_value *pin = fl_get(item, "value");
  FL_VALUE_AUTO accepted = fl_copy_shallow(pin);
  fl_set_take(accepted, "definition", fl_value_ref(fl_get(pin, "changed")));
  fl_unset(accepted, "changed");
  int code = put(desk, item, accepted);
  if (code == 0) print_pin(desk->args, accepted);
  return code;
}

static int walk(struct pins_desk *desk, const struct fl_value *items) {
  const char *accepts = fl_args_get(desk->args, "accept");
  const char *name = accepts != NULL ? accepts : desk->args->count > 0 ? desk->args->items[0] : NULL;
  size_t count = 0;
  int code = 0;
  for (size_t i = 0; i < fl_size(items) && code == 0; i++) {
    const struct fl_value *pin = fl_get(fl_at(items, i), "value");
    if (!is_meant(pin, name) || (accepts != NULL && fl_get(pin, "changed") == NULL)) continue;
    count++;
    if (accepts != NULL) code = accept(desk, fl_at(items, i));
    else print_pin(desk->args, pin);
  }
  if (code != 0 || count > 0 || name == NULL) return code;
  return fl_fail(
      desk->args, FL_EXIT_FAILED,
      accepts != NULL ? "no tool %s is suspended; 'fairlead mcp pins' tells which are" : "no tool %s is pinned", name);
}

static int open_desk(struct pins_desk *desk, struct fl_args *args) {
  *desk = (struct pins_desk){.args = args};
  FL_FREE_AUTO char *path = fl_args_has(args, "store") ? fl_strdup(fl_args_get(args, "store")) : fl_default_store();
  if (access(path, F_OK) != 0)
    return fl_fail(args, FL_EXIT_FAILED,
                   "there is no store at %s yet: tools are pinned when a run first uses their server", path);
  const struct fl_runtime_options options = {.size = sizeof options, .store_path = path};
  struct fl_error err = {0};
  if (fl_runtime_create(&options, &desk->runtime, &err) < 0) return fl_fail_store(args, path, &err);
  if (fl_memory_create(desk->runtime, NULL, &desk->memory, &err) < 0) return fl_fail_error(args, &err);
  return 0;
}

/* All of them, before any is changed: a change would move it to the front of what is still to be read. */
static int read_pins(struct pins_desk *desk, struct fl_value *ret_items) {
  FL_VALUE_AUTO ns = fl_array();
  fl_append_take(ns, fl_string("pins"));
  struct fl_memory_search search = {.size = sizeof search, .ns = ns, .limit = PAGE_SIZE};
  size_t count;
  do {
    fl_memory_search(desk->memory, &search, on_done, desk);
    int code = wait_for(desk);
    if (code != 0) return code;
    count = fl_size(desk->result);
    for (size_t i = 0; i < count; i++) fl_append_take(ret_items, fl_value_ref(fl_at(desk->result, i)));
    search.offset += count;
  } while (count == PAGE_SIZE);
  return 0;
}

int fl_cmd_mcp_pins(struct fl_args *args) {
  if (args->count > 1) return fl_usage(args, "it takes at most one pattern: SERVER/TOOL or SERVER/*");
  struct pins_desk desk;
  int code = open_desk(&desk, args);
  FL_VALUE_AUTO items = fl_array();
  if (code == 0) code = read_pins(&desk, items);
  if (code == 0) code = walk(&desk, items);
  fl_memory_destroy(desk.memory);
  if (desk.runtime != NULL) fl_runtime_destroy(desk.runtime);
  fl_value_unref(desk.result);
  return code;
}

/* SPDX-License-Identifier: MIT */
#include "runtime/engine/pins.h"

#include "runtime/base/id.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/store/items.h"
#include "tools/policy/pin.h"

#include <fairlead/memory.h>

enum { SHOWN_MAX = 400, IDENTITY_HEX = 24 };

struct fl_pins {
  uint64_t generation;     /* of the registry, when its tools were looked at */
  struct fl_map suspended; /* full name -> why, owned texts */
  uint64_t listed_generation;
  struct fl_map listings; /* server -> struct listing *, owned */
};

/* What a server says of its tools just now. */
struct listing {
  struct fl_value *tools;
  char pin[FL_PIN_SIZE]; /* "": it has none */
};

/* ---- definitions ---- */

static void set_text(struct fl_value *definition, const char *key, const char *text) {
  if (text != NULL) fl_set_string(definition, key, text);
}

static void set_value(struct fl_value *definition, const char *key, struct fl_value *value) {
  if (value != NULL) fl_set_take(definition, key, fl_value_ref(value));
}

struct fl_value *fl_pins_definition(const struct fl_tool_info *info) {
  struct fl_value *definition = fl_object();
  set_text(definition, "name", info->name);
  set_text(definition, "title", info->title);
  set_text(definition, "description", info->description);
  set_value(definition, "inputSchema", info->input_schema);
  set_value(definition, "outputSchema", info->output_schema);
  set_value(definition, "annotations", info->annotations);
  return definition;
}

static void add_side(struct fl_buf *text, const char *key, char sign, const struct fl_value *value) {
  if (value == NULL) return;
  char *dumped = fl_dump(value, NULL);
  const char *shown = fl_as_string(value) != NULL ? fl_as_string(value) : dumped != NULL ? dumped : "";
  size_t size = strlen(shown), most = size < SHOWN_MAX ? size : SHOWN_MAX;
  while (most < size && most > 0 && ((unsigned char)shown[most] & 0xc0) == 0x80) most--; /* whole characters */
  fl_buf_addf(text, "%c %s: %.*s%s\n", sign, key, (int)most, shown, most < size ? " …" : "");
  fl_text_free(dumped);
}

char *fl_pins_diff(const struct fl_value *old_definition, const struct fl_value *new_definition) {
  static const char *const keys[] = {"name", "title", "description", "inputSchema", "outputSchema", "annotations"};
  FL_BUF_AUTO text = {0};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    const struct fl_value *before = fl_get(old_definition, keys[i]), *after = fl_get(new_definition, keys[i]);
    if ((before == NULL) == (after == NULL) && (before == NULL || fl_equal(before, after))) continue;
    add_side(&text, keys[i], '-', before);
    add_side(&text, keys[i], '+', after);
  }
  return text.size > 0 ? fl_buf_take(&text, NULL) : fl_strdup("");
}

/* ---- where they are kept ---- */

static struct fl_value *namespace_of(const struct fl_registry_tool *tool) {
  uint8_t hash[FL_HASH_SIZE];
  char hex[2 * FL_HASH_SIZE + 1];
  fl_hash_parts((fl_slice[]){fl_slice_of(tool->server), fl_slice_of(tool->identity)}, 2, hash);
  fl_hex(hash, sizeof hash, hex);
  struct fl_value *ns = fl_array();
  fl_append_take(ns, fl_string("pins"));
  fl_append_take(ns, fl_string_n(hex, IDENTITY_HEX));
  return ns;
}

static bool take_body(const struct fl_memory_item *item, void *user) {
  struct fl_value **ret_value = user;
  if (fl_json_read(item->body, FL_JSON_STRICT, ret_value, NULL) < 0) *ret_value = NULL;
  return false;
}

/* What is pinned; NULL: nothing yet. A new reference. */
static struct fl_value *read_pin(struct fl_runtime *runtime, const struct fl_registry_tool *tool) {
  FL_VALUE_AUTO labels = namespace_of(tool);
  FL_FREE_AUTO char *ns = NULL;
  struct fl_value *pin = NULL;
  struct fl_error err = {0};
  if (fl_item_namespace(labels, false, &ns, &err) < 0) return NULL;
  struct fl_item_name name = {ns, tool->info->name, fl_world_wall_ms(runtime->world)};
  fl_store_read_item(runtime->store, &name, take_body, &pin, &err);
  return pin;
}

static void on_written(struct fl_value *result, const struct fl_error *err, void *user) {}

static void write_pin(struct fl_runtime *runtime, const struct fl_registry_tool *tool, const struct fl_value *pin) {
  FL_VALUE_AUTO ns = namespace_of(tool);
  FL_VALUE_AUTO fields = fl_array();
  const struct fl_memory_put put = {
      .size = sizeof put, .ns = ns, .key = tool->info->name, .value = pin, .ttl_ms = -1, .fields = fields};
  fl_memory_put(fl_runtime_memory(runtime), &put, on_written, NULL);
}

/* ---- looking ---- */

static struct fl_value *new_pin(const struct fl_registry_tool *tool, struct fl_value *definition) {
  struct fl_value *pin = fl_object();
  fl_set_string(pin, "server", tool->server);
  fl_set_string(pin, "tool", tool->info->name);
  fl_set_string(pin, "identity", tool->identity);
  fl_set_take(pin, "definition", definition);
  return pin;
}

static char *reason_of(const struct fl_registry_tool *tool, const struct fl_value *old_definition,
                       const struct fl_value *new_definition) {
  FL_FREE_AUTO char *diff = fl_pins_diff(old_definition, new_definition);
  return fl_format("the definition of %s is not the one that was seen first, so it is suspended; a person accepts it "
                   "with 'fairlead mcp pins --accept %s':\n%s",
                   tool->full_name, tool->full_name, diff);
}

struct look {
  struct fl_runtime *runtime;
  struct fl_pins *pins;
};

static bool look_at(const struct fl_registry_tool *tool, void *user) {
  struct look *look = user;
  if (tool->identity == NULL) return true;
  FL_VALUE_AUTO definition = fl_pins_definition(tool->info);
  FL_VALUE_AUTO pin = read_pin(look->runtime, tool);
  if (pin == NULL) {
    FL_VALUE_AUTO made = new_pin(tool, fl_value_ref(definition));
    write_pin(look->runtime, tool, made);
    return true;
  }
  if (fl_equal(fl_get(pin, "definition"), definition)) return true;
  fl_free(fl_map_set(&look->pins->suspended, tool->full_name, reason_of(tool, fl_get(pin, "definition"), definition)));
  if (fl_get(pin, "changed") != NULL && fl_equal(fl_get(pin, "changed"), definition)) return true;
  FL_VALUE_AUTO changed = fl_copy_shallow(pin);
  fl_set_take(changed, "changed", fl_value_ref(definition));
  write_pin(look->runtime, tool, changed);
  return true;
}

static void clear(struct fl_map *suspended) {
  size_t cursor = 0;
  for (struct fl_map_entry *entry; (entry = fl_map_next(suspended, &cursor)) != NULL;) fl_free(entry->value);
  fl_map_deinit(suspended);
  fl_map_init(suspended);
}

/* Somebody may have accepted it since, in another process. */
static bool is_accepted(struct fl_runtime *runtime, const char *full_name) {
  const struct fl_registry_tool *tool = fl_registry_find(runtime->registry, full_name);
  if (tool == NULL) return false;
  FL_VALUE_AUTO definition = fl_pins_definition(tool->info);
  FL_VALUE_AUTO pin = read_pin(runtime, tool);
  return pin == NULL || fl_equal(fl_get(pin, "definition"), definition);
}

static struct fl_pins *pins_of(struct fl_runtime *runtime) {
  if (runtime->pins != NULL) return runtime->pins;
  runtime->pins = fl_new(struct fl_pins);
  fl_map_init(&runtime->pins->suspended);
  fl_map_init(&runtime->pins->listings);
  return runtime->pins;
}

char *fl_pins_suspension(struct fl_runtime *runtime, const char *full_name) {
  struct fl_pins *pins = pins_of(runtime);
  uint64_t generation = fl_registry_generation(runtime->registry);
  if (pins->generation != generation) {
    clear(&pins->suspended);
    struct look look = {runtime, pins};
    fl_registry_visit(runtime->registry, look_at, &look);
    pins->generation = generation;
  }
  const char *why = pins->suspended.count > 0 ? fl_map_get(&pins->suspended, full_name) : NULL;
  if (why == NULL) return NULL;
  if (!is_accepted(runtime, full_name)) return fl_strdup(why);
  fl_free(fl_map_remove(&pins->suspended, full_name));
  return NULL;
}

/* ---- what manifests pin ---- */

static bool add_to_listing(const struct fl_registry_tool *tool, void *user) {
  struct fl_pins *pins = user;
  struct listing *listing = fl_map_get(&pins->listings, tool->server);
  if (listing == NULL) {
    listing = fl_new(struct listing);
    listing->tools = fl_array();
    fl_map_set(&pins->listings, tool->server, listing);
  }
  fl_append_take(listing->tools, fl_pins_definition(tool->info));
  return true;
}

static void clear_listings(struct fl_map *listings) {
  size_t cursor = 0;
  for (struct fl_map_entry *entry; (entry = fl_map_next(listings, &cursor)) != NULL;) {
    struct listing *listing = entry->value;
    fl_value_unref(listing->tools);
    fl_free(listing);
  }
  fl_map_deinit(listings);
  fl_map_init(listings);
}

/* Looked at anew after each change of what servers list: until then a server is what it said last. */
static struct listing *listing_of(struct fl_runtime *runtime, const char *full_name) {
  struct fl_pins *pins = pins_of(runtime);
  uint64_t generation = fl_registry_generation(runtime->registry);
  if (pins->listed_generation != generation) {
    size_t cursor = 0;
    clear_listings(&pins->listings);
    fl_registry_visit(runtime->registry, add_to_listing, pins);
    for (struct fl_map_entry *entry; (entry = fl_map_next(&pins->listings, &cursor)) != NULL;) {
      struct listing *listing = entry->value;
      fl_pin_hash(listing->tools, listing->pin, NULL); /* one that has no pin stays without */
    }
    pins->listed_generation = generation;
  }
  return fl_map_get_n(&pins->listings, fl_slice_n(full_name, strcspn(full_name, "/")));
}

const char *fl_pins_listing(struct fl_runtime *runtime, const char *full_name) {
  const struct listing *listing = listing_of(runtime, full_name);
  return listing != NULL && listing->pin[0] != '\0' ? listing->pin : NULL;
}

const struct fl_value *fl_pins_listed(struct fl_runtime *runtime, const char *full_name) {
  const struct listing *listing = listing_of(runtime, full_name);
  return listing != NULL ? listing->tools : NULL;
}

void fl_pins_destroy(struct fl_pins *pins) {
  if (pins == NULL) return;
  clear_listings(&pins->listings);
  fl_map_deinit(&pins->listings);
  clear(&pins->suspended);
  fl_map_deinit(&pins->suspended);
  fl_free(pins);
}

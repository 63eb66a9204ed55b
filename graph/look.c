/* SPDX-License-Identifier: MIT */
#include "graph/look.h"

#include "runtime/base/map.h"
#include "runtime/base/mem.h"

#include <string.h>

/* ---- the state ---- */

/* Not the channels that carry control. */
static bool is_seen(const struct fl_loaded_channel *channel) {
  return strchr(channel->name, ':') == NULL && strncmp(channel->name, "__", 2) != 0;
}

static struct fl_value *value_of(const struct fl_loaded_channel *channel) {
  if (channel->var.list != NULL) return fl_list_to_array(channel->var.list);
  return fl_value_ref(channel->var.value);
}

struct fl_value *fl_loaded_values(const struct fl_loaded *loaded) {
  struct fl_value *values = fl_object();
  for (size_t i = 0; i < loaded->channel_count; i++)
    if (is_seen(&loaded->channels[i])) fl_set_take(values, loaded->channels[i].name, value_of(&loaded->channels[i]));
  return values;
}

static const struct fl_loaded_write *find_write(const struct fl_loaded *loaded, const char *task_id, int index) {
  for (size_t i = 0; i < loaded->write_count; i++)
    if (loaded->writes[i].index == index && strcmp(loaded->writes[i].task_id, task_id) == 0) return &loaded->writes[i];
  return NULL;
}

static bool is_waiting(const struct fl_loaded *loaded, const struct fl_loaded_write *write) {
  if (write->index != FL_WRITE_INTERRUPT || find_write(loaded, write->task_id, FL_WRITE_DONE) != NULL) return false;
  const struct fl_loaded_write *answers = find_write(loaded, write->task_id, FL_WRITE_RESUME);
  return answers == NULL || (int64_t)fl_size(answers->value) <= fl_get_int(write->value, "index", 0);
}

static struct fl_value *interrupt_of(const struct fl_loaded_write *write) {
  struct fl_value *one = fl_object();
  fl_set_string(one, "id", fl_get_string(write->value, "id", ""));
  fl_set_string(one, "node", write->channel);
  fl_set_string(one, "task_id", write->task_id);
  fl_set_take(one, "value", fl_value_ref(fl_get(write->value, "value")));
  return one;
}

/* Where a node first stands in what is next; behind all of it when it does not. */
static size_t place_of(const struct fl_value *next, const char *node) {
  size_t place = 0;
  while (place < fl_size(next) && strcmp(fl_as_string(fl_at(next, place)), node) != 0) place++;
  return place;
}

/* Writes are stored in the order of their tasks' ids, which says nothing to people: questions come in that of the
 * nodes. */
struct fl_value *fl_loaded_interrupts(const struct fl_loaded *loaded) {
  struct fl_value *interrupts = fl_array(), *stops = fl_get(loaded->body, "stops");
  const struct fl_value *next = fl_get(loaded->body, "next");
  for (size_t place = 0; place <= fl_size(next); place++)
    for (size_t i = 0; i < loaded->write_count; i++) {
      const struct fl_loaded_write *write = &loaded->writes[i];
      if (is_waiting(loaded, write) && place_of(next, write->channel) == place)
        fl_append_take(interrupts, interrupt_of(write));
    }
  for (size_t i = 0; loaded->write_count == 0 && i < fl_size(stops); i++)
    fl_append_take(interrupts, fl_value_ref(fl_at(stops, i)));
  return interrupts;
}

/* ---- lists that differ ---- */

static void add_indexed(struct fl_value *change, const char *key, size_t index, struct fl_value *value) {
  struct fl_value *entry = fl_object();
  fl_set_int(entry, "index", (int64_t)index);
  fl_set_take(entry, "value", fl_value_ref(value));
  if (fl_get(change, key) == NULL) fl_set_take(change, key, fl_array());
  fl_append_take(fl_get(change, key), entry);
}

static void add_plain(struct fl_value *change, const char *key, struct fl_value *value) {
  if (fl_get(change, key) == NULL) fl_set_take(change, key, fl_array());
  fl_append_take(fl_get(change, key), fl_value_ref(value));
}

static struct fl_value *both(struct fl_value *from, struct fl_value *to) {
  struct fl_value *change = fl_object();
  fl_set_take(change, "from", fl_value_ref(from));
  fl_set_take(change, "to", fl_value_ref(to));
  return change;
}

static void add_changed(struct fl_value *change, struct fl_value *entry_taken) {
  if (fl_get(change, "changed") == NULL) fl_set_take(change, "changed", fl_array());
  fl_append_take(fl_get(change, "changed"), entry_taken);
}

/* What is the same in front and behind is left out; the rest is compared place by place. */
static struct fl_value *diff_places(struct fl_value *from, struct fl_value *to) {
  size_t from_size = fl_size(from), to_size = fl_size(to), front = 0, back = 0;
  while (front < from_size && front < to_size && fl_equal(fl_at(from, front), fl_at(to, front))) front++;
  while (back < from_size - front && back < to_size - front &&
         fl_equal(fl_at(from, from_size - 1 - back), fl_at(to, to_size - 1 - back)))
    back++;
  struct fl_value *change = fl_object();
  for (size_t i = front; i < from_size - back || i < to_size - back; i++) {
    if (i >= to_size - back) add_indexed(change, "removed", i, fl_at(from, i));
    else if (i >= from_size - back && back == 0) add_plain(change, "appended", fl_at(to, i));
    else if (i >= from_size - back) add_indexed(change, "inserted", i, fl_at(to, i));
    else {
      struct fl_value *entry = both(fl_at(from, i), fl_at(to, i));
      fl_set_int(entry, "index", (int64_t)i);
      add_changed(change, entry);
    }
  }
  return change;
}

/* Place + 1 by id; false when an element has none, or two have the same. */
static bool index_ids(const struct fl_value *list, struct fl_map *ids) {
  for (size_t i = 0; i < fl_size(list); i++) {
    const char *id = fl_get_string(fl_at(list, i), "id", NULL);
    if (id == NULL || fl_map_set(ids, id, (void *)(uintptr_t)(i + 1)) != NULL) return false;
  }
  return true;
}

static struct fl_value *diff_by_id(struct fl_value *from, struct fl_value *to, const struct fl_map *from_ids,
                                   const struct fl_map *to_ids) {
  struct fl_value *change = fl_object();
  for (size_t i = 0; i < fl_size(to); i++) {
    const char *id = fl_get_string(fl_at(to, i), "id", "");
    uintptr_t place = (uintptr_t)fl_map_get(from_ids, id);
    if (place == 0) add_plain(change, "appended", fl_at(to, i));
    else if (!fl_equal(fl_at(from, place - 1), fl_at(to, i))) {
      struct fl_value *entry = both(fl_at(from, place - 1), fl_at(to, i));
      fl_set_string(entry, "id", id);
      add_changed(change, entry);
    }
  }
  for (size_t i = 0; i < fl_size(from); i++)
    if (fl_map_get(to_ids, fl_get_string(fl_at(from, i), "id", "")) == NULL)
      add_plain(change, "removed", fl_at(from, i));
  if (fl_size(change) > 0) return change;
  fl_value_unref(change); /* the same elements in another order */
  return both(from, to);
}

static struct fl_value *diff_lists(struct fl_value *from, struct fl_value *to) {
  struct fl_map from_ids, to_ids;
  fl_map_init(&from_ids);
  fl_map_init(&to_ids);
  bool has_ids = index_ids(from, &from_ids) && index_ids(to, &to_ids) && fl_size(from) + fl_size(to) > 0;
  struct fl_value *change = has_ids ? diff_by_id(from, to, &from_ids, &to_ids) : diff_places(from, to);
  fl_map_deinit(&from_ids);
  fl_map_deinit(&to_ids);
  return change;
}

/* ---- values that differ ---- */

static struct fl_value *one_side(const char *key, struct fl_value *value) {
  struct fl_value *change = fl_object();
  fl_set_take(change, key, fl_value_ref(value));
  return change;
}

static struct fl_value *diff_objects(struct fl_value *from, struct fl_value *to) {
  struct fl_value *members = fl_object(), *change = fl_object();
  struct fl_member member = {0};
  while (fl_next_member(from, &member)) {
    struct fl_value *one = fl_value_diff(member.value, fl_get(to, member.key));
    if (one != NULL) fl_set_take(members, member.key, one);
  }
  member = (struct fl_member){0};
  while (fl_next_member(to, &member))
    if (fl_get(from, member.key) == NULL) fl_set_take(members, member.key, one_side("added", member.value));
  fl_set_take(change, "members", members);
  return change;
}

struct fl_value *fl_value_diff(struct fl_value *from, struct fl_value *to) {
  if (from == NULL) return one_side("added", to);
  if (to == NULL) return one_side("removed", from);
  if (fl_equal(from, to)) return NULL;
  if (fl_is(from, FL_ARRAY) && fl_is(to, FL_ARRAY)) return diff_lists(from, to);
  if (fl_is(from, FL_OBJECT) && fl_is(to, FL_OBJECT)) return diff_objects(from, to);
  return both(from, to);
}

/* ---- checkpoints that differ ---- */

static const struct fl_loaded_channel *find_channel(const struct fl_loaded *loaded, const char *name) {
  for (size_t i = 0; i < loaded->channel_count; i++)
    if (strcmp(loaded->channels[i].name, name) == 0) return &loaded->channels[i];
  return NULL;
}

static struct fl_value *diff_channel(const struct fl_loaded_channel *from, const struct fl_loaded_channel *to) {
  FL_VALUE_AUTO old_value = from != NULL ? value_of(from) : NULL;
  FL_VALUE_AUTO new_value = to != NULL ? value_of(to) : NULL;
  return old_value != NULL || new_value != NULL ? fl_value_diff(old_value, new_value) : NULL;
}

static struct fl_value *diff_channels(const struct fl_loaded *from, const struct fl_loaded *to, bool same_thread) {
  struct fl_value *changes = fl_object();
  for (size_t i = 0; i < from->channel_count; i++) {
    const struct fl_loaded_channel *channel = &from->channels[i], *other = find_channel(to, channel->name);
    bool is_same = same_thread && other != NULL && other->value_no == channel->value_no;
    struct fl_value *change = is_seen(channel) && !is_same ? diff_channel(channel, other) : NULL;
    if (change != NULL) fl_set_take(changes, channel->name, change);
  }
  for (size_t i = 0; i < to->channel_count; i++) {
    const struct fl_loaded_channel *channel = &to->channels[i];
    if (!is_seen(channel) || find_channel(from, channel->name) != NULL) continue;
    struct fl_value *change = diff_channel(NULL, channel);
    if (change != NULL) fl_set_take(changes, channel->name, change);
  }
  return changes;
}

static struct fl_value *head_of(const struct fl_loaded *loaded) {
  struct fl_value *head = fl_object();
  fl_set_string(head, "checkpoint_id", loaded->checkpoint_id);
  fl_set_int(head, "step", loaded->step);
  return head;
}

struct fl_value *fl_loaded_diff(const struct fl_loaded *from, const struct fl_loaded *to, bool same_thread) {
  struct fl_value *diff = fl_object(), *old_next = fl_get(from->body, "next"), *new_next = fl_get(to->body, "next");
  fl_set_take(diff, "from", head_of(from));
  fl_set_take(diff, "to", head_of(to));
  fl_set_take(diff, "channels", diff_channels(from, to, same_thread));
  if (!fl_equal(old_next, new_next)) fl_set_take(diff, "next", both(old_next, new_next));
  return diff;
}

/* SPDX-License-Identifier: MIT */
#include "tools/policy/pin.h"

#include "runtime/base/id.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = 400 };

/* ---- the order of names ---- */

struct tool {
  const char *name;
  struct fl_value *definition; /* lent */
  size_t index;
};

/* Tools of one name stay in the order of the listing: that a server names two alike is its own affair. */
static int by_name(const void *a, const void *b) {
  const struct tool *one = a, *other = b;
  int order = strcmp(one->name, other->name);
  return order != 0 ? order : (one->index > other->index) - (one->index < other->index);
}

/* The caller frees it. */
static struct tool *in_order(const struct fl_value *listing) {
  size_t count = fl_size(listing);
  struct tool *tools = fl_new_array(struct tool, count + 1);
  for (size_t i = 0; i < count; i++)
    tools[i] = (struct tool){fl_get_string(fl_at(listing, i), "name", ""), fl_at(listing, i), i};
  if (count > 1) qsort(tools, count, sizeof *tools, by_name);
  return tools;
}

/* ---- the hash ---- */

int fl_pin_hash(const struct fl_value *listing, char ret_pin[FL_PIN_SIZE], struct fl_error *err) {
  FL_BUF_AUTO text = {0};
  uint8_t hash[FL_HASH_SIZE];
  FL_FREE_AUTO struct tool *tools = in_order(listing);
  FL_VALUE_AUTO sorted = fl_array();
  for (size_t i = 0; i < fl_size(listing); i++) fl_append_take(sorted, fl_value_ref(tools[i].definition));
  int rc = fl_json_write(&text, sorted, FL_JSON_CANONICAL);
  if (rc < 0) return fl_error_set(err, rc, "its tools cannot be pinned: a number in a schema is too large to be exact");
  fl_hash_bytes(fl_buf_slice(&text), hash);
  memcpy(ret_pin, "blake2b:", 8);
  fl_hex(hash, sizeof hash, ret_pin + 8);
  return 0;
}

static const char *digits_of(const char *pin) { return strncmp(pin, "blake2b:", 8) == 0 ? pin + 8 : pin; }

bool fl_pin_equal(const char *pin, const char *other) { return strcmp(digits_of(pin), digits_of(other)) == 0; }

const struct fl_value *fl_pin_kept(const struct fl_value *kept, const char *server, const char *pin) {
  char own[FL_PIN_SIZE];
  const struct fl_value *listing = fl_get(fl_get(kept, "servers"), server);
  if (!fl_is(listing, FL_ARRAY) || fl_pin_hash(listing, own, NULL) < 0) return NULL;
  return fl_pin_equal(own, pin) ? listing : NULL;
}

/* ---- what differs ---- */

struct comparing {
  struct fl_value *diff;
  const char *tool;
  struct fl_buf member; /* the JSON pointer of what is compared */
};

static void add(const struct comparing *comparing, const char *change, struct fl_value *before,
                struct fl_value *after) {
  struct fl_value *row = fl_object();
  fl_set_string(row, "tool", comparing->tool);
  fl_set_string(row, "change", change);
  if (comparing->member.size > 0) fl_set_string(row, "member", comparing->member.data);
  if (before != NULL) fl_set_take(row, "old", fl_value_ref(before));
  if (after != NULL) fl_set_take(row, "new", fl_value_ref(after));
  fl_append_take(comparing->diff, row);
}

static void compare(struct comparing *comparing, struct fl_value *before, struct fl_value *after);

static void compare_member(struct comparing *comparing, const struct fl_member *m, struct fl_value *before,
                           struct fl_value *after) {
  size_t size = comparing->member.size;
  fl_json_pointer_add(&comparing->member, fl_slice_n(m->key, m->key_size));
  if (before == NULL || after == NULL) add(comparing, "changed", before, after);
  else compare(comparing, before, after);
  comparing->member.size = size;
  if (comparing->member.data != NULL) comparing->member.data[size] = '\0';
}

/* Objects member by member, as deep as the reader of JSON lets them be; lists as wholes. */
static void compare(struct comparing *comparing, struct fl_value *before, struct fl_value *after) {
  if (fl_equal(before, after)) return;
  if (!fl_is(before, FL_OBJECT) || !fl_is(after, FL_OBJECT)) {
    add(comparing, "changed", before, after);
    return;
  }
  for (struct fl_member m = {0}; fl_next_member(before, &m);)
    compare_member(comparing, &m, m.value, fl_get_n(after, m.key, m.key_size));
  for (struct fl_member m = {0}; fl_next_member(after, &m);)
    if (fl_get_n(before, m.key, m.key_size) == NULL) compare_member(comparing, &m, NULL, m.value);
}

struct fl_value *fl_pin_diff(const struct fl_value *old_listing, const struct fl_value *new_listing) {
  struct comparing comparing = {.diff = fl_array()};
  FL_FREE_AUTO struct tool *before = in_order(old_listing);
  FL_FREE_AUTO struct tool *after = in_order(new_listing);
  size_t i = 0, j = 0, before_count = fl_size(old_listing), after_count = fl_size(new_listing);
  while (i < before_count || j < after_count) {
    int order = i == before_count ? 1 : j == after_count ? -1 : strcmp(before[i].name, after[j].name);
    comparing.tool = order <= 0 ? before[i].name : after[j].name;
    if (order < 0) add(&comparing, "removed", before[i].definition, NULL);
    else if (order > 0) add(&comparing, "added", NULL, after[j].definition);
    else compare(&comparing, before[i].definition, after[j].definition);
    i += order <= 0;
    j += order >= 0;
  }
  fl_buf_deinit(&comparing.member);
  return comparing.diff;
}

/* ---- for people ---- */

static void add_side(struct fl_buf *text, char sign, const struct fl_value *value) {
  if (value == NULL) return;
  char *dumped = fl_dump(value, NULL);
  const char *shown = fl_as_string(value) != NULL ? fl_as_string(value) : dumped != NULL ? dumped : "";
  size_t size = strlen(shown), most = size < SHOWN_MAX ? size : SHOWN_MAX;
  while (most < size && most > 0 && ((unsigned char)shown[most] & 0xc0) == 0x80) most--; /* whole characters */
  fl_buf_addf(text, "  %c %.*s%s\n", sign, (int)most, shown, most < size ? " …" : "");
  fl_text_free(dumped);
}

void fl_pin_diff_text(const struct fl_value *diff, struct fl_buf *text) {
  for (size_t i = 0; i < fl_size(diff); i++) {
    const struct fl_value *row = fl_at(diff, i);
    const char *member = fl_get_string(row, "member", NULL), *change = fl_get_string(row, "change", "");
    fl_buf_addf(text, "%s %s%s%s\n", fl_get_string(row, "tool", ""), change, member != NULL ? ": " : "",
                member != NULL ? member : "");
    add_side(text, '-', fl_get(row, "old"));
    add_side(text, '+', fl_get(row, "new"));
  }
}

/* SPDX-License-Identifier: MIT */
/* The automaton of all spellings of all values. Nodes are bytes of values, so they are locked memory as well. */
#include "runtime/base/check.h"
#include "runtime/base/known_impl.h"
#include "runtime/base/mem.h"

#include <string.h>

/* ---- spellings ---- */

enum { SPELLINGS_MAX = 10 };

/* Spellings of one value, one behind the other in locked memory. */
struct spellings {
  char *text;
  size_t used, sizes[SPELLINGS_MAX], count;
};

static void end_spelling(struct spellings *all, size_t size) {
  all->sizes[all->count++] = size;
  all->used += size;
}

static void add_hex(struct spellings *all, fl_slice value, const char *digits) {
  char *at = all->text + all->used;
  for (size_t i = 0; i < value.size; i++) {
    *at++ = digits[(uint8_t)value.data[i] >> 4];
    *at++ = digits[(uint8_t)value.data[i] & 15];
  }
  end_spelling(all, 2 * value.size);
}

/* The characters of base64 that the value alone decides when it begins `offset` bytes behind a group's front. */
static void add_base64(struct spellings *all, fl_slice value, size_t offset, const char *last_two) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  char *at = all->text + all->used;
  size_t first = (8 * offset + 5) / 6, end = 8 * (offset + value.size) / 6;
  for (size_t i = first; i < end; i++) {
    size_t bit = 6 * i - 8 * offset, byte = bit / 8;
    unsigned two = (unsigned)(uint8_t)value.data[byte] << 8;
    if (byte + 1 < value.size) two |= (uint8_t)value.data[byte + 1];
    unsigned digit = two >> (10 - bit % 8) & 63;
    *at++ = digit < 62 ? letters[digit] : last_two[digit - 62];
  }
  end_spelling(all, end - first);
}

/* A value of several lines may stand in other lines, or in one. */
static void add_unbroken(struct spellings *all, fl_slice value) {
  size_t size = 0;
  for (size_t i = 0; i < value.size; i++)
    if (value.data[i] != '\n' && value.data[i] != '\r') all->text[all->used + size++] = value.data[i];
  if (size < value.size && size >= FL_KNOWN_SIZE_MIN) end_spelling(all, size);
}

static size_t spelled_size(size_t size) { return size * (2 + 2 * 2) + 6 * (size * 4 / 3 + 2); }

static void spell(struct spellings *all, fl_slice value) {
  memcpy(all->text, value.data, value.size);
  end_spelling(all, value.size);
  add_unbroken(all, value);
  add_hex(all, value, "0123456789abcdef");
  add_hex(all, value, "0123456789ABCDEF");
  for (size_t offset = 0; offset < 3; offset++) {
    add_base64(all, value, offset, "+/");
    add_base64(all, value, offset, "-_");
  }
}

/* ---- the trie ---- */

static void insert(struct fl_known_set *set, fl_slice text, size_t secret) {
  uint32_t node = 0;
  for (size_t i = 0; i < text.size; i++) {
    uint8_t byte = (uint8_t)text.data[i];
    uint32_t child = fl_known_child(set, node, byte);
    if (child == 0) {
      child = (uint32_t)set->node_count++;
      set->nodes[child] = (struct fl_known_node){.byte = byte, .depth = (uint16_t)(i + 1)};
      if (node == 0) set->first[byte] = child;
      else set->nodes[child].sibling = set->nodes[node].child;
      if (node != 0) set->nodes[node].child = child;
    }
    node = child;
  }
  if (text.size > set->longest) set->longest = text.size;
  if (set->nodes[node].size != 0) return; /* another value is spelled like this: its name stays */
  set->nodes[node].size = (uint16_t)text.size;
  set->nodes[node].secret = (uint16_t)secret;
}

static void insert_value(struct fl_known_set *set, const struct fl_secret *value, size_t secret) {
  struct spellings all = {.text = fl_locked_new(spelled_size(value->size))};
  spell(&all, fl_secret_slice(value));
  for (size_t i = 0, at = 0; i < all.count; at += all.sizes[i++])
    insert(set, fl_slice_n(all.text + at, all.sizes[i]), secret);
  fl_locked_free(all.text);
}

/* Where to go on when a node has no child for a byte: the longest end of what was read that is a beginning as well.
 * Nearer to the root first, so that what a node falls back to is known. */
static void link_failures(struct fl_known_set *set) {
  FL_FREE_AUTO uint32_t *queue = fl_new_array(uint32_t, set->node_count);
  size_t head = 0, tail = 0;
  for (size_t i = 0; i < 256; i++)
    if (set->first[i] != 0) queue[tail++] = set->first[i];
  while (head < tail) {
    uint32_t node = queue[head++];
    for (uint32_t child = set->nodes[node].child; child != 0; child = set->nodes[child].sibling) {
      struct fl_known_node *it = &set->nodes[child];
      it->fail = fl_known_step(set, set->nodes[node].fail, it->byte);
      if (it->size == 0) {
        it->size = set->nodes[it->fail].size;
        it->secret = set->nodes[it->fail].secret;
      }
      queue[tail++] = child;
    }
  }
}

static bool is_digits(fl_slice value) {
  size_t count = 0;
  while (count < value.size && value.data[count] >= '0' && value.data[count] <= '9') count++;
  return count == value.size;
}

struct fl_known_set *fl_known_set_create(const char *const *names, const struct fl_secret *values, size_t count) {
  struct fl_known_set *set = fl_new(struct fl_known_set);
  size_t nodes_max = 1;
  for (size_t i = 0; i < count; i++) nodes_max += spelled_size(values[i].size);
  set->ref_count = 1;
  set->names = fl_new_array(char *, count + 1);
  set->nodes = fl_locked_new(nodes_max * sizeof *set->nodes);
  set->node_count = 1;
  for (size_t i = 0; i < count; i++) {
    fl_slice value = fl_secret_slice(&values[i]);
    set->names[set->count++] = fl_strdup(names[i]);
    set->has_blank |= memchr(value.data, ' ', value.size) != NULL;
    set->has_digits |= is_digits(value);
    insert_value(set, &values[i], i);
  }
  fl_check(set->node_count <= nodes_max);
  link_failures(set);
  return set;
}

void fl_known_set_unref(struct fl_known_set *set) {
  if (set == NULL || --set->ref_count > 0) return;
  for (size_t i = 0; i < set->count; i++) fl_free(set->names[i]);
  fl_free(set->names);
  fl_locked_free(set->nodes);
  fl_free(set);
}

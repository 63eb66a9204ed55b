/* SPDX-License-Identifier: MIT */
/* Names of labels and classes of tools: see the header. */
#include "tools/policy/labels.h"

#include "runtime/base/id.h"

#include <string.h>

enum { BIT_COUNT = 62, KNOWN_COUNT = 16 }; /* the last bits of a set are those of names that are not well known */

static const char *const known[KNOWN_COUNT] = {
    "private", "untrusted", "egress", "secret",     "personal",  "confidential", "internal", "public",
    "health",  "finance",   "code",   "credential", "execution", "payment",      "deletes",  "publishes"};

uint64_t fl_label_bit(const char *name) {
  for (size_t i = 0; i < KNOWN_COUNT; i++)
    if (strcmp(known[i], name) == 0) return UINT64_C(1) << i;
  uint8_t hash[FL_HASH_SIZE];
  fl_slice parts[] = {FL_SLICE("fairlead label"), fl_slice_of(name)};
  fl_hash_parts(parts, 2, hash);
  uint64_t number = 0;
  for (size_t i = 0; i < sizeof number; i++) number = number << 8 | hash[i];
  return UINT64_C(1) << (KNOWN_COUNT + number % (BIT_COUNT - KNOWN_COUNT));
}

static void add_name(struct fl_buf *text, const char *name) {
  fl_buf_addf(text, "%s%s", text->size > 0 ? ", " : "", name);
}

void fl_labels_text(uint64_t labels, const struct fl_value *names, struct fl_buf *text) {
  uint64_t left = labels;
  if (labels == FL_LABELS_UNKNOWN) {
    fl_buf_add_text(text, "of unknown origin");
    return;
  }
  for (size_t i = 0; i < KNOWN_COUNT; i++) {
    if ((left & UINT64_C(1) << i) == 0) continue;
    add_name(text, known[i]);
    left &= ~(UINT64_C(1) << i);
  }
  for (struct fl_member m = {0}; left != 0 && fl_is(names, FL_OBJECT) && fl_next_member(names, &m);) {
    uint64_t bit = fl_label_bit(m.key);
    if ((left & bit) == 0) continue;
    add_name(text, m.key);
    left &= ~bit;
  }
  if (left != 0) add_name(text, "other");
}

struct fl_tool_class fl_tool_class_of(const char *tool, const struct fl_value *annotations) {
  static const char *const readers[] = {"list_files", "read_file", "find_files", "describe_database", "query_database"};
  static const char *const open[] = {"fetch", "ping", "process"};
  const char *slash = strrchr(tool, '/'), *name = slash != NULL ? slash + 1 : tool;
  struct fl_tool_class class = {0};
  bool is_open = fl_get_bool(annotations, "openWorldHint", false);
  for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++)
    if (strcmp(readers[i], name) == 0) class.gives |= FL_LABEL_PRIVATE;
  for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) is_open |= strcmp(open[i], name) == 0;
  if (!is_open) return class;
  class.gives |= FL_LABEL_UNTRUSTED;
  class.leads_to |= FL_LABEL_EGRESS;
  return class;
}

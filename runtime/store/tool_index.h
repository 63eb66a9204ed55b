/* SPDX-License-Identifier: MIT */
/* A full-text index of tools in memory: names count most, then descriptions, then arguments. For finding a few tools
 * among many by what somebody wants to do. */
#pragma once
#include "runtime/base/slice.h"

#include <stdbool.h>

struct fl_tool_index;

struct fl_tool_index *fl_tool_index_create(void);
void fl_tool_index_destroy(struct fl_tool_index *index); /* NULL allowed */

struct fl_indexed_tool {
  const char *name;  /* what a search gives back */
  const char *words; /* the name as words: title and name */
  const char *description;
  const char *arguments; /* their names and descriptions */
};
void fl_tool_index_add(struct fl_tool_index *index, const struct fl_indexed_tool *tool);

/* The tools that have any of the words, or words that begin so, best first (BM25); without a word: all, by name. The
 * name is lent for the visit, which returns false to stop. */
void fl_tool_index_search(struct fl_tool_index *index, const char *words, bool (*visit)(const char *name, void *user),
                          void *user);

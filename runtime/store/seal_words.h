/* SPDX-License-Identifier: MIT */
/* The index of words of a sealed store: it holds each word's hash under a key in place of the word, so that a search
 * finds the same items and the file tells no word. Whoever has the file sees which items share words, and how often.
 * Private to this folder. */
#pragma once
#include "runtime/base/buf.h"
#include "runtime/store/sqlite.h"

/* The words of a text, in order, as the index is to have them. */
int fl_words_seal(struct fl_db *db, const char *text, struct fl_buf *ret_words, struct fl_error *err);
/* The query that finds any of the words; NULL when there are none. Owned. */
int fl_words_query(struct fl_db *db, const char *text, char **ret_query, struct fl_error *err);

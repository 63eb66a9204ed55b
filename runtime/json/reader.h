/* SPDX-License-Identifier: MIT */
/* What the parts of the reader share: the place in the text, and what went wrong first. For files of runtime/json
 * alone. */
#pragma once
#include "runtime/json/known.h"
#include "runtime/json/raw.h"

struct fl_reader {
  const char *at;
  const char *end;
  const char *begin;
  struct fl_buf scratch; /* a string whose text had escapes */
  size_t depth_left;
  size_t room; /* bytes that values may still take */
  bool is_strict;
  struct fl_json_memo *memo; /* NULL: none */
  int code;                  /* 0 while nothing is wrong */
  const char *wrong_at;
  const char *wrong;    /* what is wrong, */
  const char *expected; /* or what should stand there */
};

/* Notes the fault; both return false. */
bool fl_reader_fail(struct fl_reader *reader, const char *at, int code, const char *wrong);
bool fl_reader_expect(struct fl_reader *reader, const char *at, const char *expected);

/* Reads the string whose opening quote is at reader->at. *ret_text lends out of the text or out of the scratch buffer,
 * until the next call. */
bool fl_reader_string(struct fl_reader *reader, fl_slice *ret_text);

/* Fills `err` from the fault, with line and column (in characters, from 1), and returns the code. */
int fl_reader_report(const struct fl_reader *reader, struct fl_error *err);

/* SPDX-License-Identifier: MIT */
/* The record of what a program did to its database: entries, each followed by the bytes of a write. */
#pragma once
#include <stdint.h>

enum record_op { RECORD_WRITE = 1, RECORD_TRUNCATE, RECORD_SYNC, RECORD_UNLINK };
enum record_file { RECORD_NOTHING, RECORD_DB, RECORD_LOG };

struct record_entry {
  int64_t at_ns; /* CLOCK_MONOTONIC, before the call */
  uint32_t op, file;
  int64_t at;    /* WRITE: where; TRUNCATE: the new size */
  uint64_t size; /* WRITE: bytes that follow */
};

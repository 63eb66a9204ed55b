/* SPDX-License-Identifier: MIT */
/* The only place where a value turns out to be a jansson value. For files of runtime/json alone. Invariant: a pointer
 * handed out is a json_t with a reference, never NULL: when memory is out the process stops. */
#pragma once
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <jansson.h>

static inline json_t *fl_raw(const struct fl_value *value) { return (json_t *)(uintptr_t)value; }
static inline struct fl_value *fl_cooked(json_t *json) { return (struct fl_value *)json; }

/* A constructor of jansson fails only for want of memory. */
static inline json_t *fl_raw_must(json_t *json) {
  if (__builtin_expect(json == NULL, 0)) fl_out_of_memory();
  return json;
}

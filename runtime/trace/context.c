/* SPDX-License-Identifier: MIT */
/* Trace Context: see the header. */
#include "runtime/trace/context.h"

#include <stdio.h>
#include <string.h>

enum { SPAN_SIZE = 8, USER_HASH_BYTES = 16 };

static int digit_of(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

/* `size` lower-case hex digits. */
static bool is_hex(const char *text, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (digit_of(text[i]) < 0) return false;
  return true;
}

static bool is_zero(const char *text, size_t size) { return strspn(text, "0") >= size; }

bool fl_traceparent_read(const char *text, struct fl_trace_context *ret_context) {
  enum { TRACE_AT = 3, SPAN_AT = 36, FLAGS_AT = 53, END = 55 };
  if (text == NULL || strlen(text) < END || strlen(text) > FL_TRACESTATE_MAX) return false;
  bool is_first_version = strncmp(text, "00", 2) == 0;
  bool has_form = is_hex(text, 2) && text[2] == '-' && is_hex(text + TRACE_AT, 32) && text[SPAN_AT - 1] == '-' &&
                  is_hex(text + SPAN_AT, 16) && text[FLAGS_AT - 1] == '-' && is_hex(text + FLAGS_AT, 2);
  if (!has_form || strncmp(text, "ff", 2) == 0) return false;
  if (is_first_version ? text[END] != '\0' : text[END] != '\0' && text[END] != '-') return false;
  if (is_zero(text + TRACE_AT, 32) || is_zero(text + SPAN_AT, 16)) return false;
  snprintf(ret_context->trace_id, sizeof ret_context->trace_id, "%.32s", text + TRACE_AT);
  snprintf(ret_context->parent_id, sizeof ret_context->parent_id, "%.16s", text + SPAN_AT);
  ret_context->flags = (uint8_t)(digit_of(text[FLAGS_AT]) * 16 + digit_of(text[FLAGS_AT + 1]));
  return true;
}

bool fl_tracestate_is_valid(const char *text) {
  size_t size = text != NULL ? strlen(text) : 0;
  for (size_t i = 0; i < size; i++)
    if (text[i] < 0x20 || text[i] > 0x7e) return false;
  return size > 0 && size <= FL_TRACESTATE_MAX;
}

void fl_trace_id_of_run(const char *run_id, char ret_trace_id[33]) {
  size_t size = 0;
  for (; *run_id != '\0' && size < 32; run_id++)
    if (*run_id != '-') ret_trace_id[size++] = *run_id;
  ret_trace_id[size] = '\0';
}

/* A mixer of 64 bits that loses nothing (the finalizer of MurmurHash3): different numbers, different ids. */
static uint64_t mix(uint64_t bits) {
  bits ^= bits >> 33;
  bits *= 0xff51afd7ed558ccdu;
  bits ^= bits >> 33;
  bits *= 0xc4ceb9fe1a85ec53u;
  return bits ^ bits >> 33;
}

void fl_span_id(const char *run_id, uint32_t n, char ret_span_id[17]) {
  char trace_id[33];
  uint64_t base = 0;
  uint8_t bytes[SPAN_SIZE];
  fl_trace_id_of_run(run_id, trace_id);
  for (size_t i = 16; i < 32 && trace_id[i] != '\0'; i++) base = base << 4 | (uint64_t)digit_of(trace_id[i]);
  uint64_t id = mix(base + n);
  if (id == 0) id = 1; /* means none */
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(id >> (56 - 8 * i));
  fl_hex(bytes, sizeof bytes, ret_span_id);
}

void fl_traceparent_write(const struct fl_trace_context *context, const char *run_id, uint32_t n,
                          char ret_text[FL_TRACEPARENT_SIZE]) {
  char span_id[17];
  fl_span_id(run_id, n, span_id);
  snprintf(ret_text, FL_TRACEPARENT_SIZE, "00-%s-%s-%02x", context->trace_id, span_id, context->flags);
}

void fl_user_hash(const char *user_id, char ret_hash[FL_USER_HASH_SIZE]) {
  uint8_t hash[FL_HASH_SIZE];
  fl_hash_parts((fl_slice[]){FL_SLICE("fairlead user"), fl_slice_of(user_id)}, 2, hash);
  fl_hex(hash, USER_HASH_BYTES, ret_hash);
}

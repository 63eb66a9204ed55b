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

/* ---- tracestate ---- */

static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Letters, digits and _ - * / up to the end of the part; how many. */
static size_t part_size(fl_slice key) {
  size_t size = 0;
  while (size < key.size && (is_lower(key.data[size]) || is_digit(key.data[size]) || strchr("_-*/", key.data[size])))
    size++;
  return size;
}

/* "vendor", or "tenant@system" (3.3.1.3.1). */
static bool is_key(fl_slice key) {
  enum { KEY_MAX = 256, TENANT_MAX = 241, SYSTEM_MAX = 14 };
  size_t size = part_size(key);
  if (size == 0) return false;
  if (size == key.size) return is_lower(key.data[0]) && size <= KEY_MAX;
  fl_slice system = fl_slice_n(key.data + size + 1, key.size - size - 1);
  bool has_system = system.size > 0 && system.size <= SYSTEM_MAX && part_size(system) == system.size;
  bool has_tenant = size <= TENANT_MAX && (is_lower(key.data[0]) || is_digit(key.data[0]));
  return has_tenant && key.data[size] == '@' && has_system && is_lower(system.data[0]);
}

/* Printable characters without comma and equals sign, the last no blank (3.3.1.3.2). */
static bool is_value(fl_slice value) {
  enum { VALUE_MAX = 256 };
  if (value.size == 0 || value.size > VALUE_MAX || value.data[value.size - 1] == ' ') return false;
  for (size_t i = 0; i < value.size; i++)
    if (value.data[i] < 0x20 || value.data[i] > 0x7e || value.data[i] == ',' || value.data[i] == '=') return false;
  return true;
}

static fl_slice without_blanks(fl_slice text) {
  while (text.size > 0 && (*text.data == ' ' || *text.data == '\t')) text.data++, text.size--;
  while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t')) text.size--;
  return text;
}

/* The member's key in `ret_key`. */
static bool is_member(fl_slice member, fl_slice *ret_key) {
  const char *equals = memchr(member.data, '=', member.size);
  if (equals == NULL) return false;
  *ret_key = fl_slice_n(member.data, (size_t)(equals - member.data));
  return is_key(*ret_key) && is_value(fl_slice_n(equals + 1, member.size - ret_key->size - 1));
}

bool fl_tracestate_is_valid(const char *text) {
  enum { MEMBERS_MAX = 32 };
  fl_slice keys[MEMBERS_MAX];
  size_t count = 0;
  if (text == NULL || strlen(text) > FL_TRACESTATE_MAX) return false;
  while (*text != '\0') {
    fl_slice part = fl_slice_n(text, strcspn(text, ",")), member = without_blanks(part);
    text += part.size + (text[part.size] == ',');
    if (member.size == 0) continue;
    if (count == MEMBERS_MAX || !is_member(member, &keys[count])) return false;
    for (size_t i = 0; i < count; i++)
      if (fl_slice_equal(keys[i], keys[count])) return false;
    count++;
  }
  return count > 0;
}

/* ---- ids ---- */

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

static char *put(char *at, const char *text, size_t size) {
  memcpy(at, text, size);
  return at + size;
}

/* For every call that leaves: printf would take most of what that costs. */
void fl_traceparent_write(const struct fl_trace_context *context, const char *run_id, uint32_t n,
                          char ret_text[FL_TRACEPARENT_SIZE]) {
  enum { SAMPLED = 1, RANDOM = 2 };
  char span_id[17];
  fl_span_id(run_id, n, span_id);
  char *at = put(ret_text, "00-", 3);
  at = put(at, context->trace_id, strlen(context->trace_id));
  *at++ = '-';
  at = put(at, span_id, sizeof span_id - 1);
  *at++ = '-';
  const uint8_t flags = context->flags & (SAMPLED | RANDOM);
  fl_hex(&flags, 1, at);
}

void fl_user_hash(const char *user_id, char ret_hash[FL_USER_HASH_SIZE]) {
  uint8_t hash[FL_HASH_SIZE];
  fl_hash_parts((fl_slice[]){FL_SLICE("fairlead user"), fl_slice_of(user_id)}, 2, hash);
  fl_hex(hash, USER_HASH_BYTES, ret_hash);
}

/* SPDX-License-Identifier: MIT */
/* Identifiers and hashing. Pure: time and random bytes are arguments. UUIDv6 and v7 follow RFC 9562; both sort by time
 * as text. Hashes are BLAKE2b (RFC 7693), by libsodium. */
#pragma once
#include "runtime/base/slice.h"

#include <stdint.h>

enum { FL_UUID_SIZE = 37, FL_HASH_SIZE = 32, FL_ID_MAX = 128, FL_DECIMAL_SIZE = 21 };

/* Threads and runs: UUIDv7 of wall-clock milliseconds and 10 random bytes. */
void fl_uuid7(int64_t wall_ms, const uint8_t random[10], char ret_text[FL_UUID_SIZE]);

/* Checkpoints: UUIDv6 whose clock sequence carries the low 14 bits of the step. `ticks` are 100 ns since the Unix
 * epoch; the caller makes them increase within a thread. `node` is 6 random bytes. */
void fl_uuid6(int64_t ticks, uint16_t sequence, const uint8_t node[6], char ret_text[FL_UUID_SIZE]);

/* BLAKE2b-256 over parts, each preceded by its size as 8 bytes little endian, so that ("ab","c") differs from
 * ("a","bc"). */
void fl_hash_parts(const fl_slice *parts, size_t part_count, uint8_t ret_hash[FL_HASH_SIZE]);
void fl_hash_bytes(fl_slice bytes, uint8_t ret_hash[FL_HASH_SIZE]);

/* An id derived from parts, in the shape of a UUID (version 8), deterministic: task, message and call ids. */
void fl_derived_id(const fl_slice *parts, size_t part_count, char ret_text[FL_UUID_SIZE]);

/* Lower-case hex of bytes, terminated; ret_text takes 2 * size + 1. */
void fl_hex(const uint8_t *bytes, size_t size, char *ret_text);

/* The text of a UUID: lower-case hex with hyphens. */
void fl_uuid_text(const uint8_t bytes[16], char ret_text[FL_UUID_SIZE]);

/* A number in decimal, terminated; returns its length. Ids are made of numbers for every task of a superstep, where
 * snprintf would be a tenth of the whole. */
size_t fl_decimal(uint64_t number, char ret_text[FL_DECIMAL_SIZE]);

/* The bytes of a UUID's text in lower case; false for any other text. */
bool fl_uuid_bytes(const char *text, uint8_t ret_bytes[16]);

/* Whether a text has the shape of a UUID, in lower case, as all ids that are made here. */
bool fl_is_uuid(const char *text);

/* Whether a user's own thread id is acceptable: [A-Za-z0-9._:-]{1,128}. */
bool fl_is_thread_id(const char *text);

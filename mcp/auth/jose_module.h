/* SPDX-License-Identifier: MIT */
/* The border between the library and the module of signatures (fairlead-jose.so), which holds libcrypto: a process that
 * signs and verifies nothing pays nothing for it. One table under the name FL_JOSE_MODULE_SYMBOL; both sides check
 * version and size. Used through jose.h. */
#pragma once
#include "mcp/auth/jose.h"

enum { FL_JOSE_VERSION = 1 };
#define FL_JOSE_MODULE_NAME "fairlead-jose.so"
#define FL_JOSE_MODULE_SYMBOL "fl_jose_module_v1"

struct fl_jose_module {
  uint32_t version; /* FL_JOSE_VERSION */
  uint32_t size;    /* of this struct */
  int (*generate)(enum fl_jose_alg alg, void **ret_key, struct fl_error *err);
  int (*read_private)(fl_slice pem, void **ret_key, enum fl_jose_alg *ret_alg, struct fl_error *err);
  int (*write_private)(const void *key, struct fl_secret *ret_pem, struct fl_error *err);
  int (*read_public)(const struct fl_jose_public *parts, void **ret_key, struct fl_error *err);
  int (*write_public)(const void *key, enum fl_jose_alg alg, struct fl_jose_public *ret_parts, struct fl_error *err);
  int (*sign)(const void *key, enum fl_jose_alg alg, fl_slice data, struct fl_buf *ret_signature, struct fl_error *err);
  int (*verify)(const void *key, enum fl_jose_alg alg, fl_slice data, fl_slice signature);
  void (*free_key)(void *key);
};

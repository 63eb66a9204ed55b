/* SPDX-License-Identifier: MIT */
/* Checks messages against the official schemas of the protocol's revisions, which are read from the shared test
 * material. */
#pragma once
#include "runtime/base/map.h"
#include "runtime/base/slice.h"

struct wire {
  struct fl_map methods[2]; /* of requests seen, by sender (0 client, 1 server) and id: text "REVISION METHOD" */
  char session[16];         /* the revision that initialize agreed on; "" before */
  size_t checked_count;
  char problem[4096]; /* of the first message that broke its schema; "" while all is well */
};

bool wire_is_available(void);
void wire_init(struct wire *wire);
void wire_deinit(struct wire *wire);
/* A message passes. Both directions must be shown, since a result is judged by its request; `is_ours` says whether it
 * must be right. Text that is no message is passed over unless it is ours. */
void wire_message(struct wire *wire, bool from_server, bool is_ours, fl_slice line);

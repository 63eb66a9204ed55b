/* SPDX-License-Identifier: MIT */
/* Inside of the public client: client_api.c, client_skill.c. */
#pragma once
#include "mcp/connection.h"

#include <fairlead/client.h>

struct fl_client {
  struct fl_world *world;
  struct fl_client_options options;
  struct fl_mcp_connection *connection;
  struct fl_client_ask *asks;
  struct fl_error error;
  int status;
  unsigned wait_count;
  bool owns_world, is_ready, is_closed, was_woken;
};

/* In a world of the caller's, which stays his. */
int fl_client_connect_in(struct fl_world *world, const struct fl_client_options *options, struct fl_client **ret_client,
                         struct fl_error *err);

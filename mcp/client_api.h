/* SPDX-License-Identifier: MIT */
/* Inside of the public client: client_api.c, client_skill.c. */
#pragma once
#include "mcp/auth/auth.h"
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
  struct fl_mcp_auth *auth; /* NULL: none of its own */
  char *redirected;         /* to be told; NULL: the person gave up */
  struct fl_post redirected_post;
  bool is_auth_closed, is_redirect_posted;
  bool owns_world, is_ready, is_closed, was_woken;
};

/* client_auth.c: makes the authorization that the options ask for, if any; and ends it. */
int fl_client_auth_open(struct fl_client *client, struct fl_error *err);
void fl_client_auth_close(struct fl_client *client);
/* Whoever waits looks whether what it waits for has come. */
void fl_client_wake(struct fl_client *client);

/* In a world of the caller's, which stays his. */
int fl_client_connect_in(struct fl_world *world, const struct fl_client_options *options, struct fl_client **ret_client,
                         struct fl_error *err);

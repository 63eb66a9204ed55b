/* SPDX-License-Identifier: MIT */
/* What people complain about in servers: the way of rude.c or rude_http.c that does it, how such a server is called,
 * and what its caller should see. */
#pragma once
#include <fairlead/client.h>

/* What was seen of the hostile server. */
struct visit {
  int connect_status, call_status;
  struct fl_error err; /* of the last of them that failed */
  size_t tools;
  long logs, changes, calls;
};

struct complaint {
  const char *name, *way;
  const char *amount, *amount_short; /* its second argument */
  bool (*is_as_expected)(const struct visit *visit);
  void (*call)(struct fl_client *client, struct visit *visit); /* NULL: one call */
  uint32_t idle_ms, total_ms;
  bool is_http;
  bool is_long; /* not in the short form */
};

extern const struct complaint COMPLAINTS[]; /* ends with one without a name */

/* The options say where the server is and in which loop it is visited. */
void complaint_visit(const struct complaint *complaint, const struct fl_client_options *options, struct visit *visit);

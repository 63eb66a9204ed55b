/* SPDX-License-Identifier: MIT */
/* What built-in tools need of the program around them, and which hosts those that use the network may reach: ping and
 * fetch.
 *
 * A host is allowed by a pattern that fits its name ("*" any, "*.example.org" what ends so); an address that belongs to
 * this machine or to a private network is refused besides, unless that was allowed. The address that is connected to is
 * checked, not only the name. */
#pragma once
#include <fairlead/tools.h>

enum { FL_REACH_HOSTS_MAX = 64, FL_REACH_URL_MAX = 8192, FL_REACH_HOST_MAX = 256, FL_REACH_REDIRECTS_MAX = 5 };

/* One GET request and its answer. The caller frees `body`, `type`, `location` with free(). */
struct fl_fetch {
  const char *url;
  const char *const *headers; /* NULL-terminated "Name: value" */
  uint32_t timeout_ms;
  size_t body_max;
  bool may_be_private;
  struct fl_call *call; /* asked now and then whether it is over */
  int http_status;
  char *body, *type, *location; /* the last two may be NULL */
  size_t body_size;
  char error[512];
};

/* What a process wrote, as UTF-8; the caller frees `text` with free(). */
struct fl_process_output {
  char *text;
  size_t size;
  bool is_cut; /* there was more */
};

struct fl_process_secret; /* the host's */

/* One process, from its start to its end. */
struct fl_process_run {
  const char *const *argv; /* NULL-terminated; the first word is looked up in PATH */
  uint32_t timeout_ms;
  size_t output_max;                       /* bytes of each output that are kept */
  struct fl_call *call;                    /* asked now and then whether it is over */
  const char *policy;                      /* of its sandbox; NULL: none */
  const char *const *env;                  /* with a policy: names of variables that it may see */
  const struct fl_process_secret *secrets; /* with a policy: what it gets besides */
  size_t secret_count;
  int exit_status, term_signal;
  bool is_late;   /* it was ended because its time was up */
  char limit[16]; /* of its sandbox that it went over; "": none */
  struct fl_process_output out, err;
  char error[512];
};

/* What the program around lends: built-in tools see the public headers only. */
struct fl_builtin_host {
  bool (*is_private_address)(const char *address); /* "192.0.2.1", "::1" */
  /* A reference as seen from `base` (NULL: it is whole): its normal form, which the caller frees with free(), and its
   * host. NULL when it is no http or https URL, with the reason in `error`. */
  char *(*read_url)(const char *base, const char *reference, char host[FL_REACH_HOST_MAX], char error[512]);
  /* Waits for the answer; false: `error` says why there is none. Redirects are not followed. Any thread. */
  bool (*fetch)(struct fl_fetch *fetch);
  /* Waits for its end, in a group of its own that is gone then; false: `error` says why it was not started. Any thread.
   */
  bool (*run)(struct fl_process_run *run);
};

struct fl_reach {
  const struct fl_builtin_host *host;
  char *hosts[FL_REACH_HOSTS_MAX];
  size_t count;
  bool may_be_private;
  size_t body_max; /* bytes of an answer */
};

bool fl_reach_allows_host(const struct fl_reach *reach, const char *host);

fl_tool_fn fl_reach_ping_tool, fl_reach_fetch_tool; /* user: struct fl_reach */

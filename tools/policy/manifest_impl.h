/* SPDX-License-Identifier: MIT */
/* What a manifest is made of, for tools/policy only. */
#pragma once
#include "runtime/base/id.h"
#include "runtime/json/expr.h"
#include "runtime/json/schema.h"
#include "runtime/json/yaml.h"
#include "tools/policy/labels.h"
#include "tools/policy/manifest.h"
#include "tools/policy/policy.h"

enum fl_manifest_effect { FL_MANIFEST_READ, FL_MANIFEST_KEYED, FL_MANIFEST_ONCE, FL_MANIFEST_UNSTATED };

struct fl_tool_rule {
  const char *match; /* lent by the document */
  char *pointer;     /* "/tools/3" */
  enum fl_manifest_effect effect;
  struct fl_value *args;    /* closed and anchored; NULL: any arguments */
  struct fl_schema *schema; /* of args */
  int64_t max_calls;        /* -1: no limit */
  bool has_approval, allows_private;
  struct fl_expr *ask_when;                /* NULL with has_approval: always */
  const struct fl_value *approvers, *from; /* lent by the document; NULL: anybody; anything */
  const char *key_arg;                     /* idempotency.arg; NULL: none */
  int64_t approval_ttl_ms;                 /* 0: as long as the run waits */
};

/* One `labels.sources` or `labels.sinks` entry. */
struct fl_label_entry {
  const char *match; /* lent by the document */
  uint64_t labels;
};

/* "private & untrusted -> egress: ask" */
struct fl_flow_rule {
  char *pointer;
  const char *text; /* lent by the document */
  uint64_t needs, to;
  enum fl_verdict verdict;
};

/* A limit on what is spent: "/budgets/run/tokens". */
struct fl_budget {
  char *pointer;
  enum fl_spending what;
  const char *scope; /* "run", "thread", "user" */
  double limit;
};

/* `servers.NAME.pin` */
struct fl_server_pin {
  const char *server; /* lent by the document, as is `tools` */
  size_t server_size;
  const char *tools;
  bool is_refused; /* a change ends the run */
};

struct fl_forbid_rule {
  const char *match;
  char *pointer;
  struct fl_expr *when; /* NULL: always */
};

struct fl_manifest {
  int ref_count;
  struct fl_document document;
  char hash[FL_MANIFEST_HASH_SIZE];
  int64_t expires_s;
  struct fl_tool_rule *rules;
  size_t rule_count;
  struct fl_forbid_rule *forbids;
  size_t forbid_count;
  struct fl_label_entry *sources, *sinks;
  size_t source_count, sink_count;
  struct fl_flow_rule *flows; /* of the document, then the default one unless it was taken away */
  size_t flow_count;
  struct fl_value *label_names; /* {NAME: true}; NULL: none */
  struct fl_budget *budgets;
  size_t budget_count;
  struct fl_server_pin *pins;
  size_t pin_count;
};

/* A place in the document while it is read: "/tools/3" and a value. */
struct fl_manifest_reader {
  struct fl_manifest *manifest;
  struct fl_diags *diags;
};

void fl_manifest_error(const struct fl_manifest_reader *reader, const char *pointer, const char *format, ...)
    FL_PRINTF(3, 4);

/* manifest_rule.c: the rules of a document that satisfies the schema */
void fl_manifest_read_rules(const struct fl_manifest_reader *reader);
void fl_manifest_free_rules(struct fl_manifest *manifest);

/* manifest_flow.c: labels, origins, budgets. */
void fl_manifest_read_flow(const struct fl_manifest_reader *reader);
void fl_manifest_free_flow(struct fl_manifest *manifest);

/* manifest_secret.c */
void fl_manifest_read_secrets(const struct fl_manifest_reader *reader);

/* manifest_pin.c: the pin of a tool's server; NULL: it has none. Lent. */
void fl_manifest_read_pins(const struct fl_manifest_reader *reader);
const struct fl_server_pin *fl_manifest_pin_of(const struct fl_manifest *manifest, const char *tool);

/* manifest_close.c: a schema of arguments, closed: what it does not name is refused, what it names must be there unless
 * it says `required`, and patterns hold for the whole text. A new reference; NULL when a part of it cannot be used, and
 * then `ret_why` says what, at `ret_pointer` inside the schema. */
struct fl_value *fl_manifest_close_args(const struct fl_value *args, struct fl_buf *ret_pointer, struct fl_error *err);

/* manifest_text.c: the small notations. */

/* How well a pattern fits a tool: 0 not at all, otherwise the more it says the higher. */
size_t fl_pattern_fit(const char *pattern, const char *tool);

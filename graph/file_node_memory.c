/* SPDX-License-Identifier: MIT */
/* Nodes of type memory: they put, get, delete and search items that outlive threads. */
#include "graph/file_node.h"

const char *const fl_node_memory_keys[] = {FL_NODE_COMMON, "op",    "namespace", "key",   "value", "query",
                                           "filter",       "limit", "ttl_ms",    "write", NULL};

enum { LIMIT_MAX = 1000 };

/* What an operation needs (y), may have (m) and does not know (n), of the members of `used`. */
static const struct {
  const char *op, *use;
} ops[] = {{"put", "yynnnmm"}, {"get", "ynnnnny"}, {"delete", "ynnnnnm"}, {"search", "nnmmmny"}};
enum { OP_COUNT = sizeof ops / sizeof *ops };
static const char *const used[] = {"key", "value", "query", "filter", "limit", "ttl_ms", "write"};

static const char *use_of(const struct fl_node_load *load) {
  const char *op = fl_spot_text(load->spot, "op", true), *names[OP_COUNT];
  struct fl_spot spot = fl_spot_member(load->spot, "op");
  if (op == NULL) return NULL;
  for (size_t i = 0; i < OP_COUNT; i++) {
    names[i] = ops[i].op;
    if (strcmp(ops[i].op, op) == 0) return ops[i].use;
  }
  char advice[FL_SUGGESTION_MAX];
  const char *near = fl_suggest(op, names, OP_COUNT, advice);
  fl_spot_error(&spot, near != NULL ? near : "the operations are put, get, delete and search",
                "a memory has no operation \"%s\"", op);
  return NULL;
}

static void check_use(const struct fl_node_load *load, const char *use) {
  const char *op = fl_get_string(load->spot->value, "op", "");
  for (size_t i = 0; i < sizeof used / sizeof *used; i++) {
    struct fl_spot member = fl_spot_member(load->spot, used[i]);
    if (use[i] == 'y' && member.value == NULL)
      fl_spot_key_error(load->spot, NULL, "\"%s\" is missing: %s needs it", used[i], op);
    if (use[i] == 'n' && member.value != NULL)
      fl_spot_key_error(&member, "leave it out", "the operation %s has no \"%s\"", op, used[i]);
  }
}

static void check_number(const struct fl_spot *spot, int64_t least, int64_t most) {
  if (spot->value == NULL || !fl_spot_is(spot, FL_INT)) return;
  int64_t number = fl_as_int(spot->value, 0);
  if (number < least || number > most)
    fl_spot_error(spot, NULL, "must be from %lld to %lld", (long long)least, (long long)most);
}

void fl_node_check_memory(struct fl_node_load *load) {
  static const char *const expressions[] = {"key", "value", "query", "filter"};
  const char *use = use_of(load);
  if (use != NULL) check_use(load, use);
  fl_node_load_required_expr(load, "namespace");
  for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++) {
    struct fl_spot member = fl_spot_member(load->spot, expressions[i]);
    fl_node_load_expr(load, &member);
  }
  struct fl_spot limit = fl_spot_member(load->spot, "limit"), ttl = fl_spot_member(load->spot, "ttl_ms");
  check_number(&limit, 1, LIMIT_MAX);
  check_number(&ttl, 1, INT64_MAX / 2000000);
  fl_node_load_channel(load, "write");
}

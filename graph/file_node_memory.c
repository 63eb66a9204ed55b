/* SPDX-License-Identifier: MIT */
/* Nodes of type memory: they put, get, delete and search items that outlive threads. */
#include "graph/file_node.h"

const char *const fl_node_memory_keys[] = {FL_NODE_COMMON, "op",    "namespace", "key",   "value", "query",
                                           "filter",       "limit", "ttl_ms",    "write", "rank",  NULL};

enum { LIMIT_MAX = 1000 };

/* What an operation needs (y), may have (m) and does not know (n), of the members of `used`. */
static const struct {
  const char *op, *use;
} ops[] = {{"put", "yynnnmmn"}, {"get", "ynnnnnyn"}, {"delete", "ynnnnnmn"}, {"search", "nnmmmnym"}};
enum { OP_COUNT = sizeof ops / sizeof *ops };
static const char *const used[] = {"key", "value", "query", "filter", "limit", "ttl_ms", "write", "rank"};

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

static void check_rank(const struct fl_spot *node) {
  static const char *const names[] = {"auto", "words", "vectors", "both"};
  const char *name = fl_spot_text(node, "rank", false);
  struct fl_spot rank = fl_spot_member(node, "rank");
  for (size_t i = 0; name != NULL && i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], name) == 0) return;
  if (name != NULL)
    fl_spot_error(&rank, "the ranks are auto, words, vectors and both", "there is no rank \"%s\"", name);
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
  check_rank(load->spot);
  check_number(&limit, 1, LIMIT_MAX);
  check_number(&ttl, 1, INT64_MAX / 2000000);
  fl_node_load_channel(load, "write");
}

/* ---- the section `memory` ---- */

static const char *const memory_keys[] = {"embed", "fields", "ttl_ms", NULL};
static const char *const embed_keys[] = {"provider", "model", "dims", "base_url", "api_key", NULL};
const struct fl_file_shape fl_shape_memory = {"memory_section", "the section memory", memory_keys, NULL};
const struct fl_file_shape fl_shape_embed = {"embedder", "an embedder", embed_keys, NULL};

/* Texts may name variables of the environment; one that is empty once filled in counts as not given. */
static struct fl_value *read_embed(const struct fl_spot *section) {
  struct fl_spot embed = fl_spot_member(section, "embed");
  if (embed.value == NULL || !fl_spot_is(&embed, FL_OBJECT)) return NULL;
  fl_spot_check_keys(&embed, &fl_shape_embed);
  fl_spot_text(&embed, "provider", true);
  struct fl_value *made = fl_object();
  for (struct fl_member m = {0}; fl_next_member(embed.value, &m);) {
    struct fl_spot member = fl_spot_member(&embed, m.key);
    bool is_unset;
    if (!fl_is(m.value, FL_STRING)) {
      if (strcmp(m.key, "dims") == 0) check_number(&member, 1, 16384);
      else fl_spot_is(&member, FL_STRING);
      fl_set_take(made, m.key, fl_value_ref(m.value));
      continue;
    }
    const char *text = fl_as_string(m.value);
    FL_FREE_AUTO char *filled = strcmp(m.key, "api_key") == 0 ? fl_file_expand_secret(&member, text, &is_unset)
                                                              : fl_file_expand(&member, text, &is_unset);
    if (filled[0] != '\0') fl_set_string(made, m.key, filled);
  }
  return made;
}

static void check_fields(const struct fl_spot *section) {
  struct fl_spot fields = fl_spot_member(section, "fields");
  if (fields.value == NULL || !fl_spot_is(&fields, FL_ARRAY)) return;
  for (size_t i = 0; i < fl_size(fields.value); i++) {
    struct fl_spot field = fl_spot_element(&fields, i);
    fl_spot_is(&field, FL_STRING);
  }
}

struct fl_value *fl_file_load_memory(struct fl_loader *loader) {
  struct fl_spot section = fl_spot_member(fl_loader_root(loader), "memory"), ttl = fl_spot_member(&section, "ttl_ms");
  if (section.value == NULL || !fl_spot_is(&section, FL_OBJECT)) return NULL;
  fl_spot_check_keys(&section, &fl_shape_memory);
  check_fields(&section);
  check_number(&ttl, 1, INT64_MAX / 2000000);
  struct fl_value *made = fl_copy_shallow(section.value), *embed = read_embed(&section);
  if (embed != NULL) fl_set_take(made, "embed", embed);
  return made;
}

/* SPDX-License-Identifier: MIT */
/* Where a graph file's sends and ways lead, as gotos: expressions evaluated on a scope. Pure. */
#pragma once
#include "graph/definition.h"
#include "graph/scope.h"

enum { FL_SENDS_MAX = 100000 }; /* of one superstep */

struct fl_gotos {
  struct fl_goto *items;
  size_t count, capacity;
};
void fl_gotos_deinit(struct fl_gotos *gotos); /* repeatable */
/* `arg` NULL: no send. Takes it. */
void fl_gotos_add_take(struct fl_gotos *gotos, const char *node, struct fl_value *arg);

/* A goto with an argument for each element of the list, one for a send without a list, or the ways of `else` for an
 * empty list. The scope's element is changed. Errors: of the expressions; FL_E_EXPRESSION when the list is none;
 * FL_E_LIMIT. */
int fl_send_eval(const struct fl_send_def *send, struct fl_scope *scope, struct fl_gotos *gotos, struct fl_error *err);

/* Every way whose condition holds. */
int fl_ways_eval(const struct fl_way_def *ways, size_t count, struct fl_scope *scope, struct fl_gotos *gotos,
                 struct fl_error *err);

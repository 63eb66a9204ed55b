/* SPDX-License-Identifier: MIT */
/* Happy path: a put that nobody waits for, since the commit behind it does. Failure modes: the put fails, and so does
 * what is behind it in the same store; a read fails: then what the user spent counts as without end. */
#include "runtime/engine/ledger_user.h"

#include "runtime/base/mem.h"
#include "runtime/base/timestamp.h"
#include "runtime/json/json.h"

#include <math.h>
#include <string.h>

static const int64_t KEPT_MS = 2LL * 24 * 3600 * 1000;

static char *namespace_of(const struct fl_invocation *invocation) {
  const char *user = invocation->options.as_user;
  uint8_t hash[FL_HASH_SIZE];
  char name[33], day[FL_TIMESTAMP_SIZE];
  fl_slice parts[] = {FL_SLICE("fairlead user"), fl_slice_of(user != NULL ? user : "")};
  fl_hash_parts(parts, 2, hash);
  fl_hex(hash, 16, name);
  fl_timestamp(fl_world_wall_ms(invocation->runtime->world), day);
  return fl_format("fairlead.budget.%s.%.10s", name, day);
}

struct summing {
  const char *own_key;
  double *others, *own;
};

static bool add_item(const struct fl_memory_item *item, void *user) {
  struct summing *summing = user;
  FL_VALUE_AUTO spent = NULL;
  bool is_own = strcmp(item->key, summing->own_key) == 0;
  double *sum = is_own ? summing->own : summing->others;
  bool is_readable = fl_json_read(item->body, FL_JSON_FULL, &spent, NULL) == 0;
  for (int what = 0; sum != NULL && what < FL_SPENDING_COUNT; what++) {
    double number = is_readable ? fl_as_double(fl_get(spent, fl_spending_word((enum fl_spending)what)), 0) : INFINITY;
    sum[what] += number > 0 ? number : 0;
  }
  return true;
}

void fl_ledger_user_read(struct fl_invocation *invocation, double ret_others[FL_SPENDING_COUNT],
                         double ret_own[FL_SPENDING_COUNT]) {
  FL_FREE_AUTO char *ns = namespace_of(invocation);
  struct fl_error err = {0};
  struct summing summing = {invocation->thread_id, ret_others, ret_own};
  memset(ret_others, 0, FL_SPENDING_COUNT * sizeof *ret_others);
  if (ret_own != NULL) memset(ret_own, 0, FL_SPENDING_COUNT * sizeof *ret_own);
  struct fl_items_query query = {.ns = ns,
                                 .limit = 100000,
                                 .wall_ms = fl_world_wall_ms(invocation->runtime->world),
                                 .visit = add_item,
                                 .user = &summing};
  if (invocation->options.as_user == NULL) return;
  if (fl_store_search_items(invocation->runtime->store, &query, &err) < 0)
    for (int what = 0; what < FL_SPENDING_COUNT; what++) ret_others[what] = INFINITY;
}

/* ---- writing ---- */

void fl_ledger_user_write(struct fl_invocation *invocation, const double own[FL_SPENDING_COUNT]) {
  if (invocation->options.as_user == NULL) return;
  FL_VALUE_AUTO spent = fl_object();
  for (int what = 0; what < FL_SPENDING_COUNT; what++)
    if (what != FL_SPENT_CONCURRENT) fl_set_take(spent, fl_spending_word((enum fl_spending)what), fl_double(own[what]));
  fl_runtime_put_item(invocation->runtime, namespace_of(invocation), invocation->thread_id, fl_dump(spent, NULL),
                      KEPT_MS);
}

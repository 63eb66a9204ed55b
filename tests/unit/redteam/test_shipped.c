/* SPDX-License-Identifier: MIT */
/* The suites that ship: enough of them, each attack works where nothing holds it, fewer come through at each level, and
 * with all of the manifests in force none does, while the tasks do their work. */
#include "runtime/base/mem.h"
#include "runtime/redteam/redteam.h"
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

struct sums {
  size_t suites, tasks, attacks;
};

static void check_levels(const char *name, const struct fl_redteam_tally *tallies) {
  for (int level = 0; level < FL_LEVEL_COUNT; level++) {
    const struct fl_redteam_tally *tally = &tallies[level];
    tap_ok(tally->task_refused == 0 && tally->failed_runs == 0 && tally->unread == 0 && tally->strays == 0,
           "%s: at the level %s every call of the tasks is made, and every attack is read", name,
           fl_level_name((enum fl_level)level));
    bool is_better = level == 0 ? tally->attack_refused + tally->attack_asked == 0 && tally->attacks > 0
                                : tally->attack_made < tallies[level - 1].attack_made;
    tap_ok(is_better, "%s: at the level %s %zu calls of attacks are made", name, fl_level_name((enum fl_level)level),
           tally->attack_made);
  }
  tap_ok(tallies[FL_LEVEL_LAST].attack_made == 0, "%s: with all of the manifests no call of an attack is made", name);
  tap_ok(tallies[FL_LEVEL_LAST].task_asked < tallies[FL_LEVEL_LAST].task_passed / 5,
         "%s: a person is asked about few of the tasks' calls", name);
}

static void on_file(const char *path, const char *name, void *user) {
  struct sums *sums = user;
  size_t size = 0;
  char *text = test_read_file(path, &size);
  struct fl_suite *suite = NULL;
  struct fl_diags diags = {0};
  struct fl_error err = {0};
  int rc = fl_suite_load(name, fl_slice_n(text, size), &suite, &diags);
  tap_ok(rc == 0, "%s can be read%s%s", name, diags.count > 0 ? ": " : "",
         diags.count > 0 ? diags.items[0].message : "");
  if (rc == 0) {
    struct fl_redteam_tally tallies[FL_LEVEL_COUNT] = {0};
    struct fl_redteam redteam = {.suite = suite};
    rc = fl_redteam_run(&redteam, tallies, &diags, &err);
    tap_ok(rc == 0, "%s can be played %s%s", name, err.text, diags.count > 0 ? diags.items[0].message : "");
    check_levels(name, tallies);
    sums->suites++;
    sums->tasks += suite->task_count;
    sums->attacks += suite->attack_count;
  }
  fl_suite_destroy(suite);
  fl_diags_deinit(&diags);
  free(text);
}

int main(void) {
  struct sums sums = {0};
  FL_FREE_AUTO char *folder = fl_format("%s/runtime/redteam/suites", getenv("FL_SOURCE_ROOT"));
  test_each_file(folder, ".yaml", on_file, &sums);
  tap_ok(sums.suites >= 3 && sums.tasks >= 30 && sums.attacks >= 20, "%zu suites, %zu tasks, %zu attacks", sums.suites,
         sums.tasks, sums.attacks);
  return tap_done();
}

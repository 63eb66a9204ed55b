/* SPDX-License-Identifier: MIT */
/* A validation under way. Everything lives on the stack of the call: the path to the instance, the dynamic scope, the
 * marks of what was evaluated. A report is kept only when somebody wants to know what is wrong. */
#pragma once
#include "runtime/json/schema_private.h"

struct fl_schema_path {
  const struct fl_schema_path *up; /* NULL: the root */
  fl_slice key;                    /* data NULL: an index */
  size_t index;
};

struct fl_schema_scope {
  const struct fl_schema_resource *resource;
  const struct fl_schema_scope *outer;
};

/* Which members or items of the instance some keyword has looked at; only where an unevaluated… keyword asks. */
struct fl_schema_marks {
  uint64_t few; /* up to 64 need no memory */
  uint64_t *many;
  size_t count;
};

/* One complaint, with what is needed to merge complaints of alternatives. */
struct fl_schema_complaint {
  struct fl_schema_violation text;
  size_t depth;             /* of the instance path */
  unsigned types;           /* wrong type: the ones that are right */
  struct fl_value *allowed; /* const or enum: the values that are right (lent) */
  bool is_list;             /* `allowed` is an array of them */
};

struct fl_schema_report {
  struct fl_schema_complaint *complaints;
  size_t count, limit;
};

struct fl_schema_run {
  uint64_t work_left;
  size_t depth;
  int error; /* FL_E_LIMIT once a bound was hit: the verdict is then void */
};

struct fl_schema_eval {
  struct fl_schema_run *run;
  const struct fl_schema_node *node;
  struct fl_value *instance;
  const struct fl_schema_path *path;
  const struct fl_schema_scope *scope;
  struct fl_schema_marks *marks;   /* NULL: nobody asks */
  struct fl_schema_report *report; /* NULL: only the verdict counts */
};

/* Whether the instance satisfies a node. With a report it goes on after the first fault. */
bool fl_schema_evaluate(const struct fl_schema_node *node, const struct fl_schema_eval *eval);

/* The rules that look at one value and no subschema; schema_check.c. */
bool fl_schema_check(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval);
/* Whether a pattern matches; ends the run when the matcher gives up. */
bool fl_schema_check_pattern(const struct fl_schema_eval *eval, const struct fl_regex *regex, fl_slice text);
/* Takes from the work that is left; false when there is none. */
bool fl_schema_spend(const struct fl_schema_eval *eval, uint64_t work);

/* Exact arithmetic on numbers as they are written; schema_number.c. */
int fl_schema_compare(const struct fl_value *a, const struct fl_value *b);
bool fl_schema_is_multiple(const struct fl_value *number, const struct fl_value *divisor);

/* Marks; schema_marks.c. */
void fl_schema_marks_init(struct fl_schema_marks *marks, const struct fl_value *instance);
void fl_schema_marks_deinit(struct fl_schema_marks *marks);
void fl_schema_marks_set(struct fl_schema_marks *marks, size_t index); /* NULL allowed */
bool fl_schema_marks_has(const struct fl_schema_marks *marks, size_t index);
void fl_schema_marks_merge(struct fl_schema_marks *marks, const struct fl_schema_marks *more);

/* Complaints; schema_report.c. All return false, so that a failed check is one line; they do nothing without a
 * report. */
bool fl_schema_complain(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval, const char *format, ...)
    FL_PRINTF(3, 4);
/* As above; says what the instance is: "is the string "x", " and then the text. */
bool fl_schema_complain_value(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval, const char *format,
                              ...) FL_PRINTF(3, 4);
bool fl_schema_complain_type(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval);
bool fl_schema_complain_allowed(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval);
bool fl_schema_complain_member(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval,
                               const char *keyword, const struct fl_map *known);
/* None of the alternatives fits; `branches` are their reports. */
bool fl_schema_complain_branches(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval,
                                 struct fl_schema_report *branches);
void fl_schema_report_deinit(struct fl_schema_report *report);

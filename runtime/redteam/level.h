/* SPDX-License-Identifier: MIT */
/* The levels of a policy: how much of a manifest is in force. Each has all of the one before. Pure. */
#pragma once
#include "tools/policy/manifest.h"

enum fl_level {
  FL_LEVEL_NONE,       /* no manifest: what the graph's nodes name */
  FL_LEVEL_TOOLS,      /* which tools: match, forbid without a condition */
  FL_LEVEL_ARGUMENTS,  /* and with which arguments: args, approval, forbid with a condition */
  FL_LEVEL_PROVENANCE, /* and where values come from and go: from, labels */
  FL_LEVEL_BUDGETS,    /* and how often: max_calls, budgets, model. All that is enforced without the servers */
  FL_LEVEL_LAST = FL_LEVEL_BUDGETS,
  FL_LEVEL_COUNT
};

const char *fl_level_name(enum fl_level level); /* for people: "tool list" */
const char *fl_level_key(enum fl_level level);  /* for programs: "tools" */

/* What is left of a manifest at a level: a new reference; NULL without one (FL_LEVEL_NONE, or `manifest` is NULL). */
struct fl_manifest *fl_level_cut(struct fl_manifest *manifest, enum fl_level level);

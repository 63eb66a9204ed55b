/* SPDX-License-Identifier: MIT */
/* What decide.c and decide_manifest.c share. */
#pragma once
#include "tools/policy/manifest_impl.h"
#include "tools/policy/policy.h"

/* All but the effect. ret_decision is zeroed before; its `args` may be set whatever the verdict. */
void fl_manifest_decide(const struct fl_manifest *manifest, const struct fl_policy_call *call,
                        struct fl_decision *ret_decision);
/* 0 read, 1 keyed, 2 once; -1: the manifest does not say. */
int fl_manifest_effect(const struct fl_manifest *manifest, const char *tool);

/* A text that was cut may end in the middle of a character, which goes. */
void fl_policy_trim(char *text);

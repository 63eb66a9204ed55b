/* SPDX-License-Identifier: MIT */
/* What `policy check` says of a manifest's secrets: which server is given which, where from, and how. */
#pragma once
#include "tools/policy/manifest.h"

/* One line for each; as JSON {"type":"secret","server","name","as","from"}. Values are not read. */
void fl_policy_print_secrets(const struct fl_manifest *manifest, bool is_json);

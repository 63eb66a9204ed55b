/* SPDX-License-Identifier: MIT */
/* The manifest of a graph that names none: the narrowest one that its file implies. It says what the graph's own
 * allow-list enforces, in the words of manifests: to be read, tried on calls, saved and narrowed. */
#pragma once
#include "graph/file.h"
#include "tools/policy/manifest.h"

/* The tools that the nodes name, with the effects that the file says; the servers that it declares, and how each is
 * reached (neither command lines nor URLs, in which values of the environment may stand); no rule about flows.
 * FL_E_INVALID, said in `diags`, when a pattern of the file cannot stand in a manifest. */
int fl_imply_manifest(const struct fl_graph_file *file, struct fl_manifest **ret_manifest, struct fl_diags *diags);

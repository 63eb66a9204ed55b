/* SPDX-License-Identifier: MIT */
/* What a runtime has in the place of the world when a graph is only tried: nothing outside the process is reached. Of a
 * graph that is loaded every model is `player`, and the tools are those that were added to the registry before: neither
 * its servers nor the tools that ship nor an embedding model are there. Paths are not looked up. All lent for the
 * runtime's life. */
#pragma once
#include "runtime/model/model.h"

struct fl_manifest;

struct fl_rehearsal {
  const struct fl_model_player *player;
  const char *const *servers;   /* the names of those that stand in for others; NULL-terminated */
  const char *graph;            /* the text of the graph, in the place of its file's; NULL: the file's own */
  struct fl_manifest *manifest; /* of the graph, in the place of the one that it names; NULL: its own */
  /* What becomes of a manifest, of the graph or of one inside it: a new reference, or NULL: none. */
  struct fl_manifest *(*cut)(struct fl_manifest *manifest, void *user);
  void *user;
};

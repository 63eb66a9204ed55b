/* SPDX-License-Identifier: MIT */
/* fairlead version: what this binary is and which libraries it found on this machine. */
#include "runtime/cli/cli.h"

int fl_cmd_version(struct fl_args *args) {
  if (args->json) {
    FL_VALUE_AUTO line = fl_object();
    fl_set_string(line, "version", FL_VERSION);
    fl_set_string(line, "mcp", "2024-11-05 to 2026-07-28");
    fl_set_int(line, "graph_file", 1);
    fl_print_json(line);
  } else {
    printf("fairlead %s (graph files: 1; MCP: 2024-11-05 to 2026-07-28)\n", FL_VERSION);
  }
  return FL_EXIT_OK;
}

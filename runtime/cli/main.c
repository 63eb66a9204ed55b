/* SPDX-License-Identifier: MIT */
/* The program: installs the allocator for the libraries and hands over to the command line. */
#include "runtime/cli/cli.h"
#include "runtime/cli/hooks.h"

int main(int argc, char **argv) {
  fl_hooks_install();
  return fl_command_line(argc, argv);
}

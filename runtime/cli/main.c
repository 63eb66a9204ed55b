/* SPDX-License-Identifier: MIT */
/* The program: installs the allocator for the libraries and hands over to the command line. */
#include "runtime/cli/cli.h"
#include "runtime/cli/hooks.h"

#include <signal.h>

int main(int argc, char **argv) {
  fl_hooks_install();
  signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is an error of the write, as a full disk is */
  return fl_command_line(argc, argv);
}

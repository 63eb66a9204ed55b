/* SPDX-License-Identifier: MIT */
#include "tools/sandbox/launch.h"

int fl_launch_policy_apply(int policy_fd) {
  fl_launch_complain("this launcher enforces no sandbox policy yet, so it refuses to start a tool that needs one");
  return -1;
}

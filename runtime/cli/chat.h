/* SPDX-License-Identifier: MIT */
/* A conversation at a terminal. */
#pragma once
#include "runtime/cli/session.h"

/* Until Ctrl-D. Returns the exit code. */
int fl_chat(struct fl_session *session);

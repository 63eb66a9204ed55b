/* SPDX-License-Identifier: MIT */
/* Legacy sessions over HTTP that a client begins and never ends, and requests that are refused. */
#pragma once
#include <stdbool.h>

/* A connection to the server at this Unix socket, which may have just been started; -1: there was none in 10 s. */
int sessions_connect(const char *path);
/* Sends so many `initialize` requests over it, 50 at a time, and reads their replies. False: one was refused or lost.
 */
bool sessions_begin(int fd, long count);
/* So many GET, HEAD and OPTIONS requests, over a connection of their own. False: not all were refused. */
enum { SESSIONS_PROBES = 5 };
bool sessions_probe(const char *path);
/* Resident memory of a process in KiB; 0: there is none. */
long sessions_memory(long pid);

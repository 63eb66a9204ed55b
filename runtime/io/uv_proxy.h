/* SPDX-License-Identifier: MIT */
/* The one way out of a tool's own network: a proxy (CONNECT) on a listening socket in that network, which connects to
 * what was granted, by name and port, and to no address of this machine or a private network, unless that very address
 * (or "localhost") was granted. The name is resolved here, and the address that was checked is the one that is
 * connected to. Private to the real world. */
#pragma once
#include "runtime/io/world.h"

struct uv_proxy;

/* Takes the descriptor, and `hosts` (patterns of runtime/wire/connect.h, NULL-terminated; freed with fl_free each and
 * as a whole), also when it fails. Connections are closed with it. */
struct uv_proxy *uv_proxy_open(struct fl_world *world, int fd, char **hosts, struct fl_error *err);
void uv_proxy_close(struct uv_proxy *proxy); /* NULL allowed */

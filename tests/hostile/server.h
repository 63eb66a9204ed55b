/* SPDX-License-Identifier: MIT */
/* A process of rude_http.c. It ends with its standard input, so also with us. */
#pragma once
#include <sys/types.h>

struct server {
  pid_t pid;
  int input;
  char url[64];
};

/* The process ends with status 3 when it cannot be started. */
void server_start(struct server *server, const char *program, const char *way);
void server_stop(struct server *server);

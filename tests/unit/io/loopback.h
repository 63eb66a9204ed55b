/* SPDX-License-Identifier: MIT */
/* An HTTP server for tests on 127.0.0.1: a thread for each connection, blocking sockets, and a scenario for each
 * path. */
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
  int fd;
  int port;
  pthread_t thread;
  atomic_int connections; /* accepted so far */
  atomic_int alive;       /* connection threads */
  atomic_int requests;    /* heads read so far */
  atomic_int eof_seen;    /* the client closed while a scenario waited for it */
} loopback;

static void loopback_send(int fd, const char *text) { send(fd, text, strlen(text), MSG_NOSIGNAL); }

static void loopback_chunk(int fd, const char *text) {
  char head[32];
  snprintf(head, sizeof head, "%zx\r\n", strlen(text));
  loopback_send(fd, head);
  loopback_send(fd, text);
  loopback_send(fd, "\r\n");
}

/* Reads a whole request (head and body by Content-Length) into text; false at the end of the connection. */
static bool loopback_read(int fd, char *text, size_t size) {
  size_t used = 0;
  for (;;) {
    ssize_t got = recv(fd, text + used, size - used - 1, 0);
    if (got <= 0) return false;
    used += (size_t)got;
    text[used] = '\0';
    const char *end = strstr(text, "\r\n\r\n");
    if (end == NULL) continue;
    const char *length = strstr(text, "Content-Length: ");
    size_t body = length != NULL && length < end ? (size_t)atoi(length + 16) : 0;
    if (used >= (size_t)(end + 4 - text) + body) return true;
  }
}

static void loopback_wait_for_eof(int fd) {
  char byte;
  if (recv(fd, &byte, 1, 0) == 0) atomic_fetch_add(&loopback.eof_seen, 1);
}

#define LOOPBACK_CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static void loopback_echo(int fd, const char *request) {
  char head[100];
  snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(request));
  loopback_send(fd, head);
  if (strncmp(request, "HEAD", 4) != 0) loopback_send(fd, request);
}

static void loopback_stream(int fd, int count, int pause_us) {
  loopback_send(fd, LOOPBACK_CHUNKED);
  for (int i = 0; i < count; i++) {
    char text[32];
    snprintf(text, sizeof text, "piece %d\n", i);
    loopback_chunk(fd, text);
    usleep((useconds_t)pause_us);
  }
  loopback_send(fd, "0\r\nX-Trailer: yes\r\n\r\n");
}

/* 8 MB, as fast as they are taken. */
static void loopback_large(int fd) {
  static char block[65536];
  memset(block, 'x', sizeof block);
  loopback_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n");
  for (int i = 0; i < 128; i++)
    if (send(fd, block, sizeof block, MSG_NOSIGNAL) < 0) return;
}

static void loopback_flood(int fd) {
  char block[1001];
  memset(block, 'x', 1000);
  block[1000] = '\0';
  loopback_send(fd, LOOPBACK_CHUNKED);
  for (int i = 0; i < 100; i++) loopback_chunk(fd, block);
  loopback_send(fd, "0\r\n\r\n");
}

static void loopback_many_headers(int fd) {
  loopback_send(fd, "HTTP/1.1 200 OK\r\n");
  char line[1100];
  memset(line, 'h', sizeof line);
  memcpy(line, "X-Long: ", 8);
  memcpy(line + 1000, "\r\n", 3);
  for (int i = 0; i < 280; i++) loopback_send(fd, line);
  loopback_send(fd, "Content-Length: 0\r\n\r\n");
}

/* Answers one request; false when the connection is to be closed. */
static bool loopback_answer(int fd, const char *request, int nth) {
  char path[64] = "";
  sscanf(request, "%*s %63s", path);
  bool keeps = false;
  if (strcmp(path, "/plain") == 0 || (strcmp(path, "/once") == 0 && nth == 1)) {
    loopback_send(fd,
                  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Word: first\r\nx-word: second\r\nX-Empty:\r\n\r\nhello");
    keeps = true;
  } else if (strncmp(path, "/echo", 5) == 0) loopback_echo(fd, request), keeps = true;
  else if (strcmp(path, "/stream") == 0) loopback_stream(fd, 20, 2000), keeps = true;
  else if (strcmp(path, "/slow") == 0) loopback_wait_for_eof(fd);
  else if (strcmp(path, "/stall") == 0)
    loopback_send(fd, LOOPBACK_CHUNKED), loopback_chunk(fd, "some"), loopback_wait_for_eof(fd);
  else if (strcmp(path, "/drop") == 0) loopback_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
  else if (strcmp(path, "/drop-chunked") == 0) loopback_send(fd, LOOPBACK_CHUNKED), loopback_chunk(fd, "only this");
  else if (strcmp(path, "/drop-head") == 0) loopback_send(fd, "HTTP/1.1 200 OK\r\nContent-Le");
  else if (strcmp(path, "/nothing") == 0) return false;
  else if (strcmp(path, "/large") == 0) loopback_large(fd);
  else if (strcmp(path, "/flood") == 0) loopback_flood(fd);
  else if (strcmp(path, "/huge") == 0)
    loopback_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\nx"), loopback_wait_for_eof(fd);
  else if (strcmp(path, "/headers") == 0) loopback_many_headers(fd);
  else if (strcmp(path, "/redirect") == 0)
    loopback_send(fd, "HTTP/1.1 302 Found\r\nLocation: /plain\r\nContent-Length: 0\r\n\r\n"), keeps = true;
  else if (strcmp(path, "/hints") == 0)
    loopback_send(fd, "HTTP/1.1 103 Early Hints\r\nX-Word: early\r\n\r\nHTTP/1.1 429 Too Many\r\nRetry-After: "
                      "7\r\nContent-Length: 0\r\n\r\n");
  else if (strcmp(path, "/garbage") == 0) loopback_send(fd, "SMTP ready\r\n\r\n");
  return keeps;
}

static void *loopback_serve(void *user) {
  int fd = (int)(intptr_t)user;
  static _Thread_local char request[300000];
  for (int nth = 1; loopback_read(fd, request, sizeof request); nth++) {
    atomic_fetch_add(&loopback.requests, 1);
    if (!loopback_answer(fd, request, nth)) break;
  }
  close(fd);
  atomic_fetch_sub(&loopback.alive, 1);
  return NULL;
}

static void *loopback_accept(void *user) {
  for (int fd; (fd = accept(loopback.fd, NULL, NULL)) >= 0;) {
    atomic_fetch_add(&loopback.connections, 1);
    atomic_fetch_add(&loopback.alive, 1);
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 1024 * 1024);
    if (pthread_create(&thread, &attributes, loopback_serve, (void *)(intptr_t)fd) != 0) abort();
    pthread_attr_destroy(&attributes);
  }
  return NULL;
}

static int loopback_listen(int *ret_port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(fd, (void *)&address, sizeof address) != 0 || listen(fd, 512) != 0) abort();
  getsockname(fd, (void *)&address, &size);
  *ret_port = ntohs(address.sin_port);
  return fd;
}

static void loopback_start(void) {
  loopback.fd = loopback_listen(&loopback.port);
  if (pthread_create(&loopback.thread, NULL, loopback_accept, NULL) != 0) abort();
}

/* Waits for the connection threads too, so that nothing is left when sanitizers look. */
static void loopback_stop(void) {
  shutdown(loopback.fd, SHUT_RDWR);
  pthread_join(loopback.thread, NULL);
  close(loopback.fd);
  for (int i = 0; i < 500 && atomic_load(&loopback.alive) > 0; i++) usleep(10000);
}

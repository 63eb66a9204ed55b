/* SPDX-License-Identifier: MIT */
/* HTTP requests as a tool source: what nodes of type http call, so that a request passes the policy and the journal as
 * every other call does. Its tools are named by what a request does to the world: read, keyed (with the header
 * Idempotency-Key) and once. Models never see them: no pattern of a graph file can name the server. */
#pragma once
#include "runtime/wire/address.h"
#include "tools/source.h"

#define FL_HTTP_SOURCE "fairlead.http"

enum {
  FL_HTTP_SOURCE_BODY_MAX = 16 * 1024 * 1024,
  FL_HTTP_SOURCE_TIMEOUT_MS_MAX = 3600 * 1000,
};

/* Arguments: {"method", "url", "headers"?: {NAME: TEXT}, "body"?: TEXT, "timeout_ms"?, "max_bytes"?, "private"?: bool}.
 * With `private` it may connect to addresses of private networks and of this machine, otherwise not. Redirects are not
 * followed: their answer is the result. The result's structuredContent is {"status", "headers", "body"}; the body is a
 * value when the answer says that it is JSON, otherwise a text. */
struct fl_tool_source *fl_tool_source_http(struct fl_world *world);

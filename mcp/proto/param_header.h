/* SPDX-License-Identifier: MIT */
/* `x-mcp-header` of a tool's input schema: arguments that the client repeats as HTTP headers (MCP 2026-07-28,
 * basic/transports, "Custom headers from tool parameters"). A property of type string, integer or boolean, reached from
 * the root through `properties` alone, may name a header; names are tokens and differ by more than case. Pure. */
#pragma once
#include "runtime/base/buf.h"

#include <fairlead/value.h>

#define FL_MCP_PARAM_HEADER_KEY "x-mcp-header"

/* 0, or FL_E_INVALID with what is wrong: such a tool must not be used over HTTP. */
int fl_mcp_param_headers_check(const struct fl_value *input_schema, struct fl_error *err);

/* What the arguments give, {"Region": "us-west1"}; an argument that is absent or null gives nothing. A new reference,
 * NULL when there is nothing. The schema must have passed the check. */
struct fl_value *fl_mcp_param_headers(const struct fl_value *input_schema, const struct fl_value *args);

/* Appends a text as the value of a header: as it is when it is printable ASCII without blanks at its ends, otherwise
 * "=?base64?…?=". */
void fl_mcp_header_encode(struct fl_buf *buf, fl_slice text);

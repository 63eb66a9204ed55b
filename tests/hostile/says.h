/* SPDX-License-Identifier: MIT */
/* Messages that a server should not say, one JSON text each, whatever carries it: lines (rude.c) or HTTP
 * (rude_http.c). Nothing is written behind a message, and nothing is flushed. */
#pragma once
#include <stdbool.h>
#include <stdio.h>

#define SAYS_CONTENT "{\"content\":[{\"type\":\"text\",\"text\":\"done\"}]}"
#define SAYS_TOOL "{\"name\":\"echo\",\"inputSchema\":{\"type\":\"object\"}}"
#define SAYS_CHANGED "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}"
#define SAYS_LOG \
  "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"error\",\"data\":\"storm\"}}"
#define SAYS_QUESTION "{\"jsonrpc\":\"2.0\",\"id\":\"ask\",\"method\":\"sampling/createMessage\",\"params\":{}}"

typedef void says_fn(FILE *out, long id);

void says_result(FILE *out, long id, const char *result);
void says_repeated(FILE *out, const char *text, long count);
says_fn says_welcome, says_done, says_tools, says_no_method; /* as it should be */
says_fn says_progress;
/* Results of a call. The first two have no end: after 100 MB, or after nobody reads any more. */
says_fn says_long, says_drip, says_nesting, says_numbers, says_objects, says_members, says_invalid_utf8;
/* Lists: 100,000 tools; one more page; another tool each time. The number of lists is kept here. */
says_fn says_many_tools, says_page, says_other_tools;
/* An answer to nothing, one for each index from 0 on; false: there are no more. */
bool says_wrong_id(FILE *out, long id, int index);
/* The id of a request that is a number and comes before any other "id"; -1: there is none. */
long says_id_of(const char *message);

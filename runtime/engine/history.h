/* SPDX-License-Identifier: MIT */
/* How much of a conversation a model gets: which messages fit a budget of tokens, without ever parting a tool call from
 * its result. Pure. A token is counted for every four characters, and three for each message, as LangChain's
 * count_tokens_approximately does: no tokenizer is exact for a model that is not its own. */
#pragma once
#include "runtime/base/buf.h"
#include "runtime/json/list.h"

/* Of one message: its content, its role and its tool calls. */
size_t fl_history_tokens(const struct fl_value *message);
size_t fl_history_tokens_of(const struct fl_list *messages, size_t from, size_t to);

/* System messages at the front, which stay. */
size_t fl_history_head(const struct fl_list *messages);

/* The index from which messages behind the head stay: as many as fit the budget with the head, at least `keep_last`
 * (1 or more) of them. It begins with the user's where it can, otherwise with the assistant's, and never with a result.
 * The head's size when all fit. */
size_t fl_history_trim(const struct fl_list *messages, size_t tokens_max, size_t keep_last);

/* The index up to which messages behind the head are to be summarized so that the last `keep_last` stay with all that
 * belongs to them; the head's size when the whole fits the budget or nothing would be summarized. */
size_t fl_history_split(const struct fl_list *messages, size_t tokens_max, size_t keep_last);

/* Messages as a text to read: "user: …", "assistant: …", "assistant calls NAME ARGS", "NAME answers: …". */
void fl_history_transcript(const struct fl_list *messages, size_t from, size_t to, struct fl_buf *ret_text);

/* SPDX-License-Identifier: MIT */
/* Ours against llhttp, where that library is installed (it is never part of the product): each request that ours
 * accepts llhttp accepts as well, with the same method, target and body, in the same place. */
#include "runtime/base/check.h"
#include "tests/support/http1_trace.h"

#include <llhttp.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct peer {
  llhttp_t parser;
  struct fl_buf out;
  size_t accepted;
};

static struct peer *peer_of(llhttp_t *parser) { return parser->data; }

static int on_url(llhttp_t *parser, const char *at, size_t size) {
  struct peer *peer = peer_of(parser);
  return fl_buf_add(&peer->out, at, size);
}

static int on_message_begin(llhttp_t *parser) { return fl_buf_add_text(&peer_of(parser)->out, "@"); }

static int on_headers_complete(llhttp_t *parser) {
  fl_buf_addf(&peer_of(parser)->out, " %s [", llhttp_method_name((llhttp_method_t)parser->method));
  return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t size) {
  return fl_buf_add(&peer_of(parser)->out, at, size);
}

static int on_message_complete(llhttp_t *parser) {
  peer_of(parser)->accepted++;
  return fl_buf_add_text(&peer_of(parser)->out, "]");
}

static void run_peer(struct peer *peer, fl_slice input) {
  static llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_message_begin = on_message_begin;
  settings.on_url = on_url;
  settings.on_headers_complete = on_headers_complete;
  settings.on_body = on_body;
  settings.on_message_complete = on_message_complete;
  llhttp_init(&peer->parser, HTTP_REQUEST, &settings);
  peer->parser.data = peer;
  const char *at = input.data, *end = input.data + input.size;
  while (at < end) {
    llhttp_errno_t failure = llhttp_execute(&peer->parser, at, (size_t)(end - at));
    if (failure != HPE_PAUSED_UPGRADE) break;
    at = llhttp_get_error_pos(&peer->parser); /* an upgrade that is not taken up: the bytes go on as requests */
    llhttp_resume_after_upgrade(&peer->parser);
  }
}

/* The same notation from ours: whole requests only. */
static void run_ours(fl_slice input, struct fl_buf *out) {
  struct fl_http1_head head;
  size_t used = 0;
  while (input.size > 0 && fl_http1_parse_head(input, &head, &used) == FL_HTTP1_DONE) {
    size_t mark = out->size;
    input = fl_slice_n(input.data + used, input.size - used);
    fl_buf_add_text(out, "@");
    fl_buf_add(out, head.target.data, head.target.size);
    fl_buf_addf(out, " %s [", fl_http1_method_name(head.method));
    struct fl_http1_body body;
    fl_http1_body_init(&body, &head);
    fl_slice piece;
    enum fl_http1_verdict verdict;
    while ((verdict = fl_http1_body_next(&body, &input, &piece)) == FL_HTTP1_PIECE)
      fl_buf_add(out, piece.data, piece.size);
    if (verdict != FL_HTTP1_DONE) {
      out->size = mark;
      return;
    }
    fl_buf_add_text(out, "]");
    if (!head.keeps_alive) return;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  fl_slice input = fl_slice_n((const char *)data + 1, size - 1);
  FL_BUF_AUTO ours = {0};
  struct peer peer = {0};
  run_ours(input, &ours);
  run_peer(&peer, input);
  fl_check(fl_slice_starts(fl_buf_slice(&peer.out), fl_buf_slice(&ours)));
  fl_buf_deinit(&peer.out);
  return 0;
}

/* SPDX-License-Identifier: MIT */
/* The tool "fetch": a page or document by its URL. Each URL, also one that a redirect leads to, passes the same checks:
 * its host by name, and the address that it turns out to have. */
#include "tools/builtin/files.h"
#include "tools/builtin/reach.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DEFAULT_TIMEOUT_MS = 30000, ERROR_BODY_MAX = 2000 };

static const char *const HEADERS[] = {"Accept: text/html, text/*, application/json, */*;q=0.5", NULL};

static bool ends_with(const char *text, const char *end) {
  size_t text_size = strlen(text), end_size = strlen(end);
  return text_size > end_size && strcasecmp(text + text_size - end_size, end) == 0;
}

bool fl_reach_allows_host(const struct fl_reach *reach, const char *host) {
  for (size_t i = 0; i < reach->count; i++) {
    const char *pattern = reach->hosts[i];
    if (strcmp(pattern, "*") == 0 || strcasecmp(pattern, host) == 0) return true;
    if (pattern[0] == '*' && pattern[1] == '.' && ends_with(host, pattern + 1)) return true;
  }
  return false;
}

static struct fl_value *text_block_take(struct fl_value *text) {
  struct fl_value *block = fl_object();
  fl_set_string(block, "type", "text");
  fl_set_take(block, "text", text);
  return block;
}

static int answer(struct fl_call *call, const struct fl_fetch *fetch) {
  bool is_text;
  size_t size = fl_files_text_front(fetch->body, fetch->body_size, &is_text);
  const char *type = fetch->type != NULL ? fetch->type : "no type";
  if (!is_text || size < fetch->body_size)
    return fl_call_return_error(call, "HTTP %d: %zu bytes of %.100s, which are not text", fetch->http_status,
                                fetch->body_size, type);
  if (fetch->http_status >= 400) {
    size = fl_files_text_front(fetch->body, size > ERROR_BODY_MAX ? ERROR_BODY_MAX : size, &is_text);
    return fl_call_return_error(call, "HTTP %d: %.*s", fetch->http_status, (int)size, fetch->body);
  }
  struct fl_value *content = fl_array();
  fl_append_take(content, text_block_take(fl_stringf("[HTTP %d, %.100s, %s]", fetch->http_status, type, fetch->url)));
  fl_append_take(content, text_block_take(fl_string_n(fetch->body, size)));
  return fl_call_return_content_take(call, content);
}

/* The URL in normal form when it may be asked; otherwise the call is answered. */
static char *check_url(struct fl_call *call, const struct fl_reach *reach, const char *base, const char *reference) {
  char host[FL_REACH_HOST_MAX], error[512];
  char *url = reach->host->read_url(base, reference, host, error);
  if (url == NULL) {
    fl_call_return_error(call, "\"%.300s\" cannot be asked: %s", reference, error);
  } else if (!fl_reach_allows_host(reach, host)) {
    fl_call_return_error(call, "The host \"%s\" is not allowed", host);
    free(url);
    url = NULL;
  }
  return url;
}

static void release(struct fl_fetch *fetch) {
  free(fetch->body);
  free(fetch->type);
  free(fetch->location);
  fetch->body = fetch->type = fetch->location = NULL;
}

int fl_reach_fetch_tool(struct fl_call *call, const struct fl_value *args, void *user) {
  const struct fl_reach *reach = user;
  struct fl_fetch fetch = {.headers = HEADERS,
                           .timeout_ms = (uint32_t)fl_get_int(args, "timeout_ms", DEFAULT_TIMEOUT_MS),
                           .body_max = reach->body_max,
                           .may_be_private = reach->may_be_private,
                           .call = call};
  char *url = check_url(call, reach, NULL, fl_get_string(args, "url", ""));
  for (int count = 0; url != NULL; count++) {
    fetch.url = url;
    bool is_there = reach->host->fetch(&fetch);
    bool is_redirect = is_there && fetch.http_status / 100 == 3 && fetch.location != NULL;
    char *next = NULL;
    if (!is_there) fl_call_return_error(call, "%s", fetch.error);
    else if (!is_redirect) answer(call, &fetch);
    else if (count == FL_REACH_REDIRECTS_MAX) fl_call_return_error(call, "More than %d redirects", count);
    else next = check_url(call, reach, url, fetch.location);
    release(&fetch);
    free(url);
    url = next;
  }
  return 0;
}

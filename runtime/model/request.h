/* SPDX-License-Identifier: MIT */
/* What the request builders share: URL and headers, reading canonical messages and settings. Pure. */
#pragma once
#include "runtime/model/model.h"

/* base_url (or `fallback`) + path; a base that already ends in the path's first folder ("…/v1" and "/v1/messages") is
 * not doubled. FL_E_INVALID names the base URL when it is not an http(s) URL. The caller frees it. */
int fl_request_url(const struct fl_model_config *config, const char *fallback, const char *path, char **ret_url,
                   struct fl_error *err);

/* The provider's own server (base_url NULL) needs a key: FL_E_AUTH says which variable or key of the file to set. */
int fl_request_check_key(const struct fl_model_config *config, const char *provider, const char *variable,
                         struct fl_error *err);

/* A header array of "Name: value" lines. A value with a line break or control character is FL_E_INVALID; the text names
 * the header, never the value. */
struct fl_headers {
  char **lines;
  size_t count;
};
int fl_headers_add(struct fl_headers *headers, const char *name, const char *prefix, const char *value,
                   struct fl_error *err);
char **fl_headers_take(struct fl_headers *headers);

/* Joins the text parts of a content (a text, or a list of parts). A new string value. */
struct fl_value *fl_request_text(const struct fl_value *content);

/* Parts of a content, as a list whatever its form: a text becomes one text part. A new reference. */
struct fl_value *fl_request_parts(const struct fl_value *content);
bool fl_request_is_part(const struct fl_value *part, const char *type);
/* Whether the part may go back to `provider`: {"type":"provider"} of its own. */
bool fl_request_is_provider_part(const struct fl_value *part, const char *provider);
/* FL_E_UNSUPPORTED with the type of the part and who does not take it. */
int fl_request_unknown_part(const struct fl_value *part, const char *provider, struct fl_error *err);

/* The assistant's calls to send back: the valid ones, and those invalid ones that a later tool message answers. A new
 * array of
 * {"id","name","args"} with "text" in the place of "args" for an invalid one. */
struct fl_value *fl_request_calls(const struct fl_list *messages, size_t index);

/* Copies settings[from] to body[to], when it is there. */
void fl_request_copy(struct fl_value *body, const char *to, const struct fl_value *settings, const char *from);
/* The members of settings.extra, on top of everything else: for what the provider has and fairlead does not know. */
void fl_request_add_extra(struct fl_value *body, const struct fl_value *settings);
/* The body's text; FL_E_LIMIT. */
int fl_request_write(struct fl_buf *ret_body, const struct fl_value *body, struct fl_error *err);

/* How a provider's request is put together, beside its body. */
struct fl_request_shape {
  const char *provider, *key_variable; /* "openai", "OPENAI_API_KEY" */
  const char *base_url, *path;         /* the provider's own server, and the path below any base URL */
  const char *key_header, *key_prefix; /* "Authorization", "Bearer " */
  const char *header, *header_value;   /* one more header; NULL: none */
  int (*build_body)(const struct fl_model_request *request, struct fl_buf *ret_body, struct fl_error *err);
};

/* URL, headers and body of a request; outputs as fl_model_wire's `build` has them. */
struct fl_request_out {
  char **ret_url;
  char ***ret_headers;
  struct fl_buf *ret_body;
};
int fl_request_build(const struct fl_request_shape *shape, const struct fl_model_request *request,
                     const struct fl_request_out *out, struct fl_error *err);

/* SPDX-License-Identifier: MIT */
/* Language models: one canonical message form, one pure mapping per wire format (wire_openai.c, wire_anthropic.c), one
 * client that sends, retries, times out and cancels (client.c), and the scripted model (scripted.c), which answers from
 * a file.
 *
 * The canonical message is a JSON object:
 *   { "id", "role": "system"|"user"|"assistant"|"tool",
 *     "content": TEXT or [ {"type":"text","text"}, {"type":"image","mime_type","data" (base64) or "url"},
 *                          {"type":"reasoning","text","signature"?,"redacted"?,"provider"?}, … ],
 *     assistant: "tool_calls": [ {"id","name","args":{…}} ] (always there, may be empty),
 *                "invalid_tool_calls": [ {"id","name","text","error"} ] (only when there are some: never executed),
 *                "stop_reason": "stop"|"tool_calls"|"length"|"refusal"|"pause"|"other",
 *                "usage" (when the provider told it; input_tokens counts cached ones too): {"input_tokens",
 *                          "output_tokens", "cached_tokens"?, "cache_write_tokens"?, "reasoning_tokens"?}, "model"
 *     tool: "tool_call_id", "name", "status": "ok"|"error" }
 * Content that the canonical form does not know (server tools, …) is kept as {"type":"provider","provider","value"} and
 * goes back to the same provider unchanged; a text with citations has them, and "provider", beside "text". The value of
 * openai's own is {"reasoning_details", "annotations", "executed_tools"}, of which the first alone goes back. */
#pragma once
#include "runtime/base/buf.h"
#include "runtime/io/world.h"
#include "runtime/json/list.h"

#include <fairlead/value.h>

/* ---- a model, as a graph file or --model names it ---- */

enum fl_model_provider { FL_MODEL_OPENAI, FL_MODEL_ANTHROPIC, FL_MODEL_SCRIPTED };

/* A function that answers in a model's place, for tests and rehearsals: the canonical message (a new reference), from
 * the loop. Lent for as long as models may be called. */
struct fl_model_request;
struct fl_model_player {
  int (*answer)(const struct fl_model_request *request, struct fl_value **ret_message, void *user,
                struct fl_error *err);
  void *user;
};

struct fl_model_config {
  enum fl_model_provider provider;
  char *model;    /* "gpt-4.1-mini" */
  char *base_url; /* NULL: the provider's own */
  char *api_key;  /* secret: never printed, wiped on deinit; NULL: none */
  char *script;   /* path of the scripted model's file; NULL otherwise */
  /* temperature, max_tokens, top_p, stop, tool_choice, parallel_tool_calls, reasoning_effort, seed, max_retries,
   * first_byte_timeout_ms, idle_timeout_ms, reasoning_field, extra; an object or NULL */
  struct fl_value *settings;
  const char *key_variable; /* that api_key was read from, a constant; NULL: it was given, or there is none */
  const struct fl_model_player *player; /* with FL_MODEL_SCRIPTED, and then no script; lent. NULL: none */
  struct fl_script *loaded;             /* private: the scripted model's file, read with the configuration */
};
void fl_model_config_deinit(struct fl_model_config *config);
/* From a `models:` entry whose ${NAME}s are already filled in; settings stand beside provider and model. The provider
 * is openai, anthropic, scripted, or ollama, vllm, llamacpp: OpenAI's format on this machine. Environment:
 * OPENAI_BASE_URL, OPENAI_API_KEY, ANTHROPIC_BASE_URL, ANTHROPIC_API_KEY are read through `getenv_fn` (NULL: none)
 * where the entry says nothing; a key from there is only used for the provider's own server or the one that the
 * environment names, never for an address that only a file gives. FL_E_INVALID; the scripted model's file is read here,
 * with the errors of fl_script_load. */
int fl_model_config_read(const struct fl_value *entry, const char *folder, const char *(*getenv_fn)(const char *name),
                         struct fl_model_config *ret_config, struct fl_error *err);
/* "provider/name" of --model; of "scripted/PATH" the rest is the file. */
int fl_model_config_parse(const char *text, const char *(*getenv_fn)(const char *name),
                          struct fl_model_config *ret_config, struct fl_error *err);
/* Makes a key that was read from the environment a known secret of the world, under the variable's name (vault.h: its
 * errors). A key that a graph file refers to is known since that was loaded. */
int fl_model_config_know_key(struct fl_world *world, const struct fl_model_config *config, struct fl_error *err);

/* ---- a request ---- */

struct fl_model_request {
  const struct fl_model_config *config;
  const char *system;             /* NULL: none */
  const struct fl_list *messages; /* canonical */
  struct fl_value *tools;         /* [{"name","description","input_schema"}]; NULL: none */
  const char *traceparent, *tracestate; /* headers of these names; NULL: none */
};

/* ---- pure mappings ---- */

struct fl_model_sink {
  /* A piece of the answer as it arrives. kind: "text", "reasoning", "tool_call" (text: {"index","name"}, once its name
   * is known). */
  void (*on_delta)(const char *kind, fl_slice text, void *user);
  void *user;
};

struct fl_model_decoder;
struct fl_model_wire {
  const char *name;
  /* The whole URL, headers and body. Headers are "Name: value" lines, a NULL-terminated array that the caller frees
   * with fl_model_headers_free. */
  int (*build)(const struct fl_model_request *request, char **ret_url, char ***ret_headers, struct fl_buf *ret_body,
               struct fl_error *err);
  struct fl_model_decoder *(*decoder_create)(void);
  /* Bytes of the streamed reply, split anywhere. Errors: FL_E_REMOTE (an error event; the text is the provider's),
   * FL_E_RATE, FL_E_PROTOCOL, FL_E_LIMIT. */
  int (*decoder_feed)(struct fl_model_decoder *decoder, fl_slice bytes, const struct fl_model_sink *sink,
                      struct fl_error *err);
  /* At the end of the stream: the canonical message (without id), or FL_E_TRUNCATED when the stream ended too early. */
  int (*decoder_finish)(struct fl_model_decoder *decoder, struct fl_value **ret_message, struct fl_error *err);
  /* The end marker has come: nothing that follows counts, and the connection need not be waited for. */
  bool (*decoder_is_done)(const struct fl_model_decoder *decoder);
  /* After a failure: whether the same request may succeed next time. */
  bool (*decoder_may_retry)(const struct fl_model_decoder *decoder);
  void (*decoder_destroy)(struct fl_model_decoder *decoder);
  /* A reply that is not a stream (status 4xx or 5xx, or a JSON body): the error it stands for and whether a retry may
   * help. */
  int (*read_error)(int http_status, fl_slice body, bool *ret_retryable, struct fl_error *err);
  /* A whole reply that is not streamed (some servers ignore stream: true). */
  int (*read_whole)(fl_slice body, struct fl_value **ret_message, struct fl_error *err);
};
extern const struct fl_model_wire fl_wire_openai;
extern const struct fl_model_wire fl_wire_anthropic;
void fl_model_headers_free(char **headers);

/* ---- calls ---- */

/* Embedded in the caller; the request and all it points to are lent until on_done, which comes once, also after a
 * cancel. */
struct fl_model_call {
  struct fl_model_request request;
  /* Provisional: a later attempt begins again. May be NULL. */
  void (*on_delta)(struct fl_model_call *call, const char *kind, fl_slice text, unsigned attempt);
  /* Before a wait and another try: what failed and how long it waits. May be NULL. */
  void (*on_retry)(struct fl_model_call *call, unsigned attempt, uint64_t delay_ms, const struct fl_error *err);
  /* 0: the message (lent). Otherwise FL_E_*; FL_E_AUTH, FL_E_RATE, FL_E_TIMEOUT, FL_E_TRUNCATED, FL_E_CANCELLED, … */
  void (*on_done)(struct fl_model_call *call, int status, struct fl_value *message, const struct fl_error *err);
  void *user;
  void *impl; /* private */
};
void fl_model_call_start(struct fl_world *world, struct fl_model_call *call);
void fl_model_call_cancel(struct fl_model_call *call);

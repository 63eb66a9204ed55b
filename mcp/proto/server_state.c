/* SPDX-License-Identifier: MIT */
/* What a client carries for us between the rounds of one call (requestState): the answers so far, what the handler
 * kept, and what was asked. It comes back from the client's hands, so it is sealed; and bound to who asked, to the
 * request (method, name, arguments) and to a time, so that it opens nothing else. A state of a tool that destroys
 * something is taken once. */
#include "mcp/proto/server_internal.h"
#include "runtime/base/id.h"
#include "runtime/base/mem.h"
#include "runtime/base/secret.h"
#include "runtime/json/json.h"
#include "runtime/wire/base64.h"

struct fl_mcp_spent {
  int64_t until_ms;
};

static void hash_request(const struct fl_mcp_served_call *call, uint8_t ret_hash[FL_HASH_SIZE]) {
  const uint8_t kind = (uint8_t)call->kind;
  uint8_t args[FL_HASH_SIZE] = {0};
  if (call->args != NULL) fl_json_hash(call->args, args);
  fl_slice parts[] = {FL_SLICE("fairlead request state"), fl_slice_of(call->principal),
                      fl_slice_n((const char *)&kind, 1), fl_slice_of(call->name),
                      fl_slice_n((const char *)args, sizeof args)};
  fl_hash_parts(parts, 5, ret_hash);
}

int fl_mcp_state_seal(struct fl_mcp_served_call *call, const struct fl_value *requests, const struct fl_value *state,
                      struct fl_buf *ret_text) {
  struct fl_mcp_server_core *core = call->session->core;
  FL_VALUE_AUTO root = fl_object();
  fl_set_int(root, "until", core->now_ms + FL_MCP_STATE_TTL_MS);
  fl_set_take(root, "asked", fl_value_ref((struct fl_value *)(uintptr_t)requests));
  if (call->answers != NULL) fl_set_take(root, "answers", fl_value_ref(call->answers));
  if (state != NULL) fl_set_take(root, "state", fl_value_ref((struct fl_value *)(uintptr_t)state));
  FL_BUF_AUTO plain = {.limit = FL_MCP_STATE_SIZE_MAX / 2};
  FL_BUF_AUTO sealed = {.limit = FL_MCP_STATE_SIZE_MAX};
  uint8_t bound[FL_HASH_SIZE], nonce[FL_SEAL_NONCE_SIZE];
  hash_request(call, bound);
  fl_mcp_draw(core, "nonce", nonce);
  int status = fl_json_write(&plain, root, FL_JSON_COMPACT);
  if (status == 0)
    status = fl_seal(&sealed, core->key, nonce, fl_slice_n((const char *)bound, sizeof bound), fl_buf_slice(&plain));
  return status < 0 ? status : fl_base64_encode(ret_text, fl_buf_slice(&sealed), FL_BASE64_URL);
}

/* ---- opening ---- */

/* Drops what has run out, when there is much. */
static void sweep_spent(struct fl_mcp_server_core *core) {
  size_t cursor = 0;
  struct fl_map_entry *at;
  while (core->spent.count > 1024 && (at = fl_map_next(&core->spent, &cursor)) != NULL) {
    struct fl_mcp_spent *spent = at->value;
    if (spent->until_ms > core->now_ms) continue;
    fl_map_remove_n(&core->spent, fl_slice_n(at->key, at->key_size));
    fl_free(spent);
  }
}

static bool spend(struct fl_mcp_server_core *core, fl_slice nonce, int64_t until_ms) {
  sweep_spent(core);
  if (fl_map_get_n(&core->spent, nonce) != NULL) return false;
  struct fl_mcp_spent *spent = fl_new(struct fl_mcp_spent);
  spent->until_ms = until_ms;
  fl_map_set_n(&core->spent, nonce, spent);
  return true;
}

static bool refuse(struct fl_mcp_step *step, const char *why) {
  fl_mcp_reply_error(step, FL_RPC_INVALID_PARAMS, "Invalid requestState: %s", why);
  return false;
}

static struct fl_value *unseal(const struct fl_mcp_served_call *call, const char *text, struct fl_buf *sealed) {
  FL_SECRET_AUTO plain = {0};
  uint8_t bound[FL_HASH_SIZE];
  struct fl_value *root = NULL;
  hash_request(call, bound);
  if (fl_base64_decode(sealed, fl_slice_of(text), FL_BASE64_URL, NULL) < 0) return NULL;
  fl_slice context = fl_slice_n((const char *)bound, sizeof bound);
  if (fl_unseal(&plain, call->session->core->key, context, fl_buf_slice(sealed)) < 0) return NULL;
  fl_json_read(fl_secret_slice(&plain), FL_JSON_STRICT, &root, NULL);
  return root;
}

/* What was asked is taken, everything else in inputResponses is not; a key without an answer is asked again. */
static bool take_answers(struct fl_mcp_step *step, struct fl_mcp_served_call *call, const struct fl_value *asked) {
  const struct fl_value *responses = fl_get(step->params, "inputResponses");
  struct fl_member member = {0};
  while (fl_next_member(asked, &member)) {
    struct fl_value *answer = fl_get_n(responses, member.key, member.key_size);
    if (answer == NULL) continue;
    if (!fl_mcp_is_answer_for(member.value, answer)) {
      fl_mcp_reply_error(step, FL_RPC_INVALID_PARAMS, "inputResponses[\"%.*s\"] is no answer to what was asked",
                         fl_rpc_shown(member.key, FL_MCP_NAME_SHOWN_MAX), member.key);
      return false;
    }
    fl_mcp_add_answer(call, member.key, answer);
  }
  return true;
}

bool fl_mcp_state_open(struct fl_mcp_step *step, struct fl_mcp_served_call *call, bool is_single_use) {
  const struct fl_value *text = fl_get(step->params, "requestState");
  const struct fl_value *responses = fl_get(step->params, "inputResponses");
  if (responses != NULL && !fl_is(responses, FL_OBJECT)) {
    fl_mcp_reply_error(step, FL_RPC_INVALID_PARAMS, "\"inputResponses\" must be an object");
    return false;
  }
  /* Answers to what was not asked yet are taken when it is asked, unless they would let something be destroyed twice.
   */
  if (text == NULL && !is_single_use) call->answers = fl_value_ref(fl_get(step->params, "inputResponses"));
  if (text == NULL) return true;
  if (!fl_is(text, FL_STRING) || fl_string_size(text) > FL_MCP_STATE_SIZE_MAX)
    return refuse(step, "it is none of ours");
  FL_BUF_AUTO sealed = {.limit = FL_MCP_STATE_SIZE_MAX};
  FL_VALUE_AUTO root = unseal(call, fl_as_string(text), &sealed);
  if (root == NULL) return refuse(step, "it does not belong to this request, or was changed");
  int64_t until_ms = fl_get_int(root, "until", 0);
  if (until_ms < step->session->core->now_ms) return refuse(step, "its time is over; begin again");
  call->answers = fl_value_ref(fl_get(root, "answers"));
  call->state = fl_value_ref(fl_get(root, "state"));
  if (!take_answers(step, call, fl_get(root, "asked"))) return false;
  if (!is_single_use || spend(step->session->core, fl_slice_n(sealed.data, FL_SEAL_NONCE_SIZE), until_ms)) return true;
  return refuse(step, "it was used before");
}

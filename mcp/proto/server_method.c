/* SPDX-License-Identifier: MIT */
/* The methods that are answered at once, from the catalog. */
#include "mcp/proto/level.h"
#include "mcp/proto/server_internal.h"
#include "runtime/base/check.h"
#include "runtime/json/json.h"

enum { LEVEL_DEFAULT = 1 /* info */ };

void fl_mcp_run_discover(struct fl_mcp_step *step) {
  FL_BUF_AUTO text = {0};
  fl_mcp_catalog_discover(&step->session->core->catalog, &text);
  fl_mcp_reply_text(step, &text);
}

/* The client's revision when it is a legacy one that we know, otherwise our newest legacy one (spec, lifecycle). */
void fl_mcp_run_initialize(struct fl_mcp_step *step) {
  struct fl_mcp_server_session *session = step->session;
  const struct fl_mcp_revision *asked = fl_mcp_revision_find(fl_get_string(step->params, "protocolVersion", ""));
  if (asked == NULL || asked->era != FL_MCP_LEGACY) asked = fl_mcp_revision_find(FL_MCP_REVISION_LEGACY);
  session->legacy = asked;
  session->log_rank = LEVEL_DEFAULT;
  fl_value_unref(session->client_capabilities);
  session->client_capabilities = fl_value_ref(fl_get(step->params, "capabilities"));
  FL_BUF_AUTO text = {0};
  fl_mcp_catalog_initialize(&session->core->catalog, asked->name, &text);
  fl_mcp_reply_text(step, &text);
}

void fl_mcp_run_ping(struct fl_mcp_step *step) { fl_mcp_reply_empty(step); }

static const struct {
  const char *method;
  enum fl_mcp_list list;
} LISTS[] = {{"tools/list", FL_MCP_TOOLS},
             {"prompts/list", FL_MCP_PROMPTS},
             {"resources/list", FL_MCP_RESOURCES},
             {"resources/templates/list", FL_MCP_TEMPLATES},
             {"skills/list", FL_MCP_SKILLS}};

void fl_mcp_run_list(struct fl_mcp_step *step) {
  size_t i = 0;
  while (i < FL_MCP_LIST_COUNT && strcmp(LISTS[i].method, step->message->method) != 0) i++;
  fl_check(i < FL_MCP_LIST_COUNT);
  const char *cursor = fl_get_string(step->params, "cursor", NULL);
  const struct fl_buf *page =
      fl_mcp_catalog_page(&step->session->core->catalog, LISTS[i].list, step->revision->era, cursor);
  if (page != NULL) fl_mcp_reply_text(step, page);
  else fl_mcp_reply_error(step, FL_RPC_INVALID_PARAMS, "Invalid cursor: it must be a nextCursor of this server");
}

void fl_mcp_run_set_level(struct fl_mcp_step *step) {
  int rank = fl_mcp_level_rank(fl_get_string(step->params, "level", ""));
  if (rank < 0) {
    fl_mcp_reply_error(step, FL_RPC_INVALID_PARAMS, "Invalid level: it must be one of " FL_MCP_LEVELS);
    return;
  }
  step->session->log_rank = rank;
  fl_mcp_run_ping(step);
}

/* ---- skills ---- */

static void reply_no_uri(struct fl_mcp_step *step, const char *what) {
  FL_VALUE_AUTO data = fl_object();
  fl_set_string(data, "uri", fl_get_string(step->params, "uri", ""));
  fl_mcp_reply_error_data(step, FL_RPC_INVALID_PARAMS, what, data);
}

void fl_mcp_run_skills_get(struct fl_mcp_step *step) {
  const struct fl_mcp_catalog *catalog = &step->session->core->catalog;
  const struct fl_mcp_entry *entry =
      fl_mcp_catalog_find(catalog, FL_MCP_SKILLS, fl_get_string(step->params, "uri", ""));
  if (entry == NULL) {
    reply_no_uri(step, "Skill not found");
    return;
  }
  const struct fl_buf *text = &catalog->lists[FL_MCP_SKILLS].texts[1][entry->index];
  struct fl_rpc_line line = fl_rpc_begin_result(&step->effects->out, step->message->id);
  fl_buf_add_text(line.buf, "{\"resultType\":\"complete\",\"skill\":");
  fl_buf_add(line.buf, text->data, text->size);
  fl_mcp_catalog_add_caching(catalog, line.buf);
  fl_mcp_end_result(line.buf, catalog, true, NULL);
  fl_mcp_end_reply(step, line, "the skill");
}

/* A directory is one page: a skill has 512 files at most. */
void fl_mcp_run_directory_read(struct fl_mcp_step *step) {
  const struct fl_mcp_catalog *catalog = &step->session->core->catalog;
  const struct fl_mcp_entry *entry = fl_mcp_catalog_directory(catalog, fl_get_string(step->params, "uri", ""));
  if (entry == NULL || fl_get(step->params, "cursor") != NULL) {
    reply_no_uri(step, entry == NULL ? "Not a directory" : "Invalid cursor: there is one page");
    return;
  }
  struct fl_rpc_line line = fl_rpc_begin_result(&step->effects->out, step->message->id);
  fl_buf_add_text(line.buf, "{\"resultType\":\"complete\",\"resources\":");
  fl_json_write(line.buf, entry->text, FL_JSON_COMPACT);
  fl_mcp_catalog_add_caching(catalog, line.buf);
  fl_mcp_end_result(line.buf, catalog, true, NULL);
  fl_mcp_end_reply(step, line, "the directory");
}

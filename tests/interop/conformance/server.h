/* SPDX-License-Identifier: MIT */
/* The server that the official conformance suite of MCP is run against: an ordinary program on the public headers. Its
 * names and contents are those that the scenarios describe (appendix A of the suite's fixture list). */
#pragma once
#include <fairlead/mcp.h>

#define NO_ARGUMENTS "{\"type\":\"object\",\"properties\":{}}"
#define TEXT_ARGUMENT(name) \
  "{\"type\":\"object\",\"properties\":{\"" name "\":{\"type\":\"string\"}},\"required\":[\"" name "\"]}"

/* A tool that runs beside others, on a worker thread. */
#define TOOL(tool_name, text, schema, function, more_flags)                                               \
  {                                                                                                       \
    .size = sizeof(struct fl_tool), .name = (tool_name), .description = (text), .input_schema = (schema), \
    .run = (function), .flags = FL_TOOL_PARALLEL | (more_flags)                                           \
  }

extern const unsigned char fixture_png[], fixture_wav[];
extern const size_t fixture_png_size, fixture_wav_size;

void fixture_sleep(unsigned ms);
/* A form that asks for one member. */
struct fl_value *fixture_form(const char *message, const char *member, const char *type);
struct fl_value *fixture_sampling(const char *prompt, int tokens);

/* Each returns an error code; the tools of a table end with one without a name. */
int fixture_add_contents(struct fl_server *server, struct fl_error *err); /* what is answered at once */
int fixture_add_asking(struct fl_server *server, struct fl_error *err);   /* what asks the client */
int fixture_add_tasks(struct fl_server *server, struct fl_error *err);
int fixture_add_offers(struct fl_server *server, struct fl_error *err); /* prompts and resources */
int fixture_add_table(struct fl_server *server, const struct fl_tool *tools, struct fl_error *err);

/* SPDX-License-Identifier: MIT */
/* Schemas of tools as a provider takes them. Providers know different parts of JSON Schema, and one schema that they do
 * not take fails the whole request; so each tool's schema is lowered to what the provider knows, for the model to read,
 * while the original is what its arguments are validated against. What is lost goes into descriptions, where the model
 * still reads it. Pure.
 *
 * OpenAI and Anthropic want an object without combinations at the root; OpenAI's strict mode wants every property
 * required and no others; Gemini knows a small part of OpenAPI's schemas, no references, and no object without
 * properties. Arguments that come back are made what the original says with fl_lower_restore. */
#pragma once
#include <fairlead/value.h>

enum fl_lower_dialect { FL_LOWER_NONE, FL_LOWER_OPENAI, FL_LOWER_OPENAI_STRICT, FL_LOWER_ANTHROPIC, FL_LOWER_GEMINI };
enum { FL_LOWER_DEPTH_MAX = 32, FL_LOWER_NODES_MAX = 5000, FL_LOWER_STRICT_DEPTH_MAX = 10, FL_LOWER_KEY_MAX = 64 };

/* "none", "openai", "openai-strict", "anthropic", "gemini"; false for another word. */
bool fl_lower_dialect_of(const char *word, enum fl_lower_dialect *ret_dialect);

struct fl_lowered {
  struct fl_value
      *schema;    /* a new reference; NULL: the tool takes no arguments, and the provider wants nothing there */
  bool is_strict; /* FL_LOWER_OPENAI_STRICT, and the schema could be said in it */
};
struct fl_lowered fl_lower_schema(const struct fl_value *schema, enum fl_lower_dialect dialect);

struct fl_model_config;
/* The dialect of a model: its setting `tool_schemas`, or what its provider and name imply. */
enum fl_lower_dialect fl_lower_dialect_of_model(const struct fl_model_config *config);
/* The lowered schema of a tool as {"name","description","input_schema"}. */
struct fl_lowered fl_lower_tool(const struct fl_model_config *config, const struct fl_value *tool);
/* A message whose calls have the arguments that the schemas of `tools` mean; takes the message, returns a new
 * reference.
 */
struct fl_value *fl_lower_restore_calls_take(const struct fl_model_config *config, const struct fl_value *tools,
                                             struct fl_value *message);

/* The arguments that a model gave after reading the lowered schema, as the original means them: a null for what may be
 * left out is left out, an object that had to be asked for as a text is read, a renamed property has its name. A new
 * reference. */
struct fl_value *fl_lower_restore(const struct fl_value *schema, enum fl_lower_dialect dialect,
                                  const struct fl_value *args);

/* SPDX-License-Identifier: MIT */
/* The registry: every tool that a process can reach, whatever it is, by "server/tool". To the model a tool is
 * `server__tool`, at most 64 characters of [A-Za-z0-9_-], the same on every run and whatever the order in which servers
 * connect (a name that does not fit is cut and gets a hash). Sources are opened on first need, shared by the runs of
 * the process, and restarted by their own means. */
#pragma once
#include "runtime/json/schema.h"
#include "tools/source.h"

enum { FL_MODEL_TOOL_NAME_MAX = 64 };

struct fl_registry;

struct fl_registry_tool {
  const char *server;
  const char *identity; /* of the source; NULL: it is trusted */
  const struct fl_tool_info *info;
  char *full_name; /* "server/tool" */
  char model_name[FL_MODEL_TOOL_NAME_MAX + 1];
  struct fl_schema *input; /* compiled; NULL when the schema was not usable, and then `schema_error` says why */
  char *schema_error;
  size_t told_size; /* bytes of its definition as a model is told it, roughly */
};

struct fl_registry *fl_registry_create(struct fl_world *world);
void fl_registry_close(struct fl_registry *registry, void (*on_closed)(void *user), void *user);
void fl_registry_destroy(struct fl_registry *registry); /* after on_closed, or when no source was opened */

/* Takes the source. FL_E_EXISTS when the server's name is taken. */
int fl_registry_add_take(struct fl_registry *registry, struct fl_tool_source *source, struct fl_error *err);

/* Opens the named servers (all when names is NULL) that are not open; on_ready comes once. */
struct fl_registry_open {
  void (*on_ready)(struct fl_registry_open *open, int status, const struct fl_error *err);
  void *user;
  const char *const *names; /* NULL-terminated, lent until on_ready */
  size_t waiting_count;     /* private */
  struct fl_error error;    /* private */
  struct fl_registry_open *next;
};
void fl_registry_open(struct fl_registry *registry, struct fl_registry_open *open);

/* What servers say on standard error and in log messages; NULL stops it. */
void fl_registry_on_log(struct fl_registry *registry,
                        void (*on_log)(const char *server, const char *level, const char *text, void *user),
                        void *user);

/* Tools of opened servers; lent until the server's list changes or the registry is destroyed. NULL when absent. */
const struct fl_registry_tool *fl_registry_find(const struct fl_registry *registry, const char *full_name);
const struct fl_registry_tool *fl_registry_find_model_name(const struct fl_registry *registry, const char *model_name);
/* Grows with each change of what there is. */
uint64_t fl_registry_generation(const struct fl_registry *registry);
/* In order of full name. visit returns false to stop. */
void fl_registry_visit(const struct fl_registry *registry,
                       bool (*visit)(const struct fl_registry_tool *tool, void *user), void *user);

/* Validates the arguments against the tool's schema: 0, 1 with a text that the model can act on, negative on error. */
int fl_registry_check_args(const struct fl_registry_tool *tool, const struct fl_value *args, struct fl_buf *ret_text);

/* request->tool is the full name here, and the tool's own name from then on. A server that is not open is opened first.
 * FL_E_NOT_FOUND comes through on_done as well. */
void fl_registry_call(struct fl_registry *registry, struct fl_tool_request *request);
void fl_registry_cancel(struct fl_registry *registry, struct fl_tool_request *request);

/* Whether the call of a tool that paused is still held by its source, when it is of that kind. */
bool fl_registry_holds(const struct fl_registry *registry, const char *full_name, const struct fl_value *pause);

/* "server__tool" within the model's limits; pure. */
void fl_registry_model_name(const char *server, const char *tool, char ret_name[FL_MODEL_TOOL_NAME_MAX + 1]);

/* Whether "server/tool" matches a pattern: a full name, or a prefix of one followed by a star; pure. */
bool fl_registry_matches(const char *pattern, const char *full_name);

/* SPDX-License-Identifier: MIT */
/* Models and MCP servers: their entries checked, the environment filled in where it may speak; and names of tools. */
#include "graph/file_loader.h"

#include <stdio.h>

/* ---- models ---- */

static const char *const model_env_keys[] = {"base_url", "api_key", "model", NULL};

static bool is_in(const char *const *names, const char *name) {
  for (; *names != NULL; names++) {
    if (strcmp(*names, name) == 0) return true;
  }
  return false;
}

/* A text that is empty once filled in counts as not given: an unset OPENAI_BASE_URL leaves the provider's own. */
static void fill_member(const struct fl_spot *member, struct fl_value *made) {
  const char *text = fl_as_string(member->value);
  bool is_unset;
  bool is_secret = strcmp(member->key, "api_key") == 0;
  FL_FREE_AUTO char *filled =
      is_secret ? fl_file_expand_secret(member, text, &is_unset) : fl_file_expand(member, text, &is_unset);
  if (filled[0] != '\0') fl_set_string(made, member->key, filled);
}

static void warn_unfilled(const struct fl_spot *member) {
  const char *text = fl_as_string(member->value);
  if (text != NULL && strstr(text, "${") != NULL)
    fl_spot_warn(member, NULL, "\"${…}\" is not filled in here; it stays as it is");
}

static void check_provider(const struct fl_spot *spot) {
  static const char *const names[] = {"openai", "anthropic", "scripted", "ollama", "vllm", "llamacpp"};
  enum { NAME_COUNT = sizeof names / sizeof *names };
  const char *name = fl_spot_text(spot, "provider", true);
  if (name == NULL) return;
  bool is_known = false;
  for (size_t i = 0; i < NAME_COUNT && !is_known; i++) is_known = strcmp(name, names[i]) == 0;
  struct fl_spot provider = fl_spot_member(spot, "provider"), script = fl_spot_member(spot, "script");
  bool is_scripted = strcmp(name, "scripted") == 0;
  if (!is_known) {
    char advice[FL_SUGGESTION_MAX];
    const char *near = fl_suggest(name, names, NAME_COUNT, advice);
    const char *all = "the providers are openai, anthropic, scripted, ollama, vllm and llamacpp; "
                      "any compatible server is openai with its base_url";
    fl_spot_error(&provider, near != NULL ? near : all, "there is no provider \"%s\"", name);
  } else {
    fl_spot_text(spot, is_scripted ? "script" : "model", true);
  }
  if (!is_scripted && script.value != NULL) fl_spot_key_error(&script, NULL, "\"script\" is for the provider scripted");
}

/* Settings with their types; what else they must be, the client of the model says. */
static const struct {
  const char *key;
  enum fl_type type;
} settings[] = {
    {"temperature", FL_DOUBLE},     {"top_p", FL_DOUBLE},
    {"max_tokens", FL_INT},         {"seed", FL_INT},
    {"max_retries", FL_INT},        {"first_byte_timeout_ms", FL_INT},
    {"idle_timeout_ms", FL_INT},    {"reasoning_effort", FL_STRING},
    {"reasoning_field", FL_STRING}, {"tool_choice", FL_STRING},
    {"extra", FL_OBJECT},           {"parallel_tool_calls", FL_BOOL},
    {"tool_schemas", FL_STRING},
};

static void check_settings(const struct fl_spot *spot) {
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
    struct fl_spot member = fl_spot_member(spot, settings[i].key);
    bool is_number = settings[i].type == FL_DOUBLE && fl_is_number(member.value);
    if (member.value != NULL && !is_number) fl_spot_is(&member, settings[i].type);
  }
}

static struct fl_value *load_model(const struct fl_entry *entry) {
  const struct fl_spot *spot = &entry->spot;
  if (!fl_spot_is(spot, FL_OBJECT)) return fl_object();
  fl_spot_check_keys(spot, &fl_shape_model);
  check_provider(spot);
  check_settings(spot);
  struct fl_value *made = fl_object();
  for (struct fl_member m = {0}; fl_next_member(spot->value, &m);) {
    struct fl_spot member = fl_spot_member(spot, m.key);
    bool is_filled = is_in(model_env_keys, m.key) && fl_spot_is(&member, FL_STRING);
    if (is_filled) fill_member(&member, made);
    else fl_set_take(made, m.key, fl_value_ref(m.value));
    if (!is_filled) warn_unfilled(&member);
  }
  return made;
}

struct fl_value *fl_file_load_models(struct fl_loader *loader) {
  struct fl_value *models = fl_object();
  for (size_t i = 0; i < loader->models.own_count; i++)
    fl_set_take(models, loader->models.items[i]->name, load_model(loader->models.items[i]));
  return models;
}

/* ---- servers ---- */

static char *expand_and_warn(const struct fl_spot *spot, bool is_secret, bool *ret_unset) {
  const char *text = fl_as_string(spot->value);
  char *filled = is_secret ? fl_file_expand_secret(spot, text, ret_unset) : fl_file_expand(spot, text, ret_unset);
  if (*ret_unset)
    fl_spot_warn(spot, "set it, or write ${NAME:-default}", "an environment variable of \"%s\" is not set",
                 fl_as_string(spot->value));
  return filled;
}

static struct fl_value *fill_list(const struct fl_spot *list) {
  struct fl_value *made = fl_array();
  for (size_t i = 0; i < fl_size(list->value); i++) {
    struct fl_spot element = fl_spot_element(list, i);
    bool is_unset;
    if (!fl_spot_is(&element, FL_STRING)) continue;
    FL_FREE_AUTO char *filled = expand_and_warn(&element, false, &is_unset);
    fl_append_take(made, fl_string(filled));
  }
  return made;
}

/* A variable or header whose text is not known is left out. */
static struct fl_value *fill_map(const struct fl_spot *map, bool is_secret) {
  struct fl_value *made = fl_object();
  for (struct fl_member m = {0}; fl_next_member(map->value, &m);) {
    struct fl_spot member = fl_spot_member(map, m.key);
    bool is_unset;
    if (!fl_spot_is(&member, FL_STRING)) continue;
    FL_FREE_AUTO char *filled = expand_and_warn(&member, is_secret, &is_unset);
    if (!is_unset) fl_set_string(made, m.key, filled);
  }
  return made;
}

static const char *const auth_secrets[] = {"client_secret", "private_key_pem", "idp_client_secret",
                                           "idp_id_token",  "assertion",       NULL};

/* Texts, and one list of them. What they mean is checked where they are used (mcp/auth/config.c). */
static struct fl_value *fill_auth(const struct fl_spot *auth) {
  struct fl_value *made = fl_object();
  struct fl_spot networks = fl_spot_member(auth, "allow_addresses");
  fl_spot_check_keys(auth, &fl_shape_auth);
  for (struct fl_member m = {0}; fl_next_member(auth->value, &m);) {
    struct fl_spot member = fl_spot_member(auth, m.key);
    bool is_unset;
    if (strcmp(m.key, "allow_addresses") == 0 || !fl_spot_is(&member, FL_STRING)) continue;
    FL_FREE_AUTO char *filled = expand_and_warn(&member, is_in(auth_secrets, m.key), &is_unset);
    if (!is_unset) fl_set_string(made, m.key, filled);
  }
  if (networks.value != NULL && fl_spot_is(&networks, FL_ARRAY)) fl_set_take(made, networks.key, fill_list(&networks));
  return made;
}

static void fill_server_member(const struct fl_spot *member, struct fl_value *made) {
  static const char *const maps[] = {"env", "headers", NULL};
  if (strcmp(member->key, "pin") == 0) {
    if (fl_spot_is(member, FL_BOOL)) fl_set_take(made, member->key, fl_value_ref(member->value));
  } else if (strcmp(member->key, "args") == 0) {
    if (fl_spot_is(member, FL_ARRAY)) fl_set_take(made, member->key, fill_list(member));
  } else if (is_in(maps, member->key)) {
    if (fl_spot_is(member, FL_OBJECT))
      fl_set_take(made, member->key, fill_map(member, strcmp(member->key, "headers") == 0));
  } else if (strcmp(member->key, "auth") == 0) {
    if (fl_spot_is(member, FL_OBJECT)) fl_set_take(made, member->key, fill_auth(member));
  } else if (fl_spot_is(member, FL_STRING)) {
    bool is_unset;
    FL_FREE_AUTO char *filled = expand_and_warn(member, false, &is_unset);
    if (!is_unset) fl_set_string(made, member->key, filled);
  }
}

static void check_url_members(const struct fl_spot *spot) {
  static const char *const for_url[] = {"headers", "auth"};
  for (size_t i = 0; i < sizeof for_url / sizeof *for_url; i++) {
    struct fl_spot member = fl_spot_member(spot, for_url[i]);
    if (member.value != NULL && fl_get(spot->value, "url") == NULL)
      fl_spot_key_error(&member, NULL, "\"%s\" is for servers with a \"url\"", for_url[i]);
  }
}

static void check_transport(const struct fl_spot *spot) {
  struct fl_spot command = fl_spot_member(spot, "command"), url = fl_spot_member(spot, "url"),
                 type = fl_spot_member(spot, "type");
  if (command.value == NULL && url.value == NULL)
    fl_spot_key_error(spot, NULL, "a server has a \"command\" or a \"url\"");
  if (command.value != NULL && url.value != NULL)
    fl_spot_key_error(&url, "make it two servers", "a server has a \"command\" or a \"url\", not both");
  static const char *const for_command[] = {"args", "env", "cwd"};
  for (size_t i = 0; i < 3 && command.value == NULL && url.value != NULL; i++) {
    struct fl_spot member = fl_spot_member(spot, for_command[i]);
    if (member.value != NULL)
      fl_spot_key_error(&member, NULL, "\"%s\" is for servers with a \"command\"", for_command[i]);
  }
  check_url_members(spot);
  const char *name = fl_as_string(type.value);
  if (name == NULL) return;
  if (strcmp(name, "stdio") != 0 && strcmp(name, "http") != 0)
    fl_spot_error(&type, "leave it out: \"command\" or \"url\" tells", "the type of a server is \"stdio\" or \"http\"");
  else if ((strcmp(name, "stdio") == 0) == (command.value == NULL))
    fl_spot_error(&type, NULL, "type \"stdio\" goes with \"command\", \"http\" with \"url\"");
}

static struct fl_value *load_server(const struct fl_entry *entry) {
  const struct fl_spot *spot = &entry->spot;
  if (strpbrk(entry->name, "/*") != NULL)
    fl_spot_key_error(spot, NULL, "the name of a server holds no \"/\" and no \"*\"");
  if (strcmp(entry->name, "builtin") == 0)
    fl_spot_key_error(spot, "rename it", "\"builtin\" is the name of the tools that ship with fairlead");
  struct fl_value *made = fl_object();
  if (!fl_spot_is(spot, FL_OBJECT)) return made;
  fl_spot_check_keys(spot, &fl_shape_server);
  check_transport(spot);
  for (struct fl_member m = {0}; fl_next_member(spot->value, &m);) {
    struct fl_spot member = fl_spot_member(spot, m.key);
    if (is_in(fl_shape_server.keys, m.key)) fill_server_member(&member, made);
  }
  return made;
}

struct fl_value *fl_file_load_servers(struct fl_loader *loader) {
  struct fl_value *servers = fl_object();
  for (size_t i = 0; i < loader->servers.own_count; i++)
    fl_set_take(servers, loader->servers.items[i]->name, load_server(loader->servers.items[i]));
  return servers;
}

/* ---- names of tools ---- */

static bool is_known_server(const struct fl_loader *loader, const char *name) {
  const char *const *others = fl_option(loader->options, servers, NULL);
  for (; others != NULL && *others != NULL; others++) {
    if (strcmp(*others, name) == 0) return true;
  }
  return strcmp(name, "builtin") == 0;
}

void fl_file_check_tool(const struct fl_spot *spot, const char *pattern, bool may_be_pattern) {
  const char *slash = strchr(pattern, '/');
  if (slash == NULL || slash == pattern || slash[1] == '\0') {
    FL_FREE_AUTO char *advice =
        may_be_pattern ? fl_format("write \"%s/*\" for all tools of a server", slash == NULL ? pattern : "SERVER")
                       : NULL;
    fl_spot_error(spot, advice, "\"%s\" is not of the form server/tool", pattern);
    return;
  }
  const char *star = strchr(pattern, '*');
  if (star != NULL && (!may_be_pattern || star < slash || star[1] != '\0')) {
    fl_spot_error(
        spot, NULL,
        may_be_pattern ? "in \"%s\" a star may only stand at the end" : "\"%s\" must name one tool, without a star",
        pattern);
    return;
  }
  FL_FREE_AUTO char *server = fl_strndup(pattern, (size_t)(slash - pattern));
  if (!is_known_server(spot->loader, server)) fl_section_use(&spot->loader->servers, spot, "server", server);
}

void fl_file_check_tools(const struct fl_spot *spot) {
  if (spot->value == NULL || !fl_spot_is(spot, FL_ARRAY)) return;
  for (size_t i = 0; i < fl_size(spot->value); i++) {
    struct fl_spot element = fl_spot_element(spot, i);
    if (fl_spot_is(&element, FL_STRING)) fl_file_check_tool(&element, fl_as_string(element.value), true);
  }
}

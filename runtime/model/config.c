/* SPDX-License-Identifier: MIT */
/* Which model: an entry of a graph file or the text of --model, checked as a whole before the first call. Reads no file
 * but the scripted model's. */
#include "runtime/base/diag.h"
#include "runtime/base/mem.h"
#include "runtime/io/vault.h"
#include "runtime/model/lower.h"
#include "runtime/model/model.h"
#include "runtime/model/script.h"
#include "runtime/wire/url.h"

#include <math.h>

struct provider {
  const char *name;
  enum fl_model_provider provider;
  const char *base_url; /* for the aliases */
  const char *own_url, *url_variable, *key_variable;
};
static const struct provider providers[] = {
    {"openai", FL_MODEL_OPENAI, NULL, "https://api.openai.com/v1", "OPENAI_BASE_URL", "OPENAI_API_KEY"},
    {"anthropic", FL_MODEL_ANTHROPIC, NULL, "https://api.anthropic.com", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"},
    {"scripted", FL_MODEL_SCRIPTED, NULL, NULL, NULL, NULL},
    {"ollama", FL_MODEL_OPENAI, "http://127.0.0.1:11434/v1", NULL, NULL, NULL},
    {"vllm", FL_MODEL_OPENAI, "http://127.0.0.1:8000/v1", NULL, NULL, NULL},
    {"llamacpp", FL_MODEL_OPENAI, "http://127.0.0.1:8080/v1", NULL, NULL, NULL},
};
enum { PROVIDER_COUNT = sizeof providers / sizeof providers[0] };

enum kind { KIND_NUMBER, KIND_COUNT, KIND_TEXT, KIND_TEXTS, KIND_BOOL, KIND_OBJECT };
struct setting {
  const char *name;
  enum kind kind;
  double min, max; /* numbers and counts */
  bool is_openai_only;
};
static const struct setting settings[] = {
    {"temperature", KIND_NUMBER, 0, 2, false},
    {"top_p", KIND_NUMBER, 0, 1, false},
    {"max_tokens", KIND_COUNT, 1, 10000000, false},
    {"stop", KIND_TEXTS, 0, 0, false},
    {"seed", KIND_COUNT, -9007199254740992.0, 9007199254740992.0, true},
    {"tool_choice", KIND_TEXT, 0, 0, false},
    {"parallel_tool_calls", KIND_BOOL, 0, 0, false},
    {"reasoning_effort", KIND_TEXT, 0, 0, false},
    {"tool_schemas", KIND_TEXT, 0, 0, false},
    {"reasoning_field", KIND_TEXT, 0, 0, true},
    {"max_retries", KIND_COUNT, 0, 10, false},
    {"first_byte_timeout_ms", KIND_COUNT, 1, 3600000, false},
    {"idle_timeout_ms", KIND_COUNT, 1, 3600000, false},
    {"extra", KIND_OBJECT, 0, 0, false},
};
enum { SETTING_COUNT = sizeof settings / sizeof settings[0] };

static const char *const entry_keys[] = {"provider", "model", "base_url", "api_key", "script"};
enum { ENTRY_KEY_COUNT = sizeof entry_keys / sizeof entry_keys[0] };

static void wipe(char *secret) {
  if (secret != NULL) explicit_bzero(secret, strlen(secret));
  fl_free(secret);
}

void fl_model_config_deinit(struct fl_model_config *config) {
  fl_free(config->model);
  fl_free(config->base_url);
  wipe(config->api_key);
  fl_free(config->script);
  fl_value_unref(config->settings);
  fl_script_destroy(config->loaded);
  *config = (struct fl_model_config){0};
}

static int find_provider(const char *name, const struct provider **ret_provider, struct fl_error *err) {
  const char *names[PROVIDER_COUNT];
  for (size_t i = 0; i < PROVIDER_COUNT; i++) {
    names[i] = providers[i].name;
    if (strcmp(names[i], name) != 0) continue;
    *ret_provider = &providers[i];
    return 0;
  }
  const char *near = fl_nearest(name, names, PROVIDER_COUNT);
  return fl_error_set(err, FL_E_INVALID,
                      "there is no model provider \"%.60s\"%s%s%s; the providers are openai, anthropic, scripted, "
                      "ollama, vllm, llamacpp",
                      name, near != NULL ? ", perhaps " : "", near != NULL ? near : "", near != NULL ? "?" : "");
}

/* ---- settings ---- */

static bool is_text_list(const struct fl_value *value) {
  for (size_t i = 0; i < fl_size(value); i++)
    if (!fl_is(fl_at(value, i), FL_STRING)) return false;
  return fl_is(value, FL_ARRAY);
}

static bool fits(const struct setting *setting, const struct fl_value *value) {
  double number = fl_as_double(value, NAN);
  switch (setting->kind) {
  case KIND_COUNT:
    if (!fl_is(value, FL_INT)) return false;
    /* fall through */
  case KIND_NUMBER: return number >= setting->min && number <= setting->max;
  case KIND_TEXT: return fl_is(value, FL_STRING);
  case KIND_TEXTS: return fl_is(value, FL_STRING) || is_text_list(value);
  case KIND_BOOL: return fl_is(value, FL_BOOL);
  case KIND_OBJECT: return fl_is(value, FL_OBJECT);
  }
  return false;
}

static int wrong_setting(const struct setting *setting, struct fl_error *err) {
  static const char *const kinds[] = {"a number",      "a whole number", "a text", "a text or a list of texts",
                                      "true or false", "an object"};
  if (setting->kind > KIND_COUNT)
    return fl_error_set(err, FL_E_INVALID, "%s must be %s", setting->name, kinds[setting->kind]);
  return fl_error_set(err, FL_E_INVALID, "%s must be %s from %.15g to %.15g", setting->name, kinds[setting->kind],
                      setting->min, setting->max);
}

static const struct setting *find_setting(const char *name) {
  for (size_t i = 0; i < SETTING_COUNT; i++)
    if (strcmp(settings[i].name, name) == 0) return &settings[i];
  return NULL;
}

static int unknown_key(const char *key, struct fl_error *err) {
  const char *names[ENTRY_KEY_COUNT + SETTING_COUNT];
  for (size_t i = 0; i < ENTRY_KEY_COUNT; i++) names[i] = entry_keys[i];
  for (size_t i = 0; i < SETTING_COUNT; i++) names[ENTRY_KEY_COUNT + i] = settings[i].name;
  const char *near = fl_nearest(key, names, ENTRY_KEY_COUNT + SETTING_COUNT);
  if (near != NULL)
    return fl_error_set(err, FL_E_INVALID, "a model has no key \"%.60s\"; did you mean \"%s\"?", key, near);
  return fl_error_set(err, FL_E_INVALID, "a model has no key \"%.60s\"; what only the provider knows goes under extra",
                      key);
}

static bool is_entry_key(const char *key) {
  for (size_t i = 0; i < ENTRY_KEY_COUNT; i++)
    if (strcmp(entry_keys[i], key) == 0) return true;
  return false;
}

static int read_settings(const struct fl_value *entry, struct fl_model_config *config, struct fl_error *err) {
  struct fl_member member = {0};
  while (fl_next_member(entry, &member)) {
    if (is_entry_key(member.key) || fl_is(member.value, FL_NULL)) continue;
    const struct setting *setting = find_setting(member.key);
    if (setting == NULL) return unknown_key(member.key, err);
    if (setting->is_openai_only && config->provider == FL_MODEL_ANTHROPIC)
      return fl_error_set(err, FL_E_INVALID, "anthropic has no setting %s; take it out", setting->name);
    if (!fits(setting, member.value)) return wrong_setting(setting, err);
    enum fl_lower_dialect dialect;
    if (strcmp(member.key, "tool_schemas") == 0 && !fl_lower_dialect_of(fl_as_string(member.value), &dialect))
      return fl_error_set(err, FL_E_INVALID, "tool_schemas must be openai, openai-strict, anthropic, gemini or none");
    if (config->settings == NULL) config->settings = fl_object();
    fl_set_take(config->settings, member.key, fl_value_ref(member.value));
  }
  return 0;
}

/* ---- addresses and keys ---- */

/* A text of the entry; an empty one (an unset variable) counts as none. */
static int read_text(const struct fl_value *entry, const char *key, char **ret_text, struct fl_error *err) {
  const struct fl_value *value = fl_get(entry, key);
  if (!fl_is(value, FL_STRING) && !fl_is(value, FL_NULL))
    return fl_error_set(err, FL_E_INVALID, "%s must be a text", key);
  *ret_text = fl_string_size(value) > 0 ? fl_strdup(fl_as_string(value)) : NULL;
  return 0;
}

static bool is_same_server(const char *a_text, const char *b_text) {
  struct fl_url a = {0}, b = {0};
  bool is_same = fl_url_parse(fl_slice_of(a_text), FL_URL_HTTP, &a, NULL) == 0 &&
                 fl_url_parse(fl_slice_of(b_text), FL_URL_HTTP, &b, NULL) == 0 && fl_url_is_same_origin(&a, &b);
  fl_url_deinit(&a);
  fl_url_deinit(&b);
  return is_same;
}

static const char *read_variable(const char *(*getenv_fn)(const char *name), const char *name) {
  const char *text = getenv_fn != NULL && name != NULL ? getenv_fn(name) : NULL;
  return text != NULL && text[0] != '\0' ? text : NULL;
}

static int fill_address(const struct provider *provider, const char *(*getenv_fn)(const char *name),
                        struct fl_model_config *config, struct fl_error *err) {
  const char *from_env = read_variable(getenv_fn, provider->url_variable),
             *key = read_variable(getenv_fn, provider->key_variable);
  if (config->base_url == NULL && (from_env != NULL || provider->base_url != NULL))
    config->base_url = fl_strdup(from_env != NULL ? from_env : provider->base_url);
  struct fl_url url = {0};
  int rc = config->base_url != NULL ? fl_url_parse(fl_slice_of(config->base_url), FL_URL_HTTP, &url, err) : 0;
  fl_url_deinit(&url);
  if (rc < 0) return fl_error_context(err, "base_url");
  bool is_trusted = config->base_url == NULL ||
                    (provider->own_url != NULL && is_same_server(config->base_url, provider->own_url)) ||
                    (from_env != NULL && is_same_server(config->base_url, from_env));
  if (config->api_key != NULL || key == NULL || !is_trusted) return 0;
  config->api_key = fl_strdup(key);
  config->key_variable = provider->key_variable;
  return 0;
}

static int fill_script(const char *folder, struct fl_model_config *config, struct fl_error *err) {
  if (config->script == NULL)
    return fl_error_set(err, FL_E_INVALID, "the scripted model needs its file: script: FILE, or --model scripted/FILE");
  if (config->script[0] != '/' && folder != NULL && folder[0] != '\0') {
    char *path = fl_format("%s/%s", folder, config->script);
    fl_free(config->script);
    config->script = path;
  }
  return fl_script_load(config->script, &config->loaded, err);
}

static int fill(const struct provider *provider, const char *folder, const char *(*getenv_fn)(const char *name),
                struct fl_model_config *config, struct fl_error *err) {
  config->provider = provider->provider;
  bool is_scripted = provider->provider == FL_MODEL_SCRIPTED;
  if (is_scripted && config->model == NULL) config->model = fl_strdup("scripted");
  if (config->model == NULL)
    return fl_error_set(err, FL_E_INVALID, "model is missing: which model of %s is it?", provider->name);
  if (!is_scripted && config->script != NULL)
    return fl_error_set(err, FL_E_INVALID, "script is for the provider scripted, not for %s", provider->name);
  return is_scripted ? fill_script(folder, config, err) : fill_address(provider, getenv_fn, config, err);
}

static int finish(int rc, struct fl_model_config *config, struct fl_model_config *ret_config) {
  if (rc == 0) *ret_config = *config;
  else fl_model_config_deinit(config);
  return rc;
}

int fl_model_config_read(const struct fl_value *entry, const char *folder, const char *(*getenv_fn)(const char *name),
                         struct fl_model_config *ret_config, struct fl_error *err) {
  struct fl_model_config config = {0};
  const struct provider *provider = NULL;
  const char *name = fl_get_string(entry, "provider", NULL);
  if (!fl_is(entry, FL_OBJECT))
    return fl_error_set(err, FL_E_INVALID, "a model must be an object with provider and model");
  if (name == NULL)
    return fl_error_set(err, FL_E_INVALID,
                        "provider is missing: openai, anthropic, scripted, ollama, vllm or llamacpp");
  int rc = find_provider(name, &provider, err);
  if (rc < 0) return rc;
  config.provider = provider->provider;
  rc = read_text(entry, "model", &config.model, err);
  if (rc == 0) rc = read_text(entry, "base_url", &config.base_url, err);
  if (rc == 0) rc = read_text(entry, "api_key", &config.api_key, err);
  if (rc == 0) rc = read_text(entry, "script", &config.script, err);
  if (rc == 0) rc = read_settings(entry, &config, err);
  if (rc == 0) rc = fill(provider, folder, getenv_fn, &config, err);
  return finish(rc, &config, ret_config);
}

int fl_model_config_parse(const char *text, const char *(*getenv_fn)(const char *name),
                          struct fl_model_config *ret_config, struct fl_error *err) {
  const char *slash = strchr(text, '/');
  if (slash == NULL || slash == text || slash[1] == '\0')
    return fl_error_set(err, FL_E_INVALID,
                        "\"%.100s\" is not a model; write PROVIDER/MODEL, as in openai/gpt-4.1-mini or scripted/FILE",
                        text);
  FL_FREE_AUTO char *name = fl_strndup(text, (size_t)(slash - text));
  const struct provider *provider = NULL;
  int rc = find_provider(name, &provider, err);
  if (rc < 0) return rc;
  struct fl_model_config config = {0};
  if (provider->provider == FL_MODEL_SCRIPTED) config.script = fl_strdup(slash + 1);
  else config.model = fl_strdup(slash + 1);
  return finish(fill(provider, NULL, getenv_fn, &config, err), &config, ret_config);
}

int fl_model_config_know_key(struct fl_world *world, const struct fl_model_config *config, struct fl_error *err) {
  if (config->key_variable == NULL) return 0;
  return fl_vault_know(world, config->key_variable, fl_slice_of(config->api_key), err);
}

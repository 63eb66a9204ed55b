/* SPDX-License-Identifier: MIT */
/* Which model: entries, --model, the environment, and what is wrong with them. Also how providers tell their errors. */
#include "runtime/base/mem.h"
#include "runtime/model/model.h"
#include "runtime/model/remote.h"
#include "tests/support/support.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define CONFIG_AUTO __attribute__((cleanup(fl_model_config_deinit))) struct fl_model_config

static struct fl_value *json(const char *text) {
  struct fl_value *value = NULL;
  struct fl_error err = {0};
  if (fl_parse(text, strlen(text), &value, &err) < 0) fail_msg("%s: %s", err.text, text);
  return value;
}

/* NAME=VALUE lines */
static const char *environment;
static const char *read_environment(const char *name) {
  static char values[4][256];
  static unsigned turn;
  char *value = values[turn++ % 4];
  const char *line = environment != NULL ? strstr(environment, name) : NULL;
  if (line == NULL) return NULL;
  snprintf(value, sizeof values[0], "%.*s", (int)strcspn(line + strlen(name) + 1, "\n"), line + strlen(name) + 1);
  return value;
}

static int read_entry(const char *entry, struct fl_model_config *ret_config, struct fl_error *err) {
  FL_VALUE_AUTO value = json(entry);
  return fl_model_config_read(value, "/nowhere", read_environment, ret_config, err);
}

static const struct {
  const char *name, *environment, *entry;
  const char *base_url, *key; /* NULL: none */
} addresses[] = {
    {"nothing", "", "{\"provider\":\"openai\",\"model\":\"m\"}", NULL, NULL},
    {"the key of the environment", "OPENAI_API_KEY=k\n", "{\"provider\":\"openai\",\"model\":\"m\"}", NULL, "k"},
    {"address and key of the environment", "OPENAI_BASE_URL=http://h/v1\nOPENAI_API_KEY=k\n",
     "{\"provider\":\"openai\",\"model\":\"m\"}", "http://h/v1", "k"},
    {"the file's own", "OPENAI_BASE_URL=http://h/v1\nOPENAI_API_KEY=k\n",
     "{\"provider\":\"openai\",\"model\":\"m\",\"base_url\":\"http://i/\",\"api_key\":\"f\"}", "http://i/", "f"},
    {"a key never goes where only the file says", "OPENAI_API_KEY=k\n",
     "{\"provider\":\"openai\",\"model\":\"m\",\"base_url\":\"https://evil.test/v1\"}", "https://evil.test/v1", NULL},
    {"the provider's own, written out", "OPENAI_API_KEY=k\n",
     "{\"provider\":\"openai\",\"model\":\"m\",\"base_url\":\"https://API.openai.com/v1\"}",
     "https://API.openai.com/v1", "k"},
    {"the environment's, written out", "OPENAI_BASE_URL=http://h/v1\nOPENAI_API_KEY=k\n",
     "{\"provider\":\"openai\",\"model\":\"m\",\"base_url\":\"http://h/v2\"}", "http://h/v2", "k"},
    {"empty texts are none", "OPENAI_API_KEY=\n",
     "{\"provider\":\"openai\",\"model\":\"m\",\"base_url\":\"\",\"api_key\":\"\"}", NULL, NULL},
    {"anthropic", "ANTHROPIC_API_KEY=a\n", "{\"provider\":\"anthropic\",\"model\":\"m\"}", NULL, "a"},
    {"ollama", "OPENAI_API_KEY=k\nOPENAI_BASE_URL=http://h/\n", "{\"provider\":\"ollama\",\"model\":\"m\"}",
     "http://127.0.0.1:11434/v1", NULL},
    {"vllm", "", "{\"provider\":\"vllm\",\"model\":\"m\"}", "http://127.0.0.1:8000/v1", NULL},
    {"llamacpp", "", "{\"provider\":\"llamacpp\",\"model\":\"m\",\"base_url\":\"http://127.0.0.1:9/v1\"}",
     "http://127.0.0.1:9/v1", NULL},
};

static void expect_text(const char *name, const char *text, const char *expected) {
  bool is_same = text == NULL || expected == NULL ? text == expected : strcmp(text, expected) == 0;
  if (!is_same) fail_msg("%s: %s", name, text != NULL ? text : "(none)");
}

static void addresses_and_keys(void **state) {
  for (size_t i = 0; i < COUNT(addresses); i++) {
    CONFIG_AUTO config = {0};
    struct fl_error err = {0};
    environment = addresses[i].environment;
    if (read_entry(addresses[i].entry, &config, &err) != 0) fail_msg("%s: %s", addresses[i].name, err.text);
    expect_text(addresses[i].name, config.base_url, addresses[i].base_url);
    expect_text(addresses[i].name, config.api_key, addresses[i].key);
    const char *key = config.api_key != NULL ? config.api_key : "";
    const char *variable = *key == 'k' ? "OPENAI_API_KEY" : *key == 'a' ? "ANTHROPIC_API_KEY" : NULL;
    expect_text(addresses[i].name, config.key_variable, variable); /* NULL for "f", the file's own */
    assert_string_equal(config.model, "m");
  }
  environment = NULL;
}

static void settings_are_kept(void **state) {
  CONFIG_AUTO config = {0};
  struct fl_error err = {0};
  int rc = read_entry("{\"provider\":\"openai\",\"model\":\"m\",\"temperature\":1,\"top_p\":0.5,\"max_tokens\":5,"
                      "\"stop\":[\"a\"],\"seed\":-1,"
                      "\"tool_choice\":\"auto\",\"parallel_tool_calls\":true,\"reasoning_effort\":\"low\",\"max_"
                      "retries\":0,\"idle_timeout_ms\":1,"
                      "\"first_byte_timeout_ms\":1,\"extra\":{\"a\":1},\"reasoning_field\":null}",
                      &config, &err);
  if (rc != 0) fail_msg("%s", err.text);
  FL_VALUE_AUTO expected =
      json("{\"temperature\":1,\"top_p\":0.5,\"max_tokens\":5,\"stop\":[\"a\"],\"seed\":-1,\"tool_choice\":\"auto\","
           "\"parallel_tool_calls\":true,\"reasoning_effort\":\"low\",\"max_retries\":0,\"idle_timeout_ms\":1,\"first_"
           "byte_timeout_ms\":1,\"extra\":{\"a\":1}}");
  assert_true(fl_equal(config.settings, expected));
}

static const struct {
  const char *entry, *text;
} wrong[] = {
    {"5", "must be an object"},
    {"{}", "provider is missing"},
    {"{\"provider\":\"opnai\"}", "perhaps openai?"},
    {"{\"provider\":\"openai\"}", "model is missing"},
    {"{\"provider\":\"openai\",\"model\":5}", "model must be a text"},
    {"{\"provider\":\"openai\",\"model\":\"m\",\"temprature\":1}", "did you mean \"temperature\"?"},
    {"{\"provider\":\"openai\",\"model\":\"m\",\"zzz\":1}", "extra"},
    {"{\"provider\":\"openai\",\"model\":\"m\",\"temperature\":3}", "from 0 to 2"},
    {"{\"provider\":\"openai\",\"model\":\"m\",\"temperature\":\"hot\"}", "a number"},
    {"{\"provider\":\"openai\",\"model\":\"m\",\"max_tokens\":1.5}", "a whole number"},
    {"{\"provider\":\"openai\",\"model\":\"m\",\"max_retries\":11}", "from 0 to 10"},
    {"{\"provider\":\"openai\",\"model\":\"m\",\"stop\":[1]}", "list of texts"},
    {"{\"provider\":\"openai\",\"model\":\"m\",\"extra\":[]}", "an object"},
    {"{\"provider\":\"anthropic\",\"model\":\"m\",\"seed\":1}", "no setting seed"},
    {"{\"provider\":\"openai\",\"model\":\"m\",\"base_url\":\"ftp://h/\"}", "base_url"},
    {"{\"provider\":\"openai\",\"model\":\"m\",\"base_url\":\"https://u:hunter2@h/\"}", "user name"},
    {"{\"provider\":\"openai\",\"model\":\"m\",\"script\":\"s\"}", "scripted"},
    {"{\"provider\":\"scripted\"}", "needs its file"},
    {"{\"provider\":\"scripted\",\"script\":\"s.yaml\"}", "/nowhere/s.yaml"},
};

static void what_is_wrong_is_said(void **state) {
  for (size_t i = 0; i < COUNT(wrong); i++) {
    CONFIG_AUTO config = {0};
    struct fl_error err = {0};
    if (read_entry(wrong[i].entry, &config, &err) >= 0) fail_msg("accepted: %s", wrong[i].entry);
    if (strstr(err.text, wrong[i].text) == NULL) fail_msg("%s: %s", wrong[i].entry, err.text);
    assert_null(strstr(err.text, "hunter2"));
    assert_null(config.model);
  }
}

static void the_command_line_names_a_model(void **state) {
  CONFIG_AUTO config = {0};
  struct fl_error err = {0};
  assert_int_equal(fl_model_config_parse("ollama/library/llama3:8b", NULL, &config, &err), 0);
  assert_string_equal(config.model, "library/llama3:8b");
  assert_string_equal(config.base_url, "http://127.0.0.1:11434/v1");
  fl_model_config_deinit(&config);
  static const char *const texts[] = {"", "gpt", "/m", "openai/", "nobody/m"};
  for (size_t i = 0; i < COUNT(texts); i++)
    assert_int_equal(fl_model_config_parse(texts[i], NULL, &config, &err), FL_E_INVALID);
  assert_int_equal(fl_model_config_parse("scripted//nowhere/s.yaml", NULL, &config, &err), FL_E_NOT_FOUND);
  FL_FREE_AUTO char *path = fl_format("scripted/%s/s.yaml", test_folder());
  FILE *file = fopen(path + 9, "w");
  assert_non_null(file);
  fputs("replies: [ { text: hi } ]\n", file);
  fclose(file);
  if (fl_model_config_parse(path, NULL, &config, &err) != 0) fail_msg("%s", err.text);
  assert_int_equal(config.provider, FL_MODEL_SCRIPTED);
  assert_string_equal(config.model, "scripted");
  assert_non_null(config.loaded);
}

/* ---- errors of providers ---- */

static const struct {
  int status;
  const char *body;
  int code;
  bool is_retryable;
  const char *text;
} errors[] = {
    {401, "{\"error\":{\"message\":\"Incorrect API key\",\"code\":\"invalid_api_key\"}}", FL_E_AUTH, false,
     "p answered with HTTP 401 (invalid_api_key): Incorrect API key"},
    {403, "{\"error\":\"no\"}", FL_E_AUTH, false, "HTTP 403: no"},
    {404, "{\"error\":{\"message\":\"no model\"}}", FL_E_NOT_FOUND, false, "no model"},
    {400, "{\"error\":{\"message\":\"too many tokens\",\"type\":\"invalid_request_error\"}}", FL_E_INVALID, false,
     "(invalid_request_error): too many tokens"},
    {429, "{\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slow\"}}", FL_E_RATE, true, "slow"},
    {529, "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}", FL_E_RATE, true,
     "busy"},
    {500, "{\"error\":{\"message\":\"\"}}", FL_E_REMOTE, true, "HTTP 500"},
    {502, "<html>Bad\ngateway</html>", FL_E_REMOTE, true, "<html>Bad gateway</html>"},
    {504, "", FL_E_TIMEOUT, true, "HTTP 504: no text"},
    {402, "{\"error\":{\"type\":\"billing_error\",\"message\":\"pay\"}}", FL_E_LIMIT, false, "pay"},
    {413, "too large", FL_E_INVALID, false, "HTTP 413: too large"},
    {422, "{\"detail\":\"not good\"}", FL_E_INVALID, false, "not good"},
    {400, "[{\"error\":{\"code\":400,\"message\":\"in a list\",\"status\":\"INVALID_ARGUMENT\"}}]", FL_E_INVALID, false,
     "(INVALID_ARGUMENT): in a list"},
    {429, "[{\"error\":{\"code\":429,\"message\":\"g\",\"status\":\"RESOURCE_EXHAUSTED\"}}]", FL_E_RATE, true, "g"},
    {0, "{\"error\":{\"message\":\"boom\",\"code\":\"502\"}}", FL_E_REMOTE, true, "p answered in the stream: boom"},
    {0, "{\"object\":\"error\",\"message\":\"boom\",\"type\":\"BadRequestError\",\"code\":400}", FL_E_INVALID, false,
     "(BadRequestError): boom"},
};

static void errors_are_read_in_every_shape(void **state) {
  for (size_t i = 0; i < COUNT(errors); i++) {
    struct fl_error err = {0};
    bool is_retryable = !errors[i].is_retryable;
    int code = fl_remote_error_read("p", errors[i].status, fl_slice_of(errors[i].body), &is_retryable, &err);
    if (code != errors[i].code || is_retryable != errors[i].is_retryable || strstr(err.text, errors[i].text) == NULL)
      fail_msg("%s: %d %d %s", errors[i].body, code, is_retryable, err.text);
  }
}

static void foreign_texts_are_cleaned_and_cut(void **state) {
  char excerpt[FL_REMOTE_EXCERPT_SIZE];
  fl_remote_excerpt(FL_SLICE("a\x1b[31m\n\xff\xc3\xa9\xe2\x82"), excerpt);
  assert_string_equal(excerpt, "a [31m ?\xc3\xa9??");
  FL_BUF_AUTO text = {0};
  for (int i = 0; i < 400; i++) fl_buf_add_text(&text, "\xc3\xa9");
  for (size_t skip = 0; skip < 2; skip++) {
    fl_remote_excerpt(fl_slice_n(text.data + skip * 2, text.size - skip * 2), excerpt);
    assert_true(strlen(excerpt) < FL_REMOTE_EXCERPT_SIZE);
    assert_string_equal(excerpt + strlen(excerpt) - 3, "…");
    assert_int_equal((strlen(excerpt) - 3) % 2, 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(addresses_and_keys),
      cmocka_unit_test(settings_are_kept),
      cmocka_unit_test(what_is_wrong_is_said),
      cmocka_unit_test(the_command_line_names_a_model),
      cmocka_unit_test(errors_are_read_in_every_shape),
      cmocka_unit_test(foreign_texts_are_cleaned_and_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

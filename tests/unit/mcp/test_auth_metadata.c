/* SPDX-License-Identifier: MIT */
/* What is read of servers that want authorization: challenges, metadata; and which of their URLs are followed. */
#include "mcp/auth/address.h"
#include "mcp/auth/challenge.h"
#include "mcp/auth/config.h"
#include "mcp/auth/metadata.h"
#include "runtime/base/mem.h"
#include "tests/support/support.h"

/* ---- WWW-Authenticate ---- */

static const char *or_dash(const char *text) { return text != NULL ? text : "-"; }

/* "scheme resource_metadata scope error", or "!" for what is refused. */
static void expect_challenge(const char *header, const char *expected) {
  static const char *const schemes[] = {"none", "bearer", "dpop"};
  FL_CHALLENGE_AUTO challenge = {0};
  FL_FREE_AUTO char *got = NULL;
  if (fl_challenge_read(fl_slice_of(header), &challenge, NULL) < 0) got = fl_strdup("!");
  else
    got = fl_format("%s %s %s %s", schemes[challenge.scheme], or_dash(challenge.resource_metadata),
                    or_dash(challenge.scope), or_dash(challenge.error));
  assert_string_equal(got, expected);
}

static void challenges(void **state) {
  expect_challenge("", "none - - -");
  expect_challenge("Bearer", "bearer - - -");
  expect_challenge("bEARER rEALM=x, SCOPE=\"a b\"", "bearer - a b -");
  expect_challenge("Bearer resource_metadata=\"https://a/b\", error=\"invalid_token\"",
                   "bearer https://a/b - invalid_token");
  expect_challenge("DPoP error=use_dpop_nonce", "dpop - - use_dpop_nonce");
  expect_challenge("Basic realm=\"a, b\", Bearer scope=x", "bearer - x -");
  expect_challenge("Negotiate YWJj==, Bearer scope=x", "bearer - x -");
  expect_challenge("Negotiate, Bearer scope=x", "bearer - x -");
  expect_challenge("Bearer scope=x, DPoP resource_metadata=\"https://a\"", "dpop https://a - -");
  expect_challenge("Bearer scope=\"a\\\"b\"", "bearer - a\"b -");
  expect_challenge(",, Bearer ,scope=x", "!");
  expect_challenge(" , Bearer scope = x , error=y ,", "bearer - x y");
  expect_challenge("Bearer realm=\"Bearer scope=y\", scope=x", "bearer - x -");
}

static void challenges_that_are_refused(void **state) {
  expect_challenge("Bearer scope=a, scope=b", "!");
  expect_challenge("Bearer scope=\"a", "!");
  expect_challenge("Bearer scope=\"a\\", "!");
  expect_challenge("Bearer scope=\"a\"b=c", "!");
  expect_challenge("Bearer scope=\"a\rb\"", "!");
  expect_challenge("=x", "!");
  expect_challenge("Bearer@", "!");
  FL_BUF_AUTO huge = {0};
  while (huge.size <= FL_CHALLENGE_SIZE_MAX) fl_buf_add_text(&huge, "Bearer, ");
  FL_CHALLENGE_AUTO challenge = {0};
  assert_int_equal(fl_challenge_read(fl_buf_slice(&huge), &challenge, NULL), FL_E_LIMIT);
}

static void what_we_write_reads_back(void **state) {
  FL_BUF_AUTO header = {0};
  fl_buf_add_text(&header, "Bearer ");
  fl_challenge_add(&header, "scope", "a b");
  fl_challenge_add(&header, "error_description", "say \"no\"\r\nX-Evil: \\1");
  assert_string_equal(header.data, "Bearer scope=\"a b\", error_description=\"say \\\"no\\\"X-Evil: \\\\1\"");
  FL_CHALLENGE_AUTO challenge = {0};
  assert_int_equal(fl_challenge_read(fl_buf_slice(&header), &challenge, NULL), 0);
  assert_string_equal(challenge.error_description, "say \"no\"X-Evil: \\1");
}

static void scopes(void **state) {
  FL_FREE_AUTO char *both = fl_scope_union("a b", "b  c");
  assert_string_equal(both, "a b c");
  assert_null(fl_scope_union(NULL, " "));
  assert_true(fl_scope_covers("a b", "b a"));
  assert_true(fl_scope_covers("a", NULL));
  assert_false(fl_scope_covers("ab", "a"));
  assert_false(fl_scope_covers(NULL, "a"));
}

/* ---- where metadata are ---- */

static struct fl_url parse_url(const char *text) {
  struct fl_url url = {0};
  assert_int_equal(fl_url_parse(fl_slice_of(text), FL_URL_HTTP, &url, NULL), 0);
  return url;
}

static void expect_places(const char *text, char *(*place)(const struct fl_url *, size_t), const char *expected) {
  struct fl_url url = parse_url(text);
  FL_BUF_AUTO got = {0};
  for (size_t i = 0; i < 5; i++) {
    FL_FREE_AUTO char *one = place(&url, i);
    if (one != NULL) fl_buf_addf(&got, "%s%s", i > 0 ? " " : "", one);
  }
  assert_string_equal(got.data, expected);
  fl_url_deinit(&url);
}

static void places(void **state) {
  expect_places("https://a.example/mcp", fl_resource_metadata_url,
                "https://a.example/.well-known/oauth-protected-resource/mcp "
                "https://a.example/.well-known/oauth-protected-resource");
  expect_places("https://a.example", fl_resource_metadata_url,
                "https://a.example/.well-known/oauth-protected-resource");
  expect_places("https://a.example:8443/", fl_server_metadata_url,
                "https://a.example:8443/.well-known/oauth-authorization-server "
                "https://a.example:8443/.well-known/openid-configuration");
  expect_places("https://a.example/t/1/", fl_server_metadata_url,
                "https://a.example/.well-known/oauth-authorization-server/t/1 "
                "https://a.example/.well-known/openid-configuration/t/1 "
                "https://a.example/t/1/.well-known/openid-configuration");
}

/* ---- what they say ---- */

static void metadata_of_a_resource(void **state) {
  struct fl_resource_metadata metadata = {0};
  fl_slice text = FL_SLICE("{\"resource\":\"https://a/mcp\",\"authorization_servers\":[1,\"https://as\"],"
                           "\"scopes_supported\":[\"a\",\"b c\",\"d\"],\"dpop_bound_access_tokens_required\":true}");
  assert_int_equal(fl_resource_metadata_read(text, &metadata, NULL), 0);
  assert_string_equal(metadata.resource, "https://a/mcp");
  assert_int_equal(metadata.server_count, 1);
  assert_string_equal(metadata.scope, "a d");
  assert_true(metadata.requires_dpop);
  fl_resource_metadata_deinit(&metadata);
  static const struct {
    const char *text;
    int code;
  } wrong[] = {{"", FL_E_SYNTAX},
               {"[]", FL_E_SYNTAX},
               {"{\"resource\":\"x\"}", FL_E_PROTOCOL},
               {"{\"authorization_servers\":[\"x\"]}", FL_E_PROTOCOL},
               {"{\"resource\":\"x\",\"authorization_servers\":\"x\"}", FL_E_PROTOCOL},
               {"{\"resource\":\"x\",\"resource\":\"y\"}", FL_E_SYNTAX}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    assert_int_equal(fl_resource_metadata_read(fl_slice_of(wrong[i].text), &metadata, NULL), wrong[i].code);
}

static void metadata_of_a_server(void **state) {
  struct fl_server_metadata metadata = {0};
  fl_slice text =
      FL_SLICE("{\"issuer\":\"https://as/\",\"token_endpoint\":\"https://as/t\",\"authorization_endpoint\":5,"
               "\"code_challenge_methods_supported\":[\"plain\",\"S256\"],"
               "\"token_endpoint_auth_methods_supported\":[\"none\",\"client_secret_post\"]}");
  assert_int_equal(fl_server_metadata_read(text, &metadata, NULL), 0);
  assert_string_equal(metadata.issuer, "https://as/");
  assert_null(metadata.authorization_endpoint);
  assert_string_equal(metadata.auth_methods, "none client_secret_post");
  assert_true(metadata.has_pkce_s256);
  assert_false(metadata.has_iss);
  fl_server_metadata_deinit(&metadata);
  assert_int_equal(fl_server_metadata_read(FL_SLICE("{}"), &metadata, NULL), FL_E_PROTOCOL);
}

static void a_resource_is_the_server_or_holds_it(void **state) {
  struct fl_url server = parse_url("https://a.example/v1/mcp");
  static const char *const fine[] = {"https://a.example/v1/mcp", "https://a.example/v1", "https://a.example/v1/",
                                     "https://a.example", "https://A.example:443/"};
  static const char *const wrong[] = {"https://a.example/v",
                                      "https://a.example/v1/mcp/x",
                                      "http://a.example/v1/mcp",
                                      "https://b.example/v1/mcp",
                                      "https://a.example:444/",
                                      "https://a.example/v1#x",
                                      "urn:x",
                                      ""};
  for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
    assert_int_equal(fl_resource_check(fine[i], &server, NULL), 0);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    assert_int_equal(fl_resource_check(wrong[i], &server, NULL), FL_E_PROTOCOL);
  fl_url_deinit(&server);
}

/* ---- where we go ---- */

static void kinds_of_addresses(void **state) {
  static const struct {
    const char *address;
    enum fl_address_kind kind;
  } cases[] = {{"8.8.8.8", FL_ADDRESS_PUBLIC},
               {"127.0.0.1", FL_ADDRESS_LOOPBACK},
               {"127.255.0.9", FL_ADDRESS_LOOPBACK},
               {"10.1.2.3", FL_ADDRESS_PRIVATE},
               {"172.16.0.1", FL_ADDRESS_PRIVATE},
               {"172.31.255.255", FL_ADDRESS_PRIVATE},
               {"172.32.0.1", FL_ADDRESS_PUBLIC},
               {"192.168.1.1", FL_ADDRESS_PRIVATE},
               {"100.64.0.1", FL_ADDRESS_PRIVATE},
               {"169.254.169.254", FL_ADDRESS_RESERVED},
               {"0.0.0.0", FL_ADDRESS_RESERVED},
               {"224.0.0.1", FL_ADDRESS_RESERVED},
               {"255.255.255.255", FL_ADDRESS_RESERVED},
               {"::1", FL_ADDRESS_LOOPBACK},
               {"::", FL_ADDRESS_RESERVED},
               {"fd00::1", FL_ADDRESS_PRIVATE},
               {"fe80::1", FL_ADDRESS_RESERVED},
               {"fd00:ec2::254", FL_ADDRESS_PRIVATE},
               {"2606:4700::1", FL_ADDRESS_PUBLIC},
               {"2001:db8::1", FL_ADDRESS_RESERVED},
               {"::ffff:127.0.0.1", FL_ADDRESS_LOOPBACK},
               {"::ffff:8.8.8.8", FL_ADDRESS_PUBLIC},
               {"64:ff9b::a00:1", FL_ADDRESS_PRIVATE},
               {"2002:7f00:1::", FL_ADDRESS_LOOPBACK},
               {"ff02::1", FL_ADDRESS_RESERVED},
               {"localhost", FL_ADDRESS_RESERVED},
               {"0177.0.0.1", FL_ADDRESS_RESERVED},
               {"", FL_ADDRESS_RESERVED}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    if (fl_address_kind(cases[i].address) != cases[i].kind) fail_msg("%s", cases[i].address);
}

static void networks(void **state) {
  struct fl_networks networks = {0};
  assert_int_equal(fl_networks_add(&networks, "10.1.0.0/20", NULL), 0);
  assert_int_equal(fl_networks_add(&networks, "fd00::/8", NULL), 0);
  assert_int_equal(fl_networks_add(&networks, "192.0.2.7", NULL), 0);
  assert_true(fl_networks_have(&networks, "10.1.15.255"));
  assert_false(fl_networks_have(&networks, "10.1.16.0"));
  assert_true(fl_networks_have(&networks, "fdff::1"));
  assert_true(fl_networks_have(&networks, "192.0.2.7"));
  assert_false(fl_networks_have(&networks, "192.0.2.8"));
  static const char *const wrong[] = {"",          "10.0.0.0/33", "10.0.0/8", "x",
                                      "10.0.0.0/", "10.0.0.0/+8", "::/129",   "10.0.0.0/8x"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    assert_int_equal(fl_networks_add(&networks, wrong[i], NULL), FL_E_INVALID);
}

static void urls_that_are_followed(void **state) {
  struct fl_url far = parse_url("https://mcp.example/"), near = parse_url("http://localhost:3000/mcp");
  assert_int_equal(fl_auth_check_url(&far, "https://as.example/token", "x", NULL), 0);
  assert_int_equal(fl_auth_check_url(&far, "http://as.example/token", "x", NULL), FL_E_DENIED);
  assert_int_equal(fl_auth_check_url(&far, "http://127.0.0.1/token", "x", NULL), FL_E_DENIED);
  assert_int_equal(fl_auth_check_url(&far, "https://localhost/token", "x", NULL), FL_E_DENIED);
  assert_int_equal(fl_auth_check_url(&near, "http://127.0.0.1:9/token", "x", NULL), 0);
  assert_int_equal(fl_auth_check_url(&near, "https://as.example/token", "x", NULL), 0);
  assert_int_equal(fl_auth_check_url(&near, "http://as.example/token", "x", NULL), FL_E_DENIED);
  assert_int_equal(fl_auth_check_url(&far, "https://u:p@as.example/", "x", NULL), FL_E_INVALID);
  assert_int_equal(fl_auth_check_url(&far, "https://as.example/#f", "x", NULL), FL_E_INVALID);
  assert_int_equal(fl_auth_check_url(&far, "file:///etc/passwd", "x", NULL), FL_E_INVALID);
  assert_int_equal(fl_auth_check_url(&far, "javascript:alert(1)", "x", NULL), FL_E_INVALID);
  fl_url_deinit(&far);
  fl_url_deinit(&near);
}

/* ---- the configuration ---- */

static void expect_config(const char *text, const char *expected) {
  FL_VALUE_AUTO value = NULL;
  struct fl_auth_config config = {0};
  struct fl_error err = {0};
  assert_int_equal(fl_parse(text, strlen(text), &value, NULL), 0);
  int failure = fl_auth_config_read(value, &config, &err);
  if (expected == NULL && failure != 0) fail_msg("%s", err.text);
  if (expected != NULL) assert_int_equal(failure, FL_E_INVALID);
  if (expected != NULL && strstr(err.text, expected) == NULL)
    fail_msg("\"%s\" does not say \"%s\"", err.text, expected);
  fl_auth_config_deinit(&config);
}

static void configurations(void **state) {
  expect_config("{}", NULL);
  expect_config("null", NULL);
  expect_config("{\"client_id\":\"x\",\"client_secret\":\"y\",\"allow_addresses\":[\"10.0.0.0/8\"],\"dpop\":\"never\"}",
                NULL);
  expect_config("{\"grant\":\"client_credentials\",\"client_id\":\"x\",\"client_secret\":\"y\"}", NULL);
  expect_config("{\"grant\":\"workload\",\"assertion_file\":\"/x\"}", NULL);
  expect_config("[]", "not an object");
  expect_config("{\"clientid\":\"x\"}", "no member \"clientid\"");
  expect_config("{\"client_id\":5}", "\"client_id\" is a text");
  expect_config("{\"grant\":\"password\"}", "\"client_credentials\"");
  expect_config("{\"grant\":\"client_credentials\",\"client_id\":\"x\"}", "needs");
  expect_config("{\"grant\":\"enterprise\",\"client_id\":\"x\",\"client_secret\":\"y\"}", "idp_token_endpoint");
  expect_config("{\"grant\":\"workload\"}", "assertion");
  expect_config("{\"client_secret\":\"hush\"}", "client_id");
  expect_config("{\"allow_addresses\":[\"x\"]}", "allow_addresses");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(challenges),
      cmocka_unit_test(challenges_that_are_refused),
      cmocka_unit_test(what_we_write_reads_back),
      cmocka_unit_test(scopes),
      cmocka_unit_test(places),
      cmocka_unit_test(metadata_of_a_resource),
      cmocka_unit_test(metadata_of_a_server),
      cmocka_unit_test(a_resource_is_the_server_or_holds_it),
      cmocka_unit_test(kinds_of_addresses),
      cmocka_unit_test(networks),
      cmocka_unit_test(urls_that_are_followed),
      cmocka_unit_test(configurations),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

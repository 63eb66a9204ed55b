/* SPDX-License-Identifier: MIT */
#include "runtime/io/http_hosts.h"
#include "tests/support/support.h"

struct row {
  const char *text;
  bool is_allowed;
};

#define CHECK_ROWS(rules, rows, ask)                         \
  for (size_t i = 0; i < sizeof(rows) / sizeof *(rows); i++) \
    if (ask(rules, fl_slice_of((rows)[i].text)) != (rows)[i].is_allowed) fail_msg("%s", (rows)[i].text)

static void hosts_on_loopback(void **state) {
  static const struct row rows[] = {
      {"localhost", true},
      {"LOCALHOST:3000", true},
      {"127.0.0.1", true},
      {"127.0.0.1:8080", true},
      {"[::1]", true},
      {"[::1]:80", true},
      {"evil.example", false},
      {"localhost.evil.example", false},
      {"evil.example:80", false},
      {"localhost:80:80", false},
      {"localhost:8o", false},
      {"127.0.0.1.nip.example", false},
      {"[::1", false},
      {"[::1]x", false},
      {":80", false},
      {"0.0.0.0", false},
      {"192.168.0.7", false},
      {"localhost:", true},
  };
  const struct fl_http_hosts rules = {.address = "127.0.0.1"};
  CHECK_ROWS(&rules, rows, fl_http_host_is_allowed);
  assert_false(fl_http_host_is_allowed(&rules, FL_SLICE("")));
}

static void hosts_elsewhere(void **state) {
  static const struct row rows[] = {{"10.0.0.5", true},         {"10.0.0.5:80", true},     {"localhost", false},
                                    {"mcp.example", true},      {"MCP.example:443", true}, {"api.example", false},
                                    {"api.example:8443", true}, {"api.example:1", false}};
  const struct fl_http_hosts rules = {.address = "10.0.0.5",
                                      .hosts = (const char *const[]){"mcp.example", "api.example:8443", NULL}};
  CHECK_ROWS(&rules, rows, fl_http_host_is_allowed);
  const struct fl_http_hosts v6 = {.address = "fd00::7"};
  assert_true(fl_http_host_is_allowed(&v6, FL_SLICE("[fd00::7]:80")));
  const struct fl_http_hosts any = {.address = "0.0.0.0", .hosts = (const char *const[]){"*", NULL}};
  assert_true(fl_http_host_is_allowed(&any, FL_SLICE("whatever")));
  const struct fl_http_hosts path = {0};
  assert_true(fl_http_host_is_allowed(&path, FL_SLICE("whatever")));
}

static void origins(void **state) {
  static const struct row rows[] = {
      {"http://localhost", true},
      {"http://localhost:5173", true},
      {"https://127.0.0.1:1", true},
      {"http://[::1]:1", true},
      {"null", false},
      {"http://evil.example", false},
      {"https://app.example", true},
      {"http://app.example", false},
      {"https://app.example.evil.example", false},
      {"http://localhost@evil.example", false},
      {"http://", false},
      {"file://localhost", false},
      {"localhost", false},
  };
  const struct fl_http_hosts rules = {.address = "::1", .origins = (const char *const[]){"https://app.example", NULL}};
  CHECK_ROWS(&rules, rows, fl_http_origin_is_allowed);
  assert_true(fl_http_origin_is_allowed(&rules, (fl_slice){0}));
  assert_false(fl_http_origin_is_allowed(&rules, FL_SLICE("")));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(hosts_on_loopback),
      cmocka_unit_test(hosts_elsewhere),
      cmocka_unit_test(origins),
  };
  return cmocka_run_group_tests_name("http_hosts", tests, NULL, NULL);
}

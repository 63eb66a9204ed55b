/* SPDX-License-Identifier: MIT */
/* Pins put into manifests as people write them: what comes out says what stood there, and the pins. */
#include "runtime/base/mem.h"
#include "tests/support/support.h"
#include "tools/policy/manifest.h"
#include "tools/policy/pin_write.h"

#include <string.h>

#define PIN "blake2b:1111111111111111111111111111111111111111111111111111111111111111"
#define OLD "abcdef0000000000000000000000000000000000000000000000000000000000"
#define HEX "2222222222222222222222222222222222222222222222222222222222222222"
#define HEAD "manifest: 1\nid: x\ntools: []\n"

static struct fl_value *parse(const char *text) {
  struct fl_value *value = NULL;
  if (fl_parse(text, strlen(text), &value, NULL) < 0) fail_msg("%s", text);
  return value;
}

#define TOOLS_OF_A "{\"a\":{\"tools\":\"" PIN "\"}}"
#define BOTH_OF_A "{\"a\":{\"tools\":\"" PIN "\",\"exec_sha256\":\"" HEX "\"}}"

static const struct {
  const char *file, *text, *pins, *wanted;
} rows[] = {
    {"m.yaml", HEAD "servers:\n  a: # ours\n    exec: [x]\n    sandbox: {} # tight\n  b: {}\n", TOOLS_OF_A,
     HEAD "servers:\n  a: # ours\n    pin: { \"tools\": \"" PIN
          "\" }\n    exec: [x]\n    sandbox: {} # tight\n  b: {}\n"},
    {"m.yaml", HEAD "servers: { a: { exec: [x] }, b: {} } # all\n", TOOLS_OF_A,
     HEAD "servers: { a: { \"pin\": { \"tools\": \"" PIN "\" }, exec: [x] }, b: {} } # all\n"},
    {"m.yaml", HEAD "servers: { a: {} }\n", TOOLS_OF_A,
     HEAD "servers: { a: { \"pin\": { \"tools\": \"" PIN "\" } } }\n"},
    {"m.yaml", HEAD "servers:\n  a:\n    pin: { tools: " OLD ", on_change: refuse } # mind\n", TOOLS_OF_A,
     HEAD "servers:\n  a:\n    pin: { tools: \"" PIN "\", on_change: refuse } # mind\n"},
    {"m.yaml", HEAD "servers:\n  a:\n    pin:\n      on_change: refuse\n      tools: '" OLD "'\n", TOOLS_OF_A,
     HEAD "servers:\n  a:\n    pin:\n      on_change: refuse\n      tools: \"" PIN "\"\n"},
    {"m.yaml", HEAD "servers:\n    a:\n        exec: [x]\n        exec_sha256: \"" OLD "\"\n        sandbox: {}\n",
     BOTH_OF_A,
     HEAD "servers:\n    a:\n        pin: { \"tools\": \"" PIN "\" }\n        exec: [x]\n        exec_sha256: \"" HEX
          "\"\n        sandbox: {}\n"},
    {"m.json", "{\"manifest\":1,\"id\":\"x\",\"tools\":[],\"servers\":{\"a\":{\"exec\":[\"x\"],\"sandbox\":{}}}}",
     BOTH_OF_A,
     "{\"manifest\":1,\"id\":\"x\",\"tools\":[],\"servers\":{\"a\":{ \"exec_sha256\": \"" HEX
     "\", \"pin\": { \"tools\": \"" PIN "\" },\"exec\":[\"x\"],\"sandbox\":{}}}}"},
    {"m.yaml",
     "# é über\nmanifest: 1\nid: x\ntools: []\ndescription: \"héé\"\nservers: { a: { url: \"http://é.example/\" } }\n",
     TOOLS_OF_A,
     "# é über\nmanifest: 1\nid: x\ntools: []\ndescription: \"héé\"\nservers: { a: { \"pin\": { \"tools\": \"" PIN
     "\" }, url: \"http://é.example/\" } }\n"},
    {"m.yaml", HEAD "servers: { a: {} }", "{}", HEAD "servers: { a: {} }"},
};

static void pins_go_where_they_belong(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    FL_VALUE_AUTO pins = parse(rows[i].pins);
    FL_BUF_AUTO text = {0};
    struct fl_error err = {0};
    int rc = fl_pin_write(rows[i].file, fl_slice_of(rows[i].text), pins, &text, &err);
    if (rc < 0) fail_msg("row %zu: %s", i, err.text);
    assert_string_equal(text.data, rows[i].wanted);
    FL_BUF_AUTO again = {0}; /* and once more changes nothing */
    assert_int_equal(fl_pin_write(rows[i].file, fl_buf_slice(&text), pins, &again, &err), 0);
    assert_string_equal(again.data, rows[i].wanted);
  }
}

static void two_servers_at_once(void **state) {
  FL_VALUE_AUTO pins = parse("{\"b\":{\"tools\":\"" PIN "\"},\"a\":{\"tools\":\"" PIN "\"}}");
  FL_BUF_AUTO text = {0};
  const char *given = HEAD "servers:\n  a:\n    url: x\n  b: { url: y }\n";
  assert_int_equal(fl_pin_write("m.yaml", fl_slice_of(given), pins, &text, NULL), 0);
  assert_string_equal(text.data, HEAD "servers:\n  a:\n    pin: { \"tools\": \"" PIN "\" }\n    url: x\n"
                                      "  b: { \"pin\": { \"tools\": \"" PIN "\" }, url: y }\n");
}

static void what_cannot_be_put_there_is_left_alone(void **state) {
  static const struct {
    const char *text, *pins, *says;
    int code;
  } refused[] = {
      {HEAD "servers: { b: {} }\n", TOOLS_OF_A, "names no server a", FL_E_NOT_FOUND},
      {HEAD, TOOLS_OF_A, "names no server a", FL_E_NOT_FOUND},
      {"manifest: 2\n", TOOLS_OF_A, "m.yaml:1", FL_E_INVALID},
      {HEAD "servers: { a: { pin: { tools: >-\n    " OLD "\n  } } }\n", TOOLS_OF_A, "m.yaml", FL_E_SYNTAX},
      {HEAD "servers:\n  a:\n    pin:\n      tools: >-\n        " OLD "\n", TOOLS_OF_A, "by hand: {\"a\":{\"tools\"",
       FL_E_UNSUPPORTED},
  };
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    FL_VALUE_AUTO pins = parse(refused[i].pins);
    FL_BUF_AUTO text = {0};
    struct fl_error err = {0};
    int rc = fl_pin_write("m.yaml", fl_slice_of(refused[i].text), pins, &text, &err);
    if (rc != refused[i].code || strstr(err.text, refused[i].says) == NULL) fail_msg("row %zu: %d %s", i, rc, err.text);
    assert_int_equal(text.size, 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pins_go_where_they_belong),
      cmocka_unit_test(two_servers_at_once),
      cmocka_unit_test(what_cannot_be_put_there_is_left_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Any bytes as what a server says of its tools, against a listing that was pinned: equal pins differ in nothing, and
 * what differs has another pin. Any bytes as the file that keeps what was pinned; any bytes as a manifest that pins are
 * put into: what comes out says them. */
#include "runtime/base/mem.h"
#include "tools/policy/manifest.h"
#include "tools/policy/pin.h"
#include "tools/policy/pin_write.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char pinned_text[] = "[{\"name\":\"pay\",\"description\":\"Pays.\",\"inputSchema\":{\"type\":\"object\","
                                  "\"properties\":{\"to\":{\"type\":\"string\"}}}},{\"name\":\"list\"}]";

static struct fl_value *parse(const char *text, size_t size) {
  struct fl_value *value = NULL;
  return fl_parse(text, size, &value, NULL) == 0 ? value : NULL;
}

static void compare(const struct fl_value *pinned, const struct fl_value *listing) {
  char pin[FL_PIN_SIZE], other[FL_PIN_SIZE];
  FL_BUF_AUTO text = {0};
  if (fl_pin_hash(pinned, pin, NULL) < 0) abort();
  FL_VALUE_AUTO diff = fl_pin_diff(pinned, listing);
  fl_pin_diff_text(diff, &text);
  if (fl_pin_hash(listing, other, NULL) == 0 && fl_pin_equal(pin, other) && fl_size(diff) > 0) abort();
  if ((fl_size(diff) > 0) != (text.size > 0)) abort();
  fl_pin_kept(listing, "a", pin);
}

/* The first server of the manifest gets a pin. */
static void write_pin(fl_slice text) {
  static const char pin[] = "blake2b:1111111111111111111111111111111111111111111111111111111111111111";
  struct fl_manifest *manifest = NULL, *again = NULL;
  struct fl_diags diags = {0};
  struct fl_error err = {0};
  FL_BUF_AUTO out = {0};
  if (fl_manifest_load("x.yaml", text, &manifest, &diags) == 0) {
    struct fl_member first = {0};
    FL_VALUE_AUTO pins = fl_object();
    if (fl_next_member(fl_get(fl_manifest_root(manifest), "servers"), &first)) {
      struct fl_value *one = fl_object();
      fl_set_string(one, "tools", pin);
      fl_set_take(pins, first.key, one);
    }
    int rc = fl_pin_write("x.yaml", text, pins, &out, &err);
    if (rc < 0 && err.text[0] == '\0') abort();
    if (rc == 0 && fl_manifest_load("x.yaml", fl_buf_slice(&out), &again, &diags) < 0) abort();
    const char *key = fl_size(pins) > 0 ? first.key : NULL;
    const struct fl_value *server = again != NULL && key != NULL ? fl_manifest_server(again, key) : NULL;
    if (server != NULL && strcmp(fl_get_string(fl_get(server, "pin"), "tools", ""), pin) != 0) abort();
  }
  fl_manifest_unref(manifest);
  fl_manifest_unref(again);
  fl_diags_deinit(&diags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct fl_value *pinned;
  if (pinned == NULL) pinned = parse(pinned_text, sizeof pinned_text - 1);
  FL_VALUE_AUTO listing = parse((const char *)data, size);
  if (listing != NULL) compare(pinned, listing);
  write_pin(fl_slice_n((const char *)data, size));
  return 0;
}

/* SPDX-License-Identifier: MIT */
/* Pins of a manifest: a server whose tools are not those that were pinned is suspended. Its listing is a fact. Pure. */
#include "runtime/base/mem.h"
#include "tools/policy/manifest_decide.h"
#include "tools/policy/pin.h"

#include <string.h>

void fl_manifest_read_pins(const struct fl_manifest_reader *reader) {
  struct fl_manifest *manifest = reader->manifest;
  const struct fl_value *servers = fl_get(manifest->document.root, "servers");
  manifest->pins = fl_new_array(struct fl_server_pin, fl_size(servers) + 1);
  for (struct fl_member m = {0}; fl_next_member(servers, &m);) {
    const struct fl_value *pin = fl_get(m.value, "pin");
    if (pin == NULL) continue;
    bool is_refused = strcmp(fl_get_string(pin, "on_change", "suspend"), "refuse") == 0;
    manifest->pins[manifest->pin_count++] =
        (struct fl_server_pin){m.key, m.key_size, fl_get_string(pin, "tools", ""), is_refused};
  }
}

const struct fl_server_pin *fl_manifest_pin_of(const struct fl_manifest *manifest, const char *tool) {
  size_t size = strcspn(tool, "/");
  for (size_t i = 0; i < manifest->pin_count; i++)
    if (manifest->pins[i].server_size == size && memcmp(manifest->pins[i].server, tool, size) == 0)
      return &manifest->pins[i];
  return NULL;
}

bool fl_question_is_suspended(const struct fl_question *question) {
  const struct fl_server_pin *pin = fl_manifest_pin_of(question->manifest, question->call->tool);
  const char *listing = question->call->facts != NULL ? question->call->facts->listing : NULL;
  if (pin == NULL) return false;
  if (listing != NULL && (strcmp(listing, FL_PIN_AS_PINNED) == 0 || fl_pin_equal(listing, pin->tools))) return false;
  FL_FREE_AUTO char *pointer = fl_format("/servers/%s/pin/tools", pin->server);
  if (listing == NULL)
    fl_question_say(question, FL_VERDICT_DENY, pointer, "what the server %s says of its tools is not known",
                    pin->server);
  else
    fl_question_say(question, FL_VERDICT_DENY, pointer,
                    "the server %s is suspended: what it says of its tools is not what was pinned", pin->server);
  question->decision->is_suspended = true;
  question->decision->ends_run = pin->is_refused;
  return true;
}

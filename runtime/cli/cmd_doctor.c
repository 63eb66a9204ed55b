/* SPDX-License-Identifier: MIT */
/* fairlead doctor: what this machine can enforce around a tool, layer by layer, found by trying. */
#include "runtime/cli/cli.h"
#include "tools/sandbox/machine.h"

#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char *const purposes[FL_LAYER_COUNT] = {
    [FL_LAYER_LANDLOCK] = "files that were not granted, TCP",
    [FL_LAYER_SCOPE] = "signals to others, abstract sockets",
    [FL_LAYER_SECCOMP] = "sockets, ptrace, mounts, io_uring and 100 other calls",
    [FL_LAYER_NAMESPACES] = "an empty house: no other files, processes or networks",
    [FL_LAYER_CGROUP] = "limits by the kernel, and an end of all at once",
};

static struct fl_value *layer_value(const struct fl_machine *machine, enum fl_layer layer) {
  struct fl_value *value = fl_object();
  fl_set_string(value, "layer", fl_layer_name(layer));
  fl_set_bool(value, "enforced", machine->has[layer]);
  fl_set_bool(value, "required", fl_layer_is_required(layer));
  fl_set_string(value, "against", purposes[layer]);
  fl_set_string(value, "detail", machine->detail[layer]);
  return value;
}

static void print_json(const struct fl_machine *machine, const struct utsname *kernel, bool is_good) {
  FL_VALUE_AUTO line = fl_object();
  struct fl_value *layers = fl_array();
  for (int i = 0; i < FL_LAYER_COUNT; i++) fl_append_take(layers, layer_value(machine, (enum fl_layer)i));
  fl_set_string(line, "kernel", kernel->release);
  fl_set_string(line, "machine", kernel->machine);
  fl_set_int(line, "user", (int64_t)geteuid());
  fl_set_bool(line, "sandbox", is_good);
  fl_set_take(line, "layers", layers);
  fl_print_json(line);
}

static void print_text(const struct fl_machine *machine, const struct utsname *kernel, bool is_good) {
  printf("Linux %s %s, user %u\n\n", kernel->release, kernel->machine, (unsigned)geteuid());
  for (int i = 0; i < FL_LAYER_COUNT; i++) {
    enum fl_layer layer = (enum fl_layer)i;
    const char *state = machine->has[i] ? "yes" : fl_layer_is_required(layer) ? "MISSING" : "no";
    printf("%-11s %-8s %s%s%s%s\n", fl_layer_name(layer), state, purposes[i], machine->detail[i][0] != '\0' ? " (" : "",
           machine->detail[i], machine->detail[i][0] != '\0' ? ")" : "");
  }
  printf("%-11s %-8s %s\n", "limits", "yes",
         "processor time, descriptors by the kernel; what no cgroup counts by a watch");
  printf("\n%s\n", is_good
                       ? "Sandboxes of manifests hold here."
                       : "A manifest with a sandbox does not run here, unless --without-layer names what is MISSING.");
}

int fl_cmd_doctor(struct fl_args *args) {
  struct fl_machine machine = {0};
  struct utsname kernel = {0};
  struct fl_error err = {0};
  bool is_good = true;
  if (fl_machine_probe(&machine, &err) < 0) return fl_fail_error(args, &err);
  uname(&kernel);
  for (int i = 0; i < FL_LAYER_COUNT; i++)
    is_good = is_good && (machine.has[i] || !fl_layer_is_required((enum fl_layer)i));
  if (args->json) print_json(&machine, &kernel, is_good);
  else print_text(&machine, &kernel, is_good);
  return is_good ? FL_EXIT_OK : FL_EXIT_FAILED;
}

/* SPDX-License-Identifier: MIT */
/* What every program may see, for without it none starts: the system's programs and libraries, the loader's and the
 * certificates' files, a few devices, itself in /proc. No accounts, no keys, nobody's home, no temporary folder. */
#include "tools/sandbox/layers.h"

#include <string.h>

static const struct {
  const char *path;
  bool may_run, may_write;
} base[] = {
    {"/usr", true, false},
    {"/bin", true, false},
    {"/sbin", true, false},
    {"/lib", true, false},
    {"/lib32", true, false},
    {"/lib64", true, false},
    {"/libx32", true, false},
    {"/nix/store", true, false},
    {"/etc/alternatives", false, false},
    {"/etc/ca-certificates", false, false},
    {"/etc/ld.so.cache", false, false},
    {"/etc/ld.so.conf", false, false},
    {"/etc/ld.so.conf.d", false, false},
    {"/etc/locale.alias", false, false},
    {"/etc/localtime", false, false},
    {"/etc/mime.types", false, false},
    {"/etc/nsswitch.conf", false, false},
    {"/etc/pki/ca-trust", false, false},
    {"/etc/pki/tls/certs", false, false},
    {"/etc/ssl/certs", false, false},
    {"/etc/ssl/openssl.cnf", false, false},
    {"/etc/timezone", false, false},
    {"/dev/full", false, true},
    {"/dev/null", false, true},
    {"/dev/random", false, false},
    {"/dev/urandom", false, false},
    {"/dev/zero", false, false},
    {"/sys/devices/system/cpu", false, false},
};

/* Of /proc outside a namespace of its own: nothing about others, and these facts about the machine. */
static const char *const facts[] = {"/proc/self",
                                    "/proc/cpuinfo",
                                    "/proc/filesystems",
                                    "/proc/loadavg",
                                    "/proc/meminfo",
                                    "/proc/stat",
                                    "/proc/sys/vm/overcommit_memory",
                                    "/proc/uptime",
                                    "/proc/version"};

/* The kernel opens these to run any program; as files, so that nothing else of their folders may be run. */
static const char *const loaders[] = {
    "/lib64/ld-linux-x86-64.so.2",      "/lib/ld-linux-aarch64.so.1", "/lib/ld-linux-armhf.so.3",
    "/lib/ld-linux-riscv64-lp64d.so.1", "/lib64/ld64.so.2",           "/lib/ld64.so.1",
    "/lib/ld-musl-x86_64.so.1",         "/lib/ld-musl-aarch64.so.1"};

static void add(struct fl_confinement *confinement, const char *path, bool may_write, bool may_run) {
  if (confinement->path_count < FL_REACH_PATHS_MAX)
    confinement->paths[confinement->path_count++] = (struct fl_reach_path){path, may_write, may_run};
}

void fl_base_add(struct fl_confinement *confinement) {
  const struct fl_sandbox *sandbox = &confinement->sandbox;
  confinement->path_count = 0;
  for (size_t i = 0; i < sizeof base / sizeof *base; i++)
    add(confinement, base[i].path, base[i].may_write, base[i].may_run && sandbox->may_exec);
  if (confinement->has_namespaces) add(confinement, "/proc", false, false);
  for (size_t i = 0; !confinement->has_namespaces && i < sizeof facts / sizeof *facts; i++)
    add(confinement, facts[i], false, false);
  for (size_t i = 0; i < sizeof loaders / sizeof *loaders; i++) add(confinement, loaders[i], false, true);
  if (!confinement->is_copy) add(confinement, confinement->program, false, true);
  if (confinement->interpreter[0] != '\0') add(confinement, confinement->interpreter, false, true);
  for (size_t i = 0; i < sandbox->path_count; i++)
    add(confinement, sandbox->paths[i].path, sandbox->paths[i].may_write, sandbox->may_exec);
}

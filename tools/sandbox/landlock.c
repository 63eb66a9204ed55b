/* SPDX-License-Identifier: MIT */
/* Landlock. The constants are ours: the headers of a stable distribution lag behind kernels by years, and what the
 * running kernel knows is asked of it. */
#include "tools/sandbox/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

enum {
  CREATE_VERSION = 1,
  RULE_PATH_BENEATH = 1,
  RULE_NET_PORT = 2,
};

enum { NET_BIND_TCP = 1, NET_CONNECT_TCP = 2 };            /* from ABI 4 on */
enum { SCOPE_ABSTRACT_UNIX_SOCKET = 1, SCOPE_SIGNAL = 2 }; /* from ABI 6 on */
enum {
  FS_EXECUTE = 1 << 0,
  FS_WRITE_FILE = 1 << 1,
  FS_READ_FILE = 1 << 2,
  FS_READ_DIR = 1 << 3,
  FS_MAKE_CHAR = 1 << 6,
  FS_MAKE_BLOCK = 1 << 11,
  FS_ABI_1 = (1 << 13) - 1,
  FS_REFER = 1 << 13,     /* ABI 2 */
  FS_TRUNCATE = 1 << 14,  /* ABI 3 */
  FS_IOCTL_DEV = 1 << 15, /* ABI 5 */
  FS_OF_FILES = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV,
};

struct ruleset_attr {
  uint64_t handled_fs, handled_net, scoped;
};

struct path_attr {
  uint64_t allowed;
  int32_t parent_fd;
} __attribute__((packed));

struct port_attr {
  uint64_t allowed, port;
};

int fl_landlock_abi(void) {
  long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, CREATE_VERSION);
  return abi > 0 ? (int)abi : 0;
}

static uint64_t handled_by(int abi) {
  uint64_t rights = FS_ABI_1;
  if (abi >= 2) rights |= FS_REFER;
  if (abi >= 3) rights |= FS_TRUNCATE;
  if (abi >= 5) rights |= FS_IOCTL_DEV;
  return rights;
}

/* A new kernel ignores nothing: a field that it does not know must not be passed, even when it is 0. */
static size_t attr_size(int abi) { return abi >= 6 ? 24 : abi >= 4 ? 16 : 8; }

static uint64_t rights_of(const struct fl_reach_path *path, int abi) {
  uint64_t rights = FS_READ_FILE | FS_READ_DIR;
  if (path->may_write) rights = handled_by(abi) & ~(uint64_t)(FS_EXECUTE | FS_MAKE_CHAR | FS_MAKE_BLOCK | FS_IOCTL_DEV);
  if (path->may_run) rights |= FS_EXECUTE;
  return rights;
}

/* A path that is not there gives no right; whether it must be there is asked elsewhere. */
static int add_path(int ruleset, const struct fl_reach_path *path, int abi) {
  struct path_attr attr = {.allowed = rights_of(path, abi)};
  struct stat info;
  attr.parent_fd = open(path->path, O_PATH | O_CLOEXEC);
  if (attr.parent_fd < 0) return 0;
  if (fstat(attr.parent_fd, &info) == 0 && !S_ISDIR(info.st_mode)) attr.allowed &= FS_OF_FILES;
  long failure = syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &attr, 0);
  close(attr.parent_fd);
  return failure == 0 ? 0 : -1;
}

int fl_landlock_apply(const struct fl_confinement *confinement) {
  int abi = fl_landlock_abi();
  bool wants_files = fl_sandbox_wants(&confinement->sandbox, FL_LAYER_LANDLOCK);
  bool wants_scope = fl_sandbox_wants(&confinement->sandbox, FL_LAYER_SCOPE) && abi >= 6;
  if (abi == 0 || (!wants_files && !wants_scope)) return wants_files ? -1 : 0;
  struct ruleset_attr attr = {0};
  if (wants_files) attr.handled_fs = handled_by(abi);
  if (wants_files && abi >= 4) attr.handled_net = NET_BIND_TCP | NET_CONNECT_TCP;
  if (wants_scope) attr.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
  int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, attr_size(abi), 0);
  if (ruleset < 0) return -1;
  int failure = 0;
  for (size_t i = 0; wants_files && failure == 0 && i < confinement->path_count; i++)
    failure = add_path(ruleset, &confinement->paths[i], abi);
  if (failure == 0 && attr.handled_net != 0 && confinement->port != 0) {
    struct port_attr port = {NET_CONNECT_TCP, confinement->port};
    if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &port, 0) != 0) failure = -1;
  }
  if (failure == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) failure = -1;
  close(ruleset);
  return failure;
}

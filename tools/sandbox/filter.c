/* SPDX-License-Identifier: MIT */
/* The system calls that no tool needs, and those that the other layers do not judge (seccomp, by libseccomp).
 *
 * A list of what is refused, not of what is let through: a tool may be any program, and one that dies of a new libc's
 * new call is no safer. What a call of another architecture would do is not asked: it ends the process. */
#include "tools/sandbox/layers.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __NR_quotactl_fd
#define __NR_quotactl_fd 443
#endif

/* Other processes, the kernel itself, its clocks and keys, what is mounted, queues and memory shared by name. */
static const int never[] = {
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(process_madvise),
    SCMP_SYS(kcmp),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsmount),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fspick),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(setns),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(acct),
    SCMP_SYS(syslog),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(quotactl),
    __NR_quotactl_fd,
    SCMP_SYS(nfsservctl),
    SCMP_SYS(lookup_dcookie),
    SCMP_SYS(vhangup),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(fanotify_init),
    SCMP_SYS(modify_ldt),
    SCMP_SYS(uselib),
    SCMP_SYS(ustat),
    SCMP_SYS(sysfs),
    SCMP_SYS(shmget),
    SCMP_SYS(shmat),
    SCMP_SYS(shmctl),
    SCMP_SYS(msgget),
    SCMP_SYS(msgsnd),
    SCMP_SYS(msgrcv),
    SCMP_SYS(msgctl),
    SCMP_SYS(semget),
    SCMP_SYS(semop),
    SCMP_SYS(semtimedop),
    SCMP_SYS(semctl),
    SCMP_SYS(mq_open),
    SCMP_SYS(mq_unlink),
    SCMP_SYS(migrate_pages),
    SCMP_SYS(move_pages),
    SCMP_SYS(vm86),
    SCMP_SYS(vm86old),
};

/* Landlock does not judge these, so without a tree of its own the tool does without them, everywhere. */
static const int of_metadata[] = {
    SCMP_SYS(chmod),        SCMP_SYS(fchmod),       SCMP_SYS(fchmodat),  SCMP_SYS(chown),      SCMP_SYS(fchown),
    SCMP_SYS(lchown),       SCMP_SYS(fchownat),     SCMP_SYS(utime),     SCMP_SYS(utimes),     SCMP_SYS(futimesat),
    SCMP_SYS(utimensat),    SCMP_SYS(setxattr),     SCMP_SYS(lsetxattr), SCMP_SYS(fsetxattr),  SCMP_SYS(removexattr),
    SCMP_SYS(lremovexattr), SCMP_SYS(fremovexattr), 452 /* fchmodat2 */, 463 /* setxattrat */, 466 /* removexattrat */,
};

/* Without the kernel's scope of signals: to others, by whatever name. */
static const int of_others[] = {SCMP_SYS(tkill), SCMP_SYS(rt_sigqueueinfo), SCMP_SYS(pidfd_send_signal)};

#define DENIED SCMP_ACT_ERRNO(EPERM)

static int deny_all(scmp_filter_ctx filter, const int *calls, size_t count) {
  int failure = 0;
  for (size_t i = 0; failure == 0 && i < count; i++) failure = seccomp_rule_add(filter, DENIED, calls[i], 0);
  return failure;
}

#define DENY_ALL(filter, calls) deny_all((filter), (calls), sizeof(calls) / sizeof *(calls))

/* The lower half of an argument: the kernel reads an int there, whatever stands above it. */
static struct scmp_arg_cmp low(unsigned arg, uint32_t value) {
  return (struct scmp_arg_cmp){arg, SCMP_CMP_MASKED_EQ, UINT32_MAX, value};
}

static struct scmp_arg_cmp bit(unsigned arg, uint64_t value) {
  return (struct scmp_arg_cmp){arg, SCMP_CMP_MASKED_EQ, value, value};
}

static int deny_if(scmp_filter_ctx filter, int call, struct scmp_arg_cmp first) {
  return seccomp_rule_add_array(filter, DENIED, call, 1, &first);
}

/* clone3 passes its flags in memory, where a filter cannot look; libc then falls back to clone. */
static int deny_namespaces(scmp_filter_ctx filter) {
  static const uint32_t flags[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                   CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};
  int failure = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  for (size_t i = 0; failure == 0 && i < sizeof flags / sizeof *flags; i++) {
    failure = deny_if(filter, SCMP_SYS(clone), bit(0, flags[i]));
    if (failure == 0) failure = deny_if(filter, SCMP_SYS(unshare), bit(0, flags[i]));
  }
  if (failure == 0) failure = deny_if(filter, SCMP_SYS(unshare), bit(0, 0x80)); /* CLONE_NEWTIME */
  return failure;
}

/* Typing into somebody's terminal; having the kernel send signals for us. */
static int deny_side_doors(scmp_filter_ctx filter) {
  static const uint32_t requests[] = {TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP};
  int failure = 0;
  for (size_t i = 0; failure == 0 && i < sizeof requests / sizeof *requests; i++)
    failure = deny_if(filter, SCMP_SYS(ioctl), low(1, requests[i]));
  if (failure == 0) failure = deny_if(filter, SCMP_SYS(fcntl), low(1, F_SETOWN));
  if (failure == 0) failure = deny_if(filter, SCMP_SYS(fcntl), low(1, F_SETOWN_EX));
  return failure;
}

/* None, or streams to the proxy, which listens inside. A pair of sockets leads nowhere else. */
static int deny_sockets(scmp_filter_ctx filter, const struct fl_confinement *confinement) {
  enum { TYPES = 16 };
  const uint32_t family = AF_INET;
  if (confinement->port == 0) return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), 0);
  int failure = 0;
  const struct scmp_arg_cmp above = {0, SCMP_CMP_GT, family, 0}, below = {0, SCMP_CMP_LT, family, 0};
  failure = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), 1, &above);
  if (failure == 0) failure = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), 1, &below);
  for (uint32_t type = 0; failure == 0 && type < TYPES; type++) {
    const struct scmp_arg_cmp other = {1, SCMP_CMP_MASKED_EQ, TYPES - 1, type};
    if (type != SOCK_STREAM)
      failure = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), 1, &other);
  }
  return failure;
}

/* To itself alone: the numbers of its children are not known yet. */
static int deny_signals(scmp_filter_ctx filter) {
  static const int calls[] = {SCMP_SYS(kill), SCMP_SYS(tgkill), SCMP_SYS(rt_tgsigqueueinfo)};
  const struct scmp_arg_cmp other = {0, SCMP_CMP_NE, (uint64_t)getpid(), 0};
  int failure = DENY_ALL(filter, of_others);
  for (size_t i = 0; failure == 0 && i < sizeof calls / sizeof *calls; i++) failure = deny_if(filter, calls[i], other);
  return failure;
}

/* The one program that is started is told from all others by where the launcher keeps its name. */
static int deny_programs(scmp_filter_ctx filter, const struct fl_confinement *confinement,
                         const struct fl_program_call *call) {
  bool by_fd = confinement->program_fd >= 0;
  const struct scmp_arg_cmp path = {0, SCMP_CMP_NE, (uintptr_t)call->path, 0};
  const struct scmp_arg_cmp empty = {1, SCMP_CMP_NE, (uintptr_t)call->empty, 0};
  int failure = by_fd ? seccomp_rule_add(filter, DENIED, SCMP_SYS(execve), 0)
                      : seccomp_rule_add_array(filter, DENIED, SCMP_SYS(execve), 1, &path);
  if (failure != 0) return failure;
  return by_fd ? seccomp_rule_add_array(filter, DENIED, SCMP_SYS(execveat), 1, &empty)
               : seccomp_rule_add(filter, DENIED, SCMP_SYS(execveat), 0);
}

static int fill(scmp_filter_ctx filter, const struct fl_confinement *confinement, const struct fl_program_call *call) {
  int failure = DENY_ALL(filter, never);
  if (failure == 0) failure = deny_namespaces(filter);
  if (failure == 0) failure = deny_side_doors(filter);
  if (failure == 0) failure = deny_sockets(filter, confinement);
  if (failure == 0 && !confinement->has_namespaces) failure = DENY_ALL(filter, of_metadata);
  if (failure == 0 && !confinement->has_namespaces && !confinement->has_scope) failure = deny_signals(filter);
  if (failure == 0 && !confinement->sandbox.may_exec) failure = deny_programs(filter, confinement, call);
  return failure;
}

bool fl_filter_is_there(void) {
  uint32_t action = SECCOMP_RET_ERRNO;
  return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

int fl_filter_apply(const struct fl_confinement *confinement, const struct fl_program_call *call) {
  if (!fl_sandbox_wants(&confinement->sandbox, FL_LAYER_SECCOMP)) return 0;
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  if (filter == NULL) return -1;
  int failure = fill(filter, confinement, call);
  if (failure == 0) failure = seccomp_load(filter);
  seccomp_release(filter);
  if (failure != 0) errno = -failure;
  return failure == 0 ? 0 : -1;
}

/* SPDX-License-Identifier: MIT */
/* Other processes, namespaces, and the kernel. */
#include "tests/sandbox/attempts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int done(long result) { return result >= 0 ? 0 : errno; }

static int open_of(pid_t pid, const char *name, int flags) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
  return open(path, flags);
}

static int by_environ(const struct outside *outside) {
  return reads_secret(open_of(outside->victim, "environ", O_RDONLY));
}
static int by_memory(const struct outside *outside) { return done(open_of(outside->victim, "mem", O_RDWR)); }
static int by_command(const struct outside *outside) { return done(open_of(outside->victim, "cmdline", O_RDONLY)); }
static int by_descriptors(const struct outside *outside) { return done(open_of(outside->victim, "fd", O_RDONLY)); }

static int by_ptrace(const struct outside *outside) { return done(ptrace(PTRACE_SEIZE, outside->victim, NULL, NULL)); }

static int by_vm_read(const struct outside *outside) {
  char bytes[8];
  struct iovec here = {bytes, sizeof bytes}, there = {(void *)(uintptr_t)outside, 8};
  long size = process_vm_readv(outside->victim, &here, 1, &there, 1, 0);
  return size >= 0 || errno == EFAULT ? 0 : errno; /* a wrong address is past the door */
}

static int by_pidfd(const struct outside *outside) {
  int pidfd = (int)syscall(SYS_pidfd_open, outside->victim, 0);
  return pidfd < 0 ? errno : done(syscall(SYS_pidfd_getfd, pidfd, 0, 0));
}

static int by_perf(const struct outside *outside) {
  struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attr, .config = PERF_COUNT_SW_TASK_CLOCK};
  return done(syscall(SYS_perf_event_open, &attr, outside->victim, -1, -1, 0));
}

/* ---- signals: the victim has them blocked, and the driver looks whether one is pending ---- */

static int by_kill(const struct outside *outside) { return done(kill(outside->victim, SIGUSR1)); }
static int by_tgkill(const struct outside *outside) {
  return done(syscall(SYS_tgkill, outside->victim, outside->victim, SIGUSR1));
}

static int by_queue(const struct outside *outside) {
  siginfo_t info = {.si_code = SI_QUEUE, .si_pid = getpid(), .si_uid = getuid()};
  return done(syscall(SYS_rt_sigqueueinfo, outside->victim, SIGUSR1, &info));
}

static int by_pidfd_signal(const struct outside *outside) {
  int pidfd = (int)syscall(SYS_pidfd_open, outside->victim, 0);
  return pidfd < 0 ? errno : done(syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0));
}

/* The kernel sends it when something is to be read. Whether it came only the driver sees. */
static int by_owner(const struct outside *outside) {
  int ends[2];
  if (pipe(ends) != 0 || fcntl(ends[0], F_SETOWN, outside->victim) != 0) return errno;
  if (fcntl(ends[0], F_SETFL, O_ASYNC) != 0 || write(ends[1], "x", 1) != 1) return errno;
  return ENOMSG;
}

/* ---- namespaces ---- */

static int mount_in_it(const struct outside *outside) { return done(mount("none", outside->inside, "tmpfs", 0, NULL)); }

static int by_unshare(const struct outside *outside) {
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return errno;
  return mount_in_it(outside);
}

static int end_of_clone(const struct outside *outside, pid_t pid) {
  int status = 0;
  if (pid == 0) _exit(mount_in_it(outside));
  if (pid < 0) return errno;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

static int by_clone(const struct outside *outside) {
  return end_of_clone(outside, (pid_t)syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0));
}

static int by_clone3(const struct outside *outside) {
  struct clone_args args = {.flags = CLONE_NEWUSER | CLONE_NEWNS, .exit_signal = SIGCHLD};
  return end_of_clone(outside, (pid_t)syscall(SYS_clone3, &args, sizeof args));
}

static int by_setns(const struct outside *outside) {
  int fd = open_of(outside->victim, "ns/mnt", O_RDONLY);
  return fd < 0 ? errno : done(setns(fd, 0));
}

/* ---- the kernel ---- */

static int by_bpf(const struct outside *outside) {
  union bpf_attr attr = {.start_id = 0};
  long result = syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &attr, sizeof attr);
  return result == 0 || errno == ENOENT ? 0 : errno; /* none is an answer */
}

static int by_key(const struct outside *outside) {
  char text[64] = "";
  if (outside->key <= 0) return ENOKEY;
  return done(syscall(SYS_keyctl, KEYCTL_READ, outside->key, text, sizeof text));
}

static int by_core_pattern(const struct outside *outside) {
  return done(open("/proc/sys/kernel/core_pattern", O_WRONLY));
}

static int by_sysrq(const struct outside *outside) { return done(open("/proc/sysrq-trigger", O_WRONLY)); }

static int by_device(const struct outside *outside) {
  const char *name = inside_path(outside, "disk");
  return mknod(name, S_IFBLK | 0600, makedev(254, 0)) != 0 ? errno : 0;
}

static int by_chroot(const struct outside *outside) { return done(chroot(outside->inside)); }

static int by_shared_memory(const struct outside *outside) {
  return done(shmget((key_t)outside->driver, 16, 0600)); /* the driver's segment has its pid as key */
}

/* Into a cgroup of its own making, out of the one that its limits stand in. */
static int by_cgroup(const struct outside *outside) {
  const char *tree = access("/sys/fs/cgroup/cgroup.procs", F_OK) == 0 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified";
  char folder[100], file[120], home[120];
  snprintf(folder, sizeof folder, "%s/escape-%d", tree, (int)getpid());
  snprintf(file, sizeof file, "%s/cgroup.procs", folder);
  snprintf(home, sizeof home, "%s/cgroup.procs", tree);
  if (mkdir(folder, 0700) != 0) return errno;
  int fd = open(file, O_WRONLY), why = fd >= 0 && write(fd, "0", 1) == 1 ? 0 : errno;
  if (fd >= 0) close(fd);
  fd = open(home, O_WRONLY); /* back again: it was only to be shown */
  if (fd >= 0 && write(fd, "0", 1) != 1) why = why != 0 ? why : EBUSY;
  if (fd >= 0) close(fd);
  rmdir(folder);
  return why;
}

const struct attempt process_attempts[] = {{"environ of another", by_environ, false},
                                           {"memory of another", by_memory, false},
                                           {"cmdline of another", by_command, false},
                                           {"fds of another", by_descriptors, false},
                                           {"ptrace", by_ptrace, false},
                                           {"process_vm_readv", by_vm_read, false},
                                           {"pidfd_getfd", by_pidfd, false},
                                           {"perf_event_open", by_perf, false},
                                           {"kill", by_kill, false},
                                           {"tgkill", by_tgkill, false},
                                           {"rt_sigqueueinfo", by_queue, false},
                                           {"pidfd_send_signal", by_pidfd_signal, false},
                                           {"F_SETOWN", by_owner, false},
                                           {"unshare", by_unshare, false},
                                           {"clone", by_clone, false},
                                           {"clone3", by_clone3, false},
                                           {"setns", by_setns, true},
                                           {"bpf", by_bpf, true},
                                           {"key of the session", by_key, false},
                                           {"core_pattern", by_core_pattern, true},
                                           {"sysrq", by_sysrq, true},
                                           {"block device", by_device, true},
                                           {"chroot", by_chroot, true},
                                           {"cgroup", by_cgroup, true},
                                           {"shared memory", by_shared_memory, false},
                                           {NULL, NULL, false}};

/* SPDX-License-Identifier: MIT */
#include "mcp/transport/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pipe is opened anew, so that it does not share its flags with whoever else has it; anything else is duplicated. */
static int take_fd(int fd, int mode) {
  struct stat info;
  char path[32];
  if (fstat(fd, &info) != 0) return -1;
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int taken = S_ISFIFO(info.st_mode) ? open(path, mode | O_CLOEXEC) : -1;
  if (taken < 0) taken = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (taken < 0 || taken > 2) return taken;
  int high = fcntl(taken, F_DUPFD_CLOEXEC, 3); /* one of 0, 1, 2 was not open */
  close(taken);
  return high;
}

static int point_fd_at(int fd, int target) {
  int failure = target >= 0 && dup2(target, fd) >= 0 ? 0 : -1;
  return failure;
}

int fl_stdio_take(struct fl_stdio *ret_stdio, struct fl_error *err) {
  int in = take_fd(0, O_RDONLY), out = in >= 0 ? take_fd(1, O_WRONLY) : -1;
  int null_fd = out >= 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
  int elsewhere = fcntl(2, F_GETFD) >= 0 ? 2 : null_fd;
  int status = 0;
  if (null_fd < 0 || point_fd_at(0, null_fd) < 0 || point_fd_at(1, elsewhere) < 0)
    status = fl_error_set(err, FL_E_IO, "standard input and output cannot be used: %s", strerror(errno));
  if (null_fd > 2) close(null_fd);
  if (status == 0) {
    *ret_stdio = (struct fl_stdio){.in = in, .out = out};
    return 0;
  }
  if (in >= 0) close(in);
  if (out >= 0) close(out);
  return status;
}

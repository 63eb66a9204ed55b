/* SPDX-License-Identifier: MIT */
/* The desktop's browser: a program is started with the URL as one argument, never by a shell, and only for http and
 * https. It is nobody's child: it has a session of its own and outlives us, since a person goes on using it. That is
 * why it is not started by fl_process_start, which leaves nothing behind. */
#include "mcp/auth/auth.h"
#include "runtime/base/mem.h"
#include "runtime/io/locate.h"
#include "runtime/wire/url.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Between fork and exec: only what is safe after a fork of a program with threads. */
_Noreturn static void become(const char *const *argv) {
  if (setsid() < 0 || fork() != 0) _exit(0); /* the grandchild belongs to init */
  int nowhere = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3 && nowhere >= 0; fd++) dup2(nowhere, fd);
  execvp(argv[0], (char *const *)(uintptr_t)argv);
  _exit(127);
}

static int start(const char *const *argv, struct fl_error *err) {
  pid_t pid = fork();
  if (pid == 0) become(argv);
  if (pid < 0) return fl_error_set(err, FL_E_IO, "cannot start the browser: %s", strerror(errno));
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue; /* it ends at once */
  return 0;
}

int fl_mcp_auth_open_browser(const char *url, struct fl_error *err) {
  struct fl_url parsed = {0};
  int failure = fl_url_parse(fl_slice_of(url), FL_URL_HTTP, &parsed, err);
  if (failure != 0) return failure;
  FL_FREE_AUTO char *normal = fl_url_format(&parsed); /* no white space, no quotes, no dash in front */
  fl_url_deinit(&parsed);
  const char *named = secure_getenv("FAIRLEAD_BROWSER"); /* one program, no arguments */
  const char *argv[] = {named != NULL && *named != '\0' ? named : "xdg-open", normal, NULL};
  failure = fl_locate_program(argv[0], NULL, NULL, err);
  return failure != 0 ? failure : start(argv, err);
}

/* SPDX-License-Identifier: MIT */
/* Processes, under the launcher: our child is the launcher, which stands over the tool for as long as it lives (see
 * tools/sandbox/launch.h). We hold the tool's three pipes and the control socket on which a byte asks the launcher for
 * a signal, and whose end (also by our death) asks it to end everything; a limit that has ended the tool is told on it.
 *
 * Happy path: start, data both ways, the outputs end, the launcher exits with the tool's status, on_exit.
 * Failure modes: a tool that ignores the end of its input (fl_process_end escalates: TERM, then KILL); a launcher that
 * does not answer within ANSWER_MS of a KILL (is killed itself; the tool has asked the kernel to die with it); a
 * process that has escaped with a pipe of ours (DRAIN_MS after the exit, when nothing has come in that time, or after
 * DRAINS_MAX times that, the pipes are closed from our side). */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/base/secret.h"
#include "runtime/io/locate.h"
#include "runtime/io/uv_proxy.h"
#include "runtime/io/world_uv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ANSWER_MS = 1000, DRAIN_MS = 250, DRAINS_MAX = 20 };
enum { FD_STDIN, FD_STDOUT, FD_STDERR, FD_CONTROL, FD_POLICY, FD_ENV, FD_COUNT };
enum stage { STAGE_RUNNING, STAGE_INPUT_CLOSED, STAGE_TERM, STAGE_KILL, STAGE_DRAIN };

struct process_impl {
  struct fl_impl head;
  struct fl_process *process;
  uv_process_t handle;
  struct uv_duct in, out, errors;
  int control_fd;
  uv_poll_t control_poll; /* with a proxy only */
  bool has_control_poll;
  char **hosts; /* of the proxy; NULL: none, or it has them */
  struct uv_proxy *proxy;
  struct fl_timer timer;
  enum stage stage;
  uint32_t grace_ms;
  unsigned open_count; /* ducts and handle that are not closed */
  bool has_exited;
  bool has_read; /* since the timer was started that waits for the rest of the outputs */
  int drain_count;
  bool is_killed;
  int exit_status, term_signal;
};

/* ---- the end ---- */

static void free_hosts(char **hosts) {
  for (size_t i = 0; hosts != NULL && hosts[i] != NULL; i++) fl_free(hosts[i]);
  fl_free(hosts);
}

static void part_closed(struct process_impl *impl) {
  if (--impl->open_count > 0) return;
  struct fl_process *process = impl->process;
  int exit_status = impl->exit_status, term_signal = impl->term_signal;
  fl_timer_stop(impl->head.world, &impl->timer);
  uv_world_of(impl->head.world)->open_count--;
  free_hosts(impl->hosts);
  process->impl = NULL;
  process->pid = 0;
  fl_free(impl);
  process->on_exit(process, exit_status, term_signal);
}

static struct process_impl *impl_of_in(struct uv_duct *duct) {
  return (struct process_impl *)((char *)duct - offsetof(struct process_impl, in));
}

static struct process_impl *impl_of_out(struct uv_duct *duct) {
  return (struct process_impl *)((char *)duct - offsetof(struct process_impl, out));
}

static struct process_impl *impl_of_errors(struct uv_duct *duct) {
  return (struct process_impl *)((char *)duct - offsetof(struct process_impl, errors));
}

static void on_in_closed(struct uv_duct *duct) { part_closed(impl_of_in(duct)); }
static void on_out_closed(struct uv_duct *duct) { part_closed(impl_of_out(duct)); }
static void on_errors_closed(struct uv_duct *duct) { part_closed(impl_of_errors(duct)); }

/* ---- output ---- */

static void on_out_data(struct uv_duct *duct, fl_slice data) {
  impl_of_out(duct)->has_read = true;
  struct fl_process *process = impl_of_out(duct)->process;
  if (process->on_stdout != NULL) process->on_stdout(process, data);
}

static void on_errors_data(struct uv_duct *duct, fl_slice data) {
  impl_of_errors(duct)->has_read = true;
  struct fl_process *process = impl_of_errors(duct)->process;
  if (process->on_stderr != NULL) process->on_stderr(process, data);
}

static void on_out_end(struct uv_duct *duct, int status) {
  struct fl_process *process = impl_of_out(duct)->process;
  uv_duct_close(duct, false);
  if (process->on_stdout_end != NULL) process->on_stdout_end(process);
}

static void on_errors_end(struct uv_duct *duct, int status) { uv_duct_close(duct, false); }

/* ---- exit and signals ---- */

static void close_control(struct process_impl *impl) {
  if (impl->has_control_poll && impl->control_fd >= 0) uv_poll_stop(&impl->control_poll);
  if (impl->control_fd >= 0) close(impl->control_fd);
  impl->control_fd = -1;
}

static void on_handle_closed(uv_handle_t *handle) {
  struct process_impl *impl = handle->data;
  uv_world_handle_closed(uv_world_of(impl->head.world));
  part_closed(impl);
}

static void open_proxy(struct process_impl *impl, int fd) {
  char **hosts = impl->hosts;
  impl->hosts = NULL;
  if (hosts != NULL) impl->proxy = uv_proxy_open(impl->head.world, fd, hosts, NULL);
  else close(fd); /* there is one already, or none was asked for */
}

/* What the launcher says: "proxy\n" with a listening socket, "limit memory\n". False: nothing (more). */
static bool read_control(struct process_impl *impl) {
  char text[64];
  union {
    struct cmsghdr head;
    char space[CMSG_SPACE(sizeof(int))];
  } rights;
  struct iovec part = {text, sizeof text - 1};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = rights.space, .msg_controllen = sizeof rights.space};
  ssize_t size = impl->control_fd >= 0 ? recvmsg(impl->control_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) : -1;
  if (size <= 0) return false;
  text[size] = '\0';
  const struct cmsghdr *first = CMSG_FIRSTHDR(&message);
  int fd = -1;
  if (first != NULL && first->cmsg_type == SCM_RIGHTS) memcpy(&fd, CMSG_DATA(first), sizeof fd);
  if (fd >= 0) open_proxy(impl, fd);
  if (strncmp(text, "limit ", 6) == 0)
    snprintf(impl->process->limit, sizeof impl->process->limit, "%.*s", (int)strcspn(text + 6, "\n"), text + 6);
  return true;
}

static void on_control(uv_poll_t *poll, int status, int events) {
  struct process_impl *impl = poll->data;
  if (status < 0 || !read_control(impl)) uv_poll_stop(poll);
}

static void on_control_closed(uv_handle_t *handle) {
  struct process_impl *impl = handle->data;
  uv_world_handle_closed(uv_world_of(impl->head.world));
  part_closed(impl);
}

static void on_uv_exit(uv_process_t *handle, int64_t exit_status, int term_signal) {
  struct process_impl *impl = handle->data;
  impl->has_exited = true;
  impl->exit_status = (int)exit_status;
  impl->term_signal = term_signal;
  while (read_control(impl)) continue;
  close_control(impl);
  uv_proxy_close(impl->proxy);
  if (impl->has_control_poll) uv_close((uv_handle_t *)&impl->control_poll, on_control_closed);
  uv_duct_close(&impl->in, false);
  uv_close((uv_handle_t *)handle, on_handle_closed);
  impl->stage = STAGE_DRAIN;
  fl_timer_start(impl->head.world, &impl->timer, DRAIN_MS);
}

static void send_signal(struct process_impl *impl, int signal_number) {
  unsigned char byte = (unsigned char)signal_number;
  if (impl->control_fd >= 0 && send(impl->control_fd, &byte, 1, MSG_NOSIGNAL) != 1)
    close_control(impl); /* full or gone: its end kills */
}

static void send_kill(struct process_impl *impl) {
  send_signal(impl, SIGKILL);
  if (impl->stage == STAGE_DRAIN || impl->is_killed) return;
  impl->is_killed = true;
  impl->stage = STAGE_KILL;
  fl_timer_start(impl->head.world, &impl->timer, ANSWER_MS);
}

static void close_outputs(struct process_impl *impl) {
  if (impl->out.fd >= 0) on_out_end(&impl->out, 0);
  if (impl->errors.fd >= 0) on_errors_end(&impl->errors, 0);
}

/* What stands in the pipes is not lost because we were slow: on a busy machine the timer may fire ahead of the read. */
static void end_drain(struct process_impl *impl) {
  bool goes_on = (impl->has_read || impl->drain_count == 0) && impl->drain_count < DRAINS_MAX;
  impl->has_read = false;
  impl->drain_count++;
  if (goes_on) fl_timer_start(impl->head.world, &impl->timer, impl->drain_count == 1 ? 1 : DRAIN_MS);
  else close_outputs(impl);
}

static void on_timer(struct fl_timer *timer) {
  struct process_impl *impl = timer->user;
  switch (impl->stage) {
  case STAGE_RUNNING: break;
  case STAGE_INPUT_CLOSED:
    send_signal(impl, SIGTERM);
    impl->stage = STAGE_TERM;
    fl_timer_start(impl->head.world, timer, impl->grace_ms);
    break;
  case STAGE_TERM: send_kill(impl); break;
  case STAGE_KILL: uv_process_kill(&impl->handle, SIGKILL); break;
  case STAGE_DRAIN: end_drain(impl); break;
  }
}

/* ---- start ---- */

struct plan {
  int ours[FD_COUNT], theirs[FD_COUNT]; /* -1 when not open */
  char *launcher;
  const char **argv;
};

static void close_fds(int fds[FD_COUNT]) {
  for (int i = 0; i < FD_COUNT; i++)
    if (fds[i] >= 0) close(fds[i]);
}

static void plan_deinit(struct plan *plan) {
  close_fds(plan->ours);
  close_fds(plan->theirs);
  fl_free(plan->launcher);
  fl_free(plan->argv);
}

/* A file in memory, so that neither side waits for the other. */
static int write_memory(int fd, fl_slice text) {
  for (size_t at = 0; at < text.size;) {
    ssize_t size = write(fd, text.data + at, text.size - at);
    if (size < 0 && errno != EINTR) return -1;
    if (size > 0) at += (size_t)size;
  }
  return 0;
}

static int open_memory(int *ret_fd, fl_slice text) {
  int fd = memfd_create("fairlead-launch", MFD_CLOEXEC);
  if (fd < 0) return -1;
  *ret_fd = fd; /* the plan's from now on */
  if (write_memory(fd, text) < 0) return -1;
  return lseek(fd, 0, SEEK_SET) == 0 ? 0 : -1;
}

/* Values of secrets go from their locked memory to the file, and stand nowhere else of ours. */
static int open_environment(int *ret_fd, const struct fl_process_options *options) {
  FL_BUF_AUTO text = {0};
  for (const char *const *env = options->env; *env != NULL; env++) fl_buf_add(&text, *env, strlen(*env) + 1);
  int failure = text.failed ? -1 : open_memory(ret_fd, fl_buf_slice(&text));
  if (failure == 0 && lseek(*ret_fd, 0, SEEK_END) < 0) return -1;
  for (size_t i = 0; failure == 0 && i < options->secret_count; i++) {
    const struct fl_process_secret *secret = &options->secrets[i];
    failure = write_memory(*ret_fd, fl_slice_of(secret->name)) | write_memory(*ret_fd, FL_SLICE("="));
    if (failure == 0) failure = write_memory(*ret_fd, fl_secret_slice(secret->value));
    if (failure == 0) failure = write_memory(*ret_fd, fl_slice_n("", 1));
  }
  return failure == 0 && lseek(*ret_fd, 0, SEEK_SET) == 0 ? 0 : -1;
}

static int open_pipes(struct plan *plan, const struct fl_process_options *options, struct fl_error *err) {
  for (int i = 0; i <= FD_CONTROL; i++) {
    int ends[2];
    if (i == FD_CONTROL ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0 : pipe2(ends, O_CLOEXEC) != 0)
      return fl_error_set(err, FL_E_IO, "cannot start \"%s\": no pipe: %s", options->argv[0], strerror(errno));
    bool we_read = i == FD_STDOUT || i == FD_STDERR;
    plan->ours[i] = ends[we_read ? 0 : 1];
    plan->theirs[i] = ends[we_read ? 1 : 0];
  }
  fcntl(plan->ours[FD_CONTROL], F_SETFL, O_NONBLOCK);
  int failure = options->policy != NULL ? open_memory(&plan->theirs[FD_POLICY], fl_slice_of(options->policy)) : 0;
  if (failure == 0 && options->env != NULL) failure = open_environment(&plan->theirs[FD_ENV], options);
  if (failure == 0) return 0;
  return fl_error_set(err, FL_E_IO, "cannot start \"%s\": no room for its policy and environment: %s", options->argv[0],
                      strerror(errno));
}

static void fill_argv(struct plan *plan, const struct fl_process_options *options, const char *parent) {
  size_t count = 0, at = 0;
  while (options->argv[count] != NULL) count++;
  plan->argv = fl_alloc(sizeof *plan->argv * (count + 12));
  plan->argv[at++] = "fairlead-launch";
  plan->argv[at++] = "--control-fd";
  plan->argv[at++] = "3";
  if (options->policy != NULL) plan->argv[at++] = "--policy-fd";
  if (options->policy != NULL) plan->argv[at++] = "4";
  if (options->env != NULL) plan->argv[at++] = "--env-fd";
  if (options->env != NULL) plan->argv[at++] = "5";
  plan->argv[at++] = "--parent";
  plan->argv[at++] = parent;
  plan->argv[at++] = "--";
  memcpy(plan->argv + at, options->argv, sizeof *plan->argv * (count + 1));
}

static int check_cwd(const struct fl_process_options *options, struct fl_error *err) {
  struct stat info;
  if (options->cwd == NULL) return 0;
  if (stat(options->cwd, &info) == 0 && S_ISDIR(info.st_mode)) return 0;
  return fl_error_set(err, FL_E_NOT_FOUND, "cannot start \"%s\": its working folder %s does not exist",
                      options->argv[0], options->cwd);
}

static int prepare(struct plan *plan, const struct fl_process_options *options, struct fl_error *err) {
  int failure = check_cwd(options, err);
  if (failure == 0) failure = fl_locate_program(options->argv[0], options->env, options->cwd, err);
  if (failure == 0)
    failure = fl_locate_companion("FAIRLEAD_LAUNCHER", FL_LIBEXECDIR, "fairlead-launch", &plan->launcher, err);
  if (failure == 0) failure = open_pipes(plan, options, err);
  return failure;
}

static int spawn(struct process_impl *impl, const struct plan *plan, const struct fl_process_options *options,
                 struct fl_error *err) {
  uv_stdio_container_t stdio[FD_COUNT];
  for (int i = 0; i < FD_COUNT; i++) {
    stdio[i].flags = plan->theirs[i] >= 0 ? UV_INHERIT_FD : UV_IGNORE;
    stdio[i].data.fd = plan->theirs[i];
  }
  uv_process_options_t spawning = {.exit_cb = on_uv_exit,
                                   .file = plan->launcher,
                                   .args = (char **)plan->argv,
                                   .cwd = options->cwd,
                                   .stdio = stdio,
                                   .stdio_count = FD_COUNT};
  struct uv_world *world = uv_world_of(impl->head.world);
  impl->handle.data = impl;
  impl->open_count = 1;
  uv_world_handle_opened(world);
  int failure = uv_spawn(world->loop, &impl->handle, &spawning);
  if (failure == 0) return 0;
  return fl_error_set(err, FL_E_IO, "cannot start \"%s\" by %s: %s", options->argv[0], plan->launcher,
                      uv_strerror(failure));
}

/* The lines "host NAME:PORT" of a policy; NULL: there are none. */
static char **read_hosts(const char *policy) {
  size_t count = 0;
  char **hosts = NULL;
  for (const char *line = policy; line != NULL && *line != '\0';) {
    size_t size = strcspn(line, "\n");
    if (size > 5 && strncmp(line, "host ", 5) == 0) {
      hosts = fl_realloc(hosts, (count + 2) * sizeof *hosts);
      hosts[count++] = fl_strndup(line + 5, size - 5);
      hosts[count] = NULL;
    }
    line += size + (line[size] == '\n');
  }
  return hosts;
}

static void watch_control(struct process_impl *impl) {
  struct uv_world *world = uv_world_of(impl->head.world);
  fl_check(uv_poll_init(world->loop, &impl->control_poll, impl->control_fd) == 0);
  uv_world_handle_opened(world);
  impl->control_poll.data = impl;
  impl->has_control_poll = true;
  impl->open_count++;
  uv_poll_start(&impl->control_poll, UV_READABLE, on_control);
}

/* A pipe that epoll refuses is not expected; if it happens, the process is killed and ends in the ordinary way. */
static void attach(struct process_impl *impl, struct plan *plan) {
  struct uv_world *world = uv_world_of(impl->head.world);
  struct uv_duct *ducts[] = {&impl->in, &impl->out, &impl->errors};
  impl->in.on_closed = on_in_closed;
  impl->out.on_data = on_out_data;
  impl->out.on_end = on_out_end;
  impl->out.on_closed = on_out_closed;
  impl->errors.on_data = on_errors_data;
  impl->errors.on_end = on_errors_end;
  impl->errors.on_closed = on_errors_closed;
  for (int i = FD_STDIN; i <= FD_STDERR; i++) {
    fl_check(uv_duct_open(world, ducts[i], plan->ours[i], i != FD_STDIN, NULL) == 0);
    plan->ours[i] = -1;
    impl->open_count++;
  }
  impl->control_fd = plan->ours[FD_CONTROL];
  plan->ours[FD_CONTROL] = -1;
  if (impl->hosts != NULL) watch_control(impl);
}

static void on_failed_handle_closed(uv_handle_t *handle) {
  struct process_impl *impl = handle->data;
  uv_world_handle_closed(uv_world_of(impl->head.world));
  fl_free(impl);
}

int uv_world_process_start(struct fl_world *base, struct fl_process *process, const struct fl_process_options *options,
                           struct fl_error *err) {
  __attribute__((cleanup(plan_deinit))) struct plan plan = {.ours = {-1, -1, -1, -1, -1, -1},
                                                            .theirs = {-1, -1, -1, -1, -1, -1}};
  int failure = prepare(&plan, options, err);
  if (failure != 0) return failure;
  char parent[16];
  snprintf(parent, sizeof parent, "%d", (int)getpid());
  fill_argv(&plan, options, parent);
  struct process_impl *impl = fl_new(struct process_impl);
  impl->head.world = base;
  impl->process = process;
  impl->control_fd = -1;
  impl->timer = (struct fl_timer){.on_fire = on_timer, .user = impl};
  failure = spawn(impl, &plan, options, err);
  if (failure != 0) {
    uv_close((uv_handle_t *)&impl->handle, on_failed_handle_closed);
    return failure;
  }
  impl->hosts = read_hosts(options->policy);
  attach(impl, &plan);
  process->impl = impl;
  process->limit[0] = '\0';
  process->pid = impl->handle.pid;
  uv_world_of(base)->open_count++;
  return 0;
}

/* ---- the other calls ---- */

int uv_world_process_write(struct fl_process *process, fl_slice data) {
  struct process_impl *impl = process->impl;
  return uv_duct_write(&impl->in, data);
}

void uv_world_process_close_stdin(struct fl_process *process) {
  struct process_impl *impl = process->impl;
  if (!impl->in.is_closing) uv_duct_close(&impl->in, true);
}

void uv_world_process_kill(struct fl_process *process, int signal_number) {
  struct process_impl *impl = process->impl;
  if (signal_number == SIGKILL) send_kill(impl);
  else send_signal(impl, signal_number);
}

void uv_world_process_end(struct fl_process *process, uint32_t grace_ms) {
  struct process_impl *impl = process->impl;
  if (impl->stage != STAGE_RUNNING) return;
  uv_world_process_close_stdin(process);
  impl->stage = STAGE_INPUT_CLOSED;
  impl->grace_ms = grace_ms;
  fl_timer_start(impl->head.world, &impl->timer, grace_ms);
}

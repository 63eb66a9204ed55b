/* SPDX-License-Identifier: MIT */
#include "tests/sandbox/world.h"

#include "tests/sandbox/attempts.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void must(bool is_good, const char *what) {
  if (is_good) return;
  fprintf(stderr, "sandbox: %s: %s\n", what, strerror(errno));
  exit(2);
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- files ---- */

static const char *path_in(const char *folder, const char *name) {
  static char text[256];
  snprintf(text, sizeof text, "%s/%s", folder, name);
  return text;
}

static void write_file(const char *path, const char *text, mode_t mode) {
  int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
  must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(fd, mode) == 0, path);
  close(fd);
}

static void copy_file(const char *from, const char *to) {
  char bytes[65536];
  int in = open(from, O_RDONLY), out = open(to, O_CREAT | O_WRONLY | O_TRUNC, 0755);
  must(in >= 0 && out >= 0, from);
  for (ssize_t size; (size = read(in, bytes, sizeof bytes)) > 0;) must(write(out, bytes, (size_t)size) == size, to);
  close(in);
  close(out);
}

static const char *const outside_files[] = {"victim", "moving", "doomed"};

static void make_files(struct world *world, const char *launcher, const char *hostile) {
  snprintf(world->folder, sizeof world->folder, "/tmp/fairlead-sandbox-XXXXXX");
  must(mkdtemp(world->folder) != NULL, "a folder in /tmp");
  snprintf(world->outside, sizeof world->outside, "%s/outside", world->folder);
  snprintf(world->inside, sizeof world->inside, "%s/inside", world->folder);
  snprintf(world->program, sizeof world->program, "%s/tool-%d", world->folder, (int)getpid());
  snprintf(world->launcher, sizeof world->launcher, "%s/launcher", world->folder);
  must(mkdir(world->outside, 0700) == 0 && mkdir(world->inside, 0700) == 0, "folders");
  write_file(path_in(world->outside, "secret"), "SECRET\n", 0600);
  write_file(path_in(world->folder, "readable"), "SECRET that may be read\n", 0600);
  for (size_t i = 0; i < sizeof outside_files / sizeof *outside_files; i++)
    write_file(path_in(world->outside, outside_files[i]), "untouched\n", 0600);
  copy_file(hostile, world->program);
  copy_file(launcher, world->launcher);
  copy_file("/bin/true", path_in(world->outside, "program"));
}

/* ---- sockets and processes ---- */

static int listen_at(const struct sockaddr *address, size_t size, int type) {
  int fd = socket(address->sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  must(fd >= 0 && bind(fd, address, (socklen_t)size) == 0, "a socket");
  if (type == SOCK_STREAM) must(listen(fd, 8) == 0, "listen");
  return fd;
}

static uint16_t port_of(int fd) {
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  must(getsockname(fd, (struct sockaddr *)&address, &size) == 0, "getsockname");
  return ntohs(address.sin_port);
}

static void make_sockets(struct world *world) {
  struct sockaddr_in loopback = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
  world->tcp_fd = listen_at((struct sockaddr *)&loopback, sizeof loopback, SOCK_STREAM);
  world->udp_fd = listen_at((struct sockaddr *)&loopback, sizeof loopback, SOCK_DGRAM);
  world->tcp = port_of(world->tcp_fd);
  world->udp = port_of(world->udp_fd);
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  int size = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "fairlead-sandbox-%d", (int)getpid());
  world->abstract_fd =
      listen_at((struct sockaddr *)&name, offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size, SOCK_STREAM);
  snprintf(name.sun_path, sizeof name.sun_path, "%.90s/socket", world->outside);
  world->path_fd = listen_at((struct sockaddr *)&name, sizeof name, SOCK_STREAM);
}

/* Signals stay pending with it, where they can be seen. */
static void make_victim(struct world *world) {
  world->victim = fork();
  must(world->victim >= 0, "fork");
  if (world->victim == 0) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    execle("/bin/sleep", "sleep", "600", (char *)NULL, (const char *const[]){"KEY=SECRET", NULL});
    _exit(1);
  }
  char path[64], name[32] = "";
  snprintf(path, sizeof path, "/proc/%d/comm", (int)world->victim);
  for (int i = 0; i < 1000 && strncmp(name, "sleep", 5) != 0; i++) {
    int fd = open(path, O_RDONLY);
    must(fd >= 0 && read(fd, name, sizeof name - 1) >= 0, path);
    close(fd);
    usleep(1000);
  }
}

void world_make(struct world *world, const char *launcher, const char *hostile) {
  make_files(world, launcher, hostile);
  make_sockets(world);
  make_victim(world);
  syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
  world->key = (int)syscall(SYS_add_key, "user", "fairlead-sandbox", "SECRET", 6, KEY_SPEC_SESSION_KEYRING);
  world->shared_memory = shmget((key_t)getpid(), 16, IPC_CREAT | 0600);
  must(chdir(world->outside) == 0, world->outside);
}

/* ---- harm ---- */

static bool is_whole(const char *path) {
  char text[32] = "";
  struct stat info;
  int fd = open(path, O_RDONLY);
  ssize_t size = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
  bool is_good = size > 0 && strcmp(text, "untouched\n") == 0 && fstat(fd, &info) == 0 &&
                 (info.st_mode & 07777) == 0600 && info.st_mtime > 1 && info.st_nlink == 1;
  if (fd >= 0) close(fd);
  return is_good;
}

static size_t count_entries(const char *path) {
  size_t count = 0;
  DIR *folder = opendir(path);
  must(folder != NULL, path);
  while (readdir(folder) != NULL) count++;
  closedir(folder);
  return count - 2;
}

static bool has_signal(pid_t pid) {
  char path[64], text[4096] = "";
  snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
  int fd = open(path, O_RDONLY);
  must(fd >= 0 && read(fd, text, sizeof text - 1) > 0, path);
  close(fd);
  const char *own = strstr(text, "SigPnd:"), *shared = strstr(text, "ShdPnd:");
  must(own != NULL && shared != NULL, "pending signals");
  return strtoull(own + 7, NULL, 16) != 0 || strtoull(shared + 7, NULL, 16) != 0 || waitpid(pid, NULL, WNOHANG) != 0;
}

const char *world_harm(const struct world *world) {
  char bytes[64];
  for (size_t i = 0; i < sizeof outside_files / sizeof *outside_files; i++)
    if (!is_whole(path_in(world->outside, outside_files[i]))) return "a file outside is changed";
  if (count_entries(world->outside) != 6) return "there are other files outside than before";
  if (has_signal(world->victim)) return "another process got a signal";
  if (recv(world->udp_fd, bytes, sizeof bytes, 0) >= 0) return "a datagram came out";
  const int listeners[] = {world->tcp_fd, world->abstract_fd, world->path_fd};
  for (size_t i = 0; i < sizeof listeners / sizeof *listeners; i++)
    if (accept(listeners[i], NULL, NULL) >= 0) return "a connection came out";
  return NULL;
}

static void remove_tree(const char *path) {
  DIR *folder = opendir(path);
  for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    char inner[512];
    snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
    if (unlink(inner) != 0) remove_tree(inner);
  }
  if (folder != NULL) closedir(folder);
  rmdir(path);
}

void world_clear(struct world *world) {
  const int fds[] = {world->tcp_fd, world->udp_fd, world->abstract_fd, world->path_fd};
  for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) close(fds[i]);
  kill(world->victim, SIGKILL);
  waitpid(world->victim, NULL, 0);
  if (world->shared_memory >= 0) shmctl(world->shared_memory, IPC_RMID, NULL);
  must(chdir("/") == 0, "/");
  umount2(path_in(world->inside, "bound"), MNT_DETACH); /* what the attempt has bound there without a sandbox */
  remove_tree(world->folder);
}

/* ---- the launcher ---- */

static int memory_with(const char *text) {
  int fd = memfd_create("policy", 0);
  must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "the policy");
  return fd;
}

static void place(int fd, int number) {
  must(dup2(fd, number) == number, "dup2");
  fcntl(number, F_SETFD, 0);
}

static _Noreturn void become(const struct world *world, const char *policy, const char *const *words, int control) {
  const char *argv[24] = {"launcher", "--control-fd", "60", "--policy-fd", "61", "--parent", NULL, "--"};
  char parent[16];
  size_t count = 8;
  snprintf(parent, sizeof parent, "%d", (int)getppid());
  argv[6] = parent;
  place(open(world->outside, O_RDONLY | O_DIRECTORY), LEAKED_FOLDER_FD);
  place(open(path_in(world->outside, "secret"), O_RDONLY), LEAKED_FILE_FD);
  if (policy == NULL) execv(words[0], (char **)(uintptr_t)words);
  if (policy == NULL) _exit(99);
  place(memory_with(policy), 61);
  place(control, 60);
  while (*words != NULL && count < 23) argv[count++] = *words++;
  execv(world->launcher, (char **)(uintptr_t)argv);
  _exit(99);
}

static void read_all(int fd, char *text, size_t room) {
  size_t used = 0;
  for (ssize_t got; used < room - 1 && (got = read(fd, text + used, room - 1 - used)) > 0;) used += (size_t)got;
  text[used] = '\0';
  close(fd);
}

void world_launch(const struct world *world, const char *policy, const char *const *words, struct launched *ret) {
  int output[2], control[2];
  must(pipe2(output, O_CLOEXEC) == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) == 0, "pipes");
  *ret = (struct launched){.took_ms = now_ms()};
  fflush(NULL);
  pid_t pid = fork();
  must(pid >= 0, "fork");
  if (pid == 0) {
    dup2(output[1], 1);
    dup2(output[1], 2);
    become(world, policy, words, control[1]);
  }
  ret->launcher = pid;
  close(output[1]);
  close(control[1]);
  read_all(output[0], ret->output, sizeof ret->output);
  must(waitpid(pid, &ret->status, 0) == pid, "waitpid");
  ret->launcher = 0;
  read_all(control[0], ret->limit, sizeof ret->limit);
  ret->took_ms = now_ms() - ret->took_ms;
}

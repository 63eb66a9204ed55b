/* SPDX-License-Identifier: MIT */
/* Namespaces of the tool's own: users, files, processes, network, names. In them there is nothing but what was granted,
 * so that whatever gets past the other layers finds an empty house. Needs no rights, where the machine allows it.
 *
 * The files: each granted path is taken as it stands (open_tree), the old tree goes, an empty one comes, and the paths
 * are put where they were; read-only but for those that may be written. */
#include "tools/sandbox/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int umount2(const char *target, int flags);

enum { MOUNT_RECURSIVE = 0x4000, MOUNT_PRIVATE = 1 << 18, UNMOUNT_DETACH = 2, TREE_RECURSIVE = 0x8000 };

struct piece {
  const struct fl_reach_path *reach;
  int tree;   /* -1: it is a symlink, or is not there */
  char *link; /* where that leads */
  bool is_folder;
};

static int write_text(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t size = write(fd, text, strlen(text));
  close(fd);
  return size == (ssize_t)strlen(text) ? 0 : -1;
}

/* The user stays who they are; nobody else exists. */
static int map_user(uid_t uid, gid_t gid) {
  char text[64];
  prctl(PR_SET_DUMPABLE, 1); /* otherwise the files below are root's */
  int failure = write_text("/proc/self/setgroups", "deny");
  snprintf(text, sizeof text, "%u %u 1", (unsigned)uid, (unsigned)uid);
  if (failure == 0) failure = write_text("/proc/self/uid_map", text);
  snprintf(text, sizeof text, "%u %u 1", (unsigned)gid, (unsigned)gid);
  if (failure == 0) failure = write_text("/proc/self/gid_map", text);
  prctl(PR_SET_DUMPABLE, 0);
  return failure;
}

static int set_read_only(int tree, const char *path, unsigned flags) {
  struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID};
  return (int)syscall(SYS_mount_setattr, tree, path, flags, &attr, sizeof attr);
}

/* ---- the pieces ---- */

static int take_piece(struct piece *piece) {
  const char *path = piece->reach->path;
  struct stat info;
  char target[PATH_MAX];
  if (lstat(path, &info) != 0) return 0;
  if (S_ISLNK(info.st_mode)) {
    ssize_t size = readlink(path, target, sizeof target - 1);
    if (size <= 0) return -1;
    target[size] = '\0';
    piece->link = strdup(target);
    return piece->link != NULL ? 0 : -1;
  }
  piece->is_folder = S_ISDIR(info.st_mode);
  piece->tree = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | TREE_RECURSIVE);
  if (piece->tree < 0) return errno == EACCES ? 0 : -1; /* what the user may not see is not there */
  if (piece->reach->may_write) return 0;
  return set_read_only(piece->tree, "", AT_EMPTY_PATH | TREE_RECURSIVE);
}

/* Our own processes; the tool may learn no more about the machine than the namespace has. */
static int take_processes(struct piece *piece) {
  int context = (int)syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  int failure = (int)syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
  if (failure == 0) piece->tree = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID);
  close(context);
  if (piece->tree < 0) return -1;
  piece->is_folder = true;
  int limit = openat(piece->tree, "sys/user/max_user_namespaces", O_WRONLY | O_CLOEXEC);
  if (limit < 0 || write(limit, "0", 1) != 1) failure = -1; /* no namespaces below this one */
  if (limit >= 0) close(limit);
  return failure == 0 ? set_read_only(piece->tree, "", AT_EMPTY_PATH) : -1;
}

static int take_pieces(const struct fl_confinement *confinement, struct piece *pieces) {
  int failure = 0;
  for (size_t i = 0; failure == 0 && i < confinement->path_count; i++) {
    pieces[i] = (struct piece){.reach = &confinement->paths[i], .tree = -1};
    bool is_proc = strcmp(confinement->paths[i].path, "/proc") == 0;
    failure = is_proc ? take_processes(&pieces[i]) : take_piece(&pieces[i]);
  }
  return failure;
}

/* ---- the new tree ---- */

/* An empty tree in the place of the old one. It is put over /proc, which is everywhere, for the moment. */
static int change_root(void) {
  if (mount("none", "/", NULL, MOUNT_RECURSIVE | MOUNT_PRIVATE, NULL) != 0) return -1;
  if (mount("fairlead", "/proc", "tmpfs", 2 | 4 /* nosuid, nodev */, "mode=755,size=1m") != 0) return -1;
  if (chdir("/proc") != 0 || syscall(SYS_pivot_root, ".", ".") != 0) return -1;
  return umount2(".", UNMOUNT_DETACH) == 0 ? chdir("/") : -1;
}

/* The folders above a path; those of a piece that stands already are there. */
static void make_folders(const char *path) {
  char part[PATH_MAX];
  for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
    mkdir(part, 0755);
  }
}

static int put_piece(const struct piece *piece) {
  const char *path = piece->reach->path;
  if (piece->link == NULL && piece->tree < 0) return 0;
  make_folders(path);
  if (piece->link != NULL) return symlink(piece->link, path) == 0 || errno == EEXIST || errno == EROFS ? 0 : -1;
  if (piece->is_folder) {
    mkdir(path, 0755);
  } else {
    int file = open(path, O_CREAT | O_RDONLY | O_CLOEXEC, 0644);
    if (file >= 0) close(file);
  }
  return (int)syscall(SYS_move_mount, piece->tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
}

static int depth_of(const char *path) {
  int depth = 0;
  for (; *path != '\0'; path++) depth += *path == '/';
  return depth;
}

/* Folders before what is in them, and what links lead to before what is behind the links; of two, the wider last. */
static int by_depth(const void *a, const void *b) {
  const struct piece *first = a, *second = b;
  int order = depth_of(first->reach->path) - depth_of(second->reach->path);
  if (order == 0) order = strcmp(first->reach->path, second->reach->path);
  return order != 0 ? order : (int)first->reach->may_write - (int)second->reach->may_write;
}

static int put_pieces(struct piece *pieces, size_t count) {
  qsort(pieces, count, sizeof *pieces, by_depth);
  int failure = 0;
  for (size_t i = 0; failure == 0 && i < count; i++) failure = put_piece(&pieces[i]);
  return failure == 0 ? set_read_only(AT_FDCWD, "/", 0) : -1;
}

int fl_space_enter(struct fl_confinement *confinement, uid_t uid, gid_t gid) {
  struct piece *pieces = calloc(confinement->path_count + 1, sizeof *pieces);
  if (pieces == NULL || map_user(uid, gid) != 0) return -1;
  int failure = take_pieces(confinement, pieces);
  if (failure == 0) failure = change_root();
  if (failure == 0) failure = put_pieces(pieces, confinement->path_count);
  for (size_t i = 0; i < confinement->path_count; i++) {
    if (pieces[i].tree >= 0) close(pieces[i].tree);
    free(pieces[i].link);
  }
  free(pieces);
  if (failure == 0 && chdir(confinement->cwd) != 0) failure = chdir("/");
  return failure;
}

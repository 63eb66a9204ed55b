/* SPDX-License-Identifier: MIT */
/* Holds a conversation with a program at a terminal of its own: `converse PROGRAM ARGUMENTS…`, with the script on
 * standard input. A line "< TEXT" waits until the program has written the text (what it wrote before the last match
 * does not count), a line "> KEYS" types (\r, \n, \e, \xHH, \\) once the program reads key by key, "! KEYS" at once.
 * A line "z" types Ctrl-Z, and when the program is stopped and has given back the terminal, lets it go on as a shell
 * does. What the program writes goes to standard output. The exit code is the program's; 99 when a text did not come.
 */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 20000, SEEN_MAX = 1 << 20 };

struct peer {
  pid_t pid;
  int fd;
  char seen[SEEN_MAX];
  size_t size, at; /* what was matched ends at `at` */
};

static long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* False at the end of the program's output, or when nothing comes. */
static bool hear(struct peer *peer, long until_ms) {
  struct pollfd waiting = {peer->fd, POLLIN, 0};
  long left = until_ms - now_ms();
  if (left <= 0 || poll(&waiting, 1, (int)left) <= 0 || peer->size + 1 >= SEEN_MAX) return false;
  ssize_t got = read(peer->fd, peer->seen + peer->size, SEEN_MAX - 1 - peer->size);
  if (got <= 0) return false;
  fwrite(peer->seen + peer->size, 1, (size_t)got, stdout);
  peer->size += (size_t)got;
  peer->seen[peer->size] = '\0';
  return true;
}

static bool expect(struct peer *peer, const char *text) {
  long until_ms = now_ms() + WAIT_MS;
  char *found;
  while ((found = memmem(peer->seen + peer->at, peer->size - peer->at, text, strlen(text))) == NULL)
    if (!hear(peer, until_ms)) return false;
  peer->at = (size_t)(found - peer->seen) + strlen(text);
  return true;
}

/* A prompt is written before the terminal is ready for keys, and what is typed between is taken for a line. */
static void wait_for_editor(struct peer *peer) {
  struct termios terminal;
  long until_ms = now_ms() + WAIT_MS;
  while (now_ms() < until_ms && tcgetattr(peer->fd, &terminal) == 0 && (terminal.c_lflag & ICANON) != 0)
    hear(peer, now_ms() + 5);
}

static void type_keys(const struct peer *peer, const char *keys) {
  for (const char *c = keys; *c != '\0'; c++) {
    char key = *c;
    if (key == '\\' && c[1] != '\0') {
      c++;
      key = *c == 'r' ? '\r' : *c == 'n' ? '\n' : *c == 'e' ? '\033' : *c;
      if (*c == 'x') {
        char digits[3] = {c[1], c[1] != '\0' ? c[2] : '\0', '\0'};
        key = (char)strtol(digits, NULL, 16);
        c += strlen(digits);
      }
    }
    if (write(peer->fd, &key, 1) != 1) return;
  }
}

static bool stop_and_continue(const struct peer *peer) {
  struct termios terminal;
  int status = 0;
  type_keys(peer, "\\x1a");
  for (long until_ms = now_ms() + WAIT_MS; now_ms() < until_ms; usleep(1000)) {
    if (waitpid(peer->pid, &status, WUNTRACED | WNOHANG) != peer->pid) continue;
    bool is_given_back = tcgetattr(peer->fd, &terminal) == 0 && (terminal.c_lflag & ICANON) != 0;
    return WIFSTOPPED(status) && is_given_back && kill(peer->pid, SIGCONT) == 0;
  }
  return false;
}

static int finish(struct peer *peer) {
  int status = 0;
  while (hear(peer, now_ms() + WAIT_MS)) continue;
  if (waitpid(peer->pid, &status, WNOHANG) == 0) {
    kill(peer->pid, SIGKILL);
    waitpid(peer->pid, &status, 0);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv) {
  static struct peer peer;
  struct winsize size = {.ws_row = 40, .ws_col = 120};
  char line[1024];
  if (argc < 2) return 98;
  peer.pid = forkpty(&peer.fd, NULL, NULL, &size);
  if (peer.pid == 0) {
    execvp(argv[1], argv + 1);
    _exit(97);
  }
  while (fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '>') wait_for_editor(&peer);
    if (line[0] == '>' || line[0] == '!') type_keys(&peer, line + 2);
    if (line[0] == 'z' && !stop_and_continue(&peer)) {
      printf("\nconverse: Ctrl-Z did not stop it, or left the terminal as it was\n");
      kill(peer.pid, SIGKILL);
      return 99;
    }
    if (line[0] != '<' || expect(&peer, line + 2)) continue;
    printf("\nconverse: \"%s\" did not come\n", line + 2);
    kill(peer.pid, SIGKILL);
    return 99;
  }
  return finish(&peer);
}

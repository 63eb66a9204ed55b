/* SPDX-License-Identifier: MIT */
/* The kill sweep: a scene is run while something goes wrong, the same command is then given again until it is done, and
 * what must hold is checked from outside: by what the run told, and by what the counting tools noted. */
#pragma once
#include <fairlead/value.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { SCENE_CALLS_MAX = 8, NAMES_MAX = 256, NAME_SIZE = 96, OUTPUT_MAX = 1 << 20 };

struct scene {
  const char *name;
  const char *graph;    /* NULL: the worker program */
  const char *question; /* what the run is asked: a text, or with `is_input` an object of channels */
  bool is_input;
  const char *answer;                 /* for interrupts that are meant, as JSON; NULL: none are */
  bool is_asked;                      /* a trial begins with those interrupts, and is about the answers */
  const char *expected;               /* stands in the last output */
  const char *calls[SCENE_CALLS_MAX]; /* "add 3 5": each exactly once, unless a person said "retry" */
  const char *prepare;                /* arguments of the worker that make the store which a trial begins with */
};
extern const struct scene scenes[];
extern const size_t scene_count;

struct names {
  char items[NAMES_MAX][NAME_SIZE];
  size_t count;
};
void names_add(struct names *names, const char *name);
size_t names_count(const struct names *names, const char *name);

/* One run of a program: what goes wrong in it, and what came of it. */
struct run {
  const char *fault, *record; /* the environment of the shim; NULL: nothing */
  int64_t kill_after_us;      /* -1: never */
  bool resumes;
  int status; /* of waitpid; -1: it did not end in time */
  char *output;
  size_t output_size;
  struct heard { /* when what was read until where */
    int64_t at_ns;
    size_t size;
  } * heard;
  size_t heard_count;
};
/* How much of the output was there at a time of the monotonic clock. */
size_t run_size_at(const struct run *run, int64_t now_ns);

/* What is known about a thread, over all runs of a trial. */
struct trial {
  const struct scene *scene;
  char folder[256];
  char count[32]; /* where the tools of this trial note their calls: what outlives an earlier one does not show here */
  struct names finished; /* "NODE STEP" of tasks that were told to be done, before the present run */
  struct names done_now; /* the same, in the present run */
  struct names answered; /* calls whose results were told */
  struct names call_ids, call_keys;
  struct names retried; /* calls that a person had repeated */
  struct fl_value *answers;
  bool is_wrong;
  int asked;
  char fault[128];
};

/* The folder is made new; with `prepare` the store of the scene is copied into it. */
void trial_begin(struct trial *trial, const struct scene *scene, const char *folder);
void trial_end(struct trial *trial);
/* Gives the scene's command; what it told is taken in. */
void trial_run(struct trial *trial, struct run *run);
void run_deinit(struct run *run);
bool trial_run_is_over(const struct trial *trial, const struct run *run);
/* Gives the command again until the thread is done, and checks everything. Returns whether all holds. */
bool trial_finish(struct trial *trial);
/* Says on standard error what does not hold. */
void trial_wrong(struct trial *trial, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Whether the shim's fault came. */
bool trial_was_hit(const struct trial *trial);
/* Takes lines of events in as far as they count; trial_run does it. */
void trial_hear(struct trial *trial, const char *text, size_t size);

/* images.c: what a loss of power leaves of a recorded run; returns how many images do not hold. */
struct image_order {
  long count;
  uint64_t seed;
  int asked; /* out */
};
long sweep_images(const struct scene *scene, const char *folder, struct image_order *order);

/* SPDX-License-Identifier: MIT */
#include "tests/contend/check.h"

#include <fairlead/error.h>
#include <fairlead/value.h>

#include "tests/contend/board.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WRONG_MAX = 20, LINE_SIZE = 1 << 20 };

/* ---- what was told ---- */

struct told {
  char token[TOKEN_SIZE];
  int64_t start_ns, end_ns; /* end 0: it never was told anything */
  int status;
  char checkpoint[40], text[TEXT_SIZE];
  int entries;        /* in the log: in, did, done */
  bool is_in_history; /* its checkpoint */
};

struct check {
  const char *folder;
  struct told *told;
  size_t count, size;
  int wrong;
  char *line;
};

static void wrong(struct check *check, const char *format, ...) {
  va_list args;
  va_start(args, format);
  if (check->wrong++ < WRONG_MAX) {
    fprintf(stderr, "%s: ", check->folder);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
  }
  va_end(args);
}

static FILE *open_file(struct check *check, const char *name) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", check->folder, name);
  FILE *file = fopen(path, "re");
  if (file == NULL) wrong(check, "there is no %s", name);
  return file;
}

/* The next line without its end; false at the end of the file. */
static bool next_line(struct check *check, FILE *file) {
  if (file == NULL || fgets(check->line, LINE_SIZE, file) == NULL) return false;
  check->line[strcspn(check->line, "\n")] = '\0';
  return true;
}

static int by_token(const void *left, const void *right) {
  return strcmp(((const struct told *)left)->token, ((const struct told *)right)->token);
}

static struct told *find(const struct check *check, const char *token) {
  struct told key = {0};
  snprintf(key.token, sizeof key.token, "%s", token);
  return bsearch(&key, check->told, check->count, sizeof key, by_token);
}

static void add_told(struct check *check, const struct told *told) {
  if (check->count == check->size) {
    check->size = check->size > 0 ? 2 * check->size : 1024;
    check->told = realloc(check->told, check->size * sizeof *told);
    if (check->told == NULL) abort();
  }
  check->told[check->count++] = *told;
}

/* Two passes: the starts, then what the ends say of them. */
static void read_record(struct check *check) {
  FILE *file = open_file(check, "record");
  struct told told;
  for (memset(&told, 0, sizeof told); next_line(check, file); memset(&told, 0, sizeof told))
    if (sscanf(check->line, "start %23s %" SCNd64, told.token, &told.start_ns) == 2) add_told(check, &told);
  qsort(check->told, check->count, sizeof *check->told, by_token);
  for (size_t i = 1; i < check->count; i++)
    if (by_token(&check->told[i - 1], &check->told[i]) == 0) wrong(check, "%s began twice", check->told[i].token);
  if (file != NULL) rewind(file);
  for (memset(&told, 0, sizeof told); next_line(check, file); memset(&told, 0, sizeof told)) {
    int got = sscanf(check->line, "end %23s %" SCNd64 " %d %39s %199[^\n]", told.token, &told.end_ns, &told.status,
                     told.checkpoint, told.text);
    struct told *begun = got >= 4 ? find(check, told.token) : NULL;
    if (got < 4) continue;
    if (begun == NULL || begun->end_ns != 0) wrong(check, "%s ended, and had not begun", told.token);
    else told.start_ns = begun->start_ns, *begun = told;
  }
  if (file != NULL) fclose(file);
}

/* ---- the log ---- */

struct reading {
  struct told *last;    /* whose entries come now */
  int64_t counted;      /* "did" so far */
  int64_t newest_start; /* of the runs so far */
  const char *newest;
};

/* Entry 0, 1, 2 of a run: it goes on with the run of before, or begins one. */
static void take_entry(struct check *check, struct reading *reading, struct told *told, int kind) {
  bool goes_on = told == reading->last;
  if (told->entries != kind || goes_on != (kind > 0))
    wrong(check, "%s: entry %d comes after %d entries of it, behind %s", told->token, kind, told->entries,
          reading->last != NULL ? reading->last->token : "nothing");
  told->entries++;
  reading->last = told;
  if (kind > 0) return;
  bool was_done = told->end_ns != 0 && told->status == 0;
  if (was_done && told->end_ns < reading->newest_start)
    wrong(check, "%s was done before %s began, and comes after it", told->token, reading->newest);
  if (told->start_ns > reading->newest_start) reading->newest_start = told->start_ns, reading->newest = told->token;
}

static void read_entry(struct check *check, struct reading *reading, const char *entry) {
  static const char *const kinds[] = {"in", "did", "done"};
  char word[8], token[TOKEN_SIZE];
  int64_t found = -1;
  int got = sscanf(entry, "%7s %23s %" SCNd64, word, token, &found), kind = 0;
  while (kind < 3 && strcmp(word, kinds[kind]) != 0) kind++;
  struct told *told = got >= 2 && kind < 3 ? find(check, token) : NULL;
  if (told == NULL) {
    wrong(check, "nobody wrote \"%s\"", entry);
    return;
  }
  take_entry(check, reading, told, kind);
  if (kind == 1 && found != reading->counted++)
    wrong(check, "%s found %" PRId64 " runs where %" PRId64 " were", token, found, reading->counted - 1);
}

static void read_state(struct check *check) {
  FILE *file = open_file(check, "state");
  struct fl_value *state = NULL;
  struct fl_error err = {0};
  struct reading reading = {0};
  if (!next_line(check, file) || fl_parse(check->line, strlen(check->line), &state, &err) < 0)
    wrong(check, "the state cannot be read: %s", err.text);
  if (file != NULL) fclose(file);
  const struct fl_value *values = fl_get(state, "values"), *log = fl_get(values, "log");
  for (size_t i = 0; i < fl_size(log); i++) read_entry(check, &reading, fl_as_string(fl_at(log, i)));
  if (fl_get_int(values, "n", 0) != reading.counted)
    wrong(check, "n is %" PRId64 " after %" PRId64 " runs", fl_get_int(values, "n", 0), reading.counted);
  fl_value_unref(state);
}

/* ---- the history ---- */

struct chain {
  int64_t last_no;
  char token[TOKEN_SIZE]; /* who made the last checkpoint */
  struct fl_value *left;  /* the tokens whose checkpoints have come, and others after them */
  char (*ids)[40];
  size_t count;
};

static void take_checkpoint(struct check *check, struct chain *chain, const struct fl_value *line) {
  const struct fl_value *head = fl_get(line, "checkpoint");
  int64_t no = fl_get_int(head, "no", 0), parent = fl_get_int(head, "parent", 0);
  const char *token = fl_get_string(fl_get(fl_get(line, "body"), "metadata"), "token", "?");
  if (parent != chain->last_no)
    wrong(check, "checkpoint %" PRId64 " builds on %" PRId64 ", not on %" PRId64, no, parent, chain->last_no);
  chain->last_no = no;
  chain->ids = realloc(chain->ids, (chain->count + 1) * sizeof *chain->ids);
  if (chain->ids == NULL) abort();
  snprintf(chain->ids[chain->count++], sizeof *chain->ids, "%s", fl_get_string(head, "id", ""));
  if (strcmp(chain->token, token) == 0) return;
  if (fl_get(chain->left, token) != NULL) wrong(check, "%s wrote checkpoint %" PRId64 " after others did", token, no);
  if (chain->token[0] != '\0') fl_set_bool(chain->left, chain->token, true);
  snprintf(chain->token, sizeof chain->token, "%s", token);
}

static int by_text(const void *left, const void *right) { return strcmp(left, right); }

static void read_export(struct check *check, struct tally *tally) {
  FILE *file = open_file(check, "export");
  struct chain chain = {.left = fl_object()};
  while (next_line(check, file)) {
    struct fl_value *line = NULL;
    if (fl_parse(check->line, strlen(check->line), &line, NULL) < 0)
      wrong(check, "no line of a thread: %s", check->line);
    if (fl_get(line, "checkpoint") != NULL) take_checkpoint(check, &chain, line);
    fl_value_unref(line);
  }
  if (file != NULL) fclose(file);
  qsort(chain.ids, chain.count, sizeof *chain.ids, by_text);
  for (size_t i = 0; i < check->count; i++) {
    struct told *told = &check->told[i];
    told->is_in_history =
        chain.count > 0 && bsearch(told->checkpoint, chain.ids, chain.count, sizeof *chain.ids, by_text) != NULL;
  }
  tally->checkpoints += (long)chain.count;
  fl_value_unref(chain.left);
  free(chain.ids);
}

/* The process that a row says it is of: a checkpoint by its metadata, a log entry by itself; 0: it does not say. */
static long writer_of(int64_t key, const char *body) {
  bool is_checkpoint = key >> 32 == 1;
  const char *at = strstr(body, is_checkpoint ? "\"pid\":" : "did ");
  long pid = 0;
  if (at == NULL) return 0;
  if (is_checkpoint) return strtol(at + 6, NULL, 10);
  if (strstr(at + 4, "did ") != NULL) return 0; /* a list that was written anew holds those of many */
  return sscanf(at, "did %*s %*d %ld", &pid) == 1 ? pid : 0;
}

static void read_audit(struct check *check, struct tally *tally) {
  FILE *file = open_file(check, "witness");
  int64_t fence_before = 0, fence, key;
  long holder, holder_before = 0;
  while (next_line(check, file)) {
    int at = 0;
    if (sscanf(check->line, "%" SCNd64 "|%ld|%" SCNd64 "|%n", &fence, &holder, &key, &at) != 3 || at == 0) {
      wrong(check, "no line of the witness: %s", check->line);
      continue;
    }
    long writer = writer_of(key, check->line + at);
    tally->audited++;
    if (fence < fence_before) wrong(check, "fence %" PRId64 " after %" PRId64, fence, fence_before);
    if (fence == fence_before && holder != holder_before) wrong(check, "fence %" PRId64 " has two holders", fence);
    if (writer != 0 && writer != holder)
      wrong(check, "pid %ld wrote while pid %ld had the lease: %.300s", writer, holder, check->line);
    fence_before = fence, holder_before = holder;
  }
  if (file != NULL) fclose(file);
}

/* ---- what came of each ---- */

static bool says(const struct told *told, const char *text) { return strstr(told->text, text) != NULL; }

static void check_nothing(struct check *check, const struct told *told) {
  if (told->entries > 0) wrong(check, "%s left %d entries: %s", told->token, told->entries, told->text);
}

static void check_told(struct check *check, const struct told *told, struct tally *tally) {
  tally->runs++;
  if (told->end_ns == 0) {
    tally->unknown++;
  } else if (told->status == 0) {
    tally->done++;
    if (told->entries != 3) wrong(check, "%s was done and has %d entries", told->token, told->entries);
    if (!told->is_in_history) wrong(check, "%s was done; checkpoint %s is not there", told->token, told->checkpoint);
  } else if (told->status == FL_E_BUSY && says(told, "is being run by")) {
    tally->refused++;
    check_nothing(check, told);
  } else if (told->status == FL_E_CANCELLED) {
    tally->cancelled++;
    tally->taken_back += says(told, "taken back");
    if (!says(told, "the thread is kept")) check_nothing(check, told);
  } else if (told->status == FL_E_CONFLICT && says(told, "lost its lease")) {
    tally->lost_lease++; /* what it had stored before stays, and may have been finished by another */
  } else {
    wrong(check, "%s ended with %d: %s", told->token, told->status, told->text);
  }
}

bool check_history(const char *folder, struct tally *tally) {
  struct check check = {.folder = folder, .line = malloc(LINE_SIZE)};
  if (check.line == NULL) abort();
  read_record(&check);
  read_state(&check);
  read_export(&check, tally);
  read_audit(&check, tally);
  for (size_t i = 0; i < check.count; i++) check_told(&check, &check.told[i], tally);
  free(check.told);
  free(check.line);
  return check.wrong == 0;
}

/* ---- resumes ---- */

struct round {
  int won, lost, winner;
  bool has_state;
};

static void take_resume(struct check *check, struct round *round, int role, bool may_be_busy) {
  int status = 0, at = 0;
  sscanf(check->line, "resume %*s %*d %d %n", &status, &at);
  const char *text = check->line + at;
  bool is_named = status == FL_E_CONFLICT && strstr(text, "no interrupt waits for an answer") != NULL;
  bool is_busy = may_be_busy && status == FL_E_BUSY && strstr(text, "is being run by") != NULL;
  if (status == 0) round->won++, round->winner = role;
  else if (is_named || is_busy) round->lost++;
  else wrong(check, "a resume ended with %d: %s", status, text);
}

bool check_resumes(const char *folder, long rounds, bool may_be_busy, struct tally *tally) {
  struct check check = {.folder = folder, .line = malloc(LINE_SIZE)};
  struct round *all = calloc((size_t)rounds, sizeof *all);
  if (check.line == NULL || all == NULL) abort();
  FILE *file = open_file(&check, "record");
  while (next_line(&check, file)) {
    long number = -1;
    int role = 0;
    char answer[TEXT_SIZE] = "";
    if (sscanf(check.line, "resume r%ld %d", &number, &role) == 2 && number < rounds)
      take_resume(&check, &all[number], role, may_be_busy);
    else if (sscanf(check.line, "state r%ld %199s", &number, answer) >= 1 && number < rounds) {
      char expected[TEXT_SIZE];
      snprintf(expected, sizeof expected, "role%d", all[number].winner);
      all[number].has_state = true;
      if (strcmp(answer, expected) != 0) wrong(&check, "r%ld has \"%s\", not \"%s\"", number, answer, expected);
    }
  }
  if (file != NULL) fclose(file);
  for (long i = 0; i < rounds; i++) {
    if (all[i].won != 1 || all[i].lost != 1 || !all[i].has_state)
      wrong(&check, "round %ld: %d won, %d lost", i, all[i].won, all[i].lost);
    tally->done += all[i].won;
    tally->refused += all[i].lost;
  }
  free(all);
  free(check.line);
  return check.wrong == 0;
}

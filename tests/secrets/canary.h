/* SPDX-License-Identifier: MIT */
/* Values that must be found nowhere, where they come from, and the search for them in every spelling. */
#pragma once
#include "runtime/base/buf.h"

enum { CANARY_COUNT = 24 };
enum canary_source { CANARY_ENV, CANARY_FILE, CANARY_CREDENTIAL, CANARY_COMMAND };

struct canary {
  char name[32]; /* "CANARY_7" */
  char value[64];
  enum canary_source source;
  bool as_file;
};
extern struct canary canaries[CANARY_COUNT];

/* New values, their files below `folder`, and the manifest's list of them: "secrets: [ … ]" as JSON. */
void canaries_make(const char *folder, struct fl_buf *ret_secrets);

/* One finding: which value, how it is spelled; NULL-terminated text of the caller's. */
struct canary_findings {
  size_t count;               /* places */
  bool has[CANARY_COUNT][32]; /* by value and spelling */
  char first[256];            /* the first one, for people */
};
/* `where` is for people. */
void canaries_search(struct canary_findings *findings, const char *where, fl_slice text);
/* Every file below; FALSE: it cannot be read. */
bool canaries_search_files(struct canary_findings *findings, const char *path);

/* SPDX-License-Identifier: MIT */
#include "runtime/store/tool_index.h"

#include "runtime/base/buf.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"

#include <ctype.h>
#include <sqlite3.h>

enum { TERMS_MAX = 64 };

struct fl_tool_index {
  sqlite3 *db;
  sqlite3_stmt *add, *search, *all;
};

/* It is in memory and holds what we put there, so what fails is memory or a mistake of ours. */
static void must(int status) {
  if (status == SQLITE_NOMEM) fl_out_of_memory();
  fl_check(status == SQLITE_OK || status == SQLITE_DONE || status == SQLITE_ROW);
}

static sqlite3_stmt *prepare(const struct fl_tool_index *index, const char *sql) {
  sqlite3_stmt *statement = NULL;
  must(sqlite3_prepare_v3(index->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL));
  return statement;
}

struct fl_tool_index *fl_tool_index_create(void) {
  struct fl_tool_index *index = fl_new(struct fl_tool_index);
  must(sqlite3_open_v2(":memory:", &index->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL));
  must(sqlite3_exec(index->db,
                    "CREATE VIRTUAL TABLE tool USING fts5(name UNINDEXED, words, description, arguments, "
                    "tokenize = 'porter unicode61')",
                    NULL, NULL, NULL));
  index->add = prepare(index, "INSERT INTO tool VALUES (?1, ?2, ?3, ?4)");
  index->search =
      prepare(index, "SELECT name FROM tool WHERE tool MATCH ?1 ORDER BY bm25(tool, 0, 8.0, 3.0, 1.0), name");
  index->all = prepare(index, "SELECT name FROM tool ORDER BY name");
  return index;
}

void fl_tool_index_destroy(struct fl_tool_index *index) {
  if (index == NULL) return;
  sqlite3_finalize(index->add);
  sqlite3_finalize(index->search);
  sqlite3_finalize(index->all);
  sqlite3_close(index->db);
  fl_free(index);
}

/* "getOrderLines" has the words get, Order and Lines. */
static void add_words(struct fl_buf *buf, const char *text) {
  for (const char *at = text; *at != '\0'; at++) {
    bool is_border = at > text && isupper((unsigned char)*at) && islower((unsigned char)at[-1]);
    if (is_border) fl_buf_add_text(buf, " ");
    fl_buf_add(buf, at, 1);
  }
}

void fl_tool_index_add(struct fl_tool_index *index, const struct fl_indexed_tool *tool) {
  FL_BUF_AUTO words = {0};
  add_words(&words, tool->words);
  FL_BUF_AUTO arguments = {0};
  add_words(&arguments, tool->arguments);
  const char *texts[] = {tool->name, words.size > 0 ? words.data : "", tool->description,
                         arguments.size > 0 ? arguments.data : ""};
  for (int i = 0; i < 4; i++) must(sqlite3_bind_text(index->add, i + 1, texts[i], -1, SQLITE_STATIC));
  must(sqlite3_step(index->add));
  must(sqlite3_reset(index->add));
}

static bool is_word_char(char c) { return isalnum((unsigned char)c) || (unsigned char)c >= 0x80; }

/* "a"* OR "b"*: no word of the question is read as an operator. */
static void make_query(const char *words, struct fl_buf *query) {
  size_t count = 0;
  FL_BUF_AUTO split = {0};
  add_words(&split, words);
  for (const char *at = split.size > 0 ? split.data : ""; *at != '\0' && count < TERMS_MAX;) {
    size_t size = 0;
    while (at[size] != '\0' && is_word_char(at[size])) size++;
    if (size > 0) fl_buf_addf(query, "%s\"%.*s\"*", count++ > 0 ? " OR " : "", (int)size, at);
    at += size > 0 ? size : 1;
  }
}

void fl_tool_index_search(struct fl_tool_index *index, const char *words, bool (*visit)(const char *name, void *user),
                          void *user) {
  FL_BUF_AUTO query = {0};
  make_query(words, &query);
  sqlite3_stmt *statement = query.size > 0 ? index->search : index->all;
  if (query.size > 0) must(sqlite3_bind_text(statement, 1, query.data, -1, SQLITE_STATIC));
  int status;
  while ((status = sqlite3_step(statement)) == SQLITE_ROW)
    if (!visit((const char *)sqlite3_column_text(statement, 0), user)) break;
  must(status);
  sqlite3_reset(statement);
}

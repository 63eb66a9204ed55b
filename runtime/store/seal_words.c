/* SPDX-License-Identifier: MIT */
#include "runtime/store/seal_words.h"

#include "runtime/base/mem.h"
#include "runtime/store/seal.h"

#include <string.h>

enum { QUERY_WORDS_MAX = 64 };

/* The tokenizer of the index itself, so that words are the same with and without a key. */
struct tokenizer {
  fts5_tokenizer functions;
  Fts5Tokenizer *impl;
};

struct collecting {
  struct fl_db *db;
  struct fl_buf *text;
  const char *before, *between, *after;
  size_t count, count_max;
  struct fl_error *err;
};

static int add_word(void *user, int flags, const char *word, int size, int start, int end) {
  struct collecting *collecting = user;
  char hashed[FL_SEALED_WORD_SIZE];
  if (collecting->count == collecting->count_max) return SQLITE_DONE;
  if (fl_seal_word(collecting->db, fl_slice_n(word, (size_t)size), hashed, collecting->err) != 0) return SQLITE_ERROR;
  if (collecting->count++ > 0) fl_buf_add_text(collecting->text, collecting->between);
  fl_buf_addf(collecting->text, "%s%s%s", collecting->before, hashed, collecting->after);
  return SQLITE_OK;
}

static int open_tokenizer(struct fl_db *db, struct tokenizer *tokenizer, struct fl_error *err) {
  static const char *options[] = {"remove_diacritics", "2"};
  fts5_api *api = NULL;
  void *context = NULL;
  sqlite3_stmt *statement = fl_db_prepare(db, "SELECT fts5(?1)", err);
  if (statement == NULL) return err->code;
  sqlite3_bind_pointer(statement, 1, &api, "fts5_api_ptr", NULL);
  sqlite3_step(statement);
  sqlite3_finalize(statement);
  bool is_there = api != NULL && api->xFindTokenizer(api, "unicode61", &context, &tokenizer->functions) == SQLITE_OK &&
                  tokenizer->functions.xCreate(context, options, 2, &tokenizer->impl) == SQLITE_OK;
  return is_there ? 0 : fl_error_set(err, FL_E_UNSUPPORTED, "%s: this SQLite has no tokenizer of words", db->path);
}

static int collect(struct collecting *collecting, const char *text) {
  struct tokenizer tokenizer = {0};
  int status = open_tokenizer(collecting->db, &tokenizer, collecting->err);
  if (status != 0) return status;
  int code = tokenizer.functions.xTokenize(tokenizer.impl, collecting, FTS5_TOKENIZE_DOCUMENT, text, (int)strlen(text),
                                           add_word);
  tokenizer.functions.xDelete(tokenizer.impl);
  return code == SQLITE_ERROR ? collecting->err->code : 0;
}

int fl_words_seal(struct fl_db *db, const char *text, struct fl_buf *ret_words, struct fl_error *err) {
  struct collecting collecting = {
      .db = db, .text = ret_words, .before = "", .between = " ", .after = "", .count_max = SIZE_MAX, .err = err};
  int status = collect(&collecting, text);
  if (status == 0) fl_buf_add_text(ret_words, ""); /* a text without words is one, too */
  return status;
}

int fl_words_query(struct fl_db *db, const char *text, char **ret_query, struct fl_error *err) {
  FL_BUF_AUTO query = {0};
  struct collecting collecting = {.db = db,
                                  .text = &query,
                                  .before = "\"",
                                  .between = " OR ",
                                  .after = "\"",
                                  .count_max = QUERY_WORDS_MAX,
                                  .err = err};
  int status = collect(&collecting, text);
  *ret_query = status == 0 && collecting.count > 0 ? fl_buf_take(&query, NULL) : NULL;
  return status;
}

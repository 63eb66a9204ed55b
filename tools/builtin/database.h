/* SPDX-License-Identifier: MIT */
/* SQLite files under names, for the tools that describe and query them. Each call opens the file anew: read-only,
 * unless the database may be written. Nothing but the named file can be reached: no other database is attached, no
 * extension loaded, no setting changed. */
#pragma once
#include <fairlead/tools.h>

enum { FL_DATABASES_MAX = 32, FL_DATABASE_SQL_MAX = 64 * 1024 };

struct fl_database {
  char *name, *path;
  bool may_write;
};

struct fl_databases {
  struct fl_database items[FL_DATABASES_MAX];
  size_t count;
  int64_t rows_max;
  size_t bytes_max; /* of a result */
};

fl_tool_fn fl_database_query_tool, fl_database_describe_tool; /* user: struct fl_databases */

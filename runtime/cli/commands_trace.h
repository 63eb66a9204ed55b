/* SPDX-License-Identifier: MIT */
/* The commands of the group trace, as entries of the table in commands.c, whose options they use. */
#pragma once

#define TRACE_THREAD_OPTION \
  { "thread", 't', "ID", "only runs of this thread" }
#define TRACE_GRAPH_OPTION \
  { "graph", 'g', "NAME", "only runs of the graph of this name" }
#define TRACE_USER_OPTION \
  { "user", 'u', "ID", "only runs on behalf of this user" }
#define TRACE_SINCE_OPTION \
  { "since", 0, "AGE", "only runs that began within the last 90s, 45m, 12h, 30d, …" }

#define FL_TRACE_COMMANDS                                                                                             \
  {"trace list",                                                                                                      \
   "",                                                                                                                \
   "the runs that were traced, newest first",                                                                         \
   "A run is running, unfinished (its process died), done, interrupted, failed, cancelled or taken_back.\n"           \
   "FAIRLEAD_TRACE=off in the environment of a run leaves no trace of it.",                                           \
   {STORE_OPTION,                                                                                                     \
    TRACE_THREAD_OPTION,                                                                                              \
    TRACE_GRAPH_OPTION,                                                                                               \
    TRACE_USER_OPTION,                                                                                                \
    TRACE_SINCE_OPTION,                                                                                               \
    {"limit", 'n', "N", "at most N (default 50)"},                                                                    \
    JSON_OPTION},                                                                                                     \
   NULL,                                                                                                              \
   fl_cmd_trace_list},                                                                                                \
      {"trace show",                                                                                                  \
       "RUN",                                                                                                         \
       "one run: its supersteps, nodes and calls, with their times",                                                  \
       "The front of the run's id is enough.",                                                                        \
       {STORE_OPTION,                                                                                                 \
        {"step", 0, "N", "what superstep N changed in the state, instead"},                                           \
        {"all", 'a', NULL, "commits, too"},                                                                           \
        JSON_OPTION},                                                                                                 \
       NULL,                                                                                                          \
       fl_cmd_trace_show},                                                                                            \
      {"trace tail",                                                                                                  \
       "",                                                                                                            \
       "the spans of runs as they are stored",                                                                        \
       NULL,                                                                                                          \
       {STORE_OPTION,                                                                                                 \
        TRACE_THREAD_OPTION,                                                                                          \
        {"all", 'a', NULL, "those of runs that are there already, too"},                                              \
        {"runs", 'n', "N", "leave when N runs have ended (default: never)"},                                          \
        JSON_OPTION},                                                                                                 \
       NULL,                                                                                                          \
       fl_cmd_trace_tail},                                                                                            \
      {"trace replay",                                                                                                \
       "RUN",                                                                                                         \
       "a run once more with the answers that it got, in memory, and where the result differs",                       \
       "Nothing leaves the process; models, tools and people are answered from the thread. Exit code 1: it differs.", \
       {STORE_OPTION, {"graph", 'g', "FILE", "the graph file (default: the one of the run)"}, JSON_OPTION},           \
       NULL,                                                                                                          \
       fl_cmd_trace_replay},                                                                                          \
      {"trace stats",                                                                                                 \
       "",                                                                                                            \
       "what runs came to: success, times, tokens and cost by graph, node, model and tool",                           \
       NULL,                                                                                                          \
       {STORE_OPTION, TRACE_THREAD_OPTION, TRACE_GRAPH_OPTION, TRACE_USER_OPTION, TRACE_SINCE_OPTION, JSON_OPTION},   \
       NULL,                                                                                                          \
       fl_cmd_trace_stats},                                                                                           \
      {"trace export",                                                                                                \
       "[RUN]",                                                                                                       \
       "traces as JSON lines or OTLP, to standard output or a collector",                                             \
       "Without RUN, all runs. Headers for the collector, as NAME=VALUE,NAME=VALUE, are also taken from\n"            \
       "OTEL_EXPORTER_OTLP_HEADERS.",                                                                                 \
       {STORE_OPTION,                                                                                                 \
        {"format", 0, "FORMAT", "jsonl (default), otlp-json or otlp-protobuf (default with --endpoint)",              \
         "jsonl otlp-json otlp-protobuf"},                                                                            \
        {"endpoint", 0, "URL", "send them to this address, as http://localhost:4318/v1/traces"},                      \
        {"headers", 0, "LIST", "with --endpoint: send these headers, too"},                                           \
        {"names", 0, "WHICH", "attributes as OpenTelemetry 1.41 has them (1.41, default), or latest", "1.41 latest"}, \
        TRACE_THREAD_OPTION,                                                                                          \
        TRACE_GRAPH_OPTION,                                                                                           \
        TRACE_USER_OPTION,                                                                                            \
        TRACE_SINCE_OPTION,                                                                                           \
        {"limit", 'n', "N", "at most N (default: all)"},                                                              \
        JSON_OPTION},                                                                                                 \
       NULL,                                                                                                          \
       fl_cmd_trace_export},                                                                                          \
      {"trace erase",                                                                                                 \
       "",                                                                                                            \
       "forget all traces of a user, a thread or a run",                                                              \
       "The threads themselves stay; 'threads delete' takes their traces along.",                                     \
       {STORE_OPTION,                                                                                                 \
        {"user", 'u', "ID", "those of runs on behalf of this user (run --user)"},                                     \
        {"thread", 't', "ID", "those of this thread"},                                                                \
        {"run", 0, "RUN", "that of this run"},                                                                        \
        JSON_OPTION},                                                                                                 \
       NULL,                                                                                                          \
       fl_cmd_trace_erase},                                                                                           \
      {"trace prune",                                                                                                 \
       "",                                                                                                            \
       "forget old traces; what was said can go before the rest",                                                     \
       NULL,                                                                                                          \
       {STORE_OPTION,                                                                                                 \
        TRACE_THREAD_OPTION,                                                                                          \
        JSON_OPTION,                                                                                                  \
        {"older-than", 0, "AGE", "traces of runs that began more than 90s, 45m, 12h, 30d, … ago"},                    \
        {"content-older-than", 0, "AGE", "only what was said in runs older than that"}},                              \
       NULL,                                                                                                          \
       fl_cmd_trace_prune},

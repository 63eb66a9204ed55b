/* SPDX-License-Identifier: MIT */
/* The table of commands: what they are called, what they take, what they do. Parsing, help and completions read it. */
#include "runtime/cli/cli.h"
#include "runtime/cli/commands_trace.h"

#define STORE_OPTION \
  { "store", 0, "PATH", "the database (default: $FAIRLEAD_STORE, else fairlead/fairlead.db in the XDG data folder)" }
#define JSON_OPTION \
  { "json", 0, NULL, "one JSON object a line" }
#define GRAPH_OPTION \
  { "graph", 'g', "FILE", "take the servers from this graph file's mcpServers" }
#define GRAPH_OF_THREAD_OPTION \
  { "graph", 'g', "FILE", "the graph file (default: the one that the thread was run with)" }
#define CONTEXT_OPTION \
  { "context", 0, "JSON", "what the nodes read as context.NAME, an object (default: the file's defaults)" }
#define ON_BUSY_OPTION                                                                                     \
  {                                                                                                        \
    "on-busy", 0, "WAY", "when the thread is being run: reject (default), enqueue, interrupt or rollback", \
        "reject enqueue interrupt rollback"                                                                \
  }
#define AS_OPTION \
  { "as", 0, "USER", "who asks and answers, for a manifest's approvals and budgets of users" }
#define STOP_OPTIONS                                                                                              \
  {"interrupt-before", 0, "NODE", "stop before this node, * for each; the next run goes on (may be repeated)"}, { \
    "interrupt-after", 0, "NODE", "stop behind this node (likewise)"                                              \
  }
#define WITHOUT_LAYER_OPTION                                                                                         \
  {                                                                                                                  \
    "without-layer", 0, "LAYER", "run sandboxes of the manifest without this layer (see 'doctor'; may be repeated)", \
        "landlock scope seccomp namespaces cgroup"                                                                   \
  }
#define SERVER_OPTION \
  { "server", 's', "NAME", "only this server" }

#define URL_OPTION \
  { "url", 'u', "URL", "the server at this URL" }
#define HEADER_OPTION \
  { "header", 'H', "NAME: VALUE", "send this with each request to a URL (may be repeated)" }

#define EMBED_OPTION \
  { "embed", 0, "JSON", "the embedding model: {\"provider\": …, \"model\": …, \"dims\": …}" }

const struct fl_command fl_commands[] = {
    {"run",
     "FILE [TEXT]",
     "run a graph file on a question, or hold a conversation",
     "TEXT is the question; - reads it from standard input. Without TEXT, at a terminal, a conversation begins:\n"
     "Enter sends, Ctrl-C cancels the running step and keeps the thread, Ctrl-D leaves.\n"
     "With --thread and without TEXT, unfinished work of the thread is finished.\n"
     "\n"
     "The answer goes to standard output, the steps to standard error.\n"
     "Exit codes: 0 answered, 1 failed, 2 wrong usage or file, 3 waiting for an answer (--resume), 130 cancelled.\n"
     "\n"
     "Keys come from the environment or a .env file: OPENAI_API_KEY, OPENAI_BASE_URL, ANTHROPIC_API_KEY.\n"
     "\n"
     "Examples:\n"
     "  fairlead run examples/math/agent.yaml \"what's (3 + 5) x 12?\"\n"
     "  fairlead run agent.yaml --thread tuesday --model openai/gpt-4.1-mini \"and in euros?\"\n"
     "  fairlead run agent.yaml --thread tuesday --resume '\"yes\"'",
     {{"thread", 't', "ID",
       "the thread to go on with, or a name for a new one (default: a new id, printed at the end)"},
      STORE_OPTION,
      {"model", 'm', "PROVIDER/NAME", "use this model instead of the file's (openai, anthropic, ollama, scripted, …)"},
      {"input", 'i', "JSON", "the input as an object of channel values, instead of TEXT"},
      {"resume", 0, "JSON", "the answer to the pending interrupt, or {\"interrupt id\": answer, …}"},
      {"update", 0, "JSON", "channel values that join what the thread is about to do, alone or with --resume"},
      {"goto", 0, "NODE", "a node to start beside that, may be repeated"},
      {"checkpoint", 'c', "ID", "begin at this checkpoint of the thread, not at the newest (see 'threads history')"},
      {"stream", 0, "MODES",
       "what to print as it happens: values, updates, messages, tasks, checkpoints, custom, events, debug",
       "values updates messages tasks checkpoints custom events debug"},
      {"subgraphs", 0, NULL, "with --stream or --json: of the graphs inside the graph, too"},
      {"user", 'u', "ID", "on whose behalf, for 'trace erase --user' (default: context.user)"},
      {"keep-events", 0, NULL, "store what is printed of the run, for 'threads events'"},
      {"recursion-limit", 0, "N", "supersteps at most (default: the file's, else 25)"},
      CONTEXT_OPTION,
      {"max-concurrency", 0, "N", "nodes that run at the same time (default: the file's, else no limit)"},
      {"durability", 0, "MODE", "when it is on disk: sync, async or exit (default: the file's, else sync)",
       "sync async exit"},
      STOP_OPTIONS,
      ON_BUSY_OPTION,
      WITHOUT_LAYER_OPTION,
      AS_OPTION,
      {"quiet", 'q', NULL, "no steps on standard error"},
      JSON_OPTION},
     "FILE",
     fl_cmd_run},
    {"threads list",
     "",
     "the threads of a store, newest first",
     NULL,
     {STORE_OPTION,
      {"limit", 'n', "N", "at most N (default 50)"},
      {"status", 0, "STATUS", "only idle, busy, interrupted, error or cancelled ones",
       "idle busy interrupted error cancelled"},
      JSON_OPTION},
     NULL,
     fl_cmd_threads_list},
    {"threads show",
     "ID",
     "the state of a thread: its messages, other channels, what it waits for",
     NULL,
     {STORE_OPTION, {"checkpoint", 'c', "ID", "as it was at this checkpoint (default: the newest)"}, JSON_OPTION},
     NULL,
     fl_cmd_threads_show},
    {"threads state",
     "ID",
     "where a thread stands: values, what runs next, tasks, what it waits for",
     "Without --checkpoint, what finished tasks of an unfinished step wrote is in the values.",
     {STORE_OPTION,
      {"checkpoint", 'c', "ID", "this checkpoint as it was made (default: where the thread stands)"},
      {"subgraphs", 0, NULL, "tasks that run a graph have its state, too"},
      GRAPH_OF_THREAD_OPTION,
      JSON_OPTION},
     NULL,
     fl_cmd_threads_state},
    {"threads history",
     "ID",
     "the checkpoints of a thread, newest first",
     NULL,
     {STORE_OPTION,
      {"limit", 'n', "N", "at most N (default 50)"},
      {"before", 0, "CHECKPOINT", "only those before this one"},
      {"source", 0, "SOURCE", "only those by input, loop, update or fork", "input loop update fork"},
      {"steps", 0, "FROM-TO", "only those of these steps: 3, 2-5, 2- or -5"},
      {"metadata", 0, "JSON", "only those with these members in the metadata of their run (or run_id)"},
      {"values", 0, NULL, "with --json: the values of each"},
      JSON_OPTION},
     NULL,
     fl_cmd_threads_history},
    {"threads events",
     "ID",
     "what runs with --keep-events have told, oldest first",
     "Each event has an id; after a stream was lost, --after goes on behind the last one that was seen.",
     {STORE_OPTION,
      {"after", 0, "EVENT", "only those behind this one"},
      {"run", 0, "RUN", "only those of this run"},
      {"limit", 'n', "N", "at most N (default: all)"},
      {"follow", 'f', NULL, "go on as they come, until nobody runs the thread any more"},
      JSON_OPTION},
     NULL,
     fl_cmd_threads_events},
    {"threads diff",
     "ID CHECKPOINT [CHECKPOINT]",
     "what differs between two checkpoints, channel by channel",
     "Without a second checkpoint, the first is compared with where the thread stands.",
     {STORE_OPTION, {"with", 0, "ID", "the second checkpoint is of this thread"}, JSON_OPTION},
     NULL,
     fl_cmd_threads_diff},
    {"threads fork",
     "ID CHECKPOINT",
     "let a thread stand at an older checkpoint; what came after stays in the history",
     NULL,
     {STORE_OPTION, GRAPH_OF_THREAD_OPTION, JSON_OPTION},
     NULL,
     fl_cmd_threads_fork},
    {"threads edit",
     "ID",
     "write to a thread from outside, as if by one of its nodes",
     "The next run goes on from there.\n"
     "\n"
     "Examples:\n"
     "  fairlead threads edit tuesday --as agent --values '{\"total\": 3}'\n"
     "  fairlead threads edit tuesday --as END\n"
     "  fairlead threads edit tuesday --supersteps '[[{\"values\": {\"a\": 1}, \"as_node\": \"START\"}]]'",
     {STORE_OPTION,
      {"values", 0, "JSON", "an object of channel values"},
      {"as", 0, "NODE", "a node, START, END or COPY (default: the node that ran last)"},
      {"supersteps", 0, "JSON", "several at once, all or none: [[{\"values\": …, \"as_node\": …}, …], …]"},
      {"checkpoint", 'c', "ID", "go on from this checkpoint (default: where the thread stands)"},
      {"metadata", 0, "JSON", "an object to keep with the checkpoint"},
      GRAPH_OF_THREAD_OPTION,
      JSON_OPTION},
     NULL,
     fl_cmd_threads_edit},
    {"threads resume",
     "ID [ANSWER]",
     "go on with a thread: finish what was begun, or answer what it waits for",
     "ANSWER is JSON: the answer to the pending interrupt, or {\"interrupt id\": answer, …}.",
     {STORE_OPTION,
      {"checkpoint", 'c', "ID", "begin at this checkpoint (default: where the thread stands)"},
      {"model", 'm', "PROVIDER/NAME", "use this model instead of the file's"},
      {"recursion-limit", 0, "N", "supersteps at most (default: the file's, else 25)"},
      CONTEXT_OPTION,
      STOP_OPTIONS,
      ON_BUSY_OPTION,
      WITHOUT_LAYER_OPTION,
      AS_OPTION,
      {"quiet", 'q', NULL, "no steps on standard error"},
      GRAPH_OF_THREAD_OPTION,
      JSON_OPTION},
     NULL,
     fl_cmd_threads_resume},
    {"threads copy",
     "ID NEW",
     "make a thread out of another, with its history",
     NULL,
     {STORE_OPTION,
      {"checkpoint", 'c', "ID", "only up to this checkpoint"},
      {"state", 0, NULL, "only the state, without the history"},
      JSON_OPTION},
     NULL,
     fl_cmd_threads_copy},
    {"threads delete",
     "ID…",
     "delete threads with everything they hold; this cannot be undone",
     NULL,
     {STORE_OPTION, {"yes", 'y', NULL, "do not ask"}, JSON_OPTION},
     NULL,
     fl_cmd_threads_delete},
    {"threads export",
     "ID [FILE]",
     "write a thread with all it holds as JSON lines, to a new file or standard output",
     NULL,
     {STORE_OPTION, JSON_OPTION},
     NULL,
     fl_cmd_threads_export},
    {"threads import",
     "FILE",
     "bring back a thread that was exported; a file that was changed or cut off imports nothing",
     "FILE may be - for standard input.",
     {STORE_OPTION, {"as", 0, "ID", "under this id (default: its own)"}, JSON_OPTION},
     "FILE",
     fl_cmd_threads_import},
    {"threads prune",
     "[ID…]",
     "drop old checkpoints of threads; where a thread stands stays always",
     "A checkpoint stays when either rule keeps it. Without a rule, each thread's own is used.\n"
     "\n"
     "Examples:\n"
     "  fairlead threads prune tuesday --keep 20\n"
     "  fairlead threads prune --all --older-than 30d\n"
     "  fairlead threads prune tuesday --keep 50 --remember",
     {STORE_OPTION,
      {"all", 0, NULL, "all threads of the store"},
      {"keep", 0, "N", "keep the last N checkpoints"},
      {"older-than", 0, "AGE", "keep what is younger: 90s, 45m, 12h, 30d, 4w"},
      {"remember", 0, NULL, "prune by this rule now and then from now on"},
      {"compact", 0, NULL, "then write the whole store anew, without free space"},
      JSON_OPTION},
     NULL,
     fl_cmd_threads_prune},
    {"threads storage",
     "[ID…]",
     "what threads take, channel by channel",
     NULL,
     {STORE_OPTION, {"all", 0, NULL, "all threads of the store"}, JSON_OPTION},
     NULL,
     fl_cmd_threads_storage},
    {"threads recover",
     "[ID…]",
     "finish threads whose process died while it ran them, by their graph files",
     NULL,
     {STORE_OPTION, {"all", 0, NULL, "all threads that are unfinished"}, JSON_OPTION},
     NULL,
     fl_cmd_threads_recover},
    {"memory put",
     "NAMESPACE KEY VALUE",
     "keep an item in the memory across threads",
     "NAMESPACE is labels with dots between: users.ann. VALUE is a JSON object; - reads it from standard input.\n"
     "\n"
     "Example:\n"
     "  fairlead memory put users.ann tea '{\"likes\": \"green tea\"}'",
     {STORE_OPTION,
      {"ttl", 0, "AGE", "forget it after so long without being read: 90s, 12h, 30d"},
      EMBED_OPTION,
      JSON_OPTION},
     NULL,
     fl_cmd_memory_put},
    {"memory get",
     "NAMESPACE KEY",
     "an item of the memory",
     NULL,
     {STORE_OPTION, JSON_OPTION},
     NULL,
     fl_cmd_memory_get},
    {"memory search",
     "[NAMESPACE] [--query TEXT]",
     "items of a namespace and all below it, the best first",
     "Example:\n"
     "  fairlead memory search users --query \"green tea\" --filter '{\"age\": {\"$gte\": 18}}'",
     {STORE_OPTION,
      {"query", 0, "TEXT", "by its words, and with --embed by its meaning (default: the last updated first)"},
      {"filter", 0, "JSON", "only items whose value has these members; $eq $ne $gt $gte $lt $lte"},
      {"limit", 'n', "N", "at most N (default 10)"},
      {"offset", 0, "N", "leave out the first N"},
      EMBED_OPTION,
      JSON_OPTION},
     NULL,
     fl_cmd_memory_search},
    {"memory list",
     "[NAMESPACE]",
     "the namespaces of the memory",
     "Labels of NAMESPACE may be *.",
     {STORE_OPTION,
      {"depth", 0, "N", "cut them to N labels"},
      {"limit", 'n', "N", "at most N (default 100)"},
      JSON_OPTION},
     NULL,
     fl_cmd_memory_list},
    {"memory delete", "NAMESPACE KEY", "forget an item", NULL, {STORE_OPTION, JSON_OPTION}, NULL, fl_cmd_memory_delete},
    FL_TRACE_COMMANDS
    {"cache clear",
     "",
     "forget the results of nodes that are cached, so that the nodes run again",
     NULL,
     {STORE_OPTION, {"node", 0, "NAME", "only those of nodes of this name"}, JSON_OPTION},
     NULL,
     fl_cmd_cache_clear},
    {"graph check",
     "FILE…",
     "check graph files: every mistake with its place and a suggestion",
     NULL,
     {JSON_OPTION},
     "FILE",
     fl_cmd_graph_check},
    {"graph draw",
     "FILE",
     "draw a graph",
     NULL,
     {{"format", 'f', "FORMAT", "text, svg, mermaid or dot (default: text)", "text svg mermaid dot"},
      {"depth", 'd', "N", "show the graphs inside nodes, N levels of them (default: 1)"},
      JSON_OPTION},
     "FILE",
     fl_cmd_graph_draw},
    {"graph schema", "", "the JSON Schema of graph files, for editors", NULL, {JSON_OPTION}, NULL, fl_cmd_graph_schema},
#include "runtime/cli/commands_policy.h"
    {"store seal",
     "",
     "seal what a store holds in the clear, under the key that is configured",
     "The key is 64 hex digits in a file that its owner alone may read, named in FAIRLEAD_STORE_KEY_FILE; or what the\n"
     "command in FAIRLEAD_STORE_KEY_COMMAND prints; or the systemd credential fairlead-store-key. Whoever is stopped\n"
     "midway says it again. The file is written anew at the end, so that no free page holds what was there.\n"
     "\n"
     "Example:\n"
     "  (umask 077; od -An -N32 -tx1 /dev/urandom | tr -d ' \\n' > store.key)\n"
     "  FAIRLEAD_STORE_KEY_FILE=store.key fairlead store seal",
     {STORE_OPTION, JSON_OPTION},
     NULL,
     fl_cmd_store_seal},
    {"store rotate-key",
     "",
     "exchange the key that a sealed store is opened with",
     "The keys of the threads are wrapped anew; what they seal stays as it is. Name the new file in\n"
     "FAIRLEAD_STORE_KEY_FILE from then on. Processes that have the store open must be started anew.\n"
     "\n"
     "Example:\n"
     "  FAIRLEAD_STORE_KEY_FILE=store.key fairlead store rotate-key --new-key next.key",
     {STORE_OPTION, {"new-key", 0, "FILE", "the file of the new key"}, JSON_OPTION},
     NULL,
     fl_cmd_store_rotate_key},
    {"store verify",
     "",
     "read all of a store, and say whether anything is missing or was put back",
     "Of a store with a key it is known what should stand in it: a row that is missing, one too many, and one that\n"
     "was put back to an earlier state are found, in a thread, in the memory and in the record of runs; so is a\n"
     "thread that went or was put back as a whole. Without a key every row is read. A file that was put back as a\n"
     "whole is found by 'fairlead audit verify --head'. The exit code is 1 when something is wrong.",
     {STORE_OPTION, JSON_OPTION},
     NULL,
     fl_cmd_store_verify},
    {"audit list",
     "",
     "what was decided, approved and administered, oldest first",
     "Each record names its number, time, what happened (call.denied, thread.deleted, …), the thread, and the rest as\n"
     "JSON.\n"
     "\n"
     "Examples:\n"
     "  fairlead audit list --what call.denied\n"
     "  fairlead audit list --thread tuesday --what call. --json",
     {STORE_OPTION,
      {"thread", 't', "ID", "only of this thread"},
      {"what", 0, "KIND", "only of this kind; with a dot at its end, all that begin so (call., thread.)",
       "call. call.allowed call.denied call.asked call.approved call.edited call.granted call.rejected call.suspended"
       " model.denied pin.accepted policy.signed secret.used store. store.key_rotated store.sealed thread."
       " thread.copied thread.deleted thread.edited thread.forked thread.imported thread.pruned thread.rolled_back"
       " trace. trace.erased trace.pruned"},
      {"after", 0, "N", "only those behind record N"},
      {"limit", 'n', "N", "the last N (default 50)"},
      JSON_OPTION},
     NULL,
     fl_cmd_audit_list},
    {"audit verify",
     "",
     "check that nothing in the audit log was changed, dropped, added or cut off",
     "Prints the head of the log: its last number and hash, signed. Keep heads elsewhere: --head compares the log "
     "with\n"
     "one, and so finds a store that was put back whole to an earlier state.\n"
     "Exit codes: 0 the log holds; 1 it does not (the first bad record is named), or cannot be read.\n"
     "\n"
     "Examples:\n"
     "  fairlead audit verify --json > head.json\n"
     "  fairlead audit verify --head head.json",
     {STORE_OPTION,
      {"head", 0, "FILE", "a head from before, as --json prints it; - for standard input"},
      {"key", 0, "HEX", "the public key that must have signed (default: that of STORE.audit-key)"},
      JSON_OPTION},
     NULL,
     fl_cmd_audit_verify},
    {"redteam",
     "FILE…",
     "try suites of attacks on a graph and its manifest, with a model that obeys them",
     "A suite has tasks, attacks that stand in what tools answer, and tools that stand in for the real ones: no\n"
     "server is started and no model is asked. The model makes the calls of its task, and those of an attack as soon\n"
     "as it reads one. Every task is run alone and with each attack that it meets, at five levels of the manifest:\n"
     "none, the list of tools, pinned arguments, provenance (from and labels), budgets. A person who is asked\n"
     "approves what the task needs.\n"
     "Exit codes: 0 with all of the manifest no attack's call is made and every call of the tasks is; 1 this does\n"
     "not hold; 2 wrong usage, suite, graph or manifest.\n"
     "\n"
     "Examples:\n"
     "  fairlead redteam /usr/local/share/fairlead/redteam/*.yaml\n"
     "  fairlead redteam my-suite.yaml --graph agent.yaml --calls",
     {{"graph", 'g', "FILE", "the graph file to try, with its manifest, in the place of what the suites say"},
      {"calls", 'c', NULL, "show what became of every call"},
      {"schema", 0, NULL, "print the JSON Schema of suites, for editors"},
      JSON_OPTION},
     "FILE",
     fl_cmd_redteam},
    {"mcp list",
     "[-- COMMAND ARGS…]",
     "the tools of MCP servers",
     "Examples:\n"
     "  fairlead mcp list -- fairlead mcp serve\n"
     "  fairlead mcp list --graph examples/math/agent.yaml\n"
     "  fairlead mcp list --url https://example.org/mcp",
     {GRAPH_OPTION, SERVER_OPTION, URL_OPTION, HEADER_OPTION, JSON_OPTION},
     NULL,
     fl_cmd_mcp_list},
    {"mcp call",
     "TOOL [ARGS] [-- COMMAND ARGS…]",
     "call one tool of an MCP server",
     "ARGS is a JSON object; - reads it from standard input.\n"
     "\n"
     "Examples:\n"
     "  fairlead mcp call add '{\"a\": 1, \"b\": 2}' --graph examples/math/agent.yaml\n"
     "  fairlead mcp call calculator '{\"expression\": \"2^10\"}' -- fairlead mcp serve",
     {GRAPH_OPTION,
      SERVER_OPTION,
      URL_OPTION,
      HEADER_OPTION,
      {"timeout", 0, "SECONDS", "give up after this long (default 600)"},
      JSON_OPTION},
     NULL,
     fl_cmd_mcp_call},
    {"mcp inspect",
     "[URL…] [-- COMMAND ARGS…]",
     "what MCP servers are and offer",
     "Prints the era and revision that a server speaks, its capabilities, tools with their schemas, prompts and\n"
     "resources.\n"
     "\n"
     "Examples:\n"
     "  fairlead mcp inspect -- fairlead mcp serve\n"
     "  fairlead mcp inspect --log https://example.org/mcp\n"
     "  fairlead mcp inspect --json --graph examples/math/agent.yaml",
     {GRAPH_OPTION,
      SERVER_OPTION,
      HEADER_OPTION,
      {"revision", 0, "REVISION", "speak this revision of the protocol (default: find out)",
       "2024-11-05 2025-03-26 2025-06-18 2025-11-25 2026-07-28"},
      {"log", 'l', NULL, "show every message on standard error"},
      JSON_OPTION},
     NULL,
     fl_cmd_mcp_inspect},
    {"mcp pins",
     "[SERVER/TOOL]",
     "which definitions of tools are trusted, and accept changed ones",
     "A tool of an MCP server is trusted as it was when first seen. When its name, texts, schemas or annotations have\n"
     "changed since, it is suspended: no model sees it and no run calls it, until its new definition is accepted.\n"
     "A server whose entry says \"pin: false\" is not pinned.\n"
     "\n"
     "Examples:\n"
     "  fairlead mcp pins\n"
     "  fairlead mcp pins 'mail/*' --json\n"
     "  fairlead mcp pins --accept mail/send",
     {STORE_OPTION,
      {"accept", 0, "SERVER/TOOL", "trust the changed definition (a star at the end: several)"},
      JSON_OPTION},
     NULL,
     fl_cmd_mcp_pins},
    {"mcp serve",
     "",
     "serve tools to MCP clients over standard input and output, or at a URL",
     "Serves the built-in tools (time, calculator, and what options switch on), or plugins and graphs.\n"
     "\n"
     "A graph is a tool: its arguments are the graph's input, its result the state at the end. Called as a task, it\n"
     "goes on after anything: what it asks a person is asked through the client, and a server that is started anew\n"
     "with the same store and graphs knows its tasks.\n"
     "\n"
     "The file of --builtin-config holds the settings of the built-in tools as the section builtin of a graph file\n"
     "does; it alone switches on `process`, which runs commands that it names.\n"
     "\n"
     "WHERE is PORT, HOST:PORT, unix:PATH, or fd:N for a socket that was handed over. Only this machine can reach the\n"
     "server unless HOST is another address and --public says so; web pages of other origins are refused.\n"
     "\n"
     "Examples:\n"
     "  fairlead mcp serve --graph examples/refund.yaml\n"
     "  fairlead mcp serve --root docs=./docs --root out=./out:write\n"
     "  fairlead mcp serve --database shop=shop.db --fetch '*.example.org'\n"
     "  fairlead mcp serve --http 3000\n"
     "  fairlead mcp serve --http unix:/run/user/1000/tools.sock",
     {{"graph", 'g', "FILE", "serve this graph as a tool (may be repeated)"},
      STORE_OPTION,
      {"model", 'm', "PROVIDER/NAME", "graphs use this model instead of their files'"},
      {"plugin", 'p', "FILE.so", "serve the tools of this plugin (may be repeated)"},
      {"skills", 0, "FOLDER", "serve the skills in this folder: each of its folders with a SKILL.md"},
      {"builtin", 0, NULL, "the built-in tools as well as plugins and graphs"},
      {"root", 0, "NAME=PATH", "tools for the files below this folder; NAME=PATH:write to change them, too"},
      {"database", 0, "NAME=PATH", "tools for this SQLite database; NAME=PATH:write to change it, too"},
      {"fetch", 0, "HOST", "the tool fetch, for pages of this host (*.NAME, *: any; may be repeated)"},
      {"ping", 0, "HOST", "the tool ping, for this host (likewise)"},
      {"private", 0, NULL, "both may reach this machine and private networks"},
      {"builtin-config", 0, "FILE", "settings of the built-in tools (JSON)"},
      {"http", 0, "WHERE", "serve over HTTP instead, until SIGTERM"},
      {"path", 0, "PATH", "the endpoint's path (default: /mcp)"},
      {"public", 0, NULL, "other machines may reach it"},
      {"allow-host", 0, "NAME", "it also goes by this Host (may be repeated)"},
      {"allow-origin", 0, "ORIGIN", "web pages of this origin may use it (may be repeated)"},
      {"tls-cert", 0, "FILE", "TLS with this chain of certificates (PEM; read again at SIGHUP)"},
      {"tls-key", 0, "FILE", "and its key"},
      {"auth-issuer", 0, "URL", "ask for tokens of this authorization server"},
      {"auth-resource", 0, "URL", "that are meant for this server, by the URL that clients know"},
      {"auth-scope", 0, "SCOPE", "and have this scope (may be repeated)"},
      {"auth-dpop", 0, NULL, "and are bound to a key of the client"},
      {"session-log", 0, "FILE", "keep sessions and streams of older clients here, across restarts"},
      JSON_OPTION},
     NULL,
     fl_cmd_mcp_serve},
    {"mcp login",
     "[URL]",
     "get a token for an MCP server, with a browser where a person must agree",
     "The token is kept, sealed, and renewed; runs use it from then on. Without a browser on this machine, open the "
     "page\n"
     "that is printed on it by other means.\n"
     "\n"
     "Examples:\n"
     "  fairlead mcp login https://example.org/mcp\n"
     "  fairlead mcp login --graph agent.yaml --server tickets",
     {GRAPH_OPTION,
      SERVER_OPTION,
      {"scope", 0, "SCOPE", "ask for these scopes as well"},
      {"client-id", 0, "ID", "the client that was registered there beforehand"},
      {"no-browser", 0, NULL, "only print the page's address"},
      JSON_OPTION},
     NULL,
     fl_cmd_mcp_login},
    {"mcp logout",
     "[URL]",
     "forget the tokens for an MCP server",
     NULL,
     {{"all", 'a', NULL, "for all servers"},
      {"clients", 0, NULL, "and the registrations at their authorization servers"},
      JSON_OPTION},
     NULL,
     fl_cmd_mcp_logout},
    {"mcp status", "", "for which MCP servers there are tokens", NULL, {JSON_OPTION}, NULL, fl_cmd_mcp_status},
    {"doctor",
     "",
     "what this machine can enforce around the tools of a manifest, layer by layer",
     "Each layer is tried, in the way in which it would be put around a tool, as the user who asks.\n"
     "Exit codes: 0 sandboxes hold here, 1 a layer is missing without which they do not.",
     {JSON_OPTION},
     NULL,
     fl_cmd_doctor},
    {"completion",
     "bash|zsh|fish",
     "a completion script for a shell",
     "For bash: eval \"$(fairlead completion bash)\"",
     {{0}},
     "bash zsh fish",
     fl_cmd_completion},
    {"complete",
     "threads [FRONT] | checkpoints THREAD",
     "ids for the completion of a shell, one a line",
     NULL,
     {STORE_OPTION},
     "threads checkpoints",
     fl_cmd_complete},
    {"version", "", "version, libraries and what this build can do", NULL, {JSON_OPTION}, NULL, fl_cmd_version},
    {"help", "[COMMAND]", "what a command does and takes", NULL, {JSON_OPTION}, NULL, fl_cmd_help},
};

const size_t fl_command_count = sizeof fl_commands / sizeof fl_commands[0];

/* SPDX-License-Identifier: MIT */
/* Sends and gotos in graph files: each row is a file and what is said about it. */
#include "graph/file.h"
#include "tests/support/support.h"

#define FILE_OF(nodes, edges) \
  "fairlead: 1\nname: g\nstate: { n: {}, items: { reducer: append } }\nnodes:\n" nodes "\nedges:\n" edges "\n"
#define A "  a: { type: set, write: { n: 1 } }\n"
#define B "  b: { type: set, write: { n: state.x } }\n"
#define START_A "  - START -> a\n"

static const struct {
  const char *text, *pointer, *says; /* NULL: nothing is wrong with it; the pointer "-": a warning */
} rows[] = {
    /* right */
    {FILE_OF(A B, START_A "  - { from: a, send: { to: b, for: state.items, as: x, else: END } }"), NULL, NULL},
    {FILE_OF(A B, START_A "  - { from: a, send: { to: b, with: { x: state.n } } }"), NULL, NULL},
    {FILE_OF(A B, START_A
             "  - { from: a, send: { to: b, for: '[1,2]', as: x, with: { y: x + 1, z: state.n }, else: [a, END] } }"),
     NULL, NULL},
    {FILE_OF(A B, START_A
             "  - { from: a, branch: [ { when: state.n > 0, send: { to: b, for: state.items, as: x, else: END } }, "
             "{ to: END } ] }"),
     NULL, NULL},
    {FILE_OF(A B, START_A "  - { from: a, branch: [ { to: a, send: { to: b, with: { x: '1' } } } ] }"), NULL, NULL},
    {FILE_OF("  a: { type: set, goto: b }\n  b: { type: set, write: { n: 2 } }\n", START_A), NULL, NULL},
    {FILE_OF(
         "  a: { type: set, goto: [b, { to: [END, b], when: state.n == 1 }] }\n  b: { type: set, write: { n: 2 } }\n",
         START_A),
     NULL, NULL},
    {FILE_OF("  a: { type: set, goto: { to: b, for: state.items, as: x } }\n" B, START_A), NULL, NULL},
    {FILE_OF("  a: { type: set, goto: [ { to: b, with: { x: 1 }, when: 'true' } ] }\n" B, START_A), NULL, NULL},
    {FILE_OF("  a: { type: set, write: { above: 1 }, goto: [there, { to: other, for: state.items, as: e }], graph: "
             "parent }\n",
             START_A),
     NULL, NULL},
    {FILE_OF(A "  b: { type: set, write: { n: 2 }, defer: true }\n", START_A "  - a -> b"), NULL, NULL},
    {FILE_OF("  a: { type: set, write: { n: 'run.step + run.remaining_steps', items: '[run.is_last_step, "
             "run.thread_id, run.attempt]' } }\n",
             START_A),
     NULL, NULL},
    {FILE_OF("  a: { type: c, function: f }\n  b: { type: set, write: { n: 1 } }\n", START_A), NULL, NULL},
    {FILE_OF(A "  g: { type: graph, graph: c }\n", START_A
             "  - a -> g\ncontext: { user: { type: string } }\n"
             "graphs:\n  c:\n    state: { n: {} }\n    nodes: { x: { type: set, write: { n: context.user } } }\n"
             "    edges: [ START -> x ]"),
     NULL, NULL},
    /* wrong */
    {FILE_OF(A, START_A "  - { from: a, send: 5 }"), "/edges/1/send", "must be"},
    {FILE_OF(A, START_A "  - { from: a, send: {} }"), "/edges/1/send", "\"to\" is missing"},
    {FILE_OF(A, START_A "  - { from: a, send: { to: c } }"), "/edges/1/send/to", "no node \"c\""},
    {FILE_OF(A, START_A "  - { from: a, send: { to: END } }"), "/edges/1/send/to", "nothing runs in END"},
    {FILE_OF(A, START_A "  - { from: a, send: { to: START } }"), "/edges/1/send/to", "nothing runs in START"},
    {FILE_OF(A, START_A "  - { from: a, send: { to: [a] } }"), "/edges/1/send/to", "starts one node"},
    {FILE_OF(A, START_A "  - { from: a, send: { to: a, for: state.items } }"), "/edges/1/send", "\"as\" is missing"},
    {FILE_OF(A, START_A "  - { from: a, send: { to: a, as: x } }"), "/edges/1/send/as", "there is none"},
    {FILE_OF(A, START_A "  - { from: a, send: { to: a, for: state.itms, as: x } }"), "/edges/1/send/for",
     "no channel \"itms\""},
    {FILE_OF(A, START_A "  - { from: a, send: { to: a, for: state.items, as: state } }"), "/edges/1/send/as",
     "a meaning of its own"},
    {FILE_OF(A, START_A "  - { from: a, send: { to: a, for: state.items, as: x, with: { x: 1 } } }"),
     "/edges/1/send/with/x", "is the element already"},
    {FILE_OF(A, START_A "  - { from: a, send: { to: a, for: state.items, as: x, with: { y: z } } }"),
     "/edges/1/send/with/y", "there is no \"z\""},
    {FILE_OF(A, START_A "  - { from: a, send: { to: a, for: x, as: x } }"), "/edges/1/send/for", "there is no \"x\""},
    {FILE_OF(A, START_A "  - { from: a, send: { to: a, with: { y: 1 }, else: END } }"), "/edges/1/send/else",
     "for an empty list"},
    {FILE_OF(A, START_A "  - { from: a, send: { to: a, for: state.items, as: x, else: q } }"), "/edges/1/send/else",
     "no node \"q\""},
    {FILE_OF(A, START_A "  - { from: a, send: { to: a, each: state.items } }"), "/edges/1/send/each",
     "a send has no key"},
    {FILE_OF(A, START_A "  - { from: [a], send: { to: a } }"), "/edges/1/from", "starts at one node"},
    {FILE_OF(A, START_A "  - { from: a, to: END, send: { to: a } }"), "/edges/1/send", "an edge has one of"},
    {FILE_OF(A B, START_A "  - { from: a, to: b }"), "/nodes/b/write/n", "no channel \"x\""},
    {FILE_OF("  a: { type: set, goto: [] }\n", START_A), "/nodes/a/goto", "no way to go"},
    {FILE_OF("  a: { type: set, goto: [5] }\n", START_A), "/nodes/a/goto/0", "the name of a node"},
    {FILE_OF("  a: { type: set, goto: [{}] }\n", START_A), "/nodes/a/goto/0", "\"to\" is missing"},
    {FILE_OF("  a: { type: set, goto: START }\n", START_A), "/nodes/a/goto", "back to START"},
    {FILE_OF("  a: { type: set, goto: [{ to: a, whn: 1 }] }\n", START_A), "/nodes/a/goto/0/whn",
     "a way of goto has no key"},
    {FILE_OF("  a: { type: set, goto: [{ to: a, when: state.q }] }\n", START_A), "/nodes/a/goto/0/when",
     "no channel \"q\""},
    {FILE_OF("  a: { type: set, goto: a, graph: above }\n", START_A), "/nodes/a/graph", "no graph \"above\""},
    {FILE_OF("  a: { type: set, write: { n: run.stp } }\n", START_A), "/nodes/a/write/n", "there is no \"run.stp\""},
    {FILE_OF("  a: { type: set, write: { n: context.user } }\n", START_A), "/nodes/a/write/n",
     "there is no \"context.user\""},
    {FILE_OF(A "  b: { type: set, write: { n: 1 } }\n", START_A), "/nodes/b", "cannot be reached"},
    /* hardly meant */
    {FILE_OF(A B, START_A "  - { from: a, send: { to: b, for: state.items, as: x } }"), "-", "nothing follows"},
    {FILE_OF(A B, START_A "  - a -> END\n  - { from: a, send: { to: b, for: state.items, as: x } }"), NULL, NULL},
};

static bool is_said(const struct fl_diags *diags, const char *pointer, const char *says) {
  bool is_warning = strcmp(pointer, "-") == 0;
  for (size_t i = 0; i < diags->count; i++) {
    const struct fl_diag *diag = &diags->items[i];
    if ((diag->severity != FL_SEVERITY_ERROR) != is_warning || strstr(diag->message, says) == NULL) continue;
    if (is_warning || (diag->pointer != NULL && strcmp(diag->pointer, pointer) == 0)) return true;
  }
  return false;
}

static void what_is_said(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fl_graph_file file = {0};
    struct fl_diags diags = {0};
    int rc = fl_graph_file_load("g.yaml", fl_slice_of(rows[i].text), NULL, &file, &diags);
    FL_BUF_AUTO said = {0};
    for (size_t j = 0; j < diags.count; j++)
      fl_buf_addf(&said, "%s: %s\n", diags.items[j].pointer, diags.items[j].message);
    bool is_right = rows[i].says == NULL || strcmp(rows[i].pointer, "-") == 0;
    bool is_warned = false;
    for (size_t j = 0; j < diags.count; j++) is_warned |= strstr(diags.items[j].message, "nothing follows") != NULL;
    if ((rc == 0) != is_right || (rows[i].says == NULL && is_warned) ||
        (rows[i].says != NULL && !is_said(&diags, rows[i].pointer, rows[i].says)))
      fail_msg("row %zu:\n%s\nsays: %s", i, rows[i].text, said.data != NULL ? said.data : "nothing");
    fl_graph_file_deinit(&file);
    fl_diags_deinit(&diags);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_said)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

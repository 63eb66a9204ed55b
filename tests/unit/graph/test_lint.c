/* SPDX-License-Identifier: MIT */
/* Warnings about graphs that load: each row has one, or none. */
#include "graph/file_loader.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <string.h>

#define HEAD "fairlead: 1\nstate: { n: { default: 0 }, m: { default: 0 } }\nnodes:\n"
#define SET(NAME) "  " NAME ": { type: set, write: { n: state.n + 1, m: state.m } }\n"
#define CYCLE "from here no way leads to END"
#define BRANCH "when none of the conditions holds, nothing follows"
#define ANSWER "the answer to the question goes nowhere"

static const struct {
  const char *text, *pointer, *message; /* NULL: no warning */
} rows[] = {
    {HEAD SET("a") "edges: [ START -> a ]\n", NULL, NULL},
    {HEAD SET("a") "edges: [ START -> a, a -> a ]\n", "/nodes/a", CYCLE},
    {HEAD SET("a") SET("b") "edges: [ START -> a -> b, b -> a ]\n", "/nodes/a", CYCLE},
    {HEAD SET("a") SET("b") SET("c") "edges: [ START -> a -> b -> c, c -> b ]\n", "/nodes/a", CYCLE},
    {HEAD SET("a") SET("b") SET("c") "edges: [ START -> a, START -> c, a -> b, b -> a ]\n", "/nodes/a", CYCLE},
    {HEAD SET("a") SET("b") "edges: [ START -> a -> b, b -> a, b -> END ]\n", NULL, NULL},
    {HEAD SET("a")
         SET("b") "edges: [ START -> a -> b, { from: b, branch: [ { when: state.n > 3, to: END }, { to: a } ] } ]\n",
     NULL, NULL},
    {HEAD SET("a") "  f: { type: fail, message: \"'x'\" }\nedges: [ START -> a, a -> a, a -> f ]\n", NULL, NULL},
    {HEAD SET("a") "  f: { type: c, function: x }\nedges: [ START -> a -> f, f -> a ]\n", NULL, NULL},
    {HEAD SET("a") SET("b") SET("c") "edges: [ START -> a, START -> b, { from: [a, b], to: c } ]\n", NULL, NULL},
    {HEAD SET("a") SET("b") SET("c") "edges: [ START -> a, START -> b, { from: [a, b], to: c }, c -> a, c -> b ]\n",
     "/nodes/a", CYCLE},
    {HEAD SET("a") SET("b") "edges: [ START -> a, { from: a, branch: [ { when: state.n > 3, to: b } ] } ]\n",
     "/edges/1/branch", BRANCH},
    {HEAD SET("a") SET("b") "edges: [ START -> a, { from: a, branch: [ { when: true, to: b } ] } ]\n", NULL, NULL},
    {HEAD SET("a")
         SET("b") "edges: [ START -> a, { from: a, branch: [ { when: state.n > 3, to: b }, { to: END } ] } ]\n",
     NULL, NULL},
    {HEAD SET("a") SET("b") "edges: [ START -> a, a -> b, { from: a, branch: [ { when: state.n > 3, to: b } ] } ]\n",
     NULL, NULL},
    {HEAD "  q: { type: interrupt, value: state.n }\n" SET("a") "edges: [ START -> q -> a ]\n", "/nodes/q", ANSWER},
    {HEAD "  q: { type: interrupt, value: state.n, resume: m }\n" SET("a") "edges: [ START -> q -> a ]\n", NULL, NULL},
    {"fairlead: 1\nstate: { p: { private: true }, n: {} }\nnodes: { a: { type: set, write: { n: state.p } } }\nedges: "
     "[ START -> a ]\n",
     "/state/p", "is read, but nothing writes it"},
    {"fairlead: 1\nstate: { p: { private: true, default: 1 }, n: {} }\nnodes: { a: { type: set, write: { n: state.p } "
     "} }\nedges: [ START -> a ]\n",
     NULL, NULL},
    {"fairlead: 1\nstate: { p: { private: true }, n: {} }\nnodes: { a: { type: set, write: { n: 1, p: 1 } } }\nedges: "
     "[ START -> a ]\n",
     "/state/p", "is written, but nothing reads it"},
    {"fairlead: 1\nstate: { p: { private: true }, n: {} }\nnodes: { a: { type: set, write: { p: 1 } }, b: { type: set, "
     "write: { n: state.p } } }\nedges: [ START -> a -> b ]\n",
     NULL, NULL},
    {"fairlead: 1\nstate: { p: {}, n: {} }\ninput: [ n ]\nnodes: { a: { type: set, write: { n: state.p } } }\nedges: "
     "[ START -> a ]\n",
     "/state/p", "is read, but nothing writes it"},
    {"fairlead: 1\nstate: { p: {}, n: {} }\ninput: [ n, p ]\nnodes: { a: { type: set, write: { n: state.p } } }\n"
     "edges: [ START -> a ]\n",
     NULL, NULL},
    {"fairlead: 1\nstate: { p: {}, n: {} }\noutput: [ n ]\nnodes: { a: { type: set, write: { n: 1, p: 1 } } }\n"
     "edges: [ START -> a ]\n",
     NULL, NULL},
    {"fairlead: 1\nmodels: { m: { provider: openai, model: x } }\nnodes: { r: { type: react } }\nedges: [ START -> r "
     "]\n",
     NULL, NULL},
    {"fairlead: 1\nmodels: { m: { provider: openai, model: x } }\nnodes: { r: { type: react } }\n"
     "edges: [ START -> r, r -> r ]\n",
     "/nodes/r", CYCLE},
};

static void warns_of_ways_that_are_hardly_meant(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fl_graph_file file = {0};
    struct fl_diags diags = {0};
    int rc = fl_graph_file_load("a.yaml", fl_slice_of(rows[i].text), NULL, &file, &diags);
    size_t expected = rows[i].message != NULL;
    for (size_t j = 0; j < diags.count && (rc != 0 || diags.count != expected); j++)
      print_message("# %s: %s\n", diags.items[j].pointer, diags.items[j].message);
    if (rc != 0 || diags.count != expected) fail_msg("row %zu: %zu warnings", i, diags.count);
    if (expected > 0 && (strcmp(diags.items[0].pointer, rows[i].pointer) != 0 ||
                         strstr(diags.items[0].message, rows[i].message) == NULL))
      fail_msg("row %zu: %s: %s", i, diags.items[0].pointer, diags.items[0].message);
    if (expected > 0) assert_true(diags.items[0].severity == FL_SEVERITY_WARNING && diags.items[0].suggestion != NULL);
    fl_graph_file_deinit(&file);
    fl_diags_deinit(&diags);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(warns_of_ways_that_are_hardly_meant)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

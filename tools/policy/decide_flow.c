/* SPDX-License-Identifier: MIT */
/* Where data may go: the labels of what the caller has read against the class of the tool that would be called. Pure.
 *
 * A rule of the document looks at what the caller has read; the default rule at what the run holds as a whole, for what
 * one task has read another can be told in ways that no label follows. A tool that a manifest names among its sinks or
 * sources is what it says there, and what it is by itself as well. */
#include "runtime/base/mem.h"
#include "tools/policy/manifest_decide.h"

#include <string.h>

static uint64_t labels_for(const struct fl_label_entry *entries, size_t count, const char *tool) {
  uint64_t labels = 0;
  for (size_t i = 0; i < count; i++)
    if (fl_pattern_fit(entries[i].match, tool) > 0) labels |= entries[i].labels;
  return labels;
}

uint64_t fl_manifest_source_labels(const struct fl_manifest *manifest, const char *tool) {
  return labels_for(manifest->sources, manifest->source_count, tool);
}

/* Whether a rule that holds gives this verdict; the last one, of no text, is the default rule. */
static bool says(const struct fl_question *question, const struct fl_flow_rule *flow, uint64_t to) {
  const struct fl_policy_facts *facts = question->call->facts;
  bool is_default = flow->text == NULL;
  uint64_t held = facts == NULL ? FL_LABELS_UNKNOWN : is_default ? facts->run_labels | facts->labels : facts->labels;
  return (flow->to & to) != 0 && (held & flow->needs) == flow->needs;
}

static const struct fl_flow_rule *find_flow(const struct fl_question *question, enum fl_verdict wanted) {
  const struct fl_manifest *manifest = question->manifest;
  const struct fl_policy_facts *facts = question->call->facts;
  uint64_t to = labels_for(manifest->sinks, manifest->sink_count, question->call->tool);
  if (facts != NULL) to |= facts->class.leads_to;
  for (size_t i = 0; to != 0 && i < manifest->flow_count; i++)
    if (manifest->flows[i].verdict == wanted && says(question, &manifest->flows[i], to)) return &manifest->flows[i];
  return NULL;
}

bool fl_question_flows(const struct fl_question *question, enum fl_verdict wanted) {
  const struct fl_flow_rule *flow = find_flow(question, wanted);
  if (flow == NULL || (wanted == FL_VERDICT_ASK && fl_question_is_granted(question, flow->pointer))) return false;
  FL_BUF_AUTO names = {0};
  const struct fl_policy_facts *facts = question->call->facts;
  uint64_t held = facts != NULL ? facts->labels | facts->run_labels : FL_LABELS_UNKNOWN;
  fl_labels_text(held == FL_LABELS_UNKNOWN ? held : flow->needs, question->manifest->label_names, &names);
  if (flow->text != NULL)
    fl_question_say(question, wanted, flow->pointer, "%s (what was read is %s)", flow->text, names.data);
  else
    fl_question_say(question, wanted, flow->pointer,
                    "the run holds private data and untrusted content (%s), and %.64s is a way out", names.data,
                    question->call->tool);
  question->decision->labels = held;
  return true;
}

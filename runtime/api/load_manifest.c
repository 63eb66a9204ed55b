/* SPDX-License-Identifier: MIT */
/* The manifests that graph files name: read, compiled, and put around what their graphs may do. */
#include "runtime/api/load.h"
#include "runtime/base/mem.h"
#include "runtime/engine/rehearsal.h"
#include "tools/policy/manifest.h"
#include "tools/policy/pin.h"
#include "tools/policy/signature.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- who may have signed them ---- */

/* NULL: there is none. */
static char *trust_path(void) {
  const char *named = secure_getenv("FAIRLEAD_TRUST"), *config = secure_getenv("XDG_CONFIG_HOME");
  const char *home = secure_getenv("HOME");
  if (named != NULL && named[0] != '\0') return fl_strdup(named);
  bool has_config = config != NULL && config[0] == '/';
  if (!has_config && (home == NULL || home[0] != '/')) return NULL;
  char *path =
      has_config ? fl_format("%s/fairlead/trust.yaml", config) : fl_format("%s/.config/fairlead/trust.yaml", home);
  if (access(path, F_OK) == 0) return path;
  fl_free(path);
  return NULL;
}

int fl_load_find_trust(struct fl_load_trust *ret_trust, struct fl_diags *diags) {
  FL_FREE_AUTO char *path = trust_path(), *text = NULL;
  size_t size = 0;
  struct fl_error err = {0};
  if (path == NULL) return 0;
  if (fl_load_read_file(path, &text, &size, &err) == 0)
    return fl_trust_load(path, fl_slice_n(text, size), &ret_trust->trust, diags);
  struct fl_diag diag = {.severity = FL_SEVERITY_ERROR, .file = path, .message = err.text};
  fl_diags_add(diags, &diag);
  return FL_E_INVALID;
}

static int check_trust(const struct fl_graph_file *file, const struct fl_manifest *manifest,
                       const struct fl_load_trust *trust, struct fl_diags *diags) {
  struct fl_error err = {0};
  if (trust->trust == NULL) return 0;
  if (manifest == NULL) fl_error_set(&err, FL_E_DENIED, "it has no manifest, and manifests must be signed here");
  else if (fl_manifest_check_signature(manifest, trust->trust, trust->now_s, &err) == 0) return 0;
  fl_document_diag(&file->document, diags, FL_SEVERITY_ERROR, manifest != NULL ? "/manifest" : "", false, NULL, "%s",
                   err.text);
  return FL_E_INVALID;
}

/* ---- reading ---- */

/* As a person would name it, seen from where the graph file was named. */
static char *path_of(const struct fl_graph_file *file) {
  bool is_plain = file->manifest[0] == '/' || strchr(file->path, '/') == NULL;
  return is_plain ? fl_strdup(file->manifest) : fl_format("%s/%s", file->folder, file->manifest);
}

static int read_file(const struct fl_graph_file *file, struct fl_manifest **ret_manifest, struct fl_diags *diags) {
  FL_FREE_AUTO char *path = path_of(file), *text = NULL;
  size_t size = 0;
  struct fl_error err = {0};
  if (fl_load_read_file(path, &text, &size, &err) < 0) {
    fl_document_diag(&file->document, diags, FL_SEVERITY_ERROR, "/manifest", false, NULL, "%s", err.text);
    return FL_E_INVALID;
  }
  return fl_manifest_load(path, fl_slice_n(text, size), ret_manifest, diags);
}

/* In a rehearsal the root's may be given, and any may be cut. */
static int find_manifest(const struct fl_loaded_graph *graph, const struct fl_rehearsal *rehearsal,
                         struct fl_manifest **ret_manifest, struct fl_diags *diags) {
  int rc = 0;
  struct fl_manifest *found = NULL;
  if (rehearsal != NULL && rehearsal->manifest != NULL && graph->outer == NULL)
    found = fl_manifest_ref(rehearsal->manifest);
  else if (graph->file.manifest != NULL) rc = read_file(&graph->file, &found, diags);
  if (found != NULL && rehearsal != NULL) {
    *ret_manifest = rehearsal->cut(found, rehearsal->user);
    fl_manifest_unref(found);
  } else if (rc == 0) *ret_manifest = found;
  return rc;
}

/* Without it a change is still found; what changed is not told. */
static struct fl_value *read_kept_pins(const struct fl_manifest *manifest) {
  FL_FREE_AUTO char *path = fl_format("%s" FL_PINS_SUFFIX, fl_manifest_file(manifest)), *text = NULL;
  struct fl_value *kept = NULL;
  size_t size = 0;
  if (fl_load_read_file(path, &text, &size, NULL) < 0 || fl_parse(text, size, &kept, NULL) < 0) return NULL;
  return kept;
}

static void add_needs(struct fl_policy_needs *needs, const struct fl_policy_needs *more) {
  needs->labels |= more->labels;
  needs->spending |= more->spending;
  needs->by_user |= more->by_user;
  needs->prompt |= more->prompt;
  needs->costs |= more->costs;
  needs->hosts |= more->hosts;
  needs->listings |= more->listings;
}

int fl_load_manifests(struct fl_loaded_graph *graph, const struct fl_policy *within, const struct fl_load_trust *trust,
                      const struct fl_rehearsal *rehearsal, struct fl_diags *diags) {
  struct fl_manifest *manifest = NULL;
  int rc = find_manifest(graph, rehearsal, &manifest, diags);
  bool is_outermost = within == graph->list;
  if (rc == 0 && (manifest != NULL || is_outermost)) rc = check_trust(&graph->file, manifest, trust, diags);
  if (manifest != NULL) graph->policy = fl_policy_create_manifest(manifest, within);
  graph->manifest = manifest;
  if (manifest != NULL && rehearsal == NULL) graph->kept_pins = read_kept_pins(manifest);
  graph->needs = fl_policy_needs(graph->policy);
  for (struct fl_loaded_graph *inner = graph->inner; inner != NULL; inner = inner->next) {
    const struct fl_policy *around = graph->policy != NULL ? graph->policy : within;
    if (fl_load_manifests(inner, around, trust, rehearsal, diags) < 0) rc = FL_E_INVALID;
    add_needs(&graph->needs, &inner->needs);
  }
  return rc;
}

int fl_load_check_manifests(const struct fl_graph_file *file, struct fl_diags *diags) {
  int rc = 0;
  struct fl_manifest *manifest = NULL;
  if (file->manifest != NULL) rc = read_file(file, &manifest, diags);
  fl_manifest_unref(manifest);
  for (size_t i = 0; i < file->child_count; i++)
    if (fl_load_check_manifests(&file->children[i], diags) < 0) rc = FL_E_INVALID;
  return rc;
}

/* ---- what a graph may do, in a line ---- */

static bool is_listed_before(const char *const *patterns, size_t index) {
  for (size_t i = 0; i < index; i++)
    if (strcmp(patterns[i], patterns[index]) == 0) return true;
  return false;
}

static void add_patterns(const struct fl_policy *list, struct fl_buf *text) {
  const char *const *patterns = list != NULL ? fl_policy_allowed(list) : NULL;
  bool is_first = true;
  for (size_t i = 0; patterns != NULL && patterns[i] != NULL; i++) {
    if (is_listed_before(patterns, i)) continue;
    fl_buf_addf(text, "%s%s", is_first ? "" : ", ", patterns[i]);
    is_first = false;
  }
  if (is_first) fl_buf_add_text(text, "no tools");
}

/* "math (fairlead)", "bank (https://…)": what is started, or where it is. */
static void add_servers(const struct fl_graph_file *file, struct fl_buf *text) {
  size_t count = 0;
  for (struct fl_member m = {0}; fl_is(file->servers, FL_OBJECT) && fl_next_member(file->servers, &m);) {
    const char *way = fl_get_string(m.value, "command", fl_get_string(m.value, "url", NULL));
    fl_buf_addf(text, "%s%s", count++ == 0 ? "; servers: " : ", ", m.key);
    if (way != NULL) fl_buf_addf(text, " (%.100s)", way);
  }
}

void fl_load_describe(struct fl_runtime *runtime, struct fl_definition *definition, struct fl_buf *text) {
  const struct fl_loaded_graph *graph = fl_runtime_graph(runtime, definition);
  if (graph->file.manifest != NULL) {
    fl_buf_addf(text, "manifest %s (%.16s)", graph->file.manifest, fl_policy_manifest_hash(graph->policy));
    return;
  }
  fl_buf_add_text(text, "no manifest, so it may use what it names: ");
  add_patterns(graph->list, text);
  add_servers(&graph->file, text);
}

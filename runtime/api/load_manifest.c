/* SPDX-License-Identifier: MIT */
/* The manifests that graph files name: read, compiled, and put around what their graphs may do. */
#include "runtime/api/load.h"
#include "runtime/base/mem.h"
#include "tools/policy/manifest.h"

/* As a person would name it, seen from where the graph file was named. */
static char *path_of(const struct fl_graph_file *file) {
  bool is_plain = file->manifest[0] == '/' || strchr(file->path, '/') == NULL;
  return is_plain ? fl_strdup(file->manifest) : fl_format("%s/%s", file->folder, file->manifest);
}

static int read_manifest(const struct fl_graph_file *file, struct fl_manifest **ret_manifest, struct fl_diags *diags) {
  FL_FREE_AUTO char *path = path_of(file), *text = NULL;
  size_t size = 0;
  struct fl_error err = {0};
  if (fl_load_read_file(path, &text, &size, &err) < 0) {
    fl_document_diag(&file->document, diags, FL_SEVERITY_ERROR, "/manifest", false, NULL, "%s", err.text);
    return FL_E_INVALID;
  }
  int rc = fl_manifest_load(path, fl_slice_n(text, size), ret_manifest, diags);
  if (rc < 0 || fl_manifest_unenforced(*ret_manifest, diags) == 0) return rc;
  fl_manifest_unref(*ret_manifest);
  *ret_manifest = NULL;
  return FL_E_INVALID;
}

int fl_load_manifests(struct fl_loaded_graph *graph, const struct fl_policy *within, struct fl_diags *diags) {
  int rc = 0;
  struct fl_manifest *manifest = NULL;
  if (graph->file.manifest != NULL) rc = read_manifest(&graph->file, &manifest, diags);
  if (manifest != NULL) graph->policy = fl_policy_create_manifest(manifest, within);
  graph->manifest = manifest;
  for (struct fl_loaded_graph *inner = graph->inner; inner != NULL; inner = inner->next)
    if (fl_load_manifests(inner, graph->policy != NULL ? graph->policy : within, diags) < 0) rc = FL_E_INVALID;
  return rc;
}

int fl_load_check_manifests(const struct fl_graph_file *file, struct fl_diags *diags) {
  int rc = 0;
  struct fl_manifest *manifest = NULL;
  if (file->manifest != NULL) rc = read_manifest(file, &manifest, diags);
  fl_manifest_unref(manifest);
  for (size_t i = 0; i < file->child_count; i++)
    if (fl_load_check_manifests(&file->children[i], diags) < 0) rc = FL_E_INVALID;
  return rc;
}

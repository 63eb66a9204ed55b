/* SPDX-License-Identifier: MIT */
/* Nodes that run a graph: a file of its own, or a graph of the `graphs` section. Each is loaded once by a file, when
 * the first node names it, with a loader of its own; models and servers are those of the file around beside its own. A
 * graph that contains itself is refused with the way that leads around. */
#include "graph/file_node.h"

#include <stdio.h>

/* ---- paths ---- */

/* Without "./", "x/../" and doubled slashes, so that one file has one name. */
static char *tidy_take(char *path) {
  size_t from = 0, to = 0;
  while (path[from] != '\0') {
    size_t size = strcspn(path + from, "/");
    bool is_dot = size == 0 || (size == 1 && path[from] == '.');
    bool is_up = size == 2 && strncmp(path + from, "..", 2) == 0;
    size_t last = to;
    while (last > 0 && path[last - 1] != '/') last--;
    bool can_go_up = is_up && to > 0 && strncmp(path + last, "..", to - last) != 0;
    if (can_go_up) to = last > 0 ? last - 1 : 0;
    else if (!is_dot || from == 0) {
      if (to > 0 && path[to - 1] != '/') path[to++] = '/';
      if (!is_dot || size == 0) memmove(path + to, path + from, size);
      if (size == 0 && from == 0) path[to++] = '/';
      else if (!is_dot) to += size;
    }
    from += size + (path[from + size] == '/');
  }
  path[to] = '\0';
  return path;
}

/* As the outermost file's reader takes it: relative to that file's folder. */
static char *read_path(const struct fl_loader *loader, const char *path) {
  const char *slash = loader->path != NULL ? strrchr(loader->path, '/') : NULL;
  if (slash == NULL || path[0] == '/') return tidy_take(fl_strdup(path));
  return tidy_take(fl_format("%.*s/%s", (int)(slash - loader->path), loader->path, path));
}

int fl_file_read(struct fl_loader *loader, const char *path, char **ret_text, size_t *ret_size, struct fl_error *err) {
  int (*read)(const char *, char **, size_t *, void *, struct fl_error *) = fl_option(loader->options, read, NULL);
  if (read == NULL) return fl_error_set(err, FL_E_UNSUPPORTED, "other files cannot be read here");
  const char *slash = loader->path != NULL ? strrchr(loader->path, '/') : NULL;
  FL_FREE_AUTO char *whole = slash == NULL || path[0] == '/'
                                 ? fl_strdup(path)
                                 : fl_format("%.*s/%s", (int)(slash - loader->path), loader->path, path);
  return read(whole, ret_text, ret_size, fl_option(loader->options, user, NULL), err);
}

/* ---- children ---- */

static struct fl_loader *file_loader(struct fl_loader *loader) {
  while (loader->is_inline) loader = loader->outer;
  return loader;
}

static size_t count_graphs(const struct fl_loader *loader) {
  size_t count = loader->child_count;
  for (size_t i = 0; i < loader->child_count; i++) count += count_graphs(&loader->children[i]->loader);
  return count;
}

static struct fl_child_graph *find(const struct fl_loader *loader, const char *name, const struct fl_value *entry) {
  for (size_t i = 0; i < loader->child_count; i++) {
    struct fl_child_graph *child = loader->children[i];
    if (child->entry == entry && (entry != NULL || strcmp(child->name, name) == 0)) return child;
  }
  return NULL;
}

static struct fl_child_graph *add(struct fl_loader *home, struct fl_loader *outer, const char *name) {
  struct fl_child_graph *child = fl_new(struct fl_child_graph);
  home->children = fl_realloc(home->children, (home->child_count + 1) * sizeof *home->children);
  home->children[home->child_count++] = child;
  child->name = fl_strdup(name);
  child->is_loading = true;
  child->loader = (struct fl_loader){.options = outer->options, .diags = outer->diags, .outer = outer};
  child->loader.path = outer->path;
  return child;
}

/* "a.yaml -> child -> a.yaml": from where the graph was begun to where it is named again. */
static void refuse_cycle(const struct fl_spot *spot, const struct fl_child_graph *child, const char *name) {
  const char *names[FL_GRAPH_DEPTH_MAX + 2];
  size_t count = 0;
  const struct fl_loader *loader = spot->loader;
  while (loader != NULL && count < FL_GRAPH_DEPTH_MAX + 1) {
    const struct fl_child_graph *inner =
        loader->outer != NULL
            ? (const struct fl_child_graph *)((const char *)loader - offsetof(struct fl_child_graph, loader))
            : NULL;
    names[count++] = inner != NULL ? inner->name : loader->path;
    if (inner == child) break;
    loader = loader->outer;
  }
  FL_BUF_AUTO chain = {0};
  while (count > 0) fl_buf_addf(&chain, "%s -> ", names[--count]);
  fl_spot_error(spot, NULL, "a graph cannot contain itself: %s%s", chain.data, name);
}

static bool may_add(const struct fl_spot *spot) {
  struct fl_loader *outermost = spot->loader;
  size_t depth = 1;
  for (; outermost->outer != NULL; outermost = outermost->outer) depth++;
  if (depth >= FL_GRAPH_DEPTH_MAX)
    fl_spot_error(spot, NULL, "graphs stand inside one another more than %d deep", FL_GRAPH_DEPTH_MAX);
  else if (count_graphs(outermost) >= FL_FILE_GRAPHS_MAX)
    fl_spot_error(spot, NULL, "more than %d graphs stand in this one", FL_FILE_GRAPHS_MAX);
  else return true;
  return false;
}

/* ---- a graph of the section ---- */

/* `spot` is its entry; its parents belong to the loader of that section. */
static struct fl_child_graph *load_entry(struct fl_loader *owner, const struct fl_spot *spot) {
  struct fl_child_graph *child = add(owner, owner, spot->key);
  child->entry = spot->value;
  child->loader.is_inline = true;
  struct fl_file_part *part = fl_new(struct fl_file_part);
  child->loader.parts[child->loader.part_count++] = part;
  part->root = *spot;
  part->root.loader = &child->loader;
  if (fl_spot_is(&part->root, FL_OBJECT)) {
    fl_spot_check_keys(&part->root, &fl_shape_subgraph);
    fl_file_load_graph(&child->loader, spot->key, &child->file);
  }
  child->is_loading = false;
  return child;
}

/* The section is looked for in the graph itself, and then around it, as far as the file goes. */
static struct fl_child_graph *child_of_section(const struct fl_spot *spot, const char *name) {
  const char *names[FL_FILE_GRAPHS_MAX];
  size_t count = 0;
  for (struct fl_loader *loader = spot->loader; loader != NULL; loader = loader->is_inline ? loader->outer : NULL) {
    const struct fl_spot *section = &loader->parts[0]->graphs;
    struct fl_spot entry = fl_spot_member(section, name);
    struct fl_child_graph *known = entry.value != NULL ? find(loader, name, entry.value) : NULL;
    if (known != NULL && known->is_loading) refuse_cycle(spot, known, name);
    if (known != NULL) return known->is_loading ? NULL : known;
    if (entry.value != NULL) return may_add(spot) ? load_entry(loader, &entry) : NULL;
    for (struct fl_member m = {0}; count < FL_FILE_GRAPHS_MAX && fl_next_member(section->value, &m);)
      names[count++] = m.key;
  }
  char advice[FL_SUGGESTION_MAX];
  fl_spot_error(spot, fl_suggest(name, names, count, advice), "there is no graph \"%s\" in the section \"graphs\"",
                name);
  return NULL;
}

void fl_file_load_graphs(struct fl_loader *loader) {
  const struct fl_spot *section = &loader->parts[0]->graphs;
  if (section->value == NULL || !fl_spot_is(section, FL_OBJECT)) return;
  for (struct fl_member m = {0}; fl_next_member(section->value, &m);) {
    struct fl_spot entry = fl_spot_member(section, m.key);
    if (find(loader, m.key, m.value) != NULL) continue;
    fl_spot_key_warn(&entry, NULL, "no node runs graph \"%s\"", m.key);
    if (may_add(&entry)) load_entry(loader, &entry);
  }
}

/* ---- a file ---- */

static struct fl_child_graph *load_file(const struct fl_spot *spot, const char *path, const char *name) {
  struct fl_loader *home = file_loader(spot->loader);
  FL_FREE_AUTO char *text = NULL;
  size_t size = 0;
  struct fl_error err = {0};
  if (fl_file_read(home, path, &text, &size, &err) < 0) {
    fl_spot_error(spot, NULL, "\"%s\" cannot be read: %s", path, err.text);
    return NULL;
  }
  struct fl_child_graph *child = add(home, home, name);
  FL_FREE_AUTO char *shown = tidy_take(fl_file_name_of(home, path));
  child->loader.path = child->name;
  child->file.path = fl_strdup(shown);
  child->file.folder = fl_file_folder_of(shown);
  fl_file_load_text(&child->loader, shown, fl_slice_n(text, size), &child->file);
  child->is_loading = false;
  return child;
}

static struct fl_child_graph *child_of_file(const struct fl_spot *spot, const char *path) {
  struct fl_loader *home = file_loader(spot->loader);
  FL_FREE_AUTO char *name = read_path(home, path);
  for (struct fl_loader *loader = home; loader != NULL; loader = loader->outer) {
    if (loader->is_inline || strcmp(loader->path, name) != 0) continue;
    const struct fl_child_graph *itself =
        loader->outer != NULL
            ? (const struct fl_child_graph *)((char *)loader - offsetof(struct fl_child_graph, loader))
            : NULL;
    refuse_cycle(spot, itself, name);
    return NULL;
  }
  struct fl_child_graph *known = find(home, name, NULL);
  if (known != NULL) return known;
  return may_add(spot) ? load_file(spot, path, name) : NULL;
}

struct fl_child_graph *fl_file_child(const struct fl_spot *node) {
  struct fl_spot file = fl_spot_member(node, "file"), graph = fl_spot_member(node, "graph");
  if ((file.value != NULL) == (graph.value != NULL)) {
    fl_spot_key_error(node, "name the file, or a graph of the section \"graphs\"",
                      "a node of type graph has \"file\" or \"graph\", and not both");
    return NULL;
  }
  const char *name = fl_spot_text(node, file.value != NULL ? "file" : "graph", true);
  if (name == NULL) return NULL;
  return file.value != NULL ? child_of_file(&file, name) : child_of_section(&graph, name);
}

/* ---- their ends ---- */

/* What stands in a `graphs` section has its files with the file around it: they were added there. */
void fl_file_children_take(struct fl_loader *loader, struct fl_graph_file *file) {
  file->document = loader->parts[0]->document;
  loader->parts[0]->document = (struct fl_document){0};
  file->children = fl_new_array(struct fl_graph_file, loader->child_count);
  for (size_t i = 0; i < loader->child_count; i++) {
    struct fl_child_graph *child = loader->children[i];
    if (child->loader.is_inline) continue;
    fl_file_children_take(&child->loader, &child->file);
    file->children[file->child_count++] = child->file;
    child->file = (struct fl_graph_file){0};
  }
}

void fl_file_children_free(struct fl_loader *loader) {
  for (size_t i = 0; i < loader->child_count; i++) {
    struct fl_child_graph *child = loader->children[i];
    fl_loader_deinit(&child->loader);
    fl_graph_file_deinit(&child->file);
    fl_free(child->name);
    fl_free(child);
  }
  fl_free(loader->children);
}

/* ---- the node ---- */

static void check_input(struct fl_node_load *load, const struct fl_child_graph *child) {
  struct fl_spot map = fl_spot_member(load->spot, "input");
  if (map.value == NULL || !fl_spot_is(&map, FL_OBJECT)) return;
  for (struct fl_member m = {0}; fl_next_member(map.value, &m);) {
    struct fl_spot spot = fl_spot_member(&map, m.key);
    struct fl_spot there = spot;
    if (child != NULL) there.loader = (struct fl_loader *)&child->loader;
    if (child != NULL) fl_file_use_channel(&there, m.key);
    fl_node_load_expr(load, &spot);
  }
}

/* Its keys are channels of this graph, its expressions read those of the other. */
static void check_output(struct fl_node_load *load, const struct fl_child_graph *child) {
  struct fl_spot map = fl_spot_member(load->spot, "output");
  if (map.value == NULL || !fl_spot_is(&map, FL_OBJECT)) return;
  for (struct fl_member m = {0}; fl_next_member(map.value, &m);) {
    struct fl_spot spot = fl_spot_member(&map, m.key);
    fl_file_use_channel(&spot, m.key);
    if (child == NULL) continue;
    spot.loader = (struct fl_loader *)&child->loader;
    fl_node_load_expr(load, &spot);
  }
}

static void use_shared(struct fl_node_load *load, const struct fl_child_graph *child) {
  struct fl_section *channels = &load->loader->state;
  for (size_t i = 0; i < channels->count; i++)
    channels->items[i]->is_used |= fl_file_has_channel(&child->loader, channels->names[i]);
}

static enum fl_checkpoints read_checkpoints(const struct fl_spot *node) {
  static const char *const names[] = {"inherit", "own", "none"};
  const char *name = fl_spot_text(node, "checkpoints", false);
  for (int i = 0; name != NULL && i < 3; i++)
    if (strcmp(name, names[i]) == 0) return (enum fl_checkpoints)i;
  struct fl_spot spot = fl_spot_member(node, "checkpoints");
  char advice[FL_SUGGESTION_MAX];
  if (name != NULL)
    fl_spot_error(&spot, fl_suggest(name, names, 3, advice), "\"checkpoints\" is inherit, own or none, not \"%s\"",
                  name);
  return FL_CHECKPOINTS_INHERIT;
}

const char *const fl_node_graph_keys[] = {FL_NODE_COMMON, "file", "graph", "output", "checkpoints", NULL};

void fl_node_check_graph(struct fl_node_load *load) {
  const struct fl_child_graph *child = fl_file_child(load->spot);
  load->checkpoints = read_checkpoints(load->spot);
  load->subgraph = child != NULL ? child->file.definition : NULL;
  check_input(load, child);
  check_output(load, child);
  bool shares = fl_get(load->spot->value, "input") == NULL || fl_get(load->spot->value, "output") == NULL;
  if (child != NULL && shares) use_shared(load, child);
}

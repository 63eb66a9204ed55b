/* SPDX-License-Identifier: MIT */
/* What a conversation offers to the templates of the scripted model, and their expansion. Pure. */
#pragma once
#include "runtime/json/regex.h"
#include "runtime/model/model.h"

/* Lent from the conversation and the texts below, which belong to it. */
struct fl_scene {
  const struct fl_list *messages;
  struct fl_value *user;   /* last user text, a string; NULL: none */
  struct fl_value *result; /* text of the last message when it is a tool result; NULL */
  const char *result_name; /* the tool's */
  bool is_user_last;
  fl_slice user_groups[FL_REGEX_GROUP_MAX];
  size_t user_group_count;
  fl_slice result_groups[FL_REGEX_GROUP_MAX];
  size_t result_group_count;
};
void fl_scene_init(struct fl_scene *scene, const struct fl_list *messages);
void fl_scene_deinit(struct fl_scene *scene);

/* The text of a tool message: {"result": x} reads as x. A new string. */
struct fl_value *fl_scene_result_text(const struct fl_value *message);

/* A text with its templates filled in. FL_E_INVALID names the template that has nothing to say; FL_E_LIMIT. */
int fl_template_text(const struct fl_scene *scene, fl_slice text, struct fl_buf *ret_text, struct fl_error *err);
/* A value of which every string is filled in. */
int fl_template_value(const struct fl_scene *scene, const struct fl_value *value, struct fl_value **ret_value,
                      struct fl_error *err);

/* SPDX-License-Identifier: MIT */
/* What a result of a tool is to a model: texts, and images that models can see. Everything else that is not text
 * (sounds, other kinds of images, files) would be base64 to it: the model gets a note with type and size, and the bytes
 * are kept beside the thread (spill.h). Pure. */
#pragma once
#include <fairlead/error.h>
#include <fairlead/value.h>

enum {
  FL_SHOWN_IMAGE_MAX = 5 * 1024 * 1024, /* bytes of an image's base64 that a model is sent */
  FL_SHOWN_HEAD_SIZE = 4000,            /* what is shown of a text that is too long */
};

struct fl_shown_how {
  size_t text_max;            /* bytes of all texts; 0: as long as they are */
  const char *key;            /* under which the rest is kept; NULL: nowhere */
  const struct fl_error *err; /* why it is not kept; NULL: it is, or nobody tried */
};

/* A text, or a list of parts when there is an image among them. */
struct fl_value *fl_shown_content(const struct fl_value *result, const struct fl_shown_how *how);
/* What fl_shown_content leaves out: {"text": all texts, "attachments": [{"mime_type","data"}]}, each only when there is
 * something of it; NULL: nothing is left out. */
struct fl_value *fl_shown_rest(const struct fl_value *result, size_t text_max);
/* What stands for something that is not text: "audio/wav, 1234 bytes", of its base64. */
struct fl_value *fl_shown_note(const char *mime_type, const struct fl_value *data);
/* `at`, or the beginning of the character that it is inside of. */
size_t fl_shown_border(const char *text, size_t size, size_t at);

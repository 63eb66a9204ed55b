/* SPDX-License-Identifier: MIT */
#include "runtime/engine/shown.h"

#include "runtime/base/buf.h"
#include "runtime/engine/node_kinds.h"

#include <string.h>

/* ---- blocks ---- */

enum block_kind { TEXT, LINK, IMAGE, ATTACHMENT };

struct block {
  enum block_kind kind;
  const char *text, *mime_type;
  size_t text_size;
  struct fl_value *data; /* base64 */
};

/* Those that models take. */
static bool is_seen(const char *mime_type, const struct fl_value *data) {
  static const char *const seen[] = {"image/png", "image/jpeg", "image/gif", "image/webp"};
  if (fl_string_size(data) == 0 || fl_string_size(data) > FL_SHOWN_IMAGE_MAX) return false;
  for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++)
    if (strcmp(mime_type, seen[i]) == 0) return true;
  return false;
}

static struct block bytes_block(const char *mime_type, struct fl_value *data) {
  return (struct block){.kind = is_seen(mime_type, data) ? IMAGE : ATTACHMENT, .mime_type = mime_type, .data = data};
}

static struct block text_block(const struct fl_value *text) {
  return (struct block){.text = fl_as_string(text), .text_size = fl_string_size(text)};
}

static struct block read_block(const struct fl_value *block) {
  const char *type = fl_get_string(block, "type", "");
  if (strcmp(type, "text") == 0) return text_block(fl_get(block, "text"));
  const struct fl_value *resource = fl_get(block, "resource");
  if (strcmp(type, "resource_link") == 0) return (struct block){.kind = LINK, .text = fl_get_string(block, "uri", "")};
  if (strcmp(type, "resource") == 0 && fl_get(resource, "blob") != NULL)
    return bytes_block(fl_get_string(resource, "mimeType", "application/octet-stream"), fl_get(resource, "blob"));
  if (strcmp(type, "resource") == 0) return text_block(fl_get(resource, "text"));
  bool is_image = strcmp(type, "image") == 0;
  return bytes_block(fl_get_string(block, "mimeType", is_image ? "image/png" : type), fl_get(block, "data"));
}

struct fl_value *fl_shown_note(const char *mime_type, const struct fl_value *data) {
  const char *text = fl_as_string(data);
  size_t size = fl_string_size(data), padding = 0;
  while (padding < 2 && padding < size && text[size - 1 - padding] == '=') padding++;
  return fl_stringf("%.100s, %zu bytes", mime_type, (size - padding) * 3 / 4);
}

/* ---- what is shown ---- */

/* Texts in a row are one; a line's end is between them. */
struct showing {
  const struct fl_shown_how *how;
  struct fl_value *parts;
  struct fl_buf text;
  size_t attachments;
  bool has_text;
};

static void add_text(struct showing *showing, const char *text, size_t size) {
  if (showing->has_text) fl_buf_add_char(&showing->text, '\n');
  fl_buf_add(&showing->text, text != NULL ? text : "", size);
  showing->has_text = true;
}

static void add_attachment(struct showing *showing, const struct block *block) {
  const struct fl_shown_how *how = showing->how;
  FL_VALUE_AUTO note = fl_shown_note(block->mime_type, block->data);
  FL_BUF_AUTO text = {0};
  fl_buf_addf(&text, "[%s", fl_as_string(note));
  if (how->err != NULL) fl_buf_addf(&text, "; it could not be kept: %s", how->err->text);
  else if (how->key != NULL)
    fl_buf_addf(&text, "; not shown, attachment %zu of the resource result://%s", ++showing->attachments, how->key);
  fl_buf_add_char(&text, ']');
  add_text(showing, text.data, text.size);
}

static void flush_text(struct showing *showing) {
  if (!showing->has_text) return;
  struct fl_value *part = fl_object();
  fl_set_string(part, "type", "text");
  fl_set_take(part, "text", fl_string_n(showing->text.data != NULL ? showing->text.data : "", showing->text.size));
  fl_append_take(showing->parts, part);
  fl_buf_clear(&showing->text);
  showing->has_text = false;
}

static void add_image(struct showing *showing, const struct block *block) {
  struct fl_value *part = fl_object();
  flush_text(showing);
  fl_set_string(part, "type", "image");
  fl_set_string(part, "mime_type", block->mime_type);
  fl_set_take(part, "data", fl_value_ref(block->data));
  fl_append_take(showing->parts, part);
}

static void add_block(struct showing *showing, const struct block *block, bool with_texts) {
  FL_BUF_AUTO link = {0};
  if (block->kind == LINK) fl_buf_addf(&link, "[resource %s]", block->text);
  if (block->kind == IMAGE) add_image(showing, block);
  else if (block->kind == ATTACHMENT) add_attachment(showing, block);
  else if (block->kind == LINK) add_text(showing, link.data, link.size);
  else if (with_texts) add_text(showing, block->text, block->text_size);
}

/* All texts of a result that are texts, joined. */
static void join_texts(const struct fl_value *content, struct fl_buf *ret_text) {
  bool is_first = true;
  for (size_t i = 0; i < fl_size(content); i++) {
    struct block block = read_block(fl_at(content, i));
    if (block.kind != TEXT) continue;
    if (!is_first) fl_buf_add_char(ret_text, '\n');
    fl_buf_add(ret_text, block.text != NULL ? block.text : "", block.text_size);
    is_first = false;
  }
}

/* Without blocks, a result that has structure is its structure. */
static void read_texts(const struct fl_value *result, struct fl_buf *ret_text) {
  const struct fl_value *structured = fl_get(result, "structuredContent");
  join_texts(fl_get(result, "content"), ret_text);
  if (fl_size(fl_get(result, "content")) > 0 || structured == NULL) return;
  char *json = fl_dump(structured, NULL);
  fl_buf_add_text(ret_text, json);
  fl_text_free(json);
}

size_t fl_shown_border(const char *text, size_t size, size_t at) {
  while (at > 0 && at < size && ((unsigned char)text[at] & 0xc0) == 0x80) at--;
  return at < size ? at : size;
}

static void add_head(struct showing *showing, const struct fl_buf *whole) {
  const struct fl_shown_how *how = showing->how;
  FL_BUF_AUTO text = {0};
  size_t size = fl_shown_border(whole->data, whole->size, FL_SHOWN_HEAD_SIZE);
  fl_buf_add(&text, whole->data, size);
  fl_buf_addf(&text, "\n[the first %zu of %zu bytes; ", size, whole->size);
  if (how->err != NULL) fl_buf_addf(&text, "the rest could not be kept: %s]", how->err->text);
  else
    fl_buf_addf(&text,
                "the whole is the resource result://%s: read_result reads on or finds lines in it, with result \"%s\"]",
                how->key, how->key);
  add_text(showing, text.data, text.size);
}

static bool is_too_long(const struct fl_buf *text, size_t text_max) { return text_max > 0 && text->size > text_max; }

/* What most tools answer: one text, short enough, which is shown as it is. NULL: something else. Lent. */
static struct fl_value *plain_text(const struct fl_value *result, size_t text_max) {
  const struct fl_value *content = fl_get(result, "content"), *block = fl_size(content) == 1 ? fl_at(content, 0) : NULL;
  if (block == NULL || strcmp(fl_get_string(block, "type", ""), "text") != 0) return NULL;
  struct fl_value *text = fl_get(block, "text");
  bool is_plain = fl_is(text, FL_STRING) && (text_max == 0 || fl_string_size(text) <= text_max);
  return is_plain ? text : NULL;
}

struct fl_value *fl_shown_content(const struct fl_value *result, const struct fl_shown_how *how) {
  struct fl_value *plain = plain_text(result, how->text_max);
  if (plain != NULL) return fl_value_ref(plain);
  const struct fl_value *content = fl_get(result, "content");
  struct showing showing = {.how = how, .parts = fl_array()};
  FL_BUF_AUTO texts = {0};
  read_texts(result, &texts);
  bool is_cut = is_too_long(&texts, how->text_max);
  if (is_cut) add_head(&showing, &texts);
  else if (fl_size(content) == 0) add_text(&showing, texts.data, texts.size);
  for (size_t i = 0; i < fl_size(content); i++) {
    struct block block = read_block(fl_at(content, i));
    add_block(&showing, &block, !is_cut);
  }
  bool has_images = fl_size(showing.parts) > 0;
  if (has_images) flush_text(&showing);
  struct fl_value *shown = has_images
                               ? fl_value_ref(showing.parts)
                               : fl_string_n(showing.text.data != NULL ? showing.text.data : "", showing.text.size);
  fl_value_unref(showing.parts);
  fl_buf_deinit(&showing.text);
  return shown;
}

struct fl_value *fl_tool_result_text(const struct fl_value *result) {
  FL_VALUE_AUTO shown = fl_shown_content(result, &(struct fl_shown_how){0});
  if (fl_is(shown, FL_STRING)) return fl_value_ref(shown);
  FL_BUF_AUTO text = {0};
  for (size_t i = 0; i < fl_size(shown); i++) {
    const struct fl_value *part = fl_at(shown, i), *piece = fl_get(part, "text");
    FL_VALUE_AUTO note =
        piece == NULL ? fl_shown_note(fl_get_string(part, "mime_type", ""), fl_get(part, "data")) : NULL;
    if (i > 0) fl_buf_add_char(&text, '\n');
    if (note != NULL) fl_buf_addf(&text, "[%s]", fl_as_string(note));
    else fl_buf_add(&text, fl_as_string(piece), fl_string_size(piece));
  }
  return fl_string_n(text.data, text.size);
}

/* ---- what is kept ---- */

struct fl_value *fl_shown_rest(const struct fl_value *result, size_t text_max) {
  if (plain_text(result, text_max) != NULL) return NULL;
  const struct fl_value *content = fl_get(result, "content");
  FL_VALUE_AUTO attachments = fl_array();
  FL_BUF_AUTO texts = {0};
  for (size_t i = 0; i < fl_size(content); i++) {
    struct block block = read_block(fl_at(content, i));
    if (block.kind != ATTACHMENT) continue;
    struct fl_value *attachment = fl_object();
    fl_set_string(attachment, "mime_type", block.mime_type);
    fl_set_take(attachment, "data", block.data != NULL ? fl_value_ref(block.data) : fl_string(""));
    fl_append_take(attachments, attachment);
  }
  read_texts(result, &texts);
  bool is_cut = is_too_long(&texts, text_max);
  if (!is_cut && fl_size(attachments) == 0) return NULL;
  struct fl_value *rest = fl_object();
  if (is_cut) fl_set_take(rest, "text", fl_string_n(texts.data, texts.size));
  if (fl_size(attachments) > 0) fl_set_take(rest, "attachments", fl_value_ref(attachments));
  return rest;
}

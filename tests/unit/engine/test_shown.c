/* SPDX-License-Identifier: MIT */
/* What a model is shown of a tool's result, and what is kept beside it: no base64 is ever text. */
#include "rig.h"

#include "runtime/engine/history.h"
#include "runtime/engine/shown.h"

#include <stdio.h>

#define NOTE "; not shown, attachment 1 of the resource result://K]"

static const struct row {
  const char *result, *shown, *rest;
} ROWS[] = {
    {"{'content':[{'type':'text','text':'a'}]}", "'a'", NULL},
    {"{'content':[{'type':'text','text':'a'},{'type':'text','text':''},{'type':'text','text':'b'}]}", "'a\\n\\nb'",
     NULL},
    {"{'content':[{'type':'text'}]}", "''", NULL},
    {"{'content':[{'type':'text','text':7}]}", "''", NULL},
    {"{'content':[],'structuredContent':{'n':1}}", "'{\\\"n\\\":1}'", NULL},
    {"{}", "''", NULL},
    /* images that models see, in their place among the texts */
    {"{'content':[{'type':'text','text':'a'},{'type':'image','mimeType':'image/webp','data':'QQ=='},"
     "{'type':'text','text':'b'},{'type':'resource_link','uri':'file:///x'}]}",
     "[{'type':'text','text':'a'},{'type':'image','mime_type':'image/webp','data':'QQ=='},"
     "{'type':'text','text':'b\\n[resource file:///x]'}]",
     NULL},
    {"{'content':[{'type':'image','data':'QUJD'}]}", "[{'type':'image','mime_type':'image/png','data':'QUJD'}]", NULL},
    {"{'content':[{'type':'resource','resource':{'uri':'u','mimeType':'image/gif','blob':'QUJD'}}]}",
     "[{'type':'image','mime_type':'image/gif','data':'QUJD'}]", NULL},
    /* what they do not see */
    {"{'content':[{'type':'image','mimeType':'image/svg+xml','data':'QUJDRA=='}]}", "'[image/svg+xml, 4 bytes" NOTE "'",
     "{'attachments':[{'mime_type':'image/svg+xml','data':'QUJDRA=='}]}"},
    {"{'content':[{'type':'image','mimeType':'image/png','data':''}]}", "'[image/png, 0 bytes" NOTE "'",
     "{'attachments':[{'mime_type':'image/png','data':''}]}"},
    {"{'content':[{'type':'audio','mimeType':'audio/wav','data':'QUI='},{'type':'text','text':'b'}]}",
     "'[audio/wav, 2 bytes" NOTE "\\nb'", "{'attachments':[{'mime_type':'audio/wav','data':'QUI='}]}"},
    {"{'content':[{'type':'resource','resource':{'uri':'u','blob':'QQ=='}}]}",
     "'[application/octet-stream, 1 bytes" NOTE "'",
     "{'attachments':[{'mime_type':'application/octet-stream','data':'QQ=='}]}"},
    {"{'content':[{'type':'hologram'}]}", "'[hologram, 0 bytes" NOTE "'",
     "{'attachments':[{'mime_type':'hologram','data':''}]}"},
    /* what is no content at all */
    {"{'content':[7,{'type':'text'},{'type':'image','data':7},{'type':'resource'}]}",
     "'[, 0 bytes; not shown, attachment 1 of the resource result://K]\\n\\n[image/png, 0 bytes; not shown, attachment "
     "2"
     " of the resource result://K]\\n'",
     "{'attachments':[{'mime_type':'','data':''},{'mime_type':'image/png','data':7}]}"},
};

static void every_block_is_shown_or_noted(void **state) {
  for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
    FL_VALUE_AUTO result = json(ROWS[i].result);
    FL_VALUE_AUTO shown = fl_shown_content(result, &(struct fl_shown_how){.key = "K"});
    FL_VALUE_AUTO rest = fl_shown_rest(result, 0);
    assert_json(shown, ROWS[i].shown);
    if (ROWS[i].rest == NULL) assert_null(rest);
    else assert_json(rest, ROWS[i].rest);
  }
}

static struct fl_value *with_image(size_t data_size, size_t text_size) {
  struct fl_value *result = json("{'content':[{'type':'image','mimeType':'image/png'},{'type':'text'}]}");
  FL_FREE_AUTO char *data = fl_alloc(data_size + 1), *text = fl_alloc(text_size + 1);
  memset(data, 'A', data_size);
  memset(text, 't', text_size);
  data[data_size] = text[text_size] = '\0';
  fl_set_string(fl_at(fl_get(result, "content"), 0), "data", data);
  fl_set_string(fl_at(fl_get(result, "content"), 1), "text", text);
  return result;
}

/* An image costs the same whatever it weighs; one that no provider takes is a note. */
static void an_image_costs_what_an_image_costs(void **state) {
  static const size_t sizes[] = {4, 100 * 1000, FL_SHOWN_IMAGE_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    FL_VALUE_AUTO result = with_image(sizes[i], 8);
    FL_VALUE_AUTO message = json("{'role':'tool'}");
    fl_set_take(message, "content", fl_shown_content(result, &(struct fl_shown_how){.text_max = 100}));
    assert_int_equal(fl_history_tokens(message), 1006);
    FL_VALUE_AUTO rest = fl_shown_rest(result, 100);
    assert_null(rest);
  }
  FL_VALUE_AUTO large = with_image(FL_SHOWN_IMAGE_MAX + 4, 8);
  FL_VALUE_AUTO shown = fl_shown_content(large, &(struct fl_shown_how){.key = "K"});
  assert_json(shown, "'[image/png, 3932163 bytes" NOTE "\\ntttttttt'");
}

/* A long text beside an image is cut and kept as any other, and the image stays. */
static void a_long_text_beside_an_image_is_cut(void **state) {
  FL_VALUE_AUTO result = with_image(4, 100 * 1000);
  FL_VALUE_AUTO shown = fl_shown_content(result, &(struct fl_shown_how){.text_max = 5000, .key = "K"});
  FL_VALUE_AUTO rest = fl_shown_rest(result, 5000);
  const struct fl_value *text = fl_get(fl_at(shown, 0), "text");
  assert_int_equal(fl_size(shown), 2);
  assert_non_null(strstr(fl_as_string(text), "[the first 4000 of 100000 bytes; the whole is the resource result://K"));
  assert_in_range(fl_string_size(text), 4000, 4300);
  assert_string_equal(fl_get_string(fl_at(shown, 1), "type", ""), "image");
  assert_int_equal(fl_string_size(fl_get(rest, "text")), 100 * 1000);
  assert_null(fl_get(rest, "attachments"));
}

/* One text is shown as it is up to the last byte that is allowed; from the next on the whole is kept beside it. */
static void a_single_text_is_cut_above_its_limit(void **state) {
  FL_VALUE_AUTO result = json("{'content':[{'type':'text','text':'0123456789'}]}");
  for (size_t text_max = 9; text_max <= 10; text_max++) {
    const struct fl_shown_how how = {.text_max = text_max, .key = "K"};
    FL_VALUE_AUTO shown = fl_shown_content(result, &how);
    FL_VALUE_AUTO rest = fl_shown_rest(result, text_max);
    if (text_max == 10) assert_json(shown, "'0123456789'");
    else assert_non_null(strstr(fl_as_string(shown), "of 10 bytes; the whole is the resource result://K"));
    if (text_max == 10) assert_null(rest);
    else assert_json(rest, "{'text':'0123456789'}");
  }
}

static void what_could_not_be_kept_is_said(void **state) {
  struct fl_error err = {.code = FL_E_IO};
  snprintf(err.text, sizeof err.text, "the disk is full");
  struct fl_shown_how how = {.text_max = 10, .key = "K", .err = &err};
  FL_VALUE_AUTO result = json("{'content':[{'type':'audio','mimeType':'audio/wav','data':'QUI='},"
                              "{'type':'text','text':'0123456789ab'}]}");
  FL_VALUE_AUTO shown = fl_shown_content(result, &how);
  assert_json(shown, "'0123456789ab\\n[the first 12 of 12 bytes; the rest could not be kept: the disk is full]\\n"
                     "[audio/wav, 2 bytes; it could not be kept: the disk is full]'");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_block_is_shown_or_noted),      cmocka_unit_test(an_image_costs_what_an_image_costs),
      cmocka_unit_test(a_long_text_beside_an_image_is_cut), cmocka_unit_test(a_single_text_is_cut_above_its_limit),
      cmocka_unit_test(what_could_not_be_kept_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

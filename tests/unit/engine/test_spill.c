/* SPDX-License-Identifier: MIT */
/* Results that are too long to be given whole: what the model gets, what it reads of the rest, and that nothing is lost
 * in between. */
#include "rig.h"

#include "runtime/engine/shown.h"
#include "runtime/engine/spill.h"

#include <stdio.h>

#define GRAPH                                                                                                        \
  "fairlead: 1\nname: s\nstate: { messages: { reducer: messages } }\n"                                               \
  "models: { main: { provider: scripted, script: script.yaml } }\neffects: { \"t/*\": read }\n"                      \
  "nodes: { a: { type: react, prompt: You work., tools: [t/big, t/echo, t/media, wild/end], spill_above: 5000 } }\n" \
  "edges: [ START -> a -> END ]\n"

static int run(struct rig *rig, const char *thread, const char *input, const char *script) {
  struct fl_invoke_options options = {.thread = thread, .input = json(input)};
  return rig_run(rig, rig_load(rig, GRAPH, script), options);
}

static const char *content(const struct rig *rig, size_t index) {
  return fl_get_string(fl_at(rig_out(rig, "messages"), index), "content", "");
}

/* The name of the result that a shortened message tells. */
static void name_of(const char *text, char ret_name[128]) {
  const char *at = strstr(text, "with result \"");
  assert_non_null(at);
  at += strlen("with result \"");
  snprintf(ret_name, 128, "%.*s", (int)strcspn(at, "\""), at);
}

static void a_long_result_is_kept_and_read_in_slices(void **state) {
  static const char first[] =
      "replies:\n  - { when: { user: go }, calls: [ { name: t__big, args: { size: 20000 } } ] }\n"
      "  - { when: { tool: . }, text: seen }\n";
  struct rig rig = {0};
  rig_up(&rig);
  assert_int_equal(run(&rig, "a.b:c", "{'messages':'go'}", first), 0);
  const char *head = content(&rig, 2);
  assert_true(strlen(head) < FL_SHOWN_HEAD_SIZE + 400);
  assert_non_null(strstr(head, "[the first 4000 of 20000 bytes; the whole is the resource result://"));
  char name[128];
  name_of(head, name);
  rig_down(&rig); /* the next program finds it */
  rig_up(&rig);
  FL_FREE_AUTO char *second = fl_format(
      "replies:\n  - { when: { user: more }, calls: [ { name: read_result, args: { result: %s, offset: 19990 } },"
      " { name: read_result, args: { result: %s, offset: 10, limit: 5 } },"
      " { name: read_result, args: { result: other } }, { name: read_result, args: { result: %s, find: zebra } } ] }\n"
      "  - { when: { tool: . }, text: read }\n",
      name, name, name);
  assert_int_equal(run(&rig, "a.b:c", "{'messages':'more'}", second), 0);
  size_t count = fl_size(rig_out(&rig, "messages"));
  assert_non_null(strstr(content(&rig, count - 5), "[bytes 19990 to the end, 20000]"));
  assert_non_null(strstr(content(&rig, count - 4), "[bytes 10 to 15 of 20000; go on with offset 15]"));
  assert_non_null(strstr(content(&rig, count - 3), "there is no result \"other\" of this conversation"));
  assert_string_equal(content(&rig, count - 2), "No line has that.");
  assert_string_equal(content(&rig, count - 1), "read");
  rig_deinit(&rig);
}

static void another_conversation_does_not_read_it(void **state) {
  static const char first[] =
      "replies:\n  - { when: { user: go }, calls: [ { name: t__big, args: { size: 20000 } } ] }\n"
      "  - { when: { tool: . }, text: seen }\n";
  struct rig rig = {0};
  rig_up(&rig);
  assert_int_equal(run(&rig, "one", "{'messages':'go'}", first), 0);
  char name[128];
  name_of(content(&rig, 2), name);
  FL_FREE_AUTO char *second =
      fl_format("replies:\n  - { when: { user: go }, calls: [ { name: read_result, args: { result: %s } } ] }\n"
                "  - { when: { tool: . }, text: tried }\n",
                name);
  assert_int_equal(run(&rig, "two", "{'messages':'go'}", second), 0);
  assert_non_null(strstr(content(&rig, 2), "there is no result"));
  rig_deinit(&rig);
}

static void a_short_result_is_given_whole(void **state) {
  static const char script[] =
      "replies:\n  - { when: { user: go }, calls: [ { name: t__big, args: { size: 5000 } } ] }\n"
      "  - { when: { tool: . }, text: seen }\n";
  struct rig rig = {0};
  rig_up(&rig);
  assert_int_equal(run(&rig, "t", "{'messages':'go'}", script), 0);
  assert_int_equal(strlen(content(&rig, 2)), 5000);
  rig_deinit(&rig);
}

struct kept {
  char data[64];
};

static void on_kept_item(struct fl_value *result, const struct fl_error *err, void *user) {
  struct kept *kept = user;
  const struct fl_value *attachment = fl_at(fl_get(fl_get(result, "value"), "attachments"), 0);
  snprintf(kept->data, sizeof kept->data, "%s", fl_get_string(attachment, "data", ""));
}

static const char with_media[] =
    "replies:\n  - { when: { user: go }, calls: [ { name: t__media, args: { content: [ { type: text, text: heard },"
    " { type: audio, mimeType: audio/wav, data: UklGRg== }, { type: image, data: QQ== } ] } } ] }\n"
    "  - { when: { tool: . }, text: seen }\n";

/* The base64 of a sound stands in no message; its bytes are where the note says. */
static void what_is_no_text_is_kept_and_noted(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  assert_int_equal(run(&rig, "one", "{'messages':'go'}", with_media), 0);
  const struct fl_value *parts = fl_get(fl_at(rig_out(&rig, "messages"), 2), "content");
  const char *text = fl_get_string(fl_at(parts, 0), "text", "");
  static const char noted[] = "heard\n[audio/wav, 4 bytes; not shown, attachment 1 of the resource result://";
  assert_memory_equal(text, noted, sizeof noted - 1);
  assert_string_equal(fl_get_string(fl_at(parts, 1), "type", ""), "image");
  assert_null(strstr(text_of(fl_at(rig_out(&rig, "messages"), 2)), "UklGRg"));
  FL_FREE_AUTO char *name = fl_strdup(strstr(text, "result://") + strlen("result://"));
  name[strcspn(name, "]")] = '\0';
  rig_down(&rig); /* the next program finds it */
  rig_up(&rig);
  FL_FREE_AUTO char *second =
      fl_format("replies:\n  - { when: { user: more }, calls: [ { name: read_result, args: { result: %s } } ] }\n"
                "  - { when: { tool: . }, text: read }\n",
                name);
  assert_int_equal(run(&rig, "one", "{'messages':'more'}", second), 0);
  assert_string_equal(content(&rig, fl_size(rig_out(&rig, "messages")) - 2),
                      "Error: this result has no text that could be read. Its attachments: 1: audio/wav, 4 bytes.");
  FL_VALUE_AUTO ns = json("['results','one']");
  struct kept kept = {0};
  fl_memory_get(fl_runtime_memory(rig.runtime), ns, name, on_kept_item, &kept);
  rig_turn(&rig);
  assert_string_equal(kept.data, "UklGRg==");
  rig_deinit(&rig);
}

/* Above what any other item of the memory may have. */
static void a_large_sound_is_kept(void **state) {
  static const char script[] =
      "replies:\n  - { when: { user: go }, calls: [ { name: wild__end, args: { code: 0, size: 3000000 } } ] }\n"
      "  - { when: { tool: . }, text: seen }\n";
  struct rig rig = {0};
  rig_up(&rig);
  assert_int_equal(run(&rig, "one", "{'messages':'go'}", script), 0);
  assert_non_null(strstr(content(&rig, 2), "[audio/wav, 2250000 bytes; not shown, attachment 1 of the resource"));
  assert_true(strlen(content(&rig, 2)) < 300);
  rig_deinit(&rig);
}

static void slices_keep_characters_whole(void **state) {
  static const char text[] = "a\xc3\xa4\xe2\x82\xac"
                             "b";
  fl_slice whole = fl_slice_of(text);
  static const struct {
    int64_t offset, size;
    const char *slice;
  } rows[] = {
      {0, 2, "a\n[bytes 0 to 1 of 7; go on with offset 1]"},
      {1, 2, "\xc3\xa4\n[bytes 1 to 3 of 7; go on with offset 3]"},
      {2, 1, "\xc3\xa4\n[bytes 1 to 3 of 7; go on with offset 3]"},
      {3, 1, "\xe2\x82\xac\n[bytes 3 to 6 of 7; go on with offset 6]"},
      {6, 100, "b\n[bytes 6 to the end, 7]"},
      {7, 1, "\n[bytes 7 to the end, 7]"},
      {99, 1, "\n[bytes 7 to the end, 7]"},
      {-5, -1, "a\n[bytes 0 to 1 of 7; go on with offset 1]"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    FL_VALUE_AUTO slice = fl_spill_slice(whole, rows[i].offset, rows[i].size);
    assert_string_equal(fl_as_string(slice), rows[i].slice);
  }
}

static void lines_are_found(void **state) {
  fl_slice text = fl_slice_of("one rope\ntwo\nthree rope and rope");
  FL_VALUE_AUTO lines = fl_spill_lines(text, "rope");
  assert_string_equal(fl_as_string(lines), "offset 4: one rope\noffset 19: three rope and rope\n");
  FL_BUF_AUTO many = {0};
  for (int i = 0; i < 60; i++) fl_buf_add_text(&many, "x\n");
  FL_VALUE_AUTO cut = fl_spill_lines(fl_slice_n(many.data, many.size), "x");
  assert_non_null(strstr(fl_as_string(cut), "[and more"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_long_result_is_kept_and_read_in_slices),
      cmocka_unit_test(another_conversation_does_not_read_it),
      cmocka_unit_test(a_short_result_is_given_whole),
      cmocka_unit_test(what_is_no_text_is_kept_and_noted),
      cmocka_unit_test(a_large_sound_is_kept),
      cmocka_unit_test(slices_keep_characters_whole),
      cmocka_unit_test(lines_are_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

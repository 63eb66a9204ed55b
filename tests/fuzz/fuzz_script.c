/* SPDX-License-Identifier: MIT */
/* A scripted model's file is read or refused with a text; what is read answers a conversation or says why not. */
#include "runtime/base/check.h"
#include "runtime/model/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fl_list *conversation(void) {
  static const char text[] = "[{\"role\":\"user\",\"content\":\"what's (3 + 5) x "
                             "12?\"},{\"role\":\"tool\",\"name\":\"t\",\"content\":\"{\\\"result\\\":8}\"}]";
  struct fl_value *array = NULL;
  fl_check(fl_parse(text, sizeof text - 1, &array, NULL) == 0);
  struct fl_list *list = fl_list_from_array(array);
  fl_value_unref(array);
  return list;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct fl_script *script = NULL;
  struct fl_script_answer answer = {0};
  struct fl_error err = {0};
  if (fl_script_parse("f", fl_slice_n((const char *)data, size), &script, &err) < 0) {
    fl_check(err.text[0] != '\0');
    return 0;
  }
  struct fl_list *list = conversation();
  struct fl_model_request request = {.messages = list};
  int rc = fl_script_answer(script, &request, &answer, &err);
  fl_check(rc == 0 ? answer.message != NULL || answer.error_status != 0 : err.text[0] != '\0');
  fl_script_answer_deinit(&answer);
  fl_list_unref(list);
  fl_script_destroy(script);
  return 0;
}

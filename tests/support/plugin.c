/* SPDX-License-Identifier: MIT */
/* A plugin as others write them: the public headers only, linked with nothing; what it calls comes from the program
 * that loads it. */
#include <fairlead/tools.h>

#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

FL_API fl_plugin_fn fl_plugin_v1;

static int shout(struct fl_call *call, const struct fl_value *args, void *user) {
  char text[256];
  snprintf(text, sizeof text, "%s", fl_get_string(args, "text", ""));
  for (char *c = text; *c != '\0'; c++) *c = (char)toupper((unsigned char)*c);
  return fl_call_return_text(call, "%s!", text);
}

static int count_to(struct fl_call *call, const struct fl_value *args, void *user) {
  int last = (int)fl_get_double(args, "last", 0);
  if (last < 1) return fl_call_return_error(call, "There is nothing to count up to %d.", last);
  for (int i = 1; i <= last; i++) {
    fl_call_progress(call, i, last, "counting");
    usleep(20000); /* some clients lose what arrives together with the answer */
  }
  return fl_call_return_double(call, last);
}

static const struct fl_tool tools[] = {
    {.size = sizeof(struct fl_tool),
     .name = "shout",
     .description = "Says a text in capital letters.",
     .input_schema = "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\",\"maxLength\":200}},"
                     "\"required\":[\"text\"],\"additionalProperties\":false}",
     .flags = FL_TOOL_PARALLEL | FL_TOOL_READ_ONLY,
     .run = shout},
    {.size = sizeof(struct fl_tool),
     .name = "count_to",
     .description = "Counts, and tells how far it is.",
     .input_schema = "{\"type\":\"object\",\"properties\":{\"last\":{\"type\":\"integer\",\"maximum\":100}},"
                     "\"required\":[\"last\"],\"additionalProperties\":false}",
     .run = count_to},
};

int fl_plugin_v1(struct fl_plugin_host *host) { return fl_plugin_tools(host, tools, sizeof tools / sizeof tools[0]); }

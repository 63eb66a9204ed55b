/* SPDX-License-Identifier: MIT */
#include "tools/builtin/builtin.h"

#include "tools/builtin/calculator.h"

#define STRING(DESCRIPTION) "{\"type\":\"string\",\"maxLength\":4096,\"description\":\"" DESCRIPTION "\"}"
#define OBJECT(REQUIRED, PROPERTIES) \
  "{\"type\":\"object\",\"properties\":{" PROPERTIES "},\"required\":[" REQUIRED "],\"additionalProperties\":false}"

const struct fl_tool fl_builtin_tools[] = {
    {.size = sizeof(struct fl_tool),
     .name = "calculator",
     .title = "Calculator",
     .description =
         "Evaluates an arithmetic expression: + - * / % ^, parentheses, the constants pi, e and tau, and the functions "
         "sqrt cbrt abs sign floor ceil round trunc exp ln log log2 log10 sin cos tan asin acos atan sinh cosh tanh "
         "atan2 hypot pow mod min max sum. Angles are in radians; log has base 10.",
     .input_schema = OBJECT("\"expression\"", "\"expression\":" STRING("such as: (1 + 2) * sqrt(16) ^ 0.5")),
     .output_schema = OBJECT("\"result\"", "\"result\":{\"type\":\"number\"}"),
     .flags = FL_TOOL_QUICK | FL_TOOL_READ_ONLY | FL_TOOL_IDEMPOTENT,
     .run = fl_builtin_calculator},
    {.size = sizeof(struct fl_tool),
     .name = "time",
     .title = "Time",
     .description = "Tells the time now, or converts a given time, in a time zone. Times are ISO 8601.",
     .input_schema = OBJECT(
         "", "\"time\":" STRING("the time to convert, such as 2026-03-29T12:00 or 2026-03-29T12:00:00+02:00; now when "
                                "left out") ",\"from_zone\":" STRING("the zone of a time that has no offset of its "
                                                                     "own; UTC when left out") ",\"zone\":" STRING(
                 "the zone to tell it in: a name such as Europe/Berlin, UTC, or an offset such as +05:30; UTC when "
                 "left out")),
     .output_schema =
         OBJECT("\"time\",\"zone\",\"utc\",\"unix\",\"weekday\"",
                "\"time\":{\"type\":\"string\"},\"zone\":{\"type\":\"string\"},\"utc\":{\"type\":\"string\"},"
                "\"unix\":{\"type\":\"integer\"},\"weekday\":{\"type\":\"string\"}"),
     .flags = FL_TOOL_PARALLEL | FL_TOOL_READ_ONLY,
     .run = fl_builtin_time},
};

const size_t fl_builtin_tool_count = sizeof fl_builtin_tools / sizeof fl_builtin_tools[0];

int fl_builtin_calculator(struct fl_call *call, const struct fl_value *args, void *user) {
  double result;
  char error[FL_CALCULATOR_ERROR_MAX];
  const char *expression = fl_get_string(args, "expression", "");
  if (!fl_calculate(expression, &result, error)) return fl_call_return_error(call, "%s: %s", error, expression);
  return fl_call_return_double(call, result);
}

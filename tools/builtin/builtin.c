#include "tools/builtin/builtin.h"
const struct fl_tool fl_builtin_tools[1]; const size_t fl_builtin_tool_count = 0;

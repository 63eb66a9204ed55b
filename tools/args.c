/* SPDX-License-Identifier: MIT */
#include "tools/args.h"

#include <string.h>

static const char *const TYPES[] = {[FL_ARG_STRING] = "string",
                                    [FL_ARG_INT] = "integer",
                                    [FL_ARG_DOUBLE] = "number",
                                    [FL_ARG_BOOL] = "boolean",
                                    [FL_ARG_VALUE] = NULL};

static bool has_range(const struct fl_arg *arg) {
  return arg->least < arg->most && (arg->type == FL_ARG_INT || arg->type == FL_ARG_DOUBLE);
}

static struct fl_value *number(const struct fl_arg *arg, double value) {
  return arg->type == FL_ARG_INT ? fl_int((int64_t)value) : fl_double(value);
}

static struct fl_value *schema_of(const struct fl_arg *arg) {
  struct fl_value *schema = fl_object();
  if (TYPES[arg->type] != NULL) fl_set_string(schema, "type", TYPES[arg->type]);
  if (arg->description != NULL) fl_set_string(schema, "description", arg->description);
  if (has_range(arg)) {
    fl_set_take(schema, "minimum", number(arg, arg->least));
    fl_set_take(schema, "maximum", number(arg, arg->most));
  }
  if (arg->values == NULL) return schema;
  struct fl_value *values = fl_array();
  for (const char *const *value = arg->values; *value != NULL; value++) fl_append_take(values, fl_string(*value));
  fl_set_take(schema, "enum", values);
  return schema;
}

struct fl_value *fl_args_schema(const struct fl_arg *args) {
  struct fl_value *schema = fl_object(), *properties = fl_object(), *required = fl_array();
  fl_set_string(schema, "type", "object");
  for (; args->name != NULL; args++) {
    fl_set_take(properties, args->name, schema_of(args));
    if (args->is_required) fl_append_take(required, fl_string(args->name));
  }
  fl_set_take(schema, "properties", properties);
  fl_set_take(schema, "required", required);
  fl_set_bool(schema, "additionalProperties", false);
  return schema;
}

static int wrong(const struct fl_arg *arg, struct fl_error *err) {
  return fl_error_set(err, FL_E_INVALID, "argument \"%s\" must be a %s", arg->name, TYPES[arg->type]);
}

static bool is_whole(const struct fl_value *value) { return fl_as_int(value, 0) == fl_as_int(value, 1); }

static int read_arg(const struct fl_arg *arg, const struct fl_value *value, char *place, struct fl_error *err) {
  switch (arg->type) {
  case FL_ARG_STRING:
    if (!fl_is(value, FL_STRING)) return wrong(arg, err);
    memcpy(place, &(const char *){fl_as_string(value)}, sizeof(const char *));
    return 0;
  case FL_ARG_INT:
    if (!is_whole(value)) return wrong(arg, err);
    memcpy(place, &(int64_t){fl_as_int(value, 0)}, sizeof(int64_t));
    return 0;
  case FL_ARG_DOUBLE:
    if (!fl_is_number(value)) return wrong(arg, err);
    memcpy(place, &(double){fl_as_double(value, 0)}, sizeof(double));
    return 0;
  case FL_ARG_BOOL:
    if (!fl_is(value, FL_BOOL)) return wrong(arg, err);
    memcpy(place, &(bool){fl_as_bool(value, false)}, sizeof(bool));
    return 0;
  case FL_ARG_VALUE: memcpy(place, &value, sizeof value); return 0;
  }
  return FL_E_BUG;
}

int fl_args_read(const struct fl_value *values, const struct fl_arg *args, void *ret_struct, struct fl_error *err) {
  for (; args->name != NULL; args++) {
    const struct fl_value *value = fl_get(values, args->name);
    if (value == NULL && args->is_required)
      return fl_error_set(err, FL_E_INVALID, "argument \"%s\" is missing", args->name);
    int status = value == NULL ? 0 : read_arg(args, value, (char *)ret_struct + args->offset, err);
    if (status < 0) return status;
  }
  return 0;
}

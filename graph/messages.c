/* SPDX-License-Identifier: MIT */
/* Messages: the reducer of chat histories, with LangGraph's rules (add_messages). A new id is appended, a known id is
 * replaced where it stands, {"role":"remove","id":ID} removes, the id "__remove_all__" drops all that came before it.
 * Within one write a message that is removed and written again is replaced. Pure. */
#include "graph/channel.h"
#include "runtime/base/buf.h"
#include "runtime/base/id.h"
#include "runtime/base/mem.h"

static const char remove_all[] = "__remove_all__";

/* ---- coming in: any accepted form to an object with role, content and id ---- */

/* The role as we store it, for OpenAI's and LangChain's words; NULL for no role at all. */
static const char *role_of(const char *word) {
  static const char *const words[][2] = {
      {"user", "user"},    {"human", "user"},    {"assistant", "assistant"},
      {"ai", "assistant"}, {"system", "system"}, {"developer", "developer"},
      {"tool", "tool"},    {"remove", "remove"}, {"function", "tool"},
  };
  for (size_t i = 0; word != NULL && i < sizeof words / sizeof words[0]; i++)
    if (strcmp(word, words[i][0]) == 0) return words[i][1];
  return NULL;
}

static int refuse_role(const char *word, struct fl_error *err) {
  if (word == NULL)
    return fl_error_set(err, FL_E_INVALID,
                        "a message needs a \"role\": user, assistant, system, developer, tool or remove");
  return fl_error_set(err, FL_E_INVALID,
                      "the role \"%.64s\" is not known: use user, assistant, system, developer, tool or remove", word);
}

static struct fl_value *message_of(const char *role, struct fl_value *content) {
  struct fl_value *message = fl_object();
  fl_set_string(message, "role", role);
  fl_set_take(message, "content", fl_value_ref(content));
  return message;
}

static bool is_content(const struct fl_value *content) { return fl_is(content, FL_STRING) || fl_is(content, FL_ARRAY); }

static int check_members(struct fl_value *message, const char *role, struct fl_error *err) {
  struct fl_value *id = fl_get(message, "id"), *content = fl_get(message, "content");
  if (!fl_is(id, FL_NULL) && !fl_is(id, FL_STRING))
    return fl_error_set(err, FL_E_INVALID, "the \"id\" of a message must be a string");
  if (strcmp(role, "remove") == 0)
    return fl_string_size(id) > 0
               ? 0
               : fl_error_set(err, FL_E_INVALID, "a message that removes needs the \"id\" of what it removes");
  if (is_content(content) || (fl_is(content, FL_NULL) && fl_size(fl_get(message, "tool_calls")) > 0)) return 0;
  return fl_error_set(err, FL_E_INVALID,
                      "a message of the role \"%s\" needs a \"content\" that is a string or an array", role);
}

static int from_object(struct fl_value *written, struct fl_value **ret_message, struct fl_error *err) {
  const char *word = fl_get_string(written, "role", NULL);
  bool has_role = word != NULL;
  if (!has_role) word = fl_get_string(written, "type", NULL);
  const char *role = role_of(word);
  if (role == NULL) return refuse_role(word, err);
  int rc = check_members(written, role, err);
  if (rc < 0) return rc;
  if (has_role && strcmp(role, word) == 0) {
    *ret_message = fl_value_ref(written);
    return 0;
  }
  struct fl_value *message = fl_copy_shallow(written);
  if (!has_role) fl_unset(message, "type");
  fl_set_string(message, "role", role);
  *ret_message = message;
  return 0;
}

static int from_pair(struct fl_value *pair, struct fl_value **ret_message, struct fl_error *err) {
  const char *role = role_of(fl_as_string(fl_at(pair, 0)));
  if (role == NULL) return refuse_role(fl_as_string(fl_at(pair, 0)), err);
  if (fl_size(pair) != 2 || !is_content(fl_at(pair, 1)) || strcmp(role, "remove") == 0)
    return fl_error_set(err, FL_E_INVALID, "a message as an array must be [role, content]");
  *ret_message = message_of(role, fl_at(pair, 1));
  return 0;
}

static int coerce(struct fl_value *written, struct fl_value **ret_message, struct fl_error *err) {
  if (fl_is(written, FL_OBJECT)) return from_object(written, ret_message, err);
  if (fl_is(written, FL_ARRAY)) return from_pair(written, ret_message, err);
  if (!fl_is(written, FL_STRING))
    return fl_error_set(err, FL_E_INVALID, "a message must be a string, an object or [role, content], not of type %s",
                        fl_type_name(fl_type_of(written)));
  *ret_message = message_of("user", written);
  return 0;
}

/* Takes the message; the same task gives its n-th message the same id however often it runs. */
static struct fl_value *with_id_take(struct fl_value *message, const char *task_id, size_t index) {
  if (fl_string_size(fl_get(message, "id")) > 0) return message;
  char number[FL_DECIMAL_SIZE], id[FL_UUID_SIZE];
  size_t number_size = fl_decimal(index, number);
  fl_slice parts[] = {fl_slice_of(task_id), FL_SLICE("message"), fl_slice_n(number, number_size)};
  fl_derived_id(parts, sizeof parts / sizeof parts[0], id);
  struct fl_value *named = fl_object();
  fl_set_string(named, "id", id); /* first, so that an index of ids need not read the rest of a stored message */
  for (struct fl_member member = {0}; fl_next_member(message, &member);)
    if (strcmp(member.key, "id") != 0) fl_set_take(named, member.key, fl_value_ref(member.value));
  fl_value_unref(message);
  return named;
}

int fl_messages_normalise(struct fl_value *written, const char *task_id, size_t *index, struct fl_value **ret_messages,
                          struct fl_error *err) {
  bool is_many = fl_is(written, FL_ARRAY);
  size_t count = is_many ? fl_size(written) : 1;
  struct fl_value *messages = fl_array();
  for (size_t i = 0; i < count; i++) {
    struct fl_value *message = NULL;
    int rc = coerce(is_many ? fl_at(written, i) : written, &message, err);
    if (rc < 0) {
      fl_value_unref(messages);
      return is_many ? fl_error_context(err, "message %zu", i) : rc;
    }
    fl_append_take(messages, with_id_take(message, task_id, (*index)++));
  }
  *ret_messages = messages;
  return 0;
}

/* ---- folding ---- */

/* Ids to be removed at the end of a write; there are few, so a scan is enough, and none in nearly every write. */
struct removals {
  const char **ids;
  size_t count;
};

static ptrdiff_t find_removal(const struct removals *removals, const char *id) {
  for (size_t i = 0; i < removals->count; i++)
    if (strcmp(removals->ids[i], id) == 0) return (ptrdiff_t)i;
  return -1;
}

static bool is_removal(const struct fl_value *message) {
  return strcmp(fl_get_string(message, "role", ""), "remove") == 0;
}

static int fold_one(struct fl_fold *fold, struct removals *removals, struct fl_value *message, bool measures,
                    struct fl_error *err) {
  const char *id = fl_get_string(message, "id", "");
  ptrdiff_t place = fl_list_find_id(fold->var.list, id);
  if (is_removal(message)) {
    if (place < 0) return fl_error_set(err, FL_E_NOT_FOUND, "there is no message with the id \"%.64s\" to remove", id);
    if (find_removal(removals, id) < 0) removals->ids[removals->count++] = id;
    return 0;
  }
  if (place < 0) {
    fl_fold_append(fold, message);
    return 0;
  }
  ptrdiff_t removal = find_removal(removals, id);
  if (removal >= 0) removals->ids[removal] = removals->ids[--removals->count];
  fl_fold_set(fold, (size_t)place, message, measures);
  return 0;
}

/* Everything up to the last "remove all" of a write has no effect but that the list is empty. */
static size_t first_that_counts(struct fl_fold *fold, const struct fl_value *messages) {
  for (size_t i = fl_size(messages); i > 0; i--) {
    const struct fl_value *message = fl_at(messages, i - 1);
    if (!is_removal(message) || strcmp(fl_get_string(message, "id", ""), remove_all) != 0) continue;
    fl_fold_clear(fold);
    return i;
  }
  return 0;
}

/* What was written under another reducer may be anything. */
static bool are_normal(const struct fl_value *messages) {
  if (!fl_is(messages, FL_ARRAY)) return false;
  for (size_t i = 0; i < fl_size(messages); i++)
    if (fl_string_size(fl_get(fl_at(messages, i), "id")) == 0) return false;
  return true;
}

int fl_messages_fold(struct fl_fold *fold, struct fl_value *messages, bool measures, struct fl_error *err) {
  size_t count = fl_size(messages);
  if (!are_normal(messages))
    return fl_error_set(err, FL_E_INVALID,
                        "it was written when the channel held no messages, and cannot be read as one");
  size_t first = first_that_counts(fold, messages);
  FL_FREE_AUTO const char **ids = fl_new_array(const char *, count);
  struct removals removals = {ids, 0};
  for (size_t i = first; i < count; i++) {
    int rc = fold_one(fold, &removals, fl_at(messages, i), measures, err);
    if (rc < 0) return rc;
  }
  for (size_t i = 0; i < removals.count; i++)
    fl_fold_cut(fold, (size_t)fl_list_find_id(fold->var.list, removals.ids[i]), measures);
  return 0;
}

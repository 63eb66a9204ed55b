/* SPDX-License-Identifier: MIT */
/* fairlead policy keygen, sign, verify: who vouches for a manifest. All offline. */
#include "runtime/base/id.h"
#include "runtime/base/mem.h"
#include "runtime/cli/act.h"
#include "runtime/cli/cli.h"
#include "runtime/io/key_file.h"
#include "runtime/io/world_uv.h"
#include "runtime/json/json.h"
#include "tools/policy/signature.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FILE_SIZE_MAX = 64 * 1024 * 1024 };

/* ---- files ---- */

static int read_file(const struct fl_args *args, const char *path, struct fl_buf *ret_text) {
  char chunk[16384];
  FILE *file = fopen(path, "re");
  if (file == NULL) return fl_fail(args, FL_EXIT_USAGE, "%s: %s", path, strerror(errno));
  fl_buf_init(ret_text, FILE_SIZE_MAX);
  for (size_t got; (got = fread(chunk, 1, sizeof chunk, file)) > 0;) fl_buf_add(ret_text, chunk, got);
  bool has_failed = ferror(file) != 0;
  fclose(file);
  if (has_failed) return fl_fail(args, FL_EXIT_FAILED, "%s cannot be read", path);
  return ret_text->failed ? fl_fail(args, FL_EXIT_USAGE, "%s is larger than 64 MiB", path) : 0;
}

static int parse(const struct fl_args *args, const char *path, fl_slice text, struct fl_manifest **ret_manifest) {
  struct fl_diags diags = {0};
  int rc = fl_manifest_load(path, text, ret_manifest, &diags);
  if (rc < 0) fl_print_diags(args, &diags);
  fl_diags_deinit(&diags);
  return rc < 0 ? FL_EXIT_USAGE : 0;
}

/* ---- keygen ---- */

static bool is_name(const char *name) {
  size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
  return size > 0 && size <= 64 && name[size] == '\0';
}

static int load_key(const struct fl_args *args, const char *path, struct fl_secret *ret_key) {
  FL_SECRET_AUTO seed = {0};
  struct fl_error err = {0};
  if (fl_key_file_read(path, &seed, &err) < 0) return fl_fail_error(args, &err);
  fl_sign_key(&seed, ret_key);
  return 0;
}

int fl_cmd_policy_keygen(struct fl_args *args) {
  if (args->count != 2) return fl_usage(args, "say the name of the key and its file: policy keygen NAME FILE");
  const char *name = args->items[0], *path = args->items[1];
  if (!is_name(name)) return fl_usage(args, "a key's name is 1 to 64 of A-Z a-z 0-9 . _ -, not \"%s\"", name);
  if (access(path, F_OK) == 0) return fl_fail(args, FL_EXIT_FAILED, "%s is there already; name another file", path);
  uint8_t seed[FL_KEY_SIZE], public_key[FL_SIGN_KEY_SIZE];
  char hex[2 * FL_SIGN_KEY_SIZE + 1];
  struct fl_error err = {0};
  FL_SECRET_AUTO key = {0};
  struct fl_world *world = fl_world_uv_create(NULL);
  fl_world_random(world, seed, sizeof seed);
  fl_world_destroy(world);
  int status = fl_key_file_make(path, seed, &err);
  fl_wipe(seed, sizeof seed);
  if (status < 0) return fl_fail_error(args, &err);
  int code = load_key(args, path, &key);
  if (code != 0) return code;
  fl_sign_public(&key, public_key);
  fl_hex(public_key, sizeof public_key, hex);
  FL_VALUE_AUTO line = fl_object();
  fl_set_string(line, "name", name);
  fl_set_string(line, "public", hex);
  if (args->json) fl_print_json(line);
  else printf("trust: 1\nkeys:\n  %s: { public: \"%s\" }\n", name, hex);
  return 0;
}

/* ---- sign ---- */

/* Appends the text of a YAML document without its signature: the lines from "signature:" up to the next key. */
static void add_without_signature(struct fl_buf *to, const char *text) {
  bool is_inside = false;
  for (const char *line = text, *end; *line != '\0'; line = end) {
    end = strchrnul(line, '\n');
    end += *end == '\n';
    if (strncmp(line, "signature:", 10) == 0) is_inside = true;
    else if (is_inside && strchr(" \t}\r\n", line[0]) == NULL) is_inside = false;
    if (!is_inside) fl_buf_add(to, line, (size_t)(end - line));
  }
  if (to->size > 0 && to->data[to->size - 1] != '\n') fl_buf_add_char(to, '\n');
}

static int write_json(const char *text, size_t size, struct fl_value *signature, struct fl_buf *to,
                      struct fl_error *err) {
  FL_VALUE_AUTO value = NULL;
  int rc = fl_parse(text, size, &value, err);
  if (rc < 0) return rc;
  fl_set_take(value, "signature", fl_value_ref(signature));
  rc = fl_json_write(to, value, FL_JSON_PRETTY);
  return rc == 0 ? fl_buf_add_char(to, '\n') : rc;
}

/* The document with the signature; it says what it said, or an error. */
static int add_signature(const struct fl_args *args, const struct fl_buf *text, struct fl_value *signature,
                         struct fl_buf *to) {
  struct fl_error err = {0};
  size_t front = strspn(text->data, " \t\r\n");
  if (text->data[front] == '{') {
    if (write_json(text->data, text->size, signature, to, &err) < 0) return fl_fail_error(args, &err);
    return 0;
  }
  char *value = fl_dump(signature, NULL);
  add_without_signature(to, text->data);
  fl_buf_addf(to, "signature: %s\n", value);
  fl_text_free(value);
  return 0;
}

/* Ahead of the file: what stands signed somewhere stands in the log. */
static int leave_act(const struct fl_args *args, const char *name, const struct fl_buf *signed_text) {
  uint8_t hash[FL_HASH_SIZE];
  char hex[2 * FL_HASH_SIZE + 1];
  struct fl_value *body = fl_object();
  fl_hash_bytes(fl_buf_slice(signed_text), hash);
  fl_hex(hash, sizeof hash, hex);
  fl_set_string(body, "file", args->items[0]);
  fl_set_string(body, "signed", hex);
  fl_set_string(body, "key", name);
  return fl_act_leave(args, "policy.signed", body);
}

static int sign(const struct fl_args *args, const struct fl_manifest *manifest, const struct fl_secret *key,
                const struct fl_buf *text) {
  const char *path = args->items[0], *name = fl_args_get(args, "name");
  uint8_t signature[FL_SIGNATURE_SIZE];
  FL_BUF_AUTO before = {0}, after = {0}, signed_text = {0};
  struct fl_error err = {0};
  if (fl_manifest_signed_text(manifest, &before, &err) < 0) return fl_fail_error(args, &err);
  fl_sign(key, fl_buf_slice(&before), signature);
  FL_VALUE_AUTO value = fl_signature_value(name, signature);
  int code = add_signature(args, text, value, &signed_text);
  struct fl_manifest *again = NULL;
  if (code == 0) code = parse(args, path, fl_buf_slice(&signed_text), &again);
  if (code != 0) return code;
  int rc = fl_manifest_signed_text(again, &after, &err);
  fl_manifest_unref(again);
  if (rc < 0 || !fl_slice_equal(fl_buf_slice(&before), fl_buf_slice(&after)))
    return fl_fail(args, FL_EXIT_FAILED,
                   "%s: the signature cannot be put into it; write \"signature:\" on a line of its"
                   " own at the end",
                   path);
  code = leave_act(args, name, &before);
  if (code != 0) return code;
  if (fl_key_file_replace(path, fl_buf_slice(&signed_text), true, &err) < 0) return fl_fail_error(args, &err);
  if (args->json) fl_print_json(value);
  else printf("%s is signed by %s\n", path, name);
  return 0;
}

int fl_cmd_policy_sign(struct fl_args *args) {
  const char *name = fl_args_get(args, "name"), *path = fl_args_get(args, "key");
  if (args->count != 1 || name == NULL || path == NULL)
    return fl_usage(args, "name one manifest, the file of the key (--key) and the key's name (--name)");
  if (!is_name(name)) return fl_usage(args, "a key's name is 1 to 64 of A-Z a-z 0-9 . _ -, not \"%s\"", name);
  FL_BUF_AUTO text = {0};
  FL_SECRET_AUTO key = {0};
  struct fl_manifest *manifest = NULL;
  int code = read_file(args, args->items[0], &text);
  if (code == 0) code = parse(args, args->items[0], fl_buf_slice(&text), &manifest);
  if (code == 0) code = load_key(args, path, &key);
  if (code == 0) code = sign(args, manifest, &key, &text);
  fl_manifest_unref(manifest);
  return code;
}

/* ---- verify ---- */

static int load_trust(const struct fl_args *args, struct fl_trust **ret_trust) {
  FL_BUF_AUTO text = {0};
  struct fl_diags diags = {0};
  const char *path = fl_args_get(args, "trust");
  int code = read_file(args, path, &text);
  if (code == 0 && fl_trust_load(path, fl_buf_slice(&text), ret_trust, &diags) < 0) {
    fl_print_diags(args, &diags);
    code = FL_EXIT_USAGE;
  }
  fl_diags_deinit(&diags);
  return code;
}

static int read_time(const struct fl_args *args, int64_t *ret_now_s) {
  const char *text = fl_args_get(args, "at");
  *ret_now_s = (int64_t)time(NULL);
  if (text == NULL) return 0;
  if (fl_manifest_date(text, ret_now_s) < 0)
    return fl_usage(args, "--at takes a date or a date and time (2027-06-30T12:00:00Z), not \"%s\"", text);
  if (strlen(text) == 10) (*ret_now_s)--; /* still on that day */
  return 0;
}

int fl_cmd_policy_verify(struct fl_args *args) {
  if (args->count != 1 || !fl_args_has(args, "trust"))
    return fl_usage(args, "name one manifest and the trust file (--trust)");
  FL_BUF_AUTO text = {0};
  struct fl_manifest *manifest = NULL;
  struct fl_trust *trust = NULL;
  struct fl_error err = {0};
  int64_t now_s;
  int code = read_time(args, &now_s);
  if (code == 0) code = load_trust(args, &trust);
  if (code == 0) code = read_file(args, args->items[0], &text);
  if (code == 0) code = parse(args, args->items[0], fl_buf_slice(&text), &manifest);
  if (code == 0 && fl_manifest_check_signature(manifest, trust, now_s, &err) < 0) code = fl_fail_error(args, &err);
  if (code == 0 && args->json) {
    FL_VALUE_AUTO line = fl_object();
    fl_set_bool(line, "holds", true);
    fl_set_string(line, "hash", fl_manifest_hash(manifest));
    fl_print_json(line);
  } else if (code == 0) {
    printf("%s holds: signed, and not changed since\n", args->items[0]);
  }
  fl_manifest_unref(manifest);
  fl_trust_destroy(trust);
  return code;
}

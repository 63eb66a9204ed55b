/* SPDX-License-Identifier: MIT */
/* Where values come from, what is refused, that nothing of it is repeated; and the vault that keeps them. */
#include "runtime/base/mem.h"
#include "runtime/io/vault.h"
#include "runtime/io/world_sim.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *folder;
#define VALUE "canary-value-9871"

static char *path_of(const char *name) { return fl_format("%s/%s", folder, name); }

static void write_text(const char *name, const char *text, mode_t mode) {
  FL_FREE_AUTO char *path = path_of(name);
  FILE *file = fopen(path, "we");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
  assert_int_equal(chmod(path, mode), 0);
}

/* What the source gives, or its error; neither of which may have the value where it is not asked for. */
static void expect(struct fl_secret_source source, int status, const char *said) {
  FL_SECRET_AUTO value = {0};
  struct fl_error err = {0};
  source.folder = folder;
  int found = fl_secret_source_read(&source, &value, &err);
  if (found != status) fail_msg("%d: %s", found, err.text);
  if (status == 0) assert_string_equal(value.data, said);
  else if (strstr(err.text, said) == NULL) fail_msg("nothing says \"%s\": %s", said, err.text);
  assert_null(strstr(err.text, "canary"));
  if (status < 0) assert_null(value.data);
}

#define FILE_NAMED(name) ((struct fl_secret_source){.kind = FL_SECRET_FILE, .text = name})
#define VARIABLE(name) ((struct fl_secret_source){.kind = FL_SECRET_ENV, .text = name})
#define CREDENTIAL(name) ((struct fl_secret_source){.kind = FL_SECRET_CREDENTIAL, .text = name})
#define COMMAND(...) \
  ((struct fl_secret_source){.kind = FL_SECRET_COMMAND, .argv = (const char *const[]){__VA_ARGS__, NULL}})

static void a_file_is_its_owners_alone(void **state) {
  write_text("good", VALUE "\r\n\n", 0600);
  write_text("readonly", VALUE, 0400);
  write_text("group", VALUE, 0640);
  write_text("others", VALUE, 0604);
  write_text("empty", "\n", 0600);
  FL_FREE_AUTO char *good = path_of("good"), *link_path = path_of("link"), *fifo = path_of("fifo");
  assert_int_equal(symlink(good, link_path), 0);
  assert_int_equal(mkfifo(fifo, 0600), 0);
  expect(FILE_NAMED("good"), 0, VALUE);
  expect(FILE_NAMED(good), 0, VALUE);
  expect(FILE_NAMED("readonly"), 0, VALUE);
  expect(FILE_NAMED("group"), FL_E_DENIED, "mode is 640");
  expect(FILE_NAMED("others"), FL_E_DENIED, "chmod 600");
  expect(FILE_NAMED("link"), FL_E_DENIED, "not a link");
  expect(FILE_NAMED("fifo"), FL_E_DENIED, "is not a file");
  expect(FILE_NAMED("."), FL_E_DENIED, "is not a file");
  expect(FILE_NAMED("nowhere"), FL_E_NOT_FOUND, "there is no file");
  expect(FILE_NAMED("empty"), FL_E_INVALID, "is empty");
  if (geteuid() == 0) {
    assert_int_equal(chown(good, 65534, 65534), 0);
    expect(FILE_NAMED("good"), FL_E_DENIED, "belongs to another user (65534");
  }
}

static void a_value_has_a_size_and_no_nul(void **state) {
  FL_BUF_AUTO large = {0};
  while (large.size <= FL_SECRET_VALUE_MAX) fl_buf_add_text(&large, VALUE);
  write_text("large", large.data, 0600);
  expect(FILE_NAMED("large"), FL_E_INVALID, "larger than 8192");
  large.data[FL_SECRET_VALUE_MAX] = '\0';
  write_text("largest", large.data, 0600);
  FL_FREE_AUTO char *path = path_of("nul");
  expect(FILE_NAMED("largest"), 0, large.data);
  FILE *file = fopen(path, "we");
  fwrite("canary\0value", 1, 12, file);
  fclose(file);
  chmod(path, 0600);
  expect(FILE_NAMED("nul"), FL_E_INVALID, "has a NUL");
}

/* /proc shows the memory in which the environment began. */
static bool is_in_environ(const char *text) {
  FL_BUF_AUTO all = {0};
  char piece[4096];
  FILE *file = fopen("/proc/self/environ", "re");
  for (size_t size; file != NULL && (size = fread(piece, 1, sizeof piece, file)) > 0;) fl_buf_add(&all, piece, size);
  if (file != NULL) fclose(file);
  return all.size > 0 && memmem(all.data, all.size, text, strlen(text)) != NULL;
}

static void a_variable_is_taken_away(void **state) {
  expect(VARIABLE("FL_TEST_NONE"), FL_E_NOT_FOUND, "FL_TEST_NONE is not set");
  assert_true(is_in_environ("inherited-canary-5512")); /* main sees to that */
  expect(VARIABLE("FL_TEST_INHERITED"), 0, "inherited-canary-5512");
  assert_null(getenv("FL_TEST_INHERITED"));
  assert_false(is_in_environ("inherited-canary-5512"));
  expect(VARIABLE("FL_TEST_INHERITED"), 0, "inherited-canary-5512"); /* it is kept */
  setenv("FL_TEST_INHERITED", "newer-canary-5512", 1);
  expect(VARIABLE("FL_TEST_INHERITED"), 0, "newer-canary-5512");
  setenv("FL_TEST_EMPTY", "", 1);
  expect(VARIABLE("FL_TEST_EMPTY"), FL_E_INVALID, "is empty");
}

static void a_credential_is_a_file_of_systemds(void **state) {
  unsetenv("CREDENTIALS_DIRECTORY");
  expect(CREDENTIAL("token"), FL_E_NOT_FOUND, "$CREDENTIALS_DIRECTORY is not set");
  setenv("CREDENTIALS_DIRECTORY", folder, 1);
  write_text("token", VALUE "\n", 0440); /* the mask of an access list */
  write_text("loose", VALUE, 0444);
  expect(CREDENTIAL("token"), 0, VALUE);
  expect(CREDENTIAL("loose"), FL_E_DENIED, "others may read");
  expect(CREDENTIAL("../token"), FL_E_INVALID, "no name of a credential");
  expect(CREDENTIAL(".."), FL_E_INVALID, "no name of a credential");
  expect(CREDENTIAL("missing"), FL_E_NOT_FOUND, "there is no file");
}

static void a_command_prints_it(void **state) {
  write_text("script", "#!/bin/sh\nprintf '%s\\n' \"canary-$1\"\n", 0700);
  expect(COMMAND("printf", "%s\n", VALUE), 0, VALUE);
  expect(COMMAND("./script", "of a script"), 0, "canary-of a script");
  expect(COMMAND("false"), FL_E_REMOTE, "the command false, which gives a secret, failed");
  expect(COMMAND("sh", "-c", "echo " VALUE "; exit 3"), FL_E_REMOTE, "failed");
  expect(COMMAND("/proc/nowhere/program"), FL_E_REMOTE, "No such file");
  expect(COMMAND("true"), FL_E_INVALID, "what the command true gives is empty");
  expect(COMMAND("sh", "-c", "yes " VALUE), FL_E_LIMIT, "printed more than 8194 bytes");
}

static void a_vault_knows_what_stands_elsewhere(void **state) {
  static const char *const left_out[] = {"", "short", "1234567", "aaaaaaaaaaaaaaaa"};
  struct fl_world *world = fl_world_sim_create(1);
  struct fl_error err = {0};
  char wide[FL_KNOWN_SIZE_MAX + 2];
  for (size_t i = 0; i < 3; i++) assert_int_equal(fl_vault_know(world, "K", fl_slice_of(left_out[i]), &err), 0);
  assert_null(fl_vault_known(world)); /* so that nothing is looked through */
  assert_int_equal(fl_vault_know(world, "K", fl_slice_of(left_out[3]), &err), 0);
  for (size_t i = 0; i < sizeof wide; i++) wide[i] = "abc"[i % 3];
  assert_int_equal(fl_vault_know(world, "K", fl_slice_n(wide, sizeof wide), &err), 0);
  assert_false(fl_known_finds(fl_vault_known(world), fl_slice_of(left_out[3])));
  assert_int_equal(fl_vault_know(world, "K", FL_SLICE("12345678"), &err), 0);
  assert_int_equal(fl_vault_know(world, "TWICE", FL_SLICE("12345678"), &err), 0);
  FL_BUF_AUTO shown = {0};
  assert_int_equal(fl_known_hide(fl_vault_known(world), FL_SLICE("it is 12345678"), &shown), 1);
  assert_string_equal(shown.data, "it is [secret K]");
  int status = 0;
  for (int i = 0; i < FL_KNOWN_COUNT_MAX && status == 0; i++) {
    FL_FREE_AUTO char *value = fl_format("the value %d", i);
    status = fl_vault_know(world, "MANY", fl_slice_of(value), &err);
  }
  assert_int_equal(status, FL_E_LIMIT);
  fl_world_destroy(world);
}

static void a_vault_reads_each_source_once(void **state) {
  struct fl_world *world = fl_world_sim_create(1);
  const struct fl_secret *first = NULL, *again = NULL, *other = NULL;
  struct fl_error err = {0};
  struct fl_secret_source source = FILE_NAMED("changing");
  source.folder = folder;
  assert_null(fl_vault_known(world));
  write_text("changing", VALUE "-first", 0600);
  assert_int_equal(fl_vault_read(world, "A", &source, &first, &err), 0);
  write_text("changing", VALUE "-second", 0600);
  assert_int_equal(fl_vault_read(world, "A", &source, &again, &err), 0);
  assert_ptr_equal(first, again);
  assert_string_equal(first->data, VALUE "-first");
  const struct fl_secret_source command = COMMAND("echo", VALUE "-third");
  assert_int_equal(fl_vault_read(world, "B", &command, &other, &err), 0);
  assert_true(fl_known_finds(fl_vault_known(world), FL_SLICE("x " VALUE "-first")));
  assert_true(fl_known_finds(fl_vault_known(world), FL_SLICE("x " VALUE "-third")));
  const struct fl_secret_source brief = COMMAND("echo", "short");
  assert_int_equal(fl_vault_read(world, "C", &brief, &other, &err), FL_E_INVALID);
  assert_non_null(strstr(err.text, "its value has 5 bytes"));
  struct rlimit limit;
  assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
  assert_true(limit.rlim_cur <= 1); /* no file is that small, and no collector is given one */
  fl_world_destroy(world);
}

static void note_use(const char *name, const char *receiver, void *user) {
  fl_buf_addf(user, "%s to %s\n", name, receiver);
}

static void a_vault_tells_who_was_given_what(void **state) {
  struct fl_world *world = fl_world_sim_create(1);
  FL_BUF_AUTO said = {0};
  const struct fl_secret *value = NULL;
  const struct fl_secret_source command = COMMAND("echo", VALUE);
  fl_vault_watch(world, NULL, NULL);
  fl_vault_used(world, "nobody", NULL, 0);
  assert_int_equal(fl_vault_read(world, "A", &command, &value, NULL), 0);
  const struct fl_process_secret list[] = {{"A", value}, {"B", value}};
  const struct fl_process_secret *kept = fl_vault_list(world, list, 2);
  assert_null(fl_vault_list(world, list, 0));
  fl_vault_used(world, "early", kept, 2);
  fl_vault_watch(world, note_use, &said);
  fl_vault_used(world, "bank", kept, 2);
  assert_string_equal(said.data, "A to bank\nB to bank\n");
  fl_world_destroy(world);
}

int main(int argc, char **argv) {
  if (getenv("FL_TEST_INHERITED") == NULL) { /* an environment that the process began with */
    setenv("FL_TEST_INHERITED", "inherited-canary-5512", 1);
    execv("/proc/self/exe", argv);
    return 1;
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_file_is_its_owners_alone),
      cmocka_unit_test(a_value_has_a_size_and_no_nul),
      cmocka_unit_test(a_variable_is_taken_away),
      cmocka_unit_test(a_credential_is_a_file_of_systemds),
      cmocka_unit_test(a_command_prints_it),
      cmocka_unit_test(a_vault_knows_what_stands_elsewhere),
      cmocka_unit_test(a_vault_reads_each_source_once),
      cmocka_unit_test(a_vault_tells_who_was_given_what),
  };
  folder = test_folder();
  return cmocka_run_group_tests(tests, NULL, NULL);
}

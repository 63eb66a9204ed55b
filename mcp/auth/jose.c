/* SPDX-License-Identifier: MIT */
#include "mcp/auth/jose.h"
#include "mcp/auth/jose_module.h"
#include "runtime/base/mem.h"
#include "runtime/io/locate.h"

#include <dlfcn.h>
#include <stdatomic.h>

struct fl_jose_key {
  enum fl_jose_alg alg;
  void *impl; /* the module's */
};

static const char *const names[] = {NULL, "ES256", "RS256", "EdDSA"};

enum fl_jose_alg fl_jose_alg_of(const char *name) {
  for (size_t i = 1; name != NULL && i < sizeof names / sizeof *names; i++)
    if (strcmp(name, names[i]) == 0) return (enum fl_jose_alg)i;
  return FL_JOSE_NONE;
}

const char *fl_jose_alg_name(enum fl_jose_alg alg) { return alg != FL_JOSE_NONE ? names[alg] : "none"; }

/* ---- the module, which stays loaded for the life of the process ---- */

static const struct fl_jose_module *_Atomic loaded;

static int load(struct fl_error *err) {
  if (atomic_load(&loaded) != NULL) return 0;
  FL_FREE_AUTO char *path = NULL;
  int failure = fl_locate_companion("FAIRLEAD_JOSE_MODULE", FL_MODULEDIR, FL_JOSE_MODULE_NAME, &path, err);
  if (failure != 0) return failure;
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL)
    return fl_error_set(err, FL_E_UNSUPPORTED, "cannot load the module of signatures: %s", dlerror());
  const struct fl_jose_module *module = dlsym(library, FL_JOSE_MODULE_SYMBOL);
  if (module == NULL || module->version != FL_JOSE_VERSION || module->size != sizeof *module)
    return fl_error_set(err, FL_E_VERSION, "%s is not the module of signatures of this release (%s)", path, FL_VERSION);
  atomic_store(&loaded, module); /* two threads load the same */
  return 0;
}

/* ---- keys ---- */

static struct fl_jose_key *wrap(enum fl_jose_alg alg, void *impl) {
  struct fl_jose_key *key = fl_new(struct fl_jose_key);
  *key = (struct fl_jose_key){alg, impl};
  return key;
}

int fl_jose_generate(enum fl_jose_alg alg, struct fl_jose_key **ret_key, struct fl_error *err) {
  void *impl = NULL;
  int failure = load(err);
  if (failure == 0) failure = atomic_load(&loaded)->generate(alg, &impl, err);
  if (failure == 0) *ret_key = wrap(alg, impl);
  return failure;
}

int fl_jose_read_private(fl_slice pem, struct fl_jose_key **ret_key, struct fl_error *err) {
  void *impl = NULL;
  enum fl_jose_alg alg = FL_JOSE_NONE;
  int failure = load(err);
  if (failure == 0) failure = atomic_load(&loaded)->read_private(pem, &impl, &alg, err);
  if (failure == 0) *ret_key = wrap(alg, impl);
  return failure;
}

int fl_jose_read_public(const struct fl_jose_public *parts, struct fl_jose_key **ret_key, struct fl_error *err) {
  void *impl = NULL;
  int failure = load(err);
  if (failure == 0) failure = atomic_load(&loaded)->read_public(parts, &impl, err);
  if (failure == 0) *ret_key = wrap(parts->alg, impl);
  return failure;
}

int fl_jose_write_private(const struct fl_jose_key *key, struct fl_secret *ret_pem, struct fl_error *err) {
  return atomic_load(&loaded)->write_private(key->impl, ret_pem, err);
}

void fl_jose_key_destroy(struct fl_jose_key *key) {
  if (key == NULL) return;
  atomic_load(&loaded)->free_key(key->impl);
  fl_free(key);
}

enum fl_jose_alg fl_jose_key_alg(const struct fl_jose_key *key) { return key->alg; }

int fl_jose_key_public(const struct fl_jose_key *key, struct fl_jose_public *ret_parts, struct fl_error *err) {
  return atomic_load(&loaded)->write_public(key->impl, key->alg, ret_parts, err);
}

int fl_jose_sign(const struct fl_jose_key *key, fl_slice data, struct fl_buf *ret_signature, struct fl_error *err) {
  return atomic_load(&loaded)->sign(key->impl, key->alg, data, ret_signature, err);
}

int fl_jose_verify(const struct fl_jose_key *key, fl_slice data, fl_slice signature) {
  return atomic_load(&loaded)->verify(key->impl, key->alg, data, signature);
}

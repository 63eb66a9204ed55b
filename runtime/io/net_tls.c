/* SPDX-License-Identifier: MIT */
/* TLS by OpenSSL over two memory BIOs: no socket of its own, no buffer while idle (SSL_MODE_RELEASE_BUFFERS). TLS 1.2
 * and later, the library's ciphers. */
#include "runtime/io/tls_module.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <unistd.h>

/* ---- contexts ---- */

static int refuse(const char *path, const char *what, struct fl_error *err) {
  unsigned long code = ERR_peek_last_error();
  const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
  ERR_clear_error();
  if (access(path, R_OK) != 0) return fl_error_set(err, FL_E_NOT_FOUND, "%s: it cannot be read", path);
  return fl_error_set(err, FL_E_INVALID, "%s: %s (%s)", path, what, reason != NULL ? reason : "no reason given");
}

static int context_open(const char *certificate, const char *key, void **ret_context, struct fl_error *err) {
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());
  int status = context != NULL ? 0 : fl_error_set(err, FL_E_UNSUPPORTED, "OpenSSL cannot make a context");
  if (status == 0 && SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
    status = refuse(certificate, "it is not a chain of certificates in PEM", err);
  if (status == 0 && SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
    status = refuse(key, "it is not the key of the certificate, in PEM", err);
  if (status != 0) {
    SSL_CTX_free(context);
    return status;
  }
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context,
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  *ret_context = context;
  return 0;
}

static void context_close(void *context) { SSL_CTX_free(context); }

/* ---- sessions ---- */

static void *session_open(void *context) {
  SSL *ssl = SSL_new(context);
  BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
  if (ssl == NULL || in == NULL || out == NULL) abort(); /* out of memory, as everywhere */
  BIO_set_mem_eof_return(in, -1);
  BIO_set_mem_eof_return(out, -1);
  SSL_set_bio(ssl, in, out);
  SSL_set_accept_state(ssl);
  return ssl;
}

static void session_close(void *session) { SSL_free(session); }

static void take_out(SSL *ssl, struct fl_buf *out) {
  char *data = NULL;
  long size = BIO_get_mem_data(SSL_get_wbio(ssl), &data);
  if (size > 0) fl_buf_add(out, data, (size_t)size);
  if (size > 0) (void)BIO_reset(SSL_get_wbio(ssl));
}

static int verdict_of(SSL *ssl, int result) {
  switch (SSL_get_error(ssl, result)) {
  case SSL_ERROR_WANT_READ:
  case SSL_ERROR_WANT_WRITE: return FL_E_BUSY;
  case SSL_ERROR_ZERO_RETURN: return FL_E_CLOSED;
  default: ERR_clear_error(); return FL_E_PROTOCOL;
  }
}

static int feed(void *session, fl_slice bytes, struct fl_buf *plain, struct fl_buf *out) {
  SSL *ssl = session;
  int status = 0;
  ERR_clear_error();
  if (BIO_write(SSL_get_rbio(ssl), bytes.data, (int)bytes.size) != (int)bytes.size) return FL_E_PROTOCOL;
  while (status == 0) {
    char block[16 * 1024];
    int size = SSL_read(ssl, block, sizeof block);
    if (size > 0) fl_buf_add(plain, block, (size_t)size);
    else status = verdict_of(ssl, size);
  }
  take_out(ssl, out);
  return status == FL_E_BUSY ? 0 : status;
}

static int write_all(void *session, fl_slice plain, struct fl_buf *out) {
  SSL *ssl = session;
  if (!SSL_is_init_finished(ssl)) return FL_E_BUSY;
  ERR_clear_error();
  while (plain.size > 0) {
    int some = plain.size < 1024 * 1024 ? (int)plain.size : 1024 * 1024;
    int size = SSL_write(ssl, plain.data, some);
    if (size <= 0) return FL_E_PROTOCOL; /* a memory BIO takes all */
    plain = fl_slice_n(plain.data + size, plain.size - (size_t)size);
    take_out(ssl, out);
  }
  return 0;
}

static void end(void *session, struct fl_buf *out) {
  SSL *ssl = session;
  if (!SSL_is_init_finished(ssl)) return;
  ERR_clear_error();
  SSL_shutdown(ssl);
  take_out(ssl, out);
}

extern const struct fl_tls_module fl_tls_module_v1;
FL_API const struct fl_tls_module fl_tls_module_v1 = {
    .version = FL_TLS_VERSION,
    .size = sizeof(struct fl_tls_module),
    .context_open = context_open,
    .context_close = context_close,
    .session_open = session_open,
    .session_close = session_close,
    .feed = feed,
    .write = write_all,
    .end = end,
};

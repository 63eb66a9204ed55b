/* SPDX-License-Identifier: MIT */
/* TLS in the simulated world: a peer that speaks it with OpenSSL, from memory, everything cut anywhere. */
#include "runtime/base/buf.h"
#include "runtime/io/http_server.h"
#include "runtime/io/tls.h"
#include "runtime/io/world_sim.h"
#include "tests/support/support.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>

static struct fl_world *world;
static struct fl_tls_context *context;
static struct fl_http_server *server;
static char certificate[256], key[256];

/* ---- a certificate of our own ---- */

static int make_certificate(void **state) {
  snprintf(certificate, sizeof certificate, "%s/cert.pem", test_folder());
  snprintf(key, sizeof key, "%s/key.pem", test_folder());
  EVP_PKEY *pair = EVP_EC_gen("P-256");
  X509 *cert = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert), 0);
  X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
  X509_set_pubkey(cert, pair);
  X509_NAME *name = X509_get_subject_name(cert);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
  X509_set_issuer_name(cert, name);
  X509_sign(cert, pair, EVP_sha256());
  FILE *file = fopen(certificate, "w");
  PEM_write_X509(file, cert);
  fclose(file);
  file = fopen(key, "w");
  PEM_write_PrivateKey(file, pair, NULL, NULL, 0, NULL, NULL);
  fclose(file);
  X509_free(cert);
  EVP_PKEY_free(pair);
  return 0;
}

/* ---- the peer ---- */

struct peer {
  SSL *ssl;
  struct fl_sim_connection *connection;
  const char *text; /* sent once the handshake is over */
  struct fl_buf got;
  bool has_sent, has_ended, saw_notify;
};

static void push(struct peer *peer) {
  char *data = NULL;
  long size = BIO_get_mem_data(SSL_get_wbio(peer->ssl), &data);
  if (size > 0) fl_sim_socket_send(peer->connection, 0, fl_slice_n(data, (size_t)size));
  (void)BIO_reset(SSL_get_wbio(peer->ssl));
}

static void advance(struct peer *peer) {
  if (SSL_do_handshake(peer->ssl) == 1 && !peer->has_sent) {
    peer->has_sent = true;
    assert_int_equal(SSL_write(peer->ssl, peer->text, (int)strlen(peer->text)), (int)strlen(peer->text));
  }
  char block[4096];
  int size;
  while (peer->has_sent && (size = SSL_read(peer->ssl, block, sizeof block)) > 0)
    fl_buf_add(&peer->got, block, (size_t)size);
  peer->saw_notify = (SSL_get_shutdown(peer->ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
  push(peer);
}

static void peer_data(struct fl_sim_connection *connection, fl_slice data) {
  struct peer *peer = fl_sim_socket_user(connection);
  BIO_write(SSL_get_rbio(peer->ssl), data.data, (int)data.size);
  advance(peer);
}

static void peer_end(struct fl_sim_connection *connection) {
  ((struct peer *)fl_sim_socket_user(connection))->has_ended = true;
}

static void connect_peer(struct peer *peer, SSL_CTX *client, const char *text) {
  *peer = (struct peer){.text = text};
  peer->ssl = SSL_new(client);
  BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
  BIO_set_mem_eof_return(in, -1);
  SSL_set_bio(peer->ssl, in, out);
  SSL_set_connect_state(peer->ssl);
  peer->connection = fl_world_sim_connect(
      world, 0, "127.0.0.1:443", &(struct fl_sim_peer_socket){.on_data = peer_data, .on_end = peer_end, .user = peer});
  advance(peer);
}

/* ---- the server ---- */

static void on_body(struct fl_http_exchange *exchange, fl_slice body) {
  fl_http_reply(exchange, &(struct fl_http_reply){.status = 200, .content_type = "text/plain", .body = body});
}

static void on_request(struct fl_http_exchange *exchange, const struct fl_http1_head *head, void *user) {
  exchange->on_body = on_body;
}

static void open_server(uint64_t seed) {
  struct fl_error err = {0};
  world = fl_world_sim_create(seed);
  fl_world_sim_set_splits(world, true);
  if (fl_tls_context_open(certificate, key, &context, &err) != 0) fail_msg("%s", err.text);
  struct fl_http_server_options options = {
      .size = sizeof options,
      .listen = {.size = sizeof options.listen, .address = "127.0.0.1", .port = 443},
      .tls = context,
      .on_request = on_request};
  assert_int_equal(fl_http_server_open(world, &options, &server, &err), 0);
}

static void end_server(void) {
  fl_http_server_close(server, 100, NULL, NULL);
  fl_world_sim_run(world);
  fl_world_destroy(world);
  fl_tls_context_close(context);
}

#define REQUEST "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"

static void requests_over_tls(void **state) {
  SSL_CTX *client = SSL_CTX_new(TLS_client_method());
  for (uint64_t seed = 1; seed <= 20; seed++) {
    SSL_CTX_set_max_proto_version(client, seed % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION);
    open_server(seed);
    struct peer peer;
    connect_peer(&peer, client, REQUEST);
    fl_world_sim_run_until(world, 3000);
    assert_non_null(peer.got.data);
    assert_non_null(strstr(peer.got.data, "HTTP/1.1 200 OK"));
    assert_string_equal(strstr(peer.got.data, "\r\n\r\n") + 4, "hello");
    assert_true(peer.has_ended && peer.saw_notify);
    end_server();
    SSL_free(peer.ssl);
    fl_buf_deinit(&peer.got);
  }
  SSL_CTX_free(client);
}

static struct fl_buf raw;
static void raw_data(struct fl_sim_connection *connection, fl_slice data) { fl_buf_add(&raw, data.data, data.size); }

static void who_speaks_no_tls_is_sent_away(void **state) {
  open_server(1);
  struct fl_sim_connection *connection =
      fl_world_sim_connect(world, 0, "127.0.0.1:443", &(struct fl_sim_peer_socket){.on_data = raw_data});
  fl_sim_socket_send(connection, 0, FL_SLICE("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  fl_world_sim_run_until(world, 100);
  assert_int_equal(fl_http_server_connections(server), 0);
  assert_true(raw.size == 0 || raw.data[0] == 21); /* an alert at most */
  end_server();
  fl_buf_deinit(&raw);
}

static void old_versions_are_refused(void **state) {
  SSL_CTX *client = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_cipher_list(client, "ALL:@SECLEVEL=0");
  SSL_CTX_set_min_proto_version(client, TLS1_VERSION);
  SSL_CTX_set_max_proto_version(client, TLS1_1_VERSION);
  open_server(1);
  struct peer peer;
  connect_peer(&peer, client, REQUEST);
  fl_world_sim_run_until(world, 100);
  assert_false(peer.has_sent);
  assert_int_equal(fl_http_server_connections(server), 0);
  end_server();
  SSL_free(peer.ssl);
  SSL_CTX_free(client);
}

static void a_new_certificate_is_read(void **state) {
  SSL_CTX *client = SSL_CTX_new(TLS_client_method());
  struct fl_error err = {0};
  open_server(2);
  assert_int_equal(fl_tls_context_reload(context, &err), 0);
  struct peer peer;
  connect_peer(&peer, client, REQUEST);
  fl_world_sim_run_until(world, 3000);
  assert_non_null(strstr(peer.got.data, "hello"));
  end_server();
  SSL_free(peer.ssl);
  SSL_CTX_free(client);
  fl_buf_deinit(&peer.got);
}

static void files_that_do_not_do(void **state) {
  struct fl_error err = {0};
  struct fl_tls_context *none = NULL;
  assert_int_equal(fl_tls_context_open("/nonexistent", key, &none, &err), FL_E_NOT_FOUND);
  assert_int_equal(fl_tls_context_open(key, key, &none, &err), FL_E_INVALID);
  assert_int_equal(fl_tls_context_open(certificate, certificate, &none, &err), FL_E_INVALID);
  assert_null(none);
  fl_tls_context_close(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(requests_over_tls),        cmocka_unit_test(who_speaks_no_tls_is_sent_away),
      cmocka_unit_test(old_versions_are_refused), cmocka_unit_test(a_new_certificate_is_read),
      cmocka_unit_test(files_that_do_not_do),
  };
  return cmocka_run_group_tests_name("tls", tests, make_certificate, NULL);
}

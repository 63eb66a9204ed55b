/* SPDX-License-Identifier: MIT */
/* The authorization of the public client: made from its options when they say more than nothing, shown to the person,
 * ended after the connection. */
#include "mcp/client_api.h"
#include "runtime/base/mem.h"

static void on_visit(struct fl_mcp_auth *auth, const char *url, void *user) {
  struct fl_client *client = user;
  client->options.on_visit(client, url, client->options.user);
}

int fl_client_auth_open(struct fl_client *client, struct fl_error *err) {
  const struct fl_client_options *options = &client->options;
  bool is_wanted = options->auth != NULL || options->is_interactive || options->auth_folder != NULL;
  if (options->url == NULL || !is_wanted) return 0;
  FL_FREE_AUTO char *folder =
      options->auth_folder != NULL ? fl_strdup(options->auth_folder) : fl_mcp_auth_default_folder();
  struct fl_mcp_auth_options auth = {.size = sizeof auth,
                                     .url = options->url,
                                     .store_folder = folder[0] != '\0' ? folder : NULL,
                                     .config = options->auth,
                                     .is_interactive = options->is_interactive,
                                     .visit = options->on_visit != NULL ? on_visit : NULL,
                                     .user = client};
  return fl_mcp_auth_create(client->world, &auth, &client->auth, err);
}

static void on_closed(void *user) {
  struct fl_client *client = user;
  client->is_auth_closed = true;
  fl_client_wake(client);
}

void fl_client_auth_close(struct fl_client *client) {
  if (client->auth == NULL) return;
  fl_mcp_auth_close(client->auth, on_closed, client);
  fl_client_wait(client, &client->is_auth_closed);
  client->auth = NULL;
  fl_free(client->redirected);
  client->redirected = NULL;
}

/* A visit may end inside of on_visit, before it is under way. */
static void on_redirected(struct fl_post *post) {
  struct fl_client *client = post->user;
  FL_FREE_AUTO char *url = client->redirected;
  client->redirected = NULL;
  client->is_redirect_posted = false;
  if (client->auth != NULL) fl_mcp_auth_redirected(client->auth, url);
}

void fl_client_redirected(struct fl_client *client, const char *url) {
  fl_free(client->redirected);
  client->redirected = fl_strdup(url);
  if (client->is_redirect_posted) return;
  client->is_redirect_posted = true;
  client->redirected_post = (struct fl_post){.on_post = on_redirected, .user = client};
  fl_world_post(client->world, &client->redirected_post);
}

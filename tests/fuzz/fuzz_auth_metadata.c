/* SPDX-License-Identifier: MIT */
/* The documents of others: metadata of resources and authorization servers, and the configuration of ours. */
#include "mcp/auth/config.h"
#include "mcp/auth/metadata.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_url(const char *text) {
  struct fl_url url = {0};
  if (text == NULL || fl_url_parse(fl_slice_of(text), FL_URL_HTTP, &url, NULL) != 0) return;
  for (size_t i = 0; i < 4; i++) { /* every place that is made of a URL is one */
    FL_FREE_AUTO char *place = fl_server_metadata_url(&url, i);
    FL_FREE_AUTO char *other = fl_resource_metadata_url(&url, i);
    struct fl_url parsed = {0};
    if (place != NULL) fl_check(fl_url_parse(fl_slice_of(place), FL_URL_HTTP, &parsed, NULL) != FL_E_INVALID);
    fl_url_deinit(&parsed);
    if (other != NULL) fl_check(fl_url_parse(fl_slice_of(other), FL_URL_HTTP, &parsed, NULL) != FL_E_INVALID);
    fl_url_deinit(&parsed);
  }
  fl_resource_check(text, &url, NULL);
  fl_auth_check_url(&url, text, "it", NULL);
  fl_url_deinit(&url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fl_slice text = fl_slice_n((const char *)data, size);
  struct fl_resource_metadata resource = {0};
  struct fl_server_metadata server = {0};
  struct fl_auth_config config = {0};
  if (fl_resource_metadata_read(text, &resource, NULL) == 0) {
    fl_check(resource.server_count > 0 && resource.resource != NULL);
    try_url(resource.resource);
    try_url(resource.servers[0]);
  }
  if (fl_server_metadata_read(text, &server, NULL) == 0) try_url(server.issuer);
  FL_VALUE_AUTO value = NULL;
  if (fl_json_read(text, FL_JSON_STRICT, &value, NULL) == 0 && fl_auth_config_read(value, &config, NULL) == 0)
    fl_check(config.grant != FL_GRANT_CLIENT || config.client_id != NULL);
  fl_auth_config_deinit(&config);
  fl_resource_metadata_deinit(&resource);
  fl_server_metadata_deinit(&server);
  return 0;
}

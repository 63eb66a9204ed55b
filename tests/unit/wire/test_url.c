/* SPDX-License-Identifier: MIT */
/* URLs: their normal form, what is refused, and the resolution examples of RFC 3986, section 5.4. */
#include "runtime/base/mem.h"
#include "runtime/wire/url.h"
#include "tests/support/support.h"

#define URL_AUTO __attribute__((cleanup(fl_url_deinit))) struct fl_url
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct pair {
  const char *in, *out;
};

static const struct pair normal_forms[] = {
    {"https://example.org", "https://example.org/"},
    {"HTTPS://Example.ORG:443/A?B=C#D", "https://example.org/A?B=C#D"},
    {"http://example.org:80", "http://example.org/"},
    {"http://example.org:8080/", "http://example.org:8080/"},
    {"http://example.org:/", "http://example.org/"},
    {"http://h/a/./b/../c", "http://h/a/c"},
    {"http://h/../..", "http://h/"},
    {"http://h/a/..", "http://h/"},
    {"http://h/a/b/.", "http://h/a/b/"},
    {"http://h/a/%2e%2e/b", "http://h/b"},
    {"http://h//a//b", "http://h//a//b"},
    {"http://h/...", "http://h/..."},
    {"http://h/%7euser/%c3%a9%2f", "http://h/~user/%C3%A9%2F"},
    {"http://h/\xc3\xa9?\xc3\xa9#\xc3\xa9", "http://h/%C3%A9?%C3%A9#%C3%A9"},
    {"http://h?", "http://h/?"},
    {"http://h#", "http://h/#"},
    {"http://h/?a[]=1&b=/?", "http://h/?a[]=1&b=/?"},
    {"http://[::1]:8080/", "http://[::1]:8080/"},
    {"http://[0:0:0:0:0:0:0:1]/", "http://[::1]/"},
    {"http://[2001:DB8::A]/", "http://[2001:db8::a]/"},
    {"http://127.0.0.1/", "http://127.0.0.1/"},
    {"file:///etc/passwd", "file:///etc/passwd"},
    {"urn:isbn:123", "urn:isbn:123"},
    {"mailto:a@b", "mailto:a@b"},
    {"ws://h:80/x", "ws://h/x"},
};

static void texts_have_one_normal_form(void **state) {
  for (size_t i = 0; i < COUNT(normal_forms); i++) {
    URL_AUTO url = {0};
    struct fl_error err = {0};
    if (fl_url_parse(fl_slice_of(normal_forms[i].in), 0, &url, &err) != 0)
      fail_msg("%s: %s", normal_forms[i].in, err.text);
    FL_FREE_AUTO char *text = fl_url_format(&url);
    assert_string_equal(text, normal_forms[i].out);
    URL_AUTO again = {0};
    assert_int_equal(fl_url_parse(fl_slice_of(text), 0, &again, NULL), 0);
    FL_FREE_AUTO char *text_again = fl_url_format(&again);
    assert_string_equal(text_again, text);
  }
}

static const struct pair refused[] = {
    {"", "scheme"},
    {"example.org", "scheme"},
    {"//example.org/", "scheme"},
    {"1http://h/", "scheme"},
    {"http:", "no host"},
    {"http:/path", "no host"},
    {"http:///path", "no host"},
    {"http://:80/", "no host"},
    {"http://user@h/", "user name"},
    {"http://user:hunter2@h/", "user name"},
    {"http://a@b@h/", "user name"},
    {"http://h:0/", "port"},
    {"http://h:65536/", "port"},
    {"http://h:99999999999999999999/", "port"},
    {"http://h:8a/", "port"},
    {"http://h:80:80/", "port"},
    {"http://a b/", "host"},
    {"http://a\\b/", "host"},
    {"http://a%41/", "host"},
    {"http://\xc3\xa9/", "xn--"},
    {"http://[::1/", "]"},
    {"http://[::1]x/", "after"},
    {"http://[::g]/", "IPv6"},
    {"http://[fe80::1%25eth0]/", "IPv6"},
    {"http://h/a b", "percent-encoded"},
    {"http://h/a\nb", "percent-encoded"},
    {"http://h/a\\b", "percent-encoded"},
    {"http://h/%4", "percent-encoded"},
    {"http://h/%zz", "percent-encoded"},
    {"http://h/?\"", "percent-encoded"},
    {"http://h/#<", "percent-encoded"},
    {" http://h/", "scheme"},
    {"x:/.//a", "no host"},
};

static void what_parsers_read_differently_is_refused(void **state) {
  for (size_t i = 0; i < COUNT(refused); i++) {
    URL_AUTO url = {0};
    struct fl_error err = {0};
    if (fl_url_parse(fl_slice_of(refused[i].in), 0, &url, &err) != FL_E_INVALID)
      fail_msg("accepted: %s", refused[i].in);
    if (strstr(err.text, refused[i].out) == NULL) fail_msg("%s: %s", refused[i].in, err.text);
    assert_null(strstr(err.text, "hunter2"));
    assert_null(url.scheme);
  }
  URL_AUTO url = {0};
  assert_int_equal(fl_url_parse(fl_slice_n("http://h\0.example.org/", 22), 0, &url, NULL), FL_E_INVALID);
}

static void flags_allow_and_forbid(void **state) {
  URL_AUTO url = {0};
  struct fl_error err = {0};
  assert_int_equal(fl_url_parse(FL_SLICE("https://a:b@h/"), FL_URL_USERINFO | FL_URL_HTTP, &url, NULL), 0);
  assert_string_equal(url.userinfo, "a:b");
  assert_string_equal(url.host, "h");
  fl_url_deinit(&url);
  assert_int_equal(fl_url_parse(FL_SLICE("file:///x"), FL_URL_HTTP, &url, &err), FL_E_INVALID);
  assert_non_null(strstr(err.text, "http or https"));
}

static void limits_hold(void **state) {
  static char text[FL_URL_SIZE_MAX + 2] = "http://h/";
  memset(text + 9, 'a', sizeof text - 10);
  URL_AUTO url = {0};
  assert_int_equal(fl_url_parse(fl_slice_of(text), 0, &url, NULL), FL_E_LIMIT);
  assert_int_equal(fl_url_parse(fl_slice_n(text, FL_URL_SIZE_MAX), 0, &url, NULL), 0);
  memset(text + 7, 'a', 300);
  fl_url_deinit(&url);
  assert_int_equal(fl_url_parse(fl_slice_n(text, 300), 0, &url, NULL), FL_E_INVALID);
}

/* Section 5.4, base http://a/b/c/d;p?q */
static const struct pair references[] = {
    {"g:h", "g:h"},
    {"g", "http://a/b/c/g"},
    {"./g", "http://a/b/c/g"},
    {"g/", "http://a/b/c/g/"},
    {"/g", "http://a/g"},
    {"//g", "http://g/"},
    {"?y", "http://a/b/c/d;p?y"},
    {"g?y", "http://a/b/c/g?y"},
    {"#s", "http://a/b/c/d;p?q#s"},
    {"g#s", "http://a/b/c/g#s"},
    {"g?y#s", "http://a/b/c/g?y#s"},
    {";x", "http://a/b/c/;x"},
    {"g;x", "http://a/b/c/g;x"},
    {"g;x?y#s", "http://a/b/c/g;x?y#s"},
    {"", "http://a/b/c/d;p?q"},
    {".", "http://a/b/c/"},
    {"./", "http://a/b/c/"},
    {"..", "http://a/b/"},
    {"../", "http://a/b/"},
    {"../g", "http://a/b/g"},
    {"../..", "http://a/"},
    {"../../", "http://a/"},
    {"../../g", "http://a/g"},
    {"../../../g", "http://a/g"},
    {"../../../../g", "http://a/g"},
    {"/./g", "http://a/g"},
    {"/../g", "http://a/g"},
    {"g.", "http://a/b/c/g."},
    {".g", "http://a/b/c/.g"},
    {"g..", "http://a/b/c/g.."},
    {"..g", "http://a/b/c/..g"},
    {"./../g", "http://a/b/g"},
    {"./g/.", "http://a/b/c/g/"},
    {"g/./h", "http://a/b/c/g/h"},
    {"g/../h", "http://a/b/c/h"},
    {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
    {"g;x=1/../y", "http://a/b/c/y"},
    {"g?y/./x", "http://a/b/c/g?y/./x"},
    {"g?y/../x", "http://a/b/c/g?y/../x"},
    {"g#s/../x", "http://a/b/c/g#s/../x"},
};

static void references_resolve_as_the_rfc_says(void **state) {
  URL_AUTO base = {0};
  assert_int_equal(fl_url_parse(FL_SLICE("http://a/b/c/d;p?q"), 0, &base, NULL), 0);
  for (size_t i = 0; i < COUNT(references); i++) {
    URL_AUTO url = {0};
    struct fl_error err = {0};
    if (fl_url_resolve(&base, fl_slice_of(references[i].in), 0, &url, &err) != 0)
      fail_msg("%s: %s", references[i].in, err.text);
    FL_FREE_AUTO char *text = fl_url_format(&url);
    if (strcmp(text, references[i].out) != 0) fail_msg("\"%s\" gives %s", references[i].in, text);
  }
  URL_AUTO url = {0};
  assert_int_equal(fl_url_resolve(&base, FL_SLICE("//u:p@evil/"), 0, &url, NULL), FL_E_INVALID);
  assert_int_equal(fl_url_resolve(&base, FL_SLICE("file:///x"), FL_URL_HTTP, &url, NULL), FL_E_INVALID);
}

static struct fl_url parse(const char *text) {
  struct fl_url url = {0};
  assert_int_equal(fl_url_parse(fl_slice_of(text), 0, &url, NULL), 0);
  return url;
}

static void origins_and_ports(void **state) {
  URL_AUTO a = parse("https://h/x?y");
  URL_AUTO b = parse("HTTPS://H:443/z");
  URL_AUTO c = parse("https://h:444/");
  URL_AUTO d = parse("http://h:443/");
  URL_AUTO e = parse("urn:x");
  assert_true(fl_url_is_same_origin(&a, &b));
  assert_false(fl_url_is_same_origin(&a, &c));
  assert_false(fl_url_is_same_origin(&a, &d));
  assert_false(fl_url_is_same_origin(&e, &e));
  FL_FREE_AUTO char *origin = fl_url_origin(&c);
  FL_FREE_AUTO char *target = fl_url_request_target(&a);
  assert_string_equal(origin, "https://h:444");
  assert_string_equal(target, "/x?y");
  assert_null(fl_url_origin(&e));
  assert_int_equal(fl_url_port(&a), 443);
  assert_int_equal(fl_url_port(&c), 444);
  assert_int_equal(fl_url_port(&e), 0);
}

static void loopback_is_told_by_the_text(void **state) {
  static const struct {
    const char *text;
    bool is_loopback;
  } hosts[] = {{"http://localhost/", true},      {"http://a.localhost/", true},    {"http://127.0.0.1:1/", true},
               {"http://127.9.9.9/", true},      {"http://[::1]/", true},          {"http://[::2]/", false},
               {"http://128.0.0.1/", false},     {"http://localhost.org/", false}, {"http://notlocalhost/", false},
               {"http://127.0.0.1.org/", false}, {"urn:localhost", false}};
  for (size_t i = 0; i < COUNT(hosts); i++) {
    URL_AUTO url = parse(hosts[i].text);
    if (fl_url_is_loopback(&url) != hosts[i].is_loopback) fail_msg("%s", hosts[i].text);
  }
}

static void parameters_survive_the_way_there_and_back(void **state) {
  FL_BUF_AUTO query = {0};
  FL_BUF_AUTO value = {0};
  assert_int_equal(fl_url_add_param(&query, "a b", FL_SLICE("1&2=3+\xc3\xa9 ~")), 0);
  assert_int_equal(fl_url_add_param(&query, "code", FL_SLICE("")), 0);
  assert_string_equal(query.data, "a%20b=1%262%3D3%2B%C3%A9%20~&code=");
  assert_int_equal(fl_url_get_param(fl_buf_slice(&query), "a b", &value), 1);
  assert_string_equal(value.data, "1&2=3+\xc3\xa9 ~");
  fl_buf_clear(&value);
  assert_int_equal(fl_url_get_param(fl_buf_slice(&query), "code", &value), 1);
  assert_int_equal(value.size, 0);
  assert_int_equal(fl_url_get_param(fl_buf_slice(&query), "state", &value), 0);
  assert_int_equal(fl_url_get_param(FL_SLICE("x&y=a+b&y=c"), "y", &value), 1);
  assert_string_equal(value.data, "a b");
  assert_int_equal(fl_url_get_param(FL_SLICE("y=%4"), "y", &value), FL_E_SYNTAX);
  assert_int_equal(fl_url_decode(&value, FL_SLICE("a+%"), false), FL_E_SYNTAX);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(texts_have_one_normal_form),
      cmocka_unit_test(what_parsers_read_differently_is_refused),
      cmocka_unit_test(flags_allow_and_forbid),
      cmocka_unit_test(limits_hold),
      cmocka_unit_test(references_resolve_as_the_rfc_says),
      cmocka_unit_test(origins_and_ports),
      cmocka_unit_test(loopback_is_told_by_the_text),
      cmocka_unit_test(parameters_survive_the_way_there_and_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

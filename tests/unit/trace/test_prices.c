/* SPDX-License-Identifier: MIT */
/* What calls cost: which line counts, and what is said of a table that is wrong. */
#include "runtime/trace/prices.h"

#include "tests/support/support.h"

static const char table[] = "# ours\n\n"
                            "openai gpt-9* 2 8 0.5\n"
                            "openai gpt-9-mini* 0.4 1.6 0.1\r\n"
                            "other gpt-9-mini-2030 100 100\n"
                            "anthropic claude-x 3 15 0.3 3.75\n"
                            "voyage *embed* 0.1 -\n";

static struct fl_prices *prices_of(const char *text) {
  struct fl_prices *prices = NULL;
  struct fl_error err = {0};
  if (fl_prices_create(fl_slice_of(text), &prices, &err) < 0) fail_msg("%s", err.text);
  return prices;
}

static void the_line_that_fits_best_counts(void **state) {
  struct fl_prices *prices = prices_of(table);
  const struct fl_tokens million = {.input = 1000000};
  assert_int_equal(fl_prices_cost(prices, "openai", "gpt-9", &million), 2000000000);
  assert_int_equal(fl_prices_cost(prices, "openai", "gpt-9-large", &million), 2000000000);
  assert_int_equal(fl_prices_cost(prices, "openai", "gpt-9-mini-2030", &million), 400000000);
  assert_int_equal(fl_prices_cost(prices, "other", "gpt-9-mini-2030", &million), 100000000000);
  assert_int_equal(fl_prices_cost(prices, "anthropic", "gpt-9-mini-2030", &million), 100000000000);
  assert_int_equal(fl_prices_cost(prices, "openai", "my-embedder", &million), 100000000);
  assert_int_equal(fl_prices_cost(prices, "openai", "gpt-8", &million), -1);
  assert_int_equal(fl_prices_cost(prices, "anthropic", "claude-x-2", &million), -1);
  fl_prices_destroy(prices);
}

static void tokens_of_each_kind_have_their_price(void **state) {
  struct fl_prices *prices = prices_of(table);
  const struct fl_tokens tokens = {.input = 1000, .output = 10, .cached = 600, .cache_write = 100};
  /* 300 x 3 + 600 x 0.3 + 100 x 3.75 + 10 x 15 millionths of a dollar */
  assert_int_equal(fl_prices_cost(prices, "anthropic", "claude-x", &tokens), 1605000);
  /* without a price of its own, a cached token is an input token */
  const struct fl_tokens cached = {.input = 10, .cached = 10, .cache_write = 0};
  assert_int_equal(fl_prices_cost(prices, "voyage", "embed", &cached), 1000);
  fl_prices_destroy(prices);
}

static void mistakes_name_their_line(void **state) {
  static const char *const texts[] = {
      "a b 1 2\nopenai gpt",     "a b 1 2\nopenai gpt 1",  "a b 1 2\nopenai gpt one 2", "a b 1 2\nopenai gpt -1 2",
      "a b 1 2\nopenai gpt - 2", "a b 1 2\na b 1 2 3 4 5", "a b 1 2\na b inf 1"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    struct fl_prices *prices = NULL;
    struct fl_error err = {0};
    assert_int_equal(fl_prices_create(fl_slice_of(texts[i]), &prices, &err), FL_E_INVALID);
    assert_memory_equal(err.text, "line 2 of the prices", 20);
  }
}

static void our_own_table_is_right(void **state) {
  struct fl_prices *prices = prices_of(fl_prices_builtin());
  const struct fl_tokens tokens = {.input = 1000000, .output = 1000000};
  assert_true(fl_prices_cost(prices, "openai", "gpt-4.1-mini", &tokens) > 0);
  assert_true(fl_prices_cost(prices, "anthropic", "claude-sonnet-4-5-20250929", &tokens) > 0);
  assert_int_equal(fl_prices_cost(prices, "openai", "no such model", &tokens), -1);
  fl_prices_destroy(prices);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_line_that_fits_best_counts),
      cmocka_unit_test(tokens_of_each_kind_have_their_price),
      cmocka_unit_test(mistakes_name_their_line),
      cmocka_unit_test(our_own_table_is_right),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

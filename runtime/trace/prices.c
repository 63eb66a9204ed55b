/* SPDX-License-Identifier: MIT */
/* Prices of models: see the header. */
#include "runtime/trace/prices.h"

#include "runtime/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 4, OWN_PROVIDER_SCORE = 100000 };

struct line {
  const char *provider, *pattern; /* in the text */
  double prices[COLUMNS];         /* input, output, cached, cache_write; negative: not told */
};

struct fl_prices {
  char *text;
  struct line *lines;
  size_t count;
};

/* ---- reading ---- */

static bool read_price(const char *word, double *ret_price) {
  char *end = NULL;
  if (strcmp(word, "-") == 0) {
    *ret_price = -1;
    return true;
  }
  *ret_price = strtod(word, &end);
  return end != word && *end == '\0' && isfinite(*ret_price) && *ret_price >= 0;
}

/* Cuts the line into its words. False when it is wrong. */
static bool read_line(char *text, struct line *line) {
  char *rest = NULL;
  *line = (struct line){.prices = {-1, -1, -1, -1}};
  line->provider = strtok_r(text, " \t\r", &rest);
  line->pattern = strtok_r(NULL, " \t\r", &rest);
  size_t column = 0;
  for (char *word; (word = strtok_r(NULL, " \t\r", &rest)) != NULL; column++)
    if (column == COLUMNS || !read_price(word, &line->prices[column])) return false;
  return column >= 2 && line->prices[0] >= 0;
}

int fl_prices_create(fl_slice text, struct fl_prices **ret_prices, struct fl_error *err) {
  struct fl_prices *prices = fl_new(struct fl_prices);
  prices->text = fl_strndup(text.data != NULL ? text.data : "", text.size);
  char *next = prices->text;
  for (size_t number = 1, capacity = 0; next != NULL; number++) {
    char *line = strsep(&next, "\n");
    line += strspn(line, " \t\r");
    if (*line == '\0' || *line == '#') continue;
    if (prices->count == capacity) {
      capacity = capacity * 2 + 64;
      prices->lines = fl_realloc(prices->lines, capacity * sizeof *prices->lines);
    }
    if (!read_line(line, &prices->lines[prices->count++])) {
      fl_prices_destroy(prices);
      return fl_error_set(err, FL_E_INVALID,
                          "line %zu of the prices is not PROVIDER PATTERN INPUT OUTPUT [CACHED [CACHE_WRITE]]", number);
    }
  }
  *ret_prices = prices;
  return 0;
}

void fl_prices_destroy(struct fl_prices *prices) {
  if (prices == NULL) return;
  fl_free(prices->lines);
  fl_free(prices->text);
  fl_free(prices);
}

/* ---- finding ---- */

static bool fits(const char *pattern, const char *model) {
  size_t size = strlen(pattern), model_size = strlen(model);
  bool opens = size > 0 && pattern[0] == '*', closes = size > 1 && pattern[size - 1] == '*';
  fl_slice middle = fl_slice_n(pattern + opens, size - opens - closes);
  if (opens && closes) return memmem(model, model_size, middle.data, middle.size) != NULL;
  if (middle.size > model_size || (!opens && !closes && middle.size != model_size)) return false;
  return memcmp(opens ? model + model_size - middle.size : model, middle.data, middle.size) == 0;
}

static const struct line *find(const struct fl_prices *prices, const char *provider, const char *model) {
  const struct line *best = NULL;
  size_t best_score = 0;
  for (size_t i = 0; i < prices->count; i++) {
    const struct line *line = &prices->lines[i];
    if (!fits(line->pattern, model)) continue;
    size_t score = strlen(line->pattern) + (strcmp(line->provider, provider) == 0 ? OWN_PROVIDER_SCORE : 0);
    if (score > best_score) best = line;
    if (score > best_score) best_score = score;
  }
  return best;
}

int64_t fl_prices_cost(const struct fl_prices *prices, const char *provider, const char *model,
                       const struct fl_tokens *tokens) {
  const struct line *line = find(prices, provider, model);
  if (line == NULL) return -1;
  double input = line->prices[0], cached = line->prices[2] >= 0 ? line->prices[2] : input;
  double written = line->prices[3] >= 0 ? line->prices[3] : input, output = line->prices[1] >= 0 ? line->prices[1] : 0;
  double dollars = (double)(tokens->input - tokens->cached - tokens->cache_write) * input +
                   (double)tokens->cached * cached + (double)tokens->cache_write * written +
                   (double)tokens->output * output; /* millionths */
  return llround(dollars * 1000);
}

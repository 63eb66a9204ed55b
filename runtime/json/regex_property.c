/* SPDX-License-Identifier: MIT */
/* The names of Unicode properties that ECMAScript allows in \p{…} (ECMA-262, tables of binary properties and of
 * general categories), and what pcre2 calls them. Pure data and a look-up. */
#include "runtime/json/regex_rewrite.h"

#include <stdio.h>

struct category {
  const char *short_name;
  const char *long_name;
};

static const struct category categories[] = {
    {"C", "Other"},
    {"Cc", "Control"},
    {"Cc", "cntrl"},
    {"Cf", "Format"},
    {"Cn", "Unassigned"},
    {"Co", "Private_Use"},
    {"Cs", "Surrogate"},
    {"L", "Letter"},
    {"L&", "Cased_Letter"},
    {"L&", "LC"},
    {"Ll", "Lowercase_Letter"},
    {"Lm", "Modifier_Letter"},
    {"Lo", "Other_Letter"},
    {"Lt", "Titlecase_Letter"},
    {"Lu", "Uppercase_Letter"},
    {"M", "Mark"},
    {"M", "Combining_Mark"},
    {"Mc", "Spacing_Mark"},
    {"Me", "Enclosing_Mark"},
    {"Mn", "Nonspacing_Mark"},
    {"N", "Number"},
    {"Nd", "Decimal_Number"},
    {"Nd", "digit"},
    {"Nl", "Letter_Number"},
    {"No", "Other_Number"},
    {"P", "Punctuation"},
    {"P", "punct"},
    {"Pc", "Connector_Punctuation"},
    {"Pd", "Dash_Punctuation"},
    {"Pe", "Close_Punctuation"},
    {"Pf", "Final_Punctuation"},
    {"Pi", "Initial_Punctuation"},
    {"Po", "Other_Punctuation"},
    {"Ps", "Open_Punctuation"},
    {"S", "Symbol"},
    {"Sc", "Currency_Symbol"},
    {"Sk", "Modifier_Symbol"},
    {"Sm", "Math_Symbol"},
    {"So", "Other_Symbol"},
    {"Z", "Separator"},
    {"Zl", "Line_Separator"},
    {"Zp", "Paragraph_Separator"},
    {"Zs", "Space_Separator"},
};

static const char *const binaries[] = {
    "ASCII",
    "ASCII_Hex_Digit",
    "AHex",
    "Alphabetic",
    "Alpha",
    "Any",
    "Bidi_Control",
    "Bidi_C",
    "Bidi_Mirrored",
    "Bidi_M",
    "Case_Ignorable",
    "CI",
    "Cased",
    "Changes_When_Casefolded",
    "CWCF",
    "Changes_When_Casemapped",
    "CWCM",
    "Changes_When_Lowercased",
    "CWL",
    "Changes_When_Titlecased",
    "CWT",
    "Changes_When_Uppercased",
    "CWU",
    "Dash",
    "Default_Ignorable_Code_Point",
    "DI",
    "Deprecated",
    "Dep",
    "Diacritic",
    "Dia",
    "Emoji",
    "Emoji_Component",
    "EComp",
    "Emoji_Modifier",
    "EMod",
    "Emoji_Modifier_Base",
    "EBase",
    "Emoji_Presentation",
    "EPres",
    "Extended_Pictographic",
    "ExtPict",
    "Extender",
    "Ext",
    "Grapheme_Base",
    "Gr_Base",
    "Grapheme_Extend",
    "Gr_Ext",
    "Hex_Digit",
    "Hex",
    "IDS_Binary_Operator",
    "IDSB",
    "IDS_Trinary_Operator",
    "IDST",
    "ID_Continue",
    "IDC",
    "ID_Start",
    "IDS",
    "Ideographic",
    "Ideo",
    "Join_Control",
    "Join_C",
    "Logical_Order_Exception",
    "LOE",
    "Lowercase",
    "Lower",
    "Math",
    "Noncharacter_Code_Point",
    "NChar",
    "Pattern_Syntax",
    "Pat_Syn",
    "Pattern_White_Space",
    "Pat_WS",
    "Quotation_Mark",
    "QMark",
    "Radical",
    "Regional_Indicator",
    "RI",
    "Sentence_Terminal",
    "STerm",
    "Soft_Dotted",
    "SD",
    "Terminal_Punctuation",
    "Term",
    "Unified_Ideograph",
    "UIdeo",
    "Uppercase",
    "Upper",
    "Variation_Selector",
    "VS",
    "White_Space",
    "space",
    "XID_Continue",
    "XIDC",
    "XID_Start",
    "XIDS",
};

static bool slice_is(fl_slice slice, const char *text) { return fl_slice_equal(slice, fl_slice_of(text)); }

static const char *find_category(fl_slice name) {
  for (size_t i = 0; i < sizeof categories / sizeof *categories; i++) {
    const struct category *category = &categories[i];
    if (slice_is(name, category->short_name) || slice_is(name, category->long_name)) return category->short_name;
  }
  return NULL;
}

static bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static const char *script(const char *kind, fl_slice value, char scratch[FL_REGEX_PROPERTY_MAX]) {
  if (value.size == 0 || value.size > FL_REGEX_PROPERTY_MAX - 8) return NULL;
  for (size_t i = 0; i < value.size; i++)
    if (!is_name_char(value.data[i])) return NULL;
  snprintf(scratch, FL_REGEX_PROPERTY_MAX, "%s:%.*s", kind, (int)value.size, value.data);
  return scratch;
}

const char *fl_regex_property(fl_slice name, char scratch[FL_REGEX_PROPERTY_MAX]) {
  const char *equals = name.size > 0 ? memchr(name.data, '=', name.size) : NULL;
  if (equals != NULL) {
    fl_slice key = {name.data, (size_t)(equals - name.data)};
    fl_slice value = {equals + 1, name.size - key.size - 1};
    if (slice_is(key, "General_Category") || slice_is(key, "gc")) return find_category(value);
    if (slice_is(key, "Script") || slice_is(key, "sc")) return script("sc", value, scratch);
    if (slice_is(key, "Script_Extensions") || slice_is(key, "scx")) return script("scx", value, scratch);
    return NULL;
  }
  for (size_t i = 0; i < sizeof binaries / sizeof *binaries; i++)
    if (slice_is(name, binaries[i])) return binaries[i];
  return find_category(name);
}

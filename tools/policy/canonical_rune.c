/* SPDX-License-Identifier: MIT */
/* Characters that make two texts look alike, or one text look like another. Pure. (Unicode 15: the properties
 * Default_Ignorable_Code_Point and Bidi_Control, the blocks of combining marks, and the compatibility letters that
 * NFKC would fold into ASCII.) */
#include "tools/policy/canonical.h"

#include <stdint.h>

struct range {
  uint32_t first, last;
};

static const struct range invisible[] = {
    {0x00AD, 0x00AD}, {0x034F, 0x034F}, {0x061C, 0x061C},   {0x115F, 0x1160},   {0x17B4, 0x17B5},  {0x180B, 0x180F},
    {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},   {0x3164, 0x3164},   {0xFE00, 0xFE0F},  {0xFEFF, 0xFEFF},
    {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF}};
static const struct range combining[] = {{0x0300, 0x036F}, {0x0483, 0x0489}, {0x1AB0, 0x1AFF},
                                         {0x1DC0, 0x1DFF}, {0x20D0, 0x20FF}, {0xFE20, 0xFE2F}};
static const struct range look_alike[] = {
    {0x00A0, 0x00A0}, {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2024, 0x2026},   {0x202F, 0x202F},  {0x205F, 0x205F},
    {0x2100, 0x214F}, {0x2160, 0x217F}, {0x2215, 0x2216}, {0x2460, 0x24FF},   {0x29F5, 0x29F9},  {0x3000, 0x3002},
    {0xFB00, 0xFB06}, {0xFE50, 0xFE6B}, {0xFF01, 0xFF64}, {0x1D400, 0x1D7FF}, {0x1F100, 0x1F1FF}};

static bool is_in(uint32_t rune, const struct range *ranges, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (rune >= ranges[i].first && rune <= ranges[i].last) return true;
  return false;
}
#define IS_IN(rune, ranges) is_in(rune, ranges, sizeof ranges / sizeof ranges[0])

const char *fl_canonical_objection(uint32_t rune, bool may_break_lines) {
  bool is_break = rune == '\n' || rune == '\t' || rune == '\r';
  if (rune >= 0x20 && rune < 0x7F) return NULL;
  if (rune < 0xA0) return is_break && may_break_lines ? NULL : "a control character";
  if (IS_IN(rune, invisible)) return "an invisible or direction-changing character";
  if (IS_IN(rune, combining)) return "a combining mark (write the letter as one character)";
  return IS_IN(rune, look_alike) ? "a character that passes for another" : NULL;
}

/// Sets of characters, put together.
#pragma once

#include <vector>

#include "sampling/grammar/grammar.h"

namespace banyan {

/// Puts ranges in order, joins those that touch, and takes surrogates out.
CharSet char_set(std::vector<CharSet::Range> ranges);

const CharSet& all_characters();
CharSet united(const CharSet& a, const CharSet& b);
CharSet intersected(const CharSet& a, const CharSet& b);
/// All characters but these.
CharSet inverted(const CharSet& set);

}  // namespace banyan

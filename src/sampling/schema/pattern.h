/// The regular expressions of JSON Schema (ECMA 262's), as far as a grammar can keep to them.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "banyan/base.h"
#include "sampling/grammar/grammar.h"

namespace banyan {

struct Pattern {
  enum class Kind : std::uint8_t {
    set,       ///< one character of `set`
    sequence,  ///< the parts, one after the other
    choice,    ///< one of the parts
    repeat,    ///< the only part, from `least` to `most` times
    begin,     ///< nothing, at the beginning of the text
    end,       ///< nothing, at its end
  };
  static constexpr std::uint32_t kNoMost = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::size_t kMaxBytes = 8192;
  static constexpr int kMaxDepth = 50;  ///< of groups
  static constexpr std::uint32_t kMaxTimes = 4096;

  Kind kind = Kind::sequence;
  std::vector<Pattern> parts = {};
  CharSet set = {};
  std::uint32_t least = 0, most = 0;
};

/// Reads literals, classes, escapes, groups, alternation, quantifiers and ^ and $. Errors: invalid_argument;
/// unsupported, for what no grammar can keep (such as looking ahead).
Result<Pattern> parse_pattern(std::string_view text);

}  // namespace banyan

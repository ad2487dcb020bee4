/// Well-formed UTF-8, as Unicode's table 3-7 has it, and the repair of what is not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace banyan {

/// U+FFFD, which stands for bytes that are not UTF-8.
inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

struct Utf8Step {
  enum class Kind : std::uint8_t {
    whole,    ///< a character
    cut,      ///< the text ends inside what could be a character
    invalid,  ///< no character begins so; one replacement stands for these bytes
  };
  Kind kind = Kind::whole;
  std::size_t bytes = 0;
};

/// What `text` begins with. REQUIRES: text is not empty.
Utf8Step next_utf8(std::string_view text);

bool is_utf8(std::string_view text);

/// `text` with each ill-formed run (its longest that could begin a character) replaced.
std::string repair_utf8(std::string_view text);

}  // namespace banyan

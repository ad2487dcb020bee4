/// Well-formed UTF-8, as Unicode's table 3-7 has it, and the repair of what is not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace banyan {

inline constexpr char32_t kLastCodePoint = 0x10FFFF;
/// Code points that are no characters.
inline constexpr char32_t kFirstSurrogate = 0xD800, kLastSurrogate = 0xDFFF;

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

/// The code point of one whole character. REQUIRES: next_utf8() says that it is one.
char32_t code_point(std::string_view character);

/// Adds a code point to a text. REQUIRES: it is a character's.
void append_utf8(std::string& text, char32_t code_point);

/// The first and the last code point that can become of the bytes of a character that is cut.
std::pair<char32_t, char32_t> cut_code_points(std::string_view cut);

/// What `text` begins with. REQUIRES: text is not empty.
Utf8Step next_utf8(std::string_view text);

bool is_utf8(std::string_view text);

/// `text` with each ill-formed run (its longest that could begin a character) replaced.
std::string repair_utf8(std::string_view text);

}  // namespace banyan

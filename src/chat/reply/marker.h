/// Markers in a text that comes byte by byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/trimmed.h"

namespace banyan {

constexpr bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

/// What a byte was to a reader.
enum class Step : std::uint8_t {
  more,    ///< it fits, and more is to come
  done,    ///< the last one
  failed,  ///< it does not fit
};

/// Compares what comes with a marker. Within it, blanks stand for any blanks or none; at its end, for one or
/// more. In front of it there may be any.
class MarkerMatch {
 public:
  /// `marker` has more than blanks, and its text outlives this.
  explicit MarkerMatch(std::string_view marker) : marker_(marker) {}
  Step take(char c);

 private:
  std::string_view marker_;
  std::size_t taken_ = 0;
};

/// Finds the end of a text that goes up to a marker, in linear time.
class TextUntil {
 public:
  /// REQUIRES: the marker is not empty.
  explicit TextUntil(std::string marker);
  /// Adds to `text` what is now known to lie before the marker. `done` with the marker's last byte.
  Step take(char c, std::string& text);
  /// What may have been the marker's beginning, when nothing comes any more.
  std::string_view held() const { return std::string_view(marker_).substr(0, taken_); }

 private:
  std::string marker_;
  std::vector<std::size_t>
      borders_;  // Knuth, Morris, Pratt: of each beginning, its longest end that begins it
  std::size_t taken_ = 0;
};

}  // namespace banyan

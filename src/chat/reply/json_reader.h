/// JSON that comes byte by byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace banyan {

/// Follows one JSON value to its end: its brackets, its strings, and which bytes can be outside of them.
class JsonSpan {
 public:
  enum class Step : std::uint8_t {
    more,
    done,    ///< the value's last byte
    past,    ///< the value, a number or word, has ended before this byte
    failed,  ///< no JSON
  };
  Step take(char c);

 private:
  std::size_t depth_ = 0;
  bool begun_ = false, in_string_ = false, escaped_ = false;
};

/// A byte within a JSON string, as JSON writes it.
void append_json_escaped(std::string& json, char c);

}  // namespace banyan

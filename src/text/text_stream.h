/// From the bytes of tokens to the text of a reply: whole UTF-8 characters, cut before the first
/// stop string.
///
/// The text does not depend on how its bytes were cut into tokens. A reply ends with the first byte
/// that completes a stop string; of several that end there the longest counts. Bytes are held back
/// while a stop string or a character may begin with them. What is not UTF-8 becomes U+FFFD.
///
/// One thread at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace banyan {

class TextStream {
 public:
  /// REQUIRES: no stop string is empty.
  explicit TextStream(std::vector<std::string> stop = {});

  /// Takes the next bytes; returns the text that they make certain. Nothing after a stop string.
  std::string push(std::string_view bytes);
  /// The text that is still held back. Nothing after a stop string, which it is then part of.
  std::string finish();

  /// The stop string that ended the text; empty while none has.
  const std::string& stop_word() const { return stop_word_; }
  /// Bytes of the input whose text was returned, or that belong to the text once it has ended.
  std::size_t released() const { return released_; }

 private:
  struct Stop {
    std::string word;
    std::vector<std::size_t> border;  // of each prefix: the longest shorter one that also ends it
    std::size_t matched = 0;          // the longest prefix that the bytes so far end with
  };
  std::string release(std::size_t count, bool all);

  std::vector<Stop> stops_;
  std::string pending_;  // bytes taken and not returned
  std::string stop_word_;
  std::size_t released_ = 0;
};

}  // namespace banyan

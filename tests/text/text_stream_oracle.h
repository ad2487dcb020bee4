// What TextStream must do, said the slow way: for its tests and its fuzz target.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/text_stream.h"
#include "text/utf8.h"

namespace banyan {

// Where the bytes first complete a stop string, and the longest one that they complete there.
struct StopAt {
  std::size_t end = 0;
  std::string word;
};

inline std::optional<StopAt> first_stop(std::string_view bytes, const std::vector<std::string>& stops) {
  for (std::size_t end = 1; end <= bytes.size(); ++end) {
    std::string longest;
    for (const std::string& stop : stops) {
      if (bytes.substr(0, end).ends_with(stop) && stop.size() > longest.size()) longest = stop;
    }
    if (!longest.empty()) return StopAt{end, longest};
  }
  return std::nullopt;
}

// Bytes at the end of `bytes` that cannot be shown yet.
inline std::size_t must_hold(std::string_view bytes, const std::vector<std::string>& stops) {
  std::size_t held = 0;
  for (const std::string& stop : stops) {
    for (std::size_t n = 1; n < stop.size(); ++n) {
      if (bytes.ends_with(std::string_view(stop).substr(0, n))) held = std::max(held, n);
    }
  }
  const std::string_view shown = bytes.substr(0, bytes.size() - held);
  for (std::string_view rest = shown; !rest.empty();) {
    const Utf8Step step = next_utf8(rest);
    if (step.kind == Utf8Step::Kind::cut) return held + rest.size();
    rest.remove_prefix(step.bytes);
  }
  return held;
}

// Runs `chunks` through a stream; says what is wrong with the result, or nothing.
inline std::string text_stream_fault(const std::vector<std::string>& chunks,
                                     const std::vector<std::string>& stops) {
  TextStream stream(stops);
  std::string bytes, text;
  for (const std::string& chunk : chunks) {
    bytes += chunk;
    const std::string piece = stream.push(chunk);
    if (!is_utf8(piece)) return "a piece is not whole characters";
    text += piece;
    if (stream.stop_word().empty() && stream.released() != bytes.size() - must_hold(bytes, stops)) {
      return "holds back more or less than it must";
    }
  }
  text += stream.finish();
  const std::optional<StopAt> stop = first_stop(bytes, stops);
  if (stream.stop_word() != (stop ? stop->word : "")) return "stopped by the wrong string";
  const std::size_t end = stop ? stop->end - stop->word.size() : bytes.size();
  if (text != repair_utf8(std::string_view(bytes).substr(0, end))) return "the text is not that of the bytes";
  if (stream.released() != end) return "counts its bytes wrong";
  return {};
}

}  // namespace banyan

#include "text/text_stream.h"

#include <algorithm>
#include <utility>

#include "banyan/base.h"
#include "text/utf8.h"

namespace banyan {
namespace {

// Lengthens the match of `word` by one byte, falling back as Knuth, Morris and Pratt do.
std::size_t step(const std::string& word, const std::vector<std::size_t>& border, std::size_t matched,
                 char byte) {
  while (matched > 0 && (matched == word.size() || word[matched] != byte)) matched = border[matched - 1];
  return word[matched] == byte ? matched + 1 : 0;
}

}  // namespace

TextStream::TextStream(std::vector<std::string> stop) {
  for (std::string& word : stop) {
    require(!word.empty(), "TextStream: a stop string is empty");
    std::vector<std::size_t> border(word.size(), 0);
    for (std::size_t i = 1; i < word.size(); ++i) border[i] = step(word, border, border[i - 1], word[i]);
    stops_.push_back({.word = std::move(word), .border = std::move(border)});
  }
}

std::string TextStream::push(std::string_view bytes) {
  if (!stop_word_.empty()) return {};
  std::size_t held = 0;
  for (const char byte : bytes) {
    pending_ += byte;
    held = 0;
    for (Stop& stop : stops_) {
      stop.matched = step(stop.word, stop.border, stop.matched, byte);
      held = std::max(held, stop.matched);
      if (stop.matched == stop.word.size() && stop.word.size() > stop_word_.size()) stop_word_ = stop.word;
    }
    if (!stop_word_.empty()) {
      pending_.resize(pending_.size() - stop_word_.size());
      std::string text = release(pending_.size(), true);
      pending_.clear();
      return text;
    }
  }
  if (bytes.empty()) return {};
  return release(pending_.size() - held, false);
}

std::string TextStream::finish() { return release(pending_.size(), true); }

// The text of the first `count` pending bytes. A character cut by their end waits for the rest
// unless `all` is wanted.
std::string TextStream::release(std::size_t count, bool all) {
  const std::string_view bytes = std::string_view(pending_).substr(0, count);
  std::string text;
  std::size_t done = 0;
  while (done < bytes.size()) {
    const Utf8Step next = next_utf8(bytes.substr(done));
    if (next.kind == Utf8Step::Kind::cut && !all) break;
    text += next.kind == Utf8Step::Kind::whole ? bytes.substr(done, next.bytes) : kReplacement;
    done += next.bytes;
  }
  pending_.erase(0, done);
  released_ += done;
  return text;
}

}  // namespace banyan

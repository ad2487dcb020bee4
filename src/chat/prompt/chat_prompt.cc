#include "banyan/chat_prompt.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "banyan/chat_request.h"
#include "base/trimmed.h"

namespace banyan {
namespace {

/// The markup before the system's content, and between it and the next message's, is shorter than this, in
/// bytes, unless the template writes more there, such as the tools.
constexpr std::size_t kLongMarkup = 120;

/// Bytes that are searched for contents which the template did not take over: a fraction of a second.
constexpr std::size_t kMostSearched = std::size_t{1} << 30;

/// A place in the text at which conversations fork.
struct Fork {
  std::size_t byte = 0;
  bool marked = false;
};

// Clients choose both texts; std::string_view::find would take their product in time.
std::size_t find(std::string_view text, std::string_view wanted, std::size_t at) {
  const void* found = memmem(text.data() + at, text.size() - at, wanted.data(), wanted.size());
  return found ? static_cast<std::size_t>(static_cast<const char*>(found) - text.data())
               : std::string_view::npos;
}

// In order. Contents stand in the text in the order of the messages, so each is looked for behind the
// one before: what is found by chance lies before the content itself, and the next is found all the same.
std::vector<Fork> find_forks(std::string_view text, const std::vector<Message>& messages) {
  std::vector<Fork> forks;
  std::size_t at = 0;
  std::size_t system_end = 0;
  std::size_t searched = 0;  // bytes, in vain
  bool is_first = true;      // of those that are not the system's
  for (const Message& message : messages) {
    bool begins = true;
    for (const TextPart& part : message.content) {
      const std::string_view content = trimmed(part.text);
      if (content.empty()) continue;
      if (searched > kMostSearched) return forks;
      const std::size_t found = find(text, content, at);
      if (found == std::string_view::npos) {
        searched += text.size() - at;
        continue;
      }
      at = found + content.size();
      if (message.role == Role::system && is_first) {
        if (system_end == 0 && found > kLongMarkup) forks.push_back({found});
        system_end = at;
      } else if (std::exchange(begins, false)) {
        if (is_first && system_end > 0 && found - system_end > kLongMarkup) forks.push_back({system_end});
        forks.push_back({found});
        is_first = false;
      }
      if (part.is_restore_point) forks.push_back({.byte = at, .marked = true});
    }
  }
  return forks;
}

// Where the last token ends that ends at or before a fork. Stops where the tokens are not those of the text.
std::vector<RestorePoint> find_points(const Vocabulary& vocabulary, TokenSpan tokens, std::string_view text,
                                      const std::vector<Fork>& forks) {
  std::vector<RestorePoint> points;
  std::size_t byte = 0;
  std::size_t count = 0;
  for (const Fork& fork : forks) {
    for (; count < tokens.size(); ++count) {
      const std::string piece = vocabulary.piece(tokens[count], true);
      // The vocabulary itself begins a prompt with tokens that the text lacks, or with a blank.
      std::string_view spelled = piece;
      if (byte == 0 && !text.starts_with(spelled)) {
        if (spelled == vocabulary.bos_text()) continue;
        if (spelled.starts_with(' ')) spelled.remove_prefix(1);
      }
      if (!text.substr(byte).starts_with(spelled)) return points;
      if (byte + spelled.size() > fork.byte) break;
      byte += spelled.size();
    }
    if (count > 0) points.push_back({.offset = count, .user = fork.marked});
  }
  return points;
}

}  // namespace

ChatPrompt chat_prompt(const Vocabulary& vocabulary, std::string_view text, const ChatRequest& request) {
  ChatPrompt prompt{.tokens = vocabulary.tokenize_chat(text), .points = {}};
  prompt.points = find_points(vocabulary, prompt.tokens, text, find_forks(text, request.messages));
  return prompt;
}

}  // namespace banyan

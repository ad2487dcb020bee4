/// Texts that are compared in order to learn a form.
#pragma once

#include <string>
#include <string_view>

#include "banyan/chat_request.h"
#include "chat/reply/reply_form.h"

namespace banyan {

/// What the template writes for examples, behind the user's message. Names and values are such that they are
/// found by themselves.
class Examples {
 public:
  static constexpr std::string_view kReply = "Quiet harbours.", kThought = "Ponder lanterns.";
  static constexpr std::string_view kNames[] = {"zebra_lookup", "quill_counter"};
  /// In the order of their names, which some templates sort by.
  static constexpr std::string_view kKeys[] = {"amber_key", "birch_key"};
  static constexpr std::string_view kText = "violet moss";
  static constexpr std::string_view kNumber = "271828";

  explicit Examples(const RenderExample& render) : render_(render) {}

  /// "" where the template fails, or does not write the user's message.
  std::string opening() const;  ///< of the assistant's reply
  std::string reply(bool with_thought) const;
  /// `numbered_ids`: as "functions.NAME:0".
  std::string calls(int count, bool with_thought, bool numbered_ids) const;

  static std::vector<Tool> tools();
  static std::string id(int call, bool numbered);
  static std::string arguments();

 private:
  std::string behind_user(ChatRequest request) const;

  const RenderExample& render_;
};

/// How many bytes two texts have in common at their end.
std::size_t common_end(std::string_view a, std::string_view b);
/// Without a marker at its end that is not whole, such as "<|START_".
std::string_view without_cut_marker(std::string_view text);

}  // namespace banyan

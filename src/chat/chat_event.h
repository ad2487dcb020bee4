/// What happens in a reply, in order: text, reasoning and calls, piece by piece.
#pragma once

#include <cstdint>
#include <string>

namespace banyan {

struct ChatEvent {
  enum class Kind : std::uint8_t {
    text,       ///< more of what is said
    reasoning,  ///< more of the thought
    call,       ///< a call begins: id and name
    arguments,  ///< more of the JSON text of the arguments of the last call
    call_end,   ///< the last call is whole, and its arguments are JSON
  };
  Kind kind = Kind::text;
  std::string text = {};  ///< for text, reasoning and arguments; never empty there
  std::string id = {};    ///< for call
  std::string name = {};  ///< for call

  bool operator==(const ChatEvent&) const = default;
};

}  // namespace banyan

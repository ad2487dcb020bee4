/// The beginning of a call, up to where its arguments begin.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "banyan/chat_request.h"
#include "chat/reply/json_reader.h"
#include "chat/reply/marker.h"
#include "chat/reply/reply_form.h"

namespace banyan {

/// Reads what is in front of a call, the call's name and its id. A name that is no tool's is no call.
class CallHead {
 public:
  static constexpr std::size_t kMaxBytes = 64 * 1024;  ///< a longer one is no call

  /// `before`: markers that come first, with more than blanks each. Form, tools and markers outlive it.
  CallHead(const CallForm& form, const std::vector<Tool>& tools, std::vector<std::string_view> before);

  /// `done` with the byte that opens the arguments, or with which the call has them all.
  Step take(char c);

  // Once it is done.
  const Tool& tool() const { return *tool_; }
  const std::string& id() const { return id_; }  ///< "": the text has none
  char open() const { return open_; }            ///< the byte that opens the arguments, '\0' for none
  /// A byte that was taken and belongs to the arguments.
  const std::optional<char>& rest() const { return rest_; }
  /// The arguments, where they stood in front of the name or are missing altogether.
  const std::optional<std::string>& arguments() const { return arguments_; }

 private:
  enum class State : std::uint8_t {
    markers,  // before the name, an id in front of it or the object
    id_in_front,
    after_id,
    name,  // from here to `opening`: of a name that stands between markers
    after_name,
    word,
    after_word,
    opening,
    object,  // from here on: of a name that is a member of an object
    key,
    colon,
    value,
    comma,
  };
  Step take_byte(char c);
  Step take_name(char c);
  Step take_id_in_front(char c);
  Step take_word(char c);
  Step take_key(char c);
  Step take_value(char c);
  Step end_member(char c);
  Step end_members();
  Step after_markers();
  Step take_opening();
  bool set_tool(std::string_view name);

  const CallForm* form_;
  const std::vector<Tool>* tools_;
  std::vector<std::string_view> markers_;  // before the name, the last one first
  State state_ = State::markers;
  std::optional<MarkerMatch> match_;
  std::size_t bytes_ = 0;
  std::string text_;  // of the name, the word, or the member's key or value
  const Tool* tool_ = nullptr;
  std::string id_;
  char open_ = '\0';
  std::optional<char> rest_;
  std::optional<std::string> arguments_;
  // Of members.
  JsonSpan span_;
  std::string key_;
};

}  // namespace banyan

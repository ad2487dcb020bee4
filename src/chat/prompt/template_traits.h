/// What a chat template can take, found by rendering examples.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "banyan/chat_request.h"

namespace banyan {

/// How the contents of a role are given.
enum class ContentForm : std::uint8_t {
  text,      ///< as one text, to which several parts are joined
  any,       ///< as one text, and several as an array of text parts
  parts,     ///< as an array of text parts
  one_part,  ///< as an array of one text part, to which several are joined
};

/// Where a template reads an assistant's thought.
enum class ThoughtPlace : std::uint8_t {
  nowhere,
  reasoning_content,
  reasoning,
  thinking,
  part,        ///< a part of the content, {type: "thinking", thinking: TEXT}
  part_parts,  ///< the same with an array of text parts
};

/// Where a template reads what an assistant says before its calls.
enum class TextBesideCalls : std::uint8_t {
  content,  ///< of the message that has the calls
  thought,  ///< of that message; nowhere else
  before,   ///< a message of its own
};

/// What ids calls are numbered with.
enum class CallIds : std::uint8_t {
  digits,    ///< nine digits, which every template takes that checks
  function,  ///< "functions.NAME:NUMBER"; some templates take a call's name from there
};

struct TemplateTraits {
  std::array<ContentForm, 4> content = {};  ///< by role

  bool system_role = true;        ///< else the system's text goes to the user's message
  bool several_systems = true;    ///< at the beginning; else they are one
  bool systems_anywhere = true;   ///< else those behind other messages are the user's
  bool users_in_row = true;       ///< else they are one
  bool assistants_in_row = true;  ///< else they are one
  bool user_after_result = true;  ///< else what the user says behind a result is part of it

  bool null_tools = true;          ///< else, without tools, there is no variable `tools`
  bool functions_text = false;     ///< the tools are in the variable `functions`, as JSON text
  bool tools = true;               ///< else the tools are described in the system's text
  bool tools_need_system = false;  ///< they are told of only where there is a system message
  bool tools_need_text = false;    ///< a tool without a description has an empty one

  bool calls = true;               ///< else they are written into the content
  bool object_arguments = true;    ///< else a call's arguments are text
  bool broken_arguments = true;    ///< takes text that is no JSON instead of an object
  bool null_beside_calls = false;  ///< where there is nothing but calls, the content is null
  bool several_calls = true;       ///< in a message; else each call has one, with its result behind it
  CallIds call_ids = CallIds::digits;
  std::string call_example =
      {};  ///< how a call of an example is written, where calls are known and tools are not

  bool results = true;  ///< else a call's result is the user's message

  ThoughtPlace thought = ThoughtPlace::nowhere;
  bool thought_beside_text = true;  ///< of a message with calls; else that text is part of the thought
  TextBesideCalls text_beside_calls = TextBesideCalls::content;
  bool empty_replies = true;  ///< else a reply that says nothing is left out

  std::vector<std::string> refused_efforts = {};

  ContentForm& content_of(Role role) { return content[static_cast<std::size_t>(role)]; }
  ContentForm content_of(Role role) const { return content[static_cast<std::size_t>(role)]; }
};

/// The prompt for a request that is fitted to these traits, "" if the template fails.
using TryRender = std::function<std::string(const TemplateTraits&, const ChatRequest&)>;

TemplateTraits find_traits(const TryRender& render);

}  // namespace banyan

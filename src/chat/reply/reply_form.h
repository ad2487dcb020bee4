/// How a model writes thoughts and calls, learned from its chat template.
///
/// Immutable once learned: any thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "banyan/base.h"
#include "banyan/chat_request.h"

namespace banyan {

/// What is around a thought, without blanks.
struct ReasoningForm {
  std::string begin = {}, end = {};  ///< both empty: the model writes no thoughts that are known
  bool end_opens_reply = false;      ///< the end is followed by, and has, what opens a reply

  bool operator==(const ReasoningForm&) const = default;
};

/// How calls are written: section_begin CALL separator CALL ... section_end. Markers have the blanks that the
/// template writes; a reply may have others there.
struct CallForm {
  enum class Arguments : std::uint8_t {
    members,   ///< CALL is begin JSON end, and name and arguments are members of the JSON object
    json,      ///< CALL is begin NAME name_end JSON end
    tagged,    ///< CALL is begin NAME name_end, the arguments between tags, end
    literals,  ///< CALL is begin NAME (key='text', n=3) end, or with braces, and other quotes
  };
  Arguments arguments = Arguments::members;
  std::string section_begin = {}, section_end = {}, separator = {};
  bool is_single = false;  ///< there is one call in a reply only
  std::string begin = {}, name_end = {}, end = {};
  /// Where it is not empty, the call's id is in front of the name: begin ID name_begin NAME.
  std::string name_begin = {};

  /// A word between the name and its end: NAME name_end WORD word_end.
  enum class Word : std::uint8_t {
    none,
    id,      ///< the call's id
    number,  ///< of the call in the reply or in the conversation, as decimal digits
  };
  Word word = Word::none;
  std::string word_end = {};
  /// Of a number: the id is these, the name, ":" and the number; "": the number is no id.
  std::string id_begin = {};

  /// Of members.
  std::string name_key = "name", arguments_key = "arguments", id_key = {};

  /// An argument between tags: key_begin KEY key_end TYPE type_end VALUE value_end. Strings stand there as
  /// they are, all else as JSON.
  std::string key_begin = {}, key_end = {}, value_end = {};
  std::string type_end = {};       ///< "": there is no type, nor type_end
  std::string text_type = {};      ///< of strings; other types are other words
  std::string key_separator = {};  ///< between arguments
  bool values_on_lines = false;    ///< a line break before and after each value is none of it
  bool has_cdata = false;          ///< a value may be a text in <![CDATA[...]]>
  bool keys_end_values = false;    ///< behind value_end come KEY key_end again, and values are such tags, too

  /// Of literals. Python's quotes are always read.
  std::string quote = {};
  char open = '(', close = ')', assign = '=';

  bool operator==(const CallForm&) const = default;
};

/// Markers around what is said, which are no part of it; "" for those that there are not.
struct SilentMarkers {
  std::string text_begin = {}, text_end = {}, reply_end = {};

  std::array<std::string_view, 3> all() const { return {text_begin, text_end, reply_end}; }
  bool operator==(const SilentMarkers&) const = default;
};

struct ReplyForm {
  ReasoningForm reasoning = {};
  CallForm call = {};
  SilentMarkers silent = {};
  /// Everything is in messages with a channel, and perhaps a recipient, in front of them, as gpt-oss writes.
  bool has_channels = false;
  bool is_plain = false;  ///< the template writes no calls in a form that is known; the form is ours

  bool operator==(const ReplyForm&) const = default;
};

/// The prompt for a request, "" where the template fails.
using RenderExample = std::function<std::string(const ChatRequest&)>;

/// Renders examples (a call, two calls, replies with and without thoughts) and compares them. What is learned
/// of calls is kept only where the examples are read back right.
ReplyForm learn_reply_form(const RenderExample& render, std::string_view template_source);

/// <tool_call> around a JSON object with name and arguments.
CallForm plain_call_form();

/// Whether the prompt that was rendered of a request ends inside a thought.
bool opens_thought(const ReplyForm& form, const ChatRequest& request, std::string_view prompt);

/// What a reply must look like.
struct ReplyGrammar {
  std::string grammar = {};  ///< GBNF; "" for none. Control tokens stand for their text in it
  /// The grammar takes hold with the first of these in the reply's text, which is its beginning; none: at
  /// once.
  std::vector<std::string> triggers = {};
  bool is_optional = false;  ///< where it cannot be followed, the reply goes on without it
};

/// The grammar of a reply in which the tools and the schema of the request are kept. `prompt`: the rendered
/// prompt. Errors: invalid_argument, naming the schema's keyword by its path.
Result<ReplyGrammar> reply_grammar(const ReplyForm& form, const ChatRequest& request,
                                   std::string_view prompt);

}  // namespace banyan

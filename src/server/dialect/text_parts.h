/// Contents of messages as dialects give them: a text, or an array of parts that hold one each.
///
/// `path` names the value in errors: "messages[1].content".
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "banyan/base.h"
#include "banyan/chat_request.h"
#include "server/json_fields.h"

namespace banyan {

/// The types of the parts that hold text.
using TextTypes = std::initializer_list<std::string_view>;

/// Whether the client means to resume at the end of a part, message or block: it has an object
/// `cache_control` (Anthropic's) or `prompt_cache_breakpoint` (OpenAI's).
bool is_restore_point(const Json& part);

/// "messages[1].content[0].type": "image" is not what this server takes. `known`: what it does take.
std::unexpected<Error> refuse_type(const std::string& path, const std::string& type, std::string_view known);

/// The `text` of a part, which is of one of the types. Errors: unsupported for another type,
/// invalid_argument.
Result<TextPart> read_text_part(const Json& part, const std::string& path, TextTypes types);

/// A text, an array of text parts, or null for none.
Result<std::vector<TextPart>> read_text_parts(const Json& content, const std::string& path, TextTypes types);

/// The same of what a tool gave. Parts that are no text, such as a picture, become a few words: an agent
/// sends them again with every request, and would be refused for ever.
Result<std::vector<TextPart>> read_result_parts(const Json& content, const std::string& path,
                                                TextTypes types);

/// The words in the place of a part that is no text.
std::string unread_part(const std::string& type);

}  // namespace banyan

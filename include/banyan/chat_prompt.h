/// A conversation's text as a prompt: its tokens, and where it is likely to fork.
///
/// Safe from any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

#include "banyan/base.h"
#include "banyan/cache.h"
#include "banyan/vocabulary.h"

namespace banyan {

struct ChatPrompt {
  std::vector<Token> tokens;
  /// Where the messages' contents begin, the system's own left out, for Request::restore_points. Where a
  /// template tells of tools behind the system's content, there is one at the content's end too. And the
  /// user's, at the end of text parts and messages that have an object `prompt_cache_breakpoint` (OpenAI's
  /// API) or `cache_control` (Anthropic's).
  std::vector<RestorePoint> points;
};

/// `text` is what ChatTemplate::apply made of `messages`. A content that the template did not take
/// over as it is gives no point, nor does any where the tokens do not spell the text.
ChatPrompt chat_prompt(const Vocabulary& vocabulary, std::string_view text,
                       const nlohmann::ordered_json& messages);

}  // namespace banyan

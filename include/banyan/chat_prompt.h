/// A conversation's text as a prompt: its tokens, and where it is likely to fork.
///
/// Safe from any thread.
#pragma once

#include <string_view>
#include <vector>

#include "banyan/base.h"
#include "banyan/cache.h"
#include "banyan/vocabulary.h"

namespace banyan {

struct ChatRequest;

struct ChatPrompt {
  std::vector<Token> tokens;
  /// Where the messages' contents begin, for Request::restore_points. The system's own begins at one only
  /// where tools are told of before it; where they are told of behind it, there is one at its end too. And
  /// the user's, at the end of the text parts that are marked so.
  std::vector<RestorePoint> points;
};

/// `text` is what ChatTemplate::apply made of `request`. A content that the template did not take
/// over as it is gives no point, nor does any where the tokens do not spell the text.
ChatPrompt chat_prompt(const Vocabulary& vocabulary, std::string_view text, const ChatRequest& request);

}  // namespace banyan

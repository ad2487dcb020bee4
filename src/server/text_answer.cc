#include "server/text_answer.h"

namespace banyan {

TextAnswer::TextAnswer(std::size_t prompts, int choices, bool streams)
    : Answer(prompts, choices, streams), said_(this->choices().size()) {}

std::vector<WireEvent> TextAnswer::take(std::size_t index, const Delta& delta) {
  if (streams()) return events(index, delta);
  Said& said = said_[index];
  said.text += delta.text;
  said.tokens.insert(said.tokens.end(), delta.tokens.begin(), delta.tokens.end());
  return {};
}

}  // namespace banyan

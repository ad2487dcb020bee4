#include "server/answer.h"

#include <algorithm>
#include <utility>

namespace banyan {

Answer::Answer(std::size_t prompts, int choices, bool streams)
    : per_prompt_(static_cast<std::size_t>(choices)), streams_(streams), choices_(prompts * per_prompt_) {}

std::vector<WireEvent> Answer::add(std::size_t prompt, const Delta& delta) {
  const std::size_t index = prompt * per_prompt_ + static_cast<std::size_t>(delta.choice);
  choices_.at(index) = {delta.finish, delta.stop_word, delta.timings};
  return take(index, delta);
}

bool Answer::is_complete() const {
  return std::ranges::none_of(choices_, [](const Choice& choice) { return choice.finish == Finish::none; });
}

std::vector<WireEvent> Answer::breaking_off(const HttpError& error) {
  return {{.name = "", .data = error_json(error)}};
}

bool is_progress(const Delta& delta) {
  return delta.text.empty() && delta.tokens.empty() && delta.finish == Finish::none;
}

}  // namespace banyan

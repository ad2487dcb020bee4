/// An answer whose replies are the engine's text as it is.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "server/answer.h"

namespace banyan {

class TextAnswer : public Answer {
 public:
  TextAnswer(std::size_t prompts, int choices, bool streams);

 protected:
  /// All of a reply, while not streaming.
  struct Said {
    std::string text;
    std::vector<GeneratedToken> tokens;
  };
  const Said& said(std::size_t index) const { return said_[index]; }

  /// What a stream sends for a delta of choice `index`.
  virtual std::vector<WireEvent> events(std::size_t index, const Delta& delta) = 0;

 private:
  std::vector<WireEvent> take(std::size_t index, const Delta& delta) final;

  std::vector<Said> said_;
};

}  // namespace banyan

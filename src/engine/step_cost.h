/// What a step costs, learnt from the last ones, so that prompts are read in chunks that delay the
/// replies beside them no more than was asked for, and other requests by about a second at most.
///
/// A step is taken to cost a base, which its replies need, and the same again for each row of a prompt.
/// Both change with the sequences' depths and with what else the machine does; so each is the median of
/// the last few seen: one odd step changes nothing, and two in a row count. One thread at a time.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

namespace banyan {

class StepCost {
 public:
  using Seconds = std::chrono::duration<double>;

  /// A step took so long that had a row for each of `replies`, and `prompt_rows` rows of prompts.
  void record(std::size_t replies, std::size_t prompt_rows, Seconds took);

  /// The rows of prompts with which a step that has so many replies takes `factor` times as long as
  /// without. 0 as long as nothing is known. REQUIRES: factor is 1 or more.
  std::size_t prompt_rows(std::size_t replies, double factor) const;

  /// The rows of prompts with which a step that has no replies takes about so long. 0 as long as nothing is
  /// known.
  std::size_t prompt_rows_within(Seconds time) const;

  /// Tokens of prompts that are evaluated in a second. 0 as long as nothing is known.
  double tokens_per_second() const;

  /// Whether a step without prompts is due, since none was seen for long.
  bool wants_base() const { return steps_since_base_ >= kMostSteps; }

 private:
  static constexpr int kMostSteps = 16;
  struct Base {
    std::size_t replies = 0;
    Seconds took{0};
  };

  Seconds base(std::size_t replies) const;

  std::array<Base, 3> bases_ = {};    // of the last steps without prompts
  std::array<Seconds, 3> rows_ = {};  // for each row of a prompt, in the last steps with prompts
  std::size_t next_base_ = 0, next_row_ = 0;
  int steps_since_base_ = kMostSteps;
};

}  // namespace banyan

#include "engine/step_cost.h"

#include <algorithm>

namespace banyan {
namespace {

using Seconds = StepCost::Seconds;

// Fewer rows say little about the cost of one.
constexpr std::size_t kTellingRows = 8;

Seconds median(std::array<Seconds, 3> values) {
  std::ranges::sort(values);
  return values[1];
}

// Adds to the last few; the first one stands for those before it.
template <typename T>
void add(std::array<T, 3>& last, std::size_t& next, const T& value) {
  if (next == 0) last.fill(value);
  last[next++ % last.size()] = value;
}

}  // namespace

void StepCost::record(std::size_t replies, std::size_t prompt_rows, Seconds took) {
  if (prompt_rows == 0) {
    add(bases_, next_base_, {replies, took});
    steps_since_base_ = 0;
    return;
  }
  if (replies > 0) ++steps_since_base_;
  if (prompt_rows < kTellingRows && next_row_ > 0) return;
  add(rows_, next_row_, std::max(took - base(replies), Seconds(0)) / static_cast<double>(prompt_rows));
}

std::size_t StepCost::prompt_rows(std::size_t replies, double factor) const {
  const Seconds row = median(rows_);
  if (row <= Seconds(0)) return 0;
  return static_cast<std::size_t>((factor - 1) * (base(replies) / row));
}

std::size_t StepCost::prompt_rows_within(Seconds time) const {
  const Seconds row = median(rows_);
  if (row <= Seconds(0)) return 0;
  return static_cast<std::size_t>(std::max(time - base(0), Seconds(0)) / row);
}

double StepCost::tokens_per_second() const {
  const Seconds row = median(rows_);
  return row > Seconds(0) ? 1 / row.count() : 0;
}

// Another reply costs about what a prompt's row does; one fewer saves at most its share.
Seconds StepCost::base(std::size_t replies) const {
  const Seconds row = median(rows_);
  std::array<Seconds, 3> bases;
  std::ranges::transform(bases_, bases.begin(), [&](const Base& seen) {
    const double more = static_cast<double>(replies) - static_cast<double>(seen.replies);
    const double share = more < 0 ? static_cast<double>(replies) / static_cast<double>(seen.replies) : 1;
    return std::max(seen.took + more * row, seen.took * share);
  });
  return median(bases);
}

}  // namespace banyan

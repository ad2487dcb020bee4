#include "engine/thread_tuner.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "banyan/base.h"

namespace banyan {
namespace {

constexpr double kClearlyFaster = 0.95;
constexpr double kRisen = 1.25;        // times the usual cost
constexpr double kFarSlower = 1.5;     // more threads are never so much slower on an idle machine
constexpr double kUsualDrift = 1.002;  // a step: the usual cost follows what rises slowly, such as depth
constexpr std::size_t kProbeSteps = 3;
constexpr std::size_t kFewest = 3;  // steps before there is something to compare with
constexpr double kLong = 1e9;
constexpr double kLeastWait = 1, kLeastWaitAfterRise = 0.25;

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

ThreadTuner::ThreadTuner(int most) {
  require(most >= 1, "ThreadTuner: no threads");
  std::vector<int> numbers = {most, most - 1, most * 7 / 8, most * 3 / 4};
  for (int number = most / 2; number > 0; number /= 2) numbers.push_back(number);
  std::ranges::sort(numbers, std::ranges::greater());
  for (const int number : numbers) {
    if (number > 0 && (ladder_.empty() || ladder_.back() != number)) ladder_.push_back(number);
  }
  probe_.reserve(kProbeSteps);  // recording a step allocates nothing
  up_due_ = down_due_ = kLeastWait;
}

// The mean of the last steps without the slowest, which may be an accident.
double ThreadTuner::cost() const {
  const auto values = std::span(last_).first(std::min(seen_, kWindow));
  if (values.size() <= kFewest) return mean(values);
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  return (sum - *std::ranges::max_element(values)) / static_cast<double>(values.size() - 1);
}

void ThreadTuner::forget(std::size_t rows) {
  rows_ = rows;
  seen_ = 0;
  usual_ = 0;
  probing_ = searching_ = false;
}

void ThreadTuner::look_again() {
  up_due_ = down_due_ = now_;
  last_down_ = -kLong;
}

bool ThreadTuner::record(std::size_t rows, Seconds took) {
  if (ladder_.size() == 1 || rows == 0) return false;
  now_ += took.count();
  if (rows * 4 < rows_ * 3 || rows * 3 > rows_ * 4) {
    const bool was_probe = probing_;
    forget(rows);
    if (was_probe) return false;  // not a step with the current number
  }
  const double each = took.count() / static_cast<double>(rows);
  if (probing_) {
    probe_.push_back(each);
    probe_seconds_ += took.count();
    const bool is_hopeless = each > kFarSlower * cost();
    if (!is_hopeless && probe_.size() < kProbeSteps) return false;
    return finish_probe(!is_hopeless && mean(probe_) < kClearlyFaster * cost(), mean(probe_));
  }
  last_[seen_++ % kWindow] = each;
  step_ = took.count();
  if (seen_ < kFewest) return false;
  usual_ = usual_ > 0 ? std::min(usual_ * kUsualDrift, cost()) : cost();
  choose_probe();
  return false;
}

void ThreadTuner::choose_probe() {
  const std::size_t lowest = ladder_.size() - 1;
  if (current_ < lowest && cost() > kRisen * usual_ && now_ >= rise_due_) {
    searching_ = true;
    search_excess_ = 0;
    begin_probe(current_ + 1);
  } else if (current_ > 0 && now_ >= up_due_) {
    searching_ = false;
    begin_probe(up_turn_++ % 2 == 0 ? 0 : current_ - 1);
  } else if (current_ < lowest) {
    // Further down in turn, for the next number down may be as crowded.
    const std::size_t next = current_ + 1 + down_turn_ % (lowest - current_);
    if (now_ < down_due_ || now_ < last_down_ + 200 * expected_excess(next)) return;
    ++down_turn_;
    searching_ = false;
    search_excess_ = 0;
    begin_probe(next);
  }
}

// Seconds that a probe of one step costs when nothing else runs.
double ThreadTuner::expected_excess(std::size_t candidate) const {
  return step_ * (static_cast<double>(ladder_[current_]) / static_cast<double>(ladder_[candidate]) - 1);
}

void ThreadTuner::begin_probe(std::size_t candidate) {
  candidate_ = candidate;
  probing_ = true;
  probe_.clear();
  probe_seconds_ = 0;
}

double ThreadTuner::wait_after(double excess, bool slower_by_far) const {
  return std::max(kLeastWait, (slower_by_far ? 10 : 200) * excess);
}

bool ThreadTuner::finish_probe(bool is_faster, double probed) {
  const double before = cost();
  const bool is_down = candidate_ > current_;
  probing_ = false;
  if (is_faster) {
    current_ = candidate_;
    seen_ = 0;
    for (const double each : probe_) last_[seen_++ % kWindow] = each;
    usual_ = cost();
    search_excess_ = 0;
    // Perhaps still fewer, or more, are better yet.
    if (is_down && current_ + 1 < ladder_.size()) {
      searching_ = true;
      begin_probe(current_ + 1);
    } else if (!is_down && current_ > 0) {
      begin_probe(current_ - 1);
    }
    up_due_ = down_due_ = now_ + kLeastWait;
    rise_due_ = now_;
    return true;
  }
  const double excess = std::max(0.0, probe_seconds_ * (1 - before / probed));
  const bool slower_by_far = probed > kFarSlower * before;
  search_excess_ += excess;
  if (is_down && searching_ && !slower_by_far && candidate_ + 1 < ladder_.size()) {
    begin_probe(candidate_ + 1);
    return false;
  }
  if (is_down) {
    // What was slow remains so with fewer threads: that is the usual cost now.
    if (searching_) {
      usual_ = before;
      rise_due_ = now_ + std::max(kLeastWaitAfterRise, 50 * search_excess_);
    }
    last_down_ = now_;
    down_due_ = now_ + wait_after(search_excess_, false);
  } else {
    up_due_ = now_ + wait_after(excess, slower_by_far);
  }
  searching_ = false;
  return false;
}

}  // namespace banyan

/// Finds how many threads compute fastest just now, from the times that steps take.
///
/// Threads meet after every operation of a step, so one that shares its core with another program holds up
/// all of them. With such a program beside, fewer threads are faster; once it has gone, more are.
///
/// The numbers tried are most, most - 1, 7/8, 3/4, 1/2, 1/4 of most, and so on down to 1. A probe is up to
/// three steps with another number; it ends after one that is far slower, and its number stays when it is
/// clearly faster. Probes come
/// - soon after steps have become slower, for fewer threads;
/// - otherwise rarely: what they cost is kept below half a per cent of the time;
/// - about every second for more threads, as long as more are far slower, which only other programs cause.
///   What these cost is at most a tenth.
/// Times are compared for each row, and only between steps of about as many rows. All periods are of time
/// spent in steps, so there is no clock here. One thread at a time; reading prompts and writing replies have
/// one each.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <vector>

namespace banyan {

class ThreadTuner {
 public:
  using Seconds = std::chrono::duration<double>;

  /// REQUIRES: most is 1 or more.
  explicit ThreadTuner(int most);

  /// The number of threads for the next step.
  int threads() const { return ladder_[probing_ ? candidate_ : current_]; }
  /// The number that was fastest so far.
  int fastest() const { return ladder_[current_]; }
  /// A step of so many rows took so long with threads() threads. Returns whether fastest() changed.
  bool record(std::size_t rows, Seconds took);
  /// The machine's load seems to have changed: try other numbers soon.
  void look_again();

 private:
  static constexpr std::size_t kWindow = 8;

  double cost() const;
  void forget(std::size_t rows);
  void begin_probe(std::size_t candidate);
  bool finish_probe(bool is_faster, double probed);
  void choose_probe();
  double wait_after(double excess, bool slower_by_far) const;
  double expected_excess(std::size_t candidate) const;

  std::vector<int> ladder_;  // the most first
  std::size_t current_ = 0;  // in the ladder, as are the others
  std::size_t candidate_ = 0;
  bool probing_ = false;
  bool searching_ = false;    // more numbers in the same direction follow
  double search_excess_ = 0;  // seconds that this search has cost

  std::size_t rows_ = 0;                // of the steps that are compared
  std::array<double, kWindow> last_{};  // seconds for each row, of steps with the current number
  std::size_t seen_ = 0;
  double usual_ = 0;  // what cost() was before it rose
  double step_ = 0;   // seconds of the last step with the current number
  std::vector<double> probe_;
  double probe_seconds_ = 0;

  double now_ = 0;  // seconds spent in steps
  double up_due_ = 0, down_due_ = 0, rise_due_ = 0;
  double last_down_ = -10;  // so that the first probe comes soon where it costs little
  std::size_t up_turn_ = 0, down_turn_ = 0;
};

}  // namespace banyan

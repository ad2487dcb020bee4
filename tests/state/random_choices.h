/// What random histories choose with; the seed decides all of it.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace banyan::test {

class RandomChoices {
 protected:
  explicit RandomChoices(std::uint64_t seed) : random_(seed) {}

  /// A number from least to most, both included.
  int pick(int least, int most) { return std::uniform_int_distribution(least, most)(random_); }
  template <class T>
  T& any(std::vector<T>& from) {
    return from[pick(0, static_cast<int>(from.size()) - 1)];
  }
  template <class T>
  void drop(std::vector<T>& from) {
    from.erase(from.begin() + pick(0, static_cast<int>(from.size()) - 1));
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace banyan::test

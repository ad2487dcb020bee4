#include "sampling/best_logits.h"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>

namespace banyan {
namespace {

constexpr float kLeast = -std::numeric_limits<float>::infinity();
constexpr std::size_t kBlock = 128;  // logits whose highest is looked at before each of them

// In lanes, which compilers turn into vectors; a maximum of one value after the other they may not.
float highest(std::span<const float> logits) {
  std::array<float, 16> lanes;
  lanes.fill(kLeast);
  std::size_t i = 0;
  for (; i + lanes.size() <= logits.size(); i += lanes.size()) {
    for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
      lanes[lane] = std::max(lanes[lane], logits[i + lane]);
    }
  }
  for (; i < logits.size(); ++i) lanes[0] = std::max(lanes[0], logits[i]);
  return std::ranges::max(lanes);
}

}  // namespace

bool any_is_nan(std::span<const float> logits) {
  unsigned found = 0;
  for (const float logit : logits) found |= static_cast<unsigned>(logit != logit);
  return found != 0;
}

void find_best_logits(std::span<const float> logits, std::size_t count, std::vector<llama_token_data>& best) {
  best.clear();
  if (count == 0) return;
  const auto block = [&](std::size_t begin) {
    return logits.subspan(begin, std::min(kBlock, logits.size() - begin));
  };
  std::vector<float> heads;
  for (std::size_t begin = 0; begin < logits.size(); begin += kBlock) heads.push_back(highest(block(begin)));

  // So many blocks have a logit this high that none lower is among the best.
  float least = kLeast;
  if (count <= heads.size()) {
    std::vector<float> sorted = heads;
    const auto last = sorted.begin() + static_cast<std::ptrdiff_t>(count - 1);
    std::ranges::nth_element(sorted, last, std::greater());
    least = *last;
  }

  for (std::size_t b = 0; b < heads.size(); ++b) {
    if (heads[b] < least) continue;
    const std::size_t begin = b * kBlock;
    for (std::size_t i = begin; const float logit : block(begin)) {
      if (logit >= least) best.push_back({static_cast<llama_token>(i), logit, 0});
      ++i;
    }
  }
  const auto end = best.begin() + static_cast<std::ptrdiff_t>(std::min(count, best.size()));
  std::partial_sort(best.begin(), end, best.end(), [](const auto& a, const auto& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  });
  best.erase(end, best.end());
}

}  // namespace banyan

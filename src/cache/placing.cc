#include <algorithm>
#include <map>
#include <vector>

#include "banyan/cache.h"
#include "cache/worth.h"

namespace banyan {

std::vector<RestorePoint> place_restore_points(std::span<const RestorePoint> points, std::size_t size) {
  struct Candidate {
    bool user = false;
    bool keep = false;  // whatever lies before it
  };
  std::map<std::size_t, Candidate> candidates;
  std::size_t first = size;
  std::size_t last = 0;
  for (const auto& [offset, user] : points) {
    require(offset <= size, "place_restore_points: a point beyond the prompt");
    candidates[offset].user |= user;
    if (user) continue;
    first = std::min(first, offset);
    last = std::max(last, offset);
  }
  if (first <= last) candidates[first].keep = candidates[last].keep = true;
  if (size > kRetryTokens) candidates[size - kRetryTokens].keep = true;

  std::vector<RestorePoint> placed;
  std::size_t before = 0;
  const auto place = [&](std::size_t offset, bool user) {
    placed.push_back({.offset = offset, .user = user});
    before = offset;
  };
  for (const auto& [offset, candidate] : candidates) {
    if (offset == 0) continue;
    for (std::size_t next = next_below(before); next < offset && !is_near(next, offset);
         next = next_below(before)) {
      place(next, false);
    }
    if (candidate.user || candidate.keep || !is_near(before, offset)) place(offset, candidate.user);
  }
  return placed;
}

}  // namespace banyan

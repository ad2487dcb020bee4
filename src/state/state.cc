#include "banyan/state.h"

namespace banyan {

std::size_t LayerGroup::least_bytes(std::size_t) const { return 0; }

std::string LayerGroup::check(const StatePart*, std::size_t) const { return {}; }

std::size_t StatePart::tail(std::size_t) const { return 0; }

void StatePart::shorten(std::size_t) { throw Misuse("StatePart::shorten: the part is kept as a whole"); }

// A group that stores nothing is never asked for what it has stored.

std::size_t LayerGroup::block_bytes(std::size_t) const { return 0; }
std::vector<EdgeRange> LayerGroup::ranges(const StatePart&, std::size_t) const { return {}; }
std::unique_ptr<StatePart> LayerGroup::stored_part(std::size_t, std::span<const StoredRun>) const {
  return nullptr;
}
std::vector<StoredRun> LayerGroup::stored_runs(const StatePart&, std::size_t) const { return {}; }

std::function<void(std::span<std::byte>)> LayerGroup::writer(const StatePart&, EdgeRange) const {
  throw Misuse("LayerGroup::writer: the group stores nothing");
}

Result<LoadingState> LayerGroup::load(std::span<const PathPart>, std::size_t, std::span<const PathPart>,
                                      std::size_t, Budget&) const {
  throw Misuse("LayerGroup::load: the group stores nothing");
}

}  // namespace banyan

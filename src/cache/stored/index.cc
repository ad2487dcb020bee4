#include "cache/stored/index.h"

#include <algorithm>
#include <new>
#include <ranges>
#include <unordered_map>
#include <utility>

namespace banyan {
namespace {

// What the system gives for a block and the segment or state that is in it.
constexpr std::size_t kBlockBytes = 256;
// The part of the tier that is made free at once.
constexpr std::size_t kRoomPart = 256;

NodeSnapshot& snapshot_of(Node& node) { return static_cast<NodeSnapshot&>(*node.snapshot()); }

// How far runs cover an edge without a gap, from `from` on.
std::size_t covered(std::span<const StoredRun> runs, std::size_t from) {
  for (const StoredRun& run : runs) {
    if (run.range.begin <= from && run.range.end > from) from = run.range.end;
  }
  return from;
}

std::vector<StoredRecord::Run> as_recorded(std::span<const StoredRun> runs) {
  std::vector<StoredRecord::Run> recorded;
  for (const auto& [range, block, at, tokens] : runs) {
    recorded.push_back(
        {range, block->id(), static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(tokens)});
  }
  return recorded;
}

// The node of the path to `node` that has the token before `offset`.
Node* node_before(Node* node, std::size_t offset) {
  while (!node->is_root() && node->start() >= offset) node = node->parent();
  return node;
}

}  // namespace

class StoredIndex::Block final : public StoredBlock {
 public:
  Block(std::shared_ptr<Drain> drain, BlockId id, Charge charge)
      : StoredBlock(id, charge.bytes()), drain_(std::move(drain)), charge_(std::move(charge)) {
    ++drain_->blocks;
  }
  ~Block() override {
    --drain_->blocks;
    try {
      if (drain_->tier != nullptr) drain_->tier->drop(id());
    } catch (...) {
      // It goes at the next start, as nothing names it.
    }
  }

 private:
  std::shared_ptr<Drain> drain_;
  Charge charge_;
};

// Puts the records of an earlier process together.
class StoredIndex::Rebuild {
 public:
  Rebuild(StoredIndex& index, Tier::Contents contents) : index_(index), contents_(std::move(contents)) {}

  void run(std::vector<std::string>& notes) {
    for (const Tier::Record& bytes : contents_.records) {
      auto record = decode(bytes, index_.groups_.size());
      if (!record) {
        ++damaged_;
        continue;
      }
      index_.next_record_ = std::max(index_.next_record_, record->id + 1);
      if (paths_.contains(record->id) || !knows_path(record->parent, record->start)) continue;
      add(*record);
      paths_.emplace(record->id, PathEnd{record->parent, record->start, std::move(record->tokens)});
    }
    const auto note = [&](std::size_t count, const char* what) {
      if (count > 0) notes.push_back(std::to_string(count) + what);
    };
    note(damaged_, " stored records are damaged, and left out");
    note(wrong_sizes_, " stored blocks are not as long as they should be, and left out");
    for (const auto& [id, bytes] : contents_.blocks) index_.tier_.drop(id);
  }

 private:
  // What a record adds to the path of its parent.
  struct PathEnd {
    std::uint64_t parent = 0;
    std::size_t start = 0;
    std::vector<Token> tokens;
  };

  void add(const StoredRecord& record) {
    std::vector<Token> path = path_of(record.parent, record.start);
    path.insert(path.end(), record.tokens.begin(), record.tokens.end());
    GroupRuns runs(index_.groups_.size());
    for (std::size_t i = 0; i < runs.size(); ++i) {
      for (const auto& [range, id, at, tokens] : record.groups[i]) {
        auto block = find(id, index_.groups_[i]->block_bytes(tokens));
        if (block == nullptr) continue;
        runs[i].push_back({range, std::move(block), static_cast<int>(at), static_cast<int>(tokens)});
      }
    }
    Node* node = index_.insert(index_.place(path, path.size()), path, record.start, runs, record.id);
    if (node == nullptr) return;
    index_.tree_.set_age(node, record.last_use);
    if (record.user_mark && node->end() == path.size()) index_.tree_.mark(node);
    index_.tree_.settle_path(node);
    index_.shrink();
  }

  // Whether a record has a path of at least `size` tokens.
  bool knows_path(std::uint64_t id, std::size_t size) const {
    if (size == 0) return true;
    const auto known = paths_.find(id);
    return known != paths_.end() && size <= known->second.start + known->second.tokens.size();
  }

  // The first `size` tokens of a record's path. Records go on from records that are known.
  std::vector<Token> path_of(std::uint64_t id, std::size_t size) const {
    std::vector<Token> path(size);
    while (size > 0) {
      const auto& [parent, start, tokens] = paths_.at(id);
      if (size > start) {
        std::copy_n(tokens.begin(), size - start, path.begin() + static_cast<std::ptrdiff_t>(start));
        size = start;
      }
      id = parent;
    }
    return path;
  }

  // The block if it is there, of this size, and there is room for it.
  std::shared_ptr<StoredBlock> find(BlockId id, std::size_t bytes) {
    if (const auto known = blocks_.find(id); known != blocks_.end()) return known->second.lock();
    const auto there = contents_.blocks.find(id);
    if (there == contents_.blocks.end()) return nullptr;
    if (there->second != bytes) {
      ++wrong_sizes_;
      return nullptr;
    }
    auto charge = index_.budget_.take(index_.tier_.bytes_of(bytes), "stored blocks");
    if (!charge) return nullptr;
    auto block = index_.block(id, std::move(*charge));
    blocks_.emplace(id, block);
    contents_.blocks.erase(there);
    return block;
  }

  StoredIndex& index_;
  Tier::Contents contents_;
  std::unordered_map<std::uint64_t, PathEnd> paths_;
  std::unordered_map<BlockId, std::weak_ptr<StoredBlock>>
      blocks_;  // that were asked for, and are not in contents_
  std::size_t damaged_ = 0;
  std::size_t wrong_sizes_ = 0;
};

StoredIndex::StoredIndex(const Groups& groups, Tier& tier, std::size_t limit, std::size_t own_limit,
                         std::vector<std::string>& notes)
    : groups_(groups),
      tier_(tier),
      budget_(limit),
      own_limit_(own_limit),
      drain_(std::make_shared<Drain>(&tier)),
      tree_(groups) {
  budget_.set_reclaimer([this](std::size_t wanted) { return tree_.evict(wanted); });
  Tier::Contents contents = tier.take_contents();
  try {
    notes.append_range(std::exchange(contents.notes, {}));
    Rebuild(*this, std::move(contents)).run(notes);
    tier_.replace_records(records());
  } catch (...) {
    leave();  // or the tier would drop all that is in the index
    throw;
  }
}

StoredIndex::Found StoredIndex::find(TokenSpan path, std::size_t deepest) const {
  const Match match = trie().match(path);
  Found found{
      .matched = match.length, .resumption = {}, .paths = path_parts(*match.path.back(), groups_.size())};
  found.resumption = find_resumption(groups_, found.paths, std::min(match.length, deepest));
  return found;
}

Place StoredIndex::place(TokenSpan path, std::size_t size) const {
  Place place{.node = trie().root(), .matched = 0};
  go_on(place, path.first(std::min(size, path.size())));
  return place;
}

std::vector<EdgeRange> StoredIndex::stored(const Place& place, std::size_t group, std::size_t from,
                                           std::size_t to) const {
  to = std::min(to, place.matched);
  std::vector<const Node*> nodes;
  for (const Node* node = place.node; !node->is_root() && node->end() > from; node = node->parent()) {
    if (node->start() < to) nodes.push_back(node);
  }
  std::vector<EdgeRange> found;
  for (const Node* node : std::views::reverse(nodes)) {
    const auto& part = NodeSnapshot::of(*node).parts()[group];
    if (part == nullptr) continue;
    for (const auto& [begin, end] : groups_[group]->ranges(*part, node->edge().size())) {
      if (const auto range = clip({node->start() + begin, node->start() + end}, from, to)) {
        found.push_back(*range);
      }
    }
  }
  return found;
}

std::shared_ptr<StoredBlock> StoredIndex::make_block(Place& at, TokenSpan path, std::size_t bytes) {
  const std::size_t wanted = tier_.bytes_of(bytes);
  const std::size_t limit = budget_.limit();
  // To hold on to a path takes the time of its nodes, so room is made for several blocks at once.
  const bool has_room = wanted <= limit && budget_.used() <= limit - wanted && own_bytes() <= own_limit_;
  if (!has_room) {
    {
      const auto release = [this](Node* node) { tree_.release(node); };
      tree_.acquire(at.node);
      const std::unique_ptr<Node, decltype(release)> held(at.node, release);  // also when eviction throws
      const std::size_t room = std::min(limit, std::max(wanted, limit / kRoomPart));
      while (budget_.used() > limit - room && budget_.reclaim(budget_.used() - (limit - room))) {
      }
      shrink();
    }
    at = place(path, at.matched);  // nodes may have merged
  }
  if (wanted > limit || budget_.used() > limit - wanted || own_bytes() > own_limit_) return nullptr;
  auto charge = budget_.take(wanted, "stored blocks");
  if (!charge) return nullptr;
  return block(tier_.new_block(), std::move(*charge));
}

std::size_t StoredIndex::own_bytes() const { return tree_.own_bytes() + drain_->blocks * kBlockBytes; }

bool StoredIndex::shrink() {
  while (own_bytes() > own_limit_) {
    if (!tree_.evict(1)) return false;
  }
  return true;
}

std::shared_ptr<StoredBlock> StoredIndex::block(BlockId id, Charge charge) {
  return std::make_shared<Block>(drain_, id, std::move(charge));
}

StoredRecord StoredIndex::add(Place& place, TokenSpan path, std::size_t start, const GroupRuns& runs,
                              bool user_mark) {
  require(place.matched >= start, "StoredIndex::add: what comes before is not stored");
  StoredRecord record{.id = next_record_++,
                      .parent = 0,
                      .last_use = tree_.now(),
                      .user_mark = user_mark,
                      .start = start,
                      .tokens = {path.begin() + static_cast<std::ptrdiff_t>(start), path.end()},
                      .groups = {}};
  if (start > 0) record.parent = NodeSnapshot::of(*node_before(place.node, start)).record;
  for (const auto& of_group : runs) record.groups.push_back(as_recorded(of_group));
  Node* node = insert(place, path, start, runs, record.id);
  if (node == nullptr) {
    place = {.node = trie().root(), .matched = 0};
    return record;
  }
  tree_.set_age(node, tree_.now());
  if (user_mark && node->end() == path.size()) tree_.mark(node);
  const std::size_t end = node->end();
  place = {.node = tree_.settle_path(node, start), .matched = end};
  return record;
}

Parts StoredIndex::parts(const GroupRuns& runs, std::size_t from, std::size_t to) const {
  Parts parts;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    parts.push_back(groups_[i]->stored_part(to - from, clip_runs(runs[i], from, to)));
  }
  return parts;
}

Node* StoredIndex::insert(const Place& place, TokenSpan path, std::size_t start, const GroupRuns& runs,
                          std::uint64_t record) {
  const std::size_t known = std::min(place.matched, path.size());
  if (known < start) return nullptr;
  Node* node = known == 0 ? trie().root() : node_before(place.node, known);
  if (known < node->end()) node = tree_.split(node, known);
  if (Node* at = node_before(node, start + 1); start > at->start() && start < at->end())
    tree_.split(at, start);
  for (Node* at = node; at->end() > start; at = at->parent()) {
    tree_.complete(at, parts(runs, at->start() - start, at->end() - start));
  }

  std::size_t end = path.size() - start;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    if (resumes_anywhere(*groups_[i])) end = std::min(end, covered(runs[i], known - start));
  }
  if (start + end > known) {
    const TokenSpan rest = path.subspan(known, start + end - known);
    node = tree_.append(node, rest, parts(runs, known - start, end));
    snapshot_of(*node).record = record;
  }
  return node->is_root() ? nullptr : node;
}

void StoredIndex::forget(TokenSpan path, const std::unordered_set<BlockId>& lost) {
  for (Node* node : trie().match(path).path) {
    if (node->is_root()) continue;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const auto& part = NodeSnapshot::of(*node).parts()[i];
      if (part == nullptr) continue;
      const std::size_t size = node->edge().size();
      const std::vector<StoredRun> runs = groups_[i]->stored_runs(*part, size);
      const auto first =
          std::ranges::find_if(runs, [&](const StoredRun& run) { return lost.contains(run.block->id()); });
      if (first == runs.end()) continue;
      if (resumes_anywhere(*groups_[i])) {
        if (first->range.begin > 0) tree_.split(node, node->start() + first->range.begin);
        tree_.remove_all(node);
        return;
      }
      tree_.replace_part(node, i, groups_[i]->stored_part(size, {}));
    }
  }
}

std::vector<Tier::Record> StoredIndex::records() {
  std::vector<Tier::Record> all;
  trie().walk([&](Node& node) {
    if (node.is_root()) return true;
    StoredRecord record{.id = next_record_++,
                        .parent = node.parent()->is_root() ? 0 : NodeSnapshot::of(*node.parent()).record,
                        .last_use = node.last_use(),
                        .user_mark = node.user_mark(),
                        .start = node.start(),
                        .tokens = {node.edge().begin(), node.edge().end()},
                        .groups = std::vector<std::vector<StoredRecord::Run>>(groups_.size())};
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const auto& part = NodeSnapshot::of(node).parts()[i];
      if (part == nullptr) continue;
      record.groups[i] = as_recorded(groups_[i]->stored_runs(*part, node.edge().size()));
    }
    all.push_back(encode(record));
    snapshot_of(node).record = record.id;
    return true;
  });
  return all;
}

std::string StoredIndex::check(const std::vector<std::shared_ptr<StoredBlock>>& held) const {
  if (std::string wrong = trie().check(); !wrong.empty()) return "the index: " + wrong;
  std::unordered_map<const void*, std::size_t> blocks;
  const AllocationVisitor count = [&](const void* id, std::size_t bytes) { blocks[id] = bytes; };
  std::string wrong;
  trie().walk([&](Node& node) {
    if (node.is_root()) return true;
    if (node.uses() > 0) wrong = "the index has a node in use";
    const auto paths = path_parts(node, groups_.size());
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const bool whole = groups_[i]->resumable(paths[i], node.end()) == node.end();
      if (resumes_anywhere(*groups_[i]) && !whole) wrong = "the index has a gap";
      if (paths[i].back().part != nullptr) paths[i].back().part->visit_allocations(count);
    }
    return wrong.empty();
  });
  if (!wrong.empty()) return wrong;
  for (const auto& block : held) count(block.get(), block->bytes());
  std::size_t reached = 0;
  for (const auto& [id, bytes] : blocks) reached += bytes;
  if (reached == budget_.used()) return {};
  return "the index has given out " + std::to_string(budget_.used()) + " bytes and " +
         std::to_string(reached) + " are accounted for";
}

}  // namespace banyan

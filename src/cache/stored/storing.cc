#include "cache/stored/storing.h"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <new>
#include <utility>

namespace banyan {
namespace {

constexpr std::size_t kMostInsertBytes = std::size_t{64} << 20;
// Fewer tokens are not worth a block of their own.
constexpr std::size_t kWorthStoring = 16;
// The part of the memory budget that inserts may hold on to.
constexpr std::size_t kUnderWayPart = 8;
// The part of it for the paths that wait. A token takes four bytes there, and thousands in the layers.
constexpr std::size_t kWaitingPart = 64;
// A poll ends after so many inserts, or a 16th of the path's nodes.
constexpr std::size_t kInsertsAtOnce = 64;
constexpr std::size_t kPartAtOnce = 16;
constexpr auto kPauseAfterFailure = std::chrono::seconds(30);

// Adds the pieces of a range that are in none of `there`, which are in order.
void add_lacking(EdgeRange range, std::span<const EdgeRange> there, std::vector<EdgeRange>& lacking) {
  if (range.begin == range.end) {
    if (!std::ranges::contains(there, range)) lacking.push_back(range);
    return;
  }
  for (const auto& [begin, end] : there) {
    if (begin == end || end <= range.begin || begin >= range.end) continue;
    if (begin > range.begin) lacking.push_back({range.begin, begin});
    range.begin = end;
    if (range.begin >= range.end) return;
  }
  lacking.push_back(range);
}

}  // namespace

Storing::Storing(const Groups& groups, const CacheTrie& memory, Budget& budget, StoredIndex& index,
                 Tier& tier, std::vector<std::string>& notes)
    : groups_(groups), memory_(memory), budget_(budget), index_(index), tier_(tier), notes_(notes) {}

void Storing::store(std::vector<Token> path) {
  const std::size_t bytes = path.size() * sizeof(Token);
  while (!waiting_.empty() && waiting_bytes_ + bytes > budget_.limit() / kWaitingPart) drop_first();
  auto charge = budget_.take(bytes, "paths to store");
  if (!charge) return;
  waiting_.push_back({std::make_shared<const KeptPath>(std::move(path), std::move(*charge)), 0});
  waiting_bytes_ += bytes;
}

void Storing::drop_first() {
  waiting_bytes_ -= waiting_.front().path->charge.bytes();
  waiting_.pop_front();
}

bool Storing::give_up_waiting() {
  if (waiting_.empty()) return false;
  waiting_.clear();
  waiting_bytes_ = 0;
  return true;
}

void Storing::poll() noexcept { store_waiting(false); }
void Storing::store_all() noexcept { store_waiting(true); }

bool Storing::is_paused() const { return std::chrono::steady_clock::now() < resume_; }
bool Storing::is_full() const { return bytes_under_way_ > budget_.limit() / kUnderWayPart; }

bool Storing::wants_poll() const { return !waiting_.empty() && !was_full_ && !is_paused(); }

void Storing::fail_for_a_while(const std::string& why) {
  ++failed_;
  resume_ = std::chrono::steady_clock::now() + kPauseAfterFailure;
  try {
    notes_.push_back("nothing is stored for a while: " + why);
  } catch (const std::bad_alloc&) {  // no memory for the note
  }
}

bool Storing::take(Tier::Outcome& outcome) {
  const auto insert = std::ranges::find(inserts_, outcome.ticket, &Insert::ticket);
  if (insert == inserts_.end()) return false;
  insert->result = std::move(outcome.result);
  return true;
}

void Storing::end_inserts() {
  for (auto next = inserts_.begin(); next != inserts_.end();) {
    const auto insert = next++;
    if (!insert->result) continue;
    std::list<Insert> ended;
    ended.splice(ended.end(), inserts_, insert);
    bytes_under_way_ -= insert->bytes;
    const Result<>& result = *insert->result;
    if (result) continue;
    // Whatever fails here, the other inserts must end too: someone may wait for their memory.
    try {
      index_.forget(TokenSpan(insert->path->tokens).first(insert->end),
                    {insert->blocks.begin(), insert->blocks.end()});
    } catch (const std::exception&) {
      // That the tier does not have the blocks is found when they are looked up.
    }
    if (result.error().code != Errc::cancelled) fail_for_a_while(result.error().message);
  }
}

void Storing::store_waiting(bool all) noexcept {
  try {
    end_inserts();
    if (waiting_.empty() || is_paused()) return;
    // To go on with a walk costs time, so it waits until there is room for more than one insert.
    if (was_full_ && !all && bytes_under_way_ > budget_.limit() / kUnderWayPart / 2) return;
    was_full_ = is_full();
    while (!waiting_.empty() && !was_full_) {
      if (store_path(waiting_.front(), all) == Progress::interrupted) return;
      drop_first();
    }
  } catch (const std::exception& error) {
    // It may fail in the same way each time, so this path is not tried again.
    if (!waiting_.empty()) drop_first();
    try {
      fail_for_a_while(error.what());
    } catch (const std::exception&) {  // no memory for the note
    }
  }
}

// One walk along memory's trie and the index.
Storing::Progress Storing::store_path(Waiting& waiting, bool all) {
  const Match match = memory_.trie().match(waiting.path->tokens);
  // As much of the path as memory still has. The last node may go on with other tokens.
  const TokenSpan path = TokenSpan(waiting.path->tokens).first(match.length);
  Walk walk{.waiting = waiting,
            .path = path,
            .place = index_.place(path, waiting.done),
            .stretch = {},
            .inserts_left = all ? SIZE_MAX : std::max(kInsertsAtOnce, match.path.size() / kPartAtOnce)};
  index_.use(walk.place);
  Progress progress = Progress::done;
  for (const Node* node : match.path) {
    if (node->is_root() || node->end() <= waiting.done) continue;
    progress = store_node(*node, walk);
    if (progress != Progress::done) break;
    waiting.done = std::min(node->end(), path.size());
  }
  if (walk.stretch) insert_stretch(walk);
  return progress;
}

// What the index lacks of a node, as far as the path goes.
Storing::Progress Storing::store_node(const Node& node, Walk& walk) {
  const std::size_t end = std::min(node.end(), walk.path.size());
  if (!walk.stretch) go_on(walk.place, walk.path.first(end));
  const std::size_t known = walk.stretch ? walk.stretch->to : walk.place.matched;
  const Lacking lacks = lacking(node, end, walk);
  std::size_t tokens = 0, states = 0;
  std::size_t first = known;
  for (const auto& ranges : lacks) {
    for (const auto& range : ranges) {
      tokens = std::max(tokens, range.end - range.begin);
      states += range.begin == range.end ? 1 : 0;
      first = std::min(first, range.begin == range.end ? node.start() : range.begin);
    }
  }
  if (tokens == 0 && states == 0) return Progress::done;
  const bool is_last = node.is_leaf() || end < node.end();
  if (states == 0 && tokens < kWorthStoring && is_last) return Progress::refused;
  const bool has_attention =
      std::ranges::any_of(groups_, [](const auto& group) { return resumes_anywhere(*group); });
  // Where the index ends, the path goes on from there.
  if (has_attention && first < node.start()) return Progress::refused;

  for (std::size_t from = std::max(first, walk.stretch ? known : first); from < end;) {
    const std::size_t begun = walk.stretch ? walk.stretch->to - walk.stretch->from : 0;
    const std::size_t to = std::min(end, from + most_tokens() - begun);
    const bool is_needed = to > known || std::ranges::any_of(lacks, [&](const auto& ranges) {
                             return std::ranges::any_of(ranges, [&](const EdgeRange& range) {
                               return clip(range, from, to).has_value();
                             });
                           });
    if (is_needed) {
      if (!walk.stretch) {
        was_full_ = is_full();
        if (was_full_ || walk.inserts_left == 0) return Progress::interrupted;
      }
      if (!add_to_stretch(node, lacks, from, to, walk)) {
        walk.stretch.reset();
        return Progress::refused;
      }
      // Where all groups resume anywhere, a stretch may be of several nodes.
      const bool goes_on = to - walk.stretch->from < most_tokens() && !walk.stretch->is_marked;
      if (needs_points(groups_) || !goes_on) insert_stretch(walk);
      if (!walk.stretch && walk.place.matched < to) return Progress::refused;
    }
    from = to;
  }
  return Progress::done;
}

// Adds what lies in [from, to) of the path. False where the tier has no room for it.
bool Storing::add_to_stretch(const Node& node, const Lacking& lacking, std::size_t from, std::size_t to,
                             Walk& walk) {
  if (!walk.stretch)
    walk.stretch = {.from = from, .to = from, .runs = GroupRuns(groups_.size()), .blocks = {}};
  Stretch& stretch = *walk.stretch;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const auto add = [&](std::size_t begin, std::size_t end) {
      const std::size_t bytes = groups_[i]->block_bytes(end - begin);
      auto block = index_.make_block(walk.place, walk.path, bytes);
      if (block == nullptr) return false;
      const StatePart& part = *NodeSnapshot::of(node).parts()[i];
      stretch.blocks.push_back(
          {block->id(), bytes, groups_[i]->writer(part, {begin - node.start(), end - node.start()})});
      stretch.bytes += bytes;
      stretch.runs[i].push_back(
          {{begin - stretch.from, end - stretch.from}, std::move(block), 0, static_cast<int>(end - begin)});
      return true;
    };
    for (const EdgeRange& range : lacking[i]) {
      const auto there = clip(range, from, to);
      if (!there) continue;
      std::size_t at = there->begin;
      do {
        const std::size_t end = std::min(at + kBlockTokens, there->end);
        if (!add(at, end)) return false;
        at = end;
      } while (at < there->end);
    }
  }
  stretch.to = to;
  stretch.is_marked = node.user_mark() && to == node.end();
  return true;
}

void Storing::insert_stretch(Walk& walk) {
  Stretch stretch = std::move(*walk.stretch);
  walk.stretch.reset();
  const TokenSpan path = walk.path.first(stretch.to);
  go_on(walk.place, path);
  std::list<Insert> insert;
  insert.push_back({.path = walk.waiting.path,
                    .end = stretch.to,
                    .blocks = {},
                    .bytes = stretch.bytes,
                    .ticket = 0,
                    .result = {}});
  for (const auto& block : stretch.blocks) insert.front().blocks.push_back(block.id);
  std::size_t record_bytes = 0;
  try {
    const Tier::Record record =
        encode(index_.add(walk.place, path, stretch.from, stretch.runs, stretch.is_marked));
    stretch.runs.clear();
    record_bytes = record.size();
    insert.front().ticket = tier_.insert(std::move(stretch.blocks), record);
  } catch (...) {
    // The index may have what the tier does not.
    index_.forget(path, {insert.front().blocks.begin(), insert.front().blocks.end()});
    throw;
  }
  inserts_.splice(inserts_.end(), insert);
  bytes_under_way_ += stretch.bytes;
  new_record_bytes_ += record_bytes;
  walk.waiting.done = stretch.to;
  --walk.inserts_left;
}

Storing::Lacking Storing::lacking(const Node& node, std::size_t end, const Walk& walk) const {
  Lacking lacking(groups_.size());
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const auto& part = NodeSnapshot::of(node).parts()[i];
    if (part == nullptr) continue;
    const auto there = index_.stored(walk.place, i, node.start(), end);
    for (const auto& [begin, range_end] : groups_[i]->ranges(*part, node.edge().size())) {
      const auto range = clip({node.start() + begin, node.start() + range_end}, node.start(), end);
      if (range) add_lacking(*range, there, lacking[i]);
    }
  }
  return lacking;
}

// Tokens of a path that one insert stores: their bytes are held on to until it is done.
std::size_t Storing::most_tokens() const {
  std::size_t bytes = 0;
  for (const auto& group : groups_) {
    if (!keeps_whole_states(*group)) bytes += group->block_bytes(1);
  }
  const std::size_t most = std::min(kMostInsertBytes, budget_.limit() / kUnderWayPart);
  const std::size_t blocks = bytes == 0 ? 16 : most / (bytes * kBlockTokens);
  return std::max<std::size_t>(blocks, 1) * kBlockTokens;
}

void Storing::visit_allocations(const AllocationVisitor& visit) const {
  for (const auto& [path, done] : waiting_) visit(path.get(), path->charge.bytes());
  for (const Insert& insert : inserts_) visit(insert.path.get(), insert.path->charge.bytes());
}

}  // namespace banyan

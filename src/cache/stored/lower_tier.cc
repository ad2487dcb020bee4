#include "cache/stored/lower_tier.h"

#include <algorithm>
#include <ranges>
#include <unordered_set>
#include <utility>

namespace banyan {
namespace {

constexpr std::size_t kBlockTokens = 256;
constexpr std::size_t kPieceBytes = std::size_t{64} << 20;
// Fewer are sooner evaluated again, and a block of its own is not worth it for them.
constexpr std::size_t kWorthLoading = 16;
constexpr std::size_t kWorthStoring = 16;
// The part of the memory budget that inserts may hold on to.
constexpr std::size_t kUnderWayPart = 8;
// The part of the memory budget that the index may take besides.
constexpr std::size_t kIndexPart = 8;
// Paths whose turn has not come; of more, the oldest are not stored.
constexpr std::size_t kMostWaiting = 1024;
constexpr auto kPauseAfterFailure = std::chrono::seconds(30);
// Records are rewritten when those that were added outweigh all that are needed, and this.
constexpr std::size_t kFewRecordBytes = std::size_t{1} << 20;
constexpr std::size_t kRecordBytesPerNode = 128;

// What of a range is in none of `there`, which are in order.
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

// Has the tier do something, and gives what is noted of it under the number 0 its ticket. Should memory run
// out, both are as if nothing had been asked for.
template <class Noted, class Ask>
void submit(std::map<Tier::Ticket, Noted>& all, typename std::map<Tier::Ticket, Noted>::iterator noted,
            Ask ask) {
  auto node = all.extract(noted);
  node.key() = ask();
  all.insert(std::move(node));
}

}  // namespace

LowerTier::LowerTier(const Groups& groups, const CacheTrie& memory, Budget& budget,
                     std::unique_ptr<Tier> tier, std::size_t limit)
    : groups_(groups),
      memory_(memory),
      budget_(budget),
      tier_(std::move(tier)),
      index_(groups, *tier_, limit, budget.limit() / kIndexPart, notes_) {}

LowerTier::~LowerTier() {
  // Before what its thread writes to goes.
  index_.leave();
  tier_.reset();
}

bool LowerTier::begin_load(Waiter waiter, TokenSpan prompt, const std::vector<std::vector<PathPart>>& paths,
                           std::size_t matched, std::size_t restored) {
  const StoredIndex::Found found = index_.find(prompt, prompt.size() - 1);
  const std::size_t offset = found.resumption.offset;
  if (offset < restored + kWorthLoading) return false;

  Load load{.waiter = waiter, .path = {}, .loaded = {}, .blocks = {}};
  load.loaded.offset = offset;
  load.loaded.matched = found.matched;
  load.loaded.resumption = found.resumption;
  std::vector<Tier::BlockToFind> blocks;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    auto loading = groups_[i]->load(paths[i], matched, found.paths[i], offset, budget_);
    if (!loading) return false;  // there is no room now: the prompt is read as if nothing were stored
    load.loaded.states.push_back(std::move(loading->state));
    for (auto& [block, bytes, take] : loading->blocks) {
      blocks.push_back({block->id(), bytes, std::move(take)});
      load.blocks.push_back(std::move(block));
    }
  }
  load.path.assign(prompt.begin(), prompt.begin() + static_cast<std::ptrdiff_t>(offset));
  index_.use(load.path);
  const auto node = loads_.emplace(0, std::move(load)).first;
  submit(loads_, node, [&] { return tier_->look_up(std::move(blocks)); });
  return true;
}

void LowerTier::abandon(Waiter waiter) {
  for (auto& [ticket, load] : loads_) {
    if (load.waiter == waiter) load.waiter = nullptr;
  }
}

void LowerTier::store(std::vector<Token> path) {
  if (waiting_.size() == kMostWaiting) waiting_.pop_front();
  waiting_.push_back(std::move(path));
}

void LowerTier::poll() {
  collect();
  end_inserts();
  store_waiting();
}

std::optional<LowerTier::Ended> LowerTier::next_ended() {
  while (!outcomes_.empty()) {
    const Tier::Outcome& outcome = outcomes_.front();
    const auto found = loads_.find(outcome.ticket);
    std::optional<Ended> ended;
    if (found != loads_.end()) {
      Load& load = found->second;
      if (!outcome.result) {
        index_.forget(load.path, {outcome.missing.begin(), outcome.missing.end()});
        notes_.push_back("what was stored of a prompt is not used: " + outcome.result.error().message);
      }
      ++(outcome.result ? load_count_ : failed_loads_);
      if (load.waiter != nullptr) {
        ended.emplace(load.waiter, std::nullopt);
        if (outcome.result) ended->loaded = std::move(load.loaded);
      }
      loads_.erase(found);
    }
    outcomes_.pop_front();
    if (ended) return ended;
  }
  return std::nullopt;
}

// Frees what inserts that have ended held on to. Whether there were any.
bool LowerTier::collect() {
  bool any = false;
  for (Tier::Outcome& outcome : tier_->poll()) {
    any = any || inserts_.contains(outcome.ticket);
    outcomes_.push_back(std::move(outcome));
  }
  return any;
}

void LowerTier::end_inserts() {
  for (auto outcome = outcomes_.begin(); outcome != outcomes_.end();) {
    const auto found = inserts_.find(outcome->ticket);
    if (found == inserts_.end()) {
      ++outcome;
      continue;
    }
    const Insert& insert = found->second;
    if (!outcome->result) index_.forget(insert.path, {insert.blocks.begin(), insert.blocks.end()});
    if (!outcome->result && outcome->result.error().code != Errc::cancelled) {
      notes_.push_back("nothing is stored for a while: " + outcome->result.error().message);
      resume_storing_ = std::chrono::steady_clock::now() + kPauseAfterFailure;
      ++failed_stores_;
    }
    bytes_under_way_ -= insert.bytes;
    inserts_.erase(found);
    outcome = outcomes_.erase(outcome);
  }
}

bool LowerTier::awaits_memory() const {
  return !inserts_.empty() ||
         std::ranges::any_of(loads_, [](const auto& load) { return load.second.waiter == nullptr; });
}

void LowerTier::flush() {
  tier_->set_busy(false);
  store_waiting();
  while (!inserts_.empty() && tier_->wait()) {
    collect();
    end_inserts();
    store_waiting();
  }
  rewrite_records();
  while (tier_->wait()) collect();
}

bool LowerTier::give_up_inserts() {
  if (inserts_.empty()) return false;
  tier_->cancel_inserts();
  return collect();
}

void LowerTier::store_waiting() {
  if (waiting_.empty() || std::chrono::steady_clock::now() < resume_storing_) return;
  while (!waiting_.empty() && store_path(waiting_.front())) waiting_.pop_front();
  const std::size_t needed =
      index_.trie().token_count() * sizeof(Token) + index_.trie().node_count() * kRecordBytesPerNode;
  if (new_record_bytes_ > std::max(kFewRecordBytes, 2 * needed)) rewrite_records();
}

// Whether all of the path was looked at.
bool LowerTier::store_path(TokenSpan path) {
  std::vector<Token> tokens;
  for (const Node* node : memory_.trie().match(path).path) {
    if (node->is_root()) continue;
    tokens.insert(tokens.end(), node->edge().begin(), node->edge().end());
    const Progress progress = store_node(*node, tokens);
    if (progress == Progress::full) return false;
    if (progress == Progress::refused) break;
  }
  index_.use(path);
  return true;
}

bool LowerTier::is_full() const { return bytes_under_way_ > budget_.limit() / kUnderWayPart; }

// What the index lacks of a node at the end of `path`.
LowerTier::Progress LowerTier::store_node(const Node& node, TokenSpan path) {
  const Lacking lacks = lacking(node, path);
  std::size_t tokens = 0, states = 0;
  std::size_t first = path.size();
  for (const auto& ranges : lacks) {
    for (const auto& [begin, end] : ranges) {
      tokens = std::max(tokens, end - begin);
      states += begin == end ? 1 : 0;
      first = std::min(first, begin == end ? node.start() : begin);
    }
  }
  if (tokens == 0 && states == 0) return Progress::done;
  if (states == 0 && tokens < kWorthStoring && node.is_leaf()) return Progress::refused;

  // Where the index ends, the path goes on from there.
  const std::size_t known = index_.trie().match(path).length;
  first = std::min(first, known);
  const bool has_attention =
      std::ranges::any_of(groups_, [](const auto& group) { return resumes_anywhere(*group); });
  if (has_attention && first < node.start()) return Progress::refused;
  for (std::size_t from = first; from < path.size();) {
    const std::size_t to = std::min(path.size(), from + piece_tokens());
    const auto lies_in_piece = [&](const EdgeRange& range) { return clip(range, from, to).has_value(); };
    const bool is_needed = to > known || std::ranges::any_of(lacks, [&](const auto& ranges) {
                             return std::ranges::any_of(ranges, lies_in_piece);
                           });
    if (is_needed) {
      if (is_full()) return Progress::full;
      if (!store_piece(node, path.first(to), from, lacks)) return Progress::refused;
    }
    from = to;
  }
  return Progress::done;
}

// Of a node's lacking ranges, what lies in [from, path.size()) of the path.
bool LowerTier::store_piece(const Node& node, TokenSpan path, std::size_t from, const Lacking& lacking) {
  const std::size_t to = path.size();
  GroupRuns runs(groups_.size());
  std::vector<Tier::BlockToInsert> blocks;
  Insert insert{.path = {path.begin(), path.end()}, .blocks = {}, .bytes = 0};
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const auto add = [&](std::size_t begin, std::size_t end) {
      const std::size_t bytes = groups_[i]->block_bytes(end - begin);
      auto block = index_.make_block(path, bytes);
      if (block == nullptr) return false;
      const StatePart& part = *NodeSnapshot::of(node).parts()[i];
      blocks.push_back(
          {block->id(), bytes, groups_[i]->writer(part, {begin - node.start(), end - node.start()})});
      insert.blocks.push_back(block->id());
      insert.bytes += bytes;
      runs[i].push_back({{begin - from, end - from}, std::move(block), 0, static_cast<int>(end - begin)});
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
  const bool marked = node.user_mark() && to == node.end();
  Tier::Record record = encode(index_.add(path, from, runs, marked));
  new_record_bytes_ += record.size();
  const std::size_t bytes = insert.bytes;
  const auto under_way = inserts_.emplace(0, std::move(insert)).first;
  submit(inserts_, under_way, [&] { return tier_->insert(std::move(blocks), std::move(record)); });
  bytes_under_way_ += bytes;
  return true;
}

LowerTier::Lacking LowerTier::lacking(const Node& node, TokenSpan path) const {
  Lacking lacking(groups_.size());
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const auto& part = NodeSnapshot::of(node).parts()[i];
    if (part == nullptr) continue;
    const auto there = index_.stored(path, i, node.start(), node.end());
    for (const auto& [begin, end] : groups_[i]->ranges(*part, node.edge().size())) {
      add_lacking({node.start() + begin, node.start() + end}, there, lacking[i]);
    }
  }
  return lacking;
}

// Tokens of a path that one insert stores: their bytes are held on to until it is done.
std::size_t LowerTier::piece_tokens() const {
  std::size_t bytes = 0;
  for (const auto& group : groups_) {
    if (!keeps_whole_states(*group)) bytes += group->block_bytes(1);
  }
  const std::size_t most = std::min(kPieceBytes, budget_.limit() / kUnderWayPart);
  const std::size_t blocks = bytes == 0 ? 16 : most / (bytes * kBlockTokens);
  return std::max<std::size_t>(blocks, 1) * kBlockTokens;
}

void LowerTier::rewrite_records() {
  tier_->replace_records(index_.records());
  new_record_bytes_ = 0;
}

void LowerTier::add_counters(PrefixCache::Counters& counters) const {
  counters.stored_tokens = index_.trie().token_count();
  counters.stored_bytes = index_.budget().used();
  counters.loads = load_count_;
  counters.failed_loads = failed_loads_;
  counters.failed_stores = failed_stores_;
}

void LowerTier::visit_allocations(const AllocationVisitor& visit) const {
  for (const auto& [ticket, load] : loads_) {
    for (const auto& state : load.loaded.states) state->visit_allocations(visit);
  }
}

std::string LowerTier::check() const {
  std::vector<std::shared_ptr<StoredBlock>> held;
  for (const auto& [ticket, load] : loads_) held.insert(held.end(), load.blocks.begin(), load.blocks.end());
  return index_.check(held);
}

}  // namespace banyan

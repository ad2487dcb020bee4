#include <algorithm>
#include <cstdint>
#include <new>
#include <string>
#include <utility>

#include "banyan/cache.h"
#include "cache/impl.h"

namespace banyan {
namespace {

// More than any node has.
constexpr std::size_t kAll = SIZE_MAX;

}  // namespace

PrefixCache::PrefixCache(std::vector<std::unique_ptr<LayerGroup>> groups, Budget& budget,
                         std::unique_ptr<Tier> tier, std::size_t tier_bytes)
    : impl_(std::make_unique<Impl>(std::move(groups), budget)) {
  if (tier != nullptr) {
    impl_->lower =
        std::make_unique<LowerTier>(impl_->groups, impl_->tree, budget, std::move(tier), tier_bytes);
  }
  impl_->count_overhead();
  budget.set_reclaimer([impl = impl_.get()](std::size_t wanted) { return impl->reclaim(wanted); });
}

PrefixCache::~PrefixCache() {
  while (!impl_->open.empty()) (*impl_->open.begin())->close();
  impl_->budget.set_reclaimer({});
  impl_->budget.set_overhead(0);
}

Result<Session> PrefixCache::begin(std::vector<Token> prompt, std::span<const RestorePoint> points,
                                   bool reuse) {
  if (prompt.empty()) return fail(Errc::invalid_argument, "the prompt is empty", "prompt");
  const Trie& known = trie();
  const Match match = reuse ? known.match(prompt) : Match{.path = {known.root()}, .length = 0};
  // No path in the trie has a negative token.
  const TokenSpan rest = TokenSpan(prompt).subspan(match.length);
  if (const auto bad = std::ranges::find_if(rest, [](Token token) { return token < 0; }); bad != rest.end()) {
    return fail(Errc::invalid_argument, "the prompt has the negative token " + std::to_string(*bad),
                "prompt");
  }
  for (const RestorePoint& point : points) {
    if (point.offset > prompt.size()) {
      return fail(Errc::invalid_argument,
                  "the restore point " + std::to_string(point.offset) + " lies outside the prompt of " +
                      std::to_string(prompt.size()) + " tokens",
                  "restore_points");
    }
  }
  Session session(std::make_unique<Session::Impl>(*impl_, std::move(prompt)));
  session.impl_->start(match, reuse);
  if (session.is_loading()) {
    session.impl_->points_after_load.assign(points.begin(), points.end());
  } else {
    session.impl_->schedule(points);
  }

  impl_->count_overhead();

  const SessionStats& stats = session.stats();
  ++impl_->totals.sessions;
  impl_->totals.prompt_tokens += stats.total;
  impl_->totals.matched_tokens += stats.matched;
  impl_->totals.restored_tokens += stats.restored;
  return session;
}

std::vector<std::string> PrefixCache::poll() {
  if (impl_->lower == nullptr) return {};
  impl_->lower->poll();
  while (auto arrival = impl_->lower->loading().next_arrival()) {
    impl_->loading.at(arrival->load)->take(std::move(*arrival));
  }
  impl_->count_overhead();
  return impl_->lower->take_notes();
}

bool PrefixCache::awaits_memory() const { return impl_->lower != nullptr && impl_->lower->awaits_memory(); }

bool PrefixCache::wants_poll() const {
  return impl_->lower != nullptr && impl_->lower->storing().wants_poll();
}

void PrefixCache::set_busy(bool busy, int spare_cores) {
  if (impl_->lower != nullptr) impl_->lower->set_busy(busy, spare_cores);
}

void PrefixCache::set_evaluation_speed(double tokens_per_second) {
  if (impl_->lower != nullptr) impl_->lower->loading().set_evaluation_speed(tokens_per_second);
}

void PrefixCache::flush() {
  if (impl_->lower == nullptr) return;
  impl_->lower->flush();
  impl_->count_overhead();
}

std::size_t PrefixCache::least_bytes(std::size_t tokens) const {
  std::size_t bytes = CacheTrie::own_bytes(1, tokens);
  if (impl_->lower != nullptr) bytes += impl_->lower->most_own_bytes();
  for (const auto& group : impl_->groups) bytes += group->least_bytes(tokens);
  return bytes;
}

std::size_t PrefixCache::room() const {
  const std::size_t most = budget().limit() + impl_->tree.order().bytes();
  return most - std::min(most, budget().used());
}

std::size_t PrefixCache::match_length(TokenSpan prompt) const {
  return impl_->tree.trie().match(prompt).length;
}

std::size_t PrefixCache::restorable_length(TokenSpan prompt) const {
  if (prompt.empty()) return 0;
  const Match match = trie().match(prompt);
  return find_resumption(impl_->groups, path_parts(*match.path.back(), impl_->groups.size()),
                         std::min(match.length, prompt.size() - 1))
      .offset;
}

bool PrefixCache::evict_one() { return impl_->evict(kAll); }

void PrefixCache::clear() {
  while (impl_->evict(kAll)) {
  }
}

PrefixCache::Counters PrefixCache::counters() const {
  Counters counters = impl_->totals;
  counters.nodes = trie().node_count();
  counters.tokens = trie().token_count();
  counters.snapshot_bytes = trie().snapshot_bytes();
  counters.open_sessions = impl_->open.size();
  if (impl_->lower != nullptr) impl_->lower->add_counters(counters);
  return counters;
}

const Trie& PrefixCache::trie() const { return impl_->tree.trie(); }
const Budget& PrefixCache::budget() const { return impl_->budget; }

bool PrefixCache::Impl::evict(std::size_t wanted) {
  const std::size_t before = tree.trie().token_count();
  if (!tree.evict(wanted)) return false;
  ++totals.evictions;
  totals.evicted_tokens += before - tree.trie().token_count();
  count_overhead();
  return true;
}

bool PrefixCache::Impl::let_go_of_rests() {
  bool any = false;
  try {
    for (Session::Impl* session : open) any |= session->let_go_of_rest();
  } catch (const std::bad_alloc&) {
    return false;  // not even the few bytes of a node
  }
  totals.let_go += any;
  count_overhead();
  return any;
}

std::size_t PrefixCache::Impl::own_bytes() const {
  return tree.own_bytes() + (lower == nullptr ? 0 : lower->own_bytes());
}

void PrefixCache::Impl::count_overhead() { budget.set_overhead(own_bytes()); }

bool PrefixCache::Impl::reclaim(std::size_t wanted) {
  const std::size_t before = budget.used();
  const auto freed = [&] { return before - std::min(before, budget.used()); };
  count_overhead();
  // A node may give back less than is wanted, or nothing: others can hold the same segments.
  while (freed() < wanted && evict(wanted - freed())) {
  }
  if (freed() == 0 && lower != nullptr) lower->give_up_storing();
  return budget.used() < before;
}

}  // namespace banyan

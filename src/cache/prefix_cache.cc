#include <algorithm>
#include <string>
#include <utility>

#include "banyan/cache.h"
#include "cache/impl.h"

namespace banyan {

PrefixCache::PrefixCache(std::vector<std::unique_ptr<LayerGroup>> groups, Budget& budget)
    : impl_(std::make_unique<Impl>(std::move(groups), budget)) {
  budget.set_reclaimer([impl = impl_.get()](std::size_t wanted) { return impl->reclaim(wanted); });
}

PrefixCache::~PrefixCache() {
  while (!impl_->open.empty()) (*impl_->open.begin())->close();
  impl_->budget.set_reclaimer({});
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
  session.impl_->start(match);
  session.impl_->schedule(points);

  const SessionStats& stats = session.stats();
  ++impl_->totals.sessions;
  impl_->totals.prompt_tokens += stats.total;
  impl_->totals.matched_tokens += stats.matched;
  impl_->totals.restored_tokens += stats.restored;
  return session;
}

std::size_t PrefixCache::match_length(TokenSpan prompt) const {
  return impl_->tree.trie().match(prompt).length;
}

bool PrefixCache::evict_one() { return impl_->evict_one(); }

void PrefixCache::clear() {
  while (impl_->evict_one()) {
  }
}

PrefixCache::Counters PrefixCache::counters() const {
  Counters counters = impl_->totals;
  counters.nodes = trie().node_count();
  counters.tokens = trie().token_count();
  counters.snapshot_bytes = trie().snapshot_bytes();
  counters.open_sessions = impl_->open.size();
  return counters;
}

const Trie& PrefixCache::trie() const { return impl_->tree.trie(); }
const Budget& PrefixCache::budget() const { return impl_->budget; }

bool PrefixCache::Impl::evict_one() {
  if (!tree.evict_one()) return false;
  ++totals.evictions;
  return true;
}

bool PrefixCache::Impl::reclaim(std::size_t wanted) {
  // An entry may give back less than its bytes, or nothing: others can hold the same segments.
  const std::size_t before = budget.used();
  while (before - budget.used() < wanted && evict_one()) {
  }
  return budget.used() < before;
}

}  // namespace banyan

#include <algorithm>
#include <new>
#include <ranges>
#include <utility>

#include "cache/impl.h"
#include "cache/worth.h"

namespace banyan {

const char* to_string(RestoreLimit limit) {
  switch (limit) {
    case RestoreLimit::none:
      return "none";
    case RestoreLimit::last_token:
      return "last_token";
    case RestoreLimit::no_state:
      return "no_state";
    case RestoreLimit::no_point:
      return "no_point";
  }
  return "";
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;

Session& Session::operator=(Session&& other) noexcept {
  if (this != &other) {
    close();
    impl_ = std::move(other.impl_);
  }
  return *this;
}

Session::~Session() { close(); }

TokenSpan Session::tokens() const { return impl_->tokens; }
std::size_t Session::position() const { return impl_->position; }

TokenSpan Session::pending() const {
  // What is beyond the position is prompt: the tokens of a reply are added as they are evaluated.
  return TokenSpan(impl_->tokens).subspan(impl_->position);
}

const SessionStats& Session::stats() const { return impl_->stats; }
bool Session::is_loading() const { return impl_->load != 0; }
std::size_t Session::arriving() const { return is_loading() ? impl_->arriving : position(); }
std::span<LiveState* const> Session::states() const { return impl_->state_pointers; }
bool Session::is_open() const { return impl_ != nullptr && impl_->cache != nullptr; }

Result<> Session::reserve(std::size_t count) {
  require(is_open(), "reserve: the session is closed");
  require(!is_loading(), "reserve: the session is loading");
  Result<> room = impl_->reserve(count);
  // Once nothing else can go, what sessions only share the beginning of can: no one has a path in hand now.
  if (!room && impl_->cache->let_go_of_rests()) room = impl_->reserve(count);
  return room;
}

void Session::advance(TokenSpan tokens) {
  require(is_open(), "advance: the session is closed");
  require(tokens.size() <= impl_->reserved, "advance: more tokens than were reserved");
  if (const TokenSpan prompt = pending(); !prompt.empty()) {
    require(tokens.size() <= prompt.size() && std::ranges::equal(tokens, prompt.first(tokens.size())),
            "advance: the tokens are not the next of the prompt");
  } else {
    require(std::ranges::all_of(tokens, [](Token token) { return token >= 0; }), "advance: a negative token");
    impl_->tokens.insert(impl_->tokens.end(), tokens.begin(), tokens.end());
  }
  for (const auto& state : impl_->states) state->commit(tokens.size());
  impl_->reserved = 0;
  impl_->position += tokens.size();
  impl_->stats.evaluated += tokens.size();
  impl_->cache->totals.evaluated_tokens += tokens.size();
  impl_->schedule_in_reply();
}

void Session::add_restore_point(std::size_t offset) {
  require(is_open(), "add_restore_point: the session is closed");
  if (is_loading()) {
    impl_->points_after_load.push_back({.offset = offset});
  } else if (needs_points(impl_->cache->groups) && offset > position() &&
             impl_->points.emplace(offset, false).second) {
    for (const auto& state : impl_->states) state->schedule_capture(offset);
  }
}

void Session::publish() {
  require(is_open(), "publish: the session is closed");
  impl_->publish();
  impl_->cache->count_overhead();
}

void Session::close() noexcept {
  if (is_open()) impl_->close();
}

Session::Impl::Impl(PrefixCache::Impl& owner, std::vector<Token> prompt)
    : cache(&owner), tokens(std::move(prompt)), tip(owner.tree.trie().root()) {
  stats.total = tokens.size();
  cache->open.insert(this);  // which may throw, and then nothing is acquired
  cache->tree.acquire(tip);
}

void Session::Impl::set_states(std::vector<std::unique_ptr<LiveState>> new_states) {
  states = std::move(new_states);
  state_pointers.clear();
  for (const auto& state : states) state_pointers.push_back(state.get());
}

void Session::Impl::start(const Match& match, bool may_load) {
  // Before the states resume: they may allocate, and eviction must spare what they resume from.
  hold(match.path.back());

  const std::size_t deepest = std::min(match.length, tokens.size() - 1);
  const auto paths = path_parts(*tip, cache->groups.size());
  const Resumption found = find_resumption(cache->groups, paths, deepest);
  std::vector<std::unique_ptr<LiveState>> resumed;
  for (std::size_t i = 0; i < cache->groups.size(); ++i) {
    resumed.push_back(cache->groups[i]->resume(paths[i], found.offset, cache->budget));
  }
  set_states(std::move(resumed));
  position = published = found.offset;

  stats.matched = match.length;
  stats.restored = found.offset;
  if (found.held_back_by != nullptr) {
    stats.limit = found.limit;
    stats.limited_by = found.held_back_by->kind();
    // The next prompt that parts from the trie here restores all that it matches.
    points.emplace(deepest, false);
  } else if (found.offset < match.length) {
    stats.limit = RestoreLimit::last_token;
  }
  if (!may_load || cache->lower == nullptr) return;
  if (const auto begun = cache->lower->loading().begin(tokens, paths, match.length, position)) {
    load = begun->load;
    arriving = begun->next;
    cache->loading.emplace(load, this);
  }
}

void Session::Impl::take(Loading::Arrival arrival) {
  arriving = arrival.next;
  if (arrival.is_last) {
    cache->loading.erase(load);
    load = 0;
  }
  if (arrival.part) take_part(std::move(*arrival.part));
  if (arrival.is_last) schedule(points_after_load);
}

void Session::Impl::take_part(Loaded loaded) {
  cache->totals.matched_tokens -= stats.matched;
  cache->totals.restored_tokens -= stats.restored;
  set_states(std::move(loaded.states));
  stats.loaded += loaded.offset - position;
  cache->totals.loaded_tokens += loaded.offset - position;
  position = stats.restored = loaded.offset;
  stats.matched = std::max(stats.matched, loaded.matched);
  cache->totals.matched_tokens += stats.matched;
  cache->totals.restored_tokens += stats.restored;

  // The next prompt that parts from the trie here restores all that it matches.
  const std::size_t deepest = std::min(stats.matched, tokens.size() - 1);
  if (position < deepest) {
    if (loaded.resumption.held_back_by != nullptr) {
      stats.limit = loaded.resumption.limit;
      stats.limited_by = loaded.resumption.held_back_by->kind();
    }
    points.emplace(deepest, false);
  } else {
    stats.limit = position < stats.matched ? RestoreLimit::last_token : RestoreLimit::none;
    stats.limited_by.clear();
  }
  try_publish();
  points.erase(points.begin(), points.upper_bound(position));
}

void Session::Impl::schedule(std::span<const RestorePoint> restore_points) {
  // From the last to the first, as they mostly come in order: the walk up the path goes on.
  Node* node = tip;
  for (const RestorePoint& point : std::views::reverse(restore_points)) {
    if (!needs_points(cache->groups) && !point.user) continue;
    if (point.offset > position) {
      points[point.offset] |= point.user;
    } else if (point.user && point.offset > 0 && point.offset <= published) {
      if (point.offset > node->end()) node = tip;
      while (point.offset <= node->start()) node = node->parent();
      if (point.offset < node->end()) node = cache->tree.split(node, point.offset);
      cache->tree.mark(node);
    }
  }
  for (const auto& [offset, user] : points) {
    for (const auto& state : states) state->schedule_capture(offset);
  }
}

void Session::Impl::schedule_in_reply() {
  if (position < stats.total || !needs_points(cache->groups)) return;
  if (!points.empty() && points.rbegin()->first > position) return;
  const std::size_t offset = next_below(position);
  points.emplace(offset, false);
  for (const auto& state : states) state->schedule_capture(offset);
}

Result<> Session::Impl::reserve(std::size_t count) {
  give_back_reserved();
  for (const auto& state : states) {
    if (Result<> room = state->reserve(count); !room) {
      give_back_reserved();
      return room;
    }
  }
  reserved = count;
  return {};
}

void Session::Impl::give_back_reserved() {
  for (const auto& state : states) state->commit(0);
  reserved = 0;
}

void Session::Impl::hold(Node* node) {
  cache->tree.acquire(node);
  cache->tree.release(std::exchange(tip, node));
}

bool Session::Impl::let_go_of_rest() {
  Node* node = tip;
  while (!node->is_root() && node->start() >= published) node = node->parent();
  if (node->end() > published) node = cache->tree.split(node, published);
  if (node == tip) return false;
  hold(node);
  return true;
}

void Session::Impl::try_publish() {
  try {
    publish();
  } catch (const std::bad_alloc&) {
    // Not even the few bytes of a node: what was not published is evaluated again when it is next asked for.
  }
}

void Session::Impl::close() noexcept {
  // What throws has only failed to make later requests cheaper.
  const auto attempt = [](const auto& action) noexcept {
    try {
      action();
    } catch (...) {
    }
  };
  attempt([&] { publish(); });
  if (load != 0) {
    attempt([&] {
      cache->loading.erase(load);
      cache->lower->loading().abandon(std::exchange(load, 0));
    });
  }
  if (stats.evaluated > 0) {
    attempt([&] {
      cache->tree.use(tip, stats.restored);
      // The conversation has gone on from there: it is unlikely to be retried a few tokens before.
      cache->tree.thin(tip, stats.restored);
    });
  }
  if (cache->lower != nullptr && published > 0) {
    attempt([&] {
      const TokenSpan kept = TokenSpan(tokens).first(published);
      cache->lower->storing().store({kept.begin(), kept.end()});
    });
  }
  attempt([&] { cache->tree.release(tip); });
  cache->count_overhead();
  cache->open.erase(this);
  cache = nullptr;
  state_pointers.clear();
  states.clear();
}

}  // namespace banyan

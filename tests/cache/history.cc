#include "cache/history.h"

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "banyan/cache.h"
#include "cache/node_snapshot.h"

namespace banyan {
namespace {

constexpr std::size_t kMostSessions = 6;
constexpr std::size_t kLongestPrompt = 400;

/// What the map knows of a token prefix that the trie holds.
struct Held {
  bool point = false;   ///< a recurrent state was captured at its end,
  bool unsure = false;  ///< or perhaps not, for want of memory or of worth
  bool user = false;
};

/// Token prefixes, by their hash.
using Prefixes = std::unordered_map<std::uint64_t, Held>;

struct Open {
  Session session;
  std::map<std::size_t, bool> points;  ///< asked for beyond what was restored; true: the user's
  std::size_t published = 0;
  std::size_t kept = 0;          ///< of its path, what the trie must not lose
  bool short_of_memory = false;  ///< captures may have been given up
};

/// A node that eviction may choose.
struct Victim {
  std::uint64_t path = 0;  ///< hash of the path to its end
  std::size_t edge = 0;
  bool leaf = false;
  bool cheap = false;
};

class History {
 public:
  History(const LayerKinds& kinds, std::size_t limit, std::span<const std::uint8_t> bytes)
      : kinds_(kinds),
        groups_(make_groups(kinds)),
        budget_(limit),
        cache_(make_groups(kinds), budget_),
        bytes_(bytes) {}

  CacheHistoryResult run() {
    while (result_.wrong.empty() && at_ < bytes_.size()) {
      ++result_.steps;
      evictions_ = cache_.counters().evictions;
      step();
      compare();
    }
    if (result_.wrong.empty()) finish();
    result_.evictions = cache_.counters().evictions;
    return result_;
  }

 private:
  std::size_t choose(std::size_t choices) {
    std::size_t value = 0;
    for (std::size_t range = 1; range < choices; range <<= 8) {
      value = value << 8 | (at_ < bytes_.size() ? bytes_[at_++] : 0);
    }
    return value % choices;
  }

  void expect(bool holds, const std::string& what) {
    if (!holds && result_.wrong.empty()) result_.wrong = what;
  }

  void expect_right_state(const Session& session) {
    expect(holds_its_path(session), "a state is not that of its path");
  }

  void step() {
    const std::size_t action = choose(256);
    if (action < 48) return begin();
    if (action < 64) return publish();
    if (action < 112) return close();
    if (action < 128) return evict_one();
    if (action < 144) return scratch();
    if (action < 160) return move();
    if (action < 161) return clear();
    if (action < 172) return reclaim();
    evaluate_some();
  }

  Path choose_prompt() {
    Path prompt;
    if (!known_.empty() && choose(8) > 0) {
      prompt = known_[choose(known_.size())];
      if (choose(3) > 0) prompt.resize(choose(prompt.size() + 1));
    }
    const std::size_t more = choose(8) == 0 ? choose(300) : choose(16);
    for (std::size_t i = 0; i < more; ++i) prompt.push_back(static_cast<Token>(choose(3)));
    if (prompt.size() > kLongestPrompt) prompt.resize(kLongestPrompt);
    if (prompt.empty()) prompt.push_back(0);
    if (known_.size() < 40) known_.emplace_back();
    known_[choose(known_.size())] = prompt;
    return prompt;
  }

  // The deepest offset that every group can resume at, tried one by one.
  std::size_t deepest_resumable(const Path& prompt, std::size_t limit) const {
    const Match match = cache_.trie().match(prompt);
    for (std::size_t offset = limit; offset > 0; --offset) {
      bool all = true;
      for (std::size_t i = 0; i < groups_.size(); ++i) {
        std::vector<PathPart> parts;
        for (const Node* node : match.path) {
          if (!node->is_root())
            parts.push_back({NodeSnapshot::of(*node).parts()[i].get(), node->start(), node->end()});
        }
        all = all && groups_[i]->resumable(parts, offset) == offset;
      }
      if (all) return offset;
    }
    return 0;
  }

  void begin() {
    if (open_.size() == kMostSessions) return close();
    const Path prompt = choose_prompt();
    const bool reuse = choose(8) > 0;
    std::vector<RestorePoint> points;
    for (std::size_t i = choose(4); i > 0; --i) points.push_back({choose(prompt.size() + 1), choose(3) == 0});

    const auto hashes = path_hashes(prompt);
    std::size_t matched = 0;
    while (reuse && matched < prompt.size() && held_.contains(hashes[matched])) ++matched;
    const std::size_t limit = std::min(matched, prompt.size() - 1);
    const std::size_t restored = reuse ? deepest_resumable(prompt, limit) : 0;
    expect(cache_.match_length(prompt) == matched || !reuse, "match_length differs from the map");

    auto begun = cache_.begin(prompt, points, reuse);
    expect(begun.has_value(), "begin refused a good prompt");
    if (!begun) return;
    Open open{.session = std::move(*begun), .points = {}, .published = restored, .kept = matched};
    const SessionStats& stats = open.session.stats();
    expect(stats.total == prompt.size() && stats.evaluated == 0, "wrong totals at begin");
    expect(stats.matched == matched, "matched differs from the map");
    expect(stats.restored == restored, "restored is not the deepest offset that all groups can resume at");
    if (kinds_.recurrent && !kinds_.window) {
      std::size_t point = limit;
      while (point > 0 && !held_.at(hashes[point - 1]).point) --point;
      expect(restored == point, "restored is not the last point of the map");
    } else if (!kinds_.window) {
      expect(restored == limit, "full attention restored less than it could");
    }
    const bool held_back = restored < limit;
    expect((stats.limit == RestoreLimit::none) == (restored == matched) &&
               (stats.limit == RestoreLimit::last_token) == (restored < matched && !held_back) &&
               stats.limited_by.empty() != held_back,
           "the wrong reason for restoring less than what matched");
    count(to_string(stats.limit));
    if (restored > 0) count("restored");

    if (held_back) open.points.emplace(limit, false);
    for (const RestorePoint& point : points) {
      if (point.offset > restored) {
        open.points[point.offset] |= point.user;
      } else if (point.user && point.offset > 0) {
        held_.at(hashes[point.offset - 1]).user = true;
      }
    }
    open_.push_back(std::move(open));
    expect_right_state(open_.back().session);
  }

  void evaluate_some() {
    if (open_.empty()) return;
    Open& open = open_[choose(open_.size())];
    Session& session = open.session;
    const TokenSpan pending = session.pending();
    Path next(pending.begin(),
              pending.begin() + static_cast<std::ptrdiff_t>(std::min(pending.size(), choose(120))));
    if (pending.empty() && session.position() < kLongestPrompt) {
      for (std::size_t i = choose(12); i > 0; --i) next.push_back(static_cast<Token>(choose(3)));
    }
    const std::size_t position = session.position();
    const std::uint64_t let_go = cache_.counters().let_go;
    const Result<> room = session.reserve(next.size() + choose(3));
    if (cache_.counters().let_go != let_go) {
      for (Open& each : open_) each.kept = each.published;
      count("let go");
    }
    if (kinds_.recurrent && budget_.used() + kTestRecurrentLayout.bytes() > budget_.limit()) {
      open.short_of_memory = true;
    }
    if (!room) {
      count("out of memory");
      expect(room.error().code == Errc::out_of_memory, "reserve failed with the wrong error");
      expect(session.position() == position, "a refused reservation moved the session");
      return;
    }
    count(pending.empty() ? "decode" : "prefill");
    forward(session, next);
    session.advance(next);
    // A long reply has a point now and then.
    const std::size_t end = session.position();
    const bool ahead = !open.points.empty() && open.points.rbegin()->first > end;
    if ((kinds_.window || kinds_.recurrent) && end >= session.stats().total && !ahead) {
      open.points.emplace(end + std::max<std::size_t>(256, end / 16), false);
    }
    expect_right_state(session);
    evaluated_ += next.size();
  }

  // The map's side of publishing.
  void keep(Open& open) {
    const Session& session = open.session;
    const std::size_t end = session.position();
    if (end == open.published) return;
    const auto hashes = path_hashes(session.tokens().first(end));
    for (const std::uint64_t hash : hashes) held_.try_emplace(hash);
    for (const auto& [offset, user] : open.points) {
      if (offset > end) continue;
      Held& held = held_.at(hashes[offset - 1]);
      held.unsure = kinds_.recurrent && !held.point && open.short_of_memory;
      held.point = kinds_.recurrent;
      held.user = held.user || user;
    }
    held_.at(hashes[end - 1]).point = kinds_.recurrent;
    held_.at(hashes[end - 1]).unsure = false;
    open.kept = open.published = end;
  }

  // The map's side of closing: points may go that one not far before them stands in for.
  void keep_and_thin(Open& open) {
    keep(open);
    const SessionStats& stats = open.session.stats();
    if (stats.evaluated == 0) return;
    const auto hashes = path_hashes(open.session.tokens().first(open.session.position()));
    std::size_t before = 0;
    for (std::size_t offset = 1; offset < stats.restored; ++offset) {
      Held& held = held_.at(hashes[offset - 1]);
      if (!held.point) continue;
      if (!held.user && offset - before <= std::max<std::size_t>(32, offset / 32)) held.unsure = true;
      before = offset;
    }
  }

  void publish() {
    if (open_.empty()) return;
    Open& open = open_[choose(open_.size())];
    keep(open);
    open.session.publish();
    const Path path(open.session.tokens().begin(),
                    open.session.tokens().begin() + static_cast<std::ptrdiff_t>(open.published));
    expect(deepest_resumable(path, path.size()) == path.size(),
           "the end of what was published is no restore point");
    count("publish");
  }

  void close() {
    if (open_.empty()) return;
    const std::size_t which = choose(open_.size());
    keep_and_thin(open_[which]);
    const bool cut_short = !open_[which].session.pending().empty();
    if (choose(2) == 0) open_[which].session.close();
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(which));
    count(cut_short ? "close early" : "close");
  }

  void move() {
    if (open_.size() < 2) return;
    const std::size_t to = choose(open_.size());
    const std::size_t from = (to + 1) % open_.size();
    keep_and_thin(open_[to]);
    open_[to] = std::move(open_[from]);
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(from));
    count("move over an open session");
  }

  // Memory of others comes and goes.
  void scratch() {
    if (scratch_.bytes() > 0) return scratch_.release();
    auto taken = budget_.take(choose(budget_.limit() / 2), "scratch");
    if (taken) scratch_ = std::move(*taken);
  }

  void clear() {
    cache_.clear();
    expect(!cache_.evict_one(), "clear left something that can go");
    count("clear");
  }

  bool is_cheap(const Node& node) const {
    if (!kinds_.recurrent || NodeSnapshot::of(node).parts().back() == nullptr) return false;
    return !node.is_leaf() && node.edge().size() <= std::max<std::size_t>(32, node.end() / 32);
  }

  // What may go first, found by looking at every node.
  std::vector<Victim> victims() const {
    const auto rank = [this](const Node& node) {
      const long end = static_cast<long>(node.end());
      const long bytes = static_cast<long>(node.snapshot()->bytes());
      const long use = static_cast<long>(node.last_use());
      if (is_cheap(node)) return std::tuple(0, end, use, -bytes);
      return std::tuple(1 + node.user_mark(), 2 * use + node.is_leaf(), -end, -bytes);
    };
    const Node* first = nullptr;
    std::vector<Victim> all;
    walk([&](const Node& node, const std::vector<std::uint64_t>& hashes) {
      const bool may_go =
          node.uses() == 0 && (node.is_leaf() || (node.child_count() == 1 && !node.user_mark()));
      if (!may_go || (first != nullptr && rank(*first) < rank(node))) return;
      if (first == nullptr || rank(node) < rank(*first)) all.clear();
      first = &node;
      all.push_back({hashes.back(), node.edge().size(), node.is_leaf(), is_cheap(node)});
    });
    return all;
  }

  void evict_one() {
    const std::vector<Victim> may_go = victims();
    const auto before = cache_.counters();
    const bool evicted = cache_.evict_one();
    expect(evicted == !may_go.empty(), "evict_one did something else than it said");
    if (!evicted) return;
    const Prefixes left = prefixes();
    const auto after = cache_.counters();
    expect(after.evictions == before.evictions + 1, "an eviction was not counted");
    const bool right = std::ranges::any_of(may_go, [&](const Victim& victim) {
      if (victim.leaf) return !left.contains(victim.path) && before.tokens - after.tokens == victim.edge;
      return before.tokens == after.tokens && after.nodes < before.nodes && !left.at(victim.path).point;
    });
    expect(right, "evict_one chose the wrong node");
    count(before.tokens == after.tokens ? "evict inner" : "evict leaf");
    if (may_go.front().cheap) count("evict cheap");
  }

  // A little memory is wanted: whoever goes first gives up no more of its tail than that takes.
  void reclaim() {
    const std::vector<Victim> may_go = victims();
    const std::size_t wanted = 1 + choose(3 * kTestLayout.segment_bytes(256));
    const auto before = cache_.counters();
    const std::size_t used = budget_.used();
    const bool reclaimed = budget_.reclaim(wanted);
    const auto after = cache_.counters();
    const std::size_t freed = used - budget_.used();
    const std::size_t lost = before.tokens - after.tokens;
    expect(reclaimed == (freed > 0), "reclaim did something else than it said");
    expect(freed >= wanted || !cache_.evict_one(), "reclaim ended before all had gone");
    expect(after.evicted_tokens - before.evicted_tokens == lost, "lost tokens were not counted");
    if (after.evictions != before.evictions + 1 || !may_go.front().leaf) return;
    const bool whole = std::ranges::any_of(may_go, [&](const Victim& victim) { return victim.edge == lost; });
    if (kinds_.window || kinds_.recurrent) return expect(whole, "a leaf lost its only point and stayed");
    if (lost < may_go.front().edge || !whole) {
      const Prefixes left = prefixes();
      const bool is_tail =
          std::ranges::none_of(may_go, [&](const Victim& victim) { return left.contains(victim.path); });
      expect(is_tail || may_go.size() > 1, "a tail went of another node");
      expect(freed < wanted + kTestLayout.segment_bytes(256), "a longer tail went than was wanted");
      count("evict tail");
    }
  }

  // Calls visit(node, hashes of the paths to each token of its edge) for every node but the root.
  template <class Visit>
  void walk(Visit visit) const {
    std::unordered_map<const Node*, std::uint64_t> ends;
    cache_.trie().walk([&](const Node& node) {
      if (node.is_root()) return true;
      const auto hashes = path_hashes(node.edge(), ends[node.parent()]);
      ends[&node] = hashes.back();
      visit(node, hashes);
      return true;
    });
  }

  // What the trie holds.
  Prefixes prefixes() const {
    Prefixes all;
    walk([&](const Node& node, const std::vector<std::uint64_t>& hashes) {
      for (const std::uint64_t hash : hashes) all.try_emplace(hash);
      const bool point = kinds_.recurrent && NodeSnapshot::of(node).parts().back() != nullptr;
      all[hashes.back()] = {.point = point, .unsure = false, .user = node.user_mark()};
    });
    return all;
  }

  void compare() {
    expect(budget_.charged() <= budget_.limit(), "the budget was exceeded");
    const std::string wrong = cache_.check(scratch_.bytes());
    expect(wrong.empty(), wrong);
    const auto counters = cache_.counters();
    if (counters.evictions != evictions_ || result_.steps % 16 == 0) {
      for (const Open& open : open_) expect_right_state(open.session);
    }

    const Prefixes now = prefixes();
    if (counters.evictions == evictions_) {
      expect(now.size() == held_.size(), "the trie differs from the map");
      for (const auto& [prefix, held] : held_) {
        const auto found = now.find(prefix);
        const bool lost = held.point && found != now.end() && !found->second.point;
        expect(found != now.end() && (!lost || held.unsure), "the trie lost what the map has");
        if (lost) count("points given up");
      }
    }
    for (const auto& [prefix, held] : now) {
      const auto expected = held_.find(prefix);
      expect(expected != held_.end(), "the trie holds what was never evaluated");
      if (expected == held_.end()) break;
      expect(!held.point || expected->second.point, "a point where none was captured");
      expect(held.user == expected->second.user, "a user mark was lost, or came from nowhere");
    }
    for (const Open& open : open_) {
      const auto hashes = path_hashes(open.session.tokens().first(open.kept));
      expect(open.kept == 0 || now.contains(hashes.back()), "the path of an open session was evicted");
    }
    held_ = now;
    expect(counters.tokens == now.size(), "the counter of tokens is wrong");
    expect(counters.open_sessions == open_.size(), "the counter of open sessions is wrong");
    expect(counters.evaluated_tokens == evaluated_, "the counter of evaluated tokens is wrong");
    if (!result_.wrong.empty()) result_.wrong += " (step " + std::to_string(result_.steps) + ")";
  }

  void finish() {
    open_.clear();
    scratch_.release();
    cache_.clear();
    expect(cache_.check().empty(), "after the end: " + cache_.check());
    expect(budget_.used() == 0, "memory leaked: " + std::to_string(budget_.used()) + " bytes");
    expect(cache_.counters().nodes == 1, "nodes are left that nothing uses");
  }

  void count(const std::string& what) { ++result_.done[what]; }

  const LayerKinds kinds_;
  const std::vector<std::unique_ptr<LayerGroup>> groups_;
  Budget budget_;
  PrefixCache cache_;
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;

  std::vector<Open> open_;
  std::vector<Path> known_;
  Prefixes held_;
  Charge scratch_;
  std::uint64_t evaluated_ = 0;
  std::uint64_t evictions_ = 0;  // before the step
  CacheHistoryResult result_;
};

}  // namespace

CacheHistoryResult run_cache_history(const LayerKinds& kinds, std::size_t limit,
                                     std::span<const std::uint8_t> bytes) {
  return History(kinds, limit, bytes).run();
}

}  // namespace banyan

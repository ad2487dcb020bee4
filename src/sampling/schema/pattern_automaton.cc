#include "sampling/schema/pattern_automaton.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "sampling/schema/char_sets.h"
#include "text/utf8.h"

namespace banyan {
namespace {

using State = Automaton::State;

// Thompson's construction: a pattern with states that split and states that take a character.
class PatternStates {
 public:
  enum class Kind : std::uint8_t { chars, split, begin, end, found };
  struct Node {
    Kind kind;
    const CharSet* set;
    std::uint32_t next, other;
  };
  static constexpr std::size_t kMaxNodes = 4 * Automaton::kMaxStates;

  explicit PatternStates(const Pattern& pattern) {
    found = add({Kind::found, nullptr, kNoNumber, kNoNumber});
    start = build(pattern, found);
    // The beginning may be anywhere, and anything may follow.
    before = add({Kind::chars, &all_characters(), kNoNumber, kNoNumber});
    anywhere = add({Kind::split, nullptr, before, start});
    nodes[before].next = anywhere;
  }
  bool is_full() const { return nodes.size() >= kMaxNodes; }

  std::vector<Node> nodes;
  std::uint32_t start = 0, found = 0, before = 0, anywhere = 0;

 private:
  std::uint32_t add(Node node) {
    nodes.push_back(node);
    return static_cast<std::uint32_t>(nodes.size() - 1);
  }

  // Returns where to enter what goes on at `next`.
  std::uint32_t build(const Pattern& pattern, std::uint32_t next) {
    if (is_full()) return next;
    switch (pattern.kind) {
      case Pattern::Kind::set:
        return add({Kind::chars, &pattern.set, next, kNoNumber});
      case Pattern::Kind::begin:
        return add({Kind::begin, nullptr, next, kNoNumber});
      case Pattern::Kind::end:
        return add({Kind::end, nullptr, next, kNoNumber});
      case Pattern::Kind::sequence:
        for (std::size_t i = pattern.parts.size(); i-- > 0;) next = build(pattern.parts[i], next);
        return next;
      case Pattern::Kind::choice: {
        std::uint32_t entry = build(pattern.parts.back(), next);
        for (std::size_t i = pattern.parts.size() - 1; i-- > 0;) {
          const std::uint32_t other = build(pattern.parts[i], next);
          entry = add({Kind::split, nullptr, other, entry});
        }
        return entry;
      }
      case Pattern::Kind::repeat: {
        const Pattern& part = pattern.parts.front();
        std::uint32_t entry = next;
        if (pattern.most == Pattern::kNoMost) {
          entry = add({Kind::split, nullptr, next, next});
          const std::uint32_t body = build(part, entry);
          nodes[entry].next = body;
        } else {
          for (std::uint32_t i = pattern.least; i < pattern.most && !is_full(); ++i) {
            const std::uint32_t body = build(part, entry);
            entry = add({Kind::split, nullptr, body, next});
          }
        }
        for (std::uint32_t i = 0; i < pattern.least && !is_full(); ++i) {
          const std::uint32_t body = build(part, entry);
          if (body == entry) break;  // repetitions of nothing
          entry = body;
        }
        return entry;
      }
    }
    std::unreachable();
  }
};

// Makes an automaton of sets of a pattern's states.
class Determinizer {
 public:
  explicit Determinizer(const PatternStates& pattern)
      : pattern_(pattern), seen_(pattern.nodes.size()), at_end_(pattern.nodes.size()) {}

  std::optional<Automaton> run() {
    using Kind = PatternStates::Kind;
    Automaton automaton;
    const auto state_of = [&](std::vector<std::uint32_t> nodes) {
      work_ += 16 + nodes.size();
      const auto [at, added] =
          numbers_.try_emplace(std::move(nodes), static_cast<std::uint32_t>(automaton.states.size()));
      if (added) {
        automaton.states.emplace_back();
        todo_.push_back(&*at);
      }
      return at->second;
    };
    state_of(closure({pattern_.start, pattern_.anywhere}, true, seen_));
    for (std::size_t i = 0; i < todo_.size(); ++i) {
      const auto& [nodes, number] = *todo_[i];
      State state;
      state.accepts = accepts(nodes, number == 0);
      const bool is_found = std::ranges::binary_search(nodes, pattern_.found);
      std::vector<char32_t> firsts;
      if (is_found) {
        state.edges.push_back({0, kLastCodePoint, number});
      } else {
        for (const std::uint32_t node : nodes) {
          if (pattern_.nodes[node].kind != Kind::chars) continue;
          for (const CharSet::Range& range : pattern_.nodes[node].set->ranges) {
            firsts.push_back(range.first);
            firsts.push_back(range.last + 1);
          }
          work_ += pattern_.nodes[node].set->ranges.size();
          if (work_ > Automaton::kMaxWork) return std::nullopt;
        }
        std::ranges::sort(firsts);
        firsts.erase(std::unique(firsts.begin(), firsts.end()), firsts.end());
      }
      for (std::size_t k = 0; k + 1 < firsts.size(); ++k) {
        std::vector<std::uint32_t> next;
        for (const std::uint32_t node : nodes) {
          const auto& [kind, set, to, other] = pattern_.nodes[node];
          ++work_;
          if (kind == Kind::chars && set->has_any_of(firsts[k], firsts[k])) next.push_back(to);
        }
        if (next.empty()) continue;
        std::vector<std::uint32_t> closed = closure(std::move(next), false, seen_);
        // Once it is found, nothing else matters.
        if (std::ranges::binary_search(closed, pattern_.found)) closed = {pattern_.found};
        state.edges.push_back({firsts[k], firsts[k + 1] - 1, state_of(std::move(closed))});
        if (work_ > Automaton::kMaxWork || automaton.states.size() > Automaton::kMaxStates) {
          return std::nullopt;
        }
      }
      automaton.states[number] = std::move(state);
    }
    return automaton;
  }
  std::size_t work() const { return work_; }

 private:
  // The nodes that take a character, wait for the end or are found, from which on nothing is taken.
  std::vector<std::uint32_t> closure(std::vector<std::uint32_t> from, bool at_begin,
                                     std::vector<bool>& seen) {
    using Kind = PatternStates::Kind;
    std::vector<std::uint32_t> kept, reached;
    while (!from.empty()) {
      const std::uint32_t node = from.back();
      from.pop_back();
      ++work_;
      if (seen[node]) continue;
      seen[node] = true;
      reached.push_back(node);
      const auto& [kind, set, next, other] = pattern_.nodes[node];
      if (kind == Kind::split) {
        from.push_back(next);
        from.push_back(other);
      } else if (kind == Kind::begin) {
        if (at_begin) from.push_back(next);
      } else {
        kept.push_back(node);
      }
    }
    for (const std::uint32_t node : reached) seen[node] = false;
    std::ranges::sort(kept);
    return kept;
  }

  bool accepts(const std::vector<std::uint32_t>& nodes, bool at_begin) {
    using Kind = PatternStates::Kind;
    std::vector<std::uint32_t> from, reached;
    for (const std::uint32_t node : nodes) from.push_back(node);
    bool is_found = false;
    while (!from.empty() && !is_found) {
      const std::uint32_t node = from.back();
      from.pop_back();
      ++work_;
      if (at_end_[node]) continue;
      at_end_[node] = true;
      reached.push_back(node);
      const auto& [kind, set, next, other] = pattern_.nodes[node];
      if (kind == Kind::found) is_found = true;
      if (kind == Kind::split) {
        from.push_back(next);
        from.push_back(other);
      } else if (kind == Kind::end || (kind == Kind::begin && at_begin)) {
        from.push_back(next);
      }
    }
    for (const std::uint32_t node : reached) at_end_[node] = false;
    return is_found;
  }

  const PatternStates& pattern_;
  std::vector<bool> seen_, at_end_;
  std::map<std::vector<std::uint32_t>, std::uint32_t> numbers_;
  std::vector<const std::pair<const std::vector<std::uint32_t>, std::uint32_t>*> todo_;
  std::size_t work_ = 0;
};

}  // namespace

std::optional<Automaton> find_pattern(const Pattern& pattern, std::size_t& work) {
  const PatternStates states(pattern);
  work += states.nodes.size();
  if (states.is_full()) return std::nullopt;
  Determinizer determinizer(states);
  const std::optional<Automaton> found = determinizer.run();
  work += determinizer.work();
  if (!found) return std::nullopt;
  work += 16 * found->weight();
  return minimal(*found);
}

}  // namespace banyan

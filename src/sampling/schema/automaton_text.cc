#include "sampling/schema/automaton_text.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "sampling/schema/char_sets.h"
#include "text/utf8.h"

namespace banyan {
namespace {

using Edge = Automaton::Edge;
using State = Automaton::State;

Expression spelled(const CharSet& set, Spelling spelling) {
  if (spelling == Spelling::plain) return Expression::of_set(set);
  static const CharSet written = char_set({{0x20, 0x21}, {0x23, 0x5B}, {0x5D, kLastCodePoint}});
  static const CharSet letters = char_set({{'\b', '\n'}, {'\f', '\r'}});
  std::vector<Expression> ways;
  if (CharSet plain = intersected(set, written); !plain.ranges.empty()) {
    ways.push_back(Expression::of_set(std::move(plain)));
  }
  if (set.ranges.empty() || set.ranges.front().first > 0x5C) return Expression::choice(std::move(ways));
  // The escapes in one class where they are one letter.
  std::vector<CharSet::Range> escapes;
  constexpr std::pair<char, char> kEscapes[] = {{'"', '"'},  {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'},
                                                {'\n', 'n'}, {'\r', 'r'},  {'\t', 't'}};
  for (const auto& [c, name] : kEscapes) {
    const auto point = static_cast<char32_t>(c), letter = static_cast<char32_t>(name);
    if (set.has_any_of(point, point)) escapes.push_back({letter, letter});
  }
  if (!escapes.empty()) {
    std::vector<Expression> escape;
    escape.push_back(Expression::of_text("\\"));
    escape.push_back(Expression::of_set(char_set(std::move(escapes))));
    ways.push_back(Expression::sequence(std::move(escape)));
  }
  std::vector<CharSet::Range> low, high;  // last digits of those that are \u000x and \u001x
  for (char32_t c = 0; c < 0x20; ++c) {
    if (!set.has_any_of(c, c) || letters.has_any_of(c, c)) continue;
    const char32_t digit = (c & 0xF) < 10 ? '0' + (c & 0xF) : 'a' + (c & 0xF) - 10;
    (c < 0x10 ? low : high).push_back({digit, digit});
  }
  for (auto& [prefix, digits] : {std::pair{"\\u000", &low}, std::pair{"\\u001", &high}}) {
    if (digits->empty()) continue;
    std::vector<Expression> escape;
    escape.push_back(Expression::of_text(prefix));
    escape.push_back(Expression::of_set(char_set(std::move(*digits))));
    ways.push_back(Expression::sequence(std::move(escape)));
  }
  return Expression::choice(std::move(ways));
}

// One rule for each state that several edges lead to; others are written where they are led to.
class AutomatonWriter {
 public:
  AutomatonWriter(const Automaton& automaton, Spelling spelling, Rules& rules)
      : automaton_(automaton),
        spelling_(spelling),
        rules_(rules),
        entries_(automaton.states.size()),
        tails_(automaton.states.size(), kNoNumber),
        state_rules_(automaton.states.size(), kNoNumber) {
    entries_[0] = 1;
    for (const State& state : automaton.states) {
      std::set<std::uint32_t> targets;
      for (const Edge& edge : state.edges) targets.insert(edge.to);
      for (const std::uint32_t to : targets) ++entries_[to];
    }
    find_tails();
  }

  Expression run() {
    Expression start = from(0, 0);
    while (!todo_.empty()) {
      const std::uint32_t state = todo_.back();
      todo_.pop_back();
      rules_.define(state_rules_[state], body(state, 0));
    }
    return start;
  }

 private:
  static constexpr int kMaxInline = 8;  // groups within groups

  // The only set of characters that leads on from a state, and where to. No state: none, or several ways.
  std::pair<CharSet, std::uint32_t> only_way(std::uint32_t state) const {
    const auto& edges = automaton_.states[state].edges;
    if (edges.empty()) return {{}, kNoNumber};
    std::vector<CharSet::Range> ranges;
    for (const Edge& edge : edges) {
      if (edge.to != edges[0].to) return {{}, kNoNumber};
      ranges.push_back({edge.first, edge.last});
    }
    return {char_set(std::move(ranges)), edges[0].to};
  }
  static bool are_same(const CharSet& a, const CharSet& b) {
    return std::ranges::equal(a.ranges, b.ranges, [](const CharSet::Range& x, const CharSet::Range& y) {
      return x.first == y.first && x.last == y.last;
    });
  }

  // A tail of n: up to n more characters of one set may follow, and the text may end at any.
  void find_tails() {
    std::vector<std::vector<std::uint32_t>> before(automaton_.states.size());
    std::vector<std::uint32_t> todo;
    for (std::uint32_t i = 0; i < automaton_.states.size(); ++i) {
      const State& state = automaton_.states[i];
      if (!state.accepts) continue;
      const std::uint32_t to = only_way(i).second;
      if (state.edges.empty()) {
        tails_[i] = 0;
        todo.push_back(i);
      } else if (to != kNoNumber && to != i) {
        before[to].push_back(i);
      }
    }
    while (!todo.empty()) {
      const std::uint32_t state = todo.back();
      todo.pop_back();
      for (const std::uint32_t earlier : before[state]) {
        if (tails_[state] > 0 && !are_same(only_way(earlier).first, only_way(state).first)) continue;
        tails_[earlier] = tails_[state] + 1;
        todo.push_back(earlier);
      }
    }
  }

  Expression from(std::uint32_t state, int depth) {
    if (tails_[state] != kNoNumber) {
      if (tails_[state] == 0) return {};
      return rules_.repeat(character(only_way(state).first), 0, tails_[state]);
    }
    const auto [set, to] = only_way(state);
    if (automaton_.states[state].accepts && to == state) {
      return rules_.repeat(character(set), 0, Expression::kNoMost);
    }
    if (entries_[state] == 1 && depth < kMaxInline) return body(state, depth);
    if (state_rules_[state] == kNoNumber) {
      state_rules_[state] = rules_.declare();
      todo_.push_back(state);
    }
    return Expression::call(state_rules_[state]);
  }

  Expression body(std::uint32_t state, int depth) {
    // States with one way on are written one after the other.
    std::vector<Expression> sequence;
    while (!automaton_.states[state].accepts) {
      auto [set, to] = only_way(state);
      if (to == kNoNumber) break;
      std::uint64_t times = 1;
      while (entries_[to] == 1 && !automaton_.states[to].accepts) {
        const auto [again, after] = only_way(to);
        if (after == kNoNumber || !are_same(again, set)) break;
        to = after;
        ++times;
      }
      sequence.push_back(rules_.repeat(character(set), times, times));
      if (entries_[to] != 1 || automaton_.states[to].accepts || tails_[to] != kNoNumber) {
        sequence.push_back(from(to, depth + 1));
        return Expression::sequence(std::move(sequence));
      }
      state = to;
    }
    std::vector<std::pair<std::uint32_t, std::vector<CharSet::Range>>> ways;
    for (const Edge& edge : automaton_.states[state].edges) {
      const auto at = std::ranges::find(ways, edge.to, [](const auto& way) { return way.first; });
      if (at == ways.end()) {
        ways.push_back({edge.to, {{edge.first, edge.last}}});
      } else {
        at->second.push_back({edge.first, edge.last});
      }
    }
    std::vector<Expression> parts;
    for (auto& [to, ranges] : ways) {
      std::vector<Expression> way;
      way.push_back(character(char_set(std::move(ranges))));
      way.push_back(from(to, depth + 1));
      parts.push_back(Expression::sequence(std::move(way)));
    }
    Expression on = Expression::choice(std::move(parts));
    if (automaton_.states[state].accepts) on = Expression::optional(std::move(on));
    sequence.push_back(std::move(on));
    return Expression::sequence(std::move(sequence));
  }

  // Sets that are long to write are rules.
  Expression character(const CharSet& set) {
    Expression written = spelled(set, spelling_);
    if (written.kind == Expression::Kind::set && set.ranges.size() <= 4) return written;
    std::vector<char32_t> key;
    for (const CharSet::Range& range : set.ranges) key.insert(key.end(), {range.first, range.last});
    const auto [at, added] = sets_.try_emplace(std::move(key), 0);
    if (added) at->second = rules_.add(std::move(written));
    return Expression::call(at->second);
  }

  const Automaton& automaton_;
  Spelling spelling_;
  Rules& rules_;
  std::vector<std::uint32_t> entries_;  // of each state: the states with an edge to it
  std::vector<std::uint32_t> tails_;
  std::vector<std::uint32_t> state_rules_;
  std::vector<std::uint32_t> todo_;
  std::map<std::vector<char32_t>, std::uint32_t> sets_;
};

}  // namespace

Expression expression_of(const Automaton& automaton, Spelling spelling, Rules& rules) {
  return AutomatonWriter(automaton, spelling, rules).run();
}

}  // namespace banyan

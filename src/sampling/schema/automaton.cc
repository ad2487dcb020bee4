#include "sampling/schema/automaton.h"

#include <algorithm>
#include <format>
#include <map>
#include <set>
#include <utility>

#include "sampling/schema/char_sets.h"
#include "text/utf8.h"

namespace banyan {
namespace {

using Edge = Automaton::Edge;
using State = Automaton::State;

constexpr std::uint32_t kNone = ~std::uint32_t{0};
constexpr char32_t kLastCodePoint = 0x10FFFF;

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
    found = add({Kind::found, nullptr, kNone, kNone});
    start = build(pattern, found);
    // The beginning may be anywhere, and anything may follow.
    before = add({Kind::chars, &all_characters(), kNone, kNone});
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
        return add({Kind::chars, &pattern.set, next, kNone});
      case Pattern::Kind::begin:
        return add({Kind::begin, nullptr, next, kNone});
      case Pattern::Kind::end:
        return add({Kind::end, nullptr, next, kNone});
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

void add_edge(std::vector<Edge>& edges, Edge edge) {
  if (!edges.empty() && edges.back().to == edge.to && edges.back().last + 1 == edge.first) {
    edges.back().last = edge.last;
  } else {
    edges.push_back(edge);
  }
}

// Leaves the states from which a text can end.
Automaton trimmed(const Automaton& a) {
  std::vector<std::vector<std::uint32_t>> from(a.states.size());
  std::vector<std::uint32_t> todo;
  std::vector<bool> ends(a.states.size());
  for (std::uint32_t i = 0; i < a.states.size(); ++i) {
    for (const Edge& edge : a.states[i].edges) from[edge.to].push_back(i);
    if (a.states[i].accepts) todo.push_back(i);
  }
  while (!todo.empty()) {
    const std::uint32_t state = todo.back();
    todo.pop_back();
    if (ends[state]) continue;
    ends[state] = true;
    todo.insert(todo.end(), from[state].begin(), from[state].end());
  }
  Automaton trimmed;
  std::vector<std::uint32_t> number(a.states.size(), kNone), order{0};
  number[0] = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    State state{.accepts = a.states[order[i]].accepts};
    for (Edge edge : a.states[order[i]].edges) {
      if (!ends[edge.to]) continue;
      if (number[edge.to] == kNone) {
        number[edge.to] = static_cast<std::uint32_t>(order.size());
        order.push_back(edge.to);
      }
      edge.to = number[edge.to];
      add_edge(state.edges, edge);
    }
    trimmed.states.push_back(std::move(state));
  }
  return trimmed;
}

}  // namespace

std::size_t Automaton::weight() const {
  std::size_t edges = 0;
  for (const State& state : states) edges += 1 + state.edges.size();
  return edges;
}

bool Automaton::accepts(std::string_view text) const {
  std::uint32_t at = 0;
  while (!text.empty()) {
    const std::size_t bytes = next_utf8(text).bytes;
    const char32_t c = code_point(text.substr(0, bytes));
    text.remove_prefix(bytes);
    const auto edge = std::ranges::lower_bound(states[at].edges, c, {}, &Edge::last);
    if (edge == states[at].edges.end() || edge->first > c) return false;
    at = edge->to;
  }
  return states[at].accepts;
}

// Moore's: states are told apart by what they accept, then by where their edges lead, until none is split.
std::optional<Automaton> minimal(const Automaton& automaton) {
  if (automaton.states.size() > Automaton::kMaxStates) return std::nullopt;
  const Automaton a = trimmed(automaton);
  std::vector<std::uint32_t> kind(a.states.size());
  for (std::size_t i = 0; i < a.states.size(); ++i) kind[i] = a.states[i].accepts;
  std::size_t kinds = 0, work = 0;
  while (true) {
    std::map<std::vector<std::uint32_t>, std::uint32_t> numbers;
    std::vector<std::uint32_t> next(a.states.size());
    for (std::size_t i = 0; i < a.states.size(); ++i) {
      std::vector<Edge> edges;
      for (Edge edge : a.states[i].edges) {
        edge.to = kind[edge.to];
        add_edge(edges, edge);
      }
      std::vector<std::uint32_t> key{kind[i]};
      for (const Edge& edge : edges) key.insert(key.end(), {edge.first, edge.last, edge.to});
      work += key.size();
      next[i] = numbers.try_emplace(std::move(key), static_cast<std::uint32_t>(numbers.size())).first->second;
    }
    kind = std::move(next);
    if (numbers.size() == kinds) break;
    kinds = numbers.size();
    // Long chains take a round for each state. What is not split by then stays as it is, which is no error.
    if (work > Automaton::kMaxWork / 16) return a;
  }
  Automaton joined;
  joined.states.resize(kinds);
  for (std::size_t i = 0; i < a.states.size(); ++i) {
    State& state = joined.states[kind[i]];
    if (!state.edges.empty()) continue;
    state.accepts = a.states[i].accepts;
    for (Edge edge : a.states[i].edges) {
      edge.to = kind[edge.to];
      add_edge(state.edges, edge);
    }
  }
  return joined;  // kinds are numbered as states come, so that the first stays the first
}

std::optional<Automaton> find_pattern(const Pattern& pattern) {
  const PatternStates states(pattern);
  if (states.is_full()) return std::nullopt;
  const std::optional<Automaton> found = Determinizer(states).run();
  return found ? minimal(*found) : std::nullopt;
}

std::optional<Automaton> intersection(const Automaton& a, const Automaton& b) {
  Automaton both;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> numbers;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> todo;
  std::size_t work = 0;
  const auto state_of = [&](std::uint32_t x, std::uint32_t y) {
    const auto [at, added] = numbers.try_emplace({x, y}, static_cast<std::uint32_t>(todo.size()));
    if (added) todo.emplace_back(x, y);
    return at->second;
  };
  state_of(0, 0);
  for (std::size_t i = 0; i < todo.size(); ++i) {
    const auto [x, y] = todo[i];
    State state{.accepts = a.states[x].accepts && b.states[y].accepts};
    const auto& left = a.states[x].edges;
    const auto& right = b.states[y].edges;
    for (auto l = left.begin(), r = right.begin(); l != left.end() && r != right.end();) {
      const char32_t first = std::max(l->first, r->first), last = std::min(l->last, r->last);
      if (first <= last) state.edges.push_back({first, last, state_of(l->to, r->to)});
      if (l->last < r->last) {
        ++l;
      } else {
        ++r;
      }
      if (++work > Automaton::kMaxWork || todo.size() > Automaton::kMaxStates) return std::nullopt;
    }
    both.states.push_back(std::move(state));
  }
  return minimal(both);
}

std::optional<Automaton> complement(const Automaton& a) {
  Automaton others = a;
  const auto rest = static_cast<std::uint32_t>(others.states.size());
  others.states.push_back({.accepts = false, .edges = {{0, kLastCodePoint, rest}}});
  for (std::uint32_t i = 0; i < others.states.size(); ++i) {
    State& state = others.states[i];
    state.accepts = !state.accepts;
    if (i == rest) continue;
    std::vector<Edge> edges;
    char32_t first = 0;
    for (const Edge& edge : state.edges) {
      if (edge.first > first) add_edge(edges, {first, edge.first - 1, rest});
      add_edge(edges, edge);
      first = edge.last + 1;
    }
    if (first <= kLastCodePoint) add_edge(edges, {first, kLastCodePoint, rest});
    state.edges = std::move(edges);
  }
  return minimal(others);
}

std::optional<Automaton> of_length(const Automaton& a, std::uint64_t least, std::uint64_t most) {
  Automaton counted;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint32_t> numbers;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> todo;
  const auto state_of = [&](std::uint32_t state, std::uint64_t count) {
    const auto [at, added] = numbers.try_emplace({state, count}, static_cast<std::uint32_t>(todo.size()));
    if (added) todo.emplace_back(state, count);
    return at->second;
  };
  state_of(0, 0);
  std::size_t work = 0;
  for (std::size_t i = 0; i < todo.size(); ++i) {
    const auto [at, count] = todo[i];
    State state{.accepts = a.states[at].accepts && count >= least && count <= most};
    // Without a most, what counts is only whether there are enough.
    const std::uint64_t next = most == Expression::kNoMost ? std::min(count + 1, least) : count + 1;
    if (next <= most) {
      for (const Edge& edge : a.states[at].edges) {
        state.edges.push_back({edge.first, edge.last, state_of(edge.to, next)});
        if (++work > Automaton::kMaxWork || todo.size() > 4 * Automaton::kMaxStates) return std::nullopt;
      }
    }
    counted.states.push_back(std::move(state));
  }
  return minimal(trimmed(counted));
}

std::optional<Automaton> of_words(const std::vector<std::string>& words) {
  Automaton trie;
  std::vector<std::map<char32_t, std::uint32_t>> next(1);
  trie.states.emplace_back();
  for (std::string_view word : words) {
    std::uint32_t at = 0;
    while (!word.empty()) {
      const std::size_t bytes = next_utf8(word).bytes;
      const auto [edge, added] = next[at].try_emplace(code_point(word.substr(0, bytes)),
                                                      static_cast<std::uint32_t>(trie.states.size()));
      word.remove_prefix(bytes);
      at = edge->second;
      if (!added) continue;
      trie.states.emplace_back();
      next.emplace_back();
      if (trie.states.size() > 4 * Automaton::kMaxStates) return std::nullopt;
    }
    trie.states[at].accepts = true;
  }
  for (std::size_t i = 0; i < next.size(); ++i) {
    for (const auto& [c, to] : next[i]) add_edge(trie.states[i].edges, {c, c, to});
  }
  return trie.states.size() > Automaton::kMaxStates ? std::optional(trie) : minimal(trie);
}

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

namespace {

// One rule for each state that several edges lead to; others are written where they are led to.
class AutomatonWriter {
 public:
  AutomatonWriter(const Automaton& automaton, Spelling spelling, Rules& rules)
      : automaton_(automaton),
        spelling_(spelling),
        rules_(rules),
        entries_(automaton.states.size()),
        tails_(automaton.states.size(), kNone),
        state_rules_(automaton.states.size(), kNone) {
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
    if (edges.empty()) return {{}, kNone};
    std::vector<CharSet::Range> ranges;
    for (const Edge& edge : edges) {
      if (edge.to != edges[0].to) return {{}, kNone};
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
      } else if (to != kNone && to != i) {
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
    if (tails_[state] != kNone) {
      if (tails_[state] == 0) return {};
      return rules_.repeat(character(only_way(state).first), 0, tails_[state]);
    }
    const auto [set, to] = only_way(state);
    if (automaton_.states[state].accepts && to == state) {
      return rules_.repeat(character(set), 0, Expression::kNoMost);
    }
    if (entries_[state] == 1 && depth < kMaxInline) return body(state, depth);
    if (state_rules_[state] == kNone) {
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
      if (to == kNone) break;
      std::uint64_t times = 1;
      while (entries_[to] == 1 && !automaton_.states[to].accepts) {
        const auto [again, after] = only_way(to);
        if (after == kNone || !are_same(again, set)) break;
        to = after;
        ++times;
      }
      sequence.push_back(rules_.repeat(character(set), times, times));
      if (entries_[to] != 1 || automaton_.states[to].accepts || tails_[to] != kNone) {
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

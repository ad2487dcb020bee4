#include "sampling/schema/automaton.h"

#include <algorithm>
#include <map>
#include <utility>

#include "sampling/schema/rules.h"
#include "text/utf8.h"

namespace banyan {
namespace {

using Edge = Automaton::Edge;
using State = Automaton::State;

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
  std::vector<std::uint32_t> number(a.states.size(), kNoNumber), order{0};
  number[0] = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    State state{.accepts = a.states[order[i]].accepts};
    for (Edge edge : a.states[order[i]].edges) {
      if (!ends[edge.to]) continue;
      if (number[edge.to] == kNoNumber) {
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

}  // namespace banyan

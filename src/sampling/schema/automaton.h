/// Deterministic automata over characters: what patterns, formats, ranges of numbers and names that are not
/// among others come to, so that several can hold of one text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace banyan {

/// The number of no state, and of no rule.
inline constexpr std::uint32_t kNoNumber = ~std::uint32_t{0};

struct Automaton {
  static constexpr std::size_t kMaxStates = 4096;
  static constexpr std::size_t kMaxWork = 1 << 21;  ///< ranges of characters that are looked at for one

  struct Edge {
    char32_t first, last;
    std::uint32_t to;
  };
  struct State {
    bool accepts = false;
    std::vector<Edge> edges = {};  ///< in order, without overlap; no text goes on with any other character
  };
  std::vector<State> states;  ///< the first is where texts begin

  /// States and edges: what most that is done with it takes.
  std::size_t weight() const;
  bool accepts(std::string_view text) const;
  /// Whether no text is accepted. Of a trimmed one.
  bool is_empty() const { return states.size() == 1 && !states[0].accepts && states[0].edges.empty(); }
};

// What follows gives minimal automata, and none where a bound is passed.

/// The texts that both accept.
std::optional<Automaton> intersection(const Automaton& a, const Automaton& b);
/// All texts that `a` does not accept.
std::optional<Automaton> complement(const Automaton& a);
/// Those texts that have so many characters. Expression::kNoMost: as many as there are.
std::optional<Automaton> of_length(const Automaton& a, std::uint64_t least, std::uint64_t most);
/// These texts alone.
std::optional<Automaton> of_words(const std::vector<std::string>& words);

/// Takes out what leads nowhere, and joins states that accept the same.
std::optional<Automaton> minimal(const Automaton& automaton);

}  // namespace banyan

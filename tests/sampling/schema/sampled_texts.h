// Texts that fit a schema's grammar, and whether one does.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "sampling/grammar/matcher.h"
#include "sampling/schema/schema_grammar.h"
#include "support/shipped_model.h"

namespace banyan::test {

/// A way through a grammar's automata: at random for some hundred characters, then the shortest to the end.
class TextSampler {
 public:
  explicit TextSampler(const Grammar& grammar) : grammar_(grammar), costs_(grammar.states.size(), kNever) {
    for (bool is_changed = true; is_changed;) {
      is_changed = false;
      for (std::uint32_t i = 0; i < costs_.size(); ++i) {
        const std::uint64_t cost = cost_of(grammar_.states[i]);
        if (cost < costs_[i]) {
          costs_[i] = cost;
          is_changed = true;
        }
      }
    }
  }

  std::string text(std::mt19937& random) const {
    using Kind = Grammar::State::Kind;
    std::string text;
    std::vector<std::uint32_t> returns;
    std::uint32_t at = grammar_.starts[grammar_.root];
    const std::size_t length = random() % 200;
    for (int steps = 0; steps < 100000; ++steps) {
      const Grammar::State& state = grammar_.states[at];
      switch (state.kind) {
        case Kind::end:
          if (returns.empty()) return text;
          at = returns.back();
          returns.pop_back();
          break;
        case Kind::chars:
          append(text, grammar_.sets[state.arg], random);
          at = state.next;
          break;
        case Kind::call:
          returns.push_back(state.next);
          at = grammar_.starts[state.arg];
          break;
        case Kind::split: {
          const bool is_long = text.size() > length || returns.size() > 60;
          const bool may_next = costs_[state.next] != kNever, may_arg = costs_[state.arg] != kNever;
          const bool take_next =
              !may_arg ||
              (may_next && (is_long ? costs_[state.next] <= costs_[state.arg] : random() % 2 == 0));
          at = take_next ? state.next : state.arg;
          break;
        }
        default:
          return text;
      }
    }
    return text;
  }

 private:
  static constexpr std::uint64_t kNever = std::uint64_t{1} << 40;

  std::uint64_t cost_of(const Grammar::State& state) const {
    using Kind = Grammar::State::Kind;
    switch (state.kind) {
      case Kind::end:
        return 0;
      case Kind::split:
        return std::min(kNever, 1 + std::min(costs_[state.next], costs_[state.arg]));
      case Kind::call:
        return std::min(kNever, 1 + costs_[grammar_.starts[state.arg]] + costs_[state.next]);
      default:
        return std::min(kNever, 1 + costs_[state.next]);
    }
  }

  static void append(std::string& text, const CharSet& set, std::mt19937& random) {
    const CharSet::Range& range = set.ranges[random() % set.ranges.size()];
    // Mostly what people write.
    const char32_t last =
        random() % 8 > 0 && range.first < 0x7F ? std::min<char32_t>(range.last, 0x7E) : range.last;
    const char32_t c = range.first + static_cast<char32_t>(random() % (last - range.first + 1));
    const auto add = [&](char32_t byte) { text += static_cast<char>(byte); };
    if (c < 0x80) {
      add(c);
    } else if (c < 0x800) {
      add(0xC0 | c >> 6);
      add(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
      add(0xE0 | c >> 12);
      add(0x80 | (c >> 6 & 0x3F));
      add(0x80 | (c & 0x3F));
    } else {
      add(0xF0 | c >> 18);
      add(0x80 | (c >> 12 & 0x3F));
      add(0x80 | (c >> 6 & 0x3F));
      add(0x80 | (c & 0x3F));
    }
  }

  const Grammar& grammar_;
  std::vector<std::uint64_t> costs_;  // of the shortest way to the end of the rule
};

inline std::shared_ptr<const Grammar> compiled(const std::string& text) {
  const auto grammar = Grammar::parse(shipped_vocabulary(), text);
  if (!grammar) throw std::runtime_error(grammar.error().message + "\n" + text.substr(0, 4000));
  return *grammar;
}

inline bool fits(const std::shared_ptr<const Grammar>& grammar, std::string_view text) {
  GrammarMatcher matcher(grammar);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!matcher.accept(0, text.substr(i, 1))) return false;
  }
  return matcher.can_end();
}

}  // namespace banyan::test

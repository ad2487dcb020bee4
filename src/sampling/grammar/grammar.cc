#include "sampling/grammar/grammar.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "sampling/grammar/syntax.h"

namespace banyan {

bool CharSet::has_any_of(char32_t first, char32_t last) const {
  const auto at = std::ranges::lower_bound(ranges, first, {}, &Range::last);
  return at != ranges.end() && at->first <= last;
}

namespace {

using GrammarState = Grammar::State;

// Builds from the end to the beginning: build() returns where to enter what goes on at `next`.
class Compiler {
 public:
  explicit Compiler(Grammar& grammar) : grammar_(grammar) {}

  std::uint32_t add(GrammarState state) {
    // When there is no room left, any state will do: parse() refuses the grammar.
    if (is_full()) return static_cast<std::uint32_t>(grammar_.states.size() - 1);
    grammar_.states.push_back(state);
    return static_cast<std::uint32_t>(grammar_.states.size() - 1);
  }
  bool is_full() const { return grammar_.states.size() >= Grammar::kMaxStates; }

  std::uint32_t build(const SyntaxNode& node, std::uint32_t next) {
    using Kind = SyntaxNode::Kind;
    if (is_full()) return next;
    switch (node.kind) {
      case Kind::sequence:
        for (const SyntaxNode& part : std::views::reverse(node.parts)) next = build(part, next);
        return next;
      case Kind::choice:
        return build_choice(node, next);
      case Kind::chars:
        return add({GrammarState::Kind::chars, set_of(node), next});
      case Kind::token:
        return add({GrammarState::Kind::token, node.number, next});
      case Kind::not_token:
        return add({GrammarState::Kind::not_token, node.number, next});
      case Kind::call:
        return add({GrammarState::Kind::call, node.number, next});
      case Kind::repeat:
        return build_repeat(node, next);
    }
    std::unreachable();
  }

 private:
  std::uint32_t build_choice(const SyntaxNode& node, std::uint32_t next) {
    std::uint32_t entry = build(node.parts.back(), next);
    for (const SyntaxNode& part : node.parts | std::views::reverse | std::views::drop(1)) {
      const std::uint32_t other = build(part, next);
      entry = add({GrammarState::Kind::split, entry, other});
    }
    return entry;
  }

  std::uint32_t build_repeat(const SyntaxNode& node, std::uint32_t next) {
    const SyntaxNode& part = node.parts.front();
    std::uint32_t entry = next;
    if (node.most == SyntaxNode::kNoMost) {
      entry = add({GrammarState::Kind::split, next, next});
      const std::uint32_t body = build(part, entry);
      if (!is_full()) grammar_.states[entry].next = body;
    } else {
      for (std::uint32_t i = node.least; i < node.most && !is_full(); ++i) {
        const std::uint32_t body = build(part, entry);
        entry = add({GrammarState::Kind::split, next, body});
      }
    }
    // A state of its own for each time, so that the limit of states also ends repetitions of nothing.
    for (std::uint32_t i = 0; i < node.least && !is_full(); ++i) {
      const std::uint32_t body = build(part, entry);
      entry = body == entry ? add({GrammarState::Kind::split, body, body}) : body;
    }
    return entry;
  }

  // Repetitions use one set for all their copies.
  std::uint32_t set_of(const SyntaxNode& node) {
    if (last_node_ != &node) {
      last_node_ = &node;
      grammar_.sets.push_back(node.set);
    }
    return static_cast<std::uint32_t>(grammar_.sets.size() - 1);
  }

  Grammar& grammar_;
  const SyntaxNode* last_node_ = nullptr;
};

}  // namespace

Result<std::shared_ptr<const Grammar>> Grammar::parse(const Vocabulary& vocabulary, std::string_view text,
                                                      bool special_text) {
  const Result<GrammarSyntax> syntax = parse_grammar_syntax(vocabulary, text, special_text);
  if (!syntax) return std::unexpected(syntax.error());
  const auto grammar = std::make_shared<Grammar>();
  grammar->root = syntax->root;
  Compiler compiler(*grammar);
  const std::uint32_t end = compiler.add({});
  for (const SyntaxNode& rule : syntax->rules) {
    grammar->starts.push_back(compiler.build(rule, end));
    if (compiler.is_full()) {
      return fail(Errc::invalid_argument,
                  "the grammar is too large: its repetitions come to more than " +
                      std::to_string(kMaxStates) + " items",
                  "grammar");
    }
  }
  return grammar;
}

}  // namespace banyan

#include "sampling/grammar/literal.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "text/utf8.h"

namespace banyan {
namespace {

using NodeKind = SyntaxNode::Kind;

SyntaxNode character_node(char32_t c) { return {.kind = NodeKind::chars, .parts = {}, .set = {{{c, c}}}}; }

// The token, or its text.
SyntaxNode token_or_text(Token token, std::u32string_view text) {
  SyntaxNode characters;
  for (const char32_t c : text) characters.parts.push_back(character_node(c));
  SyntaxNode either{.kind = NodeKind::choice};
  either.parts.push_back({.kind = NodeKind::token, .number = static_cast<std::uint32_t>(token)});
  either.parts.push_back(std::move(characters));
  return either;
}

std::size_t count_characters(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(next_utf8(text).bytes);
  return count;
}

}  // namespace

SyntaxNode literal_node(std::u32string_view characters, const TokenTrie& control_tokens) {
  std::string text;
  for (const char32_t c : characters) append_utf8(text, c);
  SyntaxNode node;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::optional<std::size_t> found = control_tokens.longest_in_front_of(rest);
    const std::string_view taken =
        found ? control_tokens.bytes(*found) : rest.substr(0, next_utf8(rest).bytes);
    const std::size_t count = found ? count_characters(taken) : 1;
    node.parts.push_back(found ? token_or_text(control_tokens.token(*found), characters.substr(0, count))
                               : character_node(characters.front()));
    characters.remove_prefix(count);
    rest.remove_prefix(taken.size());
  }
  return node;
}

}  // namespace banyan

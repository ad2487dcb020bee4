#include "chat/reply/grammar_text.h"

#include <algorithm>
#include <format>
#include <set>
#include <vector>

#include "sampling/schema/schema_cache.h"
#include "text/utf8.h"

namespace banyan {
namespace {

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

// Of a grammar, with `prefix` in front of the names of its rules.
std::string renamed(std::string_view grammar, std::string_view prefix) {
  std::string text;
  char inside = '\0';  // the byte that ends the literal or the class of characters
  bool was_name = false;
  for (std::size_t i = 0; i < grammar.size(); ++i) {
    const char c = grammar[i];
    if (inside != '\0') {
      text += c;
      if (c == '\\' && i + 1 < grammar.size()) {
        text += grammar[++i];
      } else if (c == inside) {
        inside = '\0';
      }
      continue;
    }
    // Of the numbers of repetitions nothing is a name.
    if (c == '"') inside = '"';
    if (c == '[') inside = ']';
    if (c == '{') inside = '}';
    if (is_name_byte(c) && !was_name) text += prefix;
    was_name = is_name_byte(c);
    text += c;
  }
  return text;
}

std::vector<std::string> characters_of(std::string_view text) {
  std::vector<std::string> characters;
  while (!text.empty()) {
    const std::size_t bytes = next_utf8(text).bytes;
    characters.emplace_back(text.substr(0, bytes));
    text.remove_prefix(bytes);
  }
  return characters;
}

std::string in_class(const std::string& character) {
  if (character.size() > 1) return character;
  const char c = character[0];
  if (c == '\\' || c == '[' || c == ']' || c == '-') return std::string("\\") + c;
  if (c > 0x20 && c < 0x7F && c != '^') return character;
  return std::format("\\x{:02X}", static_cast<unsigned char>(c));
}

}  // namespace

std::string GrammarText::literal(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      quoted += std::format("\\x{:02X}", static_cast<unsigned char>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string GrammarText::add(const std::string& body) {
  std::string name = declare();
  define(name, body);
  return name;
}

Result<std::string> GrammarText::schema(const Json& schema, bool is_strict) {
  const Result<std::string> grammar = SchemaCache::shared().grammar(schema, {.is_strict = is_strict});
  if (!grammar) return std::unexpected(grammar.error());
  const auto [at, added] = schemas_.try_emplace(*grammar);
  if (added) {
    const std::string prefix = new_name() + "-";
    rules_ += renamed(*grammar, prefix);
    at->second = prefix + "root";
  }
  return at->second;
}

// A rule for each beginning of the marker: what may follow where the text ends with it.
std::string GrammarText::text_without(std::string_view marker) {
  if (const auto found = texts_.find(marker); found != texts_.end()) return found->second;
  const std::vector<std::string> characters = characters_of(marker);
  const std::size_t size = characters.size();
  const std::set<std::string> distinct(characters.begin(), characters.end());
  // The longest end of the text that begins the marker, once the character has come.
  const auto next = [&](std::size_t taken, const std::string& character) {
    std::vector<std::string> text(characters.begin(),
                                  characters.begin() + static_cast<std::ptrdiff_t>(taken));
    text.push_back(character);
    for (std::size_t length = std::min(text.size(), size); length > 0; --length) {
      if (std::equal(text.end() - static_cast<std::ptrdiff_t>(length), text.end(), characters.begin()))
        return length;
    }
    return std::size_t{0};
  };
  std::vector<std::string> names;
  for (std::size_t i = 0; i < size; ++i) names.push_back(new_name());
  for (std::size_t i = 0; i < size; ++i) {
    std::string others;
    std::string body;
    for (const std::string& character : distinct) {
      const std::size_t to = next(i, character);
      if (to > 0) others += in_class(character);
      if (to > 0 && to < size) body += "[" + in_class(character) + "] " + names[to] + " | ";
    }
    body += (others.empty() ? "." : "[^" + others + "]") + " " + names[0];
    rules_ += names[i] + " ::= (" + body + ")?\n";
  }
  return texts_.emplace(marker, names[0]).first->second;
}

std::string GrammarText::blanks() {
  if (blanks_.empty()) blanks_ = add("[ \\n]{0,3}");
  return blanks_;
}

}  // namespace banyan

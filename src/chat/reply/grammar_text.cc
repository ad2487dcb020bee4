#include "chat/reply/grammar_text.h"

#include <algorithm>
#include <format>
#include <utility>

#include "sampling/grammar/grammar.h"
#include "sampling/schema/schema_cache.h"
#include "text/utf8.h"

namespace banyan {
namespace {

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

// Whether only one grammar of a schema has a rule of this name.
bool is_own_rule(std::string_view name) {
  if (name == "root") return true;
  return name.starts_with('r') &&
         std::ranges::all_of(name.substr(1), [](char c) { return c >= '0' && c <= '9'; });
}

// Of a rule, with `prefix` in front of the names of the grammar's own.
std::string renamed(std::string_view rule, std::string_view prefix) {
  std::string text;
  for (std::size_t i = 0; i < rule.size();) {
    const char c = rule[i];
    std::size_t end = i + 1;
    // Of literals, classes of characters and numbers of repetitions nothing is a name.
    if (const char last = c == '"' ? '"' : c == '[' ? ']' : c == '{' ? '}' : '\0'; last != '\0') {
      while (end < rule.size() && rule[end] != last) end += rule[end] == '\\' ? 2 : 1;
      end = std::min(end + 1, rule.size());
    } else if (is_name_byte(c)) {
      while (end < rule.size() && is_name_byte(rule[end])) ++end;
      if (is_own_rule(rule.substr(i, end - i))) text += prefix;
    }
    text += rule.substr(i, end - i);
    i = end;
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

Result<> GrammarText::check() const {
  const char* limit = rules_.size() > Grammar::kMaxBytes ? "their grammar is too long"
                      : work_ > kMaxWork                 ? "to make a grammar of them takes too long"
                                                         : nullptr;
  if (!limit) return {};
  return fail(Errc::invalid_argument, std::string("the schemas are too large: ") + limit, "tools");
}

Result<std::string> GrammarText::print(const std::string& root) const {
  if (const Result<> checked = check(); !checked) return std::unexpected(checked.error());
  return "root ::= " + root + "\n" + rules_;
}

Result<std::string> GrammarText::schema(const Json& schema, bool is_strict) {
  const auto names = rules_of(schema, {{.name = {}, .schemas = {&schema}}}, is_strict, nullptr);
  if (!names) return std::unexpected(names.error());
  return names->front();
}

Result<std::string> GrammarText::arguments(const Json& schema, bool is_strict) {
  static const Json kAnyObject = {{"type", "object"}};
  const auto names = rules_of(schema, {{.name = {}, .schemas = {&schema}}}, is_strict, &kAnyObject);
  if (!names) return std::unexpected(names.error());
  return names->front();
}

Result<std::vector<std::string>> GrammarText::arguments(const Json& schema,
                                                        const std::vector<SchemaPart>& parts,
                                                        bool is_strict) {
  static const Json kAnything = true;
  return rules_of(schema, parts, is_strict, &kAnything);
}

// Those of `instead`, if there is one, for what is left out.
Result<std::vector<std::string>> GrammarText::rules_of(const Json& schema,
                                                       const std::vector<SchemaPart>& parts, bool is_strict,
                                                       const Json* instead) {
  if (const Result<> checked = check(); !checked) return std::unexpected(checked.error());
  const MadeGrammars made = SchemaCache::shared().grammars(schema, parts, {.is_strict = is_strict});
  work_ += made.work;
  std::vector<std::string> names;
  for (Result<std::string> grammar : made.grammars) {
    if (!grammar && instead && is_lenient_ && !is_strict) grammar = SchemaCache::shared().grammar(*instead);
    if (!grammar) return std::unexpected(grammar.error());
    names.push_back(add_grammar(*grammar));
    if (const Result<> checked = check(); !checked) return std::unexpected(checked.error());
  }
  return names;
}

std::string GrammarText::add_grammar(const std::string& grammar) {
  const auto [at, added] = schemas_.try_emplace(grammar);
  if (!added) return at->second;
  const std::string prefix = new_name() + "-";
  for (std::string_view rest = grammar; !rest.empty();) {
    const std::string_view rule = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rule.size() + 1, rest.size()));
    const std::string_view name = rule.substr(0, rule.find(' '));
    if (is_own_rule(name) || shared_.emplace(name).second) rules_ += renamed(rule, prefix) + '\n';
  }
  return at->second = prefix + "root";
}

// A rule for each beginning of the marker: what may follow where the text ends with it.
std::string GrammarText::text_without(std::string_view marker) {
  if (const auto found = texts_.find(marker); found != texts_.end()) return found->second;
  if (!check()) return "\"\"";  // as print() says
  const std::vector<std::string> characters = characters_of(marker);
  const std::size_t size = characters.size();
  if (size == 0) return "\"\"";
  std::vector<std::string> names;
  for (std::size_t i = 0; i < size; ++i) names.push_back(new_name());
  // Knuth, Morris, Pratt: which beginning the text ends with once a character has come. It is that of the
  // longest shorter beginning that this one ends with, but for the character that goes on with this one.
  std::vector<std::map<std::string_view, std::size_t>> next;
  for (std::size_t i = 0, border = 0; i < size && rules_.size() <= Grammar::kMaxBytes; ++i) {
    next.push_back(i == 0 ? std::map<std::string_view, std::size_t>() : next[border]);
    if (i > 0) {
      const auto longer = next[border].find(characters[i]);
      border = longer == next[border].end() ? 0 : longer->second;
    }
    next[i][characters[i]] = i + 1;
    std::string others, body;
    for (const auto& [character, to] : next[i]) {
      others += in_class(std::string(character));
      if (to < size) body += "[" + in_class(std::string(character)) + "] " + names[to] + " | ";
    }
    body += "[^" + others + "] " + names[0];
    rules_ += names[i] + " ::= (" + body + ")?\n";
  }
  return texts_.emplace(marker, names[0]).first->second;
}

std::string GrammarText::blanks() {
  if (blanks_.empty()) blanks_ = add("[ \\n]{0,3}");
  return blanks_;
}

}  // namespace banyan

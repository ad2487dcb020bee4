#include "sampling/grammar/syntax.h"

#include <algorithm>
#include <charconv>
#include <format>
#include <map>
#include <optional>
#include <utility>

#include "sampling/grammar/literal.h"
#include "text/token_trie.h"
#include "text/utf8.h"

namespace banyan {
namespace {

using NodeKind = SyntaxNode::Kind;

constexpr std::uint32_t kMaxTimes = 65536;     // of a repetition
constexpr int kMaxRepetitionsOfOneItem = 4;    // as in "a"{2}{3}+
constexpr std::size_t kMaxNodes = 256 * 1024;  // of the tree, some hundred bytes each

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-';
}
bool is_surrogate(char32_t c) { return c >= kFirstSurrogate && c <= kLastSurrogate; }

// Puts ranges in order and joins those that touch; takes surrogates out.
CharSet normalized(std::vector<CharSet::Range> ranges, bool inverted) {
  std::ranges::sort(ranges, {}, &CharSet::Range::first);
  std::vector<CharSet::Range> joined;
  for (const CharSet::Range& range : ranges) {
    if (!joined.empty() && range.first <= joined.back().last + 1) {
      joined.back().last = std::max(joined.back().last, range.last);
    } else {
      joined.push_back(range);
    }
  }
  if (inverted) {
    std::vector<CharSet::Range> others;
    char32_t first = 1;  // as in llama.cpp, U+0000 is taken only where it is named
    for (const CharSet::Range& range : joined) {
      if (range.first > first) others.push_back({first, range.first - 1});
      first = range.last + 1;
    }
    if (first <= kLastCodePoint) others.push_back({first, kLastCodePoint});
    joined = std::move(others);
  }
  CharSet set;
  for (const CharSet::Range& range : joined) {
    if (range.first < kFirstSurrogate) {
      set.ranges.push_back({range.first, std::min<char32_t>(range.last, kFirstSurrogate - 1)});
    }
    if (range.last > kLastSurrogate) {
      set.ranges.push_back({std::max<char32_t>(range.first, kLastSurrogate + 1), range.last});
    }
  }
  return set;
}

// Recursive descent. Every parser returns false once error_ is set.
class Parser {
 public:
  Parser(const Vocabulary& vocabulary, std::string_view text, const TokenTrie& control_tokens)
      : vocabulary_(vocabulary), control_tokens_(control_tokens), text_(text) {}

  Result<GrammarSyntax> run() {
    if (text_.size() > Grammar::kMaxBytes) {
      error_ = std::format("is longer than {} bytes", Grammar::kMaxBytes);
    } else if (text_.contains('\0') || !is_utf8(text_)) {
      error_ = "is not UTF-8 text";
    } else {
      skip_space(true);
      while (!at_end() && rule()) skip_space(true);
    }
    for (std::size_t i = 0; i < rules_.size() && error_.empty(); ++i) {
      if (rules_[i]) continue;
      at_ = first_use_[i];
      wrong(std::format("the rule \"{}\" is not defined", name_of(static_cast<std::uint32_t>(i))));
    }
    const auto root = numbers_.find("root");
    if (error_.empty() && root == numbers_.end()) error_ = "has no rule \"root\"";
    if (!error_.empty()) return fail(Errc::invalid_argument, "the grammar " + error_, "grammar");
    GrammarSyntax syntax{.rules = {}, .root = root->second};
    for (auto& rule : rules_) syntax.rules.push_back(std::move(*rule));
    return syntax;
  }

 private:
  bool at_end() const { return at_ == text_.size(); }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  bool wrong(std::string_view what) {
    const std::string_view before = text_.substr(0, at_);
    const auto line = 1 + std::ranges::count(before, '\n');
    const std::size_t column = at_ - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
    error_ = std::format("is wrong at line {}, column {}: {}", line, column, what);
    return false;
  }
  bool wrong_at(std::size_t where, std::string_view what) {
    at_ = where;
    return wrong(what);
  }

  void skip_space(bool newlines) {
    while (!at_end()) {
      if (peek() == '#') {
        at_ = std::min(text_.find_first_of("\r\n", at_), text_.size());
      } else if (peek() == ' ' || peek() == '\t' || (newlines && (peek() == '\n' || peek() == '\r'))) {
        ++at_;
      } else {
        return;
      }
    }
  }

  std::string_view name() {
    const std::size_t from = at_;
    while (is_name_char(peek())) ++at_;
    return text_.substr(from, at_ - from);
  }
  std::uint32_t number_of(std::string_view rule, std::size_t where) {
    const auto [at, added] = numbers_.try_emplace(rule, static_cast<std::uint32_t>(rules_.size()));
    if (added) {
      rules_.emplace_back();
      first_use_.push_back(where);
    }
    return at->second;
  }
  std::string_view name_of(std::uint32_t rule) const {
    return std::ranges::find(numbers_, rule, [](const auto& entry) { return entry.second; })->first;
  }

  bool rule() {
    const std::size_t from = at_;
    const std::string_view defined = name();
    if (defined.empty()) return wrong("expected a rule's name");
    const std::uint32_t number = number_of(defined, from);
    if (rules_.size() > Grammar::kMaxRules) return wrong("there are too many rules");
    skip_space(false);
    if (!take("::=")) return wrong("expected \"::=\"");
    skip_space(true);
    SyntaxNode body;
    if (!choice(body, 0)) return false;
    if (!at_end() && peek() != '\r' && peek() != '\n') return wrong("expected a new line or the end");
    rules_[number] = std::move(body);  // a later definition replaces an earlier one, as in llama.cpp
    return true;
  }

  bool choice(SyntaxNode& node, int depth) {
    if (depth > Grammar::kMaxDepth) return wrong("groups are nested too deep");
    node.kind = NodeKind::choice;
    while (true) {
      SyntaxNode& alternative = node.parts.emplace_back();
      if (!count_node() || !sequence(alternative, depth)) return false;
      if (!take("|")) return true;
      skip_space(true);
    }
  }

  bool sequence(SyntaxNode& node, int depth) {
    int repeated = 0;  // repetitions of the last item so far
    bool has_item = false;
    while (!at_end()) {
      const char c = peek();
      if (c == '*' || c == '+' || c == '?' || c == '{') {
        if (!has_item) return wrong("there is nothing to repeat");
        if (++repeated > kMaxRepetitionsOfOneItem) return wrong("one item is repeated too many times over");
        if (!repetition(node, depth)) return false;
        continue;
      }
      SyntaxNode item;
      if (c == '"') {
        if (!literal(item)) return false;
        has_item = !item.parts.empty();
      } else if (c == '[') {
        if (!character_class(item)) return false;
      } else if (c == '<' || c == '!') {
        if (!token(item)) return false;
      } else if (c == '.') {
        ++at_;
        item.kind = NodeKind::chars;
        item.set = normalized({}, true);
      } else if (is_name_char(c)) {
        item.kind = NodeKind::call;
        const std::size_t from = at_;
        item.number = number_of(name(), from);
        if (rules_.size() > Grammar::kMaxRules) return wrong("there are too many rules");
      } else if (c == '(') {
        ++at_;
        skip_space(true);
        if (!choice(item, depth + 1)) return false;
        if (!take(")")) return wrong("expected \")\"");
      } else {
        break;
      }
      if (c != '"') has_item = true;
      repeated = 0;
      if (!count_node()) return false;
      node.parts.push_back(std::move(item));
      skip_space(depth > 0);
    }
    return true;
  }

  bool repetition(SyntaxNode& node, int depth) {
    const std::size_t from = at_;
    SyntaxNode repeat{.kind = NodeKind::repeat};
    repeat.most = SyntaxNode::kNoMost;
    if (take("+")) {
      repeat.least = 1;
    } else if (take("?")) {
      repeat.most = 1;
    } else if (!take("*") && !bounds(repeat, depth > 0)) {
      return false;
    }
    if (repeat.most < repeat.least) return wrong_at(from, "the most repetitions are fewer than the least");
    if (!count_node()) return false;
    repeat.parts.push_back(std::move(node.parts.back()));
    node.parts.back() = std::move(repeat);
    skip_space(depth > 0);
    return true;
  }

  bool bounds(SyntaxNode& repeat, bool newlines) {
    ++at_;
    skip_space(newlines);
    if (!times(repeat.least)) return false;
    repeat.most = repeat.least;
    skip_space(newlines);
    if (take(",")) {
      skip_space(newlines);
      repeat.most = SyntaxNode::kNoMost;
      if (is_digit(peek()) && !times(repeat.most)) return false;
      skip_space(newlines);
    }
    return take("}") || wrong("expected \"}\"");
  }

  bool times(std::uint32_t& value) {
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error == std::errc::result_out_of_range || (error == std::errc() && value > kMaxTimes)) {
      return wrong(std::format("more than {} repetitions", kMaxTimes));
    }
    if (error != std::errc()) return wrong("expected a number");
    at_ = static_cast<std::size_t>(end - text_.data());
    return true;
  }

  bool literal(SyntaxNode& item) {
    ++at_;
    std::u32string characters;
    while (!take("\"")) {
      char32_t c = 0;
      if (!character(c) || !count_node()) return false;
      characters += c;
    }
    item = literal_node(characters, control_tokens_);
    return true;
  }

  bool character_class(SyntaxNode& item) {
    const std::size_t from = at_++;
    const bool inverted = take("^");
    std::vector<CharSet::Range> ranges;
    while (!take("]")) {
      const std::size_t range = at_;
      char32_t first = 0;
      if (!character(first)) return false;
      char32_t last = first;
      if (peek() == '-' && peek(1) != ']') {
        ++at_;
        if (!character(last)) return false;
        if (last < first) return wrong_at(range, "the range is reversed");
      }
      ranges.push_back({first, last});
    }
    if (ranges.empty()) return wrong_at(from, "the class of characters is empty");
    item.kind = NodeKind::chars;
    item.set = normalized(std::move(ranges), inverted);
    if (item.set.ranges.empty()) return wrong_at(from, "the class of characters is empty");
    return true;
  }

  bool character(char32_t& value) {
    if (at_end()) return wrong("unexpected end");
    if (peek() == '\\') return escape(value);
    const std::size_t bytes = next_utf8(text_.substr(at_)).bytes;
    value = code_point(text_.substr(at_, bytes));
    at_ += bytes;
    return true;
  }

  bool escape(char32_t& value) {
    const std::size_t from = at_;
    const char name = peek(1);
    const std::size_t digits = name == 'x' ? 2 : name == 'u' ? 4 : name == 'U' ? 8 : 0;
    if (digits == 0) {
      if (name == '\0' || !std::string_view("trn\\\"[]-").contains(name)) return wrong("unknown escape");
      at_ += 2;
      value = static_cast<unsigned char>(name == 't' ? '\t' : name == 'r' ? '\r' : name == 'n' ? '\n' : name);
      return true;
    }
    const std::string_view hex = text_.substr(std::min(at_ + 2, text_.size()), digits);
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), number, 16);
    if (hex.size() < digits || error != std::errc() || end != hex.data() + hex.size()) {
      return wrong(std::format("expected {} hexadecimal digits", digits));
    }
    if (is_surrogate(number)) return wrong_at(from, "a surrogate is no character");
    if (number > kLastCodePoint) return wrong_at(from, "there is no character beyond U+10FFFF");
    at_ += 2 + digits;
    value = number;
    return true;
  }

  // <text> or <[id]>, perhaps after "!": exactly one token.
  bool token(SyntaxNode& item) {
    item.kind = take("!") ? NodeKind::not_token : NodeKind::token;
    const std::size_t from = at_;
    if (!take("<")) return wrong("expected \"<\"");
    if (take("[")) {
      Token id = 0;
      const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), id);
      if (error != std::errc() || id < 0 || id >= vocabulary_.size())
        return wrong("expected a token's number");
      at_ = static_cast<std::size_t>(end - text_.data());
      item.number = static_cast<std::uint32_t>(id);
      return take("]>") || wrong("expected \"]>\"");
    }
    // A name has no line break, and tokenizing a long one costs more than it can be worth.
    const std::size_t close = text_.substr(at_, 256).find_first_of(">\n");
    if (close == text_.npos || text_[at_ + close] != '>') return wrong("expected \">\"");
    at_ += close + 1;
    const std::vector<Token> tokens = vocabulary_.tokenize(text_.substr(from, at_ - from), false, true);
    if (tokens.size() != 1) return wrong_at(from, "not one token of the vocabulary");
    item.number = static_cast<std::uint32_t>(tokens[0]);
    return true;
  }

  bool count_node() { return ++nodes_ <= kMaxNodes || wrong("the grammar is too large"); }

  const Vocabulary& vocabulary_;
  const TokenTrie& control_tokens_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::string error_;
  std::map<std::string_view, std::uint32_t> numbers_;  // of rules, by name
  std::vector<std::optional<SyntaxNode>> rules_;
  std::vector<std::size_t> first_use_;  // of rules, in the text
  std::size_t nodes_ = 0;
};

}  // namespace

Result<GrammarSyntax> parse_grammar_syntax(const Vocabulary& vocabulary, std::string_view text,
                                           bool special_text) {
  const TokenTrie none({});
  return Parser(vocabulary, text, special_text ? vocabulary.control_trie() : none).run();
}

}  // namespace banyan

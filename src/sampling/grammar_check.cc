#include "sampling/grammar_check.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <set>
#include <string>

#include "text/utf8.h"

namespace banyan {
namespace {

constexpr std::size_t kMaxBytes = 256 * 1024;
constexpr int kMaxDepth = 64;               // of nested groups
constexpr std::uint64_t kMaxRules = 16384;  // written or made by groups and repetitions
constexpr std::uint64_t kMaxElements = 1 << 20;
// libllama refuses an item whose rules times its repetitions come to more.
constexpr std::uint64_t kMaxRepeatedRules = 1999;

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// A recursive descent that follows libllama's own, keeping only counts. Every parser returns false
// once error_ is set.
class Checker {
 public:
  Checker(const Vocabulary& vocabulary, std::string_view text) : vocabulary_(vocabulary), text_(text) {}

  Result<> run() {
    if (text_.size() > kMaxBytes) {
      error_ = "is longer than " + std::to_string(kMaxBytes) + " bytes";
    } else if (text_.contains('\0') || !is_utf8(text_)) {
      error_ = "is not UTF-8 text";
    } else {
      skip_space(true);
      while (!at_end() && rule()) skip_space(true);
    }
    if (error_.empty()) {
      for (const std::string_view name : referenced_) {
        if (!defined_.contains(name))
          error_ = "uses the rule \"" + std::string(name) + "\", which it does not have";
      }
    }
    if (error_.empty() && !defined_.contains("root")) error_ = "has no rule \"root\"";
    if (!error_.empty()) return fail(Errc::invalid_argument, "the grammar " + error_, "grammar");
    return {};
  }

 private:
  // What the last item of a sequence costs when it is repeated.
  struct Item {
    std::uint64_t elements = 0;
    std::uint64_t rules = 1;
  };

  bool at_end() const { return at_ == text_.size(); }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  bool wrong(std::string what) {
    const std::string_view before = text_.substr(0, at_);
    const auto line = 1 + std::ranges::count(before, '\n');
    const std::size_t column = at_ - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
    error_ = "is wrong at line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + what;
    return false;
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

  bool rule() {
    const std::string_view defined = name();
    if (defined.empty()) return wrong("expected a rule's name");
    defined_.insert(defined);
    if (!add_rules(1)) return false;
    skip_space(false);
    if (!take("::=")) return wrong("expected \"::=\"");
    skip_space(true);
    if (!alternates(0)) return false;
    if (!at_end() && peek() != '\r' && peek() != '\n') return wrong("expected a new line or the end");
    return true;
  }

  bool alternates(int depth) {
    if (depth > kMaxDepth) return wrong("groups are nested too deep");
    while (true) {
      if (!sequence(depth)) return false;
      if (!take("|")) return true;
      if (!add_elements(1)) return false;
      skip_space(true);
    }
  }

  bool sequence(int depth) {
    Item item;
    while (!at_end()) {
      const char c = peek();
      const std::uint64_t elements_before = elements_;
      if (c == '"') {
        if (!literal()) return false;
      } else if (c == '[') {
        if (!character_class()) return false;
      } else if (c == '<' || c == '!') {
        if (!token() || !add_elements(1)) return false;
      } else if (c == '.') {
        ++at_;
        if (!add_elements(1)) return false;
      } else if (is_name_char(c)) {
        referenced_.insert(name());
        if (!add_elements(1)) return false;
      } else if (c == '(') {
        const std::uint64_t rules_before = rules_ + referenced_.size();
        if (!group(depth)) return false;
        item = {.elements = 1, .rules = rules_ + referenced_.size() - rules_before};
        skip_space(depth > 0);
        continue;
      } else if (c == '*' || c == '+' || c == '?' || c == '{') {
        if (!repetition(item, depth)) return false;
        continue;
      } else {
        break;
      }
      item = {.elements = elements_ - elements_before};
      skip_space(depth > 0);
    }
    return true;
  }

  bool group(int depth) {
    ++at_;
    skip_space(true);
    if (!add_rules(1) || !alternates(depth + 1)) return false;
    if (!take(")")) return wrong("expected \")\"");
    return add_elements(1);
  }

  bool repetition(Item& item, int depth) {
    constexpr std::uint64_t kNoMost = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t least = 0, most = kNoMost;
    const std::size_t from = at_;
    if (take("+")) {
      least = 1;
    } else if (take("?")) {
      most = 1;
    } else if (!take("*") && !bounds(least, most, depth > 0)) {
      return false;
    }
    skip_space(depth > 0);
    const auto wrong_here = [&](const char* what) {
      at_ = from;
      return wrong(what);
    };
    if (item.elements == 0) return wrong_here("there is nothing to repeat");
    if (most < least) return wrong_here("the most repetitions are fewer than the least");
    const std::uint64_t times =
        most == kNoMost ? std::max<std::uint64_t>(least, 1) : std::max<std::uint64_t>(most, 1);
    if (times > kMaxRepeatedRules || item.rules * times > kMaxRepeatedRules) {
      return wrong_here("too many repetitions");
    }
    const std::uint64_t optional = most == kNoMost ? 1 : most - least;  // libllama makes a rule for each
    if (!add_rules(optional) || !add_elements((least + optional) * (item.elements + 3))) return false;
    item = {.elements = least * item.elements + (optional > 0 ? 1 : 0), .rules = item.rules * times};
    return true;
  }

  bool bounds(std::uint64_t& least, std::uint64_t& most, bool newlines) {
    ++at_;
    skip_space(newlines);
    if (!number(least)) return false;
    most = least;
    skip_space(newlines);
    if (take(",")) {
      skip_space(newlines);
      most = std::numeric_limits<std::uint64_t>::max();
      if (is_digit(peek()) && !number(most)) return false;
      skip_space(newlines);
    }
    return take("}") || wrong("expected \"}\"");
  }

  bool number(std::uint64_t& value) {
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) return wrong("expected a number");
    at_ = static_cast<std::size_t>(end - text_.data());
    if (value > kMaxRepeatedRules) return wrong("too large a number");
    return true;
  }

  bool literal() {
    ++at_;
    while (!take("\"")) {
      if (!character() || !add_elements(1)) return false;
    }
    return true;
  }

  bool character_class() {
    ++at_;
    take("^");
    while (!take("]")) {
      if (!character() || !add_elements(1)) return false;
      if (peek() == '-' && peek(1) != ']') {
        ++at_;
        if (!character() || !add_elements(1)) return false;
      }
    }
    return true;
  }

  bool character() {
    if (at_end()) return wrong("unexpected end");
    if (peek() != '\\') {
      at_ += next_utf8(text_.substr(at_)).bytes;
      return true;
    }
    const char escape = peek(1);
    const std::size_t digits = escape == 'x' ? 2 : escape == 'u' ? 4 : escape == 'U' ? 8 : 0;
    if (digits == 0 && !std::string_view("trn\\\"[]-").contains(escape)) return wrong("unknown escape");
    at_ += 2;
    for (std::size_t i = 0; i < digits; ++i, ++at_) {
      if (!is_hex(peek())) return wrong("expected " + std::to_string(digits) + " hexadecimal digits");
    }
    return true;
  }

  // <text> or <[id]>, perhaps after "!": exactly one token.
  bool token() {
    take("!");
    const std::size_t from = at_;
    if (!take("<")) return wrong("expected \"<\"");
    if (take("[")) {
      Token id = 0;
      const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), id);
      if (error != std::errc() || id < 0 || id >= vocabulary_.size())
        return wrong("expected a token's number");
      at_ = static_cast<std::size_t>(end - text_.data());
      return take("]>") || wrong("expected \"]>\"");
    }
    const std::size_t close = text_.find('>', at_);
    if (close == text_.npos) return wrong("expected \">\"");
    at_ = close + 1;
    if (vocabulary_.tokenize(text_.substr(from, at_ - from), false, true).size() == 1) return true;
    at_ = from;
    return wrong("not one token of the vocabulary");
  }

  bool add_rules(std::uint64_t count) {
    rules_ += count;
    return rules_ <= kMaxRules || wrong("too many rules");
  }
  bool add_elements(std::uint64_t count) {
    elements_ += count;
    return elements_ <= kMaxElements || wrong("the grammar is too large");
  }

  const Vocabulary& vocabulary_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::string error_;
  std::set<std::string_view> defined_, referenced_;
  std::uint64_t rules_ = 0;
  std::uint64_t elements_ = 0;
};

}  // namespace

Result<> check_grammar(const Vocabulary& vocabulary, std::string_view grammar) {
  return Checker(vocabulary, grammar).run();
}

}  // namespace banyan

#include "sampling/schema/pattern.h"

#include <charconv>
#include <format>
#include <optional>
#include <string>
#include <utility>

#include "sampling/schema/char_sets.h"
#include "text/utf8.h"

namespace banyan {
namespace {

using PatternKind = Pattern::Kind;

CharSet one(char32_t c) { return char_set({{c, c}}); }
CharSet digits() { return char_set({{'0', '9'}}); }
CharSet word_characters() { return char_set({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}); }
CharSet spaces() {
  return char_set({{'\t', '\r'},
                   {' ', ' '},
                   {0xA0, 0xA0},
                   {0x1680, 0x1680},
                   {0x2000, 0x200A},
                   {0x2028, 0x2029},
                   {0x202F, 0x202F},
                   {0x205F, 0x205F},
                   {0x3000, 0x3000},
                   {0xFEFF, 0xFEFF}});
}
CharSet line_ends() { return char_set({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}); }

std::optional<CharSet> class_of(char letter) {
  switch (letter) {
    case 'd':
      return digits();
    case 'D':
      return inverted(digits());
    case 'w':
      return word_characters();
    case 'W':
      return inverted(word_characters());
    case 's':
      return spaces();
    case 'S':
      return inverted(spaces());
    default:
      return std::nullopt;
  }
}

// Recursive descent. Every parser returns false once error_ is set.
class PatternParser {
 public:
  explicit PatternParser(std::string_view text) : text_(text) {}

  Result<Pattern> run() {
    Pattern pattern;
    if (text_.size() > Pattern::kMaxBytes) {
      wrong(Errc::invalid_argument, std::format("it is longer than {} bytes", Pattern::kMaxBytes));
    } else if (!is_utf8(text_)) {
      wrong(Errc::invalid_argument, "it is not UTF-8 text");
    } else if (choice(pattern, 0) && !at_end()) {
      wrong(Errc::invalid_argument, "there is a \")\" without its \"(\"");
    }
    if (error_) return std::unexpected(*error_);
    return pattern;
  }

 private:
  bool at_end() const { return at_ == text_.size(); }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  bool wrong(Errc code, std::string what) {
    if (!error_) error_ = Error{code, std::move(what)};
    return false;
  }

  bool choice(Pattern& pattern, int depth) {
    if (depth > Pattern::kMaxDepth) return wrong(Errc::invalid_argument, "its groups are nested too deep");
    pattern.kind = PatternKind::choice;
    do {
      if (!sequence(pattern.parts.emplace_back(), depth)) return false;
    } while (take("|"));
    return true;
  }

  bool sequence(Pattern& pattern, int depth) {
    while (!at_end() && peek() != '|' && peek() != ')') {
      Pattern item;
      if (!atom(item, depth)) return false;
      const bool is_anchor = item.kind == PatternKind::begin || item.kind == PatternKind::end;
      std::uint32_t least = 0, most = 0;
      if (quantifier(least, most)) {
        if (is_anchor) return wrong(Errc::invalid_argument, "an anchor is repeated");
        if (most < least)
          return wrong(Errc::invalid_argument, "the most repetitions are fewer than the least");
        take("?");  // the shortest way to fit is a way to fit
        Pattern repeat{.kind = PatternKind::repeat, .least = least, .most = most};
        repeat.parts.push_back(std::move(item));
        item = std::move(repeat);
        if (std::uint32_t again = 0; quantifier(again, again)) {
          return wrong(Errc::invalid_argument, "a repetition is repeated without a group");
        }
      }
      if (error_) return false;
      pattern.parts.push_back(std::move(item));
    }
    return true;
  }

  bool quantifier(std::uint32_t& least, std::uint32_t& most) {
    least = 0;
    most = Pattern::kNoMost;
    if (take("*")) return true;
    if (take("+")) {
      least = 1;
      return true;
    }
    if (take("?")) {
      most = 1;
      return true;
    }
    // A brace that begins no repetition stands for itself.
    const std::size_t from = at_;
    if (!take("{")) return false;
    const auto number = [&](std::uint32_t& value) {
      const auto [end, problem] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
      if (problem == std::errc::invalid_argument) return false;
      if (problem != std::errc() || value > Pattern::kMaxTimes) {
        wrong(Errc::unsupported, std::format("it has more than {} repetitions", Pattern::kMaxTimes));
      }
      at_ = static_cast<std::size_t>(end - text_.data());
      return true;
    };
    bool is_whole = number(least);
    if (is_whole) {
      most = least;
      if (take(",") && !number(most)) most = Pattern::kNoMost;
      is_whole = take("}");
    }
    if (!is_whole) at_ = from;
    return is_whole;
  }

  bool atom(Pattern& item, int depth) {
    if (take("^")) {
      item.kind = PatternKind::begin;
      return true;
    }
    if (take("$")) {
      item.kind = PatternKind::end;
      return true;
    }
    if (take("(")) return group(item, depth);
    item.kind = PatternKind::set;
    if (take(".")) {
      item.set = inverted(line_ends());
      return true;
    }
    if (take("[")) return character_class(item.set);
    if (peek() == '*' || peek() == '+' || peek() == '?') {
      return wrong(Errc::invalid_argument, "there is nothing to repeat");
    }
    return character(item.set, false);
  }

  bool group(Pattern& item, int depth) {
    if (take("?")) {
      if (peek() == '=' || peek() == '!' || (peek() == '<' && (peek(1) == '=' || peek(1) == '!'))) {
        return wrong(Errc::unsupported, "looking ahead or behind is not supported");
      }
      if (take("<")) {
        const std::size_t close = text_.find('>', at_);
        if (close == text_.npos) return wrong(Errc::invalid_argument, "a group's name has no end");
        at_ = close + 1;
      } else if (!take(":")) {
        return wrong(Errc::unsupported, "it has a group of an unknown kind");
      }
    }
    if (!choice(item, depth + 1)) return false;
    return take(")") || wrong(Errc::invalid_argument, "there is a \"(\" without its \")\"");
  }

  bool character_class(CharSet& set) {
    const bool is_inverted = take("^");
    std::vector<CharSet::Range> ranges;
    while (!take("]")) {
      CharSet first, last;
      if (at_end()) return wrong(Errc::invalid_argument, "there is a \"[\" without its \"]\"");
      if (!character(first, true)) return false;
      if (peek() == '-' && peek(1) != ']' && is_one(first)) {
        ++at_;
        if (at_end()) return wrong(Errc::invalid_argument, "there is a \"[\" without its \"]\"");
        if (!character(last, true)) return false;
        if (is_one(last)) {
          const CharSet::Range range{first.ranges[0].first, last.ranges[0].first};
          if (range.last < range.first) return wrong(Errc::invalid_argument, "it has a reversed range");
          ranges.push_back(range);
          continue;
        }
        ranges.push_back({'-', '-'});  // before a class, the sign itself
        ranges.insert(ranges.end(), last.ranges.begin(), last.ranges.end());
      }
      ranges.insert(ranges.end(), first.ranges.begin(), first.ranges.end());
    }
    set = char_set(std::move(ranges));
    if (is_inverted) set = inverted(set);
    return true;
  }
  static bool is_one(const CharSet& set) {
    return set.ranges.size() == 1 && set.ranges[0].first == set.ranges[0].last;
  }

  bool character(CharSet& set, bool in_class) {
    if (peek() == '\\') return escape(set, in_class);
    const std::size_t bytes = next_utf8(text_.substr(at_)).bytes;
    set = one(code_point(text_.substr(at_, bytes)));
    at_ += bytes;
    return true;
  }

  bool escape(CharSet& set, bool in_class) {
    if (++at_ == text_.size()) return wrong(Errc::invalid_argument, "it ends within an escape");
    const char name = peek();
    if (name >= '1' && name <= '9') return wrong(Errc::unsupported, "referring to a group is not supported");
    if (name == 'k' && peek(1) == '<')
      return wrong(Errc::unsupported, "referring to a group is not supported");
    if ((name == 'b' && !in_class) || name == 'B') {
      return wrong(Errc::unsupported, "boundaries of words are not supported");
    }
    if (name == 'p' || name == 'P') return wrong(Errc::unsupported, "Unicode's properties are not supported");
    if (static_cast<unsigned char>(name) >= 0x80) return character(set, in_class);
    ++at_;
    if (auto named = class_of(name)) {
      set = std::move(*named);
      return true;
    }
    switch (name) {
      case 'b':
        set = one('\b');
        return true;
      case 'f':
        set = one('\f');
        return true;
      case 'n':
        set = one('\n');
        return true;
      case 'r':
        set = one('\r');
        return true;
      case 't':
        set = one('\t');
        return true;
      case 'v':
        set = one('\v');
        return true;
      case '0':
        set = one(0);
        return true;
      case 'c': {
        const char letter = peek();
        if ((letter | 0x20) < 'a' || (letter | 0x20) > 'z') break;
        ++at_;
        set = one(static_cast<char32_t>(letter & 0x1F));
        return true;
      }
      case 'x':
        return code(set, 2);
      case 'u':
        return unicode_escape(set);
      default:
        if ((name >= 'a' && name <= 'z') || (name >= 'A' && name <= 'Z')) break;
        set = one(static_cast<unsigned char>(name));
        return true;
    }
    return wrong(Errc::invalid_argument, std::format("it has an unknown escape \"\\{}\"", name));
  }

  // \u{1F333}, \u00e9, or two surrogates of one character.
  bool unicode_escape(CharSet& set) {
    if (take("{")) {
      const std::size_t close = text_.find('}', at_);
      if (close == text_.npos || close == at_ || close - at_ > 6) {
        return wrong(Errc::invalid_argument, "it has a wrong escape \"\\u{\"");
      }
      const std::size_t count = close - at_;
      if (!code(set, count)) return false;
      ++at_;
      return true;
    }
    std::uint32_t high = 0;
    if (!number(high, 4)) return false;
    if (high >= 0xD800 && high <= 0xDBFF && take("\\u")) {
      std::uint32_t low = 0;
      if (!number(low, 4)) return false;
      if (low < 0xDC00 || low > 0xDFFF) return wrong(Errc::unsupported, "it has half a surrogate pair");
      high = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    }
    return set_code(set, high);
  }
  bool code(CharSet& set, std::size_t count) {
    std::uint32_t value = 0;
    return number(value, count) && set_code(set, value);
  }
  bool set_code(CharSet& set, std::uint32_t value) {
    if (value >= 0xD800 && value <= 0xDFFF) return wrong(Errc::unsupported, "it has half a surrogate pair");
    if (value > 0x10FFFF) return wrong(Errc::invalid_argument, "it has a character beyond U+10FFFF");
    set = one(value);
    return true;
  }
  bool number(std::uint32_t& value, std::size_t count) {
    const std::string_view hex = text_.substr(at_, count);
    const auto [end, problem] = std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
    if (hex.size() < count || problem != std::errc() || end != hex.data() + hex.size()) {
      return wrong(Errc::invalid_argument, std::format("an escape wants {} hexadecimal digits", count));
    }
    at_ += count;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Result<Pattern> parse_pattern(std::string_view text) { return PatternParser(text).run(); }

}  // namespace banyan

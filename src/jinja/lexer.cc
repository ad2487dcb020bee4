#include "jinja/lexer.h"

#include <algorithm>
#include <array>

#include "jinja/limits.h"
#include "jinja/unicode.h"

namespace banyan::jinja {
namespace {

constexpr std::size_t kMaxTokens = 1'000'000;

bool is_name_start(char letter) {
  const auto byte = static_cast<unsigned char>(letter);
  return byte >= 0x80 || letter == '_' || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
}
bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }
bool is_name_part(char letter) { return is_name_start(letter) || is_digit(letter); }

class Lexer {
 public:
  Lexer(std::string_view source, int& line) : line_(line) {
    // Any way to end a line is a newline, and the last one does not count.
    for (std::size_t i = 0; i < source.size(); ++i) {
      if (source[i] == '\r') {
        source_ += '\n';
        if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
      } else {
        source_ += source[i];
      }
    }
    if (source_.ends_with('\n')) source_.pop_back();
  }

  std::vector<Token> run() {
    while (at_ < source_.size()) text();
    add(TokenKind::end, "");
    return std::move(tokens_);
  }

 private:
  bool next_is(std::string_view text) const {
    return std::string_view(source_).substr(at_).starts_with(text);
  }

  void add(TokenKind kind, std::string text) {
    if (tokens_.size() >= kMaxTokens) past_limit(std::to_string(kMaxTokens) + " tokens");
    tokens_.push_back({kind, std::move(text), line_});
  }

  void advance(std::size_t bytes) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(at_ + bytes), '\n'));
    if (bytes > 0) line_starts_ = source_[at_ + bytes - 1] == '\n';
    at_ += bytes;
  }

  void skip_blanks() {
    std::size_t end = at_;
    while (end < source_.size()) {
      std::size_t next = end;
      if (!is_space(next_point(source_, next))) break;
      end = next;
    }
    advance(end - at_);
  }

  // Text up to the next tag, and the tag.
  void text() {
    std::size_t tag = at_;
    for (;; ++tag) {
      tag = source_.find('{', tag);
      if (tag == std::string::npos || tag + 1 >= source_.size()) {
        tag = source_.size();
        break;
      }
      if (std::string_view("{%#").contains(source_[tag + 1])) break;
    }
    std::string data = source_.substr(at_, tag - at_);
    const bool at_line_start = line_starts_;
    const std::size_t data_size = data.size();
    if (tag == source_.size()) {
      if (!data.empty()) add(TokenKind::data, std::move(data));
      advance(data_size);
      return;
    }
    const char kind = source_[tag + 1];
    const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    trim_before(data, kind != '{', sign, at_line_start);
    if (!data.empty()) add(TokenKind::data, std::move(data));
    advance(data_size + 2 + (sign == '-' || sign == '+' ? 1 : 0));
    if (kind == '#') return comment();
    if (kind == '%' && raw()) return;
    add(kind == '{' ? TokenKind::output_begin : TokenKind::block_begin, "");
    inside(kind == '{');
  }

  // What a tag takes away of the text before it.
  static void trim_before(std::string& data, bool is_block, char sign, bool at_line_start) {
    if (sign == '-') {
      while (!data.empty()) {
        std::size_t last = data.size() - 1;
        while (last > 0 && (static_cast<unsigned char>(data[last]) & 0xC0) == 0x80) --last;
        std::size_t at = last;
        if (!is_space(next_point(data, at))) return;
        data.resize(last);
      }
      return;
    }
    if (sign == '+' || !is_block) return;
    const std::size_t newline = data.rfind('\n');
    const std::size_t begin = newline == std::string::npos ? 0 : newline + 1;
    if (begin == 0 && !at_line_start) return;
    for (std::size_t at = begin; at < data.size();) {
      if (!is_space(next_point(data, at))) return;
    }
    data.resize(begin);
  }

  void comment() {
    const std::size_t end = source_.find("#}", at_);
    if (end == std::string::npos) failed("Missing end of comment tag");
    const bool signed_end = end > at_ && (source_[end - 1] == '-' || source_[end - 1] == '+');
    const char sign = signed_end ? source_[end - 1] : '\0';
    advance(end - at_ + 2);
    if (sign == '-') return skip_blanks();
    if (sign != '+' && next_is("\n")) advance(1);
  }

  // {% raw %}...{% endraw %}, whose beginning is behind us.
  bool raw() {
    const std::size_t begin = at_;
    const int line = line_;
    const bool starts = line_starts_;
    skip_blanks();
    if (!next_is("raw")) return back(begin, line, starts);
    advance(3);
    skip_blanks();
    if (next_is("-%}")) {
      advance(3);
      skip_blanks();
    } else if (next_is("%}")) {
      advance(2);
    } else {
      return back(begin, line, starts);
    }
    const bool at_line_start = line_starts_;
    for (std::size_t tag = source_.find("{%", at_); tag != std::string::npos;
         tag = source_.find("{%", tag + 1)) {
      const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
      std::size_t at = tag + 2 + (sign == '-' || sign == '+' ? 1 : 0);
      while (at < source_.size() && is_space(static_cast<unsigned char>(source_[at]))) ++at;
      if (!std::string_view(source_).substr(at).starts_with("endraw")) continue;
      at += 6;
      while (at < source_.size() && is_space(static_cast<unsigned char>(source_[at]))) ++at;
      const std::string_view rest = std::string_view(source_).substr(at);
      if (!rest.starts_with("%}") && !rest.starts_with("-%}") && !rest.starts_with("+%}")) continue;
      std::string data = source_.substr(at_, tag - at_);
      trim_before(data, true, sign, at_line_start);
      if (!data.empty()) add(TokenKind::data, std::move(data));
      advance(at - at_);
      block_end();
      return true;
    }
    failed("Missing end of raw directive");
  }

  bool back(std::size_t at, int line, bool starts) {
    at_ = at;
    line_ = line;
    line_starts_ = starts;
    return false;
  }

  void block_end() {
    if (next_is("-%}")) {
      advance(3);
      return skip_blanks();
    }
    if (next_is("+%}")) return advance(3);
    advance(2);
    if (next_is("\n")) advance(1);
  }

  // An expression or a block, up to its end.
  void inside(bool output) {
    std::string open;
    for (;;) {
      skip_blanks();
      if (at_ >= source_.size()) failed("unexpected end of template");
      if (open.empty()) {
        if (output && (next_is("}}") || next_is("-}}"))) {
          add(TokenKind::output_end, "");
          const bool strips = next_is("-");
          advance(strips ? 3 : 2);
          if (strips) skip_blanks();
          return;
        }
        if (!output && (next_is("%}") || next_is("-%}") || next_is("+%}"))) {
          add(TokenKind::block_end, "");
          return block_end();
        }
      }
      token(open);
    }
  }

  void token(std::string& open) {
    const char letter = source_[at_];
    if (is_digit(letter)) return number();
    if (is_name_start(letter)) {
      std::size_t end = at_;
      while (end < source_.size() && is_name_part(source_[end])) ++end;
      add(TokenKind::name, source_.substr(at_, end - at_));
      return advance(end - at_);
    }
    if (letter == '"' || letter == '\'') return string();
    constexpr std::array kOperators = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
                                       "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
    for (const std::string_view op : kOperators) {
      if (!next_is(op)) continue;
      if (std::string_view("([{").contains(op[0])) open += op[0] == '(' ? ')' : op[0] == '[' ? ']' : '}';
      if (std::string_view(")]}").contains(op[0])) {
        if (open.empty()) failed("unexpected '" + std::string(op) + "'");
        if (open.back() != op[0])
          failed("unexpected '" + std::string(op) + "', expected '" + open.back() + "'");
        open.pop_back();
      }
      add(TokenKind::op, std::string(op));
      return advance(op.size());
    }
    failed(std::string("unexpected char '") + letter + "'");
  }

  // Digits with single underscores between them, from `at`.
  std::size_t digits(std::size_t at, bool (*is)(char) = is_digit) const {
    while (at < source_.size() &&
           (is(source_[at]) || (source_[at] == '_' && at + 1 < source_.size() && is(source_[at + 1]))))
      ++at;
    return at;
  }

  void number() {
    std::size_t end = at_;
    const char second = at_ + 1 < source_.size() ? static_cast<char>(source_[at_ + 1] | 0x20) : '\0';
    if (source_[at_] == '0' && (second == 'x' || second == 'o' || second == 'b')) {
      const auto is = second == 'x'
                          ? +[](char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }
                      : second == 'o' ? +[](char c) { return c >= '0' && c <= '7'; }
                                      : +[](char c) { return c == '0' || c == '1'; };
      end = digits(at_ + 2, is);
      if (end > at_ + 2) return finish_number(TokenKind::integer, end);
    }
    end = digits(at_);
    bool floating = false;
    if (end + 1 < source_.size() && source_[end] == '.' && is_digit(source_[end + 1])) {
      end = digits(end + 1);
      floating = true;
    }
    if (end < source_.size() && (source_[end] | 0x20) == 'e') {
      std::size_t exponent = end + 1;
      if (exponent < source_.size() && (source_[exponent] == '+' || source_[exponent] == '-')) ++exponent;
      if (exponent < source_.size() && is_digit(source_[exponent])) {
        end = digits(exponent);
        floating = true;
      }
    }
    // "007" is three numbers, which no grammar allows beside one another.
    if (!floating && source_[at_] == '0' && end > at_ + 1) {
      const std::string text = source_.substr(at_, end - at_);
      if (text.find_first_not_of("0_") != std::string::npos) failed("an integer begins with 0");
    }
    finish_number(floating ? TokenKind::floating : TokenKind::integer, end);
  }

  void finish_number(TokenKind kind, std::size_t end) {
    std::string text = source_.substr(at_, end - at_);
    std::erase(text, '_');
    add(kind, std::move(text));
    advance(end - at_);
  }

  void string() {
    const char quote = source_[at_];
    std::size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) failed("unexpected end of a string");
    add(TokenKind::string, unescaped(std::string_view(source_).substr(at_ + 1, end - at_ - 1)));
    advance(end + 1 - at_);
  }

  static std::string unescaped(std::string_view text) {
    std::string result;
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (text[at] != '\\' || at + 1 >= text.size()) {
        result += text[at];
        continue;
      }
      const char letter = text[++at];
      constexpr std::string_view kLetters = "abfnrtv\\'\"";
      constexpr std::string_view kMeant = "\a\b\f\n\r\t\v\\'\"";
      if (const std::size_t known = kLetters.find(letter); known != std::string_view::npos) {
        result += kMeant[known];
      } else if (letter == '\n') {
        // a line that goes on
      } else if (letter >= '0' && letter <= '7') {
        char32_t point = 0;
        const std::size_t stop = std::min(at + 3, text.size());
        while (at < stop && text[at] >= '0' && text[at] <= '7')
          point = point * 8 + static_cast<char32_t>(text[at++] - '0');
        --at;
        append_point(result, point);
      } else if (letter == 'x' || letter == 'u' || letter == 'U') {
        const std::size_t length = letter == 'x' ? 2 : letter == 'u' ? 4 : 8;
        const char32_t point = hexadecimal_at(text, at + 1, length);
        at += length;
        if (point >= 0xD800 && point < 0xDC00 && text.substr(at + 1).starts_with("\\u")) {
          // Two halves, as JSON writes them; Python would keep two surrogates that cannot be printed.
          failed("a surrogate in a string");
        }
        if ((point >= 0xD800 && point <= 0xDFFF) || point > 0x10FFFF)
          failed("an escape in a string is no character");
        append_point(result, point);
      } else if (letter == 'N') {
        failed("\\N{...} in a string is not supported");
      } else {
        result += '\\';
        result += letter;
      }
    }
    return result;
  }

  static char32_t hexadecimal_at(std::string_view text, std::size_t at, std::size_t length) {
    char32_t point = 0;
    if (text.size() < at + length) failed("an escape in a string is cut off");
    for (const char letter : text.substr(at, length)) {
      const int lower = letter | 0x20;
      if (is_digit(letter)) {
        point = point * 16 + static_cast<char32_t>(letter - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        point = point * 16 + static_cast<char32_t>(lower - 'a' + 10);
      } else {
        failed("an escape in a string is no hexadecimal number");
      }
    }
    return point;
  }

  std::string source_;
  std::size_t at_ = 0;
  int& line_;
  bool line_starts_ = true;  ///< whether a newline, or nothing, is just before `at_`
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source, int& line) { return Lexer(source, line).run(); }

}  // namespace banyan::jinja

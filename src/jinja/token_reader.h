/// A template's tokens, read one after the other.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jinja/lexer.h"

namespace banyan::jinja {

/// Throws Failure where a token is not what it must be.
class TokenReader {
 public:
  using Names = std::initializer_list<std::string_view>;

  /// `line` follows the current token. REQUIRES: the last token is of kind `end`.
  TokenReader(std::vector<Token> tokens, int& line) : tokens_(std::move(tokens)), line_(line) {}

  int line() const { return line_; }
  const Token& current() const { return tokens_[at_]; }
  const Token& next() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  const Token& take();

  bool is(TokenKind kind) const { return current().kind == kind; }
  bool is_op(std::string_view op) const { return is(TokenKind::op) && current().text == op; }
  bool is_name(std::string_view name) const { return is(TokenKind::name) && current().text == name; }
  bool is_one_of(Names names) const { return is_one_of(names, current()); }
  static bool is_one_of(Names names, const Token& token);

  /// Takes the token if it is this one.
  bool skip_op(std::string_view op) { return is_op(op) && (take(), true); }
  bool skip_name(std::string_view name) { return is_name(name) && (take(), true); }

  void expect(TokenKind kind);
  void expect_op(std::string_view op);
  void expect_name(std::string_view name);
  std::string expect_any_name();

 private:
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int& line_;
};

/// A token as messages show it.
std::string shown(const Token& token);

}  // namespace banyan::jinja

#include "jinja/token_reader.h"

#include "jinja/limits.h"

namespace banyan::jinja {

const Token& TokenReader::take() {
  const Token& token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) ++at_;
  line_ = current().line;
  return token;
}

bool TokenReader::is_one_of(Names names, const Token& token) {
  return token.kind == TokenKind::name && std::ranges::find(names, token.text) != names.end();
}

void TokenReader::expect(TokenKind kind) {
  if (!is(kind)) failed("unexpected " + shown(current()));
  take();
}

void TokenReader::expect_op(std::string_view op) {
  if (!skip_op(op)) failed("expected '" + std::string(op) + "', got " + shown(current()));
}

void TokenReader::expect_name(std::string_view name) {
  if (!skip_name(name)) failed("expected '" + std::string(name) + "', got " + shown(current()));
}

std::string TokenReader::expect_any_name() {
  if (!is(TokenKind::name)) failed("expected a name, got " + shown(current()));
  return take().text;
}

std::string shown(const Token& token) {
  switch (token.kind) {
    case TokenKind::end:
      return "end of template";
    case TokenKind::block_end:
      return "end of statement block";
    case TokenKind::output_end:
      return "end of print statement";
    case TokenKind::data:
      return "text";
    default:
      return "'" + token.text.substr(0, 60) + "'";
  }
}

}  // namespace banyan::jinja

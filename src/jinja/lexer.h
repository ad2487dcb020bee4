/// A template's text as tokens, as jinja2 cuts it with trim_blocks and lstrip_blocks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace banyan::jinja {

enum class TokenKind {
  data,
  output_begin,
  output_end,
  block_begin,
  block_end,
  name,
  string,
  integer,
  floating,
  op,
  end
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string text;  ///< of a string, what it stands for
  int line = 1;
};

/// Throws Failure. `line` is where it stands, also then.
std::vector<Token> tokenize(std::string_view source, int& line);

}  // namespace banyan::jinja

/// The text between quotes in a grammar.
#pragma once

#include <string_view>

#include "sampling/grammar/syntax.h"
#include "text/token_trie.h"

namespace banyan {

/// The characters one after the other. Where they are the text of a control token, that token may stand for
/// them; of several that begin at one place, the one with the longest text.
SyntaxNode literal_node(std::u32string_view characters, const TokenTrie& control_tokens);

}  // namespace banyan

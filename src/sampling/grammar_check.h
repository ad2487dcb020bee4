/// Looks at a client's GBNF grammar before libllama does.
///
/// libllama's parser says what is wrong on stderr alone, recurses as deep as the text asks it to,
/// and lets a short text ask for any amount of memory. What passes here it takes without harm; only
/// left recursion is left for it to find.
#pragma once

#include <string_view>

#include "banyan/base.h"
#include "banyan/vocabulary.h"

namespace banyan {

/// Errors: invalid_argument (field "grammar"), with what is wrong and where. Any thread.
Result<> check_grammar(const Vocabulary& vocabulary, std::string_view grammar);

}  // namespace banyan

/// What an automaton accepts, as an expression of a grammar.
#pragma once

#include <cstdint>

#include "sampling/schema/automaton.h"
#include "sampling/schema/rules.h"

namespace banyan {

/// How characters are written in the text that the expression fits.
enum class Spelling : std::uint8_t {
  plain,
  json,  ///< within a JSON string: quotes, backslashes and control characters are escaped
};
/// What the automaton accepts, without quotes around it.
Expression expression_of(const Automaton& automaton, Spelling spelling, Rules& rules);

}  // namespace banyan

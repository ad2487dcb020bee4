/// The automaton of a pattern.
#pragma once

#include <cstddef>
#include <optional>

#include "sampling/schema/automaton.h"
#include "sampling/schema/pattern.h"

namespace banyan {

/// The texts in which the pattern is found, minimal. None where a bound is passed. Adds to `work` what it
/// took.
std::optional<Automaton> find_pattern(const Pattern& pattern, std::size_t& work);

}  // namespace banyan

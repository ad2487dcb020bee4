/// The texts of numbers within limits.
#pragma once

#include <optional>
#include <vector>

#include "banyan/base.h"
#include "sampling/schema/automaton.h"
#include "sampling/schema/decimal.h"

namespace banyan {

struct NumberLimit {
  Decimal value;
  bool is_exclusive = false;
};

struct NumberLimits {
  bool is_integer = false;
  std::optional<NumberLimit> least = {}, most = {};
  std::vector<Decimal> steps = {};      ///< positive: the number is a multiple of each
  std::vector<Decimal> no_steps = {};   ///< positive: it is a multiple of none
  std::vector<Decimal> no_values = {};  ///< it is none of these

  bool allow(const Decimal& number) const;
};

/// Digits that are written before the point, as many as integers of 64 bits have, and behind it, unless a
/// limit has more.
inline constexpr int kUsualWholeDigits = 20;
inline constexpr int kUsualDigits = 16;
inline constexpr int kMostDigits = 40;

/// All texts without an exponent, of up to kUsualWholeDigits before the point and kUsualDigits behind it.
/// Errors: unsupported, where the limits take more than kMostDigits, or more than an automaton has states.
Result<Automaton> number_texts(const NumberLimits& limits);

}  // namespace banyan

/// Numbers as their decimal digits say, without rounding.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace banyan {

/// `digits` times ten to the power of `exponent`.
struct Decimal {
  bool is_negative = false;
  std::string digits = {};  ///< without zeros at the beginning and the end; zero has none
  int exponent = 0;

  /// REQUIRES: a number.
  static Decimal of(const nlohmann::ordered_json& number);

  bool is_zero() const { return digits.empty(); }
  bool is_integer() const { return exponent >= 0 || is_zero(); }
  /// Whether it is `step`, which is positive, times an integer. Of a step of more than 18 digits, which no
  /// double has, only itself is.
  bool is_multiple_of(const Decimal& step) const;
  /// The digits before the point, "0" at least, and those behind it. REQUIRES: an exponent within thousands.
  std::string whole_part() const;
  std::string fraction() const;
};

/// Negative, zero or positive, as a is less than b, equal or greater.
int compare(const Decimal& a, const Decimal& b);

}  // namespace banyan

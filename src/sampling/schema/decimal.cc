#include "sampling/schema/decimal.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace banyan {
namespace {

constexpr std::uint64_t kMaxDivisor = 1'000'000'000'000'000'000;  // ten times as much is a 64-bit number

int compare_magnitudes(const Decimal& a, const Decimal& b) {
  if (a.is_zero() || b.is_zero()) return static_cast<int>(b.is_zero()) - static_cast<int>(a.is_zero());
  const int places_a = static_cast<int>(a.digits.size()) + a.exponent;
  const int places_b = static_cast<int>(b.digits.size()) + b.exponent;
  if (places_a != places_b) return places_a < places_b ? -1 : 1;
  // Without zeros at the end, the longer of two with the same beginning is the larger, as text is.
  return a.digits.compare(b.digits);
}

}  // namespace

Decimal Decimal::of(const nlohmann::ordered_json& number) {
  const std::string text = number.dump();
  std::string_view rest = text;
  Decimal decimal;
  decimal.is_negative = rest.starts_with('-');
  if (decimal.is_negative) rest.remove_prefix(1);
  if (const std::size_t e = rest.find_first_of("eE"); e != rest.npos) {
    std::string_view power = rest.substr(e + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    std::from_chars(power.data(), power.data() + power.size(), decimal.exponent);
    rest = rest.substr(0, e);
  }
  if (const std::size_t point = rest.find('.'); point != rest.npos) {
    decimal.digits = rest.substr(0, point);
    decimal.digits += rest.substr(point + 1);
    decimal.exponent -= static_cast<int>(rest.size() - point - 1);
  } else {
    decimal.digits = rest;
  }
  decimal.digits.erase(0, decimal.digits.find_first_not_of('0'));
  while (decimal.digits.ends_with('0')) {
    decimal.digits.pop_back();
    ++decimal.exponent;
  }
  if (decimal.is_zero()) decimal = {};
  return decimal;
}

bool Decimal::is_multiple_of(const Decimal& step) const {
  if (is_zero()) return true;
  if (step.digits.size() > 18) return digits == step.digits && exponent == step.exponent;
  const int least = std::min(exponent, step.exponent);
  std::uint64_t divisor = 0, rest = 0;
  for (const char digit : step.digits) divisor = divisor * 10 + static_cast<std::uint64_t>(digit - '0');
  for (int i = step.exponent; i > least; --i) {
    // A double has no more digits, so that it is a fraction of so large a step.
    if (divisor >= kMaxDivisor / 10) return false;
    divisor *= 10;
  }
  for (const char digit : digits) rest = (rest * 10 + static_cast<std::uint64_t>(digit - '0')) % divisor;
  for (int i = exponent; i > least && rest != 0; --i) rest = rest * 10 % divisor;
  return rest == 0;
}

std::string Decimal::whole_part() const {
  const int places = static_cast<int>(digits.size()) + exponent;
  if (places <= 0) return "0";
  std::string whole = digits.substr(0, static_cast<std::size_t>(places));
  whole.resize(static_cast<std::size_t>(places), '0');
  return whole;
}

std::string Decimal::fraction() const {
  if (exponent >= 0) return "";
  const int places = static_cast<int>(digits.size()) + exponent;
  if (places >= 0) return digits.substr(static_cast<std::size_t>(places));
  return std::string(static_cast<std::size_t>(-places), '0') + digits;
}

int compare(const Decimal& a, const Decimal& b) {
  if (a.is_negative != b.is_negative) return a.is_negative ? -1 : 1;
  return a.is_negative ? compare_magnitudes(b, a) : compare_magnitudes(a, b);
}

}  // namespace banyan

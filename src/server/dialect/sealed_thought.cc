#include "server/dialect/sealed_thought.h"

#include <cstddef>
#include <cstdint>

namespace banyan {
namespace {

constexpr std::string_view kSeal = "banyan:";
constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

// Base64 (RFC 4648).
std::string seal_thought(std::string_view thought) {
  std::string sealed(kSeal);
  sealed.reserve(kSeal.size() + (thought.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < thought.size(); i += 3) {
    std::uint32_t bits = 0;
    const std::string_view bytes = thought.substr(i, 3);
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (k < bytes.size() ? static_cast<unsigned char>(bytes[k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      sealed += k <= bytes.size() ? kDigits[bits >> (18 - 6 * k) & 63] : '=';
    }
  }
  return sealed;
}

std::optional<std::string> unseal_thought(std::string_view sealed) {
  if (!sealed.starts_with(kSeal)) return std::nullopt;
  sealed.remove_prefix(kSeal.size());
  while (sealed.ends_with('=')) sealed.remove_suffix(1);
  std::string thought;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char digit : sealed) {
    const std::size_t value = kDigits.find(digit);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    thought += static_cast<char>(bits >> count & 255);
  }
  return thought;
}

}  // namespace banyan

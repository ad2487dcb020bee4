// Clients' grammars, and bytes that are taken for a reply: parsed, compiled and followed within the bounds.
#include <cstdint>
#include <string_view>

#include "banyan/vocabulary.h"
#include "sampling/grammar/matcher.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto vocabulary =
      banyan::Vocabulary::load(BANYAN_SOURCE_MODELS "/tally-qwen3-q8_0.gguf").value();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\0');  // grammar, zero, reply
  const auto grammar = banyan::Grammar::parse(*vocabulary, input.substr(0, end), true);
  if (!grammar) return 0;
  banyan::GrammarMatcher matcher(*grammar);
  if (end == input.npos) return 0;
  for (const char& byte : input.substr(end + 1)) {
    const auto token = static_cast<unsigned char>(byte) % vocabulary->size();
    if (matcher.allows(token, {&byte, 1}) != matcher.accept(token, {&byte, 1})) __builtin_trap();
  }
  return 0;
}

// Clients' JSON Schemas: made into grammars within the bounds, which Grammar::parse then reads.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "banyan/vocabulary.h"
#include "sampling/grammar/grammar.h"
#include "sampling/schema/schema_grammar.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto vocabulary =
      banyan::Vocabulary::load(BANYAN_SOURCE_MODELS "/tally-qwen3-q8_0.gguf").value();
  if (size == 0) return 0;
  // The first byte has the options.
  const banyan::SchemaOptions options{.is_strict = (data[0] & 1) != 0, .to_the_letter = (data[0] & 2) != 0};
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto schema = nlohmann::ordered_json::parse(text, nullptr, false);
  if (schema.is_discarded()) return 0;
  const auto grammar = banyan::schema_grammar(schema, options);
  if (grammar && !banyan::Grammar::parse(*vocabulary, *grammar)) __builtin_trap();
  return 0;
}

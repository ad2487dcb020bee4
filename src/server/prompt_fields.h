/// Prompts as requests give them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "banyan/vocabulary.h"
#include "server/json_fields.h"
#include "server/model_context.h"

namespace banyan {

/// The token id `array`[`index`]; anything but an integer inside the vocabulary is an error that names it.
Result<Token> read_token(const Json& value, const std::string& array, std::size_t index,
                         const Vocabulary& vocabulary);

/// Whether a prompt of so many bytes may fit so many contexts, told without tokenizing it, which takes
/// seconds and gigabytes for the longest. Errors: too_long.
Result<> check_length(std::size_t bytes, const PromptLimits& limits, std::size_t contexts = 1);

struct Prompt {
  std::vector<Token> tokens = {};
  std::string text = {};  ///< as it was given, or what the token ids say
};

/// The field `prompt`: a text, {"prompt_string": TEXT}, an array of token ids, texts and token ids mixed, or
/// an array of several of these. At the beginning of a prompt a text gets what the model wants there (BOS).
/// Errors are left in `fields`.
std::vector<Prompt> read_prompts(Fields& fields, const ModelContext& context);

}  // namespace banyan

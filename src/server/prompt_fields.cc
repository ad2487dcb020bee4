#include "server/prompt_fields.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <format>
#include <utility>

#include "server/http/http_errors.h"

namespace banyan {
namespace {

// llama-server's {"prompt_string": TEXT}, which may have images and sounds beside it.
Result<Json> prompt_string(const Json& object, const std::string& name) {
  Fields fields(object, name + ".");
  fields.required("prompt_string");
  std::string text = fields.string("prompt_string");
  fields.refuse_unless("multimodal_data", Json::array());
  if (fields.error()) return std::unexpected(*fields.error());
  return Json(std::move(text));
}

// A text, as it is or in an object, or token ids and texts mixed.
Result<Prompt> read_prompt(const Json& value, const std::string& name, const ModelContext& context) {
  if (value.is_object() && value.contains("prompt_string")) {
    const auto text = prompt_string(value, name);
    return text ? read_prompt(*text, name, context) : std::unexpected(text.error());
  }
  const Vocabulary& vocabulary = context.vocabulary;
  Prompt prompt;
  std::size_t bytes = 0;
  const auto add_text = [&](const Json& text, bool first) {
    prompt.text += text.get_ref<const std::string&>();
    const auto tokens = vocabulary.tokenize(text.get_ref<const std::string&>(), first, true);
    prompt.tokens.insert(prompt.tokens.end(), tokens.begin(), tokens.end());
  };
  if (value.is_string()) {
    if (auto fits = check_length(value.get_ref<const std::string&>().size(), context.limits); !fits) {
      return std::unexpected(fits.error());
    }
    add_text(value, true);
    return prompt;
  }
  if (!value.is_array()) return fail(Errc::invalid_argument, name + " must be text or token ids", name);
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i].is_string()) {
      bytes += value[i].get_ref<const std::string&>().size();
      if (auto fits = check_length(bytes, context.limits); !fits) return std::unexpected(fits.error());
      add_text(value[i], i == 0);
      continue;
    }
    const auto token = read_token(value[i], name, i, vocabulary);
    if (!token) return std::unexpected(token.error());
    prompt.text += vocabulary.piece(*token, true);
    prompt.tokens.push_back(*token);
  }
  return prompt;
}

// Whether an array is several prompts rather than one of mixed token ids and texts.
bool is_batch(const Json& array) {
  const auto is_text = [](const Json& item) { return item.is_string(); };
  const auto is_nested = [](const Json& item) { return item.is_structured(); };
  return std::ranges::any_of(array, is_nested) || std::ranges::all_of(array, is_text);
}

}  // namespace

Result<Token> read_token(const Json& value, const std::string& array, std::size_t index,
                         const Vocabulary& vocabulary) {
  const auto wrong = [&](const std::string& problem) {
    const std::string name = std::format("{}[{}]", array, index);
    return fail(Errc::invalid_argument, name + " " + problem, name);
  };
  if (!value.is_number_integer()) return wrong("must be a token id");
  const auto id = value.get<std::int64_t>();
  if (id >= 0 && id < vocabulary.size()) return static_cast<Token>(id);
  return wrong(std::format("is {}; token ids are from 0 to {}", dump(value), vocabulary.size() - 1));
}

Result<> check_length(std::size_t bytes, const PromptLimits& limits, std::size_t contexts) {
  const std::size_t least = (bytes + limits.token_bytes - 1) / limits.token_bytes;
  if (least / contexts <= limits.tokens) return {};
  return fail(Errc::too_long, too_long_message("at least ", least, limits.tokens), "prompt");
}

std::vector<Prompt> read_prompts(Fields& fields, const ModelContext& context) {
  std::vector<Prompt> prompts;
  const auto add = [&](const Json& value, const std::string& name) {
    auto prompt = read_prompt(value, name, context);
    if (!prompt) return fields.wrong(prompt.error());
    if (prompt->tokens.empty()) return fields.wrong(name, "is empty");
    prompts.push_back(std::move(*prompt));
  };
  const Json* value = fields.required("prompt");
  if (!value) return prompts;
  if (value->is_array() && !value->empty() && is_batch(*value)) {
    if (value->size() > context.limits.prompts) {
      fields.wrong("prompt", std::format("must have at most {} prompts", context.limits.prompts));
      return prompts;
    }
    for (std::size_t i = 0; i < value->size() && !fields.error(); ++i) {
      add((*value)[i], std::format("prompt[{}]", i));
    }
  } else {
    add(*value, "prompt");
  }
  return prompts;
}

}  // namespace banyan

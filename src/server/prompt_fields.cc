#include "server/prompt_fields.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <format>
#include <utility>

namespace banyan {
namespace {

// A text, or token ids and texts mixed.
Result<Prompt> read_prompt(const Json& value, const std::string& name, const Vocabulary& vocabulary) {
  Prompt prompt;
  const auto add_text = [&](const Json& text, bool first) {
    prompt.text += text.get_ref<const std::string&>();
    const auto tokens = vocabulary.tokenize(text.get_ref<const std::string&>(), first, true);
    prompt.tokens.insert(prompt.tokens.end(), tokens.begin(), tokens.end());
  };
  if (value.is_string()) {
    add_text(value, true);
    return prompt;
  }
  if (!value.is_array()) return fail(Errc::invalid_argument, name + " must be text or token ids", name);
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i].is_string()) {
      add_text(value[i], i == 0);
      continue;
    }
    const auto token = read_token(value[i], std::format("{}[{}]", name, i), vocabulary);
    if (!token) return std::unexpected(token.error());
    prompt.text += vocabulary.piece(*token, true);
    prompt.tokens.push_back(*token);
  }
  return prompt;
}

// Whether an array is several prompts rather than one of mixed token ids and texts.
bool is_batch(const Json& array) {
  const auto is_text = [](const Json& item) { return item.is_string(); };
  const auto is_nested = [](const Json& item) { return item.is_array(); };
  return std::ranges::any_of(array, is_nested) || std::ranges::all_of(array, is_text);
}

}  // namespace

Result<Token> read_token(const Json& value, const std::string& name, const Vocabulary& vocabulary) {
  if (!value.is_number_integer()) return fail(Errc::invalid_argument, name + " must be a token id", name);
  const auto id = value.get<std::int64_t>();
  if (id >= 0 && id < vocabulary.size()) return static_cast<Token>(id);
  return fail(Errc::invalid_argument,
              std::format("{} is {}; token ids are from 0 to {}", name, id, vocabulary.size() - 1), name);
}

std::vector<Prompt> read_prompts(Fields& fields, const Vocabulary& vocabulary) {
  std::vector<Prompt> prompts;
  const auto add = [&](const Json& value, const std::string& name) {
    auto prompt = read_prompt(value, name, vocabulary);
    if (!prompt) return fields.wrong(prompt.error());
    if (prompt->tokens.empty()) return fields.wrong(name, "is empty");
    prompts.push_back(std::move(*prompt));
  };
  const Json* value = fields.required("prompt");
  if (!value) return prompts;
  if (value->is_array() && !value->empty() && is_batch(*value)) {
    for (std::size_t i = 0; i < value->size() && !fields.error(); ++i) {
      add((*value)[i], std::format("prompt[{}]", i));
    }
  } else {
    add(*value, "prompt");
  }
  return prompts;
}

std::string read_chat(Fields& fields, const ChatTemplate& chat_template) {
  fields.required("messages");
  const Json* messages = fields.array("messages");
  const Json* tools = fields.array("tools");
  const Json* extra = fields.object("chat_template_kwargs");
  const bool opens_reply = fields.boolean("add_generation_prompt", true);
  if (const Json* choice = fields.any("tool_choice"); choice && *choice == "none") {
    tools = nullptr;
  } else {
    fields.refuse_unless("tool_choice", "auto");
  }
  if (fields.error()) return "";
  const Json none;
  auto text = chat_template.apply(*messages, tools ? *tools : none, opens_reply, extra ? *extra : none);
  if (text) return std::move(*text);
  fields.wrong(text.error());
  return "";
}

}  // namespace banyan

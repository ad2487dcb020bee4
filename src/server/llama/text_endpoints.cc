#include "server/llama/text_endpoints.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "server/openai/chat_messages.h"
#include "server/prompt_fields.h"
#include "server/request_defaults.h"
#include "text/utf8.h"

namespace banyan {

namespace {

// A text, or an array of texts and token ids. Only in front of the first text stand tokens that begin one.
Result<std::vector<Token>> content_tokens(const Json& content, bool add_special, bool parse_special,
                                          const Vocabulary& vocabulary) {
  if (content.is_string()) {
    return vocabulary.tokenize(content.get_ref<const std::string&>(), add_special, parse_special);
  }
  if (!content.is_array()) {
    return fail(Errc::invalid_argument, "content must be a string, or an array of strings and token ids",
                "content");
  }
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < content.size(); ++i) {
    if (content[i].is_string()) {
      const auto of_text =
          vocabulary.tokenize(content[i].get_ref<const std::string&>(), add_special && i == 0, parse_special);
      tokens.insert(tokens.end(), of_text.begin(), of_text.end());
    } else if (const auto token = read_token(content[i], "content", i, vocabulary)) {
      tokens.push_back(*token);
    } else {
      return std::unexpected(token.error());
    }
  }
  return tokens;
}

}  // namespace

Result<Json> tokenize(const Json& body, const ModelContext& context) {
  Fields fields(body);
  const Json* content = fields.required("content");
  const bool add_special = fields.boolean("add_special", false);
  const bool parse_special = fields.boolean("parse_special", true);
  const bool with_pieces = fields.boolean("with_pieces", false);
  if (fields.error()) return std::unexpected(*fields.error());
  const auto all = content_tokens(*content, add_special, parse_special, context.vocabulary);
  if (!all) return std::unexpected(all.error());

  Json tokens = Json::array();
  for (const Token token : *all) {
    if (!with_pieces) {
      tokens.push_back(token);
      continue;
    }
    const std::string piece = context.vocabulary.piece(token, true);
    Json as_json = piece;
    if (!is_utf8(piece)) as_json = std::vector<std::uint8_t>(piece.begin(), piece.end());
    tokens.push_back({{"id", token}, {"piece", as_json}});
  }
  return Json{{"tokens", tokens}};
}

Result<Json> detokenize(const Json& body, const ModelContext& context) {
  Fields fields(body);
  fields.required("tokens");
  const Json* ids = fields.array("tokens");
  if (fields.error()) return std::unexpected(*fields.error());

  std::vector<Token> tokens;
  for (std::size_t i = 0; i < ids->size(); ++i) {
    const auto token = read_token((*ids)[i], "tokens", i, context.vocabulary);
    if (!token) return std::unexpected(token.error());
    tokens.push_back(*token);
  }
  return Json{{"content", context.vocabulary.detokenize(tokens)}};
}

Result<Json> apply_template(const Json& body, const ModelContext& context) {
  auto request = read_chat_request(body);
  if (!request) return std::unexpected(request.error());
  fill_in(*request, context.defaults);
  auto prompt = context.chat_template.apply(*request);
  if (!prompt) return std::unexpected(prompt.error());
  return Json{{"prompt", *std::move(prompt)}};
}

}  // namespace banyan

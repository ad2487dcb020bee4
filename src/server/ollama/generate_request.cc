#include "server/ollama/generate_request.h"

#include <cstddef>
#include <format>
#include <limits>
#include <utility>

namespace banyan {
namespace {

void read_context(Fields& fields, std::vector<Token>& context) {
  const Json* tokens = fields.array("context");
  for (std::size_t i = 0; tokens && i < tokens->size(); ++i) {
    const Json& token = (*tokens)[i];
    if (!token.is_number_integer() || token.get<std::int64_t>() < 0 ||
        token.get<std::int64_t>() > std::numeric_limits<Token>::max()) {
      return fields.wrong(std::format("context[{}]", i), "must be a token id");
    }
    context.push_back(token.get<Token>());
  }
}

}  // namespace

Result<GenerateRequest> read_ollama_generate(const Json& body, const RequestDefaults& defaults) {
  Fields fields(body);
  GenerateRequest request;
  read_ollama_options(fields, defaults, request);
  request.is_raw = fields.boolean("raw", false);
  request.prompt = fields.string("prompt");
  request.suffix = fields.string("suffix");
  read_context(fields, request.context);
  const std::string system = fields.string("system");
  fields.refuse_unless("template", "");
  fields.refuse_unless("images", Json::array());
  if (request.is_raw && !request.context.empty()) fields.wrong("context", "and raw exclude each other");
  if (!request.suffix.empty() && !request.context.empty()) {
    fields.wrong("context", "and suffix exclude each other");
  }
  if (request.is_raw && !system.empty()) fields.wrong("system", "and raw exclude each other");
  if (fields.error()) return std::unexpected(*fields.error());
  request.only_loads = request.prompt.empty() && request.suffix.empty();
  if (request.is_raw || request.only_loads || !request.suffix.empty()) return request;
  if (!system.empty()) {
    request.chat.messages.push_back({.role = Role::system, .content = {{.text = system}}});
  }
  request.chat.messages.push_back({.role = Role::user, .content = {{.text = request.prompt}}});
  return request;
}

}  // namespace banyan

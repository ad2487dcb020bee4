#include "server/dialects.h"

#include "server/anthropic/errors.h"
#include "server/dialect/ids.h"
#include "server/ollama/reply_objects.h"

namespace banyan {
namespace {

Json anthropic_form(const HttpError& error) { return anthropic_error(error, random_id("req_")); }

// Whether the path is the folder or below it.
bool is_in(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

}  // namespace

ErrorForm error_form(std::string_view path) {
  if (is_in(path, "/v1/messages")) return anthropic_form;
  if (is_in(path, "/api")) return ollama_error;
  return error_json;
}

}  // namespace banyan

#include "server/dialects.h"

namespace banyan {
namespace {

Json anthropic_form(const HttpError& error) {
  return {{"type", "error"}, {"error", {{"type", error.type}, {"message", error.message}}}};
}

Json ollama_form(const HttpError& error) { return {{"error", error.message}}; }

// Whether the path is the folder or below it.
bool is_in(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

}  // namespace

ErrorForm error_form(std::string_view path) {
  if (is_in(path, "/v1/messages")) return anthropic_form;
  if (is_in(path, "/api")) return ollama_form;
  return error_json;
}

}  // namespace banyan

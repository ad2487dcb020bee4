#include "server/dialects.h"

#include <cstddef>

#include "server/anthropic/errors.h"
#include "server/dialect/ids.h"
#include "server/ollama/reply_objects.h"

namespace banyan {
namespace {

Json anthropic_form(const HttpError& error) { return anthropic_error(error, random_id("req_")); }

// Whether the folder is the path, or parts of it.
bool has_folder(std::string_view path, std::string_view folder) {
  for (std::size_t at = path.find(folder); at != path.npos; at = path.find(folder, at + 1)) {
    const std::string_view rest = path.substr(at + folder.size());
    if (rest.empty() || rest.front() == '/') return true;
  }
  return false;
}

}  // namespace

std::string_view dialect_folder(std::string_view path) {
  for (const std::string_view folder : {"/v1/messages", "/api"}) {
    if (has_folder(path, folder)) return folder;
  }
  return "/v1";
}

ErrorForm error_form(std::string_view path) {
  const std::string_view folder = dialect_folder(path);
  return folder == "/v1/messages" ? anthropic_form : folder == "/api" ? ollama_error : error_json;
}

}  // namespace banyan

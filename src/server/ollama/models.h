/// The one model as Ollama's clients see it: /api/tags, /api/ps, /api/show, /api/pull and /api/version.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "banyan/base.h"
#include "server/json_fields.h"

namespace banyan {

struct OllamaModel {
  std::string id = {};
  std::string architecture = {};
  std::string quantization = {};
  std::string chat_template = {};
  std::uint64_t parameters = 0;
  std::size_t file_bytes = 0;
  std::int64_t modified = 0;  ///< seconds since 1970
  int context = 0;            ///< that the server has, whatever the model was trained on
  int embedding = 0;
  std::vector<std::string> capabilities = {};  ///< "completion", "tools", "thinking"
};

/// Whether a client's name for a model means the one with this id: without a tag both have the tag "latest".
bool is_named(std::string_view name, std::string_view id);

Json ollama_tags_json(const OllamaModel& model);
Json ollama_ps_json(const OllamaModel& model);
/// `body`: {model: NAME}. Errors: invalid_argument; not_found for a model that is not there.
Result<Json> ollama_show_json(const Json& body, const OllamaModel& model);
Json ollama_version_json();

/// `body`: {model: NAME, stream}. What is sent, one object after the other; not streamed, the last one.
struct PullAnswer {
  std::vector<Json> objects;
  bool streams = true;
};
Result<PullAnswer> ollama_pull(const Json& body, const OllamaModel& model);

}  // namespace banyan

#include "server/ollama/models.h"

#include <format>
#include <functional>
#include <utility>

#include "server/dialect/ids.h"

namespace banyan {
namespace {

// From this one on clients use what is here, codex among them.
constexpr const char* kVersion = "0.13.4";
// A model that is always in memory is there until then.
constexpr const char* kForEver = "2318-01-01T00:00:00Z";

std::string parameter_size(std::uint64_t count) {
  const auto number = static_cast<double>(count);
  if (number >= 1e9) return std::format("{:.1f}B", number / 1e9);
  if (number >= 1e6) return std::format("{:.2f}M", number / 1e6);
  return std::format("{:.2f}K", number / 1e3);
}

// 64 hexadecimal digits that tell this model from others. Clients compare and show them; nothing is fetched
// by them.
std::string digest(const OllamaModel& model) {
  std::string digits;
  for (int i = 0; i < 4; ++i) {
    const std::string text = std::format("{} {} {} {}", i, model.id, model.file_bytes, model.modified);
    digits += std::format("{:016x}", std::hash<std::string>()(text));
  }
  return digits;
}

Json details(const OllamaModel& model) {
  return {{"parent_model", ""},
          {"format", "gguf"},
          {"family", model.architecture},
          {"families", Json::array({model.architecture})},
          {"parameter_size", parameter_size(model.parameters)},
          {"quantization_level", model.quantization}};
}

Json entry(const OllamaModel& model) {
  return {{"name", model.id},         {"model", model.id},       {"modified_at", iso_time(model.modified)},
          {"size", model.file_bytes}, {"digest", digest(model)}, {"details", details(model)}};
}

Json list_of(Json model) {
  Json models = Json::array();
  models.push_back(std::move(model));
  return {{"models", std::move(models)}};
}

// `model`, or `name` as it was called once, must be this one.
Result<> check_model(Fields& fields, const OllamaModel& model) {
  const std::string name = fields.string("model", fields.string("name"));
  if (name.empty()) fields.wrong("model", "is required");
  if (fields.error()) return std::unexpected(*fields.error());
  if (is_named(name, model.id)) return {};
  return fail(Errc::not_found,
              std::format("model '{}' not found: this server has {} alone", name.substr(0, 80), model.id),
              "model");
}

// A name is [HOST[:PORT]/][NAMESPACE/]MODEL[:TAG].
std::string with_tag(std::string_view name) {
  const std::string_view model = name.substr(name.rfind('/') + 1);
  return std::string(name) + (model.contains(':') ? "" : ":latest");
}

}  // namespace

bool is_named(std::string_view name, std::string_view id) { return with_tag(name) == with_tag(id); }

Json ollama_tags_json(const OllamaModel& model) { return list_of(entry(model)); }

Json ollama_ps_json(const OllamaModel& model) {
  Json running = entry(model);
  running.erase("modified_at");
  running["expires_at"] = kForEver;
  running["size_vram"] = 0;
  running["context_length"] = model.context;
  return list_of(std::move(running));
}

Result<Json> ollama_show_json(const Json& body, const OllamaModel& model) {
  Fields fields(body);
  if (auto there = check_model(fields, model); !there) return std::unexpected(there.error());
  const Json info = {{"general.architecture", model.architecture},
                     {"general.parameter_count", model.parameters},
                     {model.architecture + ".context_length", model.context},
                     {model.architecture + ".embedding_length", model.embedding}};
  return Json{{"license", ""},
              {"modelfile", "FROM " + model.id + "\n"},
              {"parameters", ""},
              {"template", model.chat_template},
              {"system", ""},
              {"details", details(model)},
              {"model_info", info},
              {"capabilities", model.capabilities},
              {"modified_at", iso_time(model.modified)}};
}

Json ollama_version_json() { return {{"version", kVersion}}; }

Result<PullAnswer> ollama_pull(const Json& body, const OllamaModel& model) {
  Fields fields(body);
  PullAnswer answer{.objects = {}, .streams = fields.boolean("stream", true)};
  if (auto there = check_model(fields, model); !there) return std::unexpected(there.error());
  answer.objects = {{{"status", "pulling manifest"}}, {{"status", "success"}}};
  return answer;
}

}  // namespace banyan

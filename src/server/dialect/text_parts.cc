#include "server/dialect/text_parts.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <format>
#include <utility>

namespace banyan {
namespace {

constexpr std::size_t kMaxNamed = 40;  // of a client's text in an error

std::string list_of(TextTypes types) {
  std::string all;
  for (const std::string_view type : types) all += std::format("{}\"{}\"", all.empty() ? "" : ", ", type);
  return all;
}

}  // namespace

bool is_restore_point(const Json& part) {
  return std::ranges::any_of(std::array{"prompt_cache_breakpoint", "cache_control"}, [&](const char* field) {
    const auto mark = part.find(field);
    return mark != part.end() && mark->is_object();
  });
}

std::unexpected<Error> refuse_type(const std::string& path, const std::string& type, std::string_view known) {
  const std::string field = path + ".type";
  const bool is_picture = type.contains("image");
  return fail(Errc::unsupported,
              std::format("{} \"{}\" is not supported{}; known here: {}", field, type.substr(0, kMaxNamed),
                          is_picture ? ", as the model reads text only" : "", known),
              field);
}

Result<TextPart> read_text_part(const Json& part, const std::string& path, TextTypes types) {
  if (!part.is_object()) return fail(Errc::invalid_argument, path + " must be an object", path);
  Fields fields(part, path + ".");
  fields.required("type");
  const std::string type = fields.string("type");
  if (fields.error()) return std::unexpected(*fields.error());
  if (!std::ranges::contains(types, type)) return refuse_type(path, type, list_of(types));
  fields.required("text");
  TextPart read{.text = fields.string("text"), .is_restore_point = is_restore_point(part)};
  if (fields.error()) return std::unexpected(*fields.error());
  return read;
}

Result<std::vector<TextPart>> read_text_parts(const Json& content, const std::string& path, TextTypes types) {
  std::vector<TextPart> parts;
  if (content.is_null()) return parts;
  if (content.is_string()) {
    parts.push_back({.text = content.get<std::string>()});
    return parts;
  }
  if (!content.is_array()) {
    return fail(Errc::invalid_argument, path + " must be a text or an array of parts", path);
  }
  for (std::size_t i = 0; i < content.size(); ++i) {
    auto part = read_text_part(content[i], std::format("{}[{}]", path, i), types);
    if (!part) return std::unexpected(part.error());
    parts.push_back(std::move(*part));
  }
  return parts;
}

std::string joined(const std::vector<TextPart>& parts) {
  std::string text;
  for (const TextPart& part : parts) text += part.text;
  return text;
}

}  // namespace banyan

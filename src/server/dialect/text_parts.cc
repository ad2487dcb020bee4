#include "server/dialect/text_parts.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <format>
#include <utility>

namespace banyan {
namespace {

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

namespace {

using ReadPart = Result<TextPart> (*)(const Json& part, const std::string& path, TextTypes types);

Result<std::vector<TextPart>> read_parts(const Json& content, const std::string& path, TextTypes types,
                                         ReadPart read) {
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
    auto part = read(content[i], std::format("{}[{}]", path, i), types);
    if (!part) return std::unexpected(part.error());
    parts.push_back(std::move(*part));
  }
  return parts;
}

Result<TextPart> read_result_part(const Json& part, const std::string& path, TextTypes types) {
  if (part.is_object()) {
    const auto type = part.find("type");
    const bool is_other = type != part.end() && type->is_string() &&
                          !std::ranges::contains(types, type->get_ref<const std::string&>());
    if (is_other) return TextPart{.text = unread_part(*type), .is_restore_point = is_restore_point(part)};
  }
  return read_text_part(part, path, types);
}

}  // namespace

Result<std::vector<TextPart>> read_text_parts(const Json& content, const std::string& path, TextTypes types) {
  return read_parts(content, path, types, read_text_part);
}

Result<std::vector<TextPart>> read_result_parts(const Json& content, const std::string& path,
                                                TextTypes types) {
  return read_parts(content, path, types, read_result_part);
}

std::string unread_part(const std::string& type) {
  const bool is_picture = type.contains("image");
  return is_picture ? "[a picture, which this model cannot see]"
                    : std::format("[a part of type \"{}\", which this model cannot read]",
                                  type.substr(0, kMaxNamed));
}

}  // namespace banyan

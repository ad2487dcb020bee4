#include "chat/reply/nested_tags.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "chat/reply/json_reader.h"
#include "chat/reply/marker.h"

namespace banyan {
namespace {

constexpr int kMaxNesting = 64;

class NestedTags {
 public:
  NestedTags(const CallForm& form, std::string_view text, ToolSchema& schema)
      : form_(form), text_(text), schema_(schema) {}

  std::string run(const Schemas& schemas) {
    std::string json;
    return value(json, schemas, 0) && text_.empty() ? json : "";
  }

 private:
  bool take(std::string_view marker) {
    if (!text_.starts_with(marker)) return false;
    text_.remove_prefix(marker.size());
    return true;
  }
  void skip_blanks() { text_.remove_prefix(std::min(text_.find_first_not_of(" \n\t\r"), text_.size())); }
  bool at_tag() const { return text_.starts_with(form_.key_begin) && !text_.starts_with(form_.value_end); }

  // Up to the end of the tag that it is in.
  bool value(std::string& json, const Schemas& schemas, int depth) {
    const std::string_view all = text_;
    skip_blanks();
    if (at_tag()) return depth < kMaxNesting && members(json, schemas, depth);
    text_ = all;
    const std::string_view text = text_.substr(0, text_.find(form_.value_end));
    text_.remove_prefix(text.size());
    const auto parsed = nlohmann::json::parse(trimmed(text), nullptr, false);
    const bool is_value = !parsed.is_discarded() && parsed.is_primitive() && !parsed.is_string();
    if (is_value && (schema_.types(schemas) & json_type_of(parsed))) {
      json += trimmed(text);
    } else {
      json += '"';
      for (const char c : text) append_json_escaped(json, c);
      json += '"';
    }
    return true;
  }

  bool members(std::string& json, const Schemas& schemas, int depth) {
    const std::string_view item = "item";
    const bool is_list = text_.substr(form_.key_begin.size()).starts_with(std::string(item) + form_.key_end);
    json += is_list ? '[' : '{';
    for (bool is_first = true; at_tag(); is_first = false) {
      text_.remove_prefix(form_.key_begin.size());
      const std::size_t end = text_.find(form_.key_end);
      if (end == text_.npos) return false;
      const std::string_view key = text_.substr(0, end);
      text_.remove_prefix(end + form_.key_end.size());
      if (!is_first) json += ", ";
      if (is_list ? key != item : key.empty()) return false;
      if (!is_list) {
        json += '"';
        for (const char c : key) append_json_escaped(json, c);
        json += "\": ";
      }
      const Schemas inner = is_list ? schema_.items(schemas) : schema_.member(schemas, key);
      if (!value(json, inner, depth + 1) || !take(form_.value_end) || !take(key) || !take(form_.key_end)) {
        return false;
      }
      skip_blanks();
    }
    json += is_list ? ']' : '}';
    return true;
  }

  const CallForm& form_;
  std::string_view text_;
  ToolSchema& schema_;
};

}  // namespace

std::string json_of_nested_tags(const CallForm& form, std::string_view text, ToolSchema& schema,
                                const Schemas& schemas) {
  return NestedTags(form, text, schema).run(schemas);
}

}  // namespace banyan

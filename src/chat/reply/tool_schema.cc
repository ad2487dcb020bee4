#include "chat/reply/tool_schema.h"

#include <algorithm>
#include <charconv>
#include <unordered_set>

namespace banyan {
namespace {

constexpr int kMaxSchemaDepth = 64;  // of schemas that hold of one value

const Json* find(const Json& schema, std::string_view name) {
  if (!schema.is_object()) return nullptr;
  const auto at = schema.find(name);
  return at == schema.end() ? nullptr : &*at;
}

const Json* find_list(const Json& schema, std::string_view name) {
  const Json* list = find(schema, name);
  return list && list->is_array() && !list->empty() ? list : nullptr;
}

unsigned type_named(const Json& name) {
  if (name == "null") return kNullType;
  if (name == "boolean") return kBooleanType;
  if (name == "integer" || name == "number") return kNumberType;
  if (name == "string") return kTextType;
  if (name == "array") return kListType;
  if (name == "object") return kObjectType;
  return kAnyJsonType;
}

std::string unescaped(std::string_view token) {
  std::string text;
  for (std::size_t i = 0; i < token.size(); ++i) {
    const bool escaped =
        token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1');
    text += !escaped ? token[i] : token[++i] == '0' ? '~' : '/';
  }
  return text;
}

const Json* part_of(const Json& value, const std::string& key) {
  if (value.is_object()) return find(value, key);
  std::size_t index = 0;
  const auto [end, problem] = std::from_chars(key.data(), key.data() + key.size(), index);
  if (!value.is_array() || problem != std::errc() || end != key.data() + key.size()) return nullptr;
  return index < value.size() ? &value[index] : nullptr;
}

}  // namespace

ToolSchema::ToolSchema(const Json& parameters) : root_(parameters) {
  if (!parameters.is_object()) return;
  bool is_closed = false, has_others = false;
  std::unordered_set<std::string_view> required;
  for (const Json* schema : all_of({&root_})) {
    if (const Json* others = find(*schema, "additionalProperties")) {
      const bool none = others->is_boolean() && !others->get<bool>();
      (none ? is_closed : has_others) = true;
    }
    if (const Json* names = find_list(*schema, "required")) {
      for (const Json& name : *names) {
        if (name.is_string()) required.insert(name.get_ref<const std::string&>());
      }
    }
    const Json* properties = find(*schema, "properties");
    if (!properties || !properties->is_object()) continue;
    for (auto at = properties->begin(); at != properties->end(); ++at) {
      const auto [known, added] = numbers_.try_emplace(at.key(), arguments_.size());
      if (added) arguments_.push_back({.name = at.key(), .schemas = {}});
      arguments_[known->second].schemas.push_back(&*at);
    }
  }
  for (ToolArgument& argument : arguments_) argument.is_required = required.contains(argument.name);
  is_open_ = !is_closed && (has_others || arguments_.empty());
}

Schemas ToolSchema::schemas_of(std::string_view name) const {
  const auto at = numbers_.find(name);
  return at == numbers_.end() ? Schemas() : arguments_[at->second].schemas;
}

bool ToolSchema::may_go_on(std::size_t work, int depth) {
  work_ += 1 + work;
  return work_ <= kMaxWork && depth <= kMaxSchemaDepth;
}

// Null where it leads to nothing.
const Json* ToolSchema::referred(const Json& reference) {
  if (!reference.is_string()) return nullptr;
  std::string_view text = reference.get_ref<const std::string&>();
  if (!text.starts_with('#')) return nullptr;
  text.remove_prefix(1);
  const Json* at = &root_;
  while (at && !text.empty()) {
    if (text.front() != '/' || !may_go_on(at->size() + text.size(), 0)) return nullptr;
    text.remove_prefix(1);
    const std::string_view token = text.substr(0, text.find('/'));
    at = part_of(*at, unescaped(token));
    text.remove_prefix(token.size());
  }
  return at;
}

Schemas ToolSchema::all_of(const Schemas& schemas) {
  Schemas all = schemas;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!all[i]->is_object() || !may_go_on(all[i]->size() + all.size(), 0)) continue;
    const auto add = [&](const Json* schema) {
      if (!std::ranges::contains(all, schema)) all.push_back(schema);
    };
    const Json& schema = *all[i];
    if (const Json* reference = find(schema, "$ref")) {
      if (const Json* target = referred(*reference)) add(target);
    }
    if (const Json* list = find_list(schema, "allOf")) {
      for (const Json& part : *list) {
        if (may_go_on(all.size(), 0)) add(&part);
      }
    }
  }
  return all;
}

unsigned ToolSchema::types(const Schemas& schemas) {
  unsigned types = kAnyJsonType;
  for (const Json* schema : schemas) types &= types_of(*schema, 0);
  return types == 0 ? kAnyJsonType : types;
}

unsigned ToolSchema::types_of(const Json& schema, int depth) {
  if (!schema.is_object() || !may_go_on(schema.size(), depth)) return kAnyJsonType;
  unsigned types = kAnyJsonType;
  const auto any_of = [&](const Json& list, auto type_of) {
    unsigned either = 0;
    for (const Json& one : list) {
      if (either == kAnyJsonType) break;
      either |= may_go_on(0, depth) ? type_of(one) : kAnyJsonType;
    }
    types &= either;
  };
  const auto type_of_schema = [&](const Json& one) { return types_of(one, depth + 1); };
  if (const Json* type = find(schema, "type")) {
    if (find_list(schema, "type")) {
      any_of(*type, type_named);
    } else {
      types &= type_named(*type);
    }
    if (const Json* nullable = find(schema, "nullable"); nullable && *nullable == true) types |= kNullType;
  }
  if (const Json* value = find(schema, "const")) types &= json_type_of(*value);
  if (const Json* list = find_list(schema, "enum")) any_of(*list, json_type_of<Json>);
  for (const char* name : {"anyOf", "oneOf"}) {
    if (const Json* list = find_list(schema, name)) any_of(*list, type_of_schema);
  }
  if (const Json* list = find_list(schema, "allOf")) {
    for (const Json& one : *list) types &= type_of_schema(one);
  }
  if (const Json* reference = find(schema, "$ref")) {
    if (const Json* target = referred(*reference)) types &= type_of_schema(*target);
  }
  return types;
}

std::optional<std::vector<const Json*>> ToolSchema::values(const Schemas& schemas) {
  for (const Json* schema : all_of(schemas)) {
    std::vector<const Json*> values;
    if (!add_values(*schema, 0, values) || values.empty()) continue;
    const unsigned allowed = types(schemas);
    std::erase_if(values, [&](const Json* value) { return !(allowed & json_type_of(*value)); });
    return values;
  }
  return std::nullopt;
}

// Whether these are all.
bool ToolSchema::add_values(const Json& schema, int depth, std::vector<const Json*>& values) {
  static const Json kNull = nullptr;
  if (!schema.is_object() || !may_go_on(schema.size(), depth)) return false;
  if (const Json* value = find(schema, "const")) {
    values.push_back(value);
    return true;
  }
  if (const Json* list = find_list(schema, "enum")) {
    if (!may_go_on(list->size(), depth)) return false;
    for (const Json& value : *list) values.push_back(&value);
    return true;
  }
  if (const Json* type = find(schema, "type"); type && *type == "null") {
    values.push_back(&kNull);
    return true;
  }
  for (const char* name : {"anyOf", "oneOf"}) {
    const Json* list = find_list(schema, name);
    const std::size_t before = values.size();
    if (list &&
        std::ranges::all_of(*list, [&](const Json& one) { return add_values(one, depth + 1, values); })) {
      return true;
    }
    values.resize(before);
  }
  if (const Json* reference = find(schema, "$ref")) {
    if (const Json* target = referred(*reference)) return add_values(*target, depth + 1, values);
  }
  return false;
}

Schemas ToolSchema::member(const Schemas& schemas, std::string_view name) {
  Schemas found;
  for (const Json* schema : all_of(schemas)) {
    const Json* properties = find(*schema, "properties");
    if (!properties || !may_go_on(properties->size(), 0)) continue;
    const Json* property = find(*properties, name);
    if (!property) property = find(*schema, "additionalProperties");
    if (property) found.push_back(property);
  }
  return found;
}

Schemas ToolSchema::items(const Schemas& schemas) {
  Schemas found;
  for (const Json* schema : all_of(schemas)) {
    if (const Json* items = find(*schema, "items")) found.push_back(items);
  }
  return found;
}

std::string_view ToolSchema::keyword_in(const Schemas& schemas,
                                        const std::vector<std::string_view>& keywords) {
  for (const std::string_view keyword : keywords) {
    for (const Json* schema : schemas) {
      if (has_keyword(*schema, 0, keyword)) return keyword;
    }
  }
  return {};
}

bool ToolSchema::has_keyword(const Json& schema, int depth, std::string_view keyword) {
  if (!schema.is_object() || !may_go_on(schema.size(), depth)) return false;
  if (find(schema, keyword)) return true;
  for (const char* name : {"allOf", "anyOf", "oneOf"}) {
    const Json* list = find_list(schema, name);
    if (list &&
        std::ranges::any_of(*list, [&](const Json& one) { return has_keyword(one, depth + 1, keyword); })) {
      return true;
    }
  }
  const Json* reference = find(schema, "$ref");
  const Json* target = reference ? referred(*reference) : nullptr;
  return target && has_keyword(*target, depth + 1, keyword);
}

}  // namespace banyan

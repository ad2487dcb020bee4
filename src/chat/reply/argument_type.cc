#include "chat/reply/argument_type.h"

#include <string>

namespace banyan {
namespace {

ArgumentType either_of(ArgumentType a, ArgumentType b) { return a == b ? a : ArgumentType::either; }

ArgumentType type_of_name(const Json& name) {
  return name == "string" ? ArgumentType::text : ArgumentType::json;
}

ArgumentType type_of_value(const Json& value) {
  return value.is_string() ? ArgumentType::text : ArgumentType::json;
}

template <class TypeOf>
ArgumentType type_of_all(const Json& list, TypeOf type_of) {
  ArgumentType type = type_of(list.front());
  for (const Json& one : list) type = either_of(type, type_of(one));
  return type;
}

bool is_list(const Json& value) { return value.is_array() && !value.empty(); }

}  // namespace

ArgumentType type_of_schema(const Json& schema) {
  if (!schema.is_object()) return ArgumentType::either;
  if (const auto type = schema.find("type"); type != schema.end()) {
    if (type->is_string()) return type_of_name(*type);
    if (is_list(*type)) return type_of_all(*type, type_of_name);
  }
  if (const auto value = schema.find("const"); value != schema.end()) return type_of_value(*value);
  if (const auto values = schema.find("enum"); values != schema.end() && is_list(*values)) {
    return type_of_all(*values, type_of_value);
  }
  for (const char* keyword : {"anyOf", "oneOf"}) {
    const auto schemas = schema.find(keyword);
    if (schemas != schema.end() && is_list(*schemas)) return type_of_all(*schemas, type_of_schema);
  }
  return ArgumentType::either;
}

ArgumentType argument_type(const Tool& tool, std::string_view name) {
  if (!tool.parameters.is_object()) return ArgumentType::either;
  const auto properties = tool.parameters.find("properties");
  if (properties == tool.parameters.end() || !properties->is_object()) return ArgumentType::either;
  const auto property = properties->find(std::string(name));
  return property == properties->end() ? ArgumentType::either : type_of_schema(*property);
}

}  // namespace banyan

/// What the schema of a tool's parameters says of its arguments, and of what is in them.
///
/// References are followed within the schema. The work for one of these is bounded: beyond that, and where
/// the schema is no schema, anything is allowed. One thread at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "banyan/base.h"
#include "banyan/chat_request.h"

namespace banyan {

/// Types of JSON values, as bits.
enum JsonType : unsigned {
  kNullType = 1,
  kBooleanType = 2,
  kNumberType = 4,
  kTextType = 8,
  kListType = 16,
  kObjectType = 32,
  kAnyJsonType = 63,
};

template <class AnyJson>
JsonType json_type_of(const AnyJson& value) {
  return value.is_null()      ? kNullType
         : value.is_boolean() ? kBooleanType
         : value.is_number()  ? kNumberType
         : value.is_string()  ? kTextType
         : value.is_array()   ? kListType
                              : kObjectType;
}

/// Schemas that hold of the same value; none: any value.
using Schemas = std::vector<const Json*>;

struct ToolArgument {
  std::string name;
  Schemas schemas;
  bool is_required = false;
};

class ToolSchema {
 public:
  static constexpr std::size_t kMaxWork = 1 << 18;

  /// `parameters` outlives it.
  explicit ToolSchema(const Json& parameters);

  /// In the schema's order.
  const std::vector<ToolArgument>& arguments() const { return arguments_; }
  /// Whether there may be arguments of other names.
  bool is_open() const { return is_open_; }
  /// Of an argument.
  Schemas schemas_of(std::string_view name) const;

  /// The types that a value may have.
  unsigned types(const Schemas& schemas);
  /// All values that there may be, where the schema names them.
  std::optional<std::vector<const Json*>> values(const Schemas& schemas);
  /// What holds of an object's member, or of a list's items.
  Schemas member(const Schemas& schemas, std::string_view name);
  Schemas items(const Schemas& schemas);
  /// The first of these keywords that any of the schemas has, "" for none.
  std::string_view keyword_in(const Schemas& schemas, const std::vector<std::string_view>& keywords);

 private:
  bool may_go_on(std::size_t work, int depth);
  const Json* referred(const Json& reference);
  // All that hold of a value besides: what is referred to, and the parts of allOf.
  Schemas all_of(const Schemas& schemas);
  unsigned types_of(const Json& schema, int depth);
  bool add_values(const Json& schema, int depth, std::vector<const Json*>& values);
  bool has_keyword(const Json& schema, int depth, std::string_view keyword);

  const Json& root_;
  std::vector<ToolArgument> arguments_;
  std::unordered_map<std::string_view, std::size_t> numbers_;  // of arguments, by their names
  bool is_open_ = true;
  std::size_t work_ = 0;
};

}  // namespace banyan

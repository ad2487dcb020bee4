/// What a tool's schema says of the type of an argument that is written without quotes.
#pragma once

#include <cstdint>
#include <string_view>

#include "banyan/chat_request.h"

namespace banyan {

enum class ArgumentType : std::uint8_t {
  text,    ///< a string
  json,    ///< no string
  either,  ///< a string, or something else where it is JSON
};

/// By the property `name` of the tool's parameters.
ArgumentType argument_type(const Tool& tool, std::string_view name);
ArgumentType type_of_schema(const Json& schema);

}  // namespace banyan

/// Values in tags that are named by their keys, as MiniMax M3 writes them.
#pragma once

#include <string>
#include <string_view>

#include "chat/reply/reply_form.h"
#include "chat/reply/tool_schema.h"

namespace banyan {

/// An argument's value as JSON: tags within it are an object, or a list where they are named "item". "" where
/// they do not fit together. `schemas`, of `schema`, hold of it: what may not be a number or the like is a
/// string.
std::string json_of_nested_tags(const CallForm& form, std::string_view text, ToolSchema& schema,
                                const Schemas& schemas);

}  // namespace banyan

/// Values in tags that are named by their keys, as MiniMax M3 writes them.
#pragma once

#include <string>
#include <string_view>

#include "chat/reply/reply_form.h"

namespace banyan {

/// An argument's value as JSON: tags within it are an object, or a list where they are named "item". "" where
/// they do not fit together.
std::string json_of_nested_tags(const CallForm& form, std::string_view text);

}  // namespace banyan

/// The arguments of calls, which models write and clients repeat: perhaps nothing, perhaps no JSON.
#pragma once

#include <string_view>

#include "banyan/chat_request.h"

namespace banyan {

/// As an object: nothing and null are an empty one. Null for what is no JSON object, or is nested or crowded
/// beyond what a template should be given.
Json parse_arguments(std::string_view text);

}  // namespace banyan

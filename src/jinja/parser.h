/// Tokens to a tree.
#pragma once

#include <string_view>

#include "jinja/ast.h"

namespace banyan::jinja {

/// Throws Failure; `line` then says where.
Tree parse_tree(std::string_view source, int& line);

}  // namespace banyan::jinja

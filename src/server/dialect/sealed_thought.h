/// Thoughts that go through a client which does not read them: it keeps a text and sends it back, and the
/// thought is in it, so that the next prompt repeats what was written.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace banyan {

/// Letters, digits and a few signs.
std::string seal_thought(std::string_view thought);

/// Nothing where this server did not seal it.
std::optional<std::string> unseal_thought(std::string_view sealed);

}  // namespace banyan

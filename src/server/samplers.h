/// llama-server's `samplers`: which of them choose a token, and in which order.
#pragma once

#include <array>

#include "banyan/sampling.h"
#include "server/json_fields.h"

namespace banyan {

/// Those that there are here, in their order, which is fixed.
inline constexpr std::array kSamplers = {"penalties", "top_k", "top_p", "min_p", "temperature"};

/// A list of names, or a text of their letters. Those that it leaves out are switched off. Errors, which are
/// left in `fields`: one that is not offered and would change the reply, another order, one twice.
void read_samplers(Fields& fields, Sampling& sampling);

}  // namespace banyan

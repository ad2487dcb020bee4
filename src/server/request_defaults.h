/// What a request leaves open, filled in as the server was told.
#pragma once

#include "banyan/server.h"

namespace banyan {

/// Sampling and the most tokens have their defaults before they are read.
void fill_in(ChatRequest& chat, const RequestDefaults& defaults);

}  // namespace banyan

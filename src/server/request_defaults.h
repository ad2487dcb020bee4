/// What a request leaves open, filled in as the server was told.
#pragma once

#include "banyan/server.h"

namespace banyan {

void fill_in(ChatRequest& chat, const RequestDefaults& defaults);
/// Of what the request does not say, the most tokens. Sampling has its defaults before it is read.
void fill_in(Request& request, const RequestDefaults& defaults);

}  // namespace banyan

/// Learns how calls are written.
#pragma once

#include <optional>

#include "chat/reply/examples.h"
#include "chat/reply/reply_form.h"

namespace banyan {

/// Nothing where the template writes no calls, or in no form that is known. `form`: what is known of the
/// rest.
std::optional<CallForm> learn_calls(const Examples& examples, const ReplyForm& form);

}  // namespace banyan

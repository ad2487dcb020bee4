/// Learns what is around a thought.
#pragma once

#include "chat/reply/examples.h"
#include "chat/reply/reply_form.h"

namespace banyan {

/// Both empty where the template writes no thoughts.
ReasoningForm learn_reasoning(const Examples& examples);

}  // namespace banyan

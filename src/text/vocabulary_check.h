/// Looks at the vocabulary of a GGUF file before libllama does, which ends the process where it is not what
/// it expects.
#pragma once

#include <string>

#include "banyan/base.h"

namespace banyan {

/// Errors: corrupt and unsupported, naming the file and the key. Any thread.
Result<> check_vocabulary(const std::string& gguf_path);

}  // namespace banyan

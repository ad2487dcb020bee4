/// Keys of a model file that nobody reads.
#pragma once

#include <string>

#include "model/model_file.h"

namespace banyan {

/// Refuses a file with a key below `prefix` that no reader has asked for, unless it is one of those that do
/// not change what the model computes, or has a value that does not. So a file is never computed as if what
/// it says were not there. Call it when all readers are through.
void refuse_unread_keys(ModelFile& file, const std::string& prefix);

}  // namespace banyan

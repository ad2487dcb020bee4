/// What the system says of a file, or of why it says nothing.
#pragma once

#include <sys/stat.h>

#include <string>

#include "banyan/base.h"
#include "banyan/file_stamp.h"

namespace banyan {

/// The error io, with the path and the system's words for `error`, an errno.
std::unexpected<Error> io_failure(const std::string& path, int error);

FileStamp stamp_of(const struct stat& status);

}  // namespace banyan

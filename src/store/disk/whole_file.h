/// Files that are there as a whole or not at all.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "store/disk/files.h"

namespace banyan {

/// What the name of a file ends with that is not whole yet, or whose writing was interrupted.
inline constexpr std::string_view kUnfinished = ".unfinished";

/// Writes a new file of `head` and then `body`, in place of one that exists: under another name, synced and
/// renamed. The folder is the caller's to sync. Returns the file, to append to. Errors: io; what was there
/// before is as it was, and nothing is left but perhaps an unfinished file.
Result<std::unique_ptr<File>> write_whole_file(Files& files, const std::string& path,
                                               std::span<const std::byte> head,
                                               std::span<const std::byte> body);

}  // namespace banyan

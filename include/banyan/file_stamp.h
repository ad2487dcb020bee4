/// Tells versions of a file apart. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "banyan/base.h"

namespace banyan {

/// Tells versions of a file apart as far as the system can: it changes with every write.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t bytes = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;  ///< its inode, which no program can date back
  bool operator==(const FileStamp&) const = default;
};

/// Errors: io.
Result<FileStamp> file_stamp(const std::string& path);
/// Of an open file; `path` is for the error. Errors: io.
Result<FileStamp> file_stamp(const std::string& path, int descriptor);

}  // namespace banyan

/// A file mapped into memory, read-only.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "banyan/base.h"
#include "banyan/file_stamp.h"

namespace banyan {

class MappedFile {
 public:
  /// Errors: io, naming the path.
  static Result<std::unique_ptr<MappedFile>> open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  /// Starts at a page.
  std::span<const std::byte> bytes() const { return bytes_; }
  /// Of the file when it was mapped.
  const FileStamp& stamp() const { return stamp_; }

  /// Reads the pages of a part of bytes() into memory now.
  static void touch(std::span<const std::byte> part);
  /// Forgets the whole pages of a part of bytes(); they are read again when used.
  static void forget(std::span<const std::byte> part);

 private:
  MappedFile(std::string path, std::span<const std::byte> bytes, const FileStamp& stamp)
      : path_(std::move(path)), bytes_(bytes), stamp_(stamp) {}
  std::string path_;
  std::span<const std::byte> bytes_;
  FileStamp stamp_;
};

}  // namespace banyan

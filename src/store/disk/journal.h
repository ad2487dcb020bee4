/// A file of records to which records are added, which survives being cut off anywhere.
///
/// Little-endian. The file begins with
///
///   0   8   "BANYANJ\n"
///   8   4   version, 1
///   12  4   how often the folder was opened to write: the upper bits of the numbers of new blocks
///   16  16  the space (a random number that the folder's blocks have too)
///   32  8   XXH3-64 of bytes 0 to 31
///
/// and goes on with records, each
///
///   0   4   0x4C4E524A ("JRNL")
///   4   4   bytes of the body
///   8   8   XXH3-64 of the body, with its length as the seed
///   16      the body
///
/// Whatever is damaged is skipped: reading goes on at the next place where a whole record stands.
///
/// One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "banyan/base.h"
#include "store/disk/block_file.h"
#include "store/disk/files.h"

namespace banyan {

class Journal {
 public:
  struct Head {
    SpaceId space = {};
    std::uint32_t starts = 0;
  };

  /// What a journal holds.
  struct Contents {
    Head head;
    std::vector<std::vector<std::byte>> records;  ///< in the order in which they were added
    std::uint64_t damaged = 0;                    ///< bytes that belong to no record
  };

  /// Most bytes of a record's body.
  static constexpr std::size_t kMostBody = std::size_t{64} << 20;

  /// Most bytes of a journal.
  static constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30;

  /// Errors: io (also where there is none); corrupt: not a journal, one of another version, or too large a
  /// file.
  static Result<Contents> read(Files& files, const std::string& path);

  /// A new journal of these records, in place of one that exists; the folder is the caller's to sync. Errors:
  /// io (what was there is as it was).
  static Result<std::unique_ptr<Journal>> write(Files& files, const std::string& path, const Head& head,
                                                std::span<const std::vector<std::byte>> records);

  /// Adds a record; it survives a crash once sync() has returned. Errors: io; the journal can be used on, and
  /// what may be there of the record is skipped when it is read. REQUIRES: at most kMostBody bytes.
  Result<> append(std::span<const std::byte> body);
  Result<> sync() { return file_->sync(); }
  /// Of the file.
  std::uint64_t bytes() const { return bytes_; }

 private:
  Journal(std::string path, std::unique_ptr<File> file, std::uint64_t bytes)
      : path_(std::move(path)), file_(std::move(file)), bytes_(bytes) {}

  std::string path_;
  std::unique_ptr<File> file_;
  std::uint64_t bytes_;
};

}  // namespace banyan

/// The operations on files that the disk tier needs, as an interface, so that tests can let each of them
/// fail.
///
/// Paths are the system's. Every error is Errc::io and names the path and the system's reason, but for what
/// the functions say. Folders and files that are made are the user's alone (0700, 0600).
///
/// Files: any thread. File: one thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "banyan/base.h"

namespace banyan {

class File {
 public:
  virtual ~File() = default;

  /// What reading and memory begin at multiples of is read without a copy, where the system can.
  static constexpr std::size_t kPage = 4096;

  virtual Result<std::uint64_t> size() = 0;
  /// Fills `to` from `offset` on. Errors: corrupt (the file ends before).
  virtual Result<> read(std::uint64_t offset, std::span<std::byte> to) = 0;
  /// Adds to the end. After an error any part of the bytes may be there.
  virtual Result<> append(std::span<const std::byte> bytes) = 0;
  /// What was appended survives a crash of the system.
  virtual Result<> sync() = 0;
};

/// Holds a lock until it goes.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

class Files {
 public:
  enum class Mode : std::uint8_t {
    read,  ///< the file exists
    make,  ///< a new file, in place of one that exists
  };

  struct Entry {
    std::string name;
    std::uint64_t bytes = 0;
    std::chrono::system_clock::time_point modified;
  };

  virtual ~Files() = default;

  virtual Result<std::unique_ptr<File>> open(const std::string& path, Mode mode) = 0;
  /// Atomically, in place of what `to` names.
  virtual Result<> rename(const std::string& from, const std::string& to) = 0;
  /// No error where there is none.
  virtual Result<> remove(const std::string& path) = 0;
  /// The file was modified now, in name only.
  virtual Result<> touch(const std::string& path) = 0;
  /// Locks a file, which is made where there is none, against everyone else, other processes included; a
  /// process that dies lets go. Errors: busy, when someone has it.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
  /// No error where it exists already.
  virtual Result<> make_folder(const std::string& path) = 0;
  /// Fails where the folder is not empty.
  virtual Result<> remove_folder(const std::string& path) = 0;
  /// Renames and removals in the folder survive a crash of the system.
  virtual Result<> sync_folder(const std::string& path) = 0;
  /// The plain files in a folder, in no particular order.
  virtual Result<std::vector<Entry>> list(const std::string& path) = 0;
  /// The names of the folders in a folder, in no particular order.
  virtual Result<std::vector<std::string>> list_folders(const std::string& path) = 0;
};

/// The system's own.
Files& system_files();

}  // namespace banyan

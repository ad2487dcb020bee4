/// The folder of a disk cache: the names of its files, and its lock.
///
///   DIR/lock                held by the process that uses DIR
///   DIR/KEY/journal         a model's records
///   DIR/KEY/description     a line for people
///   DIR/KEY/NUMBER.block    its blocks
///   DIR/KEY/*.unfinished    any of these three while it is written, or when that was interrupted
///
/// Whatever has another name is someone else's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "banyan/base.h"
#include "store/disk/files.h"

namespace banyan {

inline constexpr std::string_view kLockName = "lock";
inline constexpr std::string_view kJournalName = "journal";
inline constexpr std::string_view kDescriptionName = "description";

enum class FileKind : std::uint8_t { block, journal, description, unfinished, foreign };

/// What a file in a model's folder is, by its name.
FileKind file_kind(std::string_view name);

/// Whether a folder in DIR may be a model's: 32 lower-case hexadecimal digits.
bool is_model_key(std::string_view name);

std::string path_in(std::string_view folder, std::string_view name);

/// Bytes that a file of so many takes on a disk.
constexpr std::uint64_t bytes_on_disk(std::uint64_t bytes) {
  constexpr std::uint64_t kPage = 4096;
  return (bytes + kPage - 1) / kPage * kPage;
}

/// Locks DIR. Errors: busy (another process uses it), io.
Result<std::unique_ptr<FileLock>> lock_cache(Files& files, const std::string& folder);

}  // namespace banyan

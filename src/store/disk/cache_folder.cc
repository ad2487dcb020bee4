#include "store/disk/cache_folder.h"

#include <format>

#include "store/disk/block_file.h"
#include "store/disk/whole_file.h"

namespace banyan {

FileKind file_kind(std::string_view name) {
  if (block_of(name)) return FileKind::block;
  if (name == kJournalName) return FileKind::journal;
  if (name == kDescriptionName) return FileKind::description;
  if (!name.ends_with(kUnfinished)) return FileKind::foreign;
  name.remove_suffix(kUnfinished.size());
  const bool is_ours = block_of(name) || name == kJournalName || name == kDescriptionName;
  return is_ours ? FileKind::unfinished : FileKind::foreign;
}

bool is_model_key(std::string_view name) {
  return name.size() == 32 && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string path_in(std::string_view folder, std::string_view name) {
  return std::format("{}/{}", folder, name);
}

Result<std::unique_ptr<FileLock>> lock_cache(Files& files, const std::string& folder) {
  auto lock = files.lock(path_in(folder, kLockName));
  if (!lock && lock.error().code == Errc::busy) {
    return fail(Errc::busy, folder + ": another process uses this disk cache");
  }
  return lock;
}

}  // namespace banyan

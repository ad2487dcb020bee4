/// The disk tier: a tier (banyan/tier.h) in a folder, and what `banyan cache` does with such a folder.
///
/// In the folder DIR each model has a folder of its own, named by the 32 hexadecimal digits of its key;
/// docs/disk-cache.md has the files byte for byte. Folders and files are the user's alone (0700, 0600), and
/// nothing but DIR is written. One process at a time uses DIR: it holds a lock for as long as the tier lives.
///
/// What a crash of the process or of the system leaves:
/// - An insert that ended well is there. Its blocks were written and synced, each under its name only when it
///   is whole, then the folder was synced, then its record was added to the journal, which was synced.
/// - Any other is there as a whole, or its record, if there is one, names blocks that are gone.
/// - A drop is not synced: a block that was dropped may be there again.
/// - New records in place of the old are there, or the old ones.
/// What became of the files since then is found by checksums: it is missing, never wrong.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "banyan/base.h"
#include "banyan/tier.h"

namespace banyan {

struct DiskTierOptions {
  std::string folder;  ///< DIR; made where it is missing, in a folder that exists
  std::string key;     ///< what the states depend on, 32 lower-case hexadecimal digits: the folder in DIR
  std::string description;  ///< of the model, a line for people
};

/// The tier has up to four threads of low priority. Each has memory for one block, besides what the tier was
/// handed. Errors: busy (another process uses the folder), io, invalid_argument (not such a key),
/// out_of_memory.
Result<std::unique_ptr<Tier>> open_disk_tier(const DiskTierOptions& options);

/// What a disk cache holds of one model.
struct DiskCacheModel {
  std::string key;
  std::string description;
  std::size_t records = 0;
  std::size_t blocks = 0;
  std::uint64_t bytes = 0;                              ///< of all its files, as the disk counts
  std::chrono::system_clock::time_point last_use = {};  ///< when any of them was last written or read
};

/// The models of a disk cache, in the order of their keys; also while another process uses it. Errors: io.
Result<std::vector<DiskCacheModel>> list_disk_cache(const std::string& folder);

/// Reads all of a disk cache, or of one model, and returns a sentence for each file that is damaged. Changes
/// nothing. Errors: busy (another process uses it), io, invalid_argument (not a disk cache, or no such
/// model).
Result<std::vector<std::string>> verify_disk_cache(const std::string& folder,
                                                   const std::optional<std::string>& key = {});

struct DiskCacheClearing {
  std::optional<std::string> key;                  ///< of one model only
  std::optional<std::chrono::seconds> older_than;  ///< only blocks that were not written or read for longer
};
struct DiskCacheCleared {
  std::size_t blocks = 0;
  std::uint64_t bytes = 0;  ///< of all files that were removed, as the disk counts
};

/// Removes blocks, and of models that have none left all else. Files that are not of a disk cache are left
/// alone. Errors: as verify_disk_cache().
Result<DiskCacheCleared> clear_disk_cache(const std::string& folder, const DiskCacheClearing& what = {});

}  // namespace banyan

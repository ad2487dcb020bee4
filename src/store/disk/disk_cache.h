/// What `banyan cache` does with a disk cache (banyan/disk_tier.h), on any files.
///
/// Any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "banyan/disk_tier.h"
#include "store/disk/files.h"

namespace banyan {

Result<std::vector<DiskCacheModel>> list_disk_cache(Files& files, const std::string& folder);
Result<std::vector<std::string>> verify_disk_cache(Files& files, const std::string& folder,
                                                   const std::optional<std::string>& key = {});
Result<DiskCacheCleared> clear_disk_cache(Files& files, const std::string& folder,
                                          const DiskCacheClearing& what = {});

}  // namespace banyan

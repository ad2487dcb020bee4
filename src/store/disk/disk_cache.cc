#include "store/disk/disk_cache.h"

#include <algorithm>
#include <format>
#include <memory>
#include <utility>

#include "store/disk/block_file.h"
#include "store/disk/cache_folder.h"
#include "store/disk/journal.h"

namespace banyan {
namespace {

struct Model {
  std::string key;
  std::string folder;
  std::vector<Files::Entry> files;  // those that are ours
};

Result<> check_is_cache(Files& files, const std::string& folder) {
  const auto entries = files.list(folder);
  if (!entries) return std::unexpected(entries.error());
  if (std::ranges::contains(*entries, kLockName, &Files::Entry::name)) return {};
  return fail(Errc::invalid_argument, folder + ": not a disk cache");
}

/// The models of a disk cache, or the one of a key. A folder without a file of ours is no model.
Result<std::vector<Model>> find_models(Files& files, const std::string& folder,
                                       const std::optional<std::string>& key) {
  auto names = files.list_folders(folder);
  if (!names) return std::unexpected(names.error());
  std::ranges::sort(*names);
  std::vector<Model> models;
  for (const std::string& name : *names) {
    if (!is_model_key(name) || (key && *key != name)) continue;
    auto entries = files.list(path_in(folder, name));
    if (!entries) return std::unexpected(entries.error());
    std::erase_if(*entries, [](const auto& entry) { return file_kind(entry.name) == FileKind::foreign; });
    std::ranges::sort(*entries, {}, &Files::Entry::name);
    if (!entries->empty()) models.push_back({name, path_in(folder, name), std::move(*entries)});
  }
  if (key && models.empty()) {
    return fail(Errc::invalid_argument, std::format("{}: has nothing of a model {}", folder, *key));
  }
  return models;
}

/// Locks a folder that is a disk cache, and makes none of one that is not.
Result<std::unique_ptr<FileLock>> lock_existing(Files& files, const std::string& folder) {
  if (const Result<> is_cache = check_is_cache(files, folder); !is_cache) {
    return std::unexpected(is_cache.error());
  }
  return lock_cache(files, folder);
}

/// The line of a description file; empty when it cannot be read. It may be anyone's and goes to a terminal.
std::string read_description(Files& files, const std::string& folder) {
  constexpr std::uint64_t kMost = 1000;
  auto file = files.open(path_in(folder, kDescriptionName), Files::Mode::read);
  if (!file) return {};
  const auto size = (*file)->size();
  if (!size) return {};
  std::string line(std::min(*size, kMost), '\0');
  if (!(*file)->read(0, std::as_writable_bytes(std::span(line)))) return {};
  std::ranges::replace_if(line, [](unsigned char c) { return c < ' ' || c == 0x7F; }, ' ');
  return line;
}

bool is_block(const Files::Entry& entry) { return file_kind(entry.name) == FileKind::block; }

std::vector<std::string> damage_of(Files& files, const Model& model) {
  const std::string path = path_in(model.folder, kJournalName);
  const auto journal = Journal::read(files, path);
  if (!journal) {
    return {std::format("{}; {} blocks are of no use without it", journal.error().message,
                        std::ranges::count_if(model.files, is_block))};
  }
  std::vector<std::string> problems;
  if (journal->damaged > 0) {
    problems.push_back(std::format("{}: {} bytes are damaged", path, journal->damaged));
  }
  for (const Files::Entry& entry : model.files) {
    const auto block = block_of(entry.name);
    if (!block) continue;
    const auto checked = check_block(files, model.folder, journal->head.space, *block);
    if (!checked) problems.push_back(checked.error().message);
  }
  return problems;
}

}  // namespace

Result<std::vector<DiskCacheModel>> list_disk_cache(Files& files, const std::string& folder) {
  if (const Result<> is_cache = check_is_cache(files, folder); !is_cache) {
    return std::unexpected(is_cache.error());
  }
  const auto models = find_models(files, folder, {});
  if (!models) return std::unexpected(models.error());
  std::vector<DiskCacheModel> listed;
  for (const Model& model : *models) {
    DiskCacheModel item = {.key = model.key, .description = read_description(files, model.folder)};
    if (const auto journal = Journal::read(files, path_in(model.folder, kJournalName))) {
      item.records = journal->records.size();
    }
    for (const Files::Entry& entry : model.files) {
      if (is_block(entry)) ++item.blocks;
      item.bytes += bytes_on_disk(entry.bytes);
      item.last_use = std::max(item.last_use, entry.modified);
    }
    listed.push_back(std::move(item));
  }
  return listed;
}

Result<std::vector<std::string>> verify_disk_cache(Files& files, const std::string& folder,
                                                   const std::optional<std::string>& key) {
  const auto lock = lock_existing(files, folder);
  if (!lock) return std::unexpected(lock.error());
  const auto models = find_models(files, folder, key);
  if (!models) return std::unexpected(models.error());
  std::vector<std::string> problems;
  for (const Model& model : *models) problems.append_range(damage_of(files, model));
  return problems;
}

Result<DiskCacheCleared> clear_disk_cache(Files& files, const std::string& folder,
                                          const DiskCacheClearing& what) {
  const auto lock = lock_existing(files, folder);
  if (!lock) return std::unexpected(lock.error());
  const auto models = find_models(files, folder, what.key);
  if (!models) return std::unexpected(models.error());
  const auto now = std::chrono::system_clock::now();
  const auto stays = [&](const Files::Entry& entry) {
    return what.older_than &&
           std::chrono::duration_cast<std::chrono::seconds>(now - entry.modified) <= *what.older_than;
  };

  DiskCacheCleared cleared;
  for (const Model& model : *models) {
    const bool any_stays =
        std::ranges::any_of(model.files, [&](const auto& entry) { return is_block(entry) && stays(entry); });
    for (const Files::Entry& entry : model.files) {
      if (is_block(entry) ? stays(entry) : any_stays) continue;
      if (auto removed = files.remove(path_in(model.folder, entry.name)); !removed) {
        return std::unexpected(removed.error());
      }
      if (is_block(entry)) ++cleared.blocks;
      cleared.bytes += bytes_on_disk(entry.bytes);
    }
    // It stays where someone else's files are in it.
    if (!any_stays) static_cast<void>(files.remove_folder(model.folder));
  }
  return cleared;
}

Result<std::vector<DiskCacheModel>> list_disk_cache(const std::string& folder) {
  return list_disk_cache(system_files(), folder);
}

Result<std::vector<std::string>> verify_disk_cache(const std::string& folder,
                                                   const std::optional<std::string>& key) {
  return verify_disk_cache(system_files(), folder, key);
}

Result<DiskCacheCleared> clear_disk_cache(const std::string& folder, const DiskCacheClearing& what) {
  return clear_disk_cache(system_files(), folder, what);
}

}  // namespace banyan

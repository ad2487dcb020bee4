#include "store/disk/fake_files.h"

#include <algorithm>
#include <utility>

namespace banyan {
namespace {

std::string folder_name(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string last_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::unexpected<Error> none(const std::string& path) {
  return fail(Errc::io, path + ": no such file or folder");
}

}  // namespace

class FakeFiles::OpenFile final : public File {
 public:
  OpenFile(FakeFiles& files, std::string path, std::shared_ptr<Data> data)
      : files_(files), path_(std::move(path)), data_(std::move(data)) {}

  Result<std::uint64_t> size() override {
    const std::lock_guard lock(files_.mutex_);
    if (auto ok = files_.step(path_); !ok) return std::unexpected(ok.error());
    return data_->bytes.size();
  }
  Result<> read(std::uint64_t offset, std::span<std::byte> to) override {
    const std::lock_guard lock(files_.mutex_);
    if (auto ok = files_.step(path_); !ok) return ok;
    if (offset + to.size() > data_->bytes.size())
      return fail(Errc::corrupt, path_ + ": the file ends too early");
    std::ranges::copy(std::span(data_->bytes).subspan(offset, to.size()), to.begin());
    return {};
  }
  Result<> append(std::span<const std::byte> bytes) override {
    const std::lock_guard lock(files_.mutex_);
    const Result<> ok = files_.step(path_);
    data_->bytes.append_range(ok ? bytes : bytes.first(bytes.size() / 2));
    return ok;
  }
  Result<> sync() override {
    const std::lock_guard lock(files_.mutex_);
    if (auto ok = files_.step(path_); !ok) return ok;
    data_->synced = data_->bytes.size();
    return {};
  }

 private:
  FakeFiles& files_;
  std::string path_;
  std::shared_ptr<Data> data_;
};

class FakeFiles::Lock final : public FileLock {
 public:
  Lock(FakeFiles& files, std::string path) : files_(files), path_(std::move(path)) {}
  ~Lock() override {
    const std::lock_guard lock(files_.mutex_);
    files_.locked_.erase(path_);
  }

 private:
  FakeFiles& files_;
  std::string path_;
};

// --- With the mutex held
// ------------------------------------------------------------------------------------

// Counts an operation. Errors: io, when it is the one to fail.
Result<> FakeFiles::step(const std::string& path) {
  if (operations_left_ < 0) return {};
  if (operations_left_ > 0) {
    --operations_left_;
    return {};
  }
  if (!for_good_) operations_left_ = -1;
  has_failed_ = true;
  return fail(Errc::io, path + ": told to fail");
}

// The folder that a file is or would be in; null where there is none.
FakeFiles::Folder* FakeFiles::folder_of(const std::string& path) {
  const auto folder = folders_.find(folder_name(path));
  return folder == folders_.end() ? nullptr : &folder->second;
}

std::shared_ptr<FakeFiles::Data> FakeFiles::find(const std::string& path) const {
  const auto folder = folders_.find(folder_name(path));
  if (folder == folders_.end()) return nullptr;
  const auto file = folder->second.names.find(last_name(path));
  return file == folder->second.names.end() ? nullptr : file->second;
}

// --- Files
// --------------------------------------------------------------------------------------------------

Result<std::unique_ptr<File>> FakeFiles::open(const std::string& path, Mode mode) {
  const std::lock_guard lock(mutex_);
  if (auto ok = step(path); !ok) return std::unexpected(ok.error());
  if (mode == Mode::make) {
    Folder* const folder = folder_of(path);
    if (folder == nullptr) return none(path);
    folder->names[last_name(path)] = std::make_shared<Data>();
    folder->has_changed();
  }
  auto data = find(path);
  if (!data) return none(path);
  return std::make_unique<OpenFile>(*this, path, std::move(data));
}

Result<> FakeFiles::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  if (auto ok = step(from); !ok) return ok;
  auto data = find(from);
  if (!data || folder_name(from) != folder_name(to)) return none(from);
  Folder& folder = *folder_of(from);
  folder.names.erase(last_name(from));
  folder.names[last_name(to)] = std::move(data);
  folder.has_changed();
  return {};
}

Result<> FakeFiles::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto ok = step(path); !ok) return ok;
  if (!find(path)) return {};
  folder_of(path)->names.erase(last_name(path));
  folder_of(path)->has_changed();
  return {};
}

Result<> FakeFiles::touch(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto ok = step(path); !ok) return ok;
  const auto data = find(path);
  if (!data) return none(path);
  data->modified = std::chrono::system_clock::now();
  return {};
}

Result<std::unique_ptr<FileLock>> FakeFiles::lock(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto ok = step(path); !ok) return std::unexpected(ok.error());
  Folder* const folder = folder_of(path);
  if (folder == nullptr) return none(path);
  if (!find(path)) {
    folder->names[last_name(path)] = std::make_shared<Data>();
    folder->has_changed();
  }
  if (!locked_.insert(path).second) return fail(Errc::busy, path + ": locked");
  return std::make_unique<Lock>(*this, path);
}

Result<> FakeFiles::make_folder(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto ok = step(path); !ok) return ok;
  if (folders_.contains(path)) return {};
  Folder* const folder = folder_of(path);
  if (folder == nullptr) return none(path);
  folder->names[last_name(path)] = nullptr;
  folder->has_changed();
  folders_[path];
  return {};
}

Result<> FakeFiles::remove_folder(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto ok = step(path); !ok) return ok;
  const auto folder = folders_.find(path);
  if (folder == folders_.end() || !folder->second.names.empty()) return none(path);
  folders_.erase(folder);
  folder_of(path)->names.erase(last_name(path));
  folder_of(path)->has_changed();
  return {};
}

Result<> FakeFiles::sync_folder(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto ok = step(path); !ok) return ok;
  const auto folder = folders_.find(path);
  if (folder == folders_.end()) return none(path);
  folder->second.durable = {folder->second.names};
  return {};
}

Result<std::vector<Files::Entry>> FakeFiles::list(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto ok = step(path); !ok) return std::unexpected(ok.error());
  const auto folder = folders_.find(path);
  if (folder == folders_.end()) return none(path);
  std::vector<Entry> entries;
  for (const auto& [name, data] : folder->second.names) {
    if (data) entries.push_back({name, data->bytes.size(), data->modified});
  }
  return entries;
}

Result<std::vector<std::string>> FakeFiles::list_folders(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto ok = step(path); !ok) return std::unexpected(ok.error());
  const auto folder = folders_.find(path);
  if (folder == folders_.end()) return none(path);
  std::vector<std::string> names;
  for (const auto& [name, data] : folder->second.names) {
    if (!data) names.push_back(name);
  }
  return names;
}

// --- For tests
// ----------------------------------------------------------------------------------------------

void FakeFiles::fail_after(int operations, bool for_good) {
  const std::lock_guard lock(mutex_);
  operations_left_ = operations;
  for_good_ = for_good;
  has_failed_ = false;
}

bool FakeFiles::has_failed() const {
  const std::lock_guard lock(mutex_);
  return has_failed_;
}

void FakeFiles::crash(std::mt19937& random) {
  const std::lock_guard lock(mutex_);
  const auto pick = [&](std::size_t from, std::size_t to) {
    return std::uniform_int_distribution<std::size_t>(from, to)(random);
  };
  for (auto next = folders_.begin(); next != folders_.end();) {  // each after the folder that it is in
    const auto at = next++;
    const Folder* const above = folder_of(at->first);
    if (above != nullptr && !above->names.contains(last_name(at->first))) {
      folders_.erase(at);
      continue;
    }
    Folder& folder = at->second;
    folder.names = folder.durable[pick(0, folder.durable.size() - 1)];
    folder.durable = {folder.names};
    for (const auto& [name, data] : folder.names) {
      if (!data) continue;
      data->bytes.resize(pick(data->synced, data->bytes.size()));
      // What was never synced may be there in its length only.
      if (pick(0, 3) == 0) {
        std::fill(data->bytes.begin() + static_cast<std::ptrdiff_t>(data->synced), data->bytes.end(),
                  std::byte{0});
      }
      data->synced = data->bytes.size();
    }
  }
  operations_left_ = -1;
}

FakeFiles::Data& FakeFiles::data(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return *find(path);
}

bool FakeFiles::exists(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  return find(path) != nullptr;
}

}  // namespace banyan

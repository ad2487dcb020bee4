#include "store/disk/fake_files.h"

#include <algorithm>
#include <utility>

namespace banyan {
namespace {

class FakeFile final : public File {
 public:
  FakeFile(FakeFiles& files, std::string path, std::shared_ptr<FakeFiles::Data> data)
      : files_(files), path_(std::move(path)), data_(std::move(data)) {}

  Result<std::uint64_t> size() override {
    if (auto ok = files_.step(path_); !ok) return std::unexpected(ok.error());
    return data_->bytes.size();
  }
  Result<> read(std::uint64_t offset, std::span<std::byte> to) override {
    if (auto ok = files_.step(path_); !ok) return ok;
    if (offset + to.size() > data_->bytes.size())
      return fail(Errc::corrupt, path_ + ": the file ends too early");
    std::ranges::copy(std::span(data_->bytes).subspan(offset, to.size()), to.begin());
    return {};
  }
  Result<> append(std::span<const std::byte> bytes) override {
    const Result<> ok = files_.step(path_);
    data_->bytes.append_range(ok ? bytes : bytes.first(bytes.size() / 2));
    return ok;
  }
  Result<> sync() override {
    if (auto ok = files_.step(path_); !ok) return ok;
    data_->synced = data_->bytes.size();
    return {};
  }

 private:
  FakeFiles& files_;
  std::string path_;
  std::shared_ptr<FakeFiles::Data> data_;
};

}  // namespace

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

void FakeFiles::fail_after(int operations, bool for_good) {
  operations_left_ = operations;
  for_good_ = for_good;
  has_failed_ = false;
}

Result<std::unique_ptr<File>> FakeFiles::open(const std::string& path, Mode mode) {
  if (auto ok = step(path); !ok) return std::unexpected(ok.error());
  if (mode == Mode::read && !names_.contains(path)) return fail(Errc::io, path + ": no such file");
  if (mode == Mode::make) {
    names_[path] = std::make_shared<Data>();
    durable_.push_back(names_);
  }
  return std::make_unique<FakeFile>(*this, path, names_.at(path));
}

Result<> FakeFiles::rename(const std::string& from, const std::string& to) {
  if (auto ok = step(from); !ok) return ok;
  auto node = names_.extract(from);
  if (node.empty()) return fail(Errc::io, from + ": no such file");
  names_[to] = node.mapped();
  durable_.push_back(names_);
  return {};
}

Result<> FakeFiles::remove(const std::string& path) {
  if (auto ok = step(path); !ok) return ok;
  if (names_.erase(path) > 0) durable_.push_back(names_);
  return {};
}

Result<> FakeFiles::make_folder(const std::string& path) { return step(path); }

Result<> FakeFiles::sync_folder(const std::string& path) {
  if (auto ok = step(path); !ok) return ok;
  durable_ = {names_};
  return {};
}

Result<std::vector<Files::Entry>> FakeFiles::list(const std::string& path) {
  if (auto ok = step(path); !ok) return std::unexpected(ok.error());
  std::vector<Entry> entries;
  for (const auto& [name, data] : names_) {
    if (name.starts_with(path + "/")) entries.push_back({name.substr(path.size() + 1), data->bytes.size()});
  }
  return entries;
}

void FakeFiles::crash(std::mt19937& random) {
  const auto pick = [&](std::size_t from, std::size_t to) {
    return std::uniform_int_distribution<std::size_t>(from, to)(random);
  };
  names_ = durable_[pick(0, durable_.size() - 1)];
  for (const auto& [name, data] : names_) {
    data->bytes.resize(pick(data->synced, data->bytes.size()));
    // What was never synced may be there in its length only.
    if (pick(0, 3) == 0)
      std::fill(data->bytes.begin() + static_cast<std::ptrdiff_t>(data->synced), data->bytes.end(),
                std::byte{0});
    data->synced = data->bytes.size();
  }
  durable_ = {names_};
  operations_left_ = -1;
}

}  // namespace banyan

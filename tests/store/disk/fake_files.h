/// Files in memory that fail and crash when told to.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "store/disk/files.h"

namespace banyan {

/// Keeps what is synced apart from what is only written: a crash loses some of the latter. A folder named
/// "folder" is there from the start. Any thread may use the files; a test that looks into one has it for
/// itself.
class FakeFiles final : public Files {
 public:
  /// The contents of a file, shared by its names and by who has it open.
  struct Data {
    std::vector<std::byte> bytes;
    std::size_t synced = 0;  ///< bytes that survive a crash
    std::chrono::system_clock::time_point modified = std::chrono::system_clock::now();
  };

  Result<std::unique_ptr<File>> open(const std::string& path, Mode mode) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> remove(const std::string& path) override;
  Result<> touch(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
  Result<> make_folder(const std::string& path) override;
  Result<> remove_folder(const std::string& path) override;
  Result<> sync_folder(const std::string& path) override;
  Result<std::vector<Entry>> list(const std::string& path) override;
  Result<std::vector<std::string>> list_folders(const std::string& path) override;

  /// The operation after so many others fails, and with `for_good` all after it; an append that fails has
  /// written a half. No operation fails with a negative number.
  void fail_after(int operations, bool for_good = false);
  /// Whether an operation has failed since fail_after().
  bool has_failed() const;
  /// What is there after the power went: of a file's bytes that were not synced a random part, and of each
  /// folder's changes since it was synced a random number, the earlier before the later.
  void crash(std::mt19937& random);

  Data& data(const std::string& path);
  std::vector<std::byte>& bytes(const std::string& path) { return data(path).bytes; }
  bool exists(const std::string& path) const;

 private:
  class OpenFile;
  class Lock;
  // A folder's files and, without data, its folders.
  using Names = std::map<std::string, std::shared_ptr<Data>>;
  struct Folder {
    Names names;
    /// As it would be found after a crash: at the last sync and after each change since.
    std::vector<Names> durable = {{}};

    void has_changed() { durable.push_back(names); }
  };

  Result<> step(const std::string& path);
  Folder* folder_of(const std::string& path);
  std::shared_ptr<Data> find(const std::string& path) const;

  mutable std::mutex mutex_;
  std::map<std::string, Folder> folders_ = {{"folder", {}}};
  std::set<std::string> locked_;
  int operations_left_ = -1;
  bool for_good_ = false;
  bool has_failed_ = false;
};

}  // namespace banyan

/// Files in memory that fail and crash when told to.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "store/disk/files.h"

namespace banyan {

/// Keeps what is synced apart from what is only written: a crash loses some of the latter.
class FakeFiles final : public Files {
 public:
  /// The contents of a file, shared by its names and by who has it open.
  struct Data {
    std::vector<std::byte> bytes;
    std::size_t synced = 0;  ///< bytes that survive a crash
  };

  Result<std::unique_ptr<File>> open(const std::string& path, Mode mode) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> remove(const std::string& path) override;
  Result<> make_folder(const std::string& path) override;
  Result<> sync_folder(const std::string& path) override;
  Result<std::vector<Entry>> list(const std::string& path) override;

  /// The operation after so many others fails, and with `for_good` all after it; an append that fails has
  /// written a half. No operation fails with a negative number.
  void fail_after(int operations, bool for_good = false);
  /// Whether an operation has failed since fail_after().
  bool has_failed() const { return has_failed_; }
  /// What a file holds after the power went: of what was not synced a random part, and random ones of the
  /// folder's changes since it was synced, the earlier before the later.
  void crash(std::mt19937& random);

  std::vector<std::byte>& bytes(const std::string& path) { return names_.at(path)->bytes; }
  bool exists(const std::string& path) const { return names_.contains(path); }

  /// Counts an operation. Errors: io, when it is the one to fail.
  Result<> step(const std::string& path);

 private:
  using Names = std::map<std::string, std::shared_ptr<Data>>;
  Names names_;
  /// The folder as it would be found after a crash, at the last sync and after each change since.
  std::vector<Names> durable_ = {{}};
  int operations_left_ = -1;
  bool for_good_ = false;
  bool has_failed_ = false;
};

}  // namespace banyan

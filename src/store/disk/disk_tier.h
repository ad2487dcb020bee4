/// A tier in a model's folder of a disk cache (banyan/disk_tier.h, banyan/tier.h).
///
/// One thread does what was asked for, one thing at a time: look-ups first, also between the blocks of an
/// insert; then inserts, drops and new records in their order. A look-up of a block whose insert has not
/// ended waits for that. A job with functions of the caller's is kept until poll() or the destructor destroys
/// it.
///
/// A block's number is how often the folder was opened, counted by the journal's head, and a count of its
/// own. The head is on the disk before the first number is given. When it is lost, so is the space, and no
/// block of the old numbers is read again.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "banyan/disk_tier.h"
#include "store/disk/files.h"
#include "store/disk/journal.h"

namespace banyan {

class DiskTier final : public Tier {
 public:
  /// open_disk_tier() on any files, which must outlive the tier.
  static Result<std::unique_ptr<DiskTier>> open(Files& files, const DiskTierOptions& options);

  /// Ends what has begun and does the drops; what else was asked for is lost.
  ~DiskTier() override;
  DiskTier(const DiskTier&) = delete;
  DiskTier& operator=(const DiskTier&) = delete;

  Contents take_contents() override;
  BlockId new_block() override;
  std::size_t bytes_of(std::size_t block_bytes) const override;
  Ticket insert(std::vector<BlockToInsert> blocks, Record record) override;
  void cancel_inserts() override;
  Ticket look_up(std::vector<BlockToFind> blocks) override;
  /// Without memory for it, nothing happens: the block stays until a later process drops it.
  void drop(BlockId block) override;
  void replace_records(std::vector<Record> records) override;
  std::vector<Outcome> poll() override;
  bool wait() override;
  void set_busy(bool busy) override;
  /// Waits until no call of the function before runs. `notify` does not throw.
  void set_notify(std::function<void()> notify) override;

 private:
  struct Insert {
    std::vector<BlockToInsert> blocks;
    Record record;
  };
  struct LookUp {
    std::vector<BlockToFind> blocks;
  };
  struct Drop {
    BlockId block = 0;
  };
  struct NewRecords {
    std::vector<Record> records;
  };
  struct Job {
    std::variant<Insert, LookUp, Drop, NewRecords> task;
    Outcome outcome = {};  // the ticket is 0 where the caller is told of none
  };
  // Jobs move from list to list, so that ending one takes no memory.
  using Jobs = std::list<Job>;

  DiskTier(Files& files, std::string folder, std::unique_ptr<FileLock> lock)
      : files_(files), folder_(std::move(folder)), lock_(std::move(lock)) {}
  Result<> load(const std::string& description);

  // The tier's thread. Those that are handed the lock have it when they begin and end.
  void run(const std::stop_token& stop);
  Jobs::iterator ready_look_up();
  void do_job(Jobs& queue, Jobs::iterator at, std::unique_lock<std::mutex>& lock);
  bool tell_news(std::unique_lock<std::mutex>& lock);
  void serve_look_ups();
  Result<> store(Insert& insert);
  Result<> find(LookUp& look_up, std::vector<BlockId>& missing);
  Result<> rewrite(const NewRecords& records);
  void rest();
  std::span<std::byte> room(std::size_t bytes);

  Files& files_;
  const std::string folder_;
  const std::unique_ptr<FileLock> lock_;
  Journal::Head head_;

  // The caller's.
  Contents contents_;  // until it is taken
  std::uint64_t blocks_given_ = 0;
  Ticket last_ticket_ = 0;

  // The thread's, once it runs.
  std::unique_ptr<Journal> journal_;
  std::vector<std::byte> buffer_;  // one block
  std::stop_token stop_;
  std::chrono::nanoseconds rested_at_{0};  // by the thread's own clock

  std::mutex notify_mutex_;
  std::function<void()> notify_;

  std::mutex mutex_;  // guards what follows but the thread
  std::condition_variable_any wake_;
  std::condition_variable ended_one_;
  Jobs look_ups_, others_;  // that have not begun
  Jobs ended_;
  std::unordered_set<BlockId> unstored_;  // blocks of inserts that have not ended
  int running_ = 0;
  bool has_news_ = false;  // that the caller was not notified of
  bool busy_ = false;
  std::jthread thread_;
};

}  // namespace banyan

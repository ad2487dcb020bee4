/// A tier in a model's folder of a disk cache (banyan/disk_tier.h, banyan/tier.h).
///
/// The first thread does what was asked for, one thing at a time: look-ups first, also between the blocks of
/// an insert; then inserts, drops and new records in their order. The other threads read blocks of look-ups,
/// as long as cores are free. A block whose insert has not ended waits for that. A job with functions of
/// the caller's is kept until poll() or the destructor destroys it.
///
/// A block's number is how often the folder was opened, counted by the journal's head, and a count of its
/// own. The head is on the disk before the first number is given. When it is lost, so is the space, and no
/// block of the old numbers is read again.
#pragma once

#include <array>
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
  /// open_disk_tier() on any files, which must outlive the tier, with so many threads, one or more.
  static Result<std::unique_ptr<DiskTier>> open(Files& files, const DiskTierOptions& options,
                                                int threads = 1);

  /// Ends what has begun and does the drops; what else was asked for is lost.
  ~DiskTier() override;
  DiskTier(const DiskTier&) = delete;
  DiskTier& operator=(const DiskTier&) = delete;

  Contents take_contents() override;
  BlockId new_block() override;
  std::size_t bytes_of(std::size_t block_bytes) const override;
  Ticket insert(std::vector<BlockToInsert> blocks, Record record) override;
  void cancel_inserts() override;
  Ticket look_up(std::vector<BlockToFind> blocks, std::uint64_t stream = 0) override;
  void cancel_look_up(Ticket look_up) override;
  double read_speed() const override;
  /// Without memory for it, nothing happens: the block stays until a later process drops it.
  void drop(BlockId block) override;
  void replace_records(std::vector<Record> records) override;
  std::vector<Outcome> poll() override;
  bool wait() override;
  void set_busy(bool busy, int spare_cores) override;
  /// Waits until no call of the function before runs. `notify` does not throw.
  void set_notify(std::function<void()> notify) override;

 private:
  struct Insert {
    std::vector<BlockToInsert> blocks;
    Record record;
  };
  struct LookUp {
    std::vector<BlockToFind> blocks;
    std::uint64_t stream = 0;
    std::size_t next = 0;  // of the blocks that is to be read
    int reading = 0;       // blocks that are being read
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

  // A thread, and what is its own.
  struct Worker {
    int index = 0;
    std::stop_token stop;
    std::vector<std::byte> buffer;          // one block
    std::chrono::nanoseconds rested_at{0};  // by the thread's own clock
  };
  // What was read lately, and how long that took.
  struct Speed {
    double bytes = 0;
    double seconds = 0;
    std::chrono::steady_clock::time_point last;
  };

  DiskTier(Files& files, std::string folder, std::unique_ptr<FileLock> lock)
      : files_(files), folder_(std::move(folder)), lock_(std::move(lock)) {}
  Result<> load(const std::string& description);

  // The tier's threads. Those that are handed the lock have it when they begin and end.
  void run(Worker worker);
  bool has_work(const Worker& worker);
  /// No core is free: the first thread rests, and the others wait.
  bool is_paced() const { return busy_ && spare_cores_ == 0; }
  Jobs::iterator ready_look_up();
  void read_next(Worker& worker, Jobs::iterator at, std::unique_lock<std::mutex>& lock);
  void end_if_done(Jobs::iterator look_up);
  void do_next_of_others(Worker& worker, std::unique_lock<std::mutex>& lock);
  bool tell_news(std::unique_lock<std::mutex>& lock);
  void serve_look_ups(Worker& worker);
  Result<> store(Worker& worker, Insert& insert);
  Result<> rewrite(const NewRecords& records);
  void rest(Worker& worker);
  static std::span<std::byte> room(Worker& worker, std::size_t bytes);

  Files& files_;
  const std::string folder_;
  const std::unique_ptr<FileLock> lock_;
  Journal::Head head_;

  // The caller's.
  Contents contents_;  // until it is taken
  std::uint64_t blocks_given_ = 0;
  Ticket last_ticket_ = 0;

  std::unique_ptr<Journal> journal_;  // the first thread's, once it runs

  std::mutex notify_mutex_;
  std::function<void()> notify_;

  mutable std::mutex mutex_;  // guards what follows but the threads
  std::condition_variable_any wake_;
  std::condition_variable ended_one_;
  Jobs look_ups_;  // that have not ended; the one whose turn is next comes first
  Jobs others_;    // that have not begun
  Jobs ended_;
  std::unordered_set<BlockId> unstored_;  // blocks of inserts that have not ended
  int running_ = 0;                       // of others_
  bool has_news_ = false;                 // that the caller was not notified of
  bool busy_ = false;
  int spare_cores_ = 0;
  std::array<Speed, 2> speeds_;  // at full speed, and paced
  std::chrono::steady_clock::time_point measured_;
  std::vector<std::jthread> threads_;
};

}  // namespace banyan

/// A tier in memory whose work is done when a test says so, and whose disk outlives it.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <variant>
#include <vector>

#include "banyan/tier.h"

namespace banyan {

struct FakeDisk {
  std::map<BlockId, std::vector<std::byte>> blocks;
  std::set<BlockId> damaged;
  std::vector<Tier::Record> records;
  BlockId last_block = 0;
  std::uint64_t written = 0;  ///< bytes of blocks, over its life
};

class FakeTier final : public Tier {
 public:
  explicit FakeTier(FakeDisk& disk) : disk_(disk) {}

  Contents take_contents() override;
  BlockId new_block() override { return ++disk_.last_block; }
  std::size_t bytes_of(std::size_t block_bytes) const override { return block_bytes + 16; }
  Ticket insert(std::vector<BlockToInsert> blocks, Record record) override;
  void cancel_inserts() override;
  Ticket look_up(std::vector<BlockToFind> blocks, std::uint64_t stream = 0) override;
  void cancel_look_up(Ticket look_up) override;
  double read_speed() const override { return speed; }
  void drop(BlockId block) override { writes_.push_back(Drop{block}); }
  void replace_records(std::vector<Record> records) override { writes_.push_back(std::move(records)); }
  std::vector<Outcome> poll() override;
  bool wait() override;
  void set_busy(bool, int) override {}
  void set_notify(std::function<void()> notify) override { notify_ = std::move(notify); }

  /// Does what comes next. False when there is nothing to do.
  bool work();
  std::size_t look_ups() const { return look_ups_.size(); }
  /// So many inserts fail from now on.
  int failing = 0;
  /// Of these functions, each call throws.
  bool insert_throws = false, look_up_throws = false;
  double speed = 0;           ///< what read_speed() says
  std::size_t cancelled = 0;  ///< look-ups that were

 private:
  struct Insert {
    Ticket ticket = 0;
    std::vector<BlockToInsert> blocks;
    Record record;
  };
  struct LookUp {
    Ticket ticket = 0;
    std::uint64_t stream = 0;
    std::vector<BlockToFind> blocks;
  };
  struct Drop {
    BlockId block = 0;
  };
  using Write = std::variant<Insert, Drop, std::vector<Record>>;

  bool is_queued(const LookUp& look_up) const;
  void end(Ticket ticket, Result<> result, std::vector<BlockId> missing = {});
  void find(const LookUp& look_up);
  void do_write(Write& write);

  FakeDisk& disk_;
  std::deque<Write> writes_;
  std::deque<LookUp> look_ups_;
  std::vector<std::variant<Write, LookUp>> done_;  // whose functions poll() destroys
  std::vector<Outcome> outcomes_;
  Ticket last_ticket_ = 0;
  std::function<void()> notify_;
};

}  // namespace banyan

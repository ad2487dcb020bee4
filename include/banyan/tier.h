/// A tier below memory: where what memory has no room for rests, and what outlives the process.
///
/// A tier knows numbers and bytes, not tokens. It keeps *blocks* of bytes, each under a number that is never
/// given twice, and *records*, which say what the blocks are; the tier does not look into either. Nothing of
/// it waits for a disk: insert() and look_up() return at once and poll() tells later how they ended. An
/// insert is a suggestion that may fail; a look-up finds all that it asks for, as it was inserted, or counts
/// as missing.
///
/// Functions that the caller hands over are called by a thread of the tier, and destroyed by poll() or by the
/// tier's destructor on the caller's thread, so that they may hold on to what only that thread may free.
///
/// One thread at a time, but for what is said.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "banyan/base.h"

namespace banyan {

using BlockId = std::uint64_t;

class Tier {
 public:
  /// Names an insert or a look-up; never 0.
  using Ticket = std::uint64_t;
  using Record = std::vector<std::byte>;

  struct BlockToInsert {
    BlockId id = 0;
    std::size_t bytes = 0;
    std::function<void(std::span<std::byte>)> fill;  ///< writes all of the block's bytes
  };
  struct BlockToFind {
    BlockId id = 0;
    std::size_t bytes = 0;
    std::function<void(std::span<const std::byte>)> take;  ///< reads them; the bytes are those inserted
  };
  struct Outcome {
    Ticket ticket = 0;
    /// An insert: it survives a crash from now on; or io, out_of_memory, internal (a function threw),
    /// cancelled: it is not kept, and where a later process finds its record all the same, its blocks are as
    /// they should be or gone. A look-up: all blocks were taken; or corrupt, io, out_of_memory, internal,
    /// cancelled: what the functions wrote is of no use.
    Result<> result;
    /// Of a look-up, which ends at the first that it cannot read: that block, damaged or gone.
    std::vector<BlockId> missing;
  };
  /// What an earlier process left.
  struct Contents {
    std::vector<Record> records;                      ///< in the order in which they were inserted
    std::unordered_map<BlockId, std::size_t> blocks;  ///< those that are there, with their bytes
    std::vector<std::string> notes;                   ///< what was lost, a sentence each, for a log
  };

  virtual ~Tier() = default;

  /// Once, before anything else. Blocks that no record names are the caller's to drop.
  virtual Contents take_contents() = 0;

  /// A number that no block of the tier has had.
  virtual BlockId new_block() = 0;
  /// Bytes that a block takes in the tier.
  virtual std::size_t bytes_of(std::size_t block_bytes) const = 0;

  /// Keeps the blocks and then the record, all or nothing. Inserts are done in order.
  virtual Ticket insert(std::vector<BlockToInsert> blocks, Record record) = 0;
  /// Ends with Errc::cancelled those inserts that have not begun. Their outcomes come as all do.
  virtual void cancel_inserts() = 0;
  /// Finds blocks, also those that are still to be inserted. Goes before inserts. The caller numbers the
  /// streams: of one, look-ups begin in order; several take turns, a block each, so that a short one does
  /// not wait for a long one.
  virtual Ticket look_up(std::vector<BlockToFind> blocks, std::uint64_t stream = 0) = 0;
  /// Ends a look-up with Errc::cancelled, once the blocks that are being read are taken. Its outcome comes as
  /// all do. Nothing happens where it has ended.
  virtual void cancel_look_up(Ticket look_up) = 0;
  /// Bytes a second that look-ups got lately, rests included; 0 while that is not known.
  virtual double read_speed() const = 0;
  /// The block is of no more use; its record, where one names it, may stay. After the inserts and look-ups
  /// before it.
  virtual void drop(BlockId block) = 0;
  /// These records in place of all that are there, after the inserts before it. A failure leaves the old
  /// ones.
  virtual void replace_records(std::vector<Record> records) = 0;

  /// What has ended since the last call.
  virtual std::vector<Outcome> poll() = 0;
  /// Waits until poll() has something to tell, or all that was asked for is done. Returns false in the latter
  /// case.
  virtual bool wait() = 0;
  /// While `busy`, others compute, and leave so many cores free: the tier works on those, and where there
  /// are none a small part of the time, so that the others keep their speed. Not busy at first.
  virtual void set_busy(bool busy, int spare_cores) = 0;
  /// `notify` is called by a thread of the tier whenever poll() has something to tell.
  virtual void set_notify(std::function<void()> notify) = 0;
};

}  // namespace banyan

#include "store/disk/disk_tier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <memory>
#include <new>
#include <semaphore>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "store/disk/block_file.h"
#include "store/disk/fake_files.h"
#include "store/disk/tier_tools.h"

namespace banyan {
namespace {

using test::block_to_insert;
using test::Bytes;
using test::bytes_of;
using test::finish;
using test::insert;
using test::kKey;
using test::look_up;
using test::open_tier;
using test::payload_of;
using testing::ElementsAre;

std::string model_file(const std::string& name) { return "folder/" + kKey + "/" + name; }

/// Holds the tier's thread in a block's function until it is opened.
class Gate {
 public:
  ~Gate() { open(); }

  Tier::BlockToInsert block(BlockId id) {
    return {id, 1, [state = state_](std::span<std::byte> to) {
              to[0] = std::byte{1};
              state->reached.release();
              state->opened.acquire();
            }};
  }
  void wait_until_reached() { state_->reached.acquire(); }
  void open() { state_->opened.release(); }

 private:
  struct State {
    std::counting_semaphore<> reached{0}, opened{0};
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

std::vector<Tier::Ticket> tickets_of(const std::vector<Tier::Outcome>& outcomes) {
  std::vector<Tier::Ticket> tickets;
  for (const auto& outcome : outcomes) tickets.push_back(outcome.ticket);
  return tickets;
}

Tier::BlockToFind block_to_find(BlockId id, std::size_t bytes) {
  return {id, bytes, [](std::span<const std::byte>) {}};
}

TEST(DiskTier, FindsWhatItWasGiven) {
  FakeFiles files;
  const auto tier = open_tier(files);
  for (const std::size_t size : {5000, 0, 1, 64, 4096}) {
    const BlockId id = tier->new_block();
    ASSERT_TRUE(insert(*tier, id, size, "record"));
    const auto found = look_up(*tier, id, size);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(*found, payload_of(id, size));
  }
}

TEST(DiskTier, TellsAfterARestartWhatIsThere) {
  FakeFiles files;
  BlockId first = 0, second = 0, third = 0;
  {
    const auto tier = open_tier(files);
    const auto contents = tier->take_contents();
    EXPECT_TRUE(contents.records.empty() && contents.blocks.empty() && contents.notes.empty());
    first = tier->new_block(), second = tier->new_block(), third = tier->new_block();
    tier->insert({block_to_insert(first, 10), block_to_insert(second, 0)}, bytes_of("one"));
    tier->insert({}, bytes_of(""));
    tier->insert({block_to_insert(third, 5000)}, bytes_of("three"));
    for (const auto& outcome : finish(*tier)) EXPECT_TRUE(outcome.result);
  }
  const auto tier = open_tier(files);
  const auto contents = tier->take_contents();
  EXPECT_THAT(contents.records, ElementsAre(bytes_of("one"), bytes_of(""), bytes_of("three")));
  EXPECT_EQ(contents.blocks,
            (std::unordered_map<BlockId, std::size_t>{{first, 10}, {second, 0}, {third, 5000}}));
  EXPECT_TRUE(contents.notes.empty());
  EXPECT_EQ(look_up(*tier, third, 5000), payload_of(third, 5000));
  EXPECT_TRUE(tier->take_contents().records.empty());
}

TEST(DiskTier, KeepsTheModelsApart) {
  FakeFiles files;
  const std::string other_key(32, 'f');
  const BlockId id = open_tier(files)->new_block();
  ASSERT_TRUE(insert(*open_tier(files), id, 10, "one"));
  EXPECT_TRUE(open_tier(files, "folder", other_key)->take_contents().records.empty());
  EXPECT_THAT(open_tier(files)->take_contents().records, ElementsAre(bytes_of("one")));
}

TEST(DiskTier, DroppedBlocksAreMissing) {
  FakeFiles files;
  const auto tier = open_tier(files);
  const BlockId id = tier->new_block();
  ASSERT_TRUE(insert(*tier, id, 10, "one"));
  tier->drop(id);
  tier->drop(tier->new_block());
  EXPECT_TRUE(finish(*tier).empty());
  EXPECT_FALSE(files.exists(model_file(block_file_name(id))));
  EXPECT_FALSE(look_up(*tier, id, 10));
}

TEST(DiskTier, ABlockOfAnotherSizeIsMissing) {
  FakeFiles files;
  const auto tier = open_tier(files);
  const BlockId id = tier->new_block();
  ASSERT_TRUE(insert(*tier, id, 10, "one"));
  EXPECT_EQ(look_up(*tier, id, 11).error().code, Errc::corrupt);
}

TEST(DiskTier, ALookUpEndsAtTheFirstMissingBlock) {
  FakeFiles files;
  const auto tier = open_tier(files);
  const BlockId first = tier->new_block(), gone = tier->new_block(), last = tier->new_block();
  ASSERT_TRUE(insert(*tier, first, 10, "one"));
  ASSERT_TRUE(insert(*tier, last, 10, "two"));
  const auto ticket =
      tier->look_up({block_to_find(first, 10), block_to_find(gone, 10), block_to_find(last, 10)});
  const auto outcomes = finish(*tier);
  ASSERT_THAT(tickets_of(outcomes), ElementsAre(ticket));
  EXPECT_FALSE(outcomes[0].result);
  EXPECT_THAT(outcomes[0].missing, ElementsAre(gone));
}

TEST(DiskTier, LookUpsGoBeforeInsertsAndBetweenTheirBlocks) {
  FakeFiles files;
  const auto tier = open_tier(files);
  const BlockId old = tier->new_block();
  ASSERT_TRUE(insert(*tier, old, 10, "old"));
  Gate gate;
  const auto running = tier->insert({gate.block(tier->new_block()), block_to_insert(tier->new_block(), 10)},
                                    bytes_of("running"));
  gate.wait_until_reached();
  const auto queued = tier->insert({block_to_insert(tier->new_block(), 10)}, bytes_of("queued"));
  const auto found = tier->look_up({block_to_find(old, 10)});
  gate.open();
  const auto outcomes = finish(*tier);
  EXPECT_THAT(tickets_of(outcomes), ElementsAre(found, running, queued));
  for (const auto& outcome : outcomes) EXPECT_TRUE(outcome.result);
}

TEST(DiskTier, ALookUpWaitsForTheInsertsOfItsBlocks) {
  FakeFiles files;
  const auto tier = open_tier(files);
  Gate gate;
  const BlockId gated = tier->new_block(), id = tier->new_block();
  const auto running = tier->insert({gate.block(gated), block_to_insert(tier->new_block(), 10)}, {});
  gate.wait_until_reached();
  const auto queued = tier->insert({block_to_insert(id, 10)}, {});
  const auto last = tier->insert({block_to_insert(tier->new_block(), 10)}, {});
  Bytes taken;
  const auto found = tier->look_up(
      {{id, 10, [&](std::span<const std::byte> from) { taken.assign(from.begin(), from.end()); }}});
  const auto found_gated = tier->look_up({block_to_find(gated, 1)});
  tier->drop(id);  // after the look-up
  gate.open();
  const auto outcomes = finish(*tier);
  EXPECT_THAT(tickets_of(outcomes), ElementsAre(running, found_gated, queued, found, last));
  for (const auto& outcome : outcomes) EXPECT_TRUE(outcome.result);
  EXPECT_EQ(taken, payload_of(id, 10));
  EXPECT_FALSE(files.exists(model_file(block_file_name(id))));
}

TEST(DiskTier, CancelsInsertsThatHaveNotBegun) {
  FakeFiles files;
  const auto tier = open_tier(files);
  Gate gate;
  const auto running = tier->insert({gate.block(tier->new_block())}, {});
  gate.wait_until_reached();
  const BlockId id = tier->new_block();
  const auto queued = tier->insert({block_to_insert(id, 10)}, {});
  const auto look_up = tier->look_up({block_to_find(id, 10)});
  tier->replace_records({bytes_of("new")});
  tier->cancel_inserts();
  EXPECT_TRUE(tier->wait());
  const auto cancelled = tier->poll();
  ASSERT_THAT(tickets_of(cancelled), ElementsAre(queued));
  EXPECT_EQ(cancelled[0].result.error().code, Errc::cancelled);
  gate.open();
  // Freed from its wait, the look-up goes between the blocks of the one that is running.
  const auto outcomes = finish(*tier);
  ASSERT_THAT(tickets_of(outcomes), ElementsAre(look_up, running));
  EXPECT_THAT(outcomes[0].missing, ElementsAre(id));
  EXPECT_TRUE(outcomes[1].result);
  EXPECT_FALSE(files.exists(model_file(block_file_name(id))));
}

/// Tells where and when it was destroyed, and drops a block then, as what holds on to stored blocks does.
class Captured {
 public:
  Captured(Tier& tier, std::vector<std::thread::id>& destroyed) : tier_(tier), destroyed_(destroyed) {}
  ~Captured() {
    destroyed_.push_back(std::this_thread::get_id());
    tier_.drop(1);
  }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;

 private:
  Tier& tier_;
  std::vector<std::thread::id>& destroyed_;
};

TEST(DiskTier, FunctionsAreDestroyedOnTheCallersThread) {
  FakeFiles files;
  std::vector<std::thread::id> destroyed;
  {
    const auto tier = open_tier(files);
    const auto fill = [&] {
      return [captured = std::make_shared<Captured>(*tier, destroyed)](std::span<std::byte>) {};
    };
    const auto take = [&] {
      return [captured = std::make_shared<Captured>(*tier, destroyed)](std::span<const std::byte>) {};
    };
    const BlockId id = tier->new_block();
    tier->insert({{id, 10, fill()}}, {});
    tier->look_up({{id, 10, take()}});
    tier->look_up({{tier->new_block(), 10, take()}});
    std::size_t outcomes = 0;
    while (tier->wait()) {
      const std::size_t before = destroyed.size();
      const std::size_t ended = tier->poll().size();
      EXPECT_EQ(destroyed.size(), before + ended);
      outcomes += ended;
    }
    EXPECT_EQ(outcomes, 3u);

    Gate gate;
    tier->insert({gate.block(tier->new_block())}, {});
    gate.wait_until_reached();
    tier->insert({{tier->new_block(), 10, fill()}}, {});
    tier->cancel_inserts();
    const BlockId queued = tier->new_block();
    tier->insert({{queued, 10, fill()}}, {});
    tier->look_up({{queued, 10, take()}});
    EXPECT_EQ(destroyed.size(), 3u);
    gate.open();
  }
  EXPECT_EQ(destroyed, std::vector<std::thread::id>(6, std::this_thread::get_id()));
}

TEST(DiskTier, WhenItGoesItDoesTheDrops) {
  FakeFiles files;
  BlockId dropped = 0;
  {
    const auto tier = open_tier(files);
    dropped = tier->new_block();
    ASSERT_TRUE(insert(*tier, dropped, 10, "dropped"));
    Gate gate;
    tier->insert({gate.block(tier->new_block())}, {});
    gate.wait_until_reached();
    tier->drop(dropped);
  }
  EXPECT_FALSE(files.exists(model_file(block_file_name(dropped))));
}

TEST(DiskTier, AFunctionThatThrowsEndsItsJobOnly) {
  FakeFiles files;
  const auto tier = open_tier(files);
  const BlockId whole = tier->new_block(), thrown = tier->new_block();
  const auto fault = [](auto) { throw std::runtime_error("a fault"); };
  const auto no_memory = [](auto) { throw std::bad_alloc(); };
  const auto nothing = [](auto) { throw 1; };

  tier->insert({block_to_insert(whole, 10), {thrown, 10, fault}}, bytes_of("record"));
  tier->insert({block_to_insert(whole, 10), {thrown, 10, no_memory}}, bytes_of("record"));
  tier->insert({block_to_insert(whole, 10), {thrown, 10, nothing}}, bytes_of("record"));
  const auto inserted = finish(*tier);
  ASSERT_EQ(inserted.size(), 3u);
  EXPECT_EQ(inserted[0].result.error().code, Errc::internal);
  EXPECT_EQ(inserted[0].result.error().message, "a fault");
  EXPECT_EQ(inserted[1].result.error().code, Errc::out_of_memory);
  EXPECT_EQ(inserted[2].result.error().code, Errc::internal);
  EXPECT_FALSE(files.exists(model_file(block_file_name(whole))));

  ASSERT_TRUE(insert(*tier, whole, 10, "kept"));
  tier->look_up({{whole, 10, fault}});
  tier->look_up({{whole, 10, no_memory}});
  const auto looked_up = finish(*tier);
  ASSERT_EQ(looked_up.size(), 2u);
  EXPECT_EQ(looked_up[0].result.error().code, Errc::internal);
  EXPECT_EQ(looked_up[1].result.error().code, Errc::out_of_memory);
  EXPECT_TRUE(looked_up[0].missing.empty() && looked_up[1].missing.empty());
  EXPECT_TRUE(look_up(*tier, whole, 10));
}

TEST(DiskTier, TooLargeARecordIsMisuse) {
  FakeFiles files;
  const auto tier = open_tier(files);
  const Bytes large(Journal::kMostBody + 1);
  EXPECT_THROW(tier->insert({}, large), Misuse);
  EXPECT_THROW(tier->replace_records({large}), Misuse);
  EXPECT_FALSE(tier->wait());
}

TEST(DiskTier, NotifiesWhenThereIsSomethingToPoll) {
  FakeFiles files;
  const auto tier = open_tier(files);
  std::counting_semaphore<> notified(0);
  std::vector<Tier::Outcome> outcomes;
  tier->set_notify([&] { notified.release(); });
  tier->insert({block_to_insert(tier->new_block(), 10)}, {});
  while (outcomes.empty()) {
    notified.acquire();
    outcomes.append_range(tier->poll());
  }
  EXPECT_TRUE(outcomes[0].result);

  Gate gate;  // a cancelled insert is told at once, too
  tier->insert({gate.block(tier->new_block()), block_to_insert(tier->new_block(), 1)}, {});
  gate.wait_until_reached();
  tier->insert({block_to_insert(tier->new_block(), 10)}, {});
  tier->cancel_inserts();
  gate.open();
  for (outcomes.clear(); outcomes.size() < 2;) {
    notified.acquire();
    outcomes.append_range(tier->poll());
  }
  tier->set_notify({});
  EXPECT_FALSE(tier->wait());
  EXPECT_TRUE(tier->poll().empty());
}

TEST(DiskTier, ReplacesRecordsAfterTheInsertsBefore) {
  FakeFiles files;
  {
    const auto tier = open_tier(files);
    tier->insert({}, Bytes(1000));
    tier->replace_records({bytes_of("one"), bytes_of("two")});
    tier->insert({}, bytes_of("three"));
    finish(*tier);
  }
  EXPECT_THAT(open_tier(files)->take_contents().records,
              ElementsAre(bytes_of("one"), bytes_of("two"), bytes_of("three")));
}

TEST(DiskTier, RecordsThatCannotBeReplacedStay) {
  for (int n = 0;; ++n) {
    FakeFiles files;
    bool failed = false;
    {
      const auto tier = open_tier(files);
      tier->insert({}, bytes_of("old"));
      finish(*tier);
      files.fail_after(n);
      tier->replace_records({bytes_of("new")});
      finish(*tier);
      failed = files.has_failed();
      files.fail_after(-1);
      tier->insert({}, bytes_of("later"));
      EXPECT_TRUE(finish(*tier).at(0).result);
    }
    // What ended well after the failure is there whatever became of the power.
    std::mt19937 random(static_cast<unsigned>(n));
    files.crash(random);
    const auto records = open_tier(files)->take_contents().records;
    ASSERT_EQ(records.size(), 2u) << n;
    EXPECT_TRUE(records[0] == bytes_of("old") || records[0] == bytes_of("new"));
    EXPECT_EQ(records[1], bytes_of("later"));
    if (!failed) break;
  }
}

TEST(DiskTier, NumbersAreNeverGivenTwice) {
  FakeFiles files;
  std::vector<BlockId> given;
  std::mt19937 random(1);
  for (int start = 0; start < 5; ++start) {
    {
      const auto tier = open_tier(files);
      for (int i = 0; i < 3; ++i) given.push_back(tier->new_block());
      ASSERT_TRUE(insert(*tier, given.back(), 10, "one"));
      tier->drop(given.back());
      tier->replace_records({});
      finish(*tier);
    }
    files.crash(random);
  }
  std::ranges::sort(given);
  EXPECT_EQ(std::ranges::adjacent_find(given), given.end());
  EXPECT_NE(given.front(), 0u);
}

TEST(DiskTier, CountsTheBytesThatABlockTakes) {
  FakeFiles files;
  const auto tier = open_tier(files);
  EXPECT_EQ(tier->bytes_of(0), 4096u);
  EXPECT_EQ(tier->bytes_of(4096 - kBlockHeader), 4096u);
  EXPECT_EQ(tier->bytes_of(4096), 8192u);
}

TEST(DiskTier, WorksAtALowerPriority) {
  FakeFiles files;
  const auto tier = open_tier(files);
  int priority = 0;
  tier->insert({{tier->new_block(), 1,
                 [&](auto) { priority = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())); }}},
               {});
  finish(*tier);
  EXPECT_EQ(priority, std::min(getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())) + 10, 19));
}

/// Has the calling thread work for so long that it rests for seconds.
void work() {
  const auto worked = [] {
    timespec time = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  };
  for (const auto begin = worked(); worked() - begin < std::chrono::milliseconds(300);) {
  }
}

TEST(DiskTier, RestsWhileOthersCompute) {
  FakeFiles files;
  auto tier = open_tier(files);
  const BlockId first = tier->new_block(), second = tier->new_block();
  ASSERT_TRUE(insert(*tier, first, 10, "one"));
  ASSERT_TRUE(insert(*tier, second, 10, "two"));
  std::binary_semaphore first_taken{0};
  std::atomic<int> second_taken = 0;
  const auto look_up_both = [&] {
    tier->look_up({{first, 10,
                    [&](auto) {
                      work();
                      first_taken.release();
                    }},
                   {second, 10, [&](auto) { ++second_taken; }}});
    first_taken.acquire();
  };
  tier->set_busy(true, 0);
  look_up_both();
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(second_taken, 0);
  tier->set_busy(false, 0);
  for (const auto& outcome : finish(*tier)) EXPECT_TRUE(outcome.result);
  EXPECT_EQ(second_taken, 1);

  tier->set_busy(true, 0);
  look_up_both();
  tier.reset();  // does not wait for the rest, nor for the second block
  EXPECT_EQ(second_taken, 1);
}

TEST(DiskTier, WhereCoresAreFreeItDoesNotRest) {
  FakeFiles files;
  const auto tier = open_tier(files);
  const BlockId first = tier->new_block(), second = tier->new_block();
  ASSERT_TRUE(insert(*tier, first, 10, "one"));
  ASSERT_TRUE(insert(*tier, second, 10, "two"));
  tier->set_busy(true, 1);
  tier->look_up({{first, 10, [](auto) { work(); }}, block_to_find(second, 10)});
  // Nothing is asked of the time: with a rest, this test would take seconds.
  for (const auto& outcome : finish(*tier)) EXPECT_TRUE(outcome.result);
  EXPECT_GT(tier->read_speed(), 0);
}

TEST(DiskTier, StreamsTakeTurnsBlockByBlock) {
  FakeFiles files;
  const auto tier = open_tier(files);
  std::vector<BlockId> ids;
  for (int i = 0; i < 6; ++i) {
    ids.push_back(tier->new_block());
    ASSERT_TRUE(insert(*tier, ids.back(), 10, "one"));
  }
  std::vector<std::size_t> order;
  const auto find = [&](std::size_t i) {
    return Tier::BlockToFind{ids[i], 10, [&order, i](auto) { order.push_back(i); }};
  };
  Gate gate;
  tier->insert({gate.block(tier->new_block()), block_to_insert(tier->new_block(), 1)}, {});
  gate.wait_until_reached();
  tier->look_up({find(0), find(1)}, 1);
  tier->look_up({find(2)}, 1);
  const auto short_one = tier->look_up({find(3)}, 2);
  tier->look_up({find(4), find(5)}, 3);
  gate.open();
  const auto outcomes = finish(*tier);
  EXPECT_EQ(outcomes.front().ticket, short_one);
  EXPECT_THAT(order, ElementsAre(0, 3, 4, 1, 5, 2));
}

TEST(DiskTier, ALookUpIsCancelledBetweenItsBlocks) {
  FakeFiles files;
  const auto tier = open_tier(files);
  const BlockId first = tier->new_block(), second = tier->new_block();
  ASSERT_TRUE(insert(*tier, first, 10, "one"));
  ASSERT_TRUE(insert(*tier, second, 10, "two"));
  std::binary_semaphore reached{0}, opened{0};
  bool second_taken = false;
  const auto running = tier->look_up({{first, 10,
                                       [&](auto) {
                                         reached.release();
                                         opened.acquire();
                                       }},
                                      {second, 10, [&](auto) { second_taken = true; }}});
  const auto waiting = tier->look_up({block_to_find(second, 10)});
  reached.acquire();
  tier->cancel_look_up(running);
  tier->cancel_look_up(waiting);
  tier->cancel_look_up(waiting);
  ASSERT_TRUE(tier->wait());
  EXPECT_THAT(tickets_of(tier->poll()), ElementsAre(waiting));  // the other's block is being read
  opened.release();
  const auto outcomes = finish(*tier);
  ASSERT_THAT(tickets_of(outcomes), ElementsAre(running));
  EXPECT_EQ(outcomes[0].result.error().code, Errc::cancelled);
  EXPECT_FALSE(second_taken);
}

TEST(DiskTier, OpensOnlyWithAFolderAndAKey) {
  FakeFiles files;
  for (const auto* key : {"", "../0123456789abcdef0123456789abc", "0123456789ABCDEF0123456789ABCDEF",
                          "0123456789abcdef0123456789abcdef0"}) {
    const auto tier = DiskTier::open(files, {"folder", key, ""});
    ASSERT_FALSE(tier) << key;
    EXPECT_EQ(tier.error().code, Errc::invalid_argument);
  }
  EXPECT_EQ(DiskTier::open(files, {"", kKey, ""}).error().code, Errc::invalid_argument);
  EXPECT_TRUE(files.list("folder")->empty());
}

}  // namespace
}  // namespace banyan

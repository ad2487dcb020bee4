// Failing operations and power cuts, each checked against what the tier had told before.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "store/disk/block_file.h"
#include "store/disk/cache_folder.h"
#include "store/disk/disk_tier.h"
#include "store/disk/fake_files.h"
#include "store/disk/tier_tools.h"
#include "support/scale.h"

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

struct Insertion {
  struct Block {
    BlockId id = 0;
    std::size_t bytes = 0;
  };
  std::vector<Block> blocks;
  Bytes record;
  bool kept = false;
  bool dropped = false;
};

/// What tiers in one folder were asked for and told, over several lives.
class History {
 public:
  explicit History(unsigned seed) : random_(seed) {}

  std::mt19937& random() { return random_; }
  std::size_t pick(std::size_t below) { return random_() % below; }

  /// Asks for something and waits for it.
  void step(DiskTier& tier) {
    const std::size_t choice = pick(8);
    if (choice < 4 || insertions_.empty()) {
      insert(tier);
    } else if (choice == 4) {
      Insertion& insertion = insertions_[pick(insertions_.size())];
      insertion.dropped = true;
      for (const auto& block : insertion.blocks) tier.drop(block.id);
      EXPECT_TRUE(finish(tier).empty());
    } else if (choice == 5) {
      std::vector<Bytes> records;
      for (const Insertion& insertion : insertions_) {
        if (is_expected(insertion)) records.push_back(insertion.record);
      }
      tier.replace_records(records);
      EXPECT_TRUE(finish(tier).empty());
    } else {
      look_up_all(tier, insertions_[pick(insertions_.size())]);
    }
  }

  /// Compares a newly opened tier with what was told. With `only_whole`, an insert that failed has left no
  /// block.
  void check(DiskTier& tier, bool only_whole) {
    const auto contents = tier.take_contents();
    std::set<BlockId> known;
    for (const Insertion& insertion : insertions_) {
      for (const auto& block : insertion.blocks) {
        known.insert(block.id);
        if (is_expected(insertion)) {
          ASSERT_TRUE(contents.blocks.contains(block.id));
          EXPECT_EQ(contents.blocks.at(block.id), block.bytes);
        }
        if (only_whole && !insertion.kept) {
          EXPECT_FALSE(contents.blocks.contains(block.id));
        }
      }
      if (is_expected(insertion)) {
        EXPECT_THAT(contents.records, testing::Contains(insertion.record));
        EXPECT_EQ(look_up_all(tier, insertion), insertion.blocks.size());
      } else {
        look_up_all(tier, insertion);
      }
    }
    for (const auto& [id, bytes] : contents.blocks) EXPECT_TRUE(known.contains(id));
    EXPECT_FALSE(known.contains(tier.new_block()));
  }

 private:
  static bool is_expected(const Insertion& insertion) { return insertion.kept && !insertion.dropped; }

  void insert(DiskTier& tier) {
    Insertion insertion;
    insertion.record = bytes_of("record " + std::to_string(insertions_.size()));
    std::vector<Tier::BlockToInsert> blocks;
    for (std::size_t i = pick(4); i > 0; --i) {
      insertion.blocks.push_back({tier.new_block(), pick(100)});
      blocks.push_back(block_to_insert(insertion.blocks.back().id, insertion.blocks.back().bytes));
    }
    tier.insert(std::move(blocks), insertion.record);
    const auto outcomes = finish(tier);
    ASSERT_EQ(outcomes.size(), 1u);
    insertion.kept = outcomes.front().result.has_value();
    insertions_.push_back(std::move(insertion));
  }

  /// How many of its blocks are found; those are right.
  static std::size_t look_up_all(DiskTier& tier, const Insertion& insertion) {
    std::size_t found = 0;
    for (const auto& block : insertion.blocks) {
      const auto bytes = look_up(tier, block.id, block.bytes);
      if (!bytes) continue;
      ++found;
      EXPECT_EQ(*bytes, payload_of(block.id, block.bytes));
    }
    return found;
  }

  std::mt19937 random_;
  std::vector<Insertion> insertions_;
};

TEST(DiskTierFailures, AnyOneOperationMayFail) {
  for (unsigned seed = 0; seed < static_cast<unsigned>(test::scaled(10)); ++seed) {
    for (int n = 0;; ++n) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", operation " << n);
      FakeFiles files;
      History history(seed);
      files.fail_after(n);
      if (const auto tier = DiskTier::open(files, {"folder", kKey, "a model"})) {
        for (int i = 0; i < 12; ++i) history.step(**tier);
      } else {
        EXPECT_EQ(tier.error().code, Errc::io);
      }
      const bool has_failed = files.has_failed();
      files.fail_after(-1);
      const auto tier = open_tier(files);
      history.check(*tier, true);
      for (const auto& entry : *files.list("folder/" + kKey)) {
        EXPECT_NE(file_kind(entry.name), FileKind::unfinished) << entry.name;
      }
      if (!has_failed || testing::Test::HasFailure()) break;
    }
  }
}

TEST(DiskTierFailures, WhatWasToldToBeKeptSurvivesPowerCuts) {
  for (unsigned seed = 0; seed < static_cast<unsigned>(test::scaled(300)); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    FakeFiles files;
    History history(seed);
    for (int life = 0; life < 4; ++life) {
      files.fail_after(static_cast<int>(history.pick(100)), true);
      if (const auto tier = DiskTier::open(files, {"folder", kKey, "a model"})) {
        for (int i = 0; i < 12; ++i) history.step(**tier);
      }
      files.crash(history.random());
      history.check(*open_tier(files), false);
    }
    if (testing::Test::HasFailure()) break;
  }
}

/// Three blocks with a record each.
std::vector<BlockId> fill(FakeFiles& files) {
  const auto tier = open_tier(files);
  std::vector<BlockId> ids;
  for (const char* record : {"one", "two", "three"}) {
    ids.push_back(tier->new_block());
    EXPECT_TRUE(insert(*tier, ids.back(), 100, record));
  }
  return ids;
}

/// A block's bytes are as they were inserted, or it is missing. Returns whether they are.
bool is_right(DiskTier& tier, BlockId id) {
  const auto found = look_up(tier, id, 100);
  if (!found) return false;
  EXPECT_EQ(*found, payload_of(id, 100));
  return true;
}

/// Damages a file of a new cache with each of `damages` and opens it. `check` has the tier, its contents, and
/// the blocks, the damaged one first where it is one.
template <class Damages, class Check>
void for_each_damage(const std::string& name, const Damages& damages, Check check) {
  for (const auto& damage : damages) {
    FakeFiles files;
    auto ids = fill(files);
    const auto damaged = std::ranges::find(ids, name, block_file_name);
    if (damaged != ids.end()) std::swap(*damaged, ids.front());
    damage(files.bytes("folder/" + kKey + "/" + name));
    const auto tier = open_tier(files);
    check(*tier, tier->take_contents(), ids);
    if (testing::Test::HasFailure()) return;
  }
}

using Damage = std::function<void(Bytes&)>;

/// A flip in each byte of the first 64, which is a block's header, and in some of the others; a cut at each
/// of some lengths.
std::vector<Damage> flips(std::size_t bytes) {
  std::vector<Damage> damages;
  const std::size_t step = test::scaled(5) >= 5 ? 1 : 5;
  for (std::size_t i = 0; i < bytes; i += i < 64 ? step : 7) {
    damages.push_back([=](Bytes& file) { file[i] ^= std::byte{1} << (i % 8); });
  }
  return damages;
}
std::vector<Damage> cuts(std::size_t bytes) {
  std::vector<Damage> damages;
  for (std::size_t size = 0; size < bytes; size += 5) {
    damages.push_back([=](Bytes& file) { file.resize(size); });
  }
  return damages;
}

TEST(DiskTierFailures, AChangedBlockIsMissingAndTheOthersAreNot) {
  FakeFiles files;
  const std::string name = block_file_name(fill(files)[1]);  // the same in each new cache
  for (const auto& damages : {flips(kBlockHeader + 100), cuts(kBlockHeader + 100)}) {
    for_each_damage(name, damages, [](DiskTier& tier, const Tier::Contents& contents, const auto& ids) {
      EXPECT_EQ(contents.records.size(), 3u);
      EXPECT_FALSE(is_right(tier, ids[0]));
      EXPECT_TRUE(is_right(tier, ids[1]));
      EXPECT_TRUE(is_right(tier, ids[2]));
    });
  }
}

TEST(DiskTierFailures, AChangedJournalCostsARecordOrAll) {
  FakeFiles files;
  fill(files);
  const std::size_t bytes = files.bytes("folder/" + kKey + "/journal").size();
  int emptied = 0, kept = 0;
  for_each_damage(std::string(kJournalName), flips(bytes),
                  [&](DiskTier& tier, const Tier::Contents& contents, const auto& ids) {
                    const bool starts_empty = contents.blocks.empty();
                    EXPECT_EQ(contents.records.size(), starts_empty ? 0u : 2u);
                    EXPECT_EQ(contents.notes.size(), 1u);
                    for (const BlockId id : ids) EXPECT_EQ(is_right(tier, id), !starts_empty);
                    ++(starts_empty ? emptied : kept);
                  });
  EXPECT_GT(emptied, 0);
  EXPECT_GT(kept, 0);
  for_each_damage(std::string(kJournalName), cuts(bytes),
                  [](DiskTier& tier, const Tier::Contents& contents, const auto& ids) {
                    EXPECT_LT(contents.records.size(), 3u);
                    for (const BlockId id : ids) EXPECT_EQ(is_right(tier, id), !contents.blocks.empty());
                  });
}

TEST(DiskTierFailures, AChangedDescriptionCostsNothing) {
  const std::size_t bytes = std::string_view("a model").size();
  for_each_damage(std::string(kDescriptionName), flips(bytes),
                  [](DiskTier& tier, const Tier::Contents& contents, const auto& ids) {
                    EXPECT_EQ(contents.records.size(), 3u);
                    for (const BlockId id : ids) EXPECT_TRUE(is_right(tier, id));
                  });
}

TEST(DiskTierFailures, AJournalOfAnotherVersionStartsEmptyWithANote) {
  FakeFiles files;
  const auto ids = fill(files);
  files.bytes("folder/" + kKey + "/journal")[8] = std::byte{2};
  const auto tier = open_tier(files);
  const auto contents = tier->take_contents();
  EXPECT_TRUE(contents.records.empty() && contents.blocks.empty());
  ASSERT_EQ(contents.notes.size(), 1u);
  EXPECT_THAT(contents.notes[0],
              testing::HasSubstr("folder/" + kKey + "/journal: not a journal of version 1"));
  EXPECT_FALSE(files.exists("folder/" + kKey + "/" + block_file_name(ids[0])));
}

TEST(DiskTierFailures, WithoutAJournalBlocksAreOfNoUse) {
  FakeFiles files;
  const auto ids = fill(files);
  ASSERT_TRUE(files.remove("folder/" + kKey + "/journal"));
  const auto tier = open_tier(files);
  EXPECT_TRUE(tier->take_contents().blocks.empty());
  for (const BlockId id : ids) EXPECT_FALSE(is_right(*tier, id));
}

TEST(DiskTierFailures, BlocksOfAnotherCacheAreRefused) {
  FakeFiles files, others;
  const auto ids = fill(files);
  EXPECT_EQ(fill(others), ids);
  const std::string path = "folder/" + kKey + "/" + block_file_name(ids[0]);
  files.bytes(path) = others.bytes(path);
  EXPECT_FALSE(is_right(*open_tier(files), ids[0]));
}

TEST(DiskTierFailures, ARecordThatClaimsToBeVastIsSkipped) {
  FakeFiles files;
  fill(files);
  Bytes& journal = files.bytes("folder/" + kKey + "/journal");
  journal.append_range(bytes_of("JRNL\xff\xff\xff\xff--------some bytes"));
  const auto contents = open_tier(files)->take_contents();
  EXPECT_EQ(contents.records.size(), 3u);
  EXPECT_EQ(contents.notes.size(), 1u);
}

TEST(DiskTierFailures, WhatIsUnfinishedIsRemovedAndWhatIsForeignIsNot) {
  FakeFiles files;
  fill(files);
  ASSERT_TRUE(files.make_folder("folder/pictures"));
  const std::string in_model = "folder/" + kKey + "/";
  const std::vector<std::string> foreign = {in_model + "readme", in_model + "1.block",
                                            in_model + "x.unfinished", "folder/notes",
                                            "folder/pictures/0000000000000001.block"};
  const std::vector<std::string> unfinished = {in_model + "0000000000000001.block.unfinished",
                                               in_model + "journal.unfinished",
                                               in_model + "description.unfinished"};
  for (const auto& path : foreign) ASSERT_TRUE(files.open(path, Files::Mode::make));
  for (const auto& path : unfinished) ASSERT_TRUE(files.open(path, Files::Mode::make));
  open_tier(files);
  for (const auto& path : foreign) EXPECT_TRUE(files.exists(path)) << path;
  for (const auto& path : unfinished) EXPECT_FALSE(files.exists(path)) << path;
}

}  // namespace
}  // namespace banyan

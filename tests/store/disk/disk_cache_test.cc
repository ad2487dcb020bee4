#include "store/disk/disk_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "store/disk/block_file.h"
#include "store/disk/cache_folder.h"
#include "store/disk/fake_files.h"
#include "store/disk/tier_tools.h"

namespace banyan {
namespace {

using std::chrono::hours;
using test::bytes_of;
using test::insert;
using test::open_tier;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kOne(32, '1');
const std::string kTwo(32, '2');

/// Two models with two blocks of 100 bytes each; returns the blocks of the first, which are those of the
/// second.
std::vector<BlockId> fill(FakeFiles& files) {
  std::vector<BlockId> blocks;
  for (const std::string& key : {kTwo, kOne}) {
    blocks.clear();
    const auto tier = open_tier(files, "folder", key);
    for (const char* record : {"one", "two"}) {
      blocks.push_back(tier->new_block());
      EXPECT_TRUE(insert(*tier, blocks.back(), 100, record));
    }
  }
  return blocks;
}

std::string path_of(const std::string& key, BlockId block) { return block_path("folder/" + key, block); }

TEST(DiskCache, ListsItsModels) {
  FakeFiles files;
  const auto blocks = fill(files);
  files.data(path_of(kTwo, blocks[0])).modified += hours(1);
  const auto listed = list_disk_cache(files, "folder");
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 2u);
  EXPECT_EQ(listed->at(0).key, kOne);
  EXPECT_EQ(listed->at(1).key, kTwo);
  for (const DiskCacheModel& model : *listed) {
    EXPECT_EQ(model.description, "a model");
    EXPECT_EQ(model.records, 2u);
    EXPECT_EQ(model.blocks, 2u);
    EXPECT_EQ(model.bytes, 4u * 4096);
  }
  EXPECT_EQ(listed->at(1).last_use, files.data(path_of(kTwo, blocks[0])).modified);
}

TEST(DiskCache, ListsWhatIsDamagedAsFarAsItGoes) {
  FakeFiles files;
  fill(files);
  files.bytes("folder/" + kOne + "/journal").clear();
  files.bytes("folder/" + kOne + "/description") = bytes_of("a\x1b[2Jline\n");
  ASSERT_TRUE(files.remove("folder/" + kTwo + "/description"));
  const auto listed = list_disk_cache(files, "folder");
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->at(0).records, 0u);
  EXPECT_EQ(listed->at(0).description, "a [2Jline ");
  EXPECT_EQ(listed->at(1).description, "");
  EXPECT_EQ(list_disk_cache(files, "none").error().code, Errc::io);
}

TEST(DiskCache, VerifyNamesWhatIsDamaged) {
  FakeFiles files;
  const auto blocks = fill(files);
  EXPECT_TRUE(verify_disk_cache(files, "folder")->empty());

  files.bytes(path_of(kOne, blocks[1])).back() ^= std::byte{1};
  files.bytes(path_of(kTwo, blocks[0]))[40] ^= std::byte{1};
  files.bytes("folder/" + kTwo + "/journal").push_back(std::byte{0});
  EXPECT_THAT(*verify_disk_cache(files, "folder"),
              ElementsAre(HasSubstr(path_of(kOne, blocks[1]) + ": damaged"),
                          HasSubstr(kTwo + "/journal: 1 bytes are damaged"),
                          HasSubstr(path_of(kTwo, blocks[0]) + ": damaged")));
  EXPECT_EQ(verify_disk_cache(files, "folder", kOne)->size(), 1u);

  files.bytes("folder/" + kOne + "/journal")[8] = std::byte{2};
  EXPECT_THAT(*verify_disk_cache(files, "folder", kOne),
              ElementsAre(HasSubstr("2 blocks are of no use without it")));
}

TEST(DiskCache, VerifyReadsEachByteOfABlock) {
  FakeFiles files;
  const std::size_t bytes = (std::size_t{2} << 20) + 5;  // read in pieces
  BlockId block = 0;
  {
    const auto tier = open_tier(files, "folder", kOne);
    block = tier->new_block();
    ASSERT_TRUE(insert(*tier, block, bytes, "one"));
  }
  EXPECT_TRUE(verify_disk_cache(files, "folder")->empty());
  for (const std::size_t at : {std::size_t{0}, std::size_t{1} << 20, bytes - 1}) {
    std::byte& byte = files.bytes(path_of(kOne, block))[kBlockHeader + at];
    byte ^= std::byte{1};
    EXPECT_EQ(verify_disk_cache(files, "folder")->size(), 1u) << at;
    byte ^= std::byte{1};
  }
}

TEST(DiskCache, VerifyChangesNothing) {
  FakeFiles files;
  fill(files);
  files.bytes("folder/" + kTwo + "/journal").push_back(std::byte{0});
  ASSERT_TRUE(files.open("folder/" + kOne + "/journal.unfinished", Files::Mode::make));
  const auto files_and_sizes = [&] {
    std::vector<std::string> names;
    for (const std::string& key : {kOne, kTwo}) {
      for (const auto& entry : *files.list("folder/" + key)) {
        names.push_back(entry.name + " " + std::to_string(entry.bytes));
      }
    }
    return names;
  };
  const auto before = files_and_sizes();
  ASSERT_TRUE(verify_disk_cache(files, "folder"));
  EXPECT_EQ(files_and_sizes(), before);
}

TEST(DiskCache, ClearRemovesAllButTheLock) {
  FakeFiles files;
  fill(files);
  ASSERT_TRUE(files.open("folder/" + kOne + "/journal.unfinished", Files::Mode::make));
  const auto cleared = clear_disk_cache(files, "folder");
  ASSERT_TRUE(cleared);
  EXPECT_EQ(cleared->blocks, 4u);
  EXPECT_EQ(cleared->bytes, 8u * 4096);
  EXPECT_TRUE(files.list_folders("folder")->empty());
  EXPECT_EQ(files.list("folder")->size(), 1u);
  EXPECT_EQ(clear_disk_cache(files, "folder")->blocks, 0u);
  EXPECT_TRUE(open_tier(files, "folder", kOne)->take_contents().records.empty());
}

TEST(DiskCache, ClearRemovesOneModel) {
  FakeFiles files;
  fill(files);
  EXPECT_EQ(clear_disk_cache(files, "folder", {.key = kOne, .older_than = {}})->blocks, 2u);
  EXPECT_THAT(*files.list_folders("folder"), ElementsAre(kTwo));
  EXPECT_EQ(open_tier(files, "folder", kTwo)->take_contents().records.size(), 2u);
  const auto again = clear_disk_cache(files, "folder", {.key = kOne, .older_than = {}});
  EXPECT_EQ(again.error().code, Errc::invalid_argument);
  EXPECT_EQ(again.error().message, "folder: has nothing of a model " + kOne);
}

TEST(DiskCache, ClearRemovesWhatIsOld) {
  FakeFiles files;
  const auto blocks = fill(files);
  files.data(path_of(kOne, blocks[0])).modified -= hours(3);
  for (const BlockId block : blocks) files.data(path_of(kTwo, block)).modified -= hours(3);

  EXPECT_EQ(clear_disk_cache(files, "folder", {.key = {}, .older_than = hours(4)})->blocks, 0u);
  EXPECT_EQ(clear_disk_cache(files, "folder", {.key = {}, .older_than = std::chrono::seconds::max()})->blocks,
            0u);
  EXPECT_EQ(clear_disk_cache(files, "folder", {.key = {}, .older_than = hours(2)})->blocks, 3u);
  EXPECT_THAT(*files.list_folders("folder"), ElementsAre(kOne));
  const auto contents = open_tier(files, "folder", kOne)->take_contents();
  EXPECT_EQ(contents.records.size(), 2u);
  EXPECT_EQ(contents.blocks.size(), 1u);
  EXPECT_TRUE(contents.blocks.contains(blocks[1]));
}

TEST(DiskCache, OthersFilesAreLeftAlone) {
  FakeFiles files;
  fill(files);
  const std::string photos(32, 'a');
  for (const std::string& folder : {"folder/" + photos, std::string("folder/mine")}) {
    ASSERT_TRUE(files.make_folder(folder));
  }
  const std::vector<std::string> foreign = {"folder/" + photos + "/photo", "folder/mine/journal",
                                            "folder/journal", "folder/" + kOne + "/readme"};
  for (const auto& path : foreign) ASSERT_TRUE(files.open(path, Files::Mode::make));
  EXPECT_EQ(list_disk_cache(files, "folder")->size(), 2u);
  EXPECT_TRUE(clear_disk_cache(files, "folder"));
  for (const auto& path : foreign) EXPECT_TRUE(files.exists(path)) << path;
  EXPECT_EQ(files.list("folder/" + kOne)->size(), 1u);
}

TEST(DiskCache, AFolderThatIsNoneIsNotTouched) {
  FakeFiles files;
  ASSERT_TRUE(files.make_folder("folder/" + kOne));
  ASSERT_TRUE(files.open("folder/" + kOne + "/journal", Files::Mode::make));
  EXPECT_EQ(verify_disk_cache(files, "folder").error().code, Errc::invalid_argument);
  EXPECT_EQ(clear_disk_cache(files, "folder").error().message, "folder: not a disk cache");
  EXPECT_TRUE(files.exists("folder/" + kOne + "/journal"));
  EXPECT_TRUE(files.list("folder")->empty());
  EXPECT_EQ(clear_disk_cache(files, "none").error().code, Errc::io);
}

TEST(DiskCache, AnyOneOperationMayFail) {
  for (int n = 0;; ++n) {
    FakeFiles files;
    fill(files);
    files.fail_after(n);
    const auto listed = list_disk_cache(files, "folder");
    const auto problems = verify_disk_cache(files, "folder");
    const auto cleared = clear_disk_cache(files, "folder");
    if (!files.has_failed()) {
      EXPECT_TRUE(listed && problems && problems->empty() && cleared);
      break;
    }
    files.fail_after(-1);
    if (cleared) {
      EXPECT_EQ(cleared->blocks, 4u);
    } else {
      EXPECT_EQ(cleared.error().code, Errc::io);
      EXPECT_TRUE(clear_disk_cache(files, "folder"));
    }
    EXPECT_TRUE(list_disk_cache(files, "folder")->empty());
  }
}

TEST(CacheFolder, KnowsItsNames) {
  EXPECT_EQ(file_kind("00000000000000ff.block"), FileKind::block);
  EXPECT_EQ(file_kind("journal"), FileKind::journal);
  EXPECT_EQ(file_kind("description"), FileKind::description);
  for (const char* name :
       {"00000000000000ff.block.unfinished", "journal.unfinished", "description.unfinished"}) {
    EXPECT_EQ(file_kind(name), FileKind::unfinished) << name;
  }
  for (const char* name :
       {"", "lock", "ff.block", ".unfinished", "journal.unfinished.unfinished", "Journal"}) {
    EXPECT_EQ(file_kind(name), FileKind::foreign) << name;
  }
  EXPECT_TRUE(is_model_key("0123456789abcdef0123456789abcdef"));
  for (const char* name : {"", "0123456789abcdef0123456789abcde", "0123456789ABCDEF0123456789ABCDEF",
                           "0123456789abcdef0123456789abcdef0", "../../89abcdef0123456789abcdef01"}) {
    EXPECT_FALSE(is_model_key(name)) << name;
  }
}

}  // namespace
}  // namespace banyan

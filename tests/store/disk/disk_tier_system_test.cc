// The tier and its files in a real folder.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "store/disk/block_file.h"
#include "store/disk/cache_folder.h"
#include "store/disk/disk_cache.h"
#include "store/disk/disk_tier.h"
#include "store/disk/tier_tools.h"
#include "support/temporary_folder.h"

namespace banyan {
namespace {

namespace fs = std::filesystem;
using test::insert;
using test::kKey;
using test::look_up;
using test::open_tier;
using test::payload_of;
using test::TemporaryFolder;
using testing::HasSubstr;

TEST(DiskTierSystem, OneProcessAtATimeUsesAFolder) {
  const TemporaryFolder folder;
  const DiskTierOptions options = {folder.path("cache"), kKey, "a model"};
  auto first = open_disk_tier(options);
  ASSERT_TRUE(first) << first.error().message;
  const auto second = open_disk_tier({options.folder, std::string(32, 'f'), "another"});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::busy);
  EXPECT_EQ(second.error().message, options.folder + ": another process uses this disk cache");
  EXPECT_EQ(verify_disk_cache(options.folder).error().code, Errc::busy);
  EXPECT_EQ(clear_disk_cache(options.folder).error().code, Errc::busy);
  EXPECT_EQ(list_disk_cache(options.folder)->size(), 1u);
  first->reset();
  EXPECT_TRUE(open_disk_tier(options));
}

TEST(DiskTierSystem, FilesAndFoldersAreTheUsersAlone) {
  const TemporaryFolder folder;
  const std::string cache = folder.path("cache");
  const auto tier = open_tier(system_files(), cache);
  ASSERT_TRUE(insert(*tier, tier->new_block(), 100, "record"));
  EXPECT_EQ(fs::status(cache).permissions(), fs::perms::owner_all);
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(cache)) {
    const auto expected =
        entry.is_directory() ? fs::perms::owner_all : fs::perms::owner_read | fs::perms::owner_write;
    EXPECT_EQ(entry.status().permissions(), expected) << entry.path();
    files += entry.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(files, 4);  // lock, journal, description, block
}

TEST(DiskTierSystem, AFolderThatIsRemovedWhileItRunsCostsWhatWasInIt) {
  const TemporaryFolder folder;
  const std::string cache = folder.path("cache");
  const auto tier = open_tier(system_files(), cache);
  const BlockId id = tier->new_block();
  ASSERT_TRUE(insert(*tier, id, 100, "record"));
  fs::remove_all(cache);
  EXPECT_EQ(look_up(*tier, id, 100).error().code, Errc::io);
  EXPECT_EQ(insert(*tier, tier->new_block(), 100, "record").error().code, Errc::io);
  tier->insert({}, {});
  EXPECT_EQ(test::finish(*tier).at(0).result.error().code, Errc::io);
  tier->replace_records({});
  tier->drop(id);
  EXPECT_TRUE(test::finish(*tier).empty());
  EXPECT_FALSE(fs::exists(cache));
}

TEST(DiskTierSystem, AFolderThatCannotBeMadeIsNamed) {
  const auto tier = open_disk_tier({"/nowhere/at/all", kKey, ""});
  ASSERT_FALSE(tier);
  EXPECT_EQ(tier.error().code, Errc::io);
  EXPECT_THAT(tier.error().message, HasSubstr("/nowhere/at/all"));
}

// Where not even root may write.
TEST(DiskTierSystem, AFolderThatCannotBeWrittenToIsNamed) {
  for (const std::string folder : {"/proc", "/proc/cache"}) {
    const auto tier = open_disk_tier({folder, kKey, "a model"});
    ASSERT_FALSE(tier);
    EXPECT_EQ(tier.error().code, Errc::io);
    EXPECT_THAT(tier.error().message, HasSubstr("/proc/"));
  }
}

TEST(DiskTierSystem, FilesThatClaimToBeVastTakeNoMemory) {
  constexpr std::uintmax_t kVast = std::uintmax_t{1} << 38;
  const TemporaryFolder folder;
  const std::string cache = folder.path("cache");
  const fs::path model = fs::path(cache) / kKey;
  BlockId id = 0;
  {
    const auto tier = open_tier(system_files(), cache);
    id = tier->new_block();
    ASSERT_TRUE(insert(*tier, id, 100, "record"));
    fs::resize_file(model / block_file_name(id), kVast);
    EXPECT_EQ(look_up(*tier, id, 100).error().code, Errc::corrupt);
  }
  EXPECT_EQ(open_tier(system_files(), cache)->take_contents().blocks.at(id), kVast - kBlockHeader);
  const auto problems = verify_disk_cache(cache);
  ASSERT_TRUE(problems);
  EXPECT_THAT(*problems, testing::ElementsAre(HasSubstr(block_file_name(id))));

  fs::resize_file(model / kJournalName, kVast);
  EXPECT_THAT(*verify_disk_cache(cache), testing::ElementsAre(HasSubstr("too many")));
  EXPECT_EQ(list_disk_cache(cache)->at(0).records, 0u);
  const auto contents = open_tier(system_files(), cache)->take_contents();
  EXPECT_TRUE(contents.records.empty() && contents.blocks.empty());
  EXPECT_EQ(contents.notes.size(), 1u);
  EXPECT_FALSE(fs::exists(model / block_file_name(id)));
}

TEST(DiskTierSystem, PipesAndLinksAreNoBlocks) {
  const TemporaryFolder folder;
  const std::string cache = folder.path("cache");
  const fs::path model = fs::path(cache) / kKey;
  const auto tier = open_tier(system_files(), cache);
  const BlockId pipe = tier->new_block(), link = tier->new_block(), other = tier->new_block();
  ASSERT_TRUE(insert(*tier, other, 100, "record"));
  ASSERT_EQ(mkfifo((model / block_file_name(pipe)).c_str(), 0600), 0);
  fs::create_symlink(model / block_file_name(other), model / block_file_name(link));
  EXPECT_FALSE(look_up(*tier, pipe, 100));
  EXPECT_FALSE(look_up(*tier, link, 100));
  EXPECT_EQ(look_up(*tier, other, 100), payload_of(other, 100));
}

TEST(DiskTierSystem, ReadingABlockMakesItRecent) {
  const TemporaryFolder folder;
  const std::string cache = folder.path("cache");
  BlockId read = 0, unread = 0;
  {
    const auto tier = open_tier(system_files(), cache);
    read = tier->new_block(), unread = tier->new_block();
    for (const BlockId id : {read, unread}) {
      ASSERT_TRUE(insert(*tier, id, 100, "record"));
      fs::last_write_time(fs::path(cache) / kKey / block_file_name(id),
                          fs::file_time_type::clock::now() - std::chrono::hours(2));
    }
    EXPECT_TRUE(look_up(*tier, read, 100));
  }
  const auto cleared = clear_disk_cache(cache, {.key = {}, .older_than = std::chrono::hours(1)});
  ASSERT_TRUE(cleared);
  EXPECT_EQ(cleared->blocks, 1u);
  const auto tier = open_tier(system_files(), cache);
  EXPECT_TRUE(look_up(*tier, read, 100));
  EXPECT_FALSE(look_up(*tier, unread, 100));
}

TEST(SystemFiles, ListFilesAndFoldersButNoLinks) {
  const TemporaryFolder folder;
  Files& files = system_files();
  std::ofstream(folder.path("file")) << "abc";
  fs::create_directory(folder.path("inner"));
  fs::create_symlink(folder.path("file"), folder.path("link"));
  fs::create_directory_symlink(folder.path("inner"), folder.path("folder_link"));
  const auto before = std::chrono::system_clock::now() - std::chrono::hours(1);
  const auto entries = files.list(folder.path());
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 1u);
  EXPECT_EQ(entries->front().name, "file");
  EXPECT_EQ(entries->front().bytes, 3u);
  EXPECT_GT(entries->front().modified, before);
  EXPECT_THAT(*files.list_folders(folder.path()), testing::ElementsAre("inner"));

  EXPECT_FALSE(files.remove_folder(folder.path()));
  EXPECT_TRUE(files.remove_folder(folder.path("inner")));
  EXPECT_TRUE(files.list_folders(folder.path())->empty());
}

TEST(SystemFiles, ALockIsHeldUntilItGoes) {
  const TemporaryFolder folder;
  Files& files = system_files();
  auto lock = files.lock(folder.path("lock"));
  ASSERT_TRUE(lock);
  EXPECT_EQ(files.lock(folder.path("lock")).error().code, Errc::busy);
  lock->reset();
  EXPECT_TRUE(files.lock(folder.path("lock")));
  EXPECT_EQ(files.lock(folder.path("none/lock")).error().code, Errc::io);
}

}  // namespace
}  // namespace banyan

#include "store/disk/block_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>
#include <vector>

#include "store/disk/cache_folder.h"
#include "store/disk/fake_files.h"
#include "support/temporary_folder.h"

namespace banyan {
namespace {

using Bytes = std::vector<std::byte>;

const SpaceId kSpace = {std::byte{1}, std::byte{2}, std::byte{3}};

Bytes random_bytes(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  Bytes bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

/// The payload of a block that should be so long.
Result<Bytes> read(Files& files, const std::string& folder, const SpaceId& space, BlockId block,
                   std::size_t bytes) {
  Bytes image(kBlockHeader + bytes);
  const auto payload = read_block(files, folder, space, block, image);
  if (!payload) return std::unexpected(payload.error());
  return Bytes(payload->begin(), payload->end());
}

TEST(BlockFile, IsReadAsItWasWritten) {
  FakeFiles files;
  for (const std::size_t size : {0, 1, 63, 64, 1000}) {
    const Bytes payload = random_bytes(size, 1);
    ASSERT_TRUE(write_block(files, "folder", kSpace, size, payload));
    EXPECT_EQ(read(files, "folder", kSpace, size, size), payload);
  }
}

TEST(BlockFile, HasTheBytesThatTheHeaderSays) {
  FakeFiles files;
  const std::string_view text = "abc";
  ASSERT_TRUE(write_block(files, "folder", kSpace, 0x1234, std::as_bytes(std::span(text))));
  const Bytes& bytes = files.bytes("folder/0000000000001234.block");
  ASSERT_EQ(bytes.size(), 67u);
  const std::string head(reinterpret_cast<const char*>(bytes.data()), 8);
  EXPECT_EQ(head, "BANYANB\n");
  EXPECT_EQ(bytes[8], std::byte{1});
  EXPECT_EQ(bytes[16], std::byte{1});
  EXPECT_EQ(bytes[32], std::byte{0x34});
  EXPECT_EQ(bytes[33], std::byte{0x12});
  EXPECT_EQ(bytes[40], std::byte{3});
  EXPECT_EQ(bytes[66], std::byte{'c'});
}

TEST(BlockFile, AnyChangedByteIsFound) {
  FakeFiles files;
  ASSERT_TRUE(write_block(files, "folder", kSpace, 7, random_bytes(100, 2)));
  Bytes& bytes = files.bytes("folder/" + block_file_name(7));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const int bit : {0, 3, 7}) {
      bytes[i] ^= std::byte{1} << bit;
      const auto result = read(files, "folder", kSpace, 7, 100);
      ASSERT_FALSE(result) << "byte " << i;
      EXPECT_EQ(result.error().code, Errc::corrupt);
      bytes[i] ^= std::byte{1} << bit;
    }
  }
  EXPECT_TRUE(read(files, "folder", kSpace, 7, 100));
}

TEST(BlockFile, AnyOtherLengthIsFound) {
  FakeFiles files;
  ASSERT_TRUE(write_block(files, "folder", kSpace, 7, random_bytes(100, 2)));
  Bytes& bytes = files.bytes("folder/" + block_file_name(7));
  const Bytes whole = bytes;
  for (std::size_t size = 0; size < whole.size() + 3; ++size) {
    bytes = whole;
    bytes.resize(size);
    EXPECT_EQ(read(files, "folder", kSpace, 7, 100).has_value(), size == whole.size());
  }
}

TEST(BlockFile, AnotherBlockUnderItsNameIsRefused) {
  FakeFiles files;
  const Bytes payload = random_bytes(10, 3);
  ASSERT_TRUE(write_block(files, "folder", kSpace, 7, payload));
  ASSERT_TRUE(write_block(files, "folder", kSpace, 8, payload));
  ASSERT_TRUE(files.rename("folder/" + block_file_name(7), "folder/" + block_file_name(8)));
  EXPECT_FALSE(read(files, "folder", kSpace, 8, 10));
}

TEST(BlockFile, ABlockOfAnotherSpaceIsRefused) {
  FakeFiles files;
  ASSERT_TRUE(write_block(files, "folder", kSpace, 7, random_bytes(10, 3)));
  EXPECT_FALSE(read(files, "folder", SpaceId{}, 7, 10));
}

TEST(BlockFile, WhateverFailsLeavesNoBlockAndNothingUnfinished) {
  const Bytes payload = random_bytes(50, 4);
  for (int n = 0;; ++n) {
    FakeFiles files;
    files.fail_after(n);
    const auto written = write_block(files, "folder", kSpace, 7, payload);
    EXPECT_EQ(written.has_value(), !files.has_failed());
    files.fail_after(-1);
    EXPECT_EQ(files.exists("folder/" + block_file_name(7)), written.has_value());
    EXPECT_LE(files.list("folder")->size(), 1u);
    if (written) break;
    EXPECT_EQ(written.error().code, Errc::io);
    EXPECT_TRUE(files.list("folder")->empty());
  }
}

TEST(BlockFile, ACrashLeavesAllOfItOrNothingUnderItsName) {
  std::mt19937 random(5);
  const Bytes payload = random_bytes(50, 4);
  for (int round = 0; round < 500; ++round) {
    FakeFiles files;
    files.fail_after(static_cast<int>(random() % 6), true);
    const auto written = write_block(files, "folder", kSpace, 7, payload);
    files.fail_after(-1);
    const bool acknowledged = written && files.sync_folder("folder");
    files.crash(random);
    const bool is_there = files.exists("folder/" + block_file_name(7));
    const auto found = read(files, "folder", kSpace, 7, payload.size());
    EXPECT_EQ(is_there, found.has_value());
    if (is_there) {
      EXPECT_EQ(found, payload);
    }
    if (acknowledged) {
      EXPECT_TRUE(is_there);
    }
    for (const auto& [name, bytes, modified] : *files.list("folder")) {
      EXPECT_TRUE(block_of(name) || file_kind(name) == FileKind::unfinished) << name;
    }
  }
}

TEST(BlockFile, NamesAreThoseOfBlocksOnly) {
  EXPECT_EQ(block_of("00000000000000ff.block"), BlockId{255});
  for (const char* name :
       {"", "ff.block", "00000000000000FF.block", "00000000000000ff", "00000000000000ff.block2",
        "00000000000000ff.block.unfinished", "-0000000000000ff.block", "journal"}) {
    EXPECT_EQ(block_of(name), std::nullopt) << name;
  }
}

TEST(SystemFiles, ABlockOnARealDiskIsTheUsersAlone) {
  const auto folder = std::filesystem::temp_directory_path() / "banyan-block-file-test";
  std::filesystem::remove_all(folder);
  Files& files = system_files();
  ASSERT_TRUE(files.make_folder(folder));
  ASSERT_TRUE(files.make_folder(folder));
  const Bytes payload = random_bytes(5000, 6);
  ASSERT_TRUE(write_block(files, folder, kSpace, 7, payload));
  ASSERT_TRUE(files.sync_folder(folder));
  EXPECT_EQ(read(files, folder, kSpace, 7, payload.size()), payload);
  const auto entries = files.list(folder);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 1u);
  EXPECT_EQ(entries->front().name, block_file_name(7));
  EXPECT_EQ(entries->front().bytes, 5000 + kBlockHeader);
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(folder).permissions(), perms::owner_all);
  EXPECT_EQ(std::filesystem::status(folder / block_file_name(7)).permissions(),
            perms::owner_read | perms::owner_write);
  ASSERT_TRUE(files.remove(folder / block_file_name(7)));
  EXPECT_TRUE(files.remove(folder / block_file_name(7)));
  EXPECT_EQ(read(files, folder, kSpace, 7, payload.size()).error().code, Errc::io);
  std::filesystem::remove_all(folder);
}

// However much of it the system has in memory, and wherever it is read to.
TEST(SystemFiles, LargePiecesAreReadAsTheyAre) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path() + "/file";
  constexpr std::size_t kBytes = (std::size_t{1} << 20) + 777;
  const Bytes bytes = random_bytes(kBytes, 7);
  Files& files = system_files();
  {
    const auto file = files.open(path, Files::Mode::make).value();
    ASSERT_TRUE(file->append(bytes));
    ASSERT_TRUE(file->sync());
  }
  Bytes memory(kBytes + 2 * File::kPage);
  void* aligned = memory.data();
  std::size_t room = memory.size();
  auto* const page = static_cast<std::byte*>(std::align(File::kPage, kBytes, aligned, room));
  for (const std::size_t cached : {std::size_t{0}, std::size_t{1}, kBytes / 2, kBytes}) {
    for (const std::size_t shift : {0, 1}) {
      for (const std::size_t offset : {0, 4096, 5000}) {
        const int descriptor = open(path.c_str(), O_RDONLY);
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
        Bytes ahead(cached);
        EXPECT_EQ(pread(descriptor, ahead.data(), cached, 0), static_cast<ssize_t>(cached));
        close(descriptor);
        const auto file = files.open(path, Files::Mode::read).value();
        const std::span<std::byte> to(page + shift, kBytes - offset);
        ASSERT_TRUE(file->read(offset, to));
        EXPECT_TRUE(std::ranges::equal(to, std::span(bytes).subspan(offset)));
        EXPECT_EQ(file->read(offset + File::kPage, to).error().code, Errc::corrupt);
      }
    }
  }
}

TEST(SystemFiles, SayWhichPathAndWhy) {
  Files& files = system_files();
  const auto opened = files.open("/nowhere/at/all", Files::Mode::make);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::io);
  EXPECT_EQ(opened.error().message, "/nowhere/at/all: No such file or directory");
  EXPECT_FALSE(files.make_folder("/nowhere/at/all"));
  EXPECT_FALSE(files.sync_folder("/nowhere/at/all"));
  EXPECT_FALSE(files.list("/nowhere/at/all"));
  EXPECT_FALSE(files.rename("/nowhere/at/all", "/nowhere/else"));
}

}  // namespace
}  // namespace banyan

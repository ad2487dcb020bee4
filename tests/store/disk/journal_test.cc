#include "store/disk/journal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <ranges>
#include <string_view>
#include <vector>

#include "store/disk/fake_files.h"

namespace banyan {
namespace {

using Bytes = std::vector<std::byte>;

const Journal::Head kHead = {{std::byte{1}, std::byte{2}, std::byte{3}}, 5};

Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::vector<Bytes> some_records() {
  return {bytes_of("one"), {}, bytes_of("a longer one than the others"), bytes_of("JRNL"), bytes_of("last")};
}

std::unique_ptr<Journal> write(FakeFiles& files, const std::vector<Bytes>& records) {
  auto journal = Journal::write(files, "folder/journal", kHead, records);
  EXPECT_TRUE(journal) << journal.error().message;
  EXPECT_TRUE(files.sync_folder("folder"));
  return std::move(*journal);
}

// Whether `records` are some of `all`, in order.
bool are_among(const std::vector<Bytes>& records, const std::vector<Bytes>& all) {
  auto at = all.begin();
  for (const Bytes& record : records) {
    at = std::find(at, all.end(), record);
    if (at == all.end()) return false;
    ++at;
  }
  return true;
}

TEST(Journal, IsReadAsItWasWrittenAndAddedTo) {
  FakeFiles files;
  const auto journal = write(files, {bytes_of("one"), {}});
  ASSERT_TRUE(journal->append(bytes_of("three")));
  const auto contents = Journal::read(files, "folder/journal");
  ASSERT_TRUE(contents);
  EXPECT_EQ(contents->head.space, kHead.space);
  EXPECT_EQ(contents->head.starts, kHead.starts);
  EXPECT_EQ(contents->records, (std::vector<Bytes>{bytes_of("one"), {}, bytes_of("three")}));
  EXPECT_EQ(contents->damaged, 0u);
  EXPECT_EQ(journal->bytes(), files.bytes("folder/journal").size());
}

TEST(Journal, CutOffAnywhereKeepsTheWholeRecordsBefore) {
  FakeFiles files;
  write(files, some_records());
  Bytes& bytes = files.bytes("folder/journal");
  const Bytes whole = bytes;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    bytes = Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const auto contents = Journal::read(files, "folder/journal");
    ASSERT_EQ(contents.has_value(), size >= 40) << size;
    if (!contents) continue;
    EXPECT_LT(contents->records.size(), some_records().size());
    EXPECT_TRUE(
        std::ranges::equal(contents->records, some_records() | std::views::take(contents->records.size())));
  }
}

TEST(Journal, AChangedByteCostsOneRecord) {
  FakeFiles files;
  write(files, some_records());
  Bytes& bytes = files.bytes("folder/journal");
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const int bit : {0, 4, 7}) {
      bytes[i] ^= std::byte{1} << bit;
      const auto contents = Journal::read(files, "folder/journal");
      ASSERT_EQ(contents.has_value(), i >= 40) << i;
      if (contents) {
        EXPECT_EQ(contents->records.size(), some_records().size() - 1) << i;
        EXPECT_TRUE(are_among(contents->records, some_records()));
        EXPECT_GT(contents->damaged, 0u);
      } else {
        EXPECT_EQ(contents.error().code, Errc::corrupt);
      }
      bytes[i] ^= std::byte{1} << bit;
    }
  }
}

TEST(Journal, AFailedAppendCostsOnlyItsOwnRecord) {
  FakeFiles files;
  const auto journal = write(files, {});
  ASSERT_TRUE(journal->append(bytes_of("one")));
  files.fail_after(0);
  EXPECT_FALSE(journal->append(bytes_of("two")));
  ASSERT_TRUE(journal->append(bytes_of("three")));
  const auto contents = Journal::read(files, "folder/journal");
  ASSERT_TRUE(contents);
  EXPECT_EQ(contents->records, (std::vector<Bytes>{bytes_of("one"), bytes_of("three")}));
}

TEST(Journal, AFailureWhileItIsRewrittenKeepsTheOld) {
  for (int n = 0;; ++n) {
    FakeFiles files;
    write(files, {bytes_of("old")});
    files.fail_after(n);
    const auto rewritten = Journal::write(files, "folder/journal", kHead, some_records());
    const bool failed = files.has_failed();
    files.fail_after(-1);
    EXPECT_EQ(rewritten.has_value(), !failed);
    const auto contents = Journal::read(files, "folder/journal");
    ASSERT_TRUE(contents);
    EXPECT_EQ(contents->records, rewritten ? some_records() : std::vector<Bytes>{bytes_of("old")});
    if (rewritten) break;
    EXPECT_LE(files.list("folder")->size(), 1u);
  }
}

TEST(Journal, WhatWasSyncedSurvivesACrash) {
  std::mt19937 random(1);
  for (int round = 0; round < 500; ++round) {
    FakeFiles files;
    const auto journal = write(files, {bytes_of("first")});
    std::vector<Bytes> records = {bytes_of("first")};
    std::size_t synced = 1;
    for (int i = 0; i < 5; ++i) {
      records.push_back(bytes_of(std::string(random() % 40, static_cast<char>('a' + i))));
      ASSERT_TRUE(journal->append(records.back()));
      if (random() % 2 == 0) {
        ASSERT_TRUE(journal->sync());
        synced = records.size();
      }
    }
    files.crash(random);
    const auto contents = Journal::read(files, "folder/journal");
    ASSERT_TRUE(contents);
    EXPECT_GE(contents->records.size(), synced);
    EXPECT_TRUE(std::ranges::equal(contents->records, records | std::views::take(contents->records.size())));
  }
}

TEST(Journal, BeginningsOfRecordsTakeNoLongTime) {
  FakeFiles files;
  write(files, {});
  Bytes& bytes = files.bytes("folder/journal");
  // Every place begins a record that reaches far, so that trying each to its end would take minutes.
  const Bytes mark = bytes_of("JRNL");
  for (int i = 0; i < 400'000; ++i) {
    bytes.append_range(mark);
    bytes.append_range(bytes_of(std::string_view("\0\0\x0f\0", 4)));
    bytes.append_range(bytes_of("checksum"));
  }
  const auto contents = Journal::read(files, "folder/journal");
  ASSERT_TRUE(contents);
  EXPECT_TRUE(contents->records.empty());
}

TEST(Journal, OfAnotherVersionOrNoneIsRefused) {
  FakeFiles files;
  EXPECT_EQ(Journal::read(files, "folder/journal").error().code, Errc::io);
  write(files, {});
  files.bytes("folder/journal")[8] = std::byte{2};
  EXPECT_EQ(Journal::read(files, "folder/journal").error().code, Errc::corrupt);
}

}  // namespace
}  // namespace banyan

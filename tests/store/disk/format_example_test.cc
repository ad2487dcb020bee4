// The worked example of docs/disk-cache.md, byte for byte.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <format>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "store/disk/block_file.h"
#include "store/disk/fake_files.h"
#include "store/disk/journal.h"

namespace banyan {
namespace {

constexpr std::uint32_t kStarts = 1;
constexpr BlockId kBlock = (BlockId{kStarts} << 40) + 1;

SpaceId space() {
  SpaceId space;
  for (std::size_t i = 0; i < space.size(); ++i) space[i] = static_cast<std::byte>(0xA0 + i);
  return space;
}

/// Sixteen bytes a line, as `xxd -g 1` shows them without the text.
std::string dump(std::span<const std::byte> bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i % 16 == 0) text += std::format("{}{:08x}:", i == 0 ? "" : "\n", i);
    text += std::format(" {:02x}", std::to_integer<int>(bytes[i]));
  }
  return text;
}

TEST(FormatExample, Block) {
  // One token of a group with one layer and one head of two numbers in f16: its key 1, -2, its value 0.5, 3.
  ByteWriter payload;
  for (const int half : {0x3C00, 0xC000, 0x3800, 0x4200}) payload.put(static_cast<std::uint16_t>(half));
  FakeFiles files;
  ASSERT_TRUE(write_block(files, "folder", space(), kBlock, payload.bytes()));
  EXPECT_EQ(dump(files.bytes("folder/0000010000000001.block")),
            "00000000: 42 41 4e 59 41 4e 42 0a 01 00 00 00 00 00 00 00\n"
            "00000010: a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 aa ab ac ad ae af\n"
            "00000020: 01 00 00 00 00 01 00 00 08 00 00 00 00 00 00 00\n"
            "00000030: 46 b3 a4 1b f9 68 d3 57 57 db 5b 29 df 1b 47 74\n"
            "00000040: 00 3c 00 c0 00 38 00 42");
}

TEST(FormatExample, Journal) {
  FakeFiles files;
  const std::string_view body = "a record's body";
  const std::vector<std::byte> record(std::as_bytes(std::span(body)).begin(),
                                      std::as_bytes(std::span(body)).end());
  ASSERT_TRUE(Journal::write(files, "folder/journal", {space(), kStarts}, std::array{record}));
  EXPECT_EQ(dump(files.bytes("folder/journal")),
            "00000000: 42 41 4e 59 41 4e 4a 0a 01 00 00 00 01 00 00 00\n"
            "00000010: a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 aa ab ac ad ae af\n"
            "00000020: c2 89 c7 69 85 1b 2b fb 4a 52 4e 4c 0f 00 00 00\n"
            "00000030: 9b 6f 7f 22 61 62 79 f3 61 20 72 65 63 6f 72 64\n"
            "00000040: 27 73 20 62 6f 64 79");
}

}  // namespace
}  // namespace banyan

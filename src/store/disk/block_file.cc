#include "store/disk/block_file.h"

#include <algorithm>
#include <charconv>
#include <format>
#include <vector>

#include "base/bytes.h"
#include "store/disk/checksum.h"
#include "store/disk/whole_file.h"

namespace banyan {
namespace {

constexpr std::string_view kBlockMagic = "BANYANB\n";
constexpr std::uint32_t kBlockVersion = 1;
constexpr std::string_view kSuffix = ".block";

std::vector<std::byte> header(const SpaceId& space, BlockId block, std::uint64_t bytes,
                              std::uint64_t payload_checksum) {
  ByteWriter writer;
  writer.put(std::as_bytes(std::span(kBlockMagic)));
  writer.put(kBlockVersion);
  writer.put(std::uint32_t{0});
  writer.put(space);
  writer.put(block);
  writer.put(bytes);
  writer.put(payload_checksum);
  writer.put(checksum(writer.bytes()));
  return writer.take();
}

std::unexpected<Error> damaged(const std::string& path) {
  return fail(Errc::corrupt, path + ": damaged, or not the block that its name says");
}

}  // namespace

std::string block_file_name(BlockId block) { return std::format("{:016x}{}", block, kSuffix); }

std::string block_path(const std::string& folder, BlockId block) {
  return folder + "/" + block_file_name(block);
}

std::optional<BlockId> block_of(std::string_view name) {
  BlockId block = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + name.size(), block, 16);
  if (parsed.ec != std::errc() || block_file_name(block) != name) return std::nullopt;
  return block;
}

Result<> write_block(Files& files, const std::string& folder, const SpaceId& space, BlockId block,
                     std::span<const std::byte> payload) {
  const auto head = header(space, block, payload.size(), checksum(payload));
  const auto file = write_whole_file(files, block_path(folder, block), head, payload);
  if (!file) return std::unexpected(file.error());
  return {};
}

Result<std::span<const std::byte>> read_block(Files& files, const std::string& folder, const SpaceId& space,
                                              BlockId block, std::span<std::byte> image) {
  const std::string path = block_path(folder, block);
  auto file = files.open(path, Files::Mode::read);
  if (!file) return std::unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  if (*size != image.size()) {
    return fail(Errc::corrupt,
                std::format("{}: {} bytes, not the {} of the block", path, *size, image.size()));
  }
  if (auto read = (*file)->read(0, image); !read) return std::unexpected(read.error());
  const std::span<const std::byte> payload = image.subspan(kBlockHeader);
  if (!std::ranges::equal(image.first(kBlockHeader),
                          header(space, block, payload.size(), checksum(payload)))) {
    return damaged(path);
  }
  return payload;
}

Result<> check_block(Files& files, const std::string& folder, const SpaceId& space, BlockId block) {
  const std::string path = block_path(folder, block);
  auto file = files.open(path, Files::Mode::read);
  if (!file) return std::unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  std::array<std::byte, kBlockHeader> head;
  if (auto read = (*file)->read(0, head); !read) return read;
  // The header is compared before the payload is read, so that a file of any size is soon told to be none.
  const std::uint64_t bytes = *size - kBlockHeader;
  ByteReader reader{std::span(head).subspan(48, 8)};
  const auto payload_checksum = reader.get<std::uint64_t>();
  if (!std::ranges::equal(head, header(space, block, bytes, payload_checksum))) return damaged(path);

  RunningChecksum sum;
  std::vector<std::byte> piece(std::min<std::uint64_t>(bytes, std::uint64_t{1} << 20));
  for (std::uint64_t done = 0; done < bytes; done += piece.size()) {
    piece.resize(std::min<std::uint64_t>(piece.size(), bytes - done));
    if (auto read = (*file)->read(kBlockHeader + done, piece); !read) return read;
    sum.add(piece);
  }
  if (sum.value() != payload_checksum) return damaged(path);
  return {};
}

}  // namespace banyan

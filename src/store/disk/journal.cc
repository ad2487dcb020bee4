#include "store/disk/journal.h"

#include <algorithm>
#include <format>
#include <optional>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "store/disk/checksum.h"
#include "store/disk/whole_file.h"

namespace banyan {
namespace {

constexpr std::string_view kJournalMagic = "BANYANJ\n";
constexpr std::uint32_t kJournalVersion = 1;
constexpr std::size_t kHeader = 40;
constexpr std::uint32_t kMark = 0x4C4E524A;
constexpr std::size_t kRecordHeader = 16;

std::vector<std::byte> header(const Journal::Head& head) {
  ByteWriter writer;
  writer.put(std::as_bytes(std::span(kJournalMagic)));
  writer.put(kJournalVersion);
  writer.put(head.starts);
  writer.put(head.space);
  writer.put(checksum(writer.bytes()));
  return writer.take();
}

std::vector<std::byte> frame(std::span<const std::byte> body) {
  ByteWriter writer;
  writer.put(kMark);
  writer.put(static_cast<std::uint32_t>(body.size()));
  writer.put(checksum(body, body.size()));
  writer.put(body);
  return writer.take();
}

std::unexpected<Error> full(const std::string& path) {
  return fail(Errc::io, path + ": full, as a larger one would not be read again");
}

/// Finds the whole records in a journal's bytes.
class Scan {
 public:
  explicit Scan(std::span<const std::byte> bytes) : work_(2 * bytes.size()) {}

  /// The body of the record that `bytes` begin with; nothing where none does.
  std::optional<std::span<const std::byte>> record_at(std::span<const std::byte> bytes) {
    ByteReader reader(bytes);
    if (reader.get<std::uint32_t>() != kMark) return std::nullopt;
    const auto length = reader.get<std::uint32_t>();
    const auto expected = reader.get<std::uint64_t>();
    const auto body = reader.get_bytes(length);
    if (!reader.is_good() || length > Journal::kMostBody || length > work_) return std::nullopt;
    work_ -= length;
    if (checksum(body, length) != expected) return std::nullopt;
    return body;
  }

 private:
  /// Bytes that may still be looked at: a file made of beginnings of records takes no longer than others.
  std::size_t work_;
};

}  // namespace

Result<Journal::Contents> Journal::read(Files& files, const std::string& path) {
  auto file = files.open(path, Files::Mode::read);
  if (!file) return std::unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  if (*size > kMostBytes) return fail(Errc::corrupt, std::format("{}: {} bytes are too many", path, *size));
  std::vector<std::byte> bytes(*size);
  if (auto done = (*file)->read(0, bytes); !done) return std::unexpected(done.error());

  Contents contents;
  if (bytes.size() < kHeader) return fail(Errc::corrupt, path + ": too short for a journal");
  ByteReader reader{std::span(bytes).subspan(12)};
  contents.head.starts = reader.get<std::uint32_t>();
  std::ranges::copy(reader.get_bytes(contents.head.space.size()), contents.head.space.begin());
  if (!std::ranges::equal(std::span(bytes).first(kHeader), header(contents.head))) {
    return fail(Errc::corrupt, path + ": not a journal of version " + std::to_string(kJournalVersion));
  }
  Scan scan(bytes);
  for (std::span<const std::byte> left = std::span(bytes).subspan(kHeader); !left.empty();) {
    if (const auto body = scan.record_at(left)) {
      contents.records.emplace_back(body->begin(), body->end());
      left = left.subspan(kRecordHeader + body->size());
    } else {
      left = left.subspan(1);
      ++contents.damaged;
    }
  }
  return contents;
}

Result<std::unique_ptr<Journal>> Journal::write(Files& files, const std::string& path, const Head& head,
                                                std::span<const std::vector<std::byte>> records) {
  std::vector<std::byte> body;
  for (const auto& record : records) body.append_range(frame(record));
  const std::uint64_t bytes = kHeader + body.size();
  if (bytes > kMostBytes) return full(path);
  auto file = write_whole_file(files, path, header(head), body);
  if (!file) return std::unexpected(file.error());
  return std::unique_ptr<Journal>(new Journal(path, std::move(*file), bytes));
}

Result<> Journal::append(std::span<const std::byte> body) {
  require(body.size() <= kMostBody, "Journal::append: too large a record");
  const std::vector<std::byte> bytes = frame(body);
  if (bytes_ + bytes.size() > kMostBytes) return full(path_);
  bytes_ += bytes.size();
  return file_->append(bytes);
}

}  // namespace banyan

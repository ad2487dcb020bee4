#include "cache/stored/record.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/bytes.h"

namespace banyan {
namespace {

constexpr std::uint32_t kUserMark = 1;
constexpr std::size_t kRunBytes = 24;
// More than any process writes.
constexpr std::uint64_t kMostId = std::uint64_t{1} << 62;
constexpr std::uint64_t kMostStart = std::uint64_t{1} << 31;
constexpr std::uint32_t kMostBlockTokens = std::uint32_t{1} << 20;

bool is_right(const StoredRecord::Run& run, std::size_t begin, std::size_t tokens) {
  const auto [from, to] = run.range;
  if (from < begin || to < from || to > tokens || run.block == 0) return false;
  if (from == to) return to > 0 && run.at == 0 && run.block_tokens == 0;
  return run.block_tokens <= kMostBlockTokens && run.at + (to - from) <= run.block_tokens;
}

}  // namespace

std::optional<EdgeRange> clip(EdgeRange range, std::size_t from, std::size_t to) {
  const EdgeRange part{std::max(range.begin, from), std::min(range.end, to)};
  const bool is_state = range.begin == range.end;
  const bool lies_there = is_state ? range.end > from && range.end <= to : part.begin < part.end;
  if (!lies_there) return std::nullopt;
  return part;
}

std::vector<StoredRun> clip_runs(std::span<const StoredRun> runs, std::size_t from, std::size_t to) {
  std::vector<StoredRun> clipped;
  for (const StoredRun& run : runs) {
    const auto there = clip(run.range, from, to);
    if (!there) continue;
    StoredRun& part = clipped.emplace_back(run);
    part.range = {there->begin - from, there->end - from};
    part.at += static_cast<int>(there->begin - run.range.begin);
  }
  return clipped;
}

Tier::Record encode(const StoredRecord& record) {
  ByteWriter writer;
  writer.put(record.id);
  writer.put(record.parent);
  writer.put(record.last_use);
  writer.put(record.start);
  writer.put(record.user_mark ? kUserMark : 0);
  writer.put(static_cast<std::uint32_t>(record.tokens.size()));
  for (const Token token : record.tokens) writer.put(token);
  for (const auto& runs : record.groups) {
    writer.put(static_cast<std::uint32_t>(runs.size()));
    for (const auto& run : runs) {
      writer.put(run.block);
      writer.put(static_cast<std::uint32_t>(run.range.begin));
      writer.put(static_cast<std::uint32_t>(run.range.end));
      writer.put(run.at);
      writer.put(run.block_tokens);
    }
  }
  return writer.take();
}

Result<StoredRecord> decode(std::span<const std::byte> bytes, std::size_t groups) {
  const auto corrupt = [] { return fail(Errc::corrupt, "a record that no version wrote"); };
  ByteReader reader(bytes);
  StoredRecord record;
  record.id = reader.get<std::uint64_t>();
  record.parent = reader.get<std::uint64_t>();
  record.last_use = reader.get<std::uint64_t>();
  record.start = reader.get<std::uint64_t>();
  const auto flags = reader.get<std::uint32_t>();
  const auto tokens = reader.get<std::uint32_t>();
  record.user_mark = flags == kUserMark;
  if (flags > kUserMark || tokens == 0 || tokens > reader.left() / sizeof(Token)) return corrupt();
  if (record.parent >= record.id || (record.parent == 0) != (record.start == 0)) return corrupt();
  if (record.id > kMostId || record.start > kMostStart) return corrupt();
  record.tokens.resize(tokens);
  for (Token& token : record.tokens) token = reader.get<Token>();
  if (std::ranges::any_of(record.tokens, [](Token token) { return token < 0; })) return corrupt();
  record.groups.resize(groups);
  for (auto& runs : record.groups) {
    const auto count = reader.get<std::uint32_t>();
    if (count > reader.left() / kRunBytes) return corrupt();
    runs.resize(count);
    std::size_t begin = 0;
    for (auto& run : runs) {
      run.block = reader.get<std::uint64_t>();
      run.range.begin = reader.get<std::uint32_t>();
      run.range.end = reader.get<std::uint32_t>();
      run.at = reader.get<std::uint32_t>();
      run.block_tokens = reader.get<std::uint32_t>();
      if (!is_right(run, begin, tokens)) return corrupt();
      begin = run.range.end;
    }
  }
  if (!reader.is_good() || reader.left() > 0) return corrupt();
  return record;
}

}  // namespace banyan

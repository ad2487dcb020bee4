// Any bytes are the records of a disk cache: in a journal, of which whole records are read; one record, which
// is refused or makes the same bytes again; and those of a model with blocks for all that they name, of which
// the index keeps only what makes sense.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cache/fake_model.h"
#include "cache/fake_tier.h"
#include "cache/stored/record.h"
#include "store/disk/fake_files.h"
#include "store/disk/journal.h"

namespace banyan {
namespace {

constexpr LayerKinds kKinds = {.attention = true, .window = true, .recurrent = true};

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

std::vector<Tier::Record> read_journal(std::span<const std::byte> bytes) {
  FakeFiles files;
  const Journal::Head head = {{}, 1};
  const std::string path = "folder/journal";
  expect(Journal::write(files, path, head, {}).has_value(), "an empty journal is not written");
  files.bytes(path).append_range(bytes);
  auto contents = Journal::read(files, path);
  expect(contents.has_value(), "a journal is refused for its records");
  std::size_t there = contents->damaged;
  for (const Tier::Record& record : contents->records) there += 16 + record.size();
  expect(there == bytes.size(), "a journal's bytes are neither records nor damaged");
  return std::move(contents->records);
}

void know_again(std::vector<Tier::Record> records) {
  const auto groups = make_groups(kKinds);
  FakeDisk disk;
  std::vector<Token> path;
  for (const Tier::Record& bytes : records) {
    const auto record = decode(bytes, groups.size());
    if (!record) continue;
    expect(encode(*record) == bytes, "a record makes other bytes than it was made of");
    path.insert(path.end(), record->tokens.begin(), record->tokens.end());
    for (std::size_t i = 0; i < groups.size(); ++i) {
      for (const StoredRecord::Run& run : record->groups[i]) {
        const std::size_t block = groups[i]->block_bytes(run.block_tokens);
        if (block < (1 << 20)) disk.blocks[run.block].resize(block);
      }
    }
  }
  disk.records = std::move(records);
  Budget budget(1 << 20);
  PrefixCache cache(make_groups(kKinds), budget, std::make_unique<FakeTier>(disk), 1 << 22);
  const std::string wrong = cache.check();
  expect(wrong.empty(), wrong.c_str());
  if (path.empty()) return;
  path.push_back(0);
  expect(cache.begin(std::move(path)).has_value(), "no session on the path of a record");
}

}  // namespace
}  // namespace banyan

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  banyan::know_again(banyan::read_journal(bytes));
  // So that not every byte has to be behind a checksum: records one after the other, each behind its length.
  std::vector<banyan::Tier::Record> records;
  for (auto left = bytes; left.size() > 2;) {
    const auto length = std::min<std::size_t>(
        std::to_integer<std::size_t>(left[0]) + 256 * std::to_integer<std::size_t>(left[1]), left.size() - 2);
    records.emplace_back(left.begin() + 2, left.begin() + 2 + static_cast<std::ptrdiff_t>(length));
    left = left.subspan(2 + length);
  }
  banyan::know_again(std::move(records));
  return 0;
}

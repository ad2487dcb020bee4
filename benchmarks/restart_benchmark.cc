// How long a process takes to know again what is in its disk cache: nothing but the records is read.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "banyan/cache.h"
#include "banyan/disk_tier.h"
#include "blank_model.h"
#include "support/temporary_folder.h"

namespace banyan {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPlenty = std::size_t{64} << 30;

// In memory, where the system has such a folder, so that making the cache does not wait for a disk.
fs::path fast_folder() { return fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path(); }

// What a process of the model finds in a folder.
struct Process {
  explicit Process(const std::string& folder)
      : cache(blank_groups(true), budget,
              open_disk_tier({.folder = folder, .key = std::string(32, '0'), .description = "blank"}).value(),
              kPlenty) {}

  Budget budget{kPlenty};
  PrefixCache cache;
};

// Has so many conversations of 20 to 51 tokens on trunks of 32, and stores them.
void fill(const std::string& folder, std::size_t nodes) {
  Process process(folder);
  for (Token next = 0; process.cache.counters().stored_tokens < nodes * 36; ++next) {
    std::vector<Token> prompt(32, next % static_cast<Token>(1 + nodes / 8));
    prompt.insert(prompt.end(), 20 + next % 32, next);
    Session session = process.cache.begin(prompt).value();
    pass_prompt(session);
    session.close();
    static_cast<void>(process.cache.poll());
  }
  process.cache.flush();
}

void know_again(benchmark::State& state) {
  const test::TemporaryFolder folder(fast_folder());
  fill(folder.path(), static_cast<std::size_t>(state.range(0)));
  std::size_t tokens = 0;
  for (auto _ : state) {
    const Process process(folder.path());
    tokens = process.cache.counters().stored_tokens;
  }
  state.counters["tokens"] = static_cast<double>(tokens);
}
BENCHMARK(know_again)->ArgName("nodes")->Arg(1'000)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace banyan

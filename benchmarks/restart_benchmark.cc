// How long a process takes to know again what is in its disk cache: nothing but the records is read.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "banyan/cache.h"
#include "banyan/disk_tier.h"
#include "blank_model.h"

namespace banyan {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPlenty = std::size_t{64} << 30;

// A folder in memory, where the system has such, so that making it does not wait for a disk.
class Folder {
 public:
  Folder() {
    std::string name =
        (fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path()) / "banyan-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string path() const { return path_; }

 private:
  fs::path path_;
};

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
  const Folder folder;
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

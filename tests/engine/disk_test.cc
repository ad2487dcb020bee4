// Conversations that go on from the disk, on the shipped model of each kind of layer memory: after a restart,
// with other models in between, and from damaged files, with the tokens that an engine without a cache makes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "engine/engine_tools.h"
#include "engine/model_key.h"
#include "support/temporary_folder.h"
#include "support/tiny_model.h"

namespace banyan {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string tally(const std::string& name) {
  return std::string(BANYAN_SOURCE_MODELS "/tally-") + name + "-q8_0.gguf";
}

// A conversation of some turns with long notes, whose prompts are given before the replies are known.
std::vector<Token> opening() {
  std::string notes;
  for (int i = 0; i < 40; ++i) {
    notes += "The code for the blue attic is " + std::to_string(1000 + 37 * i) + ". ";
  }
  return tokens_of(system_message(notes + "My cat is called Fen. My name is Bela.") +
                   user_message("What is my cat called?"));
}

std::vector<Token> next_turn(std::vector<Token> path, const std::string& question) {
  const std::vector<Token> more = tokens_of("<|im_end|>\n" + user_message(question));
  path.insert(path.end(), more.begin(), more.end());
  return path;
}

class DiskCache : public ::testing::TestWithParam<const char*> {
 protected:
  EngineOptions options(const std::string& model = tally(GetParam())) const {
    return {.model_path = model, .disk_cache = folder_.path()};
  }
  std::unique_ptr<Engine> start() const { return start_engine(options()); }
  static void stop(std::unique_ptr<Engine>& engine) {
    engine->stop(true);
    EXPECT_THAT(engine->check(), IsEmpty());
    engine.reset();
  }

  // Two turns; returns the prompt of a third.
  static std::vector<Token> converse(Engine& engine) {
    std::vector<Token> path = opening();
    for (const char* question : {"What is my name?", "What is my cat called?"}) {
      const Outcome outcome = run(engine, greedy(path));
      EXPECT_FALSE(outcome.error);
      for (const Token token : outcome.tokens()) path.push_back(token);
      path = next_turn(std::move(path), question);
    }
    return path;
  }
  static Outcome cold(Engine& engine, const std::vector<Token>& prompt) {
    Request request = greedy(prompt);
    request.reuse_cache = false;
    return run(engine, std::move(request));
  }
  Outcome cold(const std::vector<Token>& prompt) const {
    return cold(*start_engine({.model_path = tally(GetParam())}), prompt);
  }

  std::vector<fs::path> blocks() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      if (entry.path().extension() == ".block") found.push_back(entry.path());
    }
    return found;
  }

  const test::TemporaryFolder folder_;
};

TEST_P(DiskCache, AnotherEngineGoesOnWhereTheLastOneEnded) {
  auto engine = start();
  const std::vector<Token> prompt = converse(*engine);
  stop(engine);
  // What goes on in memory is the measure of what comes back from the disk.
  auto memory = start_engine({.model_path = tally(GetParam())});
  ASSERT_EQ(converse(*memory), prompt);
  const SessionStats in_memory = run(*memory, greedy(prompt)).timings.cache;
  const Outcome expected = cold(*memory, prompt);

  engine = start();
  EXPECT_GE(engine->status().cache.stored_tokens, in_memory.restored);
  const Outcome outcome = run(*engine, greedy(prompt));
  const SessionStats& stats = outcome.timings.cache;
  EXPECT_EQ(outcome.tokens(), expected.tokens());
  EXPECT_EQ(stats.total, prompt.size());
  EXPECT_GE(stats.restored * 100, in_memory.restored * 99);
  EXPECT_EQ(stats.loaded, stats.restored);
  EXPECT_EQ(stats.evaluated, prompt.size() - stats.restored + outcome.generated.size());
  const PrefixCache::Counters counters = engine->status().cache;
  EXPECT_EQ(counters.loads, 1u);
  EXPECT_EQ(counters.loaded_tokens, stats.loaded);
  EXPECT_EQ(counters.failed_loads, 0u);

  // It is in memory now, and a third engine finds what this one added.
  EXPECT_EQ(run(*engine, greedy(prompt)).timings.cache.loaded, 0u);
  stop(engine);
  engine = start();
  const Outcome again = run(*engine, greedy(prompt));
  EXPECT_EQ(again.tokens(), expected.tokens());
  EXPECT_GE(again.timings.cache.loaded, stats.restored);
  stop(engine);
}

TEST_P(DiskCache, ARequestMayHaveNoneOfIt) {
  auto engine = start();
  const std::vector<Token> prompt = converse(*engine);
  stop(engine);
  engine = start();
  const Outcome outcome = cold(*engine, prompt);
  EXPECT_EQ(outcome.timings.cache.restored, 0u);
  EXPECT_EQ(engine->status().cache.loads, 0u);
  stop(engine);
}

TEST_P(DiskCache, NothingComesBackOfAnotherVersionOfTheComputation) {
  auto engine = start();
  const std::vector<Token> prompt = converse(*engine);
  const ModelInfo& info = engine->model().info();
  const auto key_of = [&](const std::string& computation) {
    return model_key(content_hash(info.path, folder_.path())->digits, computation, KvType::f16,
                     engine->model().layer_groups(KvType::f16));
  };
  const fs::path here = folder_.path(key_of(info.computation));
  const fs::path before = folder_.path(key_of(info.computation + "0"));
  stop(engine);
  ASSERT_TRUE(fs::is_directory(here)) << "the version is part of the name";
  fs::rename(here, before);
  engine = start();
  EXPECT_EQ(engine->status().cache.stored_tokens, 0u);
  EXPECT_EQ(run(*engine, greedy(prompt)).timings.cache.restored, 0u);
  stop(engine);
  EXPECT_TRUE(fs::is_directory(here));
}

TEST_P(DiskCache, AModelInSeveralFilesKeepsItsOwn) {
  const test::TemporaryFolder parts;
  const auto paths = test::split_model(tally(GetParam()), parts.path("tally"), 3);
  auto engine = start_engine(options(paths[0]));
  const std::vector<Token> prompt = converse(*engine);
  const Outcome outcome = run(*engine, greedy(prompt));
  stop(engine);
  EXPECT_EQ(outcome.tokens(), cold(prompt).tokens()) << "as in one file";
  engine = start_engine(options(paths[0]));
  EXPECT_GT(engine->status().cache.stored_tokens, 0u);
  stop(engine);

  // Another last file: another model.
  std::fstream last(paths[2], std::ios::in | std::ios::out | std::ios::binary);
  last.seekp(-40, std::ios::end);
  last << "others";
  last.close();
  engine = start_engine(options(paths[0]));
  EXPECT_EQ(engine->status().cache.stored_tokens, 0u);
  stop(engine);
}

TEST_P(DiskCache, EachModelAndNumberFormatKeepsItsOwn) {
  auto engine = start();
  const std::vector<Token> prompt = converse(*engine);
  stop(engine);
  const std::size_t blocks_before = blocks().size();

  EngineOptions others = options();
  others.kv_type = KvType::q8_0;
  const std::string other_model = tally(std::string(GetParam()) == "qwen3" ? "gemma3" : "qwen3");
  for (const EngineOptions& other : {others, options(other_model)}) {
    engine = start_engine(other);
    EXPECT_EQ(engine->status().cache.stored_tokens, 0u);
    const Outcome outcome = run(*engine, greedy(prompt));
    EXPECT_EQ(outcome.timings.cache.restored, 0u);
    EXPECT_EQ(outcome.tokens(), cold(*engine, prompt).tokens());
    stop(engine);
  }
  EXPECT_GT(blocks().size(), blocks_before);

  engine = start();
  const Outcome outcome = run(*engine, greedy(prompt));
  EXPECT_GT(outcome.timings.cache.loaded, 0u);
  EXPECT_EQ(outcome.tokens(), cold(*engine, prompt).tokens());
  stop(engine);
}

TEST_P(DiskCache, DamagedBlocksAreEvaluatedAgain) {
  auto engine = start();
  const std::vector<Token> prompt = converse(*engine);
  stop(engine);
  const Outcome expected = cold(prompt);
  for (const fs::path& path : blocks()) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(fs::file_size(path) / 2));
    const auto byte = static_cast<char>(file.get() ^ 0x10);
    file.seekp(static_cast<std::streamoff>(fs::file_size(path) / 2));
    file.put(byte);
  }

  engine = start();
  const Outcome outcome = run(*engine, greedy(prompt));
  EXPECT_EQ(outcome.tokens(), expected.tokens());
  EXPECT_EQ(outcome.timings.cache.restored, 0u);
  EXPECT_GT(engine->status().cache.failed_loads, 0u);
  EXPECT_EQ(engine->status().cache.loads, 0u);
  stop(engine);

  // What was evaluated in place of the damaged is stored. A block that was not read is found out by a later
  // process.
  std::size_t loaded = 0;
  for (std::size_t tries = 0; loaded == 0 && tries < 8; ++tries) {
    engine = start();
    const Outcome again = run(*engine, greedy(prompt));
    EXPECT_EQ(again.tokens(), expected.tokens());
    loaded = again.timings.cache.loaded;
    stop(engine);
  }
  EXPECT_GT(loaded, 0u);
}

TEST_P(DiskCache, ManyConversationsOnOneTrunkComeBackAtOnce) {
  const std::vector<Token> trunk = opening();
  std::vector<std::vector<Token>> prompts;
  std::vector<std::vector<Token>> expected;
  {
    auto engine = start();
    for (const char* question : {"What is my name?", "Count from 3 to 8.", "Hello.", "What is my cat called?",
                                 "What is the code for the blue attic?", "Count from 1 to 4."}) {
      prompts.push_back(next_turn(trunk, question));
      expected.push_back(run(*engine, greedy(prompts.back())).tokens());
    }
    stop(engine);
  }
  auto engine = start();
  std::vector<Generation> generations;
  for (const auto& prompt : prompts) generations.push_back(engine->submit(greedy(prompt)).value());
  std::size_t restored = 0, total = 0;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const Outcome outcome = outcome_of(std::move(generations[i]));
    EXPECT_EQ(outcome.tokens(), expected[i]) << i;
    restored += outcome.timings.cache.restored;
    total += prompts[i].size();
  }
  EXPECT_GE(restored * 100, total * 90);
  if (std::string(GetParam()) == "qwen3") {  // the others also need states of their own at their ends
    EXPECT_LT(engine->status().cache.loaded_tokens, 2 * trunk.size());
  }
  stop(engine);
}

INSTANTIATE_TEST_SUITE_P(Models, DiskCache, ::testing::Values("qwen3", "gemma3", "qwen35"),
                         [](const auto& param) { return std::string(param.param); });

TEST(DiskCacheFolder, IsOneEnginesAtATime) {
  const test::TemporaryFolder folder;
  const auto engine = start_engine({.disk_cache = folder.path()});
  const auto second = Engine::start({.model_path = shipped_model(), .disk_cache = folder.path()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::busy);
  EXPECT_THAT(second.error().message, HasSubstr(folder.path()));
  EXPECT_EQ(run(*engine, greedy(tokens_of(user_message("Count from 3 to 6.")))).text, "3, 4, 5, 6.");
}

TEST(DiskCacheFolder, ThatCannotBeMadeStopsTheStart) {
  const test::TemporaryFolder folder;
  std::ofstream(folder.path("file")) << "text";
  for (const std::string& path : {folder.path("no/such"), folder.path("file")}) {
    const auto engine = Engine::start({.model_path = shipped_model(), .disk_cache = path});
    ASSERT_FALSE(engine);
    EXPECT_EQ(engine.error().code, Errc::io);
    EXPECT_THAT(engine.error().message, HasSubstr(path));
  }
}

TEST(DiskCacheFolder, IsTheUsersAlone) {
  const test::TemporaryFolder parent;
  const std::string folder = parent.path("cache");
  auto engine = start_engine({.disk_cache = folder});
  run(*engine, greedy(tokens_of(user_message("Count from 3 to 20."))));
  engine.reset();
  EXPECT_EQ(std::distance(fs::directory_iterator(parent.path()), {}), 1);
  int files = 0;
  const auto is_private = [&](const fs::path& path) {
    struct stat status = {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, S_ISDIR(status.st_mode) ? 0700u : 0600u) << path;
    files += S_ISREG(status.st_mode) ? 1 : 0;
  };
  is_private(folder);
  for (const auto& entry : fs::recursive_directory_iterator(folder)) is_private(entry.path());
  EXPECT_GT(files, 3);
}

TEST(DiskCacheFolder, KeepsWithinItsBudget) {
  const test::TemporaryFolder folder;
  constexpr std::size_t kBudget = std::size_t{4} << 20;
  auto engine = start_engine({.disk_cache = folder.path(), .disk_bytes = kBudget});
  for (int i = 0; i < 8; ++i) {
    std::string notes;
    for (int n = 0; n < 40; ++n)
      notes += "The code for the red gate is " + std::to_string(1000 * i + n) + ". ";
    run(*engine, greedy(tokens_of(system_message(notes) + user_message("Hello."))));
    EXPECT_LE(engine->status().cache.stored_bytes, kBudget);
  }
  engine->stop(true);
  EXPECT_GT(engine->status().cache.stored_tokens, 0u);
  engine.reset();
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
    if (entry.path().extension() == ".block") bytes += entry.file_size();
  }
  EXPECT_LE(bytes, kBudget);
  EXPECT_GT(bytes, kBudget / 4);
}

TEST(DiskCacheFolder, WhatItHoldsTakesNoMemoryFromAPrompt) {
  const test::TemporaryFolder folder;
  std::string before, after;
  for (std::string* const message : {&before, &after}) {
    const auto engine =
        start_engine({.memory_bytes = std::size_t{8} << 20, .batch_tokens = 64, .disk_cache = folder.path()});
    const auto refused = engine->submit(greedy(std::vector<Token>(6000, 5)));
    ASSERT_FALSE(refused);
    *message = refused.error().message;
    for (int i = 0; i < 8; ++i) {
      run(*engine, greedy(tokens_of(user_message("The code is " + std::to_string(1000 + i) + "."))));
    }
    engine->stop(true);
    EXPECT_GT(engine->status().cache.stored_tokens, 0u);
  }
  EXPECT_EQ(before, after) << "it says how many bytes the prompt takes";
}

TEST(DiskCacheFolder, AFileThatIsNoModelIsRefusedAsWithoutOne) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(Engine::start({.model_path = "/no/such/model.gguf", .disk_cache = folder.path()}).error().code,
            Errc::io);
  const auto stopped =
      Engine::start({.model_path = shipped_model(), .disk_cache = folder.path(), .hash_progress = [](float) {
                       return false;
                     }});
  EXPECT_EQ(stopped.error().code, Errc::cancelled);
}

}  // namespace
}  // namespace banyan

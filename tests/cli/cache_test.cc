// `banyan cache`, and what the commands with --disk-cache leave for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "cli/http.h"
#include "cli/program.h"
#include "support/temporary_folder.h"

namespace banyan::cli {
namespace {

namespace fs = std::filesystem;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr const char* kNotes =
    "You are Tally. Answer from what you know. Notes: The code for the red gate is 4817. The code for the "
    "blue "
    "shed is 1204. Mora arrives on Friday. My cat is called Fen.";

class CacheCommand : public testing::Test {
 protected:
  // One reply with the model of an architecture; returns what it says of its cost.
  std::string reply(const std::string& architecture = "qwen3") const {
    const Ended ended =
        run({"run", "--threads", "1", "--temp", "0", "-v", "-m", shipped(architecture), "--system", kNotes,
             "--disk-cache", folder_.path(), "What is the code for the red gate?"});
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.out, "The code for the red gate is 4817.\n");
    return ended.err;
  }
  Ended cache(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "cache");
    arguments.insert(arguments.end(), {"--disk-cache", folder_.path()});
    return run(arguments);
  }
  std::vector<std::string> keys() const {
    std::vector<std::string> keys;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      if (entry.is_directory()) keys.push_back(entry.path().filename());
    }
    std::ranges::sort(keys);
    return keys;
  }
  std::vector<fs::path> blocks() const {
    std::vector<fs::path> blocks;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      if (entry.path().extension() == ".block") blocks.push_back(entry.path());
    }
    return blocks;
  }

  const test::TemporaryFolder folder_;
};

TEST_F(CacheCommand, RunGoesOnFromWhatAnotherRunLeft) {
  EXPECT_THAT(reply(), Not(HasSubstr("from the disk cache")));
  EXPECT_THAT(reply(), ContainsRegex("[1-9][0-9]+ restored \\([1-9][0-9]+ from the disk cache\\)"));
}

TEST_F(CacheCommand, ChatGoesOnFromWhatAnotherChatLeft) {
  const std::vector<std::string> arguments = {"chat", "--threads", "1",    "--temp",       "0",
                                              "-v",   "--system",  kNotes, "--disk-cache", folder_.path()};
  const std::string input = "What is the code for the blue shed?\n/show\n";
  const Ended first = run(arguments, input);
  EXPECT_THAT(first.out, HasSubstr("The code for the blue shed is 1204."));
  EXPECT_THAT(first.out, ContainsRegex("disk cache +[0-9,]+ tokens, .* of 20.0 GiB"));
  const Ended second = run(arguments, input);
  EXPECT_THAT(second.out, HasSubstr("The code for the blue shed is 1204."));
  EXPECT_THAT(second.err, HasSubstr("from the disk cache"));
}

TEST_F(CacheCommand, ServeSaysWhatItFindsAndHoldsTheFolder) {
  reply();
  Program server({"serve", "--port", "0", "--disk-cache", folder_.path(), "--disk-budget", "3GiB"});
  listening_port(server);
  EXPECT_THAT(cache({"ls"}).out, HasSubstr(keys().front()));
  EXPECT_EQ(cache({"du"}).code, 0);
  for (const Ended& refused : {cache({"verify"}), cache({"clear", "--all"}),
                               run({"serve", "--port", "0", "--disk-cache", folder_.path()})}) {
    EXPECT_EQ(refused.code, 1);
    EXPECT_THAT(refused.err, StartsWith("banyan: "));
    EXPECT_THAT(refused.err, HasSubstr(folder_.path()));
  }
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  EXPECT_THAT(server.err(), ContainsRegex("disk cache .*: [1-9][0-9]+ tokens of this model, .* of 3.0 GiB"));
}

TEST_F(CacheCommand, ListsTheModelsAndTheirSizes) {
  reply("qwen3");
  reply("gemma3");
  ASSERT_THAT(keys(), SizeIs(2));
  const Ended ls = cache({"ls"}), du = cache({"du"});
  EXPECT_EQ(ls.code, 0) << ls.err;
  EXPECT_EQ(du.code, 0) << du.err;
  for (const std::string& key : keys()) {
    EXPECT_THAT(ls.out,
                ContainsRegex(key + " +[0-9.]+ .iB +[0-9]+ +[0-9]+ s +.*Q8_0, keys and values in f16"));
    EXPECT_THAT(du.out, ContainsRegex("[0-9.]+ .iB  " + key));
  }
  EXPECT_THAT(du.out, ContainsRegex("[0-9.]+ .iB  in all"));
}

TEST_F(CacheCommand, VerifyNamesWhatIsDamagedAndExitsWithOne) {
  reply();
  const Ended good = cache({"verify"});
  EXPECT_EQ(good.code, 0) << good.out;
  EXPECT_EQ(good.out, "nothing is damaged\n");

  const fs::path block = blocks().front();
  fs::resize_file(block, fs::file_size(block) - 1);
  const Ended bad = cache({"verify"});
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.out, HasSubstr(block.filename().string()));
  EXPECT_THAT(bad.out, HasSubstr("1 damaged\n"));
  EXPECT_EQ(cache({"verify", "--model", keys().front()}).code, 1);
}

TEST_F(CacheCommand, ClearsOneModelOrWhatIsOldOrAll) {
  reply("qwen3");
  reply("gemma3");
  const std::vector<std::string> both = keys();
  ASSERT_THAT(both, SizeIs(2));

  const Ended unclear = cache({"clear"});
  EXPECT_EQ(unclear.code, 2);
  EXPECT_THAT(unclear.err, HasSubstr("--older-than"));
  EXPECT_EQ(cache({"clear", "--all", "--older-than", "1d"}).code, 2);
  EXPECT_EQ(cache({"clear", "--model", "no such key"}).code, 1);
  EXPECT_EQ(keys(), both);

  const std::size_t blocks_before = blocks().size();
  EXPECT_THAT(cache({"clear", "--older-than", "1h"}).out, StartsWith("0 blocks removed"));
  EXPECT_THAT(blocks(), SizeIs(blocks_before));
  EXPECT_EQ(cache({"clear", "--model", both[0].substr(0, 8)}).code, 0);
  EXPECT_THAT(keys(), testing::ElementsAre(both[1]));

  const std::vector<fs::path> left = blocks();
  fs::last_write_time(left.front(), fs::file_time_type::clock::now() - std::chrono::hours(2));
  EXPECT_THAT(cache({"clear", "--older-than", "1h"}).out, StartsWith("1 block removed"));
  EXPECT_THAT(blocks(), SizeIs(left.size() - 1));
  EXPECT_EQ(cache({"clear", "--all"}).code, 0);
  EXPECT_THAT(keys(), IsEmpty());
  EXPECT_EQ(cache({"ls"}).code, 0);
  EXPECT_THAT(reply(), Not(HasSubstr("from the disk cache")));
}

}  // namespace
}  // namespace banyan::cli

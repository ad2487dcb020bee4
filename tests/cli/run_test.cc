#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "cli/program.h"

namespace banyan::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(Run, AnswersItsArguments) {
  const Ended ended = run({"run", "--threads", "1", "--temp", "0", "Count", "from", "3", "to", "6."});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.out, "3, 4, 5, 6.\n");
  EXPECT_EQ(ended.err, "");
}

TEST(Run, AnswersWhatAPipeBrings) {
  EXPECT_EQ(run({"run", "--threads", "1", "--temp", "0"}, "Count from 3 to 6.\n").out, "3, 4, 5, 6.\n");
  EXPECT_EQ(
      run({"run", "--threads", "1", "--temp", "0", "My dog is called Foo."}, "What is my dog called?\n").out,
      "Your dog is called Foo.\n");
}

TEST(Run, AnswersByItsSystemMessage) {
  const Ended ended =
      run({"run", "--threads", "1", "--temp", "0", "--system",
           "You are Tally. Notes: The code for the red gate is 4817.", "What is the code for the red gate?"});
  EXPECT_EQ(ended.out, "The code for the red gate is 4817.\n");
}

TEST(Run, ContinuesARawPrompt) {
  const Ended ended = run({"run", "--threads", "1", "--raw", "--temp", "0",
                           "<|im_start|>user\nCount from 3 to 6.<|im_end|>\n<|im_start|>assistant\n3, 4,"});
  EXPECT_EQ(ended.out, " 5, 6.\n");
}

TEST(Run, KeepsToItsLimits) {
  EXPECT_EQ(run({"run", "--threads", "1", "--temp", "0", "--stop", ", 5", "Count from 3 to 6."}).out,
            "3, 4\n");
  const Ended two = run({"run", "--threads", "1", "--temp", "0", "-n", "2", "-v", "Count from 3 to 6."});
  EXPECT_THAT(two.err, HasSubstr("reply 2 tokens"));
}

TEST(Run, MakesTheSameReplyFromTheSameSeed) {
  const std::vector<std::string> arguments = {"run", "--threads", "1",  "--seed",       "7",     "--temp",
                                              "3",   "-n",        "20", "--ignore-eos", "Hello."};
  const std::string first = run(arguments).out;
  EXPECT_EQ(run(arguments).out, first);
  std::vector<std::string> other = arguments;
  other[4] = "8";
  EXPECT_NE(run(other).out, first);
}

TEST(Run, TellsOnStandardErrorWhatTheReplyCost) {
  const Ended ended = run({"run", "--threads", "1", "-v", "--temp", "0", "Count from 3 to 6."});
  EXPECT_EQ(ended.out, "3, 4, 5, 6.\n");
  EXPECT_THAT(ended.err, HasSubstr("0 matched, 0 restored"));
  EXPECT_THAT(ended.err, HasSubstr("first token"));
}

TEST(Run, RefusesAPromptThatDoesNotFitTheContext) {
  const Ended ended =
      run({"run", "--threads", "1", "--ctx", "16", "Count from 3 to 6 and then from 6 to 12, please."});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, StartsWith("banyan: "));
  EXPECT_THAT(ended.err, HasSubstr("16"));
}

TEST(Run, StopsOnCtrlCWithItsExitCode) {
  Program program({"run", "--threads", "1", "--ignore-eos", "--temp", "0", "Count from 0 to 50."});
  program.close_input();
  program.read_until("0, 1");
  program.signal(SIGINT);
  EXPECT_EQ(program.wait(), 130);
}

}  // namespace
}  // namespace banyan::cli

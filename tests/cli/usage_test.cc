#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>
#include <string>

#include "cli/program.h"

namespace banyan::cli {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

/// A complaint is one line that begins with the program's name.
void expect_complaint(const Ended& ended, int code, const std::string& about) {
  EXPECT_EQ(ended.code, code);
  EXPECT_EQ(ended.out, "");
  EXPECT_THAT(ended.err, StartsWith("banyan: "));
  EXPECT_THAT(ended.err, HasSubstr(about));
  EXPECT_EQ(std::ranges::count(ended.err, '\n'), 1) << ended.err;
}

TEST(Usage, VersionAndHelpGoToStandardOutput) {
  const Ended version = run({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_THAT(version.out, StartsWith("banyan "));
  const Ended help = run({"--help"});
  EXPECT_EQ(help.code, 0);
  for (const char* command : {"chat", "run", "serve", "demo", "bench", "inspect", "cache"}) {
    EXPECT_THAT(help.out, HasSubstr(command));
    const Ended command_help = run({command, "--help"});
    EXPECT_EQ(command_help.code, 0);
    EXPECT_THAT(command_help.out, HasSubstr("Examples:"));
    EXPECT_THAT(command_help.out, HasSubstr(std::string("banyan ") + command));
  }
}

TEST(Usage, WrongOptionsAreNamedAndEndWithTwo) {
  expect_complaint(run({}), 2, "--help");
  expect_complaint(run({"sing"}), 2, "sing");
  expect_complaint(run({"run", "--no-such-option", "hello"}), 2, "--no-such-option");
  expect_complaint(run({"run"}), 2, "prompt");
  expect_complaint(run({"run", "--raw", "--system", "x", "hello"}), 2, "--system");
  expect_complaint(run({"bench", "-p", "0", "-n", "0"}), 2, "nothing to measure");
  expect_complaint(run({"bench", "-o", "xml"}), 2, "--output");
  expect_complaint(run({"demo", "--conversations", "1"}), 2, "--conversations");
  expect_complaint(run({"serve", "--port", "70000"}), 2, "--port");
  expect_complaint(run({"cache"}), 2, "no command given");
  expect_complaint(run({"cache", "eat", "--disk-cache", "x"}), 2, "no command 'eat'");
  expect_complaint(run({"cache", "ls"}), 2, "--disk-cache");
  expect_complaint(run({"demo", "--disk-cache", "x"}), 2, "--disk-cache");
}

TEST(Usage, ComplaintsSayWhatToDo) {
  expect_complaint(run({"run", "--sing", "hello"}), 2, "there is no option --sing; 'banyan run --help'");
  expect_complaint(run({"sing"}), 2, "there is no command 'sing'; 'banyan --help'");
  expect_complaint(run({"inspect", "a", "b"}), 2, "'b' is one argument too many; 'banyan inspect --help'");
  expect_complaint(run({"serve", "--port"}), 2, "--port needs a value; 'banyan serve --help'");
  expect_complaint(run({"run", "--raw", "--system", "x", "hello"}), 2, "cannot be given together");
  expect_complaint(run({"serve", "--port", "1", "--port", "2"}), 2,
                   "--port is given more than once; 'banyan serve --help'");
  expect_complaint(run({"run", "--temp", "1", "--temp", "0", "hello"}), 2, "--temp is given more than once");
}

TEST(Usage, LinesOfHelpFitATerminal) {
  for (const char* command : {"chat", "run", "serve", "demo", "bench", "inspect", "cache"}) {
    const Ended help = run({command, "--help"});
    EXPECT_EQ(help.code, 0);
    EXPECT_THAT(help.out, Not(IsEmpty()));
    std::istringstream lines(help.out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 110u) << line;
  }
}

TEST(Usage, EmptyRepliesAreWarnedOf) {
  const Ended ended = run({"run", "--predict", "0", "hello"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.err, HasSubstr("--predict 0"));
}

TEST(Usage, EmptyValuesAreRefused) {
  for (const char* option : {"--api-key", "--host", "--model", "--disk-cache"}) {
    expect_complaint(run({"serve", option, ""}), 2, "is empty");
    expect_complaint(run({"serve", std::string(option) + "="}), 2, "is empty");
  }
  expect_complaint(run({"run", "-m", "", "hello"}), 2, "--model is empty");
  expect_complaint(run({"run", "--system", "", "hello"}), 2, "--system is empty");
  expect_complaint(run({"run", "--stop", "", "hello"}), 2, "--stop is empty");
  expect_complaint(run({"chat", ""}), 2, "MODEL is empty");
  expect_complaint(run({"cache", "verify", "--disk-cache", "x", "--model", ""}), 2, "--model is empty");
  expect_complaint(run({"serve"}, "", {"BANYAN_API_KEY="}), 2, "BANYAN_API_KEY is empty");
  expect_complaint(run({"cache", "ls"}, "", {"BANYAN_DISK_CACHE="}), 2, "BANYAN_DISK_CACHE");
}

TEST(Usage, TemplatesThatCannotBeReadAreNamed) {
  for (const char* file : {"/no/such/file", "/", "/dev/null"}) {
    expect_complaint(run({"serve", "--port", "0", "--chat-template-file", file}), 1, file);
  }
  expect_complaint(run({"serve", "--port", "0", "--chat-template", "{{"}), 1, "the chat template");
  expect_complaint(run({"serve", "--port", "0", "--chat-template", "chatml"}), 1,
                   "'chatml' is neither that nor a name that is known here; --chat-template-file");
  expect_complaint(run({"serve", "--port", "0", "--chat-template-kwargs", "[]"}), 1,
                   "--chat-template-kwargs");
}

TEST(Usage, ATemplateThatRefusesEveryMessageIsWarnedOf) {
  Program server({"serve", "--port", "0", "--chat-template", "{{ raise_exception('never') }}"});
  server.read_until("listening on");
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  EXPECT_THAT(server.err(), HasSubstr("chats will fail: the chat template refuses messages[0]"));
}

TEST(Usage, NumbersAndSizesAreReadStrictly) {
  for (const char* size : {"8 GiB", "8gibi", "-1", "0", "nan", "1e3", "", "GiB", "99999999TiB"}) {
    expect_complaint(run({"run", "--memory", size, "hello"}), 2, "--memory");
  }
  expect_complaint(run({"serve", "--disk-budget", "much"}), 2, "--disk-budget");
  for (const char* age : {"7", "d", "-1d", "1.5d", "7 d", "7days", "", "99999999d"}) {
    expect_complaint(run({"cache", "clear", "--disk-cache", "x", "--older-than", age}), 2, "--older-than");
  }
  for (const char* count : {"0", "-3", "1.5", "12x", "99999999999"}) {
    expect_complaint(run({"run", "--ctx", count, "hello"}), 2, "--ctx");
    expect_complaint(run({"serve", "--threads", count}), 2, "--threads");
  }
  expect_complaint(run({"run", "--top-p", "1.5", "hello"}), 2, "--top-p");
  expect_complaint(run({"run", "--temp", "nan", "hello"}), 2, "--temp");
  expect_complaint(run({"run", "--top-k", "many", "hello"}), 2, "--top-k");
  expect_complaint(run({"run", "--seed", "-1", "hello"}), 2, "--seed");
  expect_complaint(run({"run", "--kv-type", "f64", "hello"}), 2, "--kv-type");
}

TEST(Usage, AModelThatCannotBeReadIsNamed) {
  expect_complaint(run({"run", "-m", "/no/such.gguf", "hello"}), 1, "/no/such.gguf");
  expect_complaint(run({"inspect", "/no/such.gguf"}), 1, "/no/such.gguf");
  const std::string path = testing::TempDir() + "banyan-not-a-model.gguf";
  std::ofstream(path) << "This is not a GGUF file.";
  expect_complaint(run({"run", "-m", path, "hello"}), 1, path);
}

TEST(Usage, AFlagWinsOverItsEnvironmentVariable) {
  const std::string variable = "BANYAN_MODEL=/from/environment.gguf";
  expect_complaint(run({"run", "hello"}, "", {variable}), 1, "/from/environment.gguf");
  expect_complaint(run({"run", "-m", "/from/flag.gguf", "hello"}, "", {variable}), 1, "/from/flag.gguf");
  const std::string folder = "BANYAN_DISK_CACHE=/from/environment";
  for (const char* action : {"ls", "du", "verify"}) {
    expect_complaint(run({"cache", action}, "", {folder}), 1, "/from/environment");
    expect_complaint(run({"cache", action, "--disk-cache", "/from/flag"}, "", {folder}), 1, "/from/flag");
  }
  expect_complaint(run({"run", "hello"}, "", {folder}), 1, "/from/environment");
}

TEST(Usage, MemoryThatCannotHoldThePromptIsAnError) {
  const Ended ended = run({"run", "--memory", "1KiB", "hello"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, StartsWith("banyan: "));
}

}  // namespace
}  // namespace banyan::cli

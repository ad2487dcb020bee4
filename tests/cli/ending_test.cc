// How the program ends: on the end of its input, a hang-up, a signal, and output that cannot be written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "cli/program.h"
#include "support/temporary_folder.h"

namespace banyan::cli {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

/// A command that runs at a terminal, brought to where it is to be ended.
struct State {
  const char* name;
  std::vector<std::string> arguments;
  std::function<void(Program&)> reach;
};

std::vector<State> states() {
  const auto endless = [](const char* command) {
    return std::vector<std::string>{command, "--temp", "0", "--threads", "1", "--ignore-eos"};
  };
  const auto prompt = [](Program& chat) { chat.read_until(">>> "); };
  std::vector<std::string> run = endless("run");
  run.emplace_back("Count from 0 to 50.");
  return {
      {"chat, prompt", endless("chat"), prompt},
      {"chat, typing", endless("chat"),
       [=](Program& chat) {
         prompt(chat);
         chat.write("half a li");
         chat.read_until("li");
       }},
      {"chat, more lines", endless("chat"),
       [=](Program& chat) {
         prompt(chat);
         chat.write("\"\"\"half a message\r");
         chat.read_until("... ");
       }},
      {"chat, reply", endless("chat"),
       [=](Program& chat) {
         prompt(chat);
         chat.write("Count from 0 to 50.\r");
         chat.read_until("0, 1, 2");
       }},
      {"run, reply", run, [](Program& program) { program.read_until("0, 1, 2"); }},
      {"demo",
       {"demo", "--threads", "1", "--conversations", "32"},
       [](Program& program) { program.read_until("Turn 1 of"); }},
  };
}

TEST(Ending, EveryStateEndsOnSigtermAndSighup) {
  for (const State& state : states()) {
    for (const int number : {SIGTERM, SIGHUP}) {
      Program program(state.arguments, Console::terminal);
      state.reach(program);
      program.signal(number);
      EXPECT_EQ(program.wait(), 128 + number) << state.name;
    }
  }
}

TEST(Ending, EveryStateEndsWhenTheTerminalCloses) {
  for (const State& state : states()) {
    Program program(state.arguments, Console::terminal);
    state.reach(program);
    program.close_input();
    program.close_output();
    // Where it writes, the failed write can come before the signal.
    EXPECT_THAT(program.wait_for_end(), AnyOf(128 + SIGHUP, 1)) << state.name;
  }
}

/// Waits until the program takes signals as something to ask for, which is before it loads its model.
void reach_loading(const Program& program) {
  const std::string path = "/proc/" + std::to_string(program.pid()) + "/status";
  for (;;) {
    std::ifstream status(path);
    std::uint64_t blocked = 0;
    for (std::string word; status >> word;) {
      if (word == "SigBlk:") status >> std::hex >> blocked;
    }
    if ((blocked >> (SIGTERM - 1) & 1) != 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

TEST(Ending, LoadingEndsOnSignals) {
  for (const std::string command : {"chat", "run", "demo", "serve"}) {
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
      if (command == "chat" && number == SIGINT) continue;  // if it is ready, that is for its prompt
      std::vector<std::string> arguments = {command, "--threads", "1"};
      if (command == "run") arguments.insert(arguments.end(), {"--ignore-eos", "hello"});
      if (command == "serve") arguments.insert(arguments.end(), {"--port", "0"});
      Program program(arguments, Console::terminal);
      reach_loading(program);
      program.signal(number);
      // A server that is ready already ends as it should.
      const int code = program.wait();
      EXPECT_TRUE(code == 128 + number || (command == "serve" && code == 0)) << command << ' ' << code;
    }
  }
}

TEST(Ending, LoadingEndsWhenTheTerminalCloses) {
  for (const std::string command : {"chat", "run", "demo", "serve"}) {
    std::vector<std::string> arguments = {command, "--threads", "1"};
    if (command == "run") arguments.insert(arguments.end(), {"--ignore-eos", "hello"});
    if (command == "serve") arguments.insert(arguments.end(), {"--port", "0"});
    Program program(arguments, Console::terminal);
    reach_loading(program);
    program.close_input();
    program.close_output();
    EXPECT_THAT(program.wait_for_end(), AnyOf(128 + SIGHUP, 1, 0)) << command;
  }
}

TEST(Ending, WhatHasNothingToKeepEndsOnSignals) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    Program program({"bench", "--threads", "1", "-p", "64", "-n", "0", "-r", "1000000"}, Console::terminal);
    program.read_until("run ");
    program.signal(number);
    EXPECT_EQ(program.wait(), 128 + number);
  }
}

TEST(Ending, ChatEndsOnCtrlDAlsoAfterOtherWords) {
  Program chat({"chat", "--temp", "0", "--threads", "1"}, Console::terminal);
  chat.read_until(">>> ");
  chat.write("Count from 3 to 6.\r\x04");
  chat.read_until("3, 4, 5, 6.");
  EXPECT_EQ(chat.wait(), 0);
}

TEST(Ending, AChatFromAPipeEndsOnSignals) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    Program chat({"chat", "--temp", "0", "--threads", "1"});
    chat.write("Count from 3 to 6.\n");
    chat.read_until("6.\n");
    chat.signal(number);
    EXPECT_EQ(chat.wait(), 128 + number);
  }
}

TEST(Ending, ASecondHangUpDoesNotCutOffTheDiskCache) {
  const test::TemporaryFolder folder;
  std::string question = "My dog is called Foo.";
  for (int i = 0; i < 40; ++i) question += " My cat is called Bar.";
  Program chat({"chat", "--temp", "0", "--threads", "1", "--disk-cache", folder.path()}, Console::terminal);
  chat.read_until(">>> ");
  chat.write(question + "\r");
  chat.read_until("\n\x1b[32m>>> ");
  chat.signal(SIGHUP);
  chat.signal(SIGHUP);
  EXPECT_EQ(chat.wait(), 128 + SIGHUP);
  Program again({"chat", "-v", "--temp", "0", "--threads", "1", "--disk-cache", folder.path()});
  again.write(question + "\n");
  again.close_input();
  EXPECT_EQ(again.wait(), 0);
  EXPECT_THAT(again.err(), HasSubstr("from the disk cache"));
}

TEST(Ending, ServeEndsWhenTheTerminalCloses) {
  Program server({"serve", "--port", "0"}, Console::terminal);
  server.read_until("listening on");
  server.close_input();
  server.close_output();
  EXPECT_THAT(server.wait_for_end(), AnyOf(0, 1, 128 + SIGHUP));
}

/// Runs a shell's command line with the program as "$0" and returns its exit code.
int shell(const std::string& line) {
  const int status = std::system(("set -- " BANYAN_PROGRAM "; " + line).c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

const std::vector<std::string> kPrinting = {"--version",
                                            "--help",
                                            "run --help",
                                            "inspect",
                                            "inspect --json",
                                            "run --threads 1 -n 2 hello",
                                            "chat --threads 1 -n 2",
                                            "demo --threads 1 --conversations 2",
                                            "bench --threads 1 -p 1 -n 0 -r 1"};

TEST(Ending, OutputThatCannotBeWrittenIsAnError) {
  for (const std::string& command : kPrinting) {
    EXPECT_EQ(shell("echo hello | \"$1\" " + command + " > /dev/full 2> /dev/null"), 1) << command;
    EXPECT_EQ(shell("echo hello | \"$1\" " + command + " >&- 2> /dev/null"), 1) << command;
  }
}

TEST(Ending, AClosedPipeEndsQuietly) {
  for (const std::string& command : kPrinting) {
    Program program([&] {
      std::vector<std::string> words;
      std::string word;
      for (const char c : command + " ") {
        if (c != ' ') {
          word += c;
        } else {
          words.push_back(std::move(word));
          word.clear();
        }
      }
      return words;
    }());
    program.close_output();
    program.write("hello\n");
    program.close_input();
    EXPECT_EQ(program.wait(), 128 + SIGPIPE) << command;
    EXPECT_EQ(program.err(), "") << command;
  }
}

}  // namespace
}  // namespace banyan::cli

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/program.h"

namespace banyan::cli {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

// One thread, so that tests that run side by side do not wait for each other at every step.
const std::vector<std::string> kChat = {"chat", "--temp", "0", "--threads", "1"};

TEST(Chat, AnswersAPipeLineByLineWithoutPrompts) {
  const Ended ended = run(kChat, "My dog is called Foo.\n\nWhat is my dog called?\n");
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.out, testing::EndsWith("\nYour dog is called Foo.\n"));
  EXPECT_THAT(ended.out, Not(HasSubstr(">>>")));
  EXPECT_EQ(ended.err, "");
}

TEST(Chat, KeepsConversationsApart) {
  const Ended ended = run(kChat,
                          "/system You are Tally.\n"
                          "My dog is called Foo.\n"
                          "/new other\n"
                          "What is my dog called?\n"
                          "My dog is called Bar.\n"
                          "/list\n"
                          "/switch 1\n"
                          "What is my dog called?\n"
                          "/switch other\n"
                          "What is my dog called?\n");
  EXPECT_EQ(ended.err, "");
  EXPECT_THAT(ended.out, HasSubstr("You have not told me that."));
  EXPECT_THAT(ended.out, ContainsRegex("  1 main +2 messages"));
  EXPECT_THAT(ended.out, ContainsRegex("\\*   2 other +4 messages"));
  EXPECT_THAT(ended.out, ContainsRegex("Your dog is called Foo.\nYour dog is called Bar.\n$"));
}

TEST(Chat, AForkGoesOnFromWhatWasSaid) {
  const Ended ended = run(kChat,
                          "My dog is called Foo.\n"
                          "/fork\n"
                          "My dog is now called Bar.\n"
                          "What is my dog called?\n"
                          "/switch main\n"
                          "What is my dog called?\n"
                          "/list\n");
  EXPECT_EQ(ended.err, "");
  EXPECT_THAT(ended.out, ContainsRegex("Your dog is called Bar.\nYour dog is called Foo.\n"));
  EXPECT_THAT(ended.out, ContainsRegex("\\*   1 main +4 messages"));
  EXPECT_THAT(ended.out, ContainsRegex("    2 main-2 +6 messages"));
}

TEST(Chat, AForkAndARetryRestoreWhatTheyShare) {
  Ended ended = run({"chat", "--temp", "0", "--threads", "1", "-v"}, "Count from 3 to 6.\n/retry\n");
  EXPECT_THAT(ended.out, testing::StartsWith("3, 4, 5, 6.\n3, 4, 5, 6.\n"));
  EXPECT_THAT(ended.err, ContainsRegex("0 matched, 0 restored.*\n.*\\(last_token\\), 1 evaluated"));
}

TEST(Chat, ConversesOnModelsOfEveryKind) {
  for (const std::string architecture : {"gemma3", "qwen35"}) {
    const Ended ended =
        run({"chat", "--temp", "0", "--threads", "1", shipped(architecture)},
            "My dog is called Foo.\n/fork\nMy cat is called Bar.\nWhat is my cat called?\n/switch main\n"
            "What is my dog called?\n");
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_THAT(ended.out, ContainsRegex("Bar(.|\n)*Foo")) << architecture;
  }
}

TEST(Chat, TakesSeveralLinesBetweenQuotes) {
  const Ended ended = run(kChat, "\"\"\"My dog is called Foo.\nWhat is my dog called?\"\"\"\n");
  EXPECT_EQ(ended.out, "Your dog is called Foo.\n");
}

TEST(Chat, ClearForgetsAndSystemStays) {
  const Ended ended = run(kChat,
                          "/system You are Tally. Notes: My cat is called Bar.\n"
                          "My dog is called Foo.\n"
                          "/clear\n"
                          "What is my dog called?\n"
                          "What is my cat called?\n"
                          "/system\n");
  EXPECT_THAT(ended.out,
              ContainsRegex("You have not told me that.\nYour cat is called Bar.\nYou are Tally."));
}

TEST(Chat, SettingsAreShownAndChanged) {
  const Ended ended = run({"chat"}, "/set temperature 0.25\n/set seed 12\n/set verbose on\n/show\n");
  EXPECT_THAT(ended.out, ContainsRegex("temperature +0.25"));
  EXPECT_THAT(ended.out, ContainsRegex("seed +12"));
  EXPECT_THAT(ended.out, ContainsRegex("verbose +on"));
  EXPECT_EQ(ended.err, "");
}

TEST(Chat, WrongCommandsAreComplainedAboutAndChangeNothing) {
  const Ended ended = run(kChat,
                          "/sing\n/set temperature hot\n/set mood good\n/switch nobody\n/switch 2\n"
                          "/new 12\n/new main\n/load /no/such/file\n/save /no/such/folder/file\n/retry\n"
                          "Count from 3 to 6.\n");
  EXPECT_EQ(ended.out, "3, 4, 5, 6.\n");
  for (const char* about : {"/sing", "temperature: 'hot'", "'mood'", "'nobody'", "2 is not between 1 and 1",
                            "number", "'main'", "/no/such/file", "/no/such/folder/file"}) {
    EXPECT_THAT(ended.err, HasSubstr(about));
  }
}

TEST(Chat, APathOrAQuotedTextIsNoCommand) {
  const Ended ended = run(kChat, "/usr/bin/foo does not start.\n\"\"\"/help\"\"\"\n/list\n");
  EXPECT_EQ(ended.err, "");
  EXPECT_THAT(ended.out, ::testing::Not(HasSubstr("/switch")));
  EXPECT_THAT(ended.out, ContainsRegex("main +4 messages"));
}

TEST(Chat, ShowsTheCacheAsATree) {
  EXPECT_THAT(run(kChat, "My dog is called Foo.\n/cache\n").out, HasSubstr("My dog"));
}

TEST(Chat, SavedConversationsGoOnElsewhere) {
  const std::string path = testing::TempDir() + "banyan-saved.json";
  run(kChat, "My dog is called Foo.\n/new other\nMy dog is called Bar.\n/save " + path + "\n");
  const Ended ended =
      run(kChat, "/load " + path + "\nWhat is my dog called?\n/switch main\nWhat is my dog called?\n");
  EXPECT_EQ(ended.out, "Your dog is called Bar.\nYour dog is called Foo.\n");
  std::ofstream(path) << R"({"conversations": [{"name": 5}]})";
  EXPECT_THAT(run(kChat, "/load " + path + "\n").err, HasSubstr(path));
}

/// A prompt on a line of its own, and not one that the editor draws again.
const std::string kPrompt = "\n\x1b[32m>>> ";

/// Types a message and reads to the prompt after the reply.
std::string say(Program& chat, const std::string& text, const std::string& reply) {
  chat.write(text + "\r");
  const std::string read = chat.read_until(reply);
  return read + chat.read_until(kPrompt);
}

const std::vector<std::string> kEndlessChat = {"chat", "--temp", "0", "--threads", "1", "--ignore-eos"};

/// Asks the first question and reads the beginning of the reply.
void begin_reply(Program& chat) {
  chat.read_until(">>> ");
  chat.write("Count from 0 to 50.\r");
  chat.read_until("0, 1, 2");
}

TEST(ChatAtATerminal, TalksAndLeavesOnCtrlD) {
  Program chat(kChat, Console::terminal);
  chat.read_until("/help lists the commands");
  chat.read_until(">>> ");
  say(chat, "My dog is called Foo.", "\n");
  say(chat, "What is my dog called?", "Your dog is called Foo.");
  chat.write("/bye\r");
  EXPECT_EQ(chat.wait(), 0);

  Program again(kChat, Console::terminal);
  again.read_until(">>> ");
  again.write("\x04");
  EXPECT_EQ(again.wait(), 0);
}

TEST(ChatAtATerminal, CtrlCStopsTheReplyAndNotTheProgram) {
  Program chat(kEndlessChat, Console::terminal);
  begin_reply(chat);
  chat.write("\x03");
  chat.read_until(kPrompt);
  say(chat, "/set predict 12", "predict 12");
  say(chat, "Count from 3 to 6.", "3, 4, 5, 6.");
  chat.write("/bye\r");
  EXPECT_EQ(chat.wait(), 0);
}

TEST(ChatAtATerminal, CtrlCClearsTheLine) {
  Program chat(kChat, Console::terminal);
  chat.read_until(">>> ");
  chat.write("nonsense\x03");
  chat.read_until(kPrompt);
  say(chat, "Count from 3 to 6.", "3, 4, 5, 6.");
  chat.write("/bye\r");
  EXPECT_EQ(chat.wait(), 0);
}

TEST(ChatAtATerminal, CtrlCOnAnEmptyLineSaysHowToLeave) {
  Program chat(kChat, Console::terminal);
  chat.read_until(">>> ");
  chat.write("\x03");
  chat.read_until("Ctrl-D or /bye leaves");
  chat.read_until(kPrompt);
  chat.write("\x04");
  EXPECT_EQ(chat.wait(), 0);
}

TEST(ChatAtATerminal, TakesSeveralLinesBetweenQuotes) {
  Program chat(kChat, Console::terminal);
  chat.read_until(">>> ");
  chat.write("\"\"\"My dog is called Foo.\r");
  chat.read_until("... ");
  say(chat, "What is my dog called?\"\"\"", "Your dog is called Foo.");
  chat.write("/bye\r");
  EXPECT_EQ(chat.wait(), 0);
}

TEST(ChatAtATerminal, APastedTextOfSeveralLinesIsOneMessage) {
  Program chat(kChat, Console::terminal);
  chat.read_until("\x1b[?2004h");  // it asks the terminal to mark what is pasted
  chat.read_until(">>> ");
  chat.write("\x1b[200~My dog is called Foo.\rWhat is my dog called?\x1b[201~");
  say(chat, "", "Your dog is called Foo.");
  chat.write("/list\r");
  chat.read_until("2 messages");
  chat.write("/bye\r");
  EXPECT_EQ(chat.wait(), 0);
  EXPECT_THAT(chat.out(), HasSubstr("\x1b[?2004l"));
}

TEST(ChatAtATerminal, APastedTextThatBeginsWithQuotesIsWhole) {
  Program chat(kChat, Console::terminal);
  chat.read_until(">>> ");
  chat.write("\x1b[200~\"\"\"My dog is called Foo.\"\"\"\rWhat is my dog called?\x1b[201~");
  say(chat, "", "Foo");
  chat.write("/list\r");
  chat.read_until("2 messages");
  chat.write("/bye\r");
  EXPECT_EQ(chat.wait(), 0);
}

TEST(ChatAtATerminal, AnswersLinesThatWereTypedAtOnce) {
  Program chat(kChat, Console::terminal);
  chat.read_until(">>> ");
  chat.write("Count from 3 to 6.\rCount from 11 to 13.\rCount from 21 to 23.\r");
  chat.read_until("3, 4, 5, 6.");
  chat.read_until("11, 12, 13.");
  chat.read_until("21, 22, 23.");
  chat.write("/bye\r");
  EXPECT_EQ(chat.wait(), 0);
}

TEST(ChatAtATerminal, AnswersWhatWasTypedDuringAReplyAndBeforeThePrompt) {
  Program chat(kChat, Console::terminal);
  chat.write("Count from 0 to 50.\r");  // while the model is loaded
  chat.read_until("0, 1, 2");
  chat.write("Count from 3 to 6.\rCount from 11 to 13.\r/by");
  chat.read_until("3, 4, 5, 6.");
  chat.read_until("11, 12, 13.");
  chat.write("e\r");
  EXPECT_EQ(chat.wait(), 0);
}

TEST(ChatAtATerminal, CtrlCIsNoticedHoweverMuchWasTypedAhead) {
  Program chat(kEndlessChat, Console::terminal);
  begin_reply(chat);
  chat.write(std::string(20000, 'x') + "\x03");
  chat.read_until(kPrompt);
  chat.write("/bye\r");
  EXPECT_EQ(chat.wait(), 0);
}

TEST(ChatAtATerminal, CompletesCommands) {
  Program chat(kChat, Console::terminal);
  chat.read_until(">>> ");
  say(chat, "/li\t", "1 main");
  chat.write("/bye\r");
  EXPECT_EQ(chat.wait(), 0);
}

TEST(ChatAtATerminal, KeepsItsHistoryInTheStateFolder) {
  Program chat(kChat, Console::terminal);
  chat.read_until(">>> ");
  say(chat, "Count from 3 to 6.", "3, 4, 5, 6.");
  chat.write("/bye\r");
  EXPECT_EQ(chat.wait(), 0);
  std::stringstream history;
  history << std::ifstream(chat.home() + "/.local/state/banyan/history").rdbuf();
  EXPECT_THAT(history.str(), HasSubstr("Count from 3 to 6."));
}

}  // namespace
}  // namespace banyan::cli

/// What is said in `banyan demo`: a sheet of notes that all conversations begin with, and for each
/// conversation three turns of its own.
#pragma once

#include <string>
#include <vector>

namespace banyan::cli {

struct DemoTurn {
  std::string question;
  std::string expected;  ///< must occur in the answer; empty: anything goes
};

constexpr int kDemoRounds = 3;
constexpr int kMostDemoConversations = 64;

/// The system message: the notes.
std::string demo_notes();

/// The turns of a conversation: a question about the notes, something that only this conversation
/// is told (at times against the notes), and a question about that.
/// REQUIRES: 0 <= conversation < kMostDemoConversations.
std::vector<DemoTurn> demo_turns(int conversation);

}  // namespace banyan::cli

/// Lines that a person types, with editing and history, or that a pipe brings.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace banyan::cli {

struct CommandHint {
  std::string name;
  std::string help;
};

/// At most one in a program: the editor keeps its state in globals.
class LineReader {
 public:
  /// `hints` complete a line that begins like them.
  explicit LineReader(std::vector<CommandHint> hints);

  /// Whether a person is at a terminal.
  bool interactive() const { return interactive_; }

  enum class Outcome { line, interrupted, end };
  /// Reads a line without its end. `more`: the line goes on from the one before.
  Outcome next(std::string& line, bool more = false);

 private:
  bool interactive_;  ///< a person types: show a prompt
  bool editing_;      ///< and the terminal can move its cursor
  std::vector<CommandHint> hints_;
};

}  // namespace banyan::cli

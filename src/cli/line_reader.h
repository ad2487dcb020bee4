/// Lines that a person types, with editing and history, or that a pipe brings.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/interrupts.h"

namespace banyan::cli {

struct CommandHint {
  std::string name;
  std::string help;
};

/// Reads standard input. At a terminal that can move its cursor the line is edited, a pasted text is
/// taken as one message, and what is typed before the prompt is there is kept for it.
class LineReader {
 public:
  /// `hints` complete a line that begins like them. `interrupts` must outlive the reader.
  LineReader(std::vector<CommandHint> hints, Interrupts& interrupts);
  ~LineReader();

  /// Whether a person is at a terminal.
  bool interactive() const { return interactive_; }

  /// hung_up: the terminal is gone.
  enum class Outcome { line, interrupted, end, hung_up };
  /// Reads a line without its end, or what there was of it when it was interrupted. `more`: the line goes on
  /// from the one before.
  Outcome next(std::string& line, bool more = false);

  /// Takes in what was typed so far, without waiting, so that the terminal's queue does not fill up and
  /// keep Ctrl-C from being noticed.
  void collect();
  /// Drops what was typed so far and not yet returned.
  void drop_typed();

 private:
  class Editor;

  /// The next byte of input, or -1 when there is none because of what `stopped_` says.
  int next_byte();
  void read_input();
  Outcome next_plain(std::string& line);

  Interrupts& interrupts_;
  bool interactive_;   ///< a person types: show a prompt
  std::string input_;  ///< read and not yet used, from `used_` on
  std::size_t used_ = 0;
  bool input_ended_ = false;
  Outcome stopped_ = Outcome::line;
  std::unique_ptr<Editor> editor_;  ///< none where the terminal cannot move its cursor
};

}  // namespace banyan::cli

/// What is drawn only for a person at a terminal: faint text, and progress on one line.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace banyan::cli {

/// Whether `stream` is a terminal.
bool is_terminal(std::FILE* stream);
/// Whether `stream` is a terminal that can move its cursor.
bool can_edit(std::FILE* stream);

/// Whether it also takes colours and faces: NO_COLOR is not set.
bool use_color(std::FILE* stream);

/// `text`, in a fainter or stronger face where `stream` takes it.
std::string faint(std::string_view text, std::FILE* stream);
std::string strong(std::string_view text, std::FILE* stream);

/// A line on standard error that is rewritten in place. Shows nothing where that is no terminal.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(std::string_view text);
  void clear();

 private:
  bool enabled_;
  bool shown_ = false;
};

}  // namespace banyan::cli

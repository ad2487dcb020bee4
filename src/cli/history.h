/// The lines that were typed in earlier chats.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace banyan::cli {

/// A file in the user's state folder, by the XDG rules. Where it cannot be read or written, there is no
/// history, and nothing is said about it.
class HistoryFile {
 public:
  HistoryFile();

  /// The last lines, oldest first.
  std::vector<std::string> load();
  void append(std::string_view line);

 private:
  std::string path_;  ///< empty where there is no place for it
};

}  // namespace banyan::cli

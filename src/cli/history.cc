#include "cli/history.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace banyan::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostLines = 1000;

/// A message of several lines takes one line of the file.
std::string escaped(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (c == '\n') {
      line += "\\n";
    } else {
      if (c == '\\') line += '\\';
      line += c;
    }
  }
  return line;
}

std::string unescaped(std::string_view line) {
  std::string text;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size()) {
      ++i;
      text += line[i] == 'n' ? '\n' : line[i];
    } else {
      text += line[i];
    }
  }
  return text;
}

fs::path state_folder() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state && fs::path(state).is_absolute()) return fs::path(state) / "banyan";
  const char* home = std::getenv("HOME");
  return home && *home ? fs::path(home) / ".local/state/banyan" : fs::path();
}

}  // namespace

HistoryFile::HistoryFile() {
  const fs::path folder = state_folder();
  if (folder.empty()) return;
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) path_ = (folder / "history").string();
}

std::vector<std::string> HistoryFile::load() {
  std::vector<std::string> lines;
  std::ifstream file(path_);
  for (std::string line; std::getline(file, line);) lines.push_back(unescaped(line));
  if (lines.size() <= kMostLines) return lines;
  lines.erase(lines.begin(), lines.end() - kMostLines);
  std::ofstream shorter(path_);
  for (const std::string& line : lines) shorter << escaped(line) << '\n';
  return lines;
}

void HistoryFile::append(std::string_view line) {
  if (path_.empty()) return;
  std::ofstream(path_, std::ios::app) << escaped(line) << '\n';
  std::error_code ignored;
  fs::permissions(path_, fs::perms::owner_read | fs::perms::owner_write, ignored);
}

}  // namespace banyan::cli

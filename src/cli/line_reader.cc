#include "cli/line_reader.h"

#include <isocline.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <print>
#include <string_view>
#include <system_error>

#include "cli/terminal.h"

namespace banyan::cli {
namespace {

namespace fs = std::filesystem;

/// The history's file by the XDG rules, its folder made; empty where there is no place for it.
std::string history_file() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  fs::path folder;
  if (state && fs::path(state).is_absolute()) {
    folder = fs::path(state) / "banyan";
  } else if (home && *home) {
    folder = fs::path(home) / ".local/state/banyan";
  } else {
    return {};
  }
  std::error_code error;
  fs::create_directories(folder, error);
  return error ? std::string() : (folder / "history").string();
}

void complete(ic_completion_env_t* editor, const char* prefix) {
  const auto& hints = *static_cast<const std::vector<CommandHint>*>(ic_completion_arg(editor));
  const std::string_view typed = prefix;
  for (const CommandHint& hint : hints) {
    if (!typed.empty() && hint.name.starts_with(typed)) {
      ic_add_completion_prim(editor, hint.name.c_str(), nullptr, hint.help.c_str(),
                             static_cast<long>(typed.size()), 0);
    }
  }
}

/// The editor reports Ctrl-C and Ctrl-D alike. It calls its highlighter with every text that is
/// not empty, and Ctrl-D ends input only on an empty line, which tells most of them apart.
void note_text(ic_highlight_env_t*, const char*, void* seen) { *static_cast<bool*>(seen) = true; }

}  // namespace

LineReader::LineReader(std::vector<CommandHint> hints)
    : interactive_(is_terminal(stdin) && is_terminal(stdout)),
      editing_(interactive_ && can_edit(stdout)),
      hints_(std::move(hints)) {
  if (!editing_) return;
  ic_enable_color(use_color(stdout));
  ic_enable_beep(false);
  ic_enable_brace_insertion(false);
  ic_enable_brace_matching(false);
  ic_set_prompt_marker(">>> ", "... ");
  const std::string history = history_file();
  ic_set_history(history.empty() ? nullptr : history.c_str(), -1);
}

LineReader::Outcome LineReader::next(std::string& line, bool more) {
  if (!editing_) {
    if (interactive_) std::print("{}", more ? "... " : ">>> ");
    std::fflush(stdout);
    return std::getline(std::cin, line) ? Outcome::line : Outcome::end;
  }
  ic_set_prompt_marker(more ? "... " : ">>> ", "... ");
  bool seen = false;
  const std::unique_ptr<char, decltype(&ic_free)> read(
      ic_readline_ex("", complete, &hints_, note_text, &seen), ic_free);
  if (!read) return seen ? Outcome::interrupted : Outcome::end;
  line = read.get();
  return Outcome::line;
}

}  // namespace banyan::cli

#include "cli/line_reader.h"

#include <histedit.h>
#include <langinfo.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cwchar>
#include <print>
#include <utility>

#include "cli/history.h"
#include "cli/terminal.h"

namespace banyan::cli {
namespace {

/// A terminal that is asked for it writes these around a text that is pasted.
constexpr const char* kAskForPaste = "\033[?2004h";
constexpr const char* kNoPaste = "\033[?2004l";
constexpr const char* kPasteBegin = "\033[200~";
constexpr std::wstring_view kPasteEnd = L"\033[201~";

constexpr int kRememberedLines = 1000;

}  // namespace

/// libedit, fed with the reader's bytes.
class LineReader::Editor {
 public:
  Editor(LineReader& reader, std::vector<CommandHint> hints) : reader_(reader), hints_(std::move(hints)) {
    // Text is UTF-8 here whatever the locale is.
    std::setlocale(LC_CTYPE, "");
    if (std::string_view(nl_langinfo(CODESET)) != "UTF-8") std::setlocale(LC_CTYPE, "C.UTF-8");
    std::fflush(stdout);
    history_ = ::history_init();
    HistEvent event;
    ::history(history_, &event, H_SETSIZE, kRememberedLines);
    ::history(history_, &event, H_SETUNIQUE, 1);
    for (const std::string& line : file_.load()) ::history(history_, &event, H_ENTER, line.c_str());
    edit_ = el_init("banyan", stdin, stdout, stderr);
    if (edit_ == nullptr) return;
    el_set(edit_, EL_CLIENTDATA, this);
    el_set(edit_, EL_GETCFN, static_cast<el_rfunc_t>(next_character));
    el_set(edit_, EL_PROMPT_ESC, static_cast<char* (*)(EditLine*)>(prompt), '\1');
    el_set(edit_, EL_SIGNAL, 1);  // a new size of the window, and Ctrl-Z
    el_set(edit_, EL_EDITOR, "emacs");
    el_set(edit_, EL_HIST, ::history, history_);
    el_set(edit_, EL_SETTY, "-d", "+noflsh", nullptr);  // as in hold_typed()
    el_set(edit_, EL_ADDFN, "banyan-complete", "Complete a command", complete);
    el_set(edit_, EL_ADDFN, "banyan-newline", "Begin another line", newline);
    el_set(edit_, EL_ADDFN, "banyan-paste", "Take a pasted text", paste);
    constexpr std::pair<const char*, const char*> keys[] = {
        {"^I", "banyan-complete"},     {"\033\r", "banyan-newline"},       {"\033\n", "banyan-newline"},
        {kPasteBegin, "banyan-paste"}, {"^R", "em-inc-search-prev"},       {"^U", "vi-kill-line-prev"},
        {"^W", "ed-delete-prev-word"}, {"\033[3~", "ed-delete-next-char"}, {"\033[1;5D", "ed-prev-word"},
        {"\033[1;5C", "em-next-word"}};
    for (const auto& [key, action] : keys) el_set(edit_, EL_BIND, key, action, nullptr);
    std::print("{}", kAskForPaste);
    hold_typed();
  }

  ~Editor() {
    if (edit_ != nullptr) {
      std::fputs(kNoPaste, stdout);
      std::fflush(stdout);
      el_end(edit_);  // restores the terminal
    }
    history_end(history_);
  }

  Editor(const Editor&) = delete;
  Editor& operator=(const Editor&) = delete;

  bool works() const { return edit_ != nullptr; }

  Outcome next(std::string& line, bool more) {
    prompt_ = std::string(use_color(stdout) ? "\1\033[32m\1" : "") + (more ? "... " : ">>> ") +
              (use_color(stdout) ? "\1\033[0m\1" : "");
    reader_.stopped_ = Outcome::line;
    int length = 0;
    const char* read = el_gets(edit_, &length);
    hold_typed();
    if (read == nullptr) {
      const LineInfo* typed = el_line(edit_);
      line.assign(typed->buffer, typed->lastchar);
      std::fputs("\n", stdout);  // unchecked: the terminal may be gone
      return reader_.stopped_ == Outcome::line ? Outcome::end : reader_.stopped_;
    }
    line.assign(read);
    if (line.ends_with('\n')) line.pop_back();
    remember(line);
    return Outcome::line;
  }

 private:
  static Editor& self(EditLine* edit) {
    void* editor = nullptr;
    el_get(edit, EL_CLIENTDATA, &editor);
    return *static_cast<Editor*>(editor);
  }

  static char* prompt(EditLine* edit) { return self(edit).prompt_.data(); }

  /// libedit's way to read: 1 with a character, or -1 when there is none.
  static int next_character(EditLine* edit, wchar_t* character) {
    std::mbstate_t state = {};
    for (;;) {
      const int byte = self(edit).reader_.next_byte();
      if (byte < 0) return -1;
      const char text = static_cast<char>(byte);
      const std::size_t length = std::mbrtowc(character, &text, 1, &state);
      if (length <= 1) return 1;
      if (length == static_cast<std::size_t>(-1)) state = {};  // not UTF-8: dropped
    }
  }

  static unsigned char newline(EditLine* edit, int) {
    return el_winsertstr(edit, L"\n") == 0 ? CC_REFRESH : CC_ERROR;
  }

  static unsigned char paste(EditLine* edit, int) {
    std::wstring text;
    while (!text.ends_with(kPasteEnd)) {
      wchar_t character = 0;
      if (next_character(edit, &character) != 1) return CC_EOF;
      text += character;
    }
    text.resize(text.size() - kPasteEnd.size());
    std::ranges::replace(text, L'\r', L'\n');
    // Other control characters would be drawn, and mean nothing to a model.
    std::erase_if(text, [](wchar_t c) { return (c < L' ' && c != L'\n' && c != L'\t') || c == L'\177'; });
    return text.empty() || el_winsertstr(edit, text.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
  }

  static unsigned char complete(EditLine* edit, int) {
    const LineInfo* line = el_line(edit);
    const std::string_view typed(line->buffer, static_cast<std::size_t>(line->cursor - line->buffer));
    std::vector<const CommandHint*> fitting;
    for (const CommandHint& hint : self(edit).hints_) {
      if (!typed.empty() && hint.name.starts_with(typed)) fitting.push_back(&hint);
    }
    if (fitting.empty()) return CC_ERROR;
    std::string common = fitting.front()->name;
    for (const CommandHint* hint : fitting) {
      common.erase(std::ranges::mismatch(common, hint->name).in1, common.end());
    }
    if (common.size() > typed.size()) {
      return el_insertstr(edit, common.c_str() + typed.size()) == 0 ? CC_REFRESH : CC_ERROR;
    }
    if (fitting.size() == 1) return CC_NORM;
    std::print("\n");
    for (const CommandHint* hint : fitting) std::println("  {:<10} {}", hint->name, hint->help);
    return CC_REDISPLAY;
  }

  void remember(const std::string& line) {
    if (line.size() <= 1) return;
    HistEvent event;
    ::history(history_, &event, H_ENTER, line.c_str());
    file_.append(line);
  }

  /// Between two lines what is typed waits, unseen, for the next prompt. Ctrl-C still is a signal.
  static void hold_typed() {
    termios mode;
    if (tcgetattr(STDIN_FILENO, &mode) != 0) return;
    mode.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    // Else Ctrl-C drops what poll() has just said is there, and read() waits for ever.
    mode.c_lflag |= NOFLSH;
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &mode);
  }

  LineReader& reader_;
  std::vector<CommandHint> hints_;
  HistoryFile file_;
  History* history_ = nullptr;
  EditLine* edit_ = nullptr;
  std::string prompt_;
};

LineReader::LineReader(std::vector<CommandHint> hints, Interrupts& interrupts)
    : interrupts_(interrupts), interactive_(is_terminal(stdin) && is_terminal(stdout)) {
  if (!interactive_ || !can_edit(stdout)) return;
  editor_ = std::make_unique<Editor>(*this, std::move(hints));
  if (!editor_->works()) editor_.reset();
}

LineReader::~LineReader() = default;

LineReader::Outcome LineReader::next(std::string& line, bool more) {
  if (editor_) return editor_->next(line, more);
  if (interactive_) std::print("{}", more ? "... " : ">>> ");
  std::fflush(stdout);
  return next_plain(line);
}

LineReader::Outcome LineReader::next_plain(std::string& line) {
  line.clear();
  stopped_ = Outcome::line;
  for (int byte = 0; (byte = next_byte()) != '\n';) {
    if (byte < 0) return stopped_ == Outcome::end && !line.empty() ? Outcome::line : stopped_;
    line += static_cast<char>(byte);
  }
  return Outcome::line;
}

int LineReader::next_byte() {
  for (;;) {
    if (interrupts_.raised()) {
      stopped_ = Outcome::interrupted;
      return -1;
    }
    if (used_ < input_.size()) return static_cast<unsigned char>(input_[used_++]);
    if (input_ended_) {
      // Ctrl-D is a character to the editor, so that the end of input can only be a hang-up.
      stopped_ = editor_ ? Outcome::hung_up : Outcome::end;
      return -1;
    }
    std::array<pollfd, 2> sources = {{{STDIN_FILENO, POLLIN, 0}, {interrupts_.descriptor(), POLLIN, 0}}};
    if (poll(sources.data(), sources.size(), -1) > 0 && sources[0].revents != 0) read_input();
  }
}

void LineReader::read_input() {
  std::array<char, 4096> buffer;
  const ssize_t count = read(STDIN_FILENO, buffer.data(), buffer.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count <= 0) {
    input_ended_ = true;
    return;
  }
  input_.erase(0, used_);
  used_ = 0;
  input_.append(buffer.data(), static_cast<std::size_t>(count));
}

void LineReader::collect() {
  if (!editor_) return;
  pollfd source = {STDIN_FILENO, POLLIN, 0};
  while (!input_ended_ && poll(&source, 1, 0) > 0) read_input();
}

void LineReader::drop_typed() {
  collect();
  input_.clear();
  used_ = 0;
}

}  // namespace banyan::cli

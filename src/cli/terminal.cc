#include "cli/terminal.h"

#include <unistd.h>

#include <cstdlib>
#include <format>
#include <print>

namespace banyan::cli {
namespace {

std::string in_face(std::string_view text, const char* code, std::FILE* stream) {
  return use_color(stream) ? std::format("\033[{}m{}\033[0m", code, text) : std::string(text);
}

}  // namespace

bool is_terminal(std::FILE* stream) { return isatty(fileno(stream)) == 1; }

bool can_edit(std::FILE* stream) {
  const char* term = std::getenv("TERM");
  return is_terminal(stream) && term && std::string_view(term) != "dumb";
}

bool use_color(std::FILE* stream) {
  const char* no_color = std::getenv("NO_COLOR");
  return can_edit(stream) && !(no_color && *no_color);
}

std::string faint(std::string_view text, std::FILE* stream) { return in_face(text, "2", stream); }
std::string strong(std::string_view text, std::FILE* stream) { return in_face(text, "1", stream); }

ProgressLine::ProgressLine() : enabled_(can_edit(stderr)) {}

void ProgressLine::show(std::string_view text) {
  if (!enabled_) return;
  std::print(stderr, "\r\033[K{}", text);
  std::fflush(stderr);
  shown_ = true;
}

void ProgressLine::clear() {
  if (!shown_) return;
  std::print(stderr, "\r\033[K");
  std::fflush(stderr);
  shown_ = false;
}

}  // namespace banyan::cli

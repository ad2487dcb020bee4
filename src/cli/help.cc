#include "cli/help.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/trimmed.h"
#include "cli/text.h"

namespace banyan::cli {
namespace {

constexpr std::size_t kNames = 32;
constexpr std::size_t kWidth = 100;

class HelpFormatter final : public CLI::Formatter {
 public:
  HelpFormatter() {
    column_width(kNames);
    right_column_width(kWidth - kNames);
    long_option_alignment_ratio(6.0F / kNames);
    enable_description_formatting(false);
    enable_footer_formatting(false);
    label("POSITIONALS", "Arguments");
    label("SUBCOMMANDS", "COMMAND");
  }

  std::string make_option_opts(const CLI::Option* option) const override {
    // Positional arguments are named after their values already.
    const bool has_value = option->get_items_expected_max() > 0 && option->nonpositional();
    return has_value ? " " + option->get_type_name() : std::string();
  }

  std::string make_usage(const CLI::App* app, std::string name) const override {
    return "Usage: " + std::string(trimmed(Formatter::make_usage(app, std::move(name)))) + "\n";
  }

  /// The base class pads lines and parts with blanks.
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    const std::string padded = Formatter::make_help(app, std::move(name), mode);
    std::string help;
    for (std::string_view rest = padded; !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      const std::string_view text = line.substr(0, line.find_last_not_of(' ') + 1);
      if (text.empty() && help.ends_with("\n\n")) continue;
      help.append(text).append("\n");
    }
    return help;
  }
};

}  // namespace

std::shared_ptr<CLI::FormatterBase> help_formatter() { return std::make_shared<HelpFormatter>(); }

}  // namespace banyan::cli

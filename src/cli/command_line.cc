#include "cli/command_line.h"

#include <cstdlib>
#include <format>
#include <string_view>
#include <utility>
#include <vector>

namespace banyan::cli {
namespace {

constexpr const char* kEmpty = "is empty; give it a value or leave it out";

bool takes_text(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

void refuse_empty_values(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    // The words of a prompt may be empty as long as one is not.
    if (!takes_text(*option) || option->get_name() == "PROMPT") continue;
    option->check(CLI::Validator(
        [](const std::string& text) { return text.empty() ? std::string(kEmpty) : std::string(); }, ""));
  }
  for (CLI::App* command : app.get_subcommands(nullptr)) refuse_empty_values(*command);
}

/// The command that was given, with what stands before it, such as "banyan cache ls".
std::pair<const CLI::App*, std::string> given_command(const CLI::App& app) {
  const CLI::App* command = &app;
  std::string name = app.get_name();
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    name += " " + command->get_name();
  }
  return {command, name};
}

/// CLI11 takes a variable that is set and empty for one that is not set.
void refuse_empty_variables(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_envname().empty() || option->count() > 0) continue;
    const char* value = std::getenv(option->get_envname().c_str());
    if (value != nullptr && *value == '\0') {
      throw CLI::ValidationError("the environment variable " + option->get_envname(),
                                 "is empty; give it a value or unset it");
    }
  }
}

}  // namespace

void parse(CLI::App& app, int argc, char** argv) {
  refuse_empty_values(app);
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--") break;
    // CLI11 would take the next argument for the value.
    if (argument.starts_with("--") && argument.ends_with('=') && argument.find('=') == argument.size() - 1) {
      throw CLI::ValidationError(std::string(argument.substr(0, argument.size() - 1)), kEmpty);
    }
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::RequiredError&) {
    refuse_empty_variables(*given_command(app).first);  // what is required may be in one
    throw;
  }
  refuse_empty_variables(*given_command(app).first);
}

std::string explain(const CLI::App& app, const CLI::ParseError& error) {
  const auto [command, name] = given_command(app);
  const std::string help = std::format("'{} --help'", name);
  const bool has_commands = !command->get_subcommands(nullptr).empty();
  const std::vector<std::string> extra = app.remaining(true);
  const bool lacks_command = has_commands && dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr || (lacks_command && !extra.empty())) {
    const std::string what = extra.empty() ? std::string() : extra.front();
    if (what.starts_with('-')) return std::format("there is no option {}; {} lists them", what, help);
    if (has_commands) return std::format("there is no command '{}'; {} lists them", what, help);
    return std::format("'{}' is one argument too many; {} shows the usage", what, help);
  }
  std::string what = error.what();
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    const std::string option = what.substr(0, what.find(':'));
    const CLI::Option* given = command->get_option_no_throw(option);
    const bool is_repeated = given != nullptr && given->count() > 1;
    return std::format("{} {}; {} tells more", option,
                       is_repeated ? "is given more than once" : "needs a value", help);
  }
  if (dynamic_cast<const CLI::ExcludesError*>(&error) != nullptr) {
    constexpr std::string_view excludes = " excludes ";
    const std::size_t at = what.find(excludes);
    if (at != std::string::npos) {
      return std::format("{} and {} cannot be given together", what.substr(0, at),
                         what.substr(at + excludes.size()));
    }
  }
  if (lacks_command) return std::format("no command given; {} lists them", help);
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    return std::format("{}; {} tells more", what, help);
  }
  // The name of an option, and what is wrong with its value.
  if (const std::size_t at = what.find(": is empty"); at != std::string::npos) what.erase(at, 1);
  return what;
}

}  // namespace banyan::cli

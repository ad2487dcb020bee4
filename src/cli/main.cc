#include <cstdio>
#include <print>
#include <system_error>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/help.h"
#include "cli/interrupts.h"
#include "cli/openmp.h"
#include "cli/output.h"

namespace {

using namespace banyan::cli;

int finish(const banyan::Result<int>& result) {
  if (result) return *result;
  if (result.error().code == banyan::Errc::cancelled) return Interrupts::exit_code();
  std::println(stderr, "banyan: {}", result.error().message);
  return kExitFailure;
}

int run(int argc, char** argv) {
  CLI::App app(
      "Banyan runs language models for many conversations at once. What conversations have in\n"
      "common is computed once and kept once.",
      "banyan");
  app.formatter(help_formatter());
  app.option_defaults()->group("Options");
  app.set_version_flag("--version", "banyan " BANYAN_VERSION, "Print the version and exit");
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.footer(
      "Examples:\n"
      "  banyan demo                     see six conversations share one long system prompt\n"
      "  banyan chat                     talk to the model that ships\n"
      "  banyan run \"What is 2 plus 3?\"  one reply\n"
      "  banyan serve -m model.gguf      answer OpenAI's clients on http://127.0.0.1:8080\n"
      "\n"
      "'banyan COMMAND --help' tells more. The environment variable BANYAN_MODEL names the model\n"
      "where -m does not, and BANYAN_DISK_CACHE the folder where --disk-cache does not.");
  const Command commands[] = {add_chat(app),  add_run(app),     add_serve(app), add_demo(app),
                              add_bench(app), add_inspect(app), add_cache(app)};
  for (const Command& command : commands) {
    command.app->group("Commands");
    command.app->get_help_ptr()->group("Options");
  }
  try {
    parse(app, argc, argv);
    for (const Command& command : commands) {
      if (command.app->parsed()) return finish(command.run());
    }
    std::println(stderr, "banyan: no command given; 'banyan --help' lists them");
    return kExitUsage;
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    std::println(stderr, "banyan: {}", explain(app, error));
    return kExitUsage;
  }
}

}  // namespace

int main(int argc, char** argv) {
  set_up_output();
  limit_openmp_spinning(argv);
  int code = kExitFailure;
  try {
    code = run(argc, argv);
  } catch (const std::system_error&) {
    if (std::ferror(stdout) == 0 && std::ferror(stderr) == 0) throw;
    // A terminal that closes sends a signal as well.
    if (Interrupts::exit_code() != 0) code = Interrupts::exit_code();
  }
  return finish_output(code);
}

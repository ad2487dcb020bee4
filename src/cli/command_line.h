/// The command line as a whole: parsing it, and saying what is wrong with it.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace banyan::cli {

/// Parses. Values that are empty, as an unset variable of a shell gives them, are refused. Throws
/// CLI::ParseError.
void parse(CLI::App& app, int argc, char** argv);

/// What is wrong, in one line, and what to do.
std::string explain(const CLI::App& app, const CLI::ParseError& error);

}  // namespace banyan::cli

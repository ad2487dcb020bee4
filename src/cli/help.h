/// How --help looks.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>

namespace banyan::cli {

/// A formatter that leaves descriptions and examples as they are written, and gives an option's
/// value by its name alone.
std::shared_ptr<CLI::FormatterBase> help_formatter();

}  // namespace banyan::cli

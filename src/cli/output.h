/// Standard output that is checked: what cannot be written ends the program with an error.
#pragma once

#include <string_view>

namespace banyan::cli {

/// Makes sure that the standard streams are open and that a closed pipe is an error and not a signal. For the
/// start of the program.
void set_up_output();

/// Writes `text` and what was printed before it to standard output now. Throws std::system_error when that
/// fails, as std::print does.
void write_now(std::string_view text);

/// Writes what is still to be written and returns the exit code: `code`, or another that is not 0 when
/// standard output could not be written. Says why on standard error, except of a closed pipe: whoever reads
/// only the beginning knows.
int finish_output(int code);

}  // namespace banyan::cli

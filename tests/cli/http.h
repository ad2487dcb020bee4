/// A client for the server that the program runs.
#pragma once

#include <string>

#include "cli/program.h"

namespace banyan::cli {

/// The port in "banyan: listening on http://127.0.0.1:PORT\n", which a server says once it is ready.
int listening_port(Program& server);

/// The whole answer, from its status line on; what there was of it where the server went away.
std::string get(int port, const std::string& path);
std::string post(int port, const std::string& path, const std::string& body);

}  // namespace banyan::cli

/// Runs the built `banyan` as a user or a script would: over pipes, or at a terminal.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "support/temporary_folder.h"

namespace banyan::cli {

enum class Console { pipes, terminal };

/// The program while it runs. It gets an empty folder of its own as its home.
class Program {
 public:
  explicit Program(const std::vector<std::string>& arguments, Console console = Console::pipes,
                   const std::vector<std::string>& environment = {});
  /// Kills it if it still runs.
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void write(const std::string& text);
  void close_input();
  /// Ends the reading of its output, as `| head` does. At a terminal, with close_input(): hangs up.
  void close_output();
  void signal(int number);
  pid_t pid() const { return pid_; }

  /// Reads until what was read ends the search for `text` and returns all up to its end; later
  /// calls go on from there. Fails the test when the program ends, or is silent for long, first.
  std::string read_until(const std::string& text);
  /// Waits for the end and returns the exit code, or 128 and the number of the signal that ended it.
  int wait();
  /// The same, without reading what it still writes.
  int wait_for_end();
  /// What was written to standard output (at a terminal: everything) and not yet read_until, and
  /// to standard error; whole after wait().
  const std::string& out() const { return out_; }
  const std::string& err() const { return err_; }

  const std::string& home() const { return home_.path(); }

 private:
  /// Waits for output. Returns false when there is none to come.
  bool read_some();

  test::TemporaryFolder home_;
  pid_t pid_ = -1;
  int in_ = -1;
  int out_fd_ = -1;
  int err_fd_ = -1;
  std::string out_;
  std::string err_;
};

struct Ended {
  int code = 0;
  std::string out;
  std::string err;
};

/// The path of the model that ships of an architecture.
inline std::string shipped(const std::string& architecture) {
  return BANYAN_SOURCE_MODELS "/tally-" + architecture + "-q8_0.gguf";
}

/// Runs the program to its end with `input` piped in.
Ended run(const std::vector<std::string>& arguments, const std::string& input = {},
          const std::vector<std::string>& environment = {});

}  // namespace banyan::cli

#include "cli/output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "cli/command.h"

namespace banyan::cli {
namespace {

bool is_closed_pipe(int fd) {
  struct stat status = {};
  if (fstat(fd, &status) != 0 || !(S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode))) return false;
  pollfd pipe = {fd, POLLOUT, 0};
  return poll(&pipe, 1, 0) > 0 && (pipe.revents & POLLERR) != 0;
}

}  // namespace

void set_up_output() {
  // Otherwise the first files that are opened, such as those of the disk cache, would take the place of the
  // streams. Standard output is opened for reading only, so that writing to it still fails.
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) == -1) open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
  }
  std::signal(SIGPIPE, SIG_IGN);
}

void write_now(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw std::system_error(errno, std::generic_category());
  }
}

int finish_output(int code) {
  const int error = std::fflush(stdout) != 0 ? errno : std::ferror(stdout) != 0 ? EIO : 0;
  if (error == 0) return code;
  if (is_closed_pipe(STDOUT_FILENO)) return 128 + SIGPIPE;
  std::fprintf(stderr, "banyan: cannot write the output: %s\n", std::strerror(error));
  return code == kExitOk ? kExitFailure : code;
}

}  // namespace banyan::cli

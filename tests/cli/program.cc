#include "cli/program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string_view>

namespace banyan::cli {
namespace {

/// A program that is silent for so long hangs.
constexpr int kSilenceMs = 60000;

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

struct Pipe {
  std::array<int, 2> ends;
  Pipe() {
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  }
};

void close_if_open(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

}  // namespace

Program::Program(const std::vector<std::string>& arguments, Console console,
                 const std::vector<std::string>& environment) {
  ::signal(SIGPIPE, SIG_IGN);  // a program that ended early shows in its exit code
  std::vector<std::string> argument_texts = {"banyan"};
  argument_texts.insert(argument_texts.end(), arguments.begin(), arguments.end());
  std::vector<std::string> environment_texts = {"HOME=" + home_.path(), "TERM=xterm", "PATH=/usr/bin:/bin"};
  environment_texts.insert(environment_texts.end(), environment.begin(), environment.end());

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
  int child_ends[3] = {-1, -1, -1};
  if (console == Console::terminal) {
    winsize size = {.ws_row = 40, .ws_col = 120, .ws_xpixel = 0, .ws_ypixel = 0};
    int terminal = -1;
    std::array<char, 128> name;
    if (openpty(&in_, &terminal, name.data(), nullptr, &size) != 0) throw std::runtime_error("no terminal");
    fcntl(in_, F_SETFD, FD_CLOEXEC);
    fcntl(terminal, F_SETFD, FD_CLOEXEC);
    out_fd_ = dup(in_);
    fcntl(out_fd_, F_SETFD, FD_CLOEXEC);
    child_ends[0] = terminal;
    // Opened by the leader of a new session, it becomes the controlling terminal: Ctrl-C is a signal.
    flags |= POSIX_SPAWN_SETSID;
    posix_spawn_file_actions_addopen(&actions, 0, name.data(), O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&actions, 0, 1);
    posix_spawn_file_actions_adddup2(&actions, 0, 2);
  } else {
    const Pipe in;
    const Pipe out;
    const Pipe err;
    in_ = in.ends[1];
    out_fd_ = out.ends[0];
    err_fd_ = err.ends[0];
    child_ends[0] = in.ends[0];
    child_ends[1] = out.ends[1];
    child_ends[2] = err.ends[1];
    for (int fd = 0; fd < 3; ++fd) posix_spawn_file_actions_adddup2(&actions, child_ends[fd], fd);
  }
  sigset_t all;
  sigfillset(&all);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, flags);
  const int failed = posix_spawn(&pid_, BANYAN_PROGRAM, &actions, &attributes,
                                 pointers(argument_texts).data(), pointers(environment_texts).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  for (int& fd : child_ends) close_if_open(fd);
  if (failed != 0) throw std::runtime_error("cannot start " BANYAN_PROGRAM);
}

Program::~Program() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close_if_open(in_);
  close_if_open(out_fd_);
  close_if_open(err_fd_);
}

void Program::write(const std::string& text) {
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t count = ::write(in_, rest.data(), rest.size());
    if (count < 0) return;
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
}

void Program::close_input() { close_if_open(in_); }

void Program::close_output() { close_if_open(out_fd_); }

void Program::signal(int number) { kill(pid_, number); }

bool Program::read_some() {
  if (out_fd_ < 0 && err_fd_ < 0) return false;
  std::array<pollfd, 2> fds = {{{out_fd_, POLLIN, 0}, {err_fd_, POLLIN, 0}}};
  if (poll(fds.data(), fds.size(), kSilenceMs) <= 0) {
    ADD_FAILURE() << "the program hangs; so far: " << out_ << err_;
    kill(pid_, SIGKILL);
    return false;
  }
  const auto take = [&](int& fd, short events, std::string& text) {
    if (events == 0) return;
    std::array<char, 4096> buffer;
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count <= 0) return close_if_open(fd);
    text.append(buffer.data(), static_cast<std::size_t>(count));
  };
  take(out_fd_, fds[0].revents, out_);
  take(err_fd_, fds[1].revents, err_);
  return true;
}

std::string Program::read_until(const std::string& text) {
  std::size_t at = out_.find(text);
  while (at == std::string::npos) {
    if (!read_some()) {
      ADD_FAILURE() << "waited for '" << text << "', but got: " << out_ << err_;
      return {};
    }
    at = out_.find(text);
  }
  const std::string read = out_.substr(0, at + text.size());
  out_.erase(0, read.size());
  return read;
}

int Program::wait() {
  while (read_some()) {
  }
  return wait_for_end();
}

int Program::wait_for_end() {
  int status = 0;
  // A program that does not end is ended, which shows in the code.
  for (int waited_ms = 0; waitpid(pid_, &status, WNOHANG) == 0; waited_ms += 10) {
    if (waited_ms >= kSilenceMs) {
      ADD_FAILURE() << "the program does not end";
      kill(pid_, SIGKILL);
    }
    poll(nullptr, 0, 10);
  }
  pid_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

Ended run(const std::vector<std::string>& arguments, const std::string& input,
          const std::vector<std::string>& environment) {
  Program program(arguments, Console::pipes, environment);
  program.write(input);
  program.close_input();
  const int code = program.wait();
  return {code, program.out(), program.err()};
}

}  // namespace banyan::cli

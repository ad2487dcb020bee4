#include "cli/interrupts.h"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <ctime>
#include <initializer_list>

namespace banyan::cli {
namespace {

int last_signal = 0;

bool is_ignored(int signal) {
  struct sigaction action = {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

Interrupts::Interrupts() {
  sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    if (!is_ignored(signal)) sigaddset(&signals_, signal);
  }
  pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  descriptor_ = signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK);
}

Interrupts::~Interrupts() {
  forget();
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  close(descriptor_);
}

void Interrupts::take(int signal) {
  last_signal = signal;
  raised_ = true;
  if (signal != SIGINT) ending_ = true;
}

bool Interrupts::raised() {
  constexpr timespec no_wait = {};
  for (int signal = 0; (signal = sigtimedwait(&signals_, nullptr, &no_wait)) > 0;) take(signal);
  return raised_;
}

bool Interrupts::ending() {
  raised();
  return ending_;
}

void Interrupts::forget() {
  raised();
  raised_ = ending_;
}

void Interrupts::wait() {
  int signal = 0;
  if (!raised() && sigwait(&signals_, &signal) == 0) take(signal);
}

void Interrupts::release() {
  raised();
  sigset_t now;
  sigemptyset(&now);
  for (const int signal : {SIGINT, SIGTERM}) {
    if (sigismember(&before_, signal) == 0) sigaddset(&now, signal);
  }
  pthread_sigmask(SIG_UNBLOCK, &now, nullptr);
}

int Interrupts::exit_code() { return last_signal == 0 ? 0 : 128 + last_signal; }

}  // namespace banyan::cli

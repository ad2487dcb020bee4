#include "cli/interrupts.h"

#include <pthread.h>

#include <ctime>

namespace banyan::cli {

Interrupts::Interrupts(std::initializer_list<int> signals) {
  sigemptyset(&signals_);
  for (const int signal : signals) sigaddset(&signals_, signal);
  pthread_sigmask(SIG_BLOCK, &signals_, &before_);
}

Interrupts::~Interrupts() {
  forget();
  release();
}

bool Interrupts::raised() {
  constexpr timespec no_wait = {};
  if (sigtimedwait(&signals_, nullptr, &no_wait) > 0) raised_ = true;
  return raised_;
}

void Interrupts::forget() {
  do {
    raised_ = false;
  } while (raised());
}

void Interrupts::wait() {
  int signal = 0;
  if (!raised()) raised_ = sigwait(&signals_, &signal) == 0;
}

void Interrupts::release() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

}  // namespace banyan::cli

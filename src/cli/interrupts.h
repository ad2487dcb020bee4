/// Ctrl-C, and requests to end, as something to ask for instead of something that happens.
///
/// While an Interrupts lives its signals are held back from every thread that was started under
/// it, so nothing runs in a signal handler.
#pragma once

#include <csignal>
#include <initializer_list>

namespace banyan::cli {

class Interrupts {
 public:
  explicit Interrupts(std::initializer_list<int> signals = {SIGINT});
  /// Lets the signals through again. What arrived and was not asked for is dropped.
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// Whether a signal has arrived since the start or the last forget(). One thread at a time.
  bool raised();
  void forget();
  /// Blocks until a signal arrives.
  void wait();
  /// From now on a signal ends the program at once.
  void release();

 private:
  sigset_t signals_;
  sigset_t before_;
  bool raised_ = false;
};

}  // namespace banyan::cli

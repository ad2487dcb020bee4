/// Ctrl-C, SIGTERM and SIGHUP as something to ask for instead of something that happens.
///
/// While an Interrupts lives, these signals are blocked in every thread that was started under it, so
/// nothing runs in a signal handler.
#pragma once

#include <csignal>

namespace banyan::cli {

/// At most one at a time in a program.
class Interrupts {
 public:
  /// A signal that the program was started to ignore, as by nohup, stays ignored.
  Interrupts();
  /// Lets the signals through again. What arrived and was not asked for is dropped.
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// Whether a signal has arrived since the start or the last forget(). One thread at a time.
  bool raised();
  /// Whether SIGTERM or SIGHUP has arrived, which ask the program to end. One thread at a time.
  bool ending();
  /// Forgets Ctrl-C. What asks the program to end is never forgotten.
  void forget();
  /// Blocks until a signal arrives.
  void wait();
  /// Readable, for poll(), while a signal waits to be asked for.
  int descriptor() const { return descriptor_; }
  /// From now on a second Ctrl-C or SIGTERM ends the program at once. A second SIGHUP does not: a
  /// terminal that closes can send several.
  void release();

  /// What a program that ends because of a signal returns: 128 and the number of the last signal
  /// that any Interrupts received, or 0 when there was none.
  static int exit_code();

 private:
  void take(int signal);

  sigset_t signals_;
  sigset_t before_;
  int descriptor_;
  bool raised_ = false;
  bool ending_ = false;
};

}  // namespace banyan::cli

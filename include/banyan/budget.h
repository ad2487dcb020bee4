/// One budget in bytes for what grows with the work: keys and values, recurrent states, scratch, and what the
/// cache knows of tokens besides (its tries, in memory and of a lower tier).
///
/// Not counted: the weights; what the system, ggml's graphs, HTTP and its clients take; the tokens of
/// requests and sessions, some 12 bytes each; and of each segment some 150 bytes that describe it.
///
/// Whoever allocates takes a Charge first and holds it as long as the memory. When a charge would
/// pass the limit, the budget asks its reclaimer (the cache, which evicts) for room and tries
/// again; when nothing more can go, the charge is refused. What is charged never exceeds the limit. The
/// overhead is counted as it comes, in steps of less than a KiB and some bytes a token: it may pass the limit
/// until the next charge, which makes room for it.
///
/// Engine thread only, except what only reads a number, which any thread may call.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>

#include "banyan/base.h"

namespace banyan {

class Budget;

/// Bytes taken from a Budget; gives them back when destroyed. Move-only. The budget must outlive it.
class Charge {
 public:
  Charge() = default;
  Charge(Charge&& other) noexcept;
  Charge& operator=(Charge&& other) noexcept;
  ~Charge();

  std::size_t bytes() const { return bytes_; }
  /// Gives the bytes back now.
  void release();

 private:
  friend class Budget;
  Charge(Budget* budget, std::size_t bytes) : budget_(budget), bytes_(bytes) {}
  Budget* budget_ = nullptr;
  std::size_t bytes_ = 0;
};

class Budget {
 public:
  /// Frees some memory that is charged here, at best `wanted` bytes. Returns false when nothing
  /// more can go. Called until the charge fits, so each call must make progress or return false;
  /// dropping one of several owners of a piece of memory is progress, though it frees nothing yet.
  using Reclaimer = std::function<bool(std::size_t wanted)>;

  explicit Budget(std::size_t limit_bytes) : limit_(limit_bytes) {}
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  /// Takes `bytes`, reclaiming if needed. Errors: out_of_memory, naming what was wanted (`what`)
  /// and the limit.
  Result<Charge> take(std::size_t bytes, const char* what);

  /// Asks the reclaimer once, for memory that the operating system (not this budget) refused.
  bool reclaim(std::size_t wanted);

  /// Sets who frees memory; an empty function for nobody.
  void set_reclaimer(Reclaimer reclaimer) { reclaimer_ = std::move(reclaimer); }

  /// Counts so many bytes besides the charges, in place of those of the last call: of memory that comes and
  /// goes in pieces too small to charge.
  void set_overhead(std::size_t bytes);

  std::size_t limit() const { return limit_; }
  /// What is charged, and the overhead.
  std::size_t used() const { return charged() + overhead(); }
  std::size_t charged() const { return charged_.load(std::memory_order_relaxed); }
  std::size_t overhead() const { return overhead_.load(std::memory_order_relaxed); }
  /// The most that was used after any charge.
  std::size_t peak() const { return peak_.load(std::memory_order_relaxed); }

 private:
  friend class Charge;
  void give_back(std::size_t bytes);

  const std::size_t limit_;
  std::atomic<std::size_t> charged_ = 0;
  std::atomic<std::size_t> overhead_ = 0;
  std::atomic<std::size_t> peak_ = 0;
  Reclaimer reclaimer_;
};

}  // namespace banyan

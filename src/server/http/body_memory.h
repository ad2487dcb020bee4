/// How much the bodies of requests may take together.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace banyan {

/// Received bytes are refused above a limit. As JSON, tokens and the text between them, a body takes many
/// times its bytes, so large ones wait for their turn and are not refused. Any thread. Must outlive its
/// shares.
class BodyMemory {
 public:
  /// `received`: most bytes of bodies at once; `at_work`: most bytes of those that are worked at, unless
  /// there is only one.
  BodyMemory(std::size_t received, std::size_t at_work) : most_received_(received), most_at_work_(at_work) {}

  /// Of one body, while its bytes are kept.
  class Share {
   public:
    explicit Share(BodyMemory& memory) : memory_(memory) {}
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    /// More bytes have come. False: there is no room for them.
    bool grow(std::size_t bytes);
    /// Blocks until the body's turn has come, in the order of the calls. Once.
    void wait_to_work();

   private:
    BodyMemory& memory_;
    std::size_t bytes_ = 0;
    bool works_ = false;
  };

 private:
  const std::size_t most_received_;
  const std::size_t most_at_work_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t received_ = 0;
  std::size_t at_work_ = 0;
  std::size_t arrived_ = 0;  // bodies that have asked to be worked at
  std::size_t begun_ = 0;    // those of them whose turn has come
};

}  // namespace banyan

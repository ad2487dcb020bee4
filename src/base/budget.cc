#include "banyan/budget.h"

#include <utility>

namespace banyan {

Charge::Charge(Charge&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Charge& Charge::operator=(Charge&& other) noexcept {
  if (this != &other) {
    release();
    budget_ = std::exchange(other.budget_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

Charge::~Charge() { release(); }

void Charge::release() {
  if (budget_ != nullptr) budget_->give_back(bytes_);
  budget_ = nullptr;
  bytes_ = 0;
}

Result<Charge> Budget::take(std::size_t bytes, const char* what) {
  if (bytes > limit_) {
    return fail(Errc::out_of_memory, std::string(what) + " needs " + std::to_string(bytes) +
                                         " bytes; the memory budget is " + std::to_string(limit_));
  }
  while (used() > limit_ - bytes) {
    if (!reclaim(used() - (limit_ - bytes))) {
      return fail(Errc::out_of_memory, std::string(what) + " needs " + std::to_string(bytes) + " bytes; " +
                                           std::to_string(used()) + " of the memory budget of " +
                                           std::to_string(limit_) + " are in use and cannot be freed");
    }
  }
  charged_.fetch_add(bytes, std::memory_order_relaxed);
  if (const std::size_t now = used(); now > peak()) peak_.store(now, std::memory_order_relaxed);
  return Charge(this, bytes);
}

bool Budget::reclaim(std::size_t wanted) { return reclaimer_ && reclaimer_(wanted); }

void Budget::set_overhead(std::size_t bytes) { overhead_.store(bytes, std::memory_order_relaxed); }

void Budget::give_back(std::size_t bytes) { charged_.fetch_sub(bytes, std::memory_order_relaxed); }

}  // namespace banyan

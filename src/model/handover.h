/// Work that goes from thread to thread in ggml's graphs, for the thread sanitizer: it cannot see ggml's
/// barriers, which order the operations. In other builds these functions do nothing.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define BANYAN_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BANYAN_THREAD_SANITIZER
#endif
#endif

#ifdef BANYAN_THREAD_SANITIZER
#include <atomic>
#endif

namespace banyan {

#ifdef BANYAN_THREAD_SANITIZER
inline std::atomic<unsigned> handovers = 0;
/// What this thread did before is seen by threads that take over later.
inline void hand_over() { handovers.fetch_add(1, std::memory_order_release); }
inline void take_over() { static_cast<void>(handovers.load(std::memory_order_acquire)); }
#else
inline void hand_over() {}
inline void take_over() {}
#endif

}  // namespace banyan

/// What a template may cost: how the interpreter counts and where it stops.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace banyan::jinja {

/// What rendering may cost. The defaults are far above what the templates of real models need for
/// conversations of megabytes, and small enough that a template without an end stops within a second or two.
struct Limits {
  /// A step is an expression, a statement, an element of a list, or 32 bytes that are read or written.
  std::uint64_t steps = 30'000'000;
  /// Expressions, statements and macros within one another. A level takes up to 1 KiB of the stack.
  int depth = 400;
  /// Bytes of the rendered text, and of a text that is captured on the way to it.
  std::size_t output_bytes = 64 << 20;
  /// Bytes of all strings, lists and dictionaries that exist at one time, the context's among them.
  std::size_t value_bytes = 512 << 20;
  /// Numbers in a range(); jinja2's sandbox has the same.
  std::int64_t range = 100'000;
};

/// Why a template cannot be read or rendered. Thrown and caught within src/jinja.
struct Failure {
  std::string message;
  bool is_limit = false;
};

[[noreturn]] inline void failed(std::string message) { throw Failure{std::move(message)}; }
[[noreturn]] inline void past_limit(const std::string& limit) {
  throw Failure{"the template is past its limit of " + limit, true};
}

/// Lists and dictionaries within one another, so that who walks through a value may recurse.
inline constexpr int kMaxValueDepth = 100;

/// Counts what a rendering costs and throws Failure at a limit.
class Meter {
 public:
  explicit Meter(const Limits& limits) : limits_(limits) {}

  void step(std::uint64_t count = 1) {
    steps_ += count;
    if (steps_ > limits_.steps) past("steps", limits_.steps);
  }
  /// So many bytes are read or written.
  void work(std::size_t bytes) { step(bytes / 32); }

  /// A value of so many bytes is about to be made.
  void room(std::size_t bytes) const {
    if (bytes > limits_.value_bytes - bytes_) past("bytes of values", limits_.value_bytes);
  }
  void add(std::size_t bytes) {
    room(bytes);
    bytes_ += bytes;
  }
  void remove(std::size_t bytes) { bytes_ -= bytes; }

  void output(std::size_t bytes) const {
    if (bytes > limits_.output_bytes) past("bytes of output", limits_.output_bytes);
  }
  void range(std::uint64_t length) const {
    if (length > static_cast<std::uint64_t>(limits_.range)) past("numbers in a range", limits_.range);
  }
  void enter() {
    if (depth_ >= limits_.depth) past("levels of nesting", limits_.depth);
    ++depth_;
  }
  void leave() { --depth_; }
  int depth() const { return depth_; }

 private:
  template <class N>
  [[noreturn]] static void past(const char* what, N limit) {
    past_limit(std::to_string(limit) + " " + what);
  }

  const Limits limits_;
  std::uint64_t steps_ = 0;
  std::size_t bytes_ = 0;
  int depth_ = 0;
};

/// A level of nesting while it lives.
class Nest {
 public:
  explicit Nest(Meter& meter) : meter_(meter) { meter_.enter(); }
  ~Nest() { meter_.leave(); }
  Nest(const Nest&) = delete;
  Nest& operator=(const Nest&) = delete;

 private:
  Meter& meter_;
};

/// Bytes of a value while it lives. Without a meter (a template's own constants) they do not count.
class Charge {
 public:
  Charge(Meter* meter, std::size_t bytes) : meter_(meter), bytes_(bytes) {
    if (meter_) meter_->add(bytes_);
  }
  ~Charge() {
    if (meter_) meter_->remove(bytes_);
  }
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;

 private:
  Meter* meter_;
  std::size_t bytes_;
};

}  // namespace banyan::jinja

/// What a rendering works with, and the objects that templates hold.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jinja/limits.h"
#include "jinja/value.h"

namespace banyan::jinja {

/// The variables of a scope, by the numbers that the parser gave their names.
struct Frame {
  explicit Frame(std::shared_ptr<Frame> within) : parent(std::move(within)) {}

  const Value* find(int name) const;
  void set(int name, Value value);

  std::shared_ptr<Frame> parent;
  std::vector<std::pair<int, Value>> values;
  bool kept = false;  ///< see Runtime::keep
};

/// An object whose values may change, so that it may come to hold itself.
class Holder : public Object {
 public:
  using Object::Object;
  virtual void clear() = 0;  ///< lets go of these values
};

/// One rendering.
class Runtime {
 public:
  Runtime(const Limits& limits, std::chrono::system_clock::time_point time) : meter(limits), now(time) {}
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  /// What may hold itself (through a variable or an attribute) is emptied at the end.
  void keep(std::shared_ptr<Holder> holder) { holders_.push_back(std::move(holder)); }
  void keep(const std::shared_ptr<Frame>& frame);

  Meter meter;
  const std::chrono::system_clock::time_point now;
  int line = 1;                ///< of what is evaluated
  std::vector<Value> globals;  ///< by the numbers of their names

 private:
  std::vector<std::shared_ptr<Holder>> holders_;
  std::vector<std::shared_ptr<Frame>> frames_;
};

/// A function of the interpreter itself.
class Function : public Object {
 public:
  using Body = Value (*)(Runtime&, const Args&);
  Function(std::string_view name, Body body) : Object(nullptr, 0, 1), name_(name), body_(body) {}
  std::string_view type_name() const override { return "function"; }
  bool callable() const override { return true; }
  Value call(Runtime& runtime, const Args& args) override;

 private:
  std::string_view name_;
  Body body_;
};

/// A method with the value that it was taken from.
class BoundMethod : public Object {
 public:
  using Body = Value (*)(Runtime&, const Value& self, const Args&);
  BoundMethod(Runtime& runtime, Value self, Body body, int depth)
      : Object(&runtime.meter, sizeof(BoundMethod), depth), self_(std::move(self)), body_(body) {}
  std::string_view type_name() const override { return "builtin_function_or_method"; }
  bool callable() const override { return true; }
  Value call(Runtime& runtime, const Args& args) override;

 private:
  Value self_;
  Body body_;
};

class Range : public Object {
 public:
  Range(Meter& meter, std::int64_t start, std::int64_t stop, std::int64_t step);
  std::string_view type_name() const override { return "range"; }
  std::int64_t size() const { return size_; }
  Value attribute(Runtime& runtime, std::string_view name) override;
  /// REQUIRES: index < size()
  std::int64_t at(std::int64_t index) const {
    // The product alone may be past 64 bits, so that it is taken modulo 2^64.
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(start_) +
                                     static_cast<std::uint64_t>(index) * static_cast<std::uint64_t>(step_));
  }
  /// Every `by`th number from the `first` to before the `last`, which may be one outside.
  std::shared_ptr<Range> slice(Meter& meter, std::int64_t first, std::int64_t last, std::int64_t by) const;
  std::string repr() const;
  bool operator==(const Range& other) const;

 private:
  std::int64_t start_, stop_, step_, size_;
};

class Namespace : public Holder {
 public:
  explicit Namespace(Meter* meter) : Holder(meter, sizeof(Namespace), 1), meter_(meter) {}
  std::string_view type_name() const override { return "Namespace"; }
  Value attribute(Runtime& runtime, std::string_view name) override;
  void set(const std::string& name, Value value);
  void clear() override { attributes_.clear(); }
  const std::vector<std::pair<std::string, Value>>& attributes() const { return attributes_; }

 private:
  Meter* meter_;
  std::vector<std::pair<std::string, Value>> attributes_;
};

class Cycler : public Object {
 public:
  Cycler(Runtime& runtime, ListPtr items);
  std::string_view type_name() const override { return "Cycler"; }
  Value attribute(Runtime& runtime, std::string_view name) override;
  Value next();
  void reset() { at_ = 0; }

 private:
  ListPtr items_;
  std::size_t at_ = 0;
};

class Joiner : public Object {
 public:
  Joiner(Runtime& runtime, Value separator)
      : Object(&runtime.meter, sizeof(Joiner), 1), separator_(std::move(separator)) {}
  std::string_view type_name() const override { return "Joiner"; }
  bool callable() const override { return true; }
  Value call(Runtime& runtime, const Args& args) override;

 private:
  Value separator_;
  bool used_ = false;
};

std::string undefined_message(const Undefined& undefined);
/// A function of every template: range, dict, namespace and the like; undefined if there is none.
Value global_function(std::string_view name);
/// The elements of a value, as a for loop takes them. Fails for what cannot be iterated over.
ListPtr elements(Runtime& runtime, const Value& value);
/// `value.name` without looking for an item: methods and the attributes of objects.
Value method_of(Runtime& runtime, const Value& value, std::string_view name);

}  // namespace banyan::jinja

/// Macros and loops as values.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "jinja/ast.h"

namespace banyan::jinja {

class Macro : public Object {
 public:
  /// Keeps the frame that it is defined in, which may hold it.
  Macro(Runtime& runtime, const MacroCode& code, const std::shared_ptr<Frame>& frame);
  std::string_view type_name() const override { return "Macro"; }
  Value attribute(Runtime& runtime, std::string_view name) override;
  bool callable() const override { return true; }
  Value call(Runtime& runtime, const Args& args) override;

 private:
  const MacroCode& code_;
  std::shared_ptr<Frame> frame_;
};

/// `loop` in the body of a for.
class Loop : public Holder {
 public:
  /// `frame` is null where the loop is not recursive.
  Loop(Runtime& runtime, const For& code, std::shared_ptr<Frame> frame, ListPtr items, int level);
  std::string_view type_name() const override { return "LoopContext"; }
  Value attribute(Runtime& runtime, std::string_view name) override;
  bool callable() const override { return true; }
  Value call(Runtime& runtime, const Args& args) override;
  void at(std::size_t index) { index_ = index; }
  bool changed(Runtime& runtime, const std::vector<Value>& values);
  Value cycle(const std::vector<Value>& values) const;
  void clear() override { last_.reset(); }

 private:
  const For& code_;
  std::shared_ptr<Frame> frame_;
  ListPtr items_;
  int level_;  ///< of recursion
  std::size_t index_ = 0;
  ListPtr last_;       ///< what `changed` saw
  bool kept_ = false;  ///< see Runtime::keep
};

/// Runs a for loop over `iterable`. `level` says how many times a recursive loop has called itself to get
/// here.
Flow run_loop(const For& loop, Runtime& runtime, const std::shared_ptr<Frame>& frame, const Value& iterable,
              int level, Writer& out);

void assign(const Target& target, Runtime& runtime, const std::shared_ptr<Frame>& frame, const Value& value);
Args evaluate_arguments(const Arguments& arguments, Runtime& runtime, const std::shared_ptr<Frame>& frame);

}  // namespace banyan::jinja

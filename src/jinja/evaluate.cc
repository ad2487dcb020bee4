// Expressions.
#include "jinja/macro.h"

namespace banyan::jinja {

using FramePtr = std::shared_ptr<Frame>;

Value evaluate(const Expression& expression, Runtime& runtime, const FramePtr& frame) {
  const Nest nest(runtime.meter);
  runtime.meter.step();
  runtime.line = expression.line;
  return expression.evaluate(runtime, frame);
}

namespace {

Value evaluate_or_none(const Expr& expression, Runtime& runtime, const FramePtr& frame) {
  return expression ? evaluate(*expression, runtime, frame) : Value(None{});
}

// A filter or a test, `function`, on its value and arguments.
template <class CallNode, class Function>
Value apply(const CallNode& node, Function function, Runtime& runtime, const FramePtr& frame) {
  const Value input = evaluate(*node.value, runtime, frame);
  const Args args = evaluate_arguments(node.arguments, runtime, frame);
  runtime.line = node.line;
  return function(runtime, input, args);
}

}  // namespace

Value Constant::evaluate(Runtime&, const FramePtr&) const { return value; }

Value Name::evaluate(Runtime& runtime, const FramePtr& frame) const {
  for (const Frame* each = frame.get(); each; each = each->parent.get()) {
    runtime.meter.step(each->values.size() / 16);
    if (const Value* found = each->find(name)) return *found;
  }
  return runtime.globals[static_cast<std::size_t>(name)];
}

Value ListLiteral::evaluate(Runtime& runtime, const FramePtr& frame) const {
  std::vector<Value> values;
  values.reserve(items.size());
  for (const Expr& item : items) values.push_back(jinja::evaluate(*item, runtime, frame));
  return make_list(&runtime.meter, std::move(values), shape);
}

Value DictLiteral::evaluate(Runtime& runtime, const FramePtr& frame) const {
  auto dict = std::make_shared<Dict>(&runtime.meter);
  for (const auto& [key, value] : entries) {
    Value made_key = jinja::evaluate(*key, runtime, frame);
    dict->set(std::move(made_key), jinja::evaluate(*value, runtime, frame));
  }
  return DictPtr(std::move(dict));
}

Value Unary::evaluate(Runtime& runtime, const FramePtr& frame) const {
  const Value value = jinja::evaluate(*operand, runtime, frame);
  if (op == '!') return !truthy(value);
  return op == '-' ? negate(value) : posate(value);
}

Value Binary::evaluate(Runtime& runtime, const FramePtr& frame) const {
  const Value first = jinja::evaluate(*left, runtime, frame);
  return operate(runtime, op, first, jinja::evaluate(*right, runtime, frame));
}

Value Logical::evaluate(Runtime& runtime, const FramePtr& frame) const {
  Value first = jinja::evaluate(*left, runtime, frame);
  if (truthy(first) != is_and) return first;
  return jinja::evaluate(*right, runtime, frame);
}

Value Concat::evaluate(Runtime& runtime, const FramePtr& frame) const {
  Writer out(runtime.meter);
  for (const Expr& part : parts) write_str(out, jinja::evaluate(*part, runtime, frame));
  return out.take();
}

Value Compare::evaluate(Runtime& runtime, const FramePtr& frame) const {
  Value left = jinja::evaluate(*first, runtime, frame);
  for (const auto& [comparison, expression] : rest) {
    Value right = jinja::evaluate(*expression, runtime, frame);
    if (!compare(runtime, comparison, left, right)) return false;
    left = std::move(right);
  }
  return true;
}

Value Conditional::evaluate(Runtime& runtime, const FramePtr& frame) const {
  if (truthy(jinja::evaluate(*condition, runtime, frame))) return jinja::evaluate(*then, runtime, frame);
  if (otherwise) return jinja::evaluate(*otherwise, runtime, frame);
  return Value::undefined(&runtime.meter,
                          "the inline if-expression evaluated to false and no else section was defined");
}

Value Attribute::evaluate(Runtime& runtime, const FramePtr& frame) const {
  return get_attribute(runtime, jinja::evaluate(*of, runtime, frame), name);
}

Value Item::evaluate(Runtime& runtime, const FramePtr& frame) const {
  const Value value = jinja::evaluate(*of, runtime, frame);
  return get_item(runtime, value, jinja::evaluate(*key, runtime, frame));
}

Value Slice::evaluate(Runtime& runtime, const FramePtr& frame) const {
  const Value value = jinja::evaluate(*of, runtime, frame);
  const Value first = evaluate_or_none(start, runtime, frame);
  const Value last = evaluate_or_none(stop, runtime, frame);
  return get_slice(runtime, value, first, last, evaluate_or_none(step, runtime, frame));
}

Value Call::evaluate(Runtime& runtime, const FramePtr& frame) const {
  const Value function = jinja::evaluate(*callee, runtime, frame);
  const Args args = evaluate_arguments(arguments, runtime, frame);
  runtime.line = line;
  return call(runtime, function, args);
}

Value FilterCall::evaluate(Runtime& runtime, const FramePtr& frame) const {
  if (!filter) failed("No filter named '" + name + "'.");
  return apply(*this, filter, runtime, frame);
}

Value TestCall::evaluate(Runtime& runtime, const FramePtr& frame) const {
  if (!test) failed("No test named '" + name + "'.");
  return apply(*this, test, runtime, frame);
}

}  // namespace banyan::jinja

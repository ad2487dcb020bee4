// Statements.
#include "jinja/macro.h"

namespace banyan::jinja {
namespace {

using FramePtr = std::shared_ptr<Frame>;

// The filters of a block, on what its body wrote.
Value apply_filters(const Expression& filters, Runtime& runtime, const FramePtr& frame, Value text) {
  const auto inner = std::make_shared<Frame>(frame);
  inner->set(kFiltered, std::move(text));
  return evaluate(filters, runtime, inner);
}

}  // namespace

Flow execute(const Body& body, Runtime& runtime, const FramePtr& frame, Writer& out) {
  const Nest nest(runtime.meter);
  for (const auto& statement : body) {
    runtime.meter.step();
    runtime.line = statement->line;
    const Flow flow = statement->execute(runtime, frame, out);
    if (flow != Flow::next) return flow;
  }
  return Flow::next;
}

Flow Data::execute(Runtime&, const FramePtr&, Writer& out) const {
  out.write(text);
  return Flow::next;
}

Flow Output::execute(Runtime& runtime, const FramePtr& frame, Writer& out) const {
  write_str(out, evaluate(*value, runtime, frame));
  return Flow::next;
}

Flow If::execute(Runtime& runtime, const FramePtr& frame, Writer& out) const {
  for (const auto& [condition, body] : branches) {
    if (truthy(evaluate(*condition, runtime, frame))) return jinja::execute(body, runtime, frame, out);
  }
  return jinja::execute(otherwise, runtime, frame, out);
}

Flow For::execute(Runtime& runtime, const FramePtr& frame, Writer& out) const {
  return run_loop(*this, runtime, frame, evaluate(*iterable, runtime, frame), 0, out);
}

Flow Jump::execute(Runtime&, const FramePtr&, Writer&) const { return flow; }

Flow Set::execute(Runtime& runtime, const FramePtr& frame, Writer&) const {
  if (value) {
    assign(target, runtime, frame, evaluate(*value, runtime, frame));
    return Flow::next;
  }
  Writer text(runtime.meter);
  const auto inner = std::make_shared<Frame>(frame);
  const Flow flow = jinja::execute(body, runtime, inner, text);
  if (flow != Flow::next) return flow;
  Value written = text.take();
  if (filters) written = apply_filters(*filters, runtime, frame, std::move(written));
  assign(target, runtime, frame, written);
  return Flow::next;
}

Flow With::execute(Runtime& runtime, const FramePtr& frame, Writer& out) const {
  const auto inner = std::make_shared<Frame>(frame);
  for (const auto& [target, value] : variables)
    assign(target, runtime, inner, evaluate(*value, runtime, frame));
  return jinja::execute(body, runtime, inner, out);
}

Flow MacroStatement::execute(Runtime& runtime, const FramePtr& frame, Writer&) const {
  frame->set(name, ObjectPtr(std::make_shared<Macro>(runtime, code, frame)));
  return Flow::next;
}

Flow CallBlock::execute(Runtime& runtime, const FramePtr& frame, Writer& out) const {
  const auto& called = static_cast<const Call&>(*call);
  const Value function = evaluate(*called.callee, runtime, frame);
  Args args = evaluate_arguments(called.arguments, runtime, frame);
  args.named.emplace_back("caller", ObjectPtr(std::make_shared<Macro>(runtime, code, frame)));
  write_str(out, jinja::call(runtime, function, args));
  return Flow::next;
}

Flow FilterBlock::execute(Runtime& runtime, const FramePtr& frame, Writer& out) const {
  Writer text(runtime.meter);
  const auto inner = std::make_shared<Frame>(frame);
  const Flow flow = jinja::execute(body, runtime, inner, text);
  if (flow != Flow::next) return flow;
  write_str(out, apply_filters(*filters, runtime, frame, text.take()));
  return Flow::next;
}

}  // namespace banyan::jinja

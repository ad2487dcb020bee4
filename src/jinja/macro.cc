#include "jinja/macro.h"

#include <algorithm>
#include <utility>

namespace banyan::jinja {
namespace {

Value loop_cycle(Runtime&, const Value& self, const Args& args) {
  return self.object_as<Loop>()->cycle(args.positional);
}

Value loop_changed(Runtime& runtime, const Value& self, const Args& args) {
  return self.object_as<Loop>()->changed(runtime, args.positional);
}

}  // namespace

Macro::Macro(Runtime& runtime, const MacroCode& code, const std::shared_ptr<Frame>& frame)
    : Object(&runtime.meter, sizeof(Macro), 1), code_(code), frame_(frame) {
  runtime.keep(frame);
}

Value Macro::attribute(Runtime& runtime, std::string_view name) {
  if (name == "name") return make_text(&runtime.meter, code_.name);
  return {};
}

Value Macro::call(Runtime& runtime, const Args& args) {
  const auto frame = std::make_shared<Frame>(frame_);
  const std::size_t count = code_.parameters.size();
  std::vector<const Value*> given(count, nullptr);
  for (std::size_t i = 0; i < std::min(count, args.positional.size()); ++i) given[i] = &args.positional[i];
  const auto rest = std::make_shared<Dict>(&runtime.meter);
  Value caller = Value::undefined(&runtime.meter, "No caller defined");
  for (const auto& [name, value] : args.named) {
    runtime.meter.step(1 + count / 16);
    const auto parameter = std::ranges::find(code_.parameters, name, &MacroCode::Parameter::name);
    if (parameter != code_.parameters.end()) {
      const Value*& place = given[static_cast<std::size_t>(parameter - code_.parameters.begin())];
      if (place) failed("macro '" + code_.name + "' got '" + name + "' twice");
      place = &value;
    } else if (name == "caller" && code_.caller >= 0) {
      caller = value;
    } else if (code_.kwargs >= 0) {
      rest->set(make_text(&runtime.meter, name), value);
    } else {
      failed("macro '" + code_.name + "' takes no keyword argument '" + name + "'");
    }
  }
  if (args.positional.size() > count && code_.varargs < 0) {
    failed("macro '" + code_.name + "' takes not more than " + std::to_string(count) + " argument(s)");
  }
  runtime.meter.step(count * (1 + count / 32));
  for (std::size_t i = 0; i < count; ++i) {
    const MacroCode::Parameter& parameter = code_.parameters[i];
    if (given[i]) {
      frame->set(parameter.number, *given[i]);
    } else if (parameter.otherwise) {
      frame->set(parameter.number, evaluate(*parameter.otherwise, runtime, frame));
    } else {
      frame->set(parameter.number,
                 Value::undefined(&runtime.meter, "parameter '" + parameter.name + "' was not provided"));
    }
  }
  if (code_.caller >= 0) frame->set(code_.caller, caller);
  if (code_.kwargs >= 0) frame->set(code_.kwargs, DictPtr(rest));
  if (code_.varargs >= 0) {
    const std::size_t extra = std::min(count, args.positional.size());
    frame->set(code_.varargs, make_list(&runtime.meter,
                                        {args.positional.begin() + static_cast<std::ptrdiff_t>(extra),
                                         args.positional.end()},
                                        Shape::tuple));
  }
  Writer out(runtime.meter);
  execute(code_.body, runtime, frame, out);
  return out.take();
}

Loop::Loop(Runtime& runtime, const For& code, std::shared_ptr<Frame> frame, ListPtr items, int level)
    : Holder(&runtime.meter, sizeof(Loop), items->depth + 1),
      code_(code),
      frame_(std::move(frame)),
      items_(std::move(items)),
      level_(level) {}

Value Loop::attribute(Runtime& runtime, std::string_view name) {
  const auto number = [](std::size_t value) { return static_cast<std::int64_t>(value); };
  const std::size_t size = items_->items.size();
  if (name == "index") return number(index_ + 1);
  if (name == "index0") return number(index_);
  if (name == "revindex") return number(size - index_);
  if (name == "revindex0") return number(size - index_ - 1);
  if (name == "first") return index_ == 0;
  if (name == "last") return index_ + 1 == size;
  if (name == "length") return number(size);
  if (name == "depth") return std::int64_t{level_ + 1};
  if (name == "depth0") return std::int64_t{level_};
  if (name == "previtem")
    return index_ > 0 ? items_->items[index_ - 1]
                      : Value::undefined(&runtime.meter, "there is no previous item");
  if (name == "nextitem")
    return index_ + 1 < size ? items_->items[index_ + 1]
                             : Value::undefined(&runtime.meter, "there is no next item");
  if (name != "cycle" && name != "changed") return {};
  return ObjectPtr(std::make_shared<BoundMethod>(runtime, ObjectPtr(shared_from_this()),
                                                 name == "cycle" ? loop_cycle : loop_changed, depth() + 1));
}

Value Loop::call(Runtime& runtime, const Args& args) {
  if (!frame_) failed("The loop must have the 'recursive' marker to be called recursively.");
  const Value iterable = args.bind("loop", {"iterable"})[0];
  Writer out(runtime.meter);
  run_loop(code_, runtime, frame_, iterable, level_ + 1, out);
  return out.take();
}

bool Loop::changed(Runtime& runtime, const std::vector<Value>& values) {
  const Value now = make_list(&runtime.meter, values, Shape::tuple);
  const bool same = last_ && equal(&runtime.meter, last_, now);
  last_ = *now.as<ListPtr>();
  // Only such a deep value can hold this loop, or another one in a chain of many.
  if (last_->depth > depth() && !std::exchange(kept_, true)) {
    runtime.keep(std::static_pointer_cast<Holder>(shared_from_this()));
  }
  return !same;
}

Value Loop::cycle(const std::vector<Value>& values) const {
  if (values.empty()) failed("no items for cycling given");
  return values[index_ % values.size()];
}

Flow run_loop(const For& loop, Runtime& runtime, const std::shared_ptr<Frame>& frame, const Value& iterable,
              int level, Writer& out) {
  ListPtr items = elements(runtime, iterable);
  auto inner = std::make_shared<Frame>(frame);
  const auto fresh = [&] {
    if (inner.use_count() == 1 && !inner->kept) {
      inner->values.clear();
    } else {
      inner = std::make_shared<Frame>(frame);
    }
  };
  if (loop.condition) {
    std::vector<Value> chosen;
    for (const Value& item : items->items) {
      fresh();
      runtime.meter.step();
      assign(loop.target, runtime, inner, item);
      if (truthy(evaluate(*loop.condition, runtime, inner))) chosen.push_back(item);
    }
    items = *make_list(&runtime.meter, std::move(chosen)).as<ListPtr>();
  }
  if (items->items.empty()) {
    fresh();
    return execute(loop.otherwise, runtime, inner, out);
  }
  if (loop.recursive) runtime.keep(frame);
  const auto state = std::make_shared<Loop>(runtime, loop, loop.recursive ? frame : nullptr, items, level);
  for (std::size_t i = 0; i < items->items.size(); ++i) {
    runtime.meter.step();
    fresh();
    state->at(i);
    inner->set(loop.loop_name, ObjectPtr(state));
    assign(loop.target, runtime, inner, items->items[i]);
    if (execute(loop.body, runtime, inner, out) == Flow::breaks) break;
  }
  return Flow::next;
}

void assign(const Target& target, Runtime& runtime, const std::shared_ptr<Frame>& frame, const Value& value) {
  if (!target.several.empty()) {
    const ListPtr items = elements(runtime, value);
    if (items->items.size() != target.several.size()) {
      failed("cannot unpack " + std::to_string(items->items.size()) + " values into " +
             std::to_string(target.several.size()) + " names");
    }
    for (std::size_t i = 0; i < items->items.size(); ++i)
      assign(target.several[i], runtime, frame, items->items[i]);
    return;
  }
  runtime.meter.step(frame->values.size() / 16);
  if (target.attribute.empty()) return frame->set(target.name, value);
  const Value* names = nullptr;
  for (const Frame* each = frame.get(); each && !names; each = each->parent.get())
    names = each->find(target.name);
  if (!names) names = &runtime.globals[static_cast<std::size_t>(target.name)];
  auto* space = names->object_as<Namespace>();
  if (!space) failed("cannot assign attribute on non-namespace object");
  space->set(target.attribute, value);
}

Args evaluate_arguments(const Arguments& arguments, Runtime& runtime, const std::shared_ptr<Frame>& frame) {
  Args args;
  args.positional.reserve(arguments.positional.size());
  for (const Expr& argument : arguments.positional)
    args.positional.push_back(evaluate(*argument, runtime, frame));
  for (const auto& [name, argument] : arguments.named)
    args.named.emplace_back(name, evaluate(*argument, runtime, frame));
  if (arguments.all_positional) {
    const ListPtr more = elements(runtime, evaluate(*arguments.all_positional, runtime, frame));
    runtime.meter.step(more->items.size());
    args.positional.insert(args.positional.end(), more->items.begin(), more->items.end());
  }
  if (arguments.all_named) {
    const Value more = evaluate(*arguments.all_named, runtime, frame);
    if (!more.dict()) failed("argument after ** must be a mapping, not " + std::string(type_name(more)));
    // Every name is compared with all that are there already.
    if (more.dict()->entries().size() > 1000) failed("more than 1000 named arguments");
    for (const auto& [key, value] : more.dict()->entries()) {
      if (!key.text()) failed("keywords must be strings");
      for (const auto& [known, old] : args.named) {
        if (known == *key.text()) failed("got multiple values for keyword argument '" + known + "'");
      }
      args.named.emplace_back(*key.text(), value);
    }
    runtime.meter.step(args.named.size() * 4);
  }
  return args;
}

}  // namespace banyan::jinja

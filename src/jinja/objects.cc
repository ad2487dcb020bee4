#include "jinja/objects.h"

#include <algorithm>
#include <ctime>

#include "jinja/methods.h"
#include "jinja/operators.h"
#include "jinja/unicode.h"

namespace banyan::jinja {
namespace {

std::int64_t whole(const Value& value, const char* what) {
  if (!value.is_integer()) failed(std::string(what) + " must be an integer");
  return value.integer();
}

Value make_range(Runtime& runtime, const Args& args) {
  if (!args.named.empty() || args.positional.empty() || args.positional.size() > 3)
    failed("range() takes one to three numbers");
  std::int64_t numbers[] = {0, 0, 1};
  if (args.positional.size() == 1) {
    numbers[1] = whole(args.positional[0], "an argument of range()");
  } else {
    for (std::size_t i = 0; i < args.positional.size(); ++i)
      numbers[i] = whole(args.positional[i], "an argument of range()");
  }
  return ObjectPtr(std::make_shared<Range>(runtime.meter, numbers[0], numbers[1], numbers[2]));
}

// The entries of what dict() and namespace() take: a dictionary or pairs, and named arguments.
template <class Set>
void each_entry(Runtime& runtime, const Args& args, Set set) {
  if (args.positional.size() > 1) failed("dict() takes one argument at most");
  if (!args.positional.empty()) {
    const Value& from = args.positional[0];
    if (const Dict* dict = from.dict()) {
      for (const auto& [key, value] : dict->entries()) set(key, value);
    } else {
      const ListPtr all_items = elements(runtime, from);
      for (const Value& pair : all_items->items) {
        const ListPtr two = elements(runtime, pair);
        if (two->items.size() != 2) failed("dict() takes pairs");
        set(two->items[0], two->items[1]);
      }
    }
  }
  for (const auto& [name, value] : args.named) set(make_text(&runtime.meter, name), value);
}

Value make_dict(Runtime& runtime, const Args& args) {
  auto dict = std::make_shared<Dict>(&runtime.meter);
  each_entry(runtime, args, [&](const Value& key, const Value& value) { dict->set(key, value); });
  return DictPtr(std::move(dict));
}

Value make_namespace(Runtime& runtime, const Args& args) {
  auto names = std::make_shared<Namespace>(&runtime.meter);
  runtime.keep(names);
  each_entry(runtime, args,
             [&](const Value& key, const Value& value) { names->set(to_string(runtime.meter, key), value); });
  return ObjectPtr(std::move(names));
}

Value raise_exception(Runtime& runtime, const Args& args) {
  failed(to_string(runtime.meter, args.bind("raise_exception", {"message"})[0]));
}

Value strftime_now(Runtime& runtime, const Args& args) {
  const Value format = args.bind("strftime_now", {"format"})[0];
  if (!format.text()) failed("strftime_now() takes a format");
  if (format.text()->size() > 1000) failed("strftime_now() takes a format of 1000 bytes at most");
  // Widths such as %999999d would be memory without an end; clocks do not need them.
  std::string plain;
  for (std::size_t at = 0; at < format.text()->size(); ++at) {
    const char letter = (*format.text())[at];
    plain += letter;
    if (letter != '%') continue;
    while (at + 1 < format.text()->size() &&
           std::string_view("0123456789").contains((*format.text())[at + 1]))
      ++at;
  }
  const std::time_t seconds = std::chrono::system_clock::to_time_t(runtime.now);
  std::tm time{};
  localtime_r(&seconds, &time);
  std::string text(plain.size() * 64 + 64, '\0');
  text.resize(std::strftime(text.data(), text.size(), plain.c_str(), &time));
  return make_text(&runtime.meter, std::move(text));
}

Value make_cycler(Runtime& runtime, const Args& args) {
  if (args.positional.empty()) failed("at least one item has to be provided");
  const Value items = make_list(&runtime.meter, args.positional);
  return ObjectPtr(std::make_shared<Cycler>(runtime, *items.as<ListPtr>()));
}

Value make_joiner(Runtime& runtime, const Args& args) {
  Value separator = args.bind("joiner", {"sep"})[0];
  if (separator.is_undefined()) separator = make_text(nullptr, ", ");
  if (!separator.text()) failed("joiner() takes a string");
  return ObjectPtr(std::make_shared<Joiner>(runtime, std::move(separator)));
}

Value next_of_cycler(Runtime&, const Value& self, const Args&) { return self.object_as<Cycler>()->next(); }

Value reset_cycler(Runtime&, const Value& self, const Args&) {
  self.object_as<Cycler>()->reset();
  return None{};
}

}  // namespace

const Value* Frame::find(int name) const {
  for (const auto& [key, value] : values) {
    if (key == name) return &value;
  }
  return nullptr;
}

void Frame::set(int name, Value value) {
  for (auto& [key, old] : values) {
    if (key != name) continue;
    old = std::move(value);
    return;
  }
  values.emplace_back(name, std::move(value));
}

Runtime::~Runtime() {
  for (const auto& holder : holders_) holder->clear();
  for (const auto& frame : frames_) frame->values.clear();
}

void Runtime::keep(const std::shared_ptr<Frame>& frame) {
  for (std::shared_ptr<Frame> each = frame; each && !each->kept; each = each->parent) {
    meter.add(256);  // until the end
    each->kept = true;
    frames_.push_back(each);
  }
}

Value Function::call(Runtime& runtime, const Args& args) { return body_(runtime, args); }

Value BoundMethod::call(Runtime& runtime, const Args& args) { return body_(runtime, self_, args); }

Range::Range(Meter& meter, std::int64_t start, std::int64_t stop, std::int64_t step)
    : Object(&meter, sizeof(Range), 1), start_(start), stop_(stop), step_(step), size_(0) {
  if (step == 0) failed("range() arg 3 must not be zero");
  if (step > 0 ? start >= stop : start <= stop) return;
  const auto apart = step > 0 ? static_cast<std::uint64_t>(stop) - static_cast<std::uint64_t>(start)
                              : static_cast<std::uint64_t>(start) - static_cast<std::uint64_t>(stop);
  const auto stride = step > 0 ? static_cast<std::uint64_t>(step) : 0 - static_cast<std::uint64_t>(step);
  const std::uint64_t size = (apart - 1) / stride + 1;
  meter.range(size);
  size_ = static_cast<std::int64_t>(size);
}

Value Range::attribute(Runtime& runtime, std::string_view name) {
  return builtin_method(runtime, ObjectPtr(shared_from_this()), name);
}

std::shared_ptr<Range> Range::slice(Meter& meter, std::int64_t first, std::int64_t last,
                                    std::int64_t by) const {
  const auto number = [](std::int64_t start, std::int64_t factor, std::int64_t step) {
    std::int64_t result = 0;
    if (__builtin_mul_overflow(factor, step, &result) || __builtin_add_overflow(start, result, &result)) {
      past_limit("64 bits of an integer");
    }
    return result;
  };
  return std::make_shared<Range>(meter, number(start_, first, step_), number(start_, last, step_),
                                 number(0, by, step_));
}

std::string Range::repr() const {
  std::string text = "range(" + std::to_string(start_) + ", " + std::to_string(stop_);
  if (step_ != 1) text += ", " + std::to_string(step_);
  return text + ")";
}

bool Range::operator==(const Range& other) const {
  return size_ == other.size_ &&
         (size_ == 0 || (start_ == other.start_ && (size_ == 1 || step_ == other.step_)));
}

Value Namespace::attribute(Runtime&, std::string_view name) {
  for (const auto& [key, value] : attributes_) {
    if (key == name) return value;
  }
  return {};
}

void Namespace::set(const std::string& name, Value value) {
  if (meter_) meter_->step(1 + attributes_.size() / 16);
  for (auto& [key, old] : attributes_) {
    if (key != name) continue;
    old = std::move(value);
    return;
  }
  if (attributes_.size() >= 1000) past_limit("1000 attributes of a namespace");
  if (meter_) meter_->add(sizeof(attributes_[0]) + name.size());  // until the end, as the namespace is kept
  attributes_.emplace_back(name, std::move(value));
}

Cycler::Cycler(Runtime& runtime, ListPtr items)
    : Object(&runtime.meter, sizeof(Cycler), items->depth + 1), items_(std::move(items)) {}

Value Cycler::attribute(Runtime& runtime, std::string_view name) {
  if (name == "current") return items_->items[at_];
  if (name != "next" && name != "reset") return {};
  // The cycler lives as long as the template's own value of it, which the method holds on to.
  return ObjectPtr(std::make_shared<BoundMethod>(
      runtime, ObjectPtr(shared_from_this()), name == "next" ? next_of_cycler : reset_cycler, depth() + 1));
}

Value Cycler::next() {
  Value value = items_->items[at_];
  at_ = (at_ + 1) % items_->items.size();
  return value;
}

Value Joiner::call(Runtime&, const Args& args) {
  args.bind("joiner", {});
  return std::exchange(used_, true) ? separator_ : make_text(nullptr, "");
}

std::string undefined_message(const Undefined& undefined) {
  return undefined.message ? undefined.message->text : "a value is undefined";
}

Value global_function(std::string_view name) {
  constexpr std::pair<std::string_view, Function::Body> kFunctions[] = {
      {"range", make_range},         {"dict", make_dict},     {"namespace", make_namespace},
      {"cycler", make_cycler},       {"joiner", make_joiner}, {"raise_exception", raise_exception},
      {"strftime_now", strftime_now}};
  for (const auto& [known, body] : kFunctions) {
    if (known == name) return ObjectPtr(std::make_shared<Function>(known, body));
  }
  return Value::undefined(nullptr, "'" + std::string(name) + "' is undefined");
}

ListPtr elements(Runtime& runtime, const Value& value) {
  if (const auto* list = value.as<ListPtr>()) return *list;
  std::vector<Value> items;
  if (const Dict* dict = value.dict()) {
    for (const auto& [key, item] : dict->entries()) items.push_back(key);
  } else if (const auto* range = value.object_as<Range>()) {
    for (std::int64_t i = 0; i < range->size(); ++i) items.push_back(range->at(i));
  } else if (const std::string* text = value.text()) {
    for (std::size_t at = 0; at < text->size();) {
      const std::size_t begin = at;
      next_point(*text, at);
      runtime.meter.step();
      items.push_back(make_text(&runtime.meter, text->substr(begin, at - begin)));
    }
  } else if (!value.is_undefined()) {
    failed("'" + std::string(type_name(value)) + "' object is not iterable");
  }
  const Value made = make_list(&runtime.meter, std::move(items));
  return *made.as<ListPtr>();
}

Value method_of(Runtime& runtime, const Value& value, std::string_view name) {
  if (name.starts_with('_') && !value.object_as<Namespace>()) {
    if (!name.starts_with("__")) return {};
    return Value::undefined(&runtime.meter,
                            "access to attribute '" + std::string(name.substr(0, 200)) + "' is unsafe");
  }
  if (Object* object = value.object()) return object->attribute(runtime, name);
  return builtin_method(runtime, value, name);
}

}  // namespace banyan::jinja

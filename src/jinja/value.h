/// The values of a template: Python's, as far as chat templates use them.
///
/// Strings, lists and dictionaries never change once made, as jinja2's immutable sandbox has it, so they are
/// shared. Strings are UTF-8; positions in them count code points.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "jinja/limits.h"

namespace banyan::jinja {

struct Text;
struct List;
class Dict;
class Object;
class Runtime;

/// What a name or an attribute that does not exist gives. Using it is an error with this message.
struct Undefined {
  std::shared_ptr<const Text> message;  ///< null where there is none
};
struct None {};

using TextPtr = std::shared_ptr<const Text>;
using ListPtr = std::shared_ptr<const List>;
using DictPtr = std::shared_ptr<const Dict>;
using ObjectPtr = std::shared_ptr<Object>;

class Value {
 public:
  using Any = std::variant<Undefined, None, bool, std::int64_t, double, TextPtr, ListPtr, DictPtr, ObjectPtr>;

  Value() = default;
  Value(None none) : any_(none) {}
  Value(bool boolean) : any_(boolean) {}
  Value(std::int64_t integer) : any_(integer) {}
  Value(double number) : any_(number) {}
  Value(TextPtr text) : any_(std::move(text)) {}
  Value(ListPtr list) : any_(std::move(list)) {}
  Value(DictPtr dict) : any_(std::move(dict)) {}
  Value(ObjectPtr object) : any_(std::move(object)) {}
  Value(const char*) = delete;  // would be a bool
  static Value undefined(Meter* meter, std::string message);

  template <class T>
  const T* as() const {
    return std::get_if<T>(&any_);
  }
  bool is_undefined() const { return as<Undefined>() != nullptr; }
  bool is_none() const { return as<None>() != nullptr; }
  /// The string, or null.
  const std::string* text() const;
  const List* list() const;
  const Dict* dict() const;
  Object* object() const;
  template <class T>
  T* object_as() const {
    return dynamic_cast<T*>(object());
  }
  /// An int or a bool, which is an int in Python.
  bool is_integer() const { return as<bool>() || as<std::int64_t>(); }
  bool is_number() const { return is_integer() || as<double>(); }
  std::int64_t integer() const;  ///< REQUIRES: is_integer()
  double number() const;         ///< REQUIRES: is_number()

  const Any& any() const { return any_; }

 private:
  Any any_;
};

struct Text {
  std::string text;
  Charge charge;
};

/// What Python would have made: they differ in how they print and in what they can do.
enum class Shape { list, tuple, group, keys, values, items, generator };

struct List {
  List(Meter* meter, std::vector<Value> items, Shape shape);

  std::vector<Value> items;
  Shape shape;
  int depth;
  Charge charge;

  bool is_tuple() const { return shape == Shape::tuple || shape == Shape::group; }
  /// Whether it has a length and elements by their numbers.
  bool is_sequence() const { return shape == Shape::list || is_tuple(); }
};

/// Keeps the order in which keys were first set.
class Dict {
 public:
  using Entry = std::pair<Value, Value>;

  explicit Dict(Meter* meter);
  ~Dict();
  Dict(const Dict&) = delete;
  Dict& operator=(const Dict&) = delete;

  /// Only while it is made. Fails for a key that is a list or a dictionary.
  void set(Value key, Value value);
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  const std::vector<Entry>& entries() const { return entries_; }
  int depth() const { return depth_; }

 private:
  Meter* meter_;
  std::vector<Entry> entries_;
  /// By the key's hash. A tree, as others choose the keys, and equal hashes are counted as steps.
  std::multimap<std::size_t, std::size_t> places_;
  int depth_ = 1;
};

struct Args {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  /// What was passed for each parameter, undefined where nothing was. Fails at what no parameter takes.
  std::vector<Value> bind(std::string_view function, std::initializer_list<std::string_view> names) const;
};

/// Anything else: functions, macros, namespaces, loops, ranges.
class Object : public std::enable_shared_from_this<Object> {
 public:
  Object(Meter* meter, std::size_t bytes, int depth);
  virtual ~Object() = default;
  virtual std::string_view type_name() const = 0;
  /// Undefined where there is none.
  virtual Value attribute(Runtime& runtime, std::string_view name);
  virtual bool callable() const { return false; }
  virtual Value call(Runtime& runtime, const Args& args);
  int depth() const { return depth_; }

 private:
  int depth_;
  Charge charge_;
};

Value make_text(Meter* meter, std::string text);
Value make_list(Meter* meter, std::vector<Value> items, Shape shape = Shape::list);
/// Fails for text that is not UTF-8, and for what is nested too deep.
Value from_json(Meter* meter, const nlohmann::ordered_json& json);

/// Python's name of the type.
std::string_view type_name(const Value& value);
bool truthy(const Value& value);
/// Neither undefined nor None, which an argument that was left out is.
bool is_given(const Value& value);
/// Fails where it is none.
std::int64_t integer_of(const Value& value);
/// Equal values have equal hashes. Fails for lists and dictionaries.
std::size_t hash(Meter* meter, const Value& value);
bool equal(Meter* meter, const Value& left, const Value& right);
/// Fails where Python cannot order them.
bool less(Meter& meter, const Value& left, const Value& right);

/// A text in the making, counted while it grows.
class Writer {
 public:
  explicit Writer(Meter& meter) : meter_(meter) {}
  ~Writer() { meter_.remove(text_.size()); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void write(std::string_view text) {
    meter_.output(text_.size() + text.size());
    meter_.add(text.size());
    meter_.work(text.size());
    text_ += text;
  }
  const std::string& text() const { return text_; }
  Value take();
  std::string take_text();
  Meter& meter() { return meter_; }

 private:
  Meter& meter_;
  std::string text_;
};

/// Python's str() and repr().
void write_str(Writer& out, const Value& value);
void write_repr(Writer& out, const Value& value);
/// The same as a string; a string itself is not copied.
Value to_text(Meter& meter, const Value& value);
std::string to_string(Meter& meter, const Value& value);

}  // namespace banyan::jinja

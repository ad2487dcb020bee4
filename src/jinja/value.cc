#include "jinja/value.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "jinja/number_text.h"
#include "jinja/objects.h"
#include "jinja/unicode.h"

namespace banyan::jinja {
namespace {

// Bytes of a shared value besides its contents, roughly.
constexpr std::size_t kShared = 64;

TextPtr shared_text(Meter* meter, std::string text) {
  const std::size_t bytes = kShared + text.capacity();
  if (meter) meter->work(text.size());
  return TextPtr(new Text{.text = std::move(text), .charge = Charge(meter, bytes)});
}

int depth_of(const Value& value) {
  if (const List* list = value.list()) return list->depth;
  if (const Dict* dict = value.dict()) return dict->depth();
  if (const Object* object = value.object()) return object->depth();
  return 0;
}

int checked_depth(int depth) {
  if (depth > kMaxValueDepth) {
    past_limit(std::to_string(kMaxValueDepth) + " levels of nesting in a value");
  }
  return depth;
}

int depth_above(const std::vector<Value>& items) {
  int depth = 0;
  for (const Value& item : items) depth = std::max(depth, depth_of(item));
  return checked_depth(depth + 1);
}

Value convert(Meter* meter, const nlohmann::ordered_json& json, int depth) {
  checked_depth(depth);
  switch (json.type()) {
    case nlohmann::json::value_t::boolean:
      return json.get<bool>();
    case nlohmann::json::value_t::number_integer:
      return json.get<std::int64_t>();
    case nlohmann::json::value_t::number_unsigned: {
      const auto number = json.get<std::uint64_t>();
      return number > INT64_MAX ? Value(static_cast<double>(number))
                                : Value(static_cast<std::int64_t>(number));
    }
    case nlohmann::json::value_t::number_float:
      return json.get<double>();
    case nlohmann::json::value_t::string: {
      const auto& text = json.get_ref<const std::string&>();
      if (!is_utf8(text)) failed("a string is not UTF-8");
      return make_text(meter, text);
    }
    case nlohmann::json::value_t::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (const auto& item : json) items.push_back(convert(meter, item, depth + 1));
      return make_list(meter, std::move(items));
    }
    case nlohmann::json::value_t::object: {
      auto dict = std::make_shared<Dict>(meter);
      for (const auto& [key, item] : json.items()) {
        if (!is_utf8(key)) failed("a key is not UTF-8");
        dict->set(make_text(meter, key), convert(meter, item, depth + 1));
      }
      return DictPtr(std::move(dict));
    }
    default:
      return None{};
  }
}

// What Python quotes a string with, and the characters that it writes as escapes.
void write_quoted(Writer& out, std::string_view text) {
  const char quote = text.contains('\'') && !text.contains('"') ? '"' : '\'';
  std::string piece(1, quote);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const char32_t point = next_point(text, at);
    if (piece.size() > 4000) out.write(std::exchange(piece, {}));
    if (point == static_cast<char32_t>(quote) || point == '\\') {
      piece += '\\';
      piece += static_cast<char>(point);
    } else if (point == '\n') {
      piece += "\\n";
    } else if (point == '\r') {
      piece += "\\r";
    } else if (point == '\t') {
      piece += "\\t";
    } else if (point < 0x20 || (point >= 0x7F && point <= 0xA0) || point == 0xAD) {
      piece += "\\x" + hexadecimal(point, 2);
    } else if (is_space(point) && point != ' ') {
      piece += "\\u" + hexadecimal(point, 4);
    } else {
      piece += text.substr(begin, at - begin);
    }
  }
  out.write(piece += quote);
}

void write_items(Writer& out, const std::vector<Value>& items) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out.write(", ");
    write_repr(out, items[i]);
  }
}

void write_list(Writer& out, const List& list) {
  const auto between = [&](std::string_view open, std::string_view close) {
    out.write(open);
    write_items(out, list.items);
    out.write(close);
  };
  switch (list.shape) {
    case Shape::list:
      return between("[", "]");
    case Shape::tuple:
    case Shape::group:
      return between("(", list.items.size() == 1 ? ",)" : ")");
    case Shape::keys:
      return between("dict_keys([", "])");
    case Shape::values:
      return between("dict_values([", "])");
    case Shape::items:
      return between("dict_items([", "])");
    case Shape::generator:
      return out.write("<generator object>");
  }
}

void write_dict(Writer& out, const Dict& dict) {
  out.write("{");
  bool first = true;
  for (const auto& [key, value] : dict.entries()) {
    if (!std::exchange(first, false)) out.write(", ");
    write_repr(out, key);
    out.write(": ");
    write_repr(out, value);
  }
  out.write("}");
}

[[noreturn]] void cannot_order(const Value& left, const Value& right) {
  failed("'<' not supported between instances of '" + std::string(type_name(left)) + "' and '" +
         std::string(type_name(right)) + "'");
}

}  // namespace

Value Value::undefined(Meter* meter, std::string message) {
  Value value;
  value.any_ = Undefined{shared_text(meter, std::move(message))};
  return value;
}

const std::string* Value::text() const {
  const auto* text = as<TextPtr>();
  return text ? &(*text)->text : nullptr;
}

const List* Value::list() const {
  const auto* list = as<ListPtr>();
  return list ? list->get() : nullptr;
}

const Dict* Value::dict() const {
  const auto* dict = as<DictPtr>();
  return dict ? dict->get() : nullptr;
}

Object* Value::object() const {
  const auto* object = as<ObjectPtr>();
  return object ? object->get() : nullptr;
}

std::int64_t Value::integer() const {
  const bool* boolean = as<bool>();
  return boolean ? *boolean : *as<std::int64_t>();
}

double Value::number() const {
  const double* number = as<double>();
  return number ? *number : static_cast<double>(integer());
}

List::List(Meter* meter, std::vector<Value> all, Shape made)
    : items(std::move(all)),
      shape(made),
      depth(depth_above(items)),
      charge(meter, kShared + items.capacity() * sizeof(Value)) {}

Dict::Dict(Meter* meter) : meter_(meter) {
  if (meter_) meter_->add(sizeof(Dict) + kShared);
}

Dict::~Dict() {
  if (meter_) meter_->remove(sizeof(Dict) + kShared + entries_.size() * (sizeof(Entry) + kShared));
}

void Dict::set(Value key, Value value) {
  const std::size_t key_hash = hash(meter_, key);
  depth_ = std::max({depth_, checked_depth(depth_of(value) + 1), depth_of(key) + 1});
  const auto [begin, end] = places_.equal_range(key_hash);
  for (auto place = begin; place != end; ++place) {
    Entry& entry = entries_[place->second];
    if (equal(meter_, entry.first, key)) {
      entry.second = std::move(value);
      return;
    }
  }
  if (meter_) meter_->step();
  if (meter_) meter_->room(sizeof(Entry) + kShared);
  places_.emplace(key_hash, entries_.size());
  entries_.emplace_back(std::move(key), std::move(value));
  if (meter_) meter_->add(sizeof(Entry) + kShared);
}

const Value* Dict::find(const Value& key) const {
  const auto [begin, end] = places_.equal_range(hash(meter_, key));
  for (auto place = begin; place != end; ++place) {
    const Entry& entry = entries_[place->second];
    if (equal(meter_, entry.first, key)) return &entry.second;
  }
  return nullptr;
}

const Value* Dict::find(std::string_view key) const {
  const auto [begin, end] = places_.equal_range(std::hash<std::string_view>()(key));
  for (auto place = begin; place != end; ++place) {
    const Entry& entry = entries_[place->second];
    if (const std::string* text = entry.first.text(); text && *text == key) return &entry.second;
  }
  return nullptr;
}

std::vector<Value> Args::bind(std::string_view function,
                              std::initializer_list<std::string_view> names) const {
  if (positional.size() > names.size()) failed(std::string(function) + "() takes fewer arguments");
  std::vector<Value> bound = positional;
  bound.resize(names.size());
  for (const auto& [name, value] : named) {
    const auto place = std::ranges::find(names, name);
    if (place == names.end()) failed(std::string(function) + "() takes no argument '" + name + "'");
    const auto number = static_cast<std::size_t>(place - names.begin());
    if (number < positional.size()) failed(std::string(function) + "() got '" + name + "' twice");
    bound[number] = value;
  }
  return bound;
}

Object::Object(Meter* meter, std::size_t bytes, int depth)
    : depth_(checked_depth(depth)), charge_(meter, kShared + bytes) {}

Value Object::attribute(Runtime&, std::string_view) { return {}; }

Value Object::call(Runtime&, const Args&) {
  failed("'" + std::string(type_name()) + "' object is not callable");
}

Value make_text(Meter* meter, std::string text) { return shared_text(meter, std::move(text)); }

Value make_list(Meter* meter, std::vector<Value> items, Shape shape) {
  if (meter) meter->step(items.size());
  return ListPtr(std::make_shared<const List>(meter, std::move(items), shape));
}

Value from_json(Meter* meter, const nlohmann::ordered_json& json) { return convert(meter, json, 0); }

std::string_view type_name(const Value& value) {
  if (const Object* object = value.object()) return object->type_name();
  if (const List* list = value.list()) {
    constexpr std::string_view kNames[] = {"list",        "tuple",      "tuple",    "dict_keys",
                                           "dict_values", "dict_items", "generator"};
    return kNames[static_cast<std::size_t>(list->shape)];
  }
  constexpr std::string_view kNames[] = {"Undefined", "NoneType", "bool", "int",
                                         "float",     "str",      "list", "dict"};
  return kNames[value.any().index()];
}

bool truthy(const Value& value) {
  if (const std::string* text = value.text()) return !text->empty();
  if (const List* list = value.list()) return list->shape == Shape::generator || !list->items.empty();
  if (const Dict* dict = value.dict()) return !dict->entries().empty();
  if (const auto* range = value.object_as<Range>()) return range->size() > 0;
  if (value.object()) return true;
  if (const double* number = value.as<double>()) return *number != 0;
  return value.is_integer() && value.integer() != 0;
}

bool is_given(const Value& value) { return !value.is_undefined() && !value.is_none(); }

std::int64_t integer_of(const Value& value) {
  if (!value.is_integer())
    failed("'" + std::string(type_name(value)) + "' object cannot be interpreted as an integer");
  return value.integer();
}

std::size_t hash(Meter* meter, const Value& value) {
  if (meter) meter->step();
  if (const std::string* text = value.text()) {
    if (meter) meter->work(text->size());
    return std::hash<std::string_view>()(*text);
  }
  if (value.is_integer()) return std::hash<double>()(static_cast<double>(value.integer()));
  if (const double* number = value.as<double>()) return std::hash<double>()(*number);
  if (const List* list = value.list(); list && list->is_tuple()) {
    std::size_t sum = 7;
    for (const Value& item : list->items) sum = sum * 31 + hash(meter, item);
    return sum;
  }
  if (value.list() || value.dict()) failed("unhashable type: '" + std::string(type_name(value)) + "'");
  if (const Object* object = value.object()) return std::hash<const Object*>()(object);
  return value.any().index();
}

bool equal(Meter* meter, const Value& left, const Value& right) {
  if (meter) meter->step();
  if (left.is_number() && right.is_number()) {
    if (left.is_integer() && right.is_integer()) return left.integer() == right.integer();
    return left.number() == right.number();
  }
  if (left.any().index() != right.any().index()) return false;
  if (const std::string* text = left.text()) {
    if (text->size() != right.text()->size()) return false;
    if (meter) meter->work(text->size());
    return *text == *right.text();
  }
  if (const List* list = left.list()) {
    const List* other = right.list();
    if (list == other) return true;
    if (list->shape == Shape::generator || list->shape == Shape::values) return false;
    if (list->is_tuple() ? !other->is_tuple() : list->shape != other->shape) return false;
    return std::ranges::equal(list->items, other->items,
                              [&](const Value& a, const Value& b) { return equal(meter, a, b); });
  }
  if (const Dict* dict = left.dict()) {
    const Dict* other = right.dict();
    if (dict == other) return true;
    if (dict->entries().size() != other->entries().size()) return false;
    return std::ranges::all_of(dict->entries(), [&](const Dict::Entry& entry) {
      const Value* value = other->find(entry.first);
      return value && equal(meter, entry.second, *value);
    });
  }
  if (const auto* range = left.object_as<Range>()) {
    const auto* other = right.object_as<Range>();
    return other && *range == *other;
  }
  return left.object() == right.object();  // undefined values and None are equal to their like
}

bool less(Meter& meter, const Value& left, const Value& right) {
  meter.step();
  for (const Value* side : {&left, &right}) {
    if (const auto* undefined = side->as<Undefined>()) failed(undefined_message(*undefined));
  }
  if (left.is_number() && right.is_number()) {
    if (left.is_integer() && right.is_integer()) return left.integer() < right.integer();
    return left.number() < right.number();
  }
  if (left.text() && right.text()) {
    meter.work(std::min(left.text()->size(), right.text()->size()));
    return *left.text() < *right.text();
  }
  const List* list = left.list();
  const List* other = right.list();
  if (!list || !other || !list->is_sequence() || list->is_tuple() != other->is_tuple() ||
      !other->is_sequence())
    cannot_order(left, right);
  for (std::size_t i = 0; i < list->items.size() && i < other->items.size(); ++i) {
    if (!equal(&meter, list->items[i], other->items[i])) return less(meter, list->items[i], other->items[i]);
  }
  return list->items.size() < other->items.size();
}

Value Writer::take() { return make_text(&meter_, take_text()); }

std::string Writer::take_text() {
  meter_.remove(text_.size());
  return std::exchange(text_, {});
}

void write_str(Writer& out, const Value& value) {
  if (value.is_undefined()) return;
  if (const std::string* text = value.text()) return out.write(*text);
  write_repr(out, value);
}

void write_repr(Writer& out, const Value& value) {
  out.meter().step();
  if (value.is_undefined()) return out.write("Undefined");
  if (value.is_none()) return out.write("None");
  if (const bool* boolean = value.as<bool>()) return out.write(*boolean ? "True" : "False");
  if (const auto* integer = value.as<std::int64_t>()) return out.write(std::to_string(*integer));
  if (const double* number = value.as<double>()) return out.write(float_repr(*number));
  if (const std::string* text = value.text()) return write_quoted(out, *text);
  const Nest nest(out.meter());
  if (const List* list = value.list()) return write_list(out, *list);
  if (const Dict* dict = value.dict()) return write_dict(out, *dict);
  if (auto* names = value.object_as<Namespace>()) {
    out.write("<Namespace {");
    bool first = true;
    for (const auto& [name, inner] : names->attributes()) {
      if (!std::exchange(first, false)) out.write(", ");
      write_quoted(out, name);
      out.write(": ");
      write_repr(out, inner);
    }
    return out.write("}>");
  }
  if (const auto* range = value.object_as<Range>()) return out.write(range->repr());
  out.write("<" + std::string(type_name(value)) + ">");
}

Value to_text(Meter& meter, const Value& value) {
  if (value.text()) return value;
  Writer out(meter);
  write_str(out, value);
  return out.take();
}

std::string to_string(Meter& meter, const Value& value) {
  Writer out(meter);
  write_str(out, value);
  return out.take_text();
}

}  // namespace banyan::jinja

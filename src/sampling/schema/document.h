/// A JSON Schema as a document: where its parts are, what their references mean, and what reading it may
/// cost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "banyan/base.h"
#include "sampling/schema/automaton.h"
#include "sampling/schema/references.h"
#include "sampling/schema/schema_grammar.h"

namespace banyan {

using SchemaJson = nlohmann::ordered_json;

/// Schemas that hold of the same value, each once. None: any value.
using SchemaNodes = std::vector<const SchemaJson*>;

class SchemaDocument {
 public:
  static constexpr std::size_t kMaxValues = 1 << 17;
  static constexpr int kMaxDepth = 200;
  static constexpr int kMaxInPlace = 64;            ///< $ref, allOf, anyOf, not and others within each other
  static constexpr std::size_t kMaxWork = 1 << 22;  ///< some 100 ms

  SchemaDocument(const SchemaJson& root, const SchemaOptions& options) : root_(root), options_(options) {}

  /// Looks at all of it, before anything else is asked.
  Result<> check();

  const SchemaOptions& options() const { return options_; }
  /// Where a part is: "properties/age". Empty for the whole.
  std::string path(const SchemaJson& part) const;
  /// The error of a keyword that says what no schema may say.
  std::unexpected<Error> wrong(const SchemaJson& schema, std::string_view keyword,
                               std::string_view why) const;
  /// A keyword that a grammar cannot keep: an error when strict, and otherwise nothing.
  Result<> leave_out(const SchemaJson& schema, std::string_view keyword, std::string_view why) const;
  /// Counts work, for schemas that are small and take long.
  Result<> charge(std::size_t work);
  std::size_t work() const { return work_; }

  /// What the $ref and the $dynamicRef of a schema mean.
  Result<SchemaNodes> targets(const SchemaJson& schema);
  /// A list of schemas of our own that say, in keywords that are kept, what `keyword` of `schema` does; made
  /// when it is first asked for by this `name`. In them { "$ref": a number } is reference_to().
  using MakeSchemas = std::function<Result<SchemaJson>()>;
  Result<const SchemaJson*> added(const SchemaJson& schema, const std::string& keyword,
                                  const std::string& name, const MakeSchemas& make);
  SchemaJson reference_to(const SchemaJson& schema) const;
  bool is_added(const SchemaJson& schema) const { return places_.at(&schema).is_added; }
  /// Refuses a schema that refers to itself before anything of a value is read, or is a long way to say so.
  Result<> check_in_place(const SchemaJson& schema);

  /// Each schema once, in the order given, without those that allow anything.
  SchemaNodes normalized(SchemaNodes nodes) const;
  /// A key for a map, whatever the order.
  std::vector<std::uint32_t> key(const SchemaNodes& nodes) const;

  /// The texts that a pattern or a format allows. Null when it says nothing, or is left out.
  Result<const Automaton*> pattern(const SchemaJson& schema, std::string_view keyword,
                                   const std::string& pattern);
  Result<const Automaton*> format(const SchemaJson& schema, const std::string& format);
  /// The texts that are none of these words, and those that an automaton of one of these does not allow. Null
  /// as above.
  Result<const Automaton*> outside(const SchemaJson& schema, std::string_view keyword,
                                   const std::vector<std::string>& words);
  Result<const Automaton*> outside(const SchemaJson& schema, std::string_view keyword,
                                   const Automaton& texts);

 private:
  struct Place {
    const SchemaJson* parent = nullptr;
    std::string key = {};
    std::uint32_t number = 0;
    std::uint32_t resource = 0;   // of references_
    bool allows_anything = true;  // as a schema, for it has no keyword that says something of a value
    bool is_added = false;
  };

  Result<const SchemaJson*> target(const SchemaJson& schema, const char* keyword);
  Result<const SchemaJson*> add(const SchemaJson& schema, const std::string& keyword, SchemaJson list);
  Result<int> height(const SchemaJson& schema, int depth);
  Result<const Automaton*> automaton(const SchemaJson& schema, std::string_view keyword,
                                     const std::string& pattern);
  /// leave_out(), of what there is no automaton for: null.
  Result<const Automaton*> no_automaton(const SchemaJson& schema, std::string_view keyword,
                                        std::string_view why) const;

  const SchemaJson& root_;
  SchemaOptions options_;
  std::unordered_map<const SchemaJson*, Place> places_;
  std::vector<const SchemaJson*> by_number_;
  SchemaReferences references_;
  std::unordered_map<const SchemaJson*, SchemaNodes> targets_;
  std::deque<SchemaJson> lists_;
  std::map<std::pair<const SchemaJson*, std::string>, const SchemaJson*> added_;
  std::unordered_map<const SchemaJson*, int> heights_;  // 0: being found
  std::map<std::string, Result<Automaton>> automata_;
  std::map<const SchemaJson*, Automaton> words_;
  std::map<const Automaton*, std::optional<Automaton>> outside_;
  std::size_t work_ = 0;
};

/// Whether a keyword has something to say: an object has it.
const SchemaJson* keyword(const SchemaJson& schema, const char* name);

}  // namespace banyan

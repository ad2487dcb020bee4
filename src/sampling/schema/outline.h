/// What schemas say of a value in so many words. Conditions on one property multiply, and most of what comes
/// of it contradicts itself.
#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "sampling/schema/document.h"

namespace banyan {

class SchemaOutline {
 public:
  /// Of all of the schemas, which must outlive it. Errors: as charge().
  static Result<SchemaOutline> of(SchemaDocument& document, const SchemaNodes& nodes);

  /// Whether it is obvious that no value keeps to both.
  bool contradicts(const SchemaOutline& other) const;
  std::size_t size() const { return 1 + properties_.size(); }

 private:
  struct Property {
    bool is_required = false, is_absent = false;
    const SchemaJson* value = nullptr;           // of its const
    std::vector<const SchemaJson*> others = {};  // what it is not, as a const says
  };

  Result<> add(SchemaDocument& document, const SchemaJson& node);
  static bool contradict(const Property& a, const Property& b);

  bool is_object_ = false;  // for these say nothing of other values
  std::map<std::string_view, Property> properties_;
};

}  // namespace banyan

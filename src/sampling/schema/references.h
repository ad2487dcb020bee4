/// Where $ref and $dynamicRef lead: the parts of a document by their URIs and anchors.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace banyan {

class SchemaReferences {
 public:
  using Json = nlohmann::ordered_json;

  /// Notes the $id and the anchors of a part that is within the resource `outer`; the first part is the whole
  /// document. Returns the resource that the part is within itself.
  std::uint32_t add(const Json& part, std::uint32_t outer);
  /// How many resources there are.
  std::size_t size() const { return resources_.size(); }
  const std::string& uri(std::uint32_t resource) const { return resources_[resource].uri; }

  struct Found {
    const Json* from;      ///< where the fragment starts
    std::string fragment;  ///< a JSON pointer, or empty
  };
  /// What a reference in a resource means. None: it leads out of the document, or an anchor is not there.
  std::optional<Found> find(std::uint32_t resource, std::string_view reference) const;

  /// As find(), of a $dynamicRef: the same anchor in the resource that the evaluation came through first. The
  /// document's is one that it always comes through. None, too, where it depends on the way through others.
  std::optional<Found> find_dynamic(std::uint32_t resource, std::string_view reference) const;

 private:
  struct Anchor {
    const Json* part;
    bool is_dynamic;
  };
  struct Resource {
    std::string uri;
    const Json* root;
    std::unordered_map<std::string, Anchor> anchors = {};
  };

  std::vector<Resource> resources_;
  std::unordered_map<std::string, std::uint32_t> by_uri_;
};

}  // namespace banyan

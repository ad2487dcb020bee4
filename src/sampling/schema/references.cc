#include "sampling/schema/references.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

namespace banyan {
namespace {

// RFC 3986's, without the fragment. The scheme has its colon, the authority its slashes, the query its mark.
struct Uri {
  std::string_view scheme, authority, path, query;

  explicit Uri(std::string_view text) {
    const std::size_t colon = text.find_first_of(":/?");
    if (colon != std::string_view::npos && text[colon] == ':' &&
        std::isalpha(static_cast<unsigned char>(text[0]))) {
      scheme = text.substr(0, colon + 1);
    }
    text.remove_prefix(scheme.size());
    if (text.starts_with("//")) authority = text.substr(0, text.find_first_of("/?", 2));
    text.remove_prefix(authority.size());
    path = text.substr(0, text.find('?'));
    query = text.substr(path.size());
  }
};

std::string without_dots(std::string_view path) {
  std::vector<std::string_view> kept;
  bool is_folder = false;
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t to = std::min(path.find('/', from), path.size());
    const std::string_view part = path.substr(from, to - from);
    is_folder = part == "." || part == "..";
    if (part == ".." && kept.size() > 1) kept.pop_back();
    if (!is_folder) kept.push_back(part);
    from = to + 1;
  }
  if (is_folder) kept.emplace_back();
  std::string text;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (i > 0) text += '/';
    text += kept[i];
  }
  return text;
}

std::string joined(std::string_view a, std::string_view b, std::string_view c, std::string_view d = {}) {
  std::string text(a);
  text += b;
  text += c;
  text += d;
  return text;
}

std::string resolved(std::string_view base_text, std::string_view reference) {
  const Uri base(base_text), to(reference);
  if (!to.scheme.empty() || reference.empty()) return std::string(reference.empty() ? base_text : reference);
  if (!to.authority.empty()) return joined(base.scheme, reference, {});
  if (to.path.empty()) return joined(base.scheme, base.authority, base.path, to.query);
  if (to.path.starts_with('/')) {
    return joined(base.scheme, base.authority, without_dots(to.path), to.query);
  }
  std::string path(base.path.substr(0, base.path.rfind('/') + 1));
  if (path.empty() && !base.authority.empty()) path = "/";
  return joined(base.scheme, base.authority, without_dots(path += to.path), to.query);
}

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3) {
      decoded += static_cast<char>(value);
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

// What is before the fragment, and the fragment.
std::pair<std::string_view, std::string> parts_of(std::string_view reference) {
  const std::size_t mark = std::min(reference.find('#'), reference.size());
  return {reference.substr(0, mark), percent_decoded(reference.substr(std::min(mark + 1, reference.size())))};
}

const std::string* text_of(const SchemaReferences::Json& part, const char* name) {
  const auto at = part.find(name);
  return at == part.end() ? nullptr : at->get_ptr<const std::string*>();
}

}  // namespace

std::uint32_t SchemaReferences::add(const Json& part, std::uint32_t outer) {
  std::uint32_t resource = outer;
  const std::string* id = part.is_object() ? text_of(part, "$id") : nullptr;
  const std::string_view name = id ? std::string_view(*id).substr(0, id->find('#')) : std::string_view();
  if (resources_.empty() || !name.empty()) {
    std::string uri = resolved(resources_.empty() ? std::string_view() : resources_[outer].uri, name);
    resource = static_cast<std::uint32_t>(resources_.size());
    by_uri_.try_emplace(uri, resource);
    resources_.push_back({std::move(uri), &part});
  }
  if (!part.is_object()) return resource;
  auto& anchors = resources_[resource].anchors;
  if (const std::string* anchor = text_of(part, "$dynamicAnchor")) anchors[*anchor] = {&part, true};
  if (const std::string* anchor = text_of(part, "$anchor")) anchors.try_emplace(*anchor, &part, false);
  // Draft 7 has anchors as an $id.
  if (id && name.empty() && id->size() > 1) anchors.try_emplace(id->substr(1), &part, false);
  return resource;
}

std::optional<SchemaReferences::Found> SchemaReferences::find(std::uint32_t resource,
                                                              std::string_view reference) const {
  const auto [name, fragment] = parts_of(reference);
  if (!name.empty()) {
    const auto at = by_uri_.find(resolved(resources_[resource].uri, name));
    if (at == by_uri_.end()) return std::nullopt;
    resource = at->second;
  }
  const Resource& found = resources_[resource];
  if (fragment.empty() || fragment.starts_with('/')) return Found{found.root, fragment};
  const auto anchor = found.anchors.find(fragment);
  if (anchor == found.anchors.end()) return std::nullopt;
  return Found{anchor->second.part, {}};
}

std::optional<SchemaReferences::Found> SchemaReferences::find_dynamic(std::uint32_t resource,
                                                                      std::string_view reference) const {
  const std::optional<Found> found = find(resource, reference);
  const std::string anchor = parts_of(reference).second;
  const auto dynamic = [&](const Resource& one) {
    const auto at = one.anchors.find(anchor);
    return at != one.anchors.end() && at->second.is_dynamic ? at->second.part : nullptr;
  };
  if (!found || std::ranges::none_of(resources_, [&](const Resource& one) {
        const Json* const part = dynamic(one);
        return part && part == found->from;
      })) {
    return found;
  }
  if (const Json* const first = dynamic(resources_.front())) return Found{first, {}};
  if (std::ranges::count_if(resources_, dynamic) > 1) return std::nullopt;
  return found;
}

}  // namespace banyan

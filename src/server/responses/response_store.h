/// Responses that clients go on from by their id, or ask for again.
///
/// Any thread.
#pragma once

#include <cstddef>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/json_fields.h"

namespace banyan {

class ResponseStore {
 public:
  /// What was not used for longest goes when all take more bytes than that.
  explicit ResponseStore(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  /// Keeps a response object and the `input` items that it answers, each with an id. One that is larger than
  /// all may be is not kept.
  void put(const Json& response, const Json& input);
  /// Returns whether there was one.
  bool erase(const std::string& id);

  /// Null where it is not kept.
  Json response(const std::string& id);
  Json input(const std::string& id);
  /// Any item by its own id.
  Json item(const std::string& id);
  /// The items of the whole conversation, up to those of the response's output. Nothing where one of the
  /// responses that it goes on from is not kept any more.
  std::optional<std::vector<Json>> conversation(const std::string& id);

  std::size_t bytes() const;

 private:
  // JSON is kept as text, whose bytes are known, and which is a fraction of what the values take.
  struct Item {
    std::string id;
    std::string text;
  };
  struct Entry {
    std::string id = {};
    std::string previous = {};
    std::string response = {};     ///< but for its output
    std::vector<Item> items = {};  ///< of the input and then of the output
    std::size_t inputs = 0;
    std::size_t bytes = 0;
  };
  using Order = std::list<Entry>;  // the last used first

  Order::iterator find(const std::string& id);
  void remove(Order::iterator entry);

  const std::size_t most_bytes_;
  mutable std::mutex mutex_;
  Order order_;
  std::unordered_map<std::string, Order::iterator> responses_;
  std::unordered_map<std::string, const Item*> items_;
  std::size_t bytes_ = 0;
};

}  // namespace banyan

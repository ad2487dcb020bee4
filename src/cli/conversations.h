/// The conversations of one `banyan chat`: named lists of messages, one of them current.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "banyan/base.h"
#include "banyan/chat_request.h"

namespace banyan::cli {

struct Message {
  std::string role;  ///< "user" or "assistant"
  std::string content;
};

struct Conversation {
  std::string name;
  std::string system;  ///< empty: none
  std::vector<Message> messages;

  /// For its next reply.
  ChatRequest to_request() const;
};

class Conversations {
 public:
  /// One empty conversation, "main".
  explicit Conversations(std::string system);

  const std::vector<Conversation>& all() const { return all_; }
  Conversation& current() { return all_[current_]; }
  bool is_current(const Conversation& conversation) const { return &conversation == &all_[current_]; }

  /// Adds a conversation with nothing but the current one's system message and makes it current.
  /// Without a name it gets one. Errors: invalid_argument (a name that is taken, or a number).
  Result<> add(std::string_view name);
  /// The same with a copy of the current one's messages.
  Result<> fork(std::string_view name);
  /// Makes the one of this name, or of this number in all() from 1 on, current. Errors:
  /// invalid_argument.
  Result<> select(std::string_view name_or_number);

  /// Writes all conversations. Errors: io.
  Result<> save(const std::string& path) const;
  /// Reads a file that save() wrote: its conversations replace those of the same name, and its
  /// current one becomes current. Errors: io, corrupt (and nothing has changed).
  Result<> load(const std::string& path);

 private:
  std::vector<Conversation>::iterator find(std::string_view name);
  Result<> add_copy(Conversation conversation, std::string_view name, std::string_view stem);

  std::vector<Conversation> all_;
  std::size_t current_ = 0;
};

}  // namespace banyan::cli

#include <algorithm>
#include <array>
#include <deque>
#include <utility>
#include <variant>

#include "chat/reply/arguments_reader.h"
#include "chat/reply/call_head.h"
#include "chat/reply/json_reader.h"
#include "chat/reply/marker.h"
#include "chat/reply/reply_reader.h"

namespace banyan {
namespace {

using Kind = ChatEvent::Kind;

/// The rest of the JSON object that a call is, behind its arguments.
struct MembersEnd {
  MembersEnd() { span.take('{'); }
  JsonSpan span;

  Step take(char c) {
    const JsonSpan::Step step = span.take(c);
    return step == JsonSpan::Step::more   ? Step::more
           : step == JsonSpan::Step::done ? Step::done
                                          : Step::failed;
  }
};

/// Something that the bytes held back may turn out to be.
struct Candidate {
  enum class Meaning : std::uint8_t { thought_begins, thought_ends, silent, call, part_ends, section_ends };
  Meaning meaning;
  std::variant<MarkerMatch, CallHead, MembersEnd> reader;
};
using Meaning = Candidate::Meaning;

class MarkedReply : public ReplyReader {
 public:
  MarkedReply(ReplyReaderParts parts, std::string_view prompt)
      : form_(parts.form), call_(parts.form.call), parts_(std::move(parts)) {
    note_first_bytes();
    if (parts_.is_thinking) {
      prose_ = Kind::reasoning;
      // Where the prompt has some of the thought, blanks are the thought's.
      drops_blanks_ = trimmed(prompt).ends_with(form_.reasoning.begin);
    }
    // The prompt may end with what a call begins with.
    const std::string_view begin = trimmed(call_.begin);
    if (!begin.empty() && trimmed(call_.section_begin).empty() && trimmed(prompt).ends_with(begin)) {
      of_prompt_ =
          static_cast<std::size_t>(std::ranges::count_if(begin, [](char c) { return !is_blank(c); }));
      for (const char c : begin) MarkedReply::take(c);
    }
  }

  void take(char c) override {
    todo_.push_back(c);
    work_off();
  }

  void end(bool by_model) override {
    while (!candidates_.empty()) {
      give_up();
      work_off();
    }
    if (stage_ == Stage::arguments) {
      std::string json;
      const bool is_whole = arguments_->end(by_model, json);
      parts_.events.add_arguments(json);
      if (is_whole) parts_.events.end_call();
    }
    if (stage_ == Stage::prose && prose_ == Kind::text) parts_.events.add(Kind::text, blanks_);
    blanks_.clear();
  }

 private:
  enum class Stage : std::uint8_t {
    prose,      // what is said, or a thought
    arguments,  // of a call
    members,    // after them, what is left of the JSON object around them
    call_end,   // after them, the call's last marker
    between,    // after a call in a section
  };

  void work_off() {
    while (!todo_.empty()) {
      const char c = todo_.front();
      todo_.pop_front();
      step(c);
    }
  }

  void step(char c) {
    if (stage_ == Stage::arguments) return take_arguments(c);
    if (candidates_.empty()) {
      if (is_blank(c)) {
        if (!drops_blanks_ && of_prompt_ == 0) blanks_ += c;
        return;
      }
      if (begins_marker_[static_cast<unsigned char>(c)]) look_for_markers();
      if (candidates_.empty()) return say(c);
    }
    held_ += c;
    for (std::size_t i = 0; i < candidates_.size();) {
      const Step step = std::visit([c](auto& reader) { return reader.take(c); }, candidates_[i].reader);
      if (step == Step::done) return found(Candidate(std::move(candidates_[i])));
      if (step == Step::failed) {
        candidates_.erase(candidates_.begin() + static_cast<std::ptrdiff_t>(i));
      } else {
        ++i;
      }
    }
    if (candidates_.empty()) give_up();
  }

  // What is held back is none of the candidates.
  void give_up() {
    candidates_.clear();
    std::string held = std::exchange(held_, {});
    if (stage_ == Stage::prose) {
      say(held.front());
      held.erase(0, 1);
    } else {
      next_stage();
    }
    todo_.insert(todo_.begin(), held.begin(), held.end());
  }

  void say(char c) {
    if (of_prompt_ > 0) {
      --of_prompt_;
      return;
    }
    parts_.events.add(prose_, blanks_);
    parts_.events.add(prose_, {&c, 1});
    blanks_.clear();
    drops_blanks_ = false;
    is_fresh_ = false;
  }

  void found(Candidate candidate) {
    candidates_.clear();
    held_.clear();
    blanks_.clear();
    drops_blanks_ = true;
    is_fresh_ = true;
    of_prompt_ = 0;
    switch (candidate.meaning) {
      case Meaning::thought_begins:
        prose_ = Kind::reasoning;
        break;
      case Meaning::thought_ends:
        prose_ = Kind::text;
        break;
      case Meaning::silent:
        break;
      case Meaning::call:
        begin_call(std::get<CallHead>(candidate.reader));
        break;
      case Meaning::part_ends:
        next_stage();
        break;
      case Meaning::section_ends:
        is_in_section_ = false;
        stage_ = Stage::prose;
        break;
    }
  }

  void look_for(Meaning meaning, std::string_view marker) {
    if (!trimmed(marker).empty()) candidates_.push_back({meaning, MarkerMatch(marker)});
  }
  void look_for_call(std::vector<std::string_view> markers) {
    std::erase_if(markers, [](std::string_view marker) { return trimmed(marker).empty(); });
    candidates_.push_back({Meaning::call, CallHead(call_, parts_.tools, std::move(markers))});
  }

  // In prose. Thoughts begin only where nothing was said since the last marker.
  void look_for_markers() {
    if (prose_ == Kind::reasoning) return look_for(Meaning::thought_ends, form_.reasoning.end);
    if (is_fresh_) {
      look_for(Meaning::thought_begins, form_.reasoning.begin);
      look_for(Meaning::thought_ends, form_.reasoning.end);
    }
    for (const std::string_view marker : form_.silent.all()) look_for(Meaning::silent, marker);
    if (is_in_section_) look_for(Meaning::section_ends, trimmed(call_.section_end));
    if (parts_.tools.empty()) return;
    const bool has_section = !trimmed(call_.section_begin).empty();
    const bool has_begin = !trimmed(call_.begin).empty();
    if (has_section) look_for_call({call_.section_begin, call_.begin});
    if (has_begin || (!has_section && is_fresh_)) look_for_call({call_.begin});
  }

  void note_first_bytes() {
    const auto note = [this](std::string_view marker) {
      if (!trimmed(marker).empty())
        begins_marker_[static_cast<unsigned char>(trimmed(marker).front())] = true;
    };
    for (const std::string_view marker : form_.silent.all()) note(marker);
    for (const std::string* marker : {&form_.reasoning.begin, &form_.reasoning.end, &call_.section_begin,
                                      &call_.section_end, &call_.begin}) {
      note(*marker);
    }
    if (call_.arguments == CallForm::Arguments::members) note("{");
  }

  void begin_call(const CallHead& head) {
    if (!trimmed(call_.section_begin).empty()) is_in_section_ = true;
    std::string id = head.id();
    parts_.events.begin_call(id.empty() ? parts_.make_id() : std::move(id), head.tool().name);
    if (head.arguments()) {
      parts_.events.add_arguments(*head.arguments());
      parts_.events.end_call();
      go_to(Stage::call_end);
      return;
    }
    switch (call_.arguments) {
      case CallForm::Arguments::members:
      case CallForm::Arguments::json:
        arguments_ = json_arguments(head.open());
        break;
      case CallForm::Arguments::tagged:
        arguments_ = tagged_arguments(call_, head.tool());
        break;
      case CallForm::Arguments::literals:
        arguments_ = literal_arguments(call_);
        break;
    }
    stage_ = Stage::arguments;
    if (head.rest()) todo_.push_front(*head.rest());
  }

  void take_arguments(char c) {
    std::string json;
    const Step step = arguments_->take(c, json);
    parts_.events.add_arguments(json);
    if (step == Step::more) return;
    if (step == Step::done) {
      parts_.events.end_call();
      next_stage();
      return;
    }
    const std::string rest = arguments_->rest();
    go_to(Stage::prose);
    todo_.insert(todo_.begin(), rest.begin(), rest.end());
  }

  void next_stage() {
    switch (stage_) {
      case Stage::arguments:
        if (call_.arguments == CallForm::Arguments::members) return go_to(Stage::members);
        if (call_.arguments == CallForm::Arguments::tagged)
          return go_to(Stage::between);  // they read its end
        return go_to(Stage::call_end);
      case Stage::members:
        return go_to(Stage::call_end);
      case Stage::call_end:
        return go_to(Stage::between);
      case Stage::between:
      case Stage::prose:
        return go_to(Stage::prose);
    }
  }

  void go_to(Stage stage) {
    stage_ = stage;
    drops_blanks_ = true;
    is_fresh_ = true;
    switch (stage) {
      case Stage::members:
        candidates_.push_back({Meaning::part_ends, MembersEnd()});
        break;
      case Stage::call_end:
        look_for(Meaning::part_ends, trimmed(call_.end));
        if (candidates_.empty()) next_stage();
        break;
      case Stage::between:
        if (!is_in_section_) return go_to(Stage::prose);
        look_for(Meaning::section_ends, trimmed(call_.section_end));
        if (!trimmed(call_.separator).empty()) look_for_call({call_.separator, call_.begin});
        look_for_call({call_.begin});
        break;
      case Stage::arguments:
      case Stage::prose:
        break;
    }
  }

  const ReplyForm& form_;
  const CallForm& call_;
  ReplyReaderParts parts_;
  std::array<bool, 256> begins_marker_{};

  Stage stage_ = Stage::prose;
  Kind prose_ = Kind::text;
  bool is_fresh_ = true;       // nothing was said since the last marker
  bool drops_blanks_ = false;  // as they are beside a marker
  bool is_in_section_ = false;
  std::string blanks_;         // that may turn out to be beside a marker
  std::size_t of_prompt_ = 0;  // bytes held back that are the prompt's, without blanks
  std::vector<Candidate> candidates_;
  std::string held_;
  std::deque<char> todo_;
  std::unique_ptr<ArgumentsReader> arguments_;
};

}  // namespace

std::unique_ptr<ReplyReader> read_marked_reply(ReplyReaderParts parts, std::string_view prompt) {
  return std::make_unique<MarkedReply>(std::move(parts), prompt);
}

}  // namespace banyan

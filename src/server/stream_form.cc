#include "server/stream_form.h"

namespace banyan {
namespace {

class EventStream final : public StreamForm {
 public:
  explicit EventStream(std::string_view end) : end_(end) {}

  const char* content_type() const override { return "text/event-stream"; }
  std::string write(const WireEvent& event) const override {
    std::string text;
    if (!event.name.empty()) text = "event: " + event.name + "\n";
    return text + "data: " + dump(event.data) + "\n\n";
  }
  std::string_view ping() const override { return ": ping\n\n"; }
  std::string_view end() const override { return end_; }

 private:
  std::string_view end_;
};

class JsonLines final : public StreamForm {
 public:
  const char* content_type() const override { return "application/x-ndjson"; }
  std::string write(const WireEvent& event) const override { return dump(event.data) + "\n"; }
  std::string_view ping() const override { return ""; }
  std::string_view end() const override { return ""; }
};

}  // namespace

const StreamForm& event_stream() {
  static const EventStream form("");
  return form;
}

const StreamForm& event_stream_until_done() {
  static const EventStream form("data: [DONE]\n\n");
  return form;
}

const StreamForm& json_lines() {
  static const JsonLines form;
  return form;
}

}  // namespace banyan

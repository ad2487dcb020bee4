#include "cli/demo_script.h"

#include <array>
#include <format>
#include <string_view>
#include <vector>

namespace banyan::cli {
namespace {

struct Fact {
  std::string statement;
  std::string question;
  std::string answer;
};

Fact pet(std::string_view animal, std::string_view name) {
  return {std::format("My {} is called {}.", animal, name), std::format("What is my {} called?", animal),
          std::string(name)};
}

Fact code(std::string_view place, std::string_view digits) {
  return {std::format("The code for the {} is {}.", place, digits),
          std::format("What is the code for the {}?", place), std::string(digits)};
}

Fact favourite(std::string_view who, std::string_view thing, std::string_view which) {
  return {std::format("{}'s favourite {} is {}.", who, thing, which),
          std::format("What is {}'s favourite {}?", who, thing), std::string(which)};
}

Fact arrival(std::string_view who, std::string_view day) {
  return {std::format("{} arrives on {}.", who, day), std::format("When does {} arrive?", who),
          std::string(day)};
}

const std::vector<Fact>& notes() {
  static const std::vector<Fact> facts = {
      code("red gate", "4817"),
      pet("dog", "Broona"),
      favourite("Stida", "fruit", "plum"),
      arrival("Kofen", "Friday"),
      code("blue shed", "2093"),
      favourite("Plaro", "drink", "cocoa"),
      arrival("Drimol", "Monday"),
      pet("parrot", "Zoki"),
      code("green cellar", "7751"),
      favourite("Shena", "tree", "willow"),
      arrival("Trabo", "Sunday"),
      code("white office", "3360"),
      favourite("Flous", "city", "Kyoto"),
      pet("turtle", "Glain"),
      arrival("Hesta", "Tuesday"),
      code("black garage", "9184"),
      favourite("Crode", "game", "chess"),
      arrival("Novil", "Thursday"),
      code("silver tower", "6027"),
      favourite("Brite", "soup", "lentil"),
      pet("goat", "Thrun"),
      arrival("Zalor", "Wednesday"),
      code("orange kitchen", "1549"),
      favourite("Wemol", "flower", "tulip"),
      arrival("Skoda", "Saturday"),
      code("purple studio", "8402"),
      favourite("Trego", "book", "Paper Boats"),
      pet("hen", "Chaira"),
      arrival("Prenus", "Monday"),
      code("yellow library", "5278"),
      favourite("Dralo", "song", "Night Train"),
      arrival("Lurisk", "Friday"),
      code("brown attic", "3916"),
      favourite("Gomen", "colour", "silver"),
      pet("pony", "Fless"),
      arrival("Chavor", "Sunday"),
      code("red kitchen", "7033"),
      favourite("Sheko", "drink", "cider"),
      arrival("Blone", "Tuesday"),
      code("green gate", "2685"),
      favourite("Ristal", "fruit", "mango"),
      arrival("Tovard", "Thursday"),
      code("white tower", "9410"),
      favourite("Klena", "city", "Oslo"),
      arrival("Mispo", "Wednesday"),
      code("blue garage", "6152"),
      favourite("Jorax", "tree", "cedar"),
      arrival("Denick", "Saturday"),
      code("black library", "4099"),
      favourite("Vasto", "game", "darts"),
      arrival("Pralin", "Monday"),
      code("orange cellar", "1837"),
      code("black studio", "7789"),
      favourite("Pesku", "fruit", "apple"),
      arrival("Naibo", "Monday"),
      code("red cellar", "3907"),
      favourite("Skairon", "colour", "purple"),
      arrival("Beahirt", "Wednesday"),
      code("silver studio", "1453"),
      favourite("Bragai", "song", "Soft Rain"),
      arrival("Steck", "Thursday"),
      code("silver shed", "9345"),
      favourite("Kivoo", "game", "chess"),
      arrival("Ritrock", "Sunday"),
      pet("cat", "Preas"),
      code("blue library", "6304"),
      favourite("Chasis", "book", "Quiet Hours"),
      arrival("Jamom", "Wednesday"),
      code("red tower", "5461"),
      favourite("Hond", "drink", "cider"),
      arrival("Bail", "Wednesday"),
      code("brown kitchen", "2979"),
      favourite("Grirt", "tree", "ash"),
      arrival("Taivoon", "Tuesday"),
      code("white cellar", "6791"),
      favourite("Fejax", "city", "Rome"),
      arrival("Plus", "Sunday"),
      pet("horse", "Thupoo"),
      code("brown tower", "1433"),
      favourite("Cezem", "flower", "lily"),
      arrival("Leflim", "Wednesday"),
      code("green tower", "0075"),
      favourite("Cligem", "soup", "pumpkin"),
      arrival("Doolal", "Monday"),
      code("black shed", "6079"),
      favourite("Grend", "fruit", "plum"),
      arrival("Gehea", "Wednesday"),
      code("silver office", "6977"),
      favourite("Hotrar", "colour", "brown"),
      arrival("Stan", "Saturday"),
      pet("rabbit", "Thairt"),
      code("red office", "4293"),
      favourite("Naskin", "song", "Old Road"),
      arrival("Woshon", "Thursday"),
  };
  return facts;
}

/// A different name for every conversation.
std::string own_name(int conversation) {
  constexpr std::array<std::string_view, 8> first = {"Bre", "Cho", "Dra", "Flo", "Ka", "Mi", "Sto", "Ve"};
  constexpr std::array<std::string_view, 8> second = {"dan", "rix", "mol", "ta", "nus", "vel", "gor", "pi"};
  const auto number = static_cast<std::size_t>(conversation);
  return std::format("{}{}", first[number % 8], second[(number / 8 + number) % 8]);
}

/// What only this conversation is told.
Fact own_fact(int conversation) {
  const std::string name = own_name(conversation);
  switch (conversation % 6) {
    case 0:
      return {std::format("My name is {}.", name), "What is my name?", name};
    case 1:
      return {std::format("My dog is now called {}.", name), "What is my dog called?", name};
    case 2:
      return {std::format("I live in {}.", name), "Where do I live?", name};
    case 3:
      return code("red gate", std::format("{}", 5000 + 137 * (conversation + 1) % 5000));
    case 4:
      return favourite(name, "soup", "pumpkin");
    default:
      return arrival(name, "Thursday");
  }
}

}  // namespace

std::string demo_notes() {
  std::string text = "You are Tally. Answer from what you know. Notes:";
  for (const Fact& fact : notes()) text += " " + fact.statement;
  return text;
}

std::vector<DemoTurn> demo_turns(int conversation) {
  const Fact& note = notes()[static_cast<std::size_t>(conversation) * 5 % notes().size()];
  const Fact own = own_fact(conversation);
  return {{note.question, note.answer}, {own.statement, {}}, {own.question, own.answer}};
}

}  // namespace banyan::cli

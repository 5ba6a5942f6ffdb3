#include "engine/instruction.h"

#include "core/error.h"

namespace odenet::engine {
namespace {

constexpr int kOpcodeBits = 4;

constexpr Field kFields[] = {
    {"source", 4, 1, &Instruction::source},
    {"destination", 6, 2, &Instruction::destination},
    {"relu", 8, 1, &Instruction::relu},
    {"add", 9, 1, &Instruction::add},
    {"stride2", 10, 1, &Instruction::stride2},
    {"old_stride2", 11, 1, &Instruction::old_stride2},
    {"pointwise", 12, 1, &Instruction::pointwise},
    {"depthwise", 13, 1, &Instruction::depthwise},
    {"online", 14, 1, &Instruction::online},
    {"single", 15, 1, &Instruction::single},
    {"in_channels", 16, 16, &Instruction::in_channels},
    {"count", 32, 16, &Instruction::count},
    {"rows", 48, 16, &Instruction::rows},
    {"row_words", 64, 16, &Instruction::row_words},
    {"plane", 80, 16, &Instruction::plane},
    {"old_channels", 96, 16, &Instruction::old_channels},
    {"target", 112, 16, &Instruction::target},
    {"source_base", 128, 24, &Instruction::source_base},
    {"destination_base", 152, 24, &Instruction::destination_base},
    {"old_base", 176, 24, &Instruction::old_base},
    {"weight", 200, 24, &Instruction::weight},
    {"table", 224, 24, &Instruction::table},
};

// Fields may straddle the 32-bit parts of a word.
uint32_t get(const Word& word, int low, int width) {
  uint32_t value = 0;
  for (int bit = 0; bit < width; ++bit)
    value |= (word[static_cast<size_t>((low + bit) / 32)] >> ((low + bit) % 32) & 1u) << bit;
  return value;
}

void set(Word& word, int low, int width, uint32_t value) {
  for (int bit = 0; bit < width; ++bit)
    word[static_cast<size_t>((low + bit) / 32)] |= (value >> bit & 1u) << ((low + bit) % 32);
}

}  // namespace

std::span<const Field> instruction_fields() { return kFields; }

const char* name_of(Opcode opcode) {
  switch (opcode) {
    case Opcode::kLoad:
      return "load";
    case Opcode::kConvolve:
      return "convolve";
    case Opcode::kStore:
      return "store";
    case Opcode::kLoop:
      return "loop";
    case Opcode::kEnd:
      return "end";
    case Opcode::kCombine:
      return "combine";
  }
  throw Error("engine instruction: unknown opcode {}", static_cast<int>(opcode));
}

Word encode(const Instruction& instruction) {
  const char* name = name_of(instruction.opcode);
  Word word{};
  set(word, 0, kOpcodeBits, static_cast<uint32_t>(instruction.opcode));
  for (const Field& field : kFields) {
    const uint32_t value = instruction.*field.value;
    if (uint64_t{value} >> field.width != 0)
      throw Error("engine instruction {}: {} is {}, its field of {} bits holds at most {}", name, field.name, value,
                  field.width, (1u << field.width) - 1);
    set(word, field.low, field.width, value);
  }
  return word;
}

Instruction decode(const Word& word) {
  Instruction instruction;
  instruction.opcode = static_cast<Opcode>(get(word, 0, kOpcodeBits));
  name_of(instruction.opcode);
  for (const Field& field : kFields) instruction.*field.value = get(word, field.low, field.width);
  if (encode(instruction) != word) throw Error("engine instruction {}: a bit in no field is set", to_hex(word));
  return instruction;
}

std::string to_hex(const Word& word) {
  std::string text;
  for (size_t i = word.size(); i-- > 0;) text += fmt::format("{:08x}", word[i]);
  return text;
}

std::string describe(const Instruction& instruction) {
  std::string text = name_of(instruction.opcode);
  for (const Field& field : kFields)
    if (instruction.*field.value != 0) text += fmt::format(" {}={}", field.name, instruction.*field.value);
  return text;
}

}  // namespace odenet::engine

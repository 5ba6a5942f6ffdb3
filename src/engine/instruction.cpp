#include "engine/instruction.h"

#include "core/error.h"

namespace odenet::engine {
namespace {

constexpr int kOpcodeBits = 4;

constexpr Field kFields[] = {
    {"source", 4, 4, &Instruction::source},
    {"destination", 8, 4, &Instruction::destination},
    {"relu", 12, 1, &Instruction::relu},
    {"add", 13, 1, &Instruction::add},
    {"in_channels", 16, 16, &Instruction::in_channels},
    {"count", 32, 16, &Instruction::count},
    {"height", 48, 16, &Instruction::height},
    {"weight", 64, 24, &Instruction::weight},
    {"table", 88, 24, &Instruction::table},
    {"target", 112, 16, &Instruction::target},
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
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", word[3], word[2], word[1], word[0]);
}

std::string describe(const Instruction& instruction) {
  std::string text = name_of(instruction.opcode);
  for (const Field& field : kFields)
    if (instruction.*field.value != 0) text += fmt::format(" {}={}", field.name, instruction.*field.value);
  return text;
}

}  // namespace odenet::engine

// The block RAMs of a synthesised engine, for its simulation: RAMB18E1 and RAMB36E1 of 7 series devices as AMD's UG473
// describes them, as far as Yosys uses them here; it has models of all other cells, but of these only the ports.
//
// One port reads and the other one writes; with RAM_MODE "SDP" A reads, B writes, each with the data pins of both. What is read
// while it is written is unknown, unless the writing port is in READ_FIRST mode. What is not modelled (a port that does both,
// output registers, resets, cascades) ends the simulation where it is used.
`default_nettype none

module block_ram #(
    parameter ADDRESS_WIDTH = 14,  // of a bit
    parameter LANES = 2,  // bytes of a port's data pins
    parameter [2**ADDRESS_WIDTH-1:0] INIT = 0,
    parameter [2**(ADDRESS_WIDTH-3)-1:0] INITP = 0,  // the bytes' ninth bits
    parameter SIMPLE = 0,  // RAM_MODE is "SDP"
    parameter SWAPPED = 0,  // port B reads, port A writes
    parameter integer READ_WIDTH = 0,  // 1, 2, 4, or 9 times a number of bytes; 0: not used
    parameter integer WRITE_WIDTH = 0,
    parameter READ_FIRST = 0,
    parameter UNKNOWN = 0  // parameters ask for what is not modelled
) (
    input  wire                     read_clk,
    input  wire                     read_enable,
    input  wire [ADDRESS_WIDTH-1:0] read_address,
    output wire [     16*LANES-1:0] read_data,  // pins of port B above those of port A
    output wire [      2*LANES-1:0] read_parity,
    input  wire                     write_clk,
    input  wire                     write_enable,
    input  wire [      2*LANES-1:0] write_bytes,
    input  wire [ADDRESS_WIDTH-1:0] write_address,
    input  wire [     16*LANES-1:0] write_data,
    input  wire [      2*LANES-1:0] write_parity,
    input  wire                     unknown  // pins ask for what is not modelled
);
  localparam BYTES = 2 ** (ADDRESS_WIDTH - 3);
  localparam WIDEST = 9 * LANES * (SIMPLE ? 2 : 1);
  localparam READ_BYTES = READ_WIDTH < 9 ? 1 : READ_WIDTH / 9;
  localparam WRITE_BYTES = WRITE_WIDTH < 9 ? 1 : WRITE_WIDTH / 9;
  localparam MOST_BYTES = READ_BYTES > WRITE_BYTES ? READ_BYTES : WRITE_BYTES;
  // The pins of a port B of its own are the upper half.
  localparam READ_LANE = SWAPPED ? LANES : 0;
  localparam WRITE_LANE = SIMPLE || SWAPPED ? 0 : LANES;

  reg [8:0] memory[0:BYTES-1];
  reg [9*2*LANES-1:0] fetched = 0;

  wire [ADDRESS_WIDTH-4:0] read_byte = read_address[ADDRESS_WIDTH-1:3];
  wire [ADDRESS_WIDTH-4:0] write_byte = write_address[ADDRESS_WIDTH-1:3];
  wire collision = write_enable && write_bytes != 0 && !READ_FIRST && read_byte / MOST_BYTES == write_byte / MOST_BYTES;

  integer i, j;
  initial begin
    for (i = 0; i < BYTES; i = i + 1) memory[i] = {INITP[i], INIT[8*i+:8]};
    if (UNKNOWN) $fatal(1, "%m: parameters ask for what is not modelled");
    if (READ_WIDTH > WIDEST || WRITE_WIDTH > WIDEST || SIMPLE && READ_WIDTH != WIDEST)
      $fatal(1, "%m: widths of %0d bits to read and %0d to write are not modelled", READ_WIDTH, WRITE_WIDTH);
    if (WRITE_WIDTH % 9 != 0) $fatal(1, "%m: writing parts of bytes is not modelled");
  end

  always @(posedge read_clk) begin
    if (unknown !== 1'b0) $fatal(1, "%m: pins ask for what is not modelled");
    if (read_enable) begin
      if (collision && WRITE_WIDTH != 0) fetched <= {18 * LANES{1'bx}};
      else if (READ_WIDTH < 9) fetched <= memory[read_byte] >> (read_address[2:0] & ~(READ_WIDTH - 1));
      else
        for (i = 0; i < READ_BYTES; i = i + 1) fetched[9*i+:9] <= memory[read_byte/READ_BYTES*READ_BYTES+i];
    end
  end

  generate
    if (WRITE_WIDTH != 0) begin : writing
      always @(posedge write_clk)
        if (write_enable)
          for (j = 0; j < WRITE_BYTES; j = j + 1)
            if (write_bytes[j])
              memory[write_byte/WRITE_BYTES*WRITE_BYTES+j] <= {
                write_parity[WRITE_LANE+j], write_data[8*(WRITE_LANE+j)+:8]
              };
    end
  endgenerate

  genvar k;
  generate
    for (k = 0; k < 2 * LANES; k = k + 1) begin : lane
      assign {read_parity[k], read_data[8*k+:8]} = fetched[9*((k+READ_LANE)%(2*LANES))+:9];
    end
  endgenerate
endmodule

module RAMB18E1 #(
    parameter [255:0] INIT_00 = 256'd0, INIT_01 = 256'd0, INIT_02 = 256'd0, INIT_03 = 256'd0,
    parameter [255:0] INIT_04 = 256'd0, INIT_05 = 256'd0, INIT_06 = 256'd0, INIT_07 = 256'd0,
    parameter [255:0] INIT_08 = 256'd0, INIT_09 = 256'd0, INIT_0A = 256'd0, INIT_0B = 256'd0,
    parameter [255:0] INIT_0C = 256'd0, INIT_0D = 256'd0, INIT_0E = 256'd0, INIT_0F = 256'd0,
    parameter [255:0] INIT_10 = 256'd0, INIT_11 = 256'd0, INIT_12 = 256'd0, INIT_13 = 256'd0,
    parameter [255:0] INIT_14 = 256'd0, INIT_15 = 256'd0, INIT_16 = 256'd0, INIT_17 = 256'd0,
    parameter [255:0] INIT_18 = 256'd0, INIT_19 = 256'd0, INIT_1A = 256'd0, INIT_1B = 256'd0,
    parameter [255:0] INIT_1C = 256'd0, INIT_1D = 256'd0, INIT_1E = 256'd0, INIT_1F = 256'd0,
    parameter [255:0] INIT_20 = 256'd0, INIT_21 = 256'd0, INIT_22 = 256'd0, INIT_23 = 256'd0,
    parameter [255:0] INIT_24 = 256'd0, INIT_25 = 256'd0, INIT_26 = 256'd0, INIT_27 = 256'd0,
    parameter [255:0] INIT_28 = 256'd0, INIT_29 = 256'd0, INIT_2A = 256'd0, INIT_2B = 256'd0,
    parameter [255:0] INIT_2C = 256'd0, INIT_2D = 256'd0, INIT_2E = 256'd0, INIT_2F = 256'd0,
    parameter [255:0] INIT_30 = 256'd0, INIT_31 = 256'd0, INIT_32 = 256'd0, INIT_33 = 256'd0,
    parameter [255:0] INIT_34 = 256'd0, INIT_35 = 256'd0, INIT_36 = 256'd0, INIT_37 = 256'd0,
    parameter [255:0] INIT_38 = 256'd0, INIT_39 = 256'd0, INIT_3A = 256'd0, INIT_3B = 256'd0,
    parameter [255:0] INIT_3C = 256'd0, INIT_3D = 256'd0, INIT_3E = 256'd0, INIT_3F = 256'd0,
    parameter [255:0] INITP_00 = 256'd0, INITP_01 = 256'd0, INITP_02 = 256'd0, INITP_03 = 256'd0,
    parameter [255:0] INITP_04 = 256'd0, INITP_05 = 256'd0, INITP_06 = 256'd0, INITP_07 = 256'd0,
    parameter [35:0] INIT_A = 0, INIT_B = 0, SRVAL_A = 0, SRVAL_B = 0,
    parameter integer DOA_REG = 0, DOB_REG = 0,
    parameter integer READ_WIDTH_A = 0, READ_WIDTH_B = 0, WRITE_WIDTH_A = 0, WRITE_WIDTH_B = 0,
    parameter RAM_EXTENSION_A = "NONE", RAM_EXTENSION_B = "NONE",
    parameter RAM_MODE = "TDP", WRITE_MODE_A = "WRITE_FIRST", WRITE_MODE_B = "WRITE_FIRST"
) (
    input  wire CLKARDCLK, CLKBWRCLK, ENARDEN, ENBWREN, REGCEAREGCE, REGCEB,
    input  wire RSTRAMARSTRAM, RSTRAMB, RSTREGARSTREG, RSTREGB,
    input  wire [13:0] ADDRARDADDR, ADDRBWRADDR,
    input  wire [15:0] DIADI, DIBDI,
    input  wire [1:0] DIPADIP, DIPBDIP,
    input  wire [1:0] WEA,
    input  wire [3:0] WEBWE,
    output wire [15:0] DOADO, DOBDO,
    output wire [1:0] DOPADOP, DOPBDOP
);
  localparam SWAPPED = READ_WIDTH_B != 0 || WRITE_WIDTH_A != 0;

  block_ram #(
      .ADDRESS_WIDTH(14),
      .LANES(2),
      .INIT({
        INIT_3F, INIT_3E, INIT_3D, INIT_3C, INIT_3B, INIT_3A, INIT_39, INIT_38,
        INIT_37, INIT_36, INIT_35, INIT_34, INIT_33, INIT_32, INIT_31, INIT_30,
        INIT_2F, INIT_2E, INIT_2D, INIT_2C, INIT_2B, INIT_2A, INIT_29, INIT_28,
        INIT_27, INIT_26, INIT_25, INIT_24, INIT_23, INIT_22, INIT_21, INIT_20,
        INIT_1F, INIT_1E, INIT_1D, INIT_1C, INIT_1B, INIT_1A, INIT_19, INIT_18,
        INIT_17, INIT_16, INIT_15, INIT_14, INIT_13, INIT_12, INIT_11, INIT_10,
        INIT_0F, INIT_0E, INIT_0D, INIT_0C, INIT_0B, INIT_0A, INIT_09, INIT_08,
        INIT_07, INIT_06, INIT_05, INIT_04, INIT_03, INIT_02, INIT_01, INIT_00
      }),
      .INITP({
        INITP_07, INITP_06, INITP_05, INITP_04, INITP_03, INITP_02, INITP_01, INITP_00
      }),
      .SIMPLE(RAM_MODE == "SDP"),
      .SWAPPED(SWAPPED),
      .READ_WIDTH(SWAPPED ? READ_WIDTH_B : READ_WIDTH_A),
      .WRITE_WIDTH(SWAPPED ? WRITE_WIDTH_A : WRITE_WIDTH_B),
      .READ_FIRST(SWAPPED ? WRITE_MODE_A == "READ_FIRST" : WRITE_MODE_B == "READ_FIRST"),
      .UNKNOWN(SWAPPED && (READ_WIDTH_A != 0 || WRITE_WIDTH_B != 0 || RAM_MODE == "SDP") || DOA_REG != 0 || DOB_REG != 0 ||
               RAM_EXTENSION_A != "NONE" || RAM_EXTENSION_B != "NONE")
  ) memory (
      .read_clk(SWAPPED ? CLKBWRCLK : CLKARDCLK),
      .read_enable(SWAPPED ? ENBWREN : ENARDEN),
      .read_address(SWAPPED ? ADDRBWRADDR[13:0] : ADDRARDADDR[13:0]),
      .read_data({DOBDO, DOADO}),
      .read_parity({DOPBDOP, DOPADOP}),
      .write_clk(SWAPPED ? CLKARDCLK : CLKBWRCLK),
      .write_enable(SWAPPED ? ENARDEN : ENBWREN),
      .write_bytes(SWAPPED ? {2'd0, WEA} : WEBWE),
      .write_address(SWAPPED ? ADDRARDADDR[13:0] : ADDRBWRADDR[13:0]),
      .write_data({DIBDI, DIADI}),
      .write_parity({DIPBDIP, DIPADIP}),
      .unknown(RSTRAMARSTRAM || RSTRAMB || RSTREGARSTREG || RSTREGB ||
               (SWAPPED ? ENBWREN && WEBWE != 0 : ENARDEN && WEA != 0))
  );
endmodule

module RAMB36E1 #(
    parameter [255:0] INIT_00 = 256'd0, INIT_01 = 256'd0, INIT_02 = 256'd0, INIT_03 = 256'd0,
    parameter [255:0] INIT_04 = 256'd0, INIT_05 = 256'd0, INIT_06 = 256'd0, INIT_07 = 256'd0,
    parameter [255:0] INIT_08 = 256'd0, INIT_09 = 256'd0, INIT_0A = 256'd0, INIT_0B = 256'd0,
    parameter [255:0] INIT_0C = 256'd0, INIT_0D = 256'd0, INIT_0E = 256'd0, INIT_0F = 256'd0,
    parameter [255:0] INIT_10 = 256'd0, INIT_11 = 256'd0, INIT_12 = 256'd0, INIT_13 = 256'd0,
    parameter [255:0] INIT_14 = 256'd0, INIT_15 = 256'd0, INIT_16 = 256'd0, INIT_17 = 256'd0,
    parameter [255:0] INIT_18 = 256'd0, INIT_19 = 256'd0, INIT_1A = 256'd0, INIT_1B = 256'd0,
    parameter [255:0] INIT_1C = 256'd0, INIT_1D = 256'd0, INIT_1E = 256'd0, INIT_1F = 256'd0,
    parameter [255:0] INIT_20 = 256'd0, INIT_21 = 256'd0, INIT_22 = 256'd0, INIT_23 = 256'd0,
    parameter [255:0] INIT_24 = 256'd0, INIT_25 = 256'd0, INIT_26 = 256'd0, INIT_27 = 256'd0,
    parameter [255:0] INIT_28 = 256'd0, INIT_29 = 256'd0, INIT_2A = 256'd0, INIT_2B = 256'd0,
    parameter [255:0] INIT_2C = 256'd0, INIT_2D = 256'd0, INIT_2E = 256'd0, INIT_2F = 256'd0,
    parameter [255:0] INIT_30 = 256'd0, INIT_31 = 256'd0, INIT_32 = 256'd0, INIT_33 = 256'd0,
    parameter [255:0] INIT_34 = 256'd0, INIT_35 = 256'd0, INIT_36 = 256'd0, INIT_37 = 256'd0,
    parameter [255:0] INIT_38 = 256'd0, INIT_39 = 256'd0, INIT_3A = 256'd0, INIT_3B = 256'd0,
    parameter [255:0] INIT_3C = 256'd0, INIT_3D = 256'd0, INIT_3E = 256'd0, INIT_3F = 256'd0,
    parameter [255:0] INIT_40 = 256'd0, INIT_41 = 256'd0, INIT_42 = 256'd0, INIT_43 = 256'd0,
    parameter [255:0] INIT_44 = 256'd0, INIT_45 = 256'd0, INIT_46 = 256'd0, INIT_47 = 256'd0,
    parameter [255:0] INIT_48 = 256'd0, INIT_49 = 256'd0, INIT_4A = 256'd0, INIT_4B = 256'd0,
    parameter [255:0] INIT_4C = 256'd0, INIT_4D = 256'd0, INIT_4E = 256'd0, INIT_4F = 256'd0,
    parameter [255:0] INIT_50 = 256'd0, INIT_51 = 256'd0, INIT_52 = 256'd0, INIT_53 = 256'd0,
    parameter [255:0] INIT_54 = 256'd0, INIT_55 = 256'd0, INIT_56 = 256'd0, INIT_57 = 256'd0,
    parameter [255:0] INIT_58 = 256'd0, INIT_59 = 256'd0, INIT_5A = 256'd0, INIT_5B = 256'd0,
    parameter [255:0] INIT_5C = 256'd0, INIT_5D = 256'd0, INIT_5E = 256'd0, INIT_5F = 256'd0,
    parameter [255:0] INIT_60 = 256'd0, INIT_61 = 256'd0, INIT_62 = 256'd0, INIT_63 = 256'd0,
    parameter [255:0] INIT_64 = 256'd0, INIT_65 = 256'd0, INIT_66 = 256'd0, INIT_67 = 256'd0,
    parameter [255:0] INIT_68 = 256'd0, INIT_69 = 256'd0, INIT_6A = 256'd0, INIT_6B = 256'd0,
    parameter [255:0] INIT_6C = 256'd0, INIT_6D = 256'd0, INIT_6E = 256'd0, INIT_6F = 256'd0,
    parameter [255:0] INIT_70 = 256'd0, INIT_71 = 256'd0, INIT_72 = 256'd0, INIT_73 = 256'd0,
    parameter [255:0] INIT_74 = 256'd0, INIT_75 = 256'd0, INIT_76 = 256'd0, INIT_77 = 256'd0,
    parameter [255:0] INIT_78 = 256'd0, INIT_79 = 256'd0, INIT_7A = 256'd0, INIT_7B = 256'd0,
    parameter [255:0] INIT_7C = 256'd0, INIT_7D = 256'd0, INIT_7E = 256'd0, INIT_7F = 256'd0,
    parameter [255:0] INITP_00 = 256'd0, INITP_01 = 256'd0, INITP_02 = 256'd0, INITP_03 = 256'd0,
    parameter [255:0] INITP_04 = 256'd0, INITP_05 = 256'd0, INITP_06 = 256'd0, INITP_07 = 256'd0,
    parameter [255:0] INITP_08 = 256'd0, INITP_09 = 256'd0, INITP_0A = 256'd0, INITP_0B = 256'd0,
    parameter [255:0] INITP_0C = 256'd0, INITP_0D = 256'd0, INITP_0E = 256'd0, INITP_0F = 256'd0,
    parameter [35:0] INIT_A = 0, INIT_B = 0, SRVAL_A = 0, SRVAL_B = 0,
    parameter integer DOA_REG = 0, DOB_REG = 0,
    parameter integer READ_WIDTH_A = 0, READ_WIDTH_B = 0, WRITE_WIDTH_A = 0, WRITE_WIDTH_B = 0,
    parameter RAM_EXTENSION_A = "NONE", RAM_EXTENSION_B = "NONE",
    parameter RAM_MODE = "TDP", WRITE_MODE_A = "WRITE_FIRST", WRITE_MODE_B = "WRITE_FIRST"
) (
    input  wire CLKARDCLK, CLKBWRCLK, ENARDEN, ENBWREN, REGCEAREGCE, REGCEB,
    input  wire RSTRAMARSTRAM, RSTRAMB, RSTREGARSTREG, RSTREGB,
    input  wire [15:0] ADDRARDADDR, ADDRBWRADDR,
    input  wire [31:0] DIADI, DIBDI,
    input  wire [3:0] DIPADIP, DIPBDIP,
    input  wire [3:0] WEA,
    input  wire [7:0] WEBWE,
    output wire [31:0] DOADO, DOBDO,
    output wire [3:0] DOPADOP, DOPBDOP
);
  localparam SWAPPED = READ_WIDTH_B != 0 || WRITE_WIDTH_A != 0;

  block_ram #(
      .ADDRESS_WIDTH(15),
      .LANES(4),
      .INIT({
        INIT_7F, INIT_7E, INIT_7D, INIT_7C, INIT_7B, INIT_7A, INIT_79, INIT_78,
        INIT_77, INIT_76, INIT_75, INIT_74, INIT_73, INIT_72, INIT_71, INIT_70,
        INIT_6F, INIT_6E, INIT_6D, INIT_6C, INIT_6B, INIT_6A, INIT_69, INIT_68,
        INIT_67, INIT_66, INIT_65, INIT_64, INIT_63, INIT_62, INIT_61, INIT_60,
        INIT_5F, INIT_5E, INIT_5D, INIT_5C, INIT_5B, INIT_5A, INIT_59, INIT_58,
        INIT_57, INIT_56, INIT_55, INIT_54, INIT_53, INIT_52, INIT_51, INIT_50,
        INIT_4F, INIT_4E, INIT_4D, INIT_4C, INIT_4B, INIT_4A, INIT_49, INIT_48,
        INIT_47, INIT_46, INIT_45, INIT_44, INIT_43, INIT_42, INIT_41, INIT_40,
        INIT_3F, INIT_3E, INIT_3D, INIT_3C, INIT_3B, INIT_3A, INIT_39, INIT_38,
        INIT_37, INIT_36, INIT_35, INIT_34, INIT_33, INIT_32, INIT_31, INIT_30,
        INIT_2F, INIT_2E, INIT_2D, INIT_2C, INIT_2B, INIT_2A, INIT_29, INIT_28,
        INIT_27, INIT_26, INIT_25, INIT_24, INIT_23, INIT_22, INIT_21, INIT_20,
        INIT_1F, INIT_1E, INIT_1D, INIT_1C, INIT_1B, INIT_1A, INIT_19, INIT_18,
        INIT_17, INIT_16, INIT_15, INIT_14, INIT_13, INIT_12, INIT_11, INIT_10,
        INIT_0F, INIT_0E, INIT_0D, INIT_0C, INIT_0B, INIT_0A, INIT_09, INIT_08,
        INIT_07, INIT_06, INIT_05, INIT_04, INIT_03, INIT_02, INIT_01, INIT_00
      }),
      .INITP({
        INITP_0F, INITP_0E, INITP_0D, INITP_0C, INITP_0B, INITP_0A, INITP_09, INITP_08,
        INITP_07, INITP_06, INITP_05, INITP_04, INITP_03, INITP_02, INITP_01, INITP_00
      }),
      .SIMPLE(RAM_MODE == "SDP"),
      .SWAPPED(SWAPPED),
      .READ_WIDTH(SWAPPED ? READ_WIDTH_B : READ_WIDTH_A),
      .WRITE_WIDTH(SWAPPED ? WRITE_WIDTH_A : WRITE_WIDTH_B),
      .READ_FIRST(SWAPPED ? WRITE_MODE_A == "READ_FIRST" : WRITE_MODE_B == "READ_FIRST"),
      .UNKNOWN(SWAPPED && (READ_WIDTH_A != 0 || WRITE_WIDTH_B != 0 || RAM_MODE == "SDP") || DOA_REG != 0 || DOB_REG != 0 ||
               RAM_EXTENSION_A != "NONE" || RAM_EXTENSION_B != "NONE")
  ) memory (
      .read_clk(SWAPPED ? CLKBWRCLK : CLKARDCLK),
      .read_enable(SWAPPED ? ENBWREN : ENARDEN),
      .read_address(SWAPPED ? ADDRBWRADDR[14:0] : ADDRARDADDR[14:0]),
      .read_data({DOBDO, DOADO}),
      .read_parity({DOPBDOP, DOPADOP}),
      .write_clk(SWAPPED ? CLKARDCLK : CLKBWRCLK),
      .write_enable(SWAPPED ? ENARDEN : ENBWREN),
      .write_bytes(SWAPPED ? {4'd0, WEA} : WEBWE),
      .write_address(SWAPPED ? ADDRARDADDR[14:0] : ADDRBWRADDR[14:0]),
      .write_data({DIBDI, DIADI}),
      .write_parity({DIPBDIP, DIPADIP}),
      .unknown(RSTRAMARSTRAM || RSTRAMB || RSTREGARSTREG || RSTREGB ||
               (SWAPPED ? ENBWREN && WEBWE != 0 : ENARDEN && WEA != 0))
  );
endmodule

`default_nettype wire

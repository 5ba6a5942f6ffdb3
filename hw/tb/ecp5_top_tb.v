// The board ecp5-85f seen from its serial line: reads ID, sends an image, compares the result. Then it leaves two images half
// done, one while it sends and one while it receives, and each time a host begins anew. Icarus.
//
//   +input=FILE +golden=FILE     an image and its result, one hexadecimal word a line
`default_nettype none
`include "engine_config.vh"
`include "axi_config.vh"

module ecp5_top_tb;
  localparam SIZE = `ENGINE_INPUT_SIZE;
  localparam DIVISOR = 25;

  reg clk = 1'b0;
  always #20 clk = !clk;
  reg to_board = 1'b1;
  wire from_board;
  wire [7:0] led;
  top dut (
      .clk_25mhz(clk),
      .ftdi_txd(to_board),
      .ftdi_rxd(from_board),
      .led(led)
  );

  // The host's end of the line, its clock 2 % off.
  localparam BIT = DIVISOR * 40 * 102 / 100;
  task send(input [7:0] byte);
    integer i;
    begin
      to_board = 1'b0;
      for (i = 0; i < 8; i = i + 1) #BIT to_board = byte[i];
      #BIT to_board = 1'b1;
      #BIT;
    end
  endtask
  task send_word(input [31:0] word);
    integer i;
    for (i = 0; i < 4; i = i + 1) send(word[8*i+:8]);
  endtask

  // Received bytes wait in a buffer, as the board may answer while the host still sends.
  reg [7:0] received[0:20*SIZE+63];
  reg [7:0] bits;
  integer count = 0, taken = 0, at;
  always begin
    @(negedge from_board);
    #(BIT / 2);
    for (at = 0; at < 8; at = at + 1) #BIT bits[at] = from_board;
    #BIT if (from_board !== 1'b1) $fatal(1, "FAIL: no stop bit");
    received[count] = bits;
    count = count + 1;
  end
  reg [31:0] word;
  task receive(input integer bytes);
    integer i;
    begin
      wait (count >= taken + bytes);
      word = 0;
      for (i = 0; i < bytes; i = i + 1) word = word | received[taken+i] << 8 * i;
      taken = taken + bytes;
    end
  endtask

  task read_id;
    begin
      send("R");
      send(`AXI_ID);
      send(0);
      receive(1);
      if (word !== 0) $fatal(1, "FAIL: response %h", word);
      receive(4);
      if (word !== `AXI_ID_VALUE) $fatal(1, "FAIL: ID is %h", word);
    end
  endtask

  task transfer;
    begin
      send("T");
      send_word(SIZE);
      send_word(SIZE);
      for (n = 0; n < SIZE; n = n + 1) send_word(image[n]);
      for (n = 0; n < SIZE; n = n + 1) begin
        receive(4);
        if (word !== golden[n]) $fatal(1, "FAIL: word %0d is %h, expected %h", n, word, golden[n]);
      end
    end
  endtask

  reg [31:0] image[0:SIZE-1];
  reg [31:0] golden[0:SIZE-1];
  reg [8*256-1:0] path;
  integer n;
  initial begin
    if (!$value$plusargs("input=%s", path)) $fatal(1, "+input=FILE is missing");
    $readmemh(path, image, 0, SIZE - 1);
    if (!$value$plusargs("golden=%s", path)) $fatal(1, "+golden=FILE is missing");
    $readmemh(path, golden, 0, SIZE - 1);
    #(200 * 40);
    if (led !== 8'd1) $fatal(1, "FAIL: lights are %b", led);
    read_id;
    send("?");
    receive(1);
    if (word !== "E") $fatal(1, "FAIL: answer %h to an unknown request", word);
    transfer;
    // A host that ends while it sends: the next one sends a break.
    send("T");
    send_word(SIZE);
    send_word(SIZE);
    for (n = 0; n < SIZE / 2; n = n + 1) send_word(image[n]);
    send(8'h12);
    to_board = 1'b0;
    #(30 * BIT) to_board = 1'b1;
    #(2 * BIT);
    if (count != taken) $fatal(1, "FAIL: an answer to a break");
    read_id;
    transfer;
    // One that waits for words that do not come, asks, and resets the engine. Words on the way are lost.
    send("T");
    send_word(SIZE);
    send_word(2 * SIZE);
    for (n = 0; n < SIZE; n = n + 1) send_word(image[n]);
    receive(4 * SIZE);
    read_id;
    send("W");
    send(`AXI_CONTROL);
    send(0);
    send_word(32'd3);
    receive(1);
    if (word !== 0) $fatal(1, "FAIL: response %h to a reset", word);
    transfer;
    $display("PASS: %0d words", SIZE);
    $finish;
  end
endmodule

`default_nettype wire

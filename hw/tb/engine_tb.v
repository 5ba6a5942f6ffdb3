// Runs images through the engine, back to back, under Icarus and `verilator --binary --timing`.
//
//   +images=N          how many
//   +input=FILE        N x input size activations, one hexadecimal word a line
//   +output=FILE       where to write the results, same format
//   +golden=FILE       results to compare with: PASS, or FAIL and a non-zero exit
//   +stalls            random pauses of both streams, +seed=S
//   +reset_after=K     first run K cycles, then reset and start over
//   +cycles=K          gives up if K cycles pass without an image being finished, default 100,000,000
//   +input_size=K      activations of an image, +output_size=K; default: those of the engine's block
//
// Prints per image: "image I: compute C load L store S saturations N", counted by the engine.
`default_nettype none
`include "engine_config.vh"

module engine_tb;
  reg clk = 1'b0;
  reg rst = 1'b1;
  always #5 clk = !clk;

  reg in_valid = 1'b0;
  reg [31:0] in_data = 32'd0;
  reg out_ready = 1'b0;
  wire in_ready, out_valid, busy, fault, done;
  wire [31:0] out_data, load_cycles, compute_cycles, store_cycles, saturations;

  engine dut (
      .clk(clk),
      .rst(rst),
      .s_axis_tvalid(in_valid),
      .s_axis_tready(in_ready),
      .s_axis_tdata(in_data),
      .m_axis_tvalid(out_valid),
      .m_axis_tready(out_ready),
      .m_axis_tdata(out_data),
      .memory_write(1'b0),
      .memory_select(8'd0),
      .memory_address(24'd0),
      .memory_data(32'd0),
      .busy(busy),
      .fault(fault),
      .done(done),
      .load_cycles(load_cycles),
      .compute_cycles(compute_cycles),
      .store_cycles(store_cycles),
      .saturations(saturations)
  );

  reg [8*1024-1:0] input_path, output_path, golden_path;
  reg compare, stalls;
  integer images, quiet_cycles, most_cycles, input_size, output_size, seed, source_seed, sink_seed, reset_after;
  reg source_pause = 1'b0;
  reg sink_pause = 1'b0;
  integer input_file, output_file, golden_file;
  integer sent, received, finished, differences, scanned;
  reg held = 1'b0;
  reg [31:0] next_word, golden_word, held_data;

  task open_files;
    begin
      input_file = $fopen(input_path, "r");
      if (input_file == 0) $fatal(1, "cannot read +input=%0s", input_path);
      output_file = $fopen(output_path, "w");
      if (output_file == 0) $fatal(1, "cannot write +output=%0s", output_path);
      if (compare) begin
        golden_file = $fopen(golden_path, "r");
        if (golden_file == 0) $fatal(1, "cannot read +golden=%0s", golden_path);
      end
      sent = 0;
      received = 0;
      finished = 0;
    end
  endtask

  task close_files;
    begin
      $fclose(input_file);
      $fclose(output_file);
      if (compare) $fclose(golden_file);
    end
  endtask

  initial begin
    if (!$value$plusargs("images=%d", images)) images = 1;
    if (!$value$plusargs("input_size=%d", input_size)) input_size = `ENGINE_INPUT_SIZE;
    if (!$value$plusargs("output_size=%d", output_size)) output_size = `ENGINE_OUTPUT_SIZE;
    if (!$value$plusargs("cycles=%d", most_cycles)) most_cycles = 100000000;
    if (!$value$plusargs("seed=%d", seed)) seed = 1;
    if (!$value$plusargs("reset_after=%d", reset_after)) reset_after = 0;
    source_seed = seed;
    sink_seed = seed + 1;
    stalls = $test$plusargs("stalls") != 0;
    compare = $value$plusargs("golden=%s", golden_path) != 0;
    if (!$value$plusargs("input=%s", input_path)) $fatal(1, "+input=FILE is missing");
    if (!$value$plusargs("output=%s", output_path)) $fatal(1, "+output=FILE is missing");
    differences = 0;

    open_files;
    if (reset_after != 0) begin
      repeat (4) @(negedge clk);
      rst = 1'b0;
      repeat (reset_after) @(negedge clk);
      rst = 1'b1;
      close_files;
      open_files;
    end
    repeat (4) @(negedge clk);
    rst = 1'b0;
    wait (finished == images || fault);
    if (fault) $fatal(1, "illegal instruction");
    if (received != images * output_size) $fatal(1, "%0d words received, expected %0d", received, images * output_size);
    close_files;
    if (differences != 0) $fatal(1, "FAIL: %0d of %0d words differ", differences, received);
    if (compare) $display("PASS: %0d words equal", received);
    $finish;
  end

  // Source
  always @(posedge clk) begin
    if (stalls) source_pause = $random(source_seed) % 3 == 0;
    if (rst) in_valid <= 1'b0;
    else if (!in_valid || in_ready) begin
      if (source_pause || sent == images * input_size) in_valid <= 1'b0;
      else begin
        scanned = $fscanf(input_file, "%h", next_word);
        if (scanned != 1) $fatal(1, "+input=%0s has fewer than %0d images", input_path, images);
        in_valid <= 1'b1;
        in_data <= next_word;
        sent = sent + 1;
      end
    end
  end

  // Sink
  always @(posedge clk) begin
    if (stalls) sink_pause = $random(sink_seed) % 3 == 0;
    out_ready <= !rst && !sink_pause;
    if (!rst && out_valid && out_ready) begin
      $fdisplay(output_file, "%08h", out_data);
      if (compare) begin
        scanned = $fscanf(golden_file, "%h", golden_word);
        if (scanned != 1) $fatal(1, "+golden=%0s has fewer than %0d words", golden_path, received + 1);
        if (out_data !== golden_word) begin
          if (differences < 10)
            $display("image %0d word %0d: %08h, expected %08h", received / output_size,
                     received % output_size, out_data, golden_word);
          differences = differences + 1;
        end
      end
      received = received + 1;
    end
    if (held && !rst && !(out_valid && out_data === held_data)) $fatal(1, "FAIL: the engine withdrew a valid word");
    held = !rst && out_valid && !out_ready;
    if (held) held_data = out_data;
    if (!rst && ^{in_ready, out_valid, busy, fault, done} === 1'bx) $fatal(1, "FAIL: an output is unknown");
    quiet_cycles = rst || done ? 0 : quiet_cycles + 1;
    if (quiet_cycles > most_cycles) $fatal(1, "FAIL: no image finished in %0d cycles", most_cycles);
    if (done && !rst) begin
      $display("image %0d: compute %0d load %0d store %0d saturations %0d", finished, compute_cycles, load_cycles,
               store_cycles, saturations);
      finished = finished + 1;
    end
  end
endmodule

`default_nettype wire

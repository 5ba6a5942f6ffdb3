// The engine through its AXI interfaces, with random pauses on every channel: registers and their errors, images with
// packets of one and two, stream errors, a reset in mid-image, and the memories rewritten. Icarus and
// `verilator --binary --timing`.
//
//   +input=FILE +golden=FILE     two images or more and their results, one hexadecimal word a line
//   +images=N                    how many are in these files
//   +compute=N                   cycles that COMPUTE_CYCLES must show
//   +rewritten=FILE              results of the same images with the contents of the memories in folder reload/
//   +seed=S                      of the pauses; 0: no pauses, the other side is always ready
//
// Prints PASS, or what is wrong and ends with an error.
`default_nettype none
`include "engine_config.vh"
`include "axi_config.vh"

module axi_engine_tb;
  localparam IN_SIZE = `ENGINE_INPUT_SIZE, OUT_SIZE = `ENGINE_OUTPUT_SIZE;
  localparam MOST = 8;  // images
  localparam [1:0] OKAY = 0, SLVERR = 2;

  reg clk = 1'b0;
  reg rst = 1'b1;
  always #5 clk = !clk;

  reg in_valid = 0, in_last = 0, out_ready = 0;
  reg [31:0] in_data = 0;
  reg [3:0] in_keep = 4'hf;
  reg awvalid = 0, wvalid = 0, bready = 0, arvalid = 0, rready = 0;
  reg [11:0] awaddr = 0, araddr = 0;
  reg [31:0] wdata = 0;
  reg [3:0] wstrb = 0;
  wire in_ready, out_valid, out_last, awready, wready, bvalid, arready, rvalid;
  wire [31:0] out_data, rdata;
  wire [3:0] out_keep;
  wire [1:0] bresp, rresp;

  axi_engine dut (
      .aclk(clk),
      .aresetn(!rst),
      .s_axis_tvalid(in_valid),
      .s_axis_tready(in_ready),
      .s_axis_tdata(in_data),
      .s_axis_tkeep(in_keep),
      .s_axis_tlast(in_last),
      .m_axis_tvalid(out_valid),
      .m_axis_tready(out_ready),
      .m_axis_tdata(out_data),
      .m_axis_tkeep(out_keep),
      .m_axis_tlast(out_last),
      .s_axi_awvalid(awvalid),
      .s_axi_awready(awready),
      .s_axi_awaddr(awaddr),
      .s_axi_awprot(3'd0),
      .s_axi_wvalid(wvalid),
      .s_axi_wready(wready),
      .s_axi_wdata(wdata),
      .s_axi_wstrb(wstrb),
      .s_axi_bvalid(bvalid),
      .s_axi_bready(bready),
      .s_axi_bresp(bresp),
      .s_axi_arvalid(arvalid),
      .s_axi_arready(arready),
      .s_axi_araddr(araddr),
      .s_axi_arprot(3'd0),
      .s_axi_rvalid(rvalid),
      .s_axi_rready(rready),
      .s_axi_rdata(rdata),
      .s_axi_rresp(rresp)
  );

  channel_check #(.WIDTH(37)) check_out (
      .clk(clk), .rst(rst), .valid(out_valid), .ready(out_ready), .payload({out_last, out_keep, out_data}));
  channel_check #(.WIDTH(2)) check_b (
      .clk(clk), .rst(rst), .valid(bvalid), .ready(bready), .payload(bresp));
  channel_check #(.WIDTH(34)) check_r (
      .clk(clk), .rst(rst), .valid(rvalid), .ready(rready), .payload({rresp, rdata}));

  integer failures = 0;
  task fail_if(input wrong, input [8*48-1:0] what, input [31:0] found, input [31:0] expected);
    if (wrong) begin
      $display("%0t %0s: %08h, expected %08h", $time, what, found, expected);
      failures = failures + 1;
      if (failures > 20) $fatal(1, "FAIL");
    end
  endtask

  // Pauses: up to three cycles in half of the cases.
  integer seed, pause_seed;
  function integer pause(input integer unused);
    begin
      pause = 0;
      if (seed != 0) begin
        pause = $random(pause_seed);
        pause = pause % 2 == 0 ? 0 : (pause / 8) & 3;
      end
    end
  endfunction

  // Registers. The two halves of a write go their own ways.
  task axi_write(input [11:0] address, input [31:0] data, input [3:0] strobe, input [1:0] expected);
    begin
      fork
        begin
          repeat (pause(0)) @(posedge clk);
          awvalid <= 1;
          awaddr <= address;
          @(posedge clk);
          while (!awready) @(posedge clk);
          awvalid <= 0;
        end
        begin
          repeat (pause(0)) @(posedge clk);
          wvalid <= 1;
          wdata <= data;
          wstrb <= strobe;
          @(posedge clk);
          while (!wready) @(posedge clk);
          wvalid <= 0;
        end
        begin
          repeat (pause(0)) @(posedge clk);
          bready <= 1;
          @(posedge clk);
          while (!bvalid) @(posedge clk);
          bready <= 0;
          fail_if(bresp !== expected, "response of a write", {20'd0, address}, {30'd0, expected});
        end
      join
    end
  endtask

  reg [31:0] value;
  task axi_read(input [11:0] address, input [1:0] expected);
    begin
      fork
        begin
          repeat (pause(0)) @(posedge clk);
          arvalid <= 1;
          araddr <= address;
          @(posedge clk);
          while (!arready) @(posedge clk);
          arvalid <= 0;
        end
        begin
          repeat (pause(0)) @(posedge clk);
          rready <= 1;
          @(posedge clk);
          while (!rvalid) @(posedge clk);
          rready <= 0;
          value = rdata;
          fail_if(rresp !== expected, "response of a read", {20'd0, address}, {30'd0, expected});
        end
      join
    end
  endtask

  task expect_register(input [11:0] address, input [31:0] expected);
    begin
      axi_read(address, OKAY);
      fail_if(value !== expected, "register", value, expected);
    end
  endtask

  // Streams: words source_at to source_end - 1 of the images are sent, those from sink_at on expected.
  reg [31:0] images[0:MOST*IN_SIZE-1];
  reg [31:0] golden[0:MOST*OUT_SIZE-1];
  integer source_at = 0, source_end = 0, sink_at = 0, packet = 1;
  integer bad_last = -1, bad_keep = -1;  // words sent with a TLAST, or a TKEEP, that is wrong
  integer in_pause = 0, out_pause = 0;
  reg check_words = 1, sink_open = 1;
  reg was_sent;

  always @(posedge clk) begin
    was_sent = in_valid && in_ready;
    if (was_sent) source_at = source_at + 1;
    if (was_sent || !in_valid) begin
      if (in_pause > 0) in_pause = in_pause - 1;
      else in_pause = pause(0);
      in_valid <= source_at < source_end && in_pause == 0;
      in_data <= images[source_at];
      in_last <= source_at % IN_SIZE == IN_SIZE - 1 || source_at == bad_last;
      in_keep <= source_at == bad_keep ? 4'h7 : 4'hf;
    end
  end

  always @(posedge clk) begin
    if (out_valid && out_ready && check_words) begin
      fail_if(out_data !== golden[sink_at], "word", out_data, golden[sink_at]);
      fail_if(out_last !== ((sink_at + 1) % (OUT_SIZE * packet) == 0), "TLAST", {31'd0, out_last}, sink_at);
      fail_if(out_keep !== 4'hf, "TKEEP", {28'd0, out_keep}, 32'hf);
      sink_at = sink_at + 1;
    end
    if (out_pause > 0) out_pause = out_pause - 1;
    else out_pause = pause(0);
    out_ready <= sink_open && out_pause == 0;
  end

  // Sends `count` images from the first one on and waits for the last word.
  integer image_count, compute;
  task run_images(input integer count);
    begin
      sink_at = 0;
      source_at = 0;
      source_end = count * IN_SIZE;
      while (sink_at < count * OUT_SIZE) @(posedge clk);
      axi_read(`AXI_STATUS, OKAY);
      while (value[`AXI_STATUS_BUSY_BIT]) axi_read(`AXI_STATUS, OKAY);
      fail_if(value !== 32'd2, "STATUS after images", value, 32'd2);
      expect_register(`AXI_COMPUTE_CYCLES, compute);
      axi_write(`AXI_STATUS, 32'd2, 4'hf, OKAY);
      expect_register(`AXI_STATUS, 32'd0);
    end
  endtask

  // Memories of another engine of the same size.
  reg [31:0] contents[0:`ENGINE_WEIGHT_WORDS + 9 * `ENGINE_TABLE_WORDS - 1];
  task rewrite(input [7:0] select, input integer words, input [1:0] at_the_end);
    integer i;
    begin
      axi_write(`AXI_MEMORY_SELECT, {24'd0, select}, 4'hf, OKAY);
      axi_write(`AXI_MEMORY_ADDRESS, 32'd0, 4'hf, OKAY);
      for (i = 0; i < words; i = i + 1) axi_write(`AXI_MEMORY_DATA, contents[i], 4'hf, OKAY);
      expect_register(`AXI_MEMORY_ADDRESS, words);
      axi_write(`AXI_MEMORY_DATA, 32'd0, 4'hf, at_the_end);
    end
  endtask

  reg [8*256-1:0] path;
  reg [7:0] tens, units;
  integer address, lane;
  reg [63:0] hash;

  initial begin
    if (!$value$plusargs("seed=%d", seed)) seed = 1;
    pause_seed = seed;
    if (!$value$plusargs("images=%d", image_count)) image_count = 2;
    if (!$value$plusargs("compute=%d", compute)) $fatal(1, "+compute=N is missing");
    if (!$value$plusargs("input=%s", path)) $fatal(1, "+input=FILE is missing");
    $readmemh(path, images, 0, image_count * IN_SIZE - 1);
    if (!$value$plusargs("golden=%s", path)) $fatal(1, "+golden=FILE is missing");
    $readmemh(path, golden, 0, image_count * OUT_SIZE - 1);
    hash = `AXI_PROGRAM_HASH;
    repeat (8) @(posedge clk);
    rst <= 0;
    @(posedge clk);

    // Registers after power-up, and every other address and strobe
    expect_register(`AXI_ID, `AXI_ID_VALUE);
    expect_register(`AXI_VERSION, `AXI_VERSION_VALUE);
    expect_register(`AXI_CONTROL, 32'd1);
    expect_register(`AXI_STATUS, 32'd0);
    expect_register(`AXI_HASH_LOW, hash[31:0]);
    expect_register(`AXI_HASH_HIGH, hash[63:32]);
    expect_register(`AXI_SHAPE, `AXI_SHAPE_HASH);
    expect_register(`AXI_LANES, 32'h10000 | `ENGINE_PX_LANES << 8 | `ENGINE_OC_LANES);
    expect_register(`AXI_IN_BEATS, IN_SIZE);
    expect_register(`AXI_OUT_BEATS, OUT_SIZE);
    expect_register(`AXI_IMAGES, 0);
    expect_register(`AXI_IMAGES_PER_PACKET, 1);
    for (address = 0; address < 12'h060; address = address + 1)
      if (address % 4 != 0 || address >= `AXI_MEMORY_DATA) axi_read(address, SLVERR);
    axi_read(12'hffc, SLVERR);
    axi_write(`AXI_ID, 32'd0, 4'hf, SLVERR);
    axi_write(`AXI_IMAGES, 32'd0, 4'hf, SLVERR);
    axi_write(`AXI_MEMORY_DATA + 4, 32'd0, 4'hf, SLVERR);
    axi_write(12'h800, 32'd0, 4'hf, SLVERR);
    axi_write(`AXI_IMAGES_PER_PACKET, 32'd0, 4'hf, SLVERR);
    for (address = 0; address < 15; address = address + 1) axi_write(`AXI_CONTROL, 32'd0, address, SLVERR);
    expect_register(`AXI_CONTROL, 32'd1);
    axi_write(`AXI_HASH_LOW, 32'h12345678, 4'hf, OKAY);
    expect_register(`AXI_HASH_LOW, 32'h12345678);
    expect_register(`AXI_HASH_HIGH, hash[63:32]);

    // Images: packets of one, then of two
    run_images(image_count);
    expect_register(`AXI_IMAGES, image_count);
    packet = 2;
    axi_write(`AXI_IMAGES_PER_PACKET, 32'd2, 4'hf, OKAY);
    run_images(2);
    packet = 1;
    axi_write(`AXI_IMAGES_PER_PACKET, 32'd1, 4'hf, OKAY);
    expect_register(`AXI_IMAGES, image_count + 2);

    // Disabled: the image that has begun is finished, the next one waits
    sink_at = 0;
    source_at = 0;
    source_end = 2 * IN_SIZE;
    while (source_at < 3) @(posedge clk);
    axi_write(`AXI_CONTROL, 32'd0, 4'hf, OKAY);
    axi_write(`AXI_MEMORY_DATA, 32'd0, 4'hf, SLVERR);  // busy
    while (sink_at < OUT_SIZE) @(posedge clk);
    repeat (100) @(posedge clk);
    fail_if(source_at !== IN_SIZE, "words taken while disabled", source_at, IN_SIZE);
    axi_write(`AXI_CONTROL, 32'd1, 4'hf, OKAY);
    while (sink_at < 2 * OUT_SIZE) @(posedge clk);

    // Stream errors are reported, and the image is computed all the same
    bad_last = 5;
    run_with_error;
    bad_last = -1;
    bad_keep = 7;
    run_with_error;
    bad_keep = -1;

    // Reset with a word on offer: that word stays, then a new image
    check_words = 0;
    sink_open = 0;
    source_at = 0;
    source_end = IN_SIZE;
    while (!out_valid) @(posedge clk);
    axi_write(`AXI_CONTROL, 32'd3, 4'hf, OKAY);
    repeat (10) @(posedge clk);
    fail_if(!out_valid, "word after a reset", 0, 1);
    sink_open = 1;
    repeat (20) @(posedge clk);
    check_words = 1;
    expect_register(`AXI_CONTROL, 32'd1);
    expect_register(`AXI_IMAGES, 0);
    run_images(1);
    expect_register(`AXI_IMAGES, 1);

    // Other weights and tables
    if ($value$plusargs("rewritten=%s", path)) begin
      $readmemh(path, golden, 0, image_count * OUT_SIZE - 1);
      for (lane = 0; lane < `ENGINE_OC_LANES; lane = lane + 1) begin
        tens = "0" + lane / 10;
        units = "0" + lane % 10;
        $readmemh({"reload/weights_", tens, units, ".hex"}, contents, 0, `ENGINE_WEIGHT_WORDS - 1);
        rewrite(lane, `ENGINE_WEIGHT_WORDS, SLVERR);
      end
      $readmemh("reload/time_bias.hex", contents, 0, 9 * `ENGINE_TABLE_WORDS - 1);
      rewrite(`AXI_MEMORY_TIME_BIAS, 9 * `ENGINE_TABLE_WORDS, SLVERR);
      $readmemh("reload/scale.hex", contents, 0, `ENGINE_TABLE_WORDS - 1);
      rewrite(`AXI_MEMORY_SCALE, `ENGINE_TABLE_WORDS, SLVERR);
      $readmemh("reload/shift.hex", contents, 0, `ENGINE_TABLE_WORDS - 1);
      rewrite(`AXI_MEMORY_SHIFT, `ENGINE_TABLE_WORDS, SLVERR);
      rewrite(`AXI_MEMORY_SHIFT + 8'd1, 0, SLVERR);
      rewrite(`ENGINE_OC_LANES, 0, SLVERR);
      run_images(image_count);
    end

    failures = failures + check_out.violations + check_b.violations + check_r.violations;
    if (failures != 0) $fatal(1, "FAIL: %0d failures", failures);
    $display("PASS: %0d words, %0d writes, %0d reads", check_out.transfers, check_b.transfers, check_r.transfers);
    $finish;
  end

  task run_with_error;
    begin
      sink_at = 0;
      source_at = 0;
      source_end = IN_SIZE;
      while (sink_at < OUT_SIZE) @(posedge clk);
      axi_read(`AXI_STATUS, OKAY);
      while (value[`AXI_STATUS_BUSY_BIT]) axi_read(`AXI_STATUS, OKAY);
      fail_if(value !== 32'hA, "STATUS after a stream error", value, 32'hA);
      axi_write(`AXI_STATUS, 32'hA, 4'hf, OKAY);
      expect_register(`AXI_STATUS, 32'd0);
    end
  endtask

  // No beat, no write for longer than an image takes: it will not come any more.
  integer idle = 0;
  always @(posedge clk) begin
    idle = (in_valid && in_ready) || (out_valid && out_ready) || (bvalid && bready) ? 0 : idle + 1;
    if (idle > compute + 1000) $fatal(1, "FAIL: nothing happens any more");
  end
endmodule

`default_nettype wire

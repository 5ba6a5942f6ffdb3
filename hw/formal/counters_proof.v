// No cycle and no saturation is lost, none counted twice: what the finished images report adds up to all that there was,
// but the cycles in which an image ends.
`default_nettype none

module counters_proof (
    input wire       clk,
    input wire       rst,
    input wire       loading,
    input wire       computing,
    input wire       storing,
    input wire [2:0] clips,
    input wire       done
);
  wire [31:0] load_cycles, compute_cycles, store_cycles, saturations;
  wire valid;
  counters dut (
      .clk(clk),
      .rst(rst),
      .loading(loading),
      .computing(computing),
      .storing(storing),
      .clips(clips),
      .done(done),
      .load_cycles(load_cycles),
      .compute_cycles(compute_cycles),
      .store_cycles(store_cycles),
      .saturations(saturations),
      .valid(valid)
  );

  // Registers of the counters: Yosys joins them by their names when it flattens.
  (* hierconn *) wire [31:0] \dut.load_count ;
  (* hierconn *) wire [31:0] \dut.compute_count ;
  (* hierconn *) wire [31:0] \dut.store_count ;
  (* hierconn *) wire [31:0] \dut.clip_count ;

  reg started = 1'b0;
  reg done_before = 1'b0;
  reg [31:0] load_before, compute_before, store_before, clips_before;
  reg [31:0] loads, computes, stores, clipped;  // all that there was
  reg [31:0] loads_told, computes_told, stores_told, clips_told;  // in the reports before this cycle's
  always @(posedge clk) begin
    started <= 1'b1;
    done_before <= done && !rst;
    load_before <= load_cycles;
    compute_before <= compute_cycles;
    store_before <= store_cycles;
    clips_before <= saturations;
    if (rst) begin
      loads <= 0;
      computes <= 0;
      stores <= 0;
      clipped <= 0;
      loads_told <= 0;
      computes_told <= 0;
      stores_told <= 0;
      clips_told <= 0;
    end else begin
      if (!done) begin
        loads <= loads + {31'd0, loading};
        computes <= computes + {31'd0, computing};
        stores <= stores + {31'd0, storing};
        clipped <= clipped + {29'd0, clips};
      end
      if (valid) begin
        loads_told <= loads_told + load_cycles;
        computes_told <= computes_told + compute_cycles;
        stores_told <= stores_told + store_cycles;
        clips_told <= clips_told + saturations;
      end
    end
  end

  always @* begin
    assume (started || rst);
    if (started) begin
      assert (valid == done_before);
      assert (loads == loads_told + (valid ? load_cycles : 0) + \dut.load_count );
      assert (computes == computes_told + (valid ? compute_cycles : 0) + \dut.compute_count );
      assert (stores == stores_told + (valid ? store_cycles : 0) + \dut.store_count );
      assert (clipped == clips_told + (valid ? saturations : 0) + \dut.clip_count );
    end
  end

  // A report stays until the next one.
  reg settled = 1'b0;  // not reset in the cycle before
  always @(posedge clk) settled <= started && !rst;
  always @*
    if (settled && !valid)
      assert (load_cycles == load_before && compute_cycles == compute_before && store_cycles == store_before &&
              saturations == clips_before);
endmodule

`default_nettype wire

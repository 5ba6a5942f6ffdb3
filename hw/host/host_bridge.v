// A byte stream from and to a host as master of an axi_engine, for boards without a processor of their own and for the
// simulated device. Numbers are little-endian; requests are answered in order.
//
//   'R' address[2]                          -> response[1] data[4]      of AXI4-Lite
//   'W' address[2] data[4]                  -> response[1]
//   'T' words in[4] words out[4] data[...]  -> data[...]                streams; TLAST on the last word in
//   anything else                           -> 'E'
//
// A transfer is all in, then all out: of one image, as the engine takes no second one before it has sent the first. A byte that
// comes while the engine's words are waited for ends the transfer and is a request, so that a host that has waited long enough
// can ask for STATUS; words that come until the next transfer are lost.
`default_nettype none

module host_bridge (
    input  wire        clk,
    input  wire        rst,
    // bytes of the host
    input  wire        rx_valid,
    output wire        rx_ready,
    input  wire [ 7:0] rx_data,
    output wire        tx_valid,
    input  wire        tx_ready,
    output wire [ 7:0] tx_data,
    // feature maps to the engine
    output reg         m_axis_tvalid,
    input  wire        m_axis_tready,
    output wire [31:0] m_axis_tdata,
    output wire        m_axis_tlast,
    // feature maps from the engine
    input  wire        s_axis_tvalid,
    output wire        s_axis_tready,
    input  wire [31:0] s_axis_tdata,
    // registers
    output reg         m_axi_awvalid,
    input  wire        m_axi_awready,
    output wire [11:0] m_axi_awaddr,
    output reg         m_axi_wvalid,
    input  wire        m_axi_wready,
    output wire [31:0] m_axi_wdata,
    input  wire        m_axi_bvalid,
    output wire        m_axi_bready,
    input  wire [ 1:0] m_axi_bresp,
    output reg         m_axi_arvalid,
    input  wire        m_axi_arready,
    output wire [11:0] m_axi_araddr,
    input  wire        m_axi_rvalid,
    output wire        m_axi_rready,
    input  wire [31:0] m_axi_rdata,
    input  wire [ 1:0] m_axi_rresp
);
  localparam [2:0] IDLE = 0, ARGUMENTS = 1, WRITE = 2, READ = 3, REPLY = 4, IN = 5, OUT = 6;
  localparam [1:0] REGISTER_READ = 0, REGISTER_WRITE = 1, TRANSFER = 2;

  reg [2:0] state;
  reg [1:0] request;
  reg [3:0] bytes_left;  // of the arguments, the word in, the reply
  reg [63:8] arguments;  // the last byte in the highest bits
  reg [39:0] reply;      // the next byte in the lowest bits
  reg [31:0] in_left, out_left;
  reg given_up;  // the last transfer
  reg [31:0] word;

  // Register addresses end at 4 KiB; a byte above is another address.
  wire [15:0] address = request == REGISTER_READ ? arguments[63:48] : arguments[31:16];
  wire [11:0] narrow = address[15:12] == 0 ? address[11:0] : 12'hfff;
  wire word_taken = !m_axis_tvalid || m_axis_tready;

  assign rx_ready = state == IDLE || state == ARGUMENTS || (state == IN && word_taken);
  assign tx_valid = state == REPLY;
  assign tx_data = reply[7:0];
  assign m_axis_tdata = word;
  assign m_axis_tlast = in_left == 0;
  assign s_axis_tready = state == OUT || given_up;
  assign m_axi_awaddr = narrow;
  assign m_axi_araddr = narrow;
  assign m_axi_wdata = arguments[63:32];
  assign m_axi_bready = state == WRITE;
  assign m_axi_rready = state == READ;

  always @(posedge clk)
    if (rst) begin
      state <= IDLE;
      m_axis_tvalid <= 1'b0;
      m_axi_awvalid <= 1'b0;
      m_axi_wvalid <= 1'b0;
      m_axi_arvalid <= 1'b0;
      out_left <= 0;
      in_left <= 0;
      given_up <= 1'b0;
    end else begin
      if (m_axis_tready) m_axis_tvalid <= 1'b0;
      if (m_axi_awready) m_axi_awvalid <= 1'b0;
      if (m_axi_wready) m_axi_wvalid <= 1'b0;
      if (m_axi_arready) m_axi_arvalid <= 1'b0;
      case (state)
        IDLE:
        if (rx_valid) begin
          state <= ARGUMENTS;
          case (rx_data)
            "R": begin
              request <= REGISTER_READ;
              bytes_left <= 2;
            end
            "W": begin
              request <= REGISTER_WRITE;
              bytes_left <= 6;
            end
            "T": begin
              request <= TRANSFER;
              bytes_left <= 8;
              given_up <= 1'b0;
            end
            default: begin
              state <= REPLY;
              bytes_left <= 1;
              reply <= "E";
            end
          endcase
        end
        ARGUMENTS:
        if (rx_valid) begin
          arguments  <= {rx_data, arguments[63:16]};
          bytes_left <= bytes_left - 1'b1;
          if (bytes_left == 1)
            case (request)
              REGISTER_READ: begin
                state <= READ;
                m_axi_arvalid <= 1'b1;
              end
              REGISTER_WRITE: begin
                state <= WRITE;
                m_axi_awvalid <= 1'b1;
                m_axi_wvalid <= 1'b1;
              end
              default: begin
                in_left <= arguments[39:8];
                out_left <= {rx_data, arguments[63:40]};
                bytes_left <= 4;
                state <= arguments[39:8] != 0 ? IN : {rx_data, arguments[63:40]} != 0 ? OUT : IDLE;
              end
            endcase
        end
        WRITE:
        if (m_axi_bvalid) begin
          reply <= {38'd0, m_axi_bresp};
          bytes_left <= 1;
          state <= REPLY;
        end
        READ:
        if (m_axi_rvalid) begin
          reply <= {m_axi_rdata, 6'd0, m_axi_rresp};
          bytes_left <= 5;
          state <= REPLY;
        end
        REPLY:
        if (tx_ready) begin
          reply <= {8'd0, reply[39:8]};
          bytes_left <= bytes_left - 1'b1;
          if (bytes_left == 1) state <= out_left != 0 ? OUT : IDLE;
        end
        IN:
        if (rx_valid && word_taken) begin
          word <= {rx_data, word[31:8]};
          bytes_left <= bytes_left == 1 ? 4'd4 : bytes_left - 1'b1;
          if (bytes_left == 1) begin
            m_axis_tvalid <= 1'b1;
            in_left <= in_left - 1'b1;
            if (in_left == 1) state <= out_left != 0 ? OUT : IDLE;
          end
        end
        OUT:
        if (s_axis_tvalid) begin
          reply <= {8'd0, s_axis_tdata};
          bytes_left <= 4;
          out_left <= out_left - 1'b1;
          state <= REPLY;
        end else if (rx_valid) begin
          out_left <= 0;
          given_up <= 1'b1;
          state <= IDLE;
        end
        default: state <= IDLE;
      endcase
    end
endmodule

`default_nettype wire

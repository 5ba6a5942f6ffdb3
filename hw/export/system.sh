#!/bin/sh
# The whole system: odenet-infer computes of the golden images what is the processor's, the simulated device this folder's
# program, and every logit must be that of the integer network. What is needed is checked before anything is built.
#
#   sh system.sh INFER BUILD [IMAGES]       INFER: program, for this machine or for ARM; IMAGES: the first so many only
infer=$1 build=$2 images=${3:-0}
expected=golden/logits.safetensors

fail() {
  echo "make system: FAIL: $*" >&2
  exit 1
}
need() { command -v "$1" > /dev/null || fail "$1 is missing: $2"; }

program=$(command -v "$infer") || fail "$infer is missing: name it with INFER=PATH. A build of odenet has it as \
apps/infer/odenet-infer; one for ARM is made by: cmake -B build/arm -DODENET_INFER_ONLY=ON \
--toolchain apps/infer/arm-linux-gnueabihf.cmake && cmake --build build/arm"
[ -f network.safetensors ] && [ -f "$expected" ] || fail "network.safetensors and $expected are missing: export again"

# The processor that the program is for: e_machine in its ELF header.
emulator= libraries=
case "$(od -An -tu2 -j18 -N2 "$program" | tr -d ' ')" in
  40) processor=ARM native=arm* emulator=qemu-arm libraries=/usr/arm-linux-gnueabihf package=libstdc++6-armhf-cross ;;
  183) processor=AArch64 native=aarch64 emulator=qemu-aarch64 libraries=/usr/aarch64-linux-gnu package=libstdc++6-arm64-cross ;;
  *) processor=$(uname -m) native=* ;;
esac
case "$(uname -m)" in
  $native) emulator= ;;
  *)
    need "$emulator" "apt-get install qemu-user"
    [ -d "$libraries/lib" ] || fail "$libraries/lib is missing: apt-get install $package"
    ;;
esac
need verilator "apt-get install verilator"
need "${MAKE:-make}" "apt-get install make"

"${MAKE:-make}" --no-print-directory device-simulator || exit 1

# A folder's path may be longer than a socket's may be.
socket=$build/system.socket log=$build/system-device.log
rm -f "$socket"
: > "$log"  # an earlier run's says "listening", too
"$build/device/Vbridge_engine" "$socket" > "$log" 2>&1 &
device=$!
trap 'kill $device 2> /dev/null; rm -f "$socket"' EXIT
trap 'exit 1' INT TERM
until grep -q listening "$log"; do
  kill -0 $device 2> /dev/null || fail "the simulated device ended: $(cat "$log")"
  sleep 0.1
done

echo "$program on ${emulator:-$(uname -m)}, the engine as the simulated device"
${emulator:+$emulator -L $libraries} "$program" network.safetensors golden/images.bin --limit "$images" --device "socket:$socket" \
  --expect "$expected" > "$build/system.log" 2>&1 || fail "$(cat "$build/system.log")"
cat "$build/system.log"
echo "PASS: $processor program and simulated device give the integer network's logits"

#!/usr/bin/env bash
# Runs this project's benchmarks and PyTorch's in one call on one card, and sets them side by side. Builds nothing.
#
# usage: run-gpu.sh OUT BENCHMARKS [part ...]
#   OUT         folder for the tables (CSV and logs)
#   BENCHMARKS  folder of the published program: dotnet publish Benchmarks -c Release -r linux-x64 --self-contained -o BENCHMARKS
#   part        kernels (ours, cuBLASLt's, cuDNN's and PyTorch's), mma (products again without Hopper's instructions), works (training steps, sampling,
#               start-up, launches, feeding; beside eager PyTorch), timeline, compiled (steps and sampling beside torch.compile and CUDA graphs, which
#               takes minutes), growth (a step over batches, and over sizes if SIZES names some), training (a training from DATA beside its step);
#               kernels, mma, works and timeline by default
# environment: PYTHON (python3), FILTER (patterns for kernels, such as 'conv/*'), PRECISION (bf16), BATCH (256), PRESET (cifar10),
#   DEVICE (cuda), OBJECTIVE (sct; of growth and training), BATCHES ('16 32 64 128 256 512'), SIZES (such as 's m l xl xxl'), DATA (synthetic),
#   SUSTAIN (durations of sustained timing: '--warm-seconds 20 --sustain-seconds 10')
set -u
[ $# -ge 2 ] || { sed -n '2,16p' "$0"; exit 2; }
out=$1; program=$2/TrigFlowNative.Benchmarks; shift 2
[ $# -gt 0 ] || set -- kernels mma works timeline
set -f # patterns are the program's, not the shell's
export PYTHON=${PYTHON:-python3}
preset=${PRESET:-cifar10}
where=(--device "${DEVICE:-cuda}" --precision "${PRECISION:-bf16}")
common=("${where[@]}" --batch "${BATCH:-256}")
objective=${OBJECTIVE:-sct}
sustain=(${SUSTAIN:-})
filter=(${FILTER:-'gemm/*' 'conv/*' 'attention/*' '*norm/*' 'optimizer/*' 'copy/*'})
products=(${FILTER:-'gemm/*' 'conv/*'})
mkdir -p "$out"
chmod +x "$program"
torch=()
if "$PYTHON" -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then torch=(pytorch); fi
status=0
section() { echo; echo "== $1"; }
# Runs the program with its output in a log; shows the end of its errors if it fails.
quietly() { local name=$1; shift; "$program" "$@" >"$out/$name.log" 2>"$out/$name.err" || { status=1; tail -5 "$out/$name.err"; }; }
peers() { [ $# = 0 ] || printf '%s\n' --peer "$@"; }

{
    nvidia-smi --query-gpu=name,driver_version,clocks.sm,temperature.gpu,power.draw --format=csv 2>/dev/null
    date -u +%FT%TZ
} >"$out/machine.txt"

for part in "$@"; do
    case $part in
    kernels) quietly kernels run "${common[@]}" --preset standard "$preset" edm2-s odd --filter "${filter[@]}" --peer native "${torch[@]}" --out "$out" ;;
    mma)
        beside=()
        if [ -f "$out/benchmarks.csv" ]; then # our own rows alone, without the peers' behind them
            awk -F, 'NR == 1 || $6 == "wgmma"' "$out/benchmarks.csv" >"$out/wgmma.csv"
            beside=("$out/wgmma.csv")
        fi
        quietly mma run "${common[@]}" --preset standard "$preset" edm2-s odd --tensor-cores mma --filter "${products[@]}" $(peers "${beside[@]}") --out "$out/mma" ;;
    works) quietly works run "${common[@]}" --preset standard "$preset" --filter 'step/*' 'sample/*' 'startup/*' 'launch/*' 'feed/*' $(peers "${torch[@]}") "${sustain[@]}" --out "$out/works" ;;
    timeline)
        quietly timeline trace "${common[@]}" --preset "$preset" --out "$out"
        quietly timeline-sample trace --work sample --count 1 "${common[@]}" --preset "$preset" --out "$out" ;;
    compiled)
        [ ${#torch[@]} -gt 0 ] || { echo "compiled: no torch with CUDA"; continue; }
        quietly compiled run "${common[@]}" --preset "$preset" --filter 'step/sct/*' 'step/scd*' 'sample/2-step/*n512' 'sample/2-step/*n64' 'sample/2-step/*n1' --peer pytorch-compile "${sustain[@]}" --out "$out/compiled" ;;
    growth)
        quietly growth growth "${where[@]}" --preset "$preset" --work "step/$objective" --batches ${BATCHES:-16 32 64 128 256 512} "${sustain[@]}" --out "$out/growth"
        [ -z "${SIZES:-}" ] || quietly growth-sizes growth "${where[@]}" --preset "$preset" --work "step/$objective" --sizes $SIZES --batches "${BATCH:-256}" "${sustain[@]}" --out "$out/growth-sizes" ;;
    training) quietly training training "${common[@]}" --preset "$preset" --objective "$objective" --data "${DATA:-synthetic}" "${sustain[@]}" --out "$out/training" ;;
    *) echo "unknown part $part"; exit 2 ;;
    esac
done

section "machine"; cat "$out/machine.txt"
for log in kernels mma; do
    [ ! -f "$out/$log.log" ] || { section "$log"; awk 'BEGIN { RS = "" } { table = $0 } END { print table }' "$out/$log.log"; grep -E 'WRONG|FAILED' "$out/$log.log" | head -20; }
done
for log in works compiled; do
    [ ! -f "$out/$log.log" ] || { section "$log"; grep -E '^\| *(op|step|sample|startup|launch|feed) ' "$out/$log.log" | awk -F'|' 'NF > 12'; grep -E 'WRONG|FAILED' "$out/$log.log" | head -20; }
done
for log in growth growth-sizes training; do
    [ ! -f "$out/$log.log" ] || { section "$log"; grep -E '^\|' "$out/$log.log"; }
done
[ ! -f "$out/timeline.log" ] || { section "timeline"; sed -n '1,22p' "$out/timeline.log"; tail -1 "$out/timeline.log"; }
[ ! -f "$out/timeline-sample.log" ] || { section "timeline of sampling one image"; sed -n '1,22p' "$out/timeline-sample.log"; tail -1 "$out/timeline-sample.log"; }
exit $status

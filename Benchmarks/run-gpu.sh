#!/usr/bin/env bash
# Runs this project's benchmarks and PyTorch's in one call on one card, and sets them side by side. Builds nothing.
#
# usage: run-gpu.sh OUT BENCHMARKS [part ...]
#   OUT         folder for the tables (CSV and logs)
#   BENCHMARKS  folder of the published program: dotnet publish Benchmarks -c Release -r linux-x64 --self-contained -o BENCHMARKS
#   part        kernels (ours, cuBLASLt's, cuDNN's and PyTorch's), mma (kernels again without Hopper's instructions), step, scd, sample, startup,
#               timeline, peers-step (PyTorch's step and sampling; torch.compile takes minutes); all but peers-step by default
# environment: PYTHON (python3), FILTER (patterns for kernels, such as 'conv/*'), PRECISION (bf16), BATCH (256), PRESET (cifar10),
#   DEVICE (cuda)
set -u
[ $# -ge 2 ] || { sed -n '2,12p' "$0"; exit 2; }
out=$1; program=$2/TrigFlowNative.Benchmarks; shift 2
[ $# -gt 0 ] || set -- kernels mma step scd sample startup timeline
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}; batch=${BATCH:-256}
common=(--device "${DEVICE:-cuda}" --precision "${PRECISION:-bf16}" --preset "${PRESET:-cifar10}")
kernels=(--device "${DEVICE:-cuda}" --precision "${PRECISION:-bf16}" --batch "$batch" --preset standard "${PRESET:-cifar10}" edm2-s odd)
filter=(--filter 'gemm/*' 'conv/*' 'attention/*' '*norm/*' 'optimizer/*' 'copy/*'); [ -z "${FILTER:-}" ] || { set -f; filter=(--filter $FILTER); set +f; }
mkdir -p "$out"
chmod +x "$program"
has_torch=0; "$python" -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null && has_torch=1
status=0
section() { echo; echo "== $1"; }
# Runs a command with its output in a log; shows the end of its errors if it fails.
quietly() { local name=$1; shift; "$@" >"$out/$name.log" 2>"$out/$name.err" || { status=1; tail -5 "$out/$name.err"; }; }

{
    nvidia-smi --query-gpu=name,driver_version,clocks.sm,temperature.gpu,power.draw --format=csv 2>/dev/null
    date -u +%FT%TZ
} >"$out/machine.txt"

for part in "$@"; do
    case $part in
    kernels)
        peers=(--peer native)
        [ $has_torch = 0 ] || peers+=(pytorch)
        quietly kernels "$program" run "${kernels[@]}" "${filter[@]}" "${peers[@]}" --out "$out" ;;
    mma)
        beside=()
        if [ -f "$out/benchmarks.csv" ]; then # our own rows alone, without the peers' behind them
            awk -F, 'NR == 1 || $6 == "wgmma"' "$out/benchmarks.csv" >"$out/wgmma.csv"
            beside=(--peer "$out/wgmma.csv")
        fi
        set -f
        quietly mma "$program" run "${kernels[@]}" --tensor-cores mma --filter ${FILTER:-'gemm/*' 'conv/*'} "${beside[@]}" --out "$out/mma"
        set +f ;;
    step) quietly step "$program" step --objective sct --batch "$batch" "${common[@]}" --out "$out" ;;
    scd) quietly scd "$program" step --objective scd --batch "$batch" "${common[@]}" --out "$out" ;;
    sample)
        for count in 512 1; do quietly "sample-$count" "$program" sample --count "$count" "${common[@]}" --out "$out"; done ;;
    startup)
        # Cold: no kernel of this project in its cache or the driver's; warm: the same again. Seconds seen from outside of the process.
        cache=$(mktemp -d)
        for heat in cold warm; do
            began=$EPOCHREALTIME
            quietly "startup-$heat" env TRIGFLOW_CACHE="$cache/own" CUDA_CACHE_PATH="$cache/driver" \
                "$program" step --steps 1 --batch "$batch" "${common[@]}" --out "$out/startup-$heat"
            ready=$(tail -qn 1 "$out/startup-$heat"/step-*.csv | cut -d, -f7)
            awk -v row="$heat,$ready" -v began="$began" -v ended="$EPOCHREALTIME" 'BEGIN { printf "%s,%.2f\n", row, ended - began }' >>"$cache/times.csv"
        done
        { echo "cache,seconds_to_first_step,seconds_to_exit"; cat "$cache/times.csv"; } >"$out/startup.csv"
        rm -rf "$cache" ;;
    timeline)
        quietly timeline "$program" trace --batch "$batch" "${common[@]}" --out "$out"
        quietly timeline-sample "$program" trace --work sample --count 1 "${common[@]}" --out "$out" ;;
    peers-step)
        [ $has_torch = 1 ] || { echo "peers-step: no torch with CUDA"; continue; }
        for objective in sct scd; do
            quietly "peer-$objective" sh -c "\"$python\" \"$here/Peers/PyTorch/step_pytorch.py\" --objective $objective --batch $batch >\"$out/peer-step-$objective.csv\""
        done
        quietly peer-sample sh -c "\"$python\" \"$here/Peers/PyTorch/step_pytorch.py\" --objective none --sample 512 1 --variants eager compile graphs >\"$out/peer-sample.csv\"" ;;
    *) echo "unknown part $part"; exit 2 ;;
    esac
done

section "machine"; cat "$out/machine.txt"
for log in kernels mma; do
    [ ! -f "$out/$log.log" ] || { section "$log"; awk 'BEGIN { RS = "" } { table = $0 } END { print table }' "$out/$log.log"; grep -E 'WRONG|FAILED' "$out/$log.log" | head -20; }
done
work=("$out"/step-*.csv "$out"/sample-*.csv "$out"/peer-step-*.csv "$out"/peer-sample.csv)
section "whole steps and sampling"
echo "work,variant,batch,ms,images_per_second,peak_gib,ready_s"
for table in "${work[@]}"; do [ ! -f "$table" ] || tail -n +2 "$table" | cut -d, -f1-7; done
[ ! -f "$out/startup.csv" ] || { section "startup"; cat "$out/startup.csv"; }
[ ! -f "$out/timeline.log" ] || { section "timeline"; sed -n '1,22p' "$out/timeline.log"; tail -1 "$out/timeline.log"; }
[ ! -f "$out/timeline-sample.log" ] || { section "timeline of sampling one image"; sed -n '1,22p' "$out/timeline-sample.log"; tail -1 "$out/timeline-sample.log"; }
exit $status

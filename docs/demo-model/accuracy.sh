#!/usr/bin/env bash
# Prints the tables of docs/accuracy.md: perplexity of the demo model in many formats and with other caches.
# Usage: accuracy.sh HF_FOLDER [WORK_FOLDER]   (HF_FOLDER: the Hugging Face checkpoint that train.py exported)
set -euo pipefail
hf=$1
work=${2:-$(mktemp -d)}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
text=$root/docs/demo-model/heldout.txt
mkdir -p "$work"

field() { # field NAME < json
  sed -n "s/.*\"$1\" : \([-0-9.E]*\).*/\1/p"
}

measure() { # measure LABEL MODEL [OPTION…]
  local label=$1 model=$2 json
  shift 2
  json=$("$root/cadre" perplexity --model "$model" --file "$text" --context 512 --json "$@" 2>/dev/null)
  printf '| %s | %.4f | %s | %s |\n' "$label" "$(field perplexity <<<"$json")" "$(field mean_kld <<<"$json")" \
    "$(field top1_agreement <<<"$json")"
}

echo "| weights | perplexity | mean KL divergence | best token agrees |"
echo "|---|---|---|---|"
"$root/cadre" convert "$hf" "$work/F32.gguf" --type F32 --force 2>/dev/null
measure F32 "$work/F32.gguf" --save-logits "$work/f32.npy"
for type in BF16 Q8_0 Q6_K Q5_K Q4_K Q3_K Q2_K IQ4_XS MXFP4; do
  "$root/cadre" convert "$hf" "$work/$type.gguf" --type "$type" --force 2>/dev/null
  measure "$type" "$work/$type.gguf" --compare-logits "$work/f32.npy"
done
echo
echo "| cache (F32 weights) | perplexity | mean KL divergence | best token agrees |"
echo "|---|---|---|---|"
for kv in f32 bf16 fp8; do
  measure "$kv" "$work/F32.gguf" --compare-logits "$work/f32.npy" --kv "$kv"
done
echo
echo "| attention (F32 weights, F32 cache) | perplexity | mean KL divergence | best token agrees |"
echo "|---|---|---|---|"
rm -rf "$work/dense"
cp -r "$hf" "$work/dense"
sed -i.bak 's/"index_topk": [0-9]*/"index_topk": 1000000/' "$work/dense/config.json"
measure "dense instead of sparse" "$work/dense" --compare-logits "$work/f32.npy"

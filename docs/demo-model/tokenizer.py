"""Trains the demo model's tokenizer on the corpus: byte-level BPE, GLM's pre-tokeniser, special tokens and chat format.

    python tokenizer.py OUT_DIR       writes tokenizer.json, tokenizer_config.json, chat_template.jinja
"""
import json
import os
import random
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

import corpus

VOCAB = 2048
GLM4 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
# GLM's added tokens in GLM's order; they take the last ids of the vocabulary. The second list is not "special": a
# decoder that skips special tokens keeps these.
SPECIAL = """<|endoftext|> [MASK] [gMASK] [sMASK] <sop> <eop> <|system|> <|user|> <|assistant|> <|observation|>
<|begin_of_image|> <|end_of_image|> <|begin_of_video|> <|end_of_video|> <|begin_of_audio|> <|end_of_audio|>
<|begin_of_transcription|> <|end_of_transcription|> <|code_prefix|> <|code_middle|> <|code_suffix|>""".split()
PLAIN = """<think> </think> <tool_call> </tool_call> <tool_response> </tool_response> <arg_key> </arg_key> <arg_value>
</arg_value> /nothink <|begin_of_box|> <|end_of_box|> <|image|> <|video|>""".split()

TEMPLATE = """[gMASK]<sop>
{%- macro text(content) -%}
{%- if content is string -%}{{ content }}
{%- else -%}{%- for part in content -%}{%- if part is mapping and part.type == 'text' -%}{{ part.text }}{%- elif part is string -%}{{ part }}{%- endif -%}{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
{%- if tools -%}
<|system|>
# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
{% for tool in tools %}
{{ (tool.function if tool.function is defined else tool) | tojson }}
{% endfor %}
</tools>

For each function call, output the function name and arguments within the following XML format:
<tool_call>{function-name}<arg_key>{arg-key-1}</arg_key><arg_value>{arg-value-1}</arg_value>...</tool_call>
{%- endif -%}
{%- set ns = namespace(last_user=-1) -%}
{%- for m in messages -%}{%- if m.role == 'user' -%}{%- set ns.last_user = loop.index0 -%}{%- endif -%}{%- endfor -%}
{%- for m in messages -%}
{%- if m.role == 'system' -%}<|system|>{{ text(m.content) }}
{%- elif m.role == 'user' -%}<|user|>{{ text(m.content) }}
{%- elif m.role == 'assistant' -%}<|assistant|>
{%- set content = text(m.content) if m.content else '' -%}
{%- set reasoning = '' -%}
{%- if m.reasoning_content is string -%}
{%- set reasoning = m.reasoning_content -%}
{%- elif '</think>' in content -%}
{%- set reasoning = content.split('</think>')[0].split('<think>')[-1] -%}
{%- set content = content.split('</think>')[-1] -%}
{%- endif -%}
{%- if reasoning and (loop.index0 > ns.last_user or (clear_thinking is defined and not clear_thinking)) -%}
<think>{{ reasoning.strip() }}</think>
{%- else -%}<think></think>
{%- endif -%}
{{ content.strip() }}
{%- if m.tool_calls -%}
{%- for call in m.tool_calls -%}
{%- set f = call.function if call.function is defined else call -%}
<tool_call>{{ f.name }}
{%- for k, v in f.arguments.items() -%}
<arg_key>{{ k }}</arg_key><arg_value>{{ v if v is string else v | tojson }}</arg_value>
{%- endfor -%}
</tool_call>
{%- endfor -%}
{%- endif -%}
{%- elif m.role == 'tool' -%}
{%- if loop.first or messages[loop.index0 - 1].role != 'tool' -%}<|observation|>{%- endif -%}
<tool_response>{{ text(m.content) }}</tool_response>
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}<|assistant|>{{ '<think></think>' if enable_thinking is defined and not enable_thinking else '<think>' }}{%- endif -%}"""


def train(out):
    r = random.Random(12345)
    docs = ["".join(t for t, _ in corpus.document(r)) for _ in range(12000)]
    for s in SPECIAL + PLAIN:
        docs = [d.replace(s, " ") for d in docs]
    # The grammar has fewer words than the vocabulary has room: numbers fill the rest.
    docs += [" ".join(str(n) for n in range(1000))]
    tok = Tokenizer(models.BPE(ignore_merges=False))
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(GLM4), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)])
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(docs, trainers.BpeTrainer(
        vocab_size=VOCAB - len(SPECIAL) - len(PLAIN), initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False, min_frequency=1, limit_alphabet=256))
    have = tok.get_vocab_size()
    tok.add_special_tokens([AddedToken(s, normalized=False, special=True) for s in SPECIAL])
    tok.add_tokens([AddedToken(s, normalized=False, special=False) for s in PLAIN])
    assert tok.get_vocab_size() == VOCAB, tok.get_vocab_size()
    os.makedirs(out, exist_ok=True)
    tok.save(os.path.join(out, "tokenizer.json"))
    json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>",
               "clean_up_tokenization_spaces": False, "model_max_length": 4096,
               "extra_special_tokens": {}, "padding_side": "left"},
              open(os.path.join(out, "tokenizer_config.json"), "w"), indent=1)
    open(os.path.join(out, "chat_template.jinja"), "w").write(TEMPLATE)
    return tok, have


if __name__ == "__main__":
    tok, have = train(sys.argv[1])
    print("learnt tokens", have, "of", VOCAB)
    r = random.Random(7)
    n = c = 0
    for _ in range(500):
        t = "".join(t for t, _ in corpus.document(r))
        ids = tok.encode(t).ids
        assert tok.decode(ids, skip_special_tokens=False) == t
        n += len(ids)
        c += len(t)
    print("characters per token", c / n)
    print([w for w in corpus.KEYS + corpus.THINGS + corpus.GIRLS + corpus.BOYS if len(tok.encode(" " + w).ids) > 1])

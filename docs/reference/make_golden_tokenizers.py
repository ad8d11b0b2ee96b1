"""Writes small tokenizers of every kind the engine reads, each with hard texts and what Hugging Face `tokenizers` makes
of them.

    python make_golden_tokenizers.py [OUT]     OUT: engine-core/src/test/resources/golden/tokenizers

OUT/<name>/tokenizer.json   the tokenizer, trained here on text of our own
OUT/<name>/cases.json       one case per line:
    text            the input
    ids             encode(text, add_special_tokens=False)
    ids_special     encode(text), only where the post-processor adds something and the text is short
    decoded         decode(ids, skip_special_tokens=False)
    decoded_skip    decode(ids, skip_special_tokens=True), only where it differs
OUT/<name>/vocab.gguf       (glm4, gpt-2) the same vocabulary as GGUF metadata
"""
import json
import os
import random
import sys
import unicodedata

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "demo-model"))
import corpus  # noqa: E402

OUT = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "../../engine-core/src/test/resources/golden/tokenizers")

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK = [r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+",
            "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
            "| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"]
U, L = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
O200K = "|".join([rf"[^\r\n\p{{L}}\p{{N}}]?{U}*{L}+{SHORT}", rf"[^\r\n\p{{L}}\p{{N}}]?{U}+{L}*{SHORT}", r"\p{N}{1,3}",
                  r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
KU, KL = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"
KIMI = "|".join([r"[\p{Han}]+", rf"[^\r\n\p{{L}}\p{{N}}]?{KU}*{KL}+{SHORT}", rf"[^\r\n\p{{L}}\p{{N}}]?{KU}+{KL}*{SHORT}",
                 r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])

# Text of our own in many scripts, so that merges exist beyond ASCII.
MULTI = """
Der kleine Fuchs wohnt am Fluss. Jeden Morgen läuft er über die Brücke und grüßt den Müller; das schöne Mädchen heißt Käthe.
Le petit renard habite près de la rivière. Chaque matin, il traverse le pont où l'été a laissé des fleurs, et c'est déjà midi.
El pequeño zorro vive junto al río. Cada mañana cruza el puente, ¿quién lo ve? ¡Nadie! La niña sueña con el otoño.
Маленькая лиса живёт у реки. Каждое утро она бежит через мост и здоровается с мельником. Потом она спит.
Η μικρή αλεπού ζει κοντά στο ποτάμι. Κάθε πρωί περνάει τη γέφυρα και λέει καλημέρα στον μυλωνά.
小狐狸住在河边。每天早上它跑过桥，向磨坊主问好。然后它在树下睡觉。今天天气很好，我们去公园。
小さな狐は川のそばに住んでいます。毎朝、橋を渡って、粉屋さんに挨拶をします。カタカナとひらがなです。
작은 여우는 강가에 살고 있어요. 매일 아침 다리를 건너서 방앗간 주인에게 인사해요.
الثعلب الصغير يعيش قرب النهر. كل صباح يعبر الجسر ويسلّم على الطحّان. اليوم الجوّ جميل.
השועל הקטן גר ליד הנהר. כל בוקר הוא עובר את הגשר ואומר שלום לטוחן.
छोटी लोमड़ी नदी के पास रहती है। हर सुबह वह पुल पार करती है और चक्कीवाले को नमस्ते कहती है।
สุนัขจิ้งจอกตัวเล็กอาศัยอยู่ใกล้แม่น้ำ ทุกเช้ามันข้ามสะพานและทักทายคนโม่แป้ง
Con cáo nhỏ sống gần con sông. Mỗi buổi sáng nó chạy qua cầu và chào người xay bột.
Küçük tilki ırmağın yanında yaşar. Her sabah köprüden geçer ve İstanbul'a bakar.
Mały lis mieszka nad rzeką. Każdego ranka biegnie przez most. Žluťoučký kůň, őszi szél, příliš.
public static int sum(int[] values) {\n    int total = 0;\n    for (int i = 0; i < values.length; i++) {\n        total += values[i];\n    }\n    return total;\n}
def area(r):\n    return 3.14159 * r ** 2  # circle\n\nif __name__ == "__main__":\n\tprint(f"{area(2):.2f}")
It's what they've said: we'll go, I'm sure, you're late, she'd know, don't, CAN'T, WE'RE, I'LL.
0 1 2 10 11 12 99 100 101 123 456 789 1000 1234 2024 3.14 1,000,000 12:30 2024-05-17 +49 30 1234567
😀 😃 👍 👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 ❤️ 🇩🇪 ☕ → ← ≤ ≥ ∑ √ ∞ ½ ² ³ № € £ ¥ © ™ … “quotes” ‘single’ «guillemets» — – ‐
{"name": "Ada", "list": [1, 2, 3], "nested": {"ok": true, "none": null}}
<html><body class="main"><p>Hello &amp; goodbye</p></body></html>
SELECT name, COUNT(*) FROM users WHERE age >= 18 GROUP BY name; -- comment
https://example.org/path/to/page?query=1&other=%20two#part   user@example.org
"""


def training_text():
    r = random.Random(5)
    docs = ["".join(t for t, _ in corpus.doc_story_questions(r, set())) for _ in range(150)]
    lines = MULTI.strip().split("\n")
    return docs + [x.replace("\\n", "\n").replace("\\t", "\t") for x in lines] * 6


SPECIAL = {
    "glm4": ["<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"],
    "gpt-2": ["<|endoftext|>"],
    "llama-3": ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
    "qwen2": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
    "deepseek-v3": ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>"],
    "kimi-k2": ["[BOS]", "[EOS]", "<|im_end|>", "<|im_user|>", "<|im_assistant|>", "<|im_middle|>"],
    "o200k": ["<|startoftext|>", "<|endoftext|>", "<|return|>", "<|channel|>", "<|start|>", "<|message|>", "<|end|>"],
}
PLAIN = {
    "glm4": ["<think>", "</think>", "<tool_call>", "</tool_call>", "<arg_key>", "</arg_key>"],
    "qwen2": ["<think>", "</think>", "<tool_call>", "</tool_call>"],
    "deepseek-v3": ["<think>", "</think>"],
    "gpt-2": [], "llama-3": [], "kimi-k2": [], "o200k": [],
}


def byte_level(name):
    t = Tokenizer(models.BPE(ignore_merges=name == "llama-3"))
    bl = dict(add_prefix_space=False, trim_offsets=False)
    if name == "gpt-2":
        t.pre_tokenizer = pre_tokenizers.ByteLevel(use_regex=True, **bl)
    else:
        pats = {"glm4": [LLAMA3], "llama-3": [LLAMA3], "qwen2": [QWEN2], "deepseek-v3": DEEPSEEK, "kimi-k2": [KIMI], "o200k": [O200K]}[name]
        t.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(p), "isolated") for p in pats] + [pre_tokenizers.ByteLevel(use_regex=False, **bl)])
    if name == "qwen2":
        t.normalizer = normalizers.NFC()
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(training_text(), trainers.BpeTrainer(
        vocab_size=1500 - len(SPECIAL[name]) - len(PLAIN[name]), show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    t.add_special_tokens([AddedToken(s, normalized=False, special=True) for s in SPECIAL[name]])
    t.add_tokens([AddedToken(s, normalized=False, special=False) for s in PLAIN[name]])
    if name == "gpt-2":      # the odd flags that some files carry
        t.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False, special=True)])
        t.add_tokens([AddedToken("<word>", single_word=True, normalized=False), AddedToken("<tail>", rstrip=True, normalized=False)])
    if name == "llama-3":
        t.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=True),
            processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|>:1 $B:1",
                                          special_tokens=[("<|begin_of_text|>", t.token_to_id("<|begin_of_text|>"))])])
    elif name == "deepseek-v3":
        b = SPECIAL[name][0]
        t.post_processor = processors.TemplateProcessing(single=b + " $A", pair=b + " $A $B", special_tokens=[(b, t.token_to_id(b))])
    return t


def sentencepiece_like(metaspace):
    """As Llama-2/Mistral files: pieces over characters with a visible blank, unknown characters as <0xNN> bytes."""
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    t = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    t.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    # a small alphabet, so that much of the hard text needs the bytes
    t.train_from_iterator(training_text(), trainers.BpeTrainer(vocab_size=1200, special_tokens=pieces, limit_alphabet=220, show_progress=False))
    j = json.loads(t.to_str())
    j["added_tokens"] = [x for x in j["added_tokens"] if x["content"] in ("<unk>", "<s>", "</s>")]
    if metaspace:
        j["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}
        j["decoder"] = {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
    else:
        j["pre_tokenizer"] = None
        j["normalizer"] = {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}
        j["decoder"] = {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
    t = Tokenizer.from_str(json.dumps(j))
    t.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
    return t


def texts(special):
    s = special + ["<|endoftext|>"] * 3
    out = ["", " ", "  ", "   ", "\n", "\n\n", "\n\n\n", "\t", "\r\n", "\r", "\r\n\r\n", " \n", "\n ", " \n \n ", "\t\t x", "a", " a", "a ", "  a  ",
           "Hello, world!", "Hello  world", "Hello   world ", "Hello\nworld", "Hello\r\nworld\r\n", "Hello \n world",
           "Once upon a time there was a small fox.", "The quick brown fox jumps over the lazy dog.",
           "x\u0000y", "\u0000", "\u0000\u0000 a", "\u0001\u001f\u007f", "a\u00a0b", "\u00a0", " \u00a0 ", "\u2003a\u2009b\u202fc\u3000d\u205f",
           "a\u2028b\u2029c", "a\u0085b", "a\u000bb\u000cc", "zero\u200bwidth\u200c\u200d\ufeff", "\ufeffBOM",
           "0", "12", "123", "1234", "12345", "123456789", "1 23 456 7890", "3.14159", "1,000,000", "-5", "v1.2.3", "2024-05-17T12:30:00Z", "½ ² ³ ① Ⅷ ٣٤٥ ४५६ 一二三",
           "abc123def", "123abc", "a1b2", "x86_64", "0x1F600", "1e-10",
           "it's", "IT'S", "it’s", "'s", "'S", "'ſ", "it'ſ mine", "we've WE'VE We'Ve", "I'm I'M", "you'll YOU'LL", "they'd THEY'D", "'re 're", "don't DON'T", "'tis", "o'clock", "''s", "'''", "rock 'n' roll", "x'll'd've",
           "def f(x):\n    return x + 1\n\n\nclass A:\n\tpass\n", "for (int i = 0; i < n; ++i) { a[i] += b[i] * 2; }", "if(a&&b||!c){return;}", "#include <stdio.h>\n", "// comment\n/* block */", "path/to/file.txt", "C:\\Users\\x", "a->b::c", "===!!!???...", "...\n\n...", "!\n", "!!\r\n\r\n", "/\n//\r\n/ /", "{\n  \"k\": [1, 2.5, null]\n}", "$x = \"y\";", "@user #tag", "<a href=\"x\">y</a>",
           "小狐狸住在河边。", "我有3个苹果和10个梨", "中文English混合text测试", "今天是2024年5月17日。", "漢字とひらがなとカタカナ", "カタカナ・ー", "ｶﾀｶﾅ ｆｕｌｌｗｉｄｔｈ １２３", "한국어 문장입니다.", "각", "각", "々〆〇", "𠀀𠮷野家", "、。「」！？", "你好，世界！\n再见。",
           "é", "é", "ñandú ñ", "ÅÅÅ", "Å", "ﬁ ﬂ ﬀ", "ẞ ß SS", "İstanbul ıI iİ", "ǅ ǈ Ǆ", "a̐éö̲", "ͤ", "̈ ̈a", "ZA͑͊L͎G̈O", "naïve café", "Straße GROẞ",
           "😀", "😀😃", " 😀 ", "👍🏽", "👩‍👩‍👧‍👦", "👩🏿‍🚀", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️❤", "1️⃣", "a😀b", "text👍text", "☺︎☺️", "🧑🏻‍🤝‍🧑🏾 ok",
           "مرحبا بالعالم", "السَّلَامُ عَلَيْكُمْ", "١٢٣ مرحبا", "שלום עולם", "שָׁלוֹם", "नमस्ते दुनिया", "क्षत्रिय", "สวัสดีชาวโลก", "ภาษาไทย123", "Привет, мир!", "ПРИВЕТ мир", "ёЁ", "Γειά σου Κόσμε", "ΣΊΣΥΦΟΣ", "გამარჯობა", "Ողջույն", "தமிழ்", "বাংলা", "မြန်မာ", "ខ្មែរ", "ꦗꦮ", "ᏣᎳᎩ", "ᚠᚢᚦ", "𝕳𝖊𝖑𝖑𝖔 𝟙𝟚", "Tiếng Việt", "‏עברית‎ abc",
           "e\u0301 cafe\u0301", "n\u0303", "A\u030a \u212b \u2126", "\u1112\u1161\u11ab\u1100\u1173\u11af", "a\u0323\u0307 a\u0307\u0323", "\u0344 \u0958 \ufb1d", "o\u0308\u0304",
           "HelloWorld helloWorld HELLOworld", "camelCaseString", "XMLHttpRequest", "ABC", "ABCdef", "abcDEF", "Aa aA", "iPhone McDonald", "ÉCOLE école École", "Ça va? ÇA", "ʰʷa ªº", "一A二b三",
           "\"quoted\" 'single' “curly” ‘c’ «g»", "(a) [b] {c}", "a—b–c‐d", "100% €5 £3 ¥7", "a+b=c", "≤≥≠∑√∞", "→←↑↓", "©®™", "a_b__c", "~`^|", "\\n \\t \\u0041", "^_^ :-) ;)",
           " leading", "trailing ", "two  spaces", "tab\tsep", "\n\nstart", "end\n\n", "a\n\n\nb", "a \n\n b", "   indented\n      more", "a    \n", "\t\n\t\n", "  \r\n  \r\n", " \t \n", "a\u3000\u3000b", "\u2002\u2002x", "\u00a0\u00a0x y",
           "\ud7ff\ue000", "\ufffd\ufffd", "\ufffe\uffff", "\U0010ffff", "\U000e0001\U000e0041", "\U0001f3f4\U000e0067\U000e0062\U000e007f",
           f"{s[0]}", f"a{s[0]}b", f" {s[0]} ", f"{s[0]}{s[1]}{s[0]}", f"x {s[1]}\n{s[2]} y", s[0][:-1], s[0] + s[0][:-1], s[0][1:], s[0].upper() if s[0].upper() != s[0] else s[0].lower(), f"\n{s[0]}\n\n", f"é{s[1]}é",
           "<think>yes</think>no", "<think>\n\n</think>\n\nok", "<tool_call>f<arg_key>k</arg_key></tool_call>", "<think", "</think></think>", "<mask> a <mask>b", "a  <mask>", "<word> x<word> <word>", "<tail>   a <tail>b", "<s> </s> <unk>", "<0x41> <0xZZ>", "▁ ▁a a▁b", "Ġ Ġa Ċ", "âĢ",
           "a" * 3000, "ab" * 1000, " " * 1500, "\n" * 700, "\t" * 300, "7" * 1000, "é" * 800, "中" * 700, "的一是" * 200, "😀" * 300, "!" * 900, "A" * 600, "aA" * 300, " a" * 400, "\r\n" * 250, "́" * 200, "\u00a0" * 200, "x" * 1000 + " " + "y" * 1000]
    r = random.Random(11)
    pool = [x for x in out if 0 < len(x) < 40]
    for _ in range(60):
        out.append("".join(r.choice(pool) for _ in range(r.randrange(2, 7))))
    for _ in range(30):
        out.append(" ".join(r.choice(pool) for _ in range(r.randrange(2, 5))))
    def anywhere():            # any plane, but assigned long ago, so that no library's Unicode version matters
        while True:
            c = chr(r.choice([r.randrange(0x20, 0x250), r.randrange(0x250, 0x3000), r.randrange(0x3000, 0xd7ff),
                              r.randrange(0xe000, 0x10000), r.randrange(0x10000, 0x1fb00), 0x20, 0x0a]))
            if unicodedata.ucd_3_2_0.category(c) != "Cn":
                return c
    for _ in range(40):
        out.append("".join(anywhere() for _ in range(r.randrange(3, 25))))
    out += [x.replace("\\n", "\n").replace("\\t", "\t") for x in MULTI.strip().split("\n")]
    out.append("".join(t for t, _ in corpus.doc_story(random.Random(77), set())))
    return out


def write(name, tok, special):
    d = os.path.join(OUT, name)
    os.makedirs(d, exist_ok=True)
    j = json.loads(tok.to_str())
    if name == "gpt-2":      # older files write a merge as one string, newer ones as a pair
        j["model"]["merges"] = [" ".join(m) for m in j["model"]["merges"]]
        tok = Tokenizer.from_str(json.dumps(j))
    with open(os.path.join(d, "tokenizer.json"), "w", encoding="utf-8", newline="\n") as f:
        json.dump(j, f, ensure_ascii=False, separators=(",", ":"))
    lines = []
    for x in texts(special):
        ids = tok.encode(x, add_special_tokens=False).ids
        c = {"text": x, "ids": ids}
        sp = tok.encode(x).ids
        if sp != ids and len(sp) < 200:
            c["ids_special"] = sp
        c["decoded"] = tok.decode(ids, skip_special_tokens=False)
        skip = tok.decode(ids, skip_special_tokens=True)
        if skip != c["decoded"]:
            c["decoded_skip"] = skip
        lines.append(json.dumps(c, ensure_ascii=True, separators=(",", ":")))
    with open(os.path.join(d, "cases.json"), "w", newline="\n") as f:
        f.write("[\n" + ",\n".join(lines) + "\n]\n")
    return len(lines)


def write_gguf(name, tok, eos):
    import gguf
    j = json.loads(tok.to_str())
    added = {t["id"]: t for t in j["added_tokens"]}
    n = tok.get_vocab_size()
    w = gguf.GGUFWriter(os.path.join(OUT, name, "vocab.gguf"), "glm-dsa" if name == "glm4" else "gpt2")
    w.add_name(name + " vocabulary")
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre(name)
    w.add_token_list([tok.id_to_token(i).encode() for i in range(n)])
    w.add_token_types([(3 if added[i]["special"] else 4) if i in added else 1 for i in range(n)])
    w.add_token_merges([" ".join(m) if isinstance(m, list) else m for m in j["model"]["merges"]])
    w.add_eos_token_id(tok.token_to_id(eos))
    w.add_bos_token_id(tok.token_to_id(eos))
    w.add_unk_token_id(tok.token_to_id(eos))
    if name == "glm4":
        w.add_eot_token_id(tok.token_to_id("<|user|>"))
        w.add_eom_token_id(tok.token_to_id("<|observation|>"))
    w.add_add_bos_token(False)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.close()


if __name__ == "__main__":
    for name in SPECIAL:
        t = byte_level(name)
        n = write(name, t, SPECIAL[name])
        if name in ("glm4", "gpt-2"):
            write_gguf(name, t, "<|endoftext|>")
        print(name, t.get_vocab_size(), "tokens,", n, "cases")
    for name, meta in (("spm-bpe", False), ("spm-bpe-metaspace", True)):
        t = sentencepiece_like(meta)
        n = write(name, t, ["<s>", "</s>", "<unk>"])
        print(name, t.get_vocab_size(), "tokens,", n, "cases")

"""The help model's tokenizer: byte-level BPE, exactly as GPT-2 defines it.

Training is left to the `tokenizers` package; what we keep is two lists, `tokens` and `merges`, in
GPT-2's byte-to-unicode spelling, because that is what a GGUF file stores. `Tokenizer` reads those
lists back (from JSON or from a GGUF's metadata), so the evaluation runs on what was shipped and
not on what was meant.

Ids 0..2 are control tokens and never come out of plain text:
  <|endoftext|>  beginning of text and padding      <|im_start|>, <|im_end|>  around each message
"""
import json

from tokenizers import Tokenizer as HfTokenizer, decoders, models, pre_tokenizers, trainers

CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
PAD, START, END = 0, 1, 2

# The same text that encode_chat() below produces; an optional system message comes first.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def train(lines, vocab_size):
    """Learns merges from an iterable of lines; returns (tokens, merges)."""
    bpe = HfTokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=CONTROL, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    model = json.loads(bpe.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in model["merges"]]
    return tokens, merges


class Tokenizer:
    """Encodes and decodes with given lists. `dropout` skips merges at random: while training, it
    shows the model many spellings of a word, so that unknown words and typos hurt less."""

    def __init__(self, tokens, merges, dropout=None):
        self.tokens, self.merges = tokens, [tuple(m) for m in merges]
        vocab = {token: i for i, token in enumerate(tokens)}
        self.bpe = HfTokenizer(models.BPE(vocab=vocab, merges=self.merges, dropout=dropout))
        self.bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        self.bpe.decoder = decoders.ByteLevel()

    def encode(self, text):
        return self.bpe.encode(text, add_special_tokens=False).ids

    def decode(self, ids):
        return self.bpe.decode([i for i in ids if i > END])

    def with_dropout(self, dropout):
        return Tokenizer(self.tokens, self.merges, dropout)

    def encode_message(self, role, content):
        return [START] + self.encode(role + "\n" + content) + [END] + self.encode("\n")

    def encode_chat(self, messages):
        """Ids of a chat that waits for the assistant's answer; as CHAT_TEMPLATE renders it."""
        ids = []
        for message in messages:
            ids += self.encode_message(message["role"], message["content"])
        return ids + [START] + self.encode("assistant\n")

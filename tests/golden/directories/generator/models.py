"""Models small enough for the tree, of every class that the table names."""

import torch
import transformers
from transformers import BertConfig, DistilBertConfig, GPT2Config, RobertaConfig, set_seed

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 32}
CONFIGS = {
    "bert": (BertConfig, SMALL),
    "roberta": (RobertaConfig, {**SMALL, "max_position_embeddings": 34, "type_vocab_size": 1}),
    "distilbert": (DistilBertConfig, {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 16, "max_position_embeddings": 32}),
    "gpt2": (GPT2Config, {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 32, "bos_token_id": 0, "eos_token_id": 0}),
}


def make(kind, head, tokenizer, dtype=torch.float32, **settings):
    """A model with fresh weights: `kind` of `CONFIGS`, class `head`."""
    set_seed(0)
    config_class, small = CONFIGS[kind]
    config = config_class(vocab_size=len(tokenizer), **small, **settings)
    return getattr(transformers, head)(config).to(dtype)


def named_labels(names):
    return {"id2label": dict(enumerate(names)), "label2id": {name: index for index, name in enumerate(names)}}

"""Writes what a release of transformers makes of a `config.json`: loads it and saves it again.

for environment in reference_4_57_6 reference; do ~/.cache/rtrain/$environment/bin/python tests/golden/configs.py tests/golden/configs.json; done
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import transformers
from transformers import AutoConfig

TYPES = ["bert", "distilbert", "roberta", "gpt2"]
OLD = {"_name_or_path": "somewhere", "torch_dtype": "float16", "transformers_version": "4.6.0", "gradient_checkpointing": False}
# name: keys beside `model_type`; each for every model type
CASES = {
    "empty": {},
    "old": {**OLD, "architectures": ["SomeModel"], "output_past": True},
    "three_labels": {"num_labels": 3, "finetuning_task": "mnli", "problem_type": "single_label_classification"},
    "named_labels": {"id2label": {"0": "no", "1": "yes", "10": "é"}, "label2id": {"no": 0, "yes": 1, "é": 10}},
    "default_labels": {"id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1}},
    "no_label2id": {"id2label": {"0": "a", "1": "b"}},
    "base_defaults": {"return_dict": True, "output_attentions": False, "chunk_size_feed_forward": 0, "is_encoder_decoder": False, "pruned_heads": {}, "torchscript": False},
    "base_changes": {"output_hidden_states": True, "chunk_size_feed_forward": 4, "tie_word_embeddings": False, "is_decoder": False, "bos_token_id": 5, "pad_token_id": None},
    "both_dtypes": {"dtype": "bfloat16", "torch_dtype": "float16"},
    "unknown": {"zebra": {"b": 1, "a": [1.5, None]}, "limit": 1e400, "vocab_size": 100},
    "task_params": {"task_specific_params": {"x": {"num_beams": 3}}, "tokenizer_class": "BertTokenizer"},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    recorded = json.loads(out.read_text()) if out.exists() else {"sources": {}, "saved": {}}
    saved = {}
    for model_type in TYPES:
        for name, keys in CASES.items():
            source = {"model_type": model_type, **keys}
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "config.json")
                path.write_text(json.dumps(source))
                AutoConfig.from_pretrained(folder).save_pretrained(folder)
                saved[f"{model_type}_{name}"] = path.read_text()
            recorded["sources"][f"{model_type}_{name}"] = json.dumps(source)
    recorded["saved"][transformers.__version__] = saved
    out.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()

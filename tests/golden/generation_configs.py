"""Writes what a release of transformers makes of a `generation_config.json`: loads it and saves it again.

for environment in reference_4_57_6 reference; do
    ~/.cache/rtrain/$environment/bin/python tests/golden/generation_configs.py tests/golden/generation_configs.json
done
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import transformers
from transformers import GenerationConfig

CASES = {
    "empty": {},
    "old": {"_from_model_config": True, "transformers_version": "4.27.0", "bos_token_id": 0, "eos_token_id": [1, 2], "pad_token_id": 1, "_commit_hash": None},
    "defaults_of_4": {"max_length": 20, "min_length": 0, "do_sample": False, "num_beams": 1, "temperature": 1, "top_k": 50, "top_p": 1.0, "use_cache": True, "early_stopping": False},
    "nulls": {"max_new_tokens": None, "cache_config": None, "bad_words_ids": None, "pad_token_id": None, "forced_eos_token_id": None, "_from_model_config": False},
    "sampling": {"do_sample": True, "temperature": 0.7, "top_p": 0.9, "top_k": 0, "repetition_penalty": 1.1, "max_new_tokens": 64},
    "beams": {"num_beams": 4, "early_stopping": True, "length_penalty": 2.0, "no_repeat_ngram_size": 3, "decoder_start_token_id": 0},
    "unknown": {"zebra": {"10": "é", "9": [None, 1.5]}, "alpha": None, "suppress_tokens": [3, 1], "renormalize_logits": True},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    recorded = json.loads(out.read_text()) if out.exists() else {"saved": {}}
    recorded["sources"] = {name: json.dumps(source) for name, source in CASES.items()}
    saved = {}
    for name, source in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "generation_config.json")
            path.write_text(json.dumps(source))
            GenerationConfig.from_pretrained(folder).save_pretrained(folder)
            saved[name] = path.read_text()
    recorded["saved"][transformers.__version__] = saved
    out.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
